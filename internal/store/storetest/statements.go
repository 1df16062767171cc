// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package storetest

// The statements of the two public node agents, word for word. They are not
// ours to change.
const (
	AgentMRead = `SELECT mi.id, mi.macaddress, mi.attached_node_name, mi.netplan_success, mi.address, mi.mtu, ms.cidr FROM multi_interface mi
 LEFT JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id WHERE mi.attached_node_name = ?;`
	AgentMWrite = `UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() WHERE id = ?;`
	AgentGRead  = `SELECT mi.id, mi.port_id, n.attached_node_id, n.attached_node_name, mi.macaddress, ms.subnet_id, ms.subnet_name, ms.cidr, ms.network_id,
 mi.cr_namespace, mi.cr_name, mi.netplan_success, mi.status, mi.created_at, mi.modified_at FROM multi_interface mi
 JOIN node_table n ON mi.attached_node_id = n.attached_node_id JOIN multi_subnet ms ON mi.subnet_id = ms.subnet_id
 WHERE n.attached_node_name = ? AND mi.status='active' AND n.status='active' AND ms.status='active' ORDER BY ms.subnet_name;`
	AgentGWrite = `UPDATE multi_interface SET netplan_success = ?, modified_at = NOW() WHERE port_id = ?;`
)

// NotForAgents are statements that the agents' account, called agent, is refused.
var NotForAgents = []string{
	"UPDATE multi_interface SET attached_node_name = NULL",
	"UPDATE multi_interface SET status = 'deleted'",
	"UPDATE multi_subnet SET cidr = '10.0.0.0/8'",
	"UPDATE node_table SET status = 'deleted'",
	"DELETE FROM multi_interface",
	"INSERT INTO multi_subnet SELECT * FROM multi_subnet",
	"DROP TABLE multi_interface",
	"RENAME TABLE multi_interface TO mine",
	"CREATE TABLE mine (id INT)",
	"SELECT * FROM cr_state", "SELECT * FROM multi_claim", "SELECT * FROM multi_history", "SELECT * FROM multi_epoch",
	"SELECT * FROM multi_pending", "SELECT * FROM multi_identity", "SELECT * FROM multi_primary", "SELECT * FROM multi_schema_version",
	"SELECT * FROM mysql.user",
	"GRANT SELECT ON multi_interface TO agent@'%'",
	"CREATE USER other",
}
