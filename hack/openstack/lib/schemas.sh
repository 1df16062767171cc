# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Databases and their schemas. What is done leaves a mark in the state folder,
# so that a start that was cut short goes on where it stopped.

done_already() { [ -e "$STATE_DIR/.done-$1" ]; }
mark_done() { touch "$STATE_DIR/.done-$1"; }

start_mariadb() {
  if ! done_already mariadb; then
    rm -rf "$STATE_DIR/mariadb"
    mariadb-install-db --no-defaults --datadir="$STATE_DIR/mariadb" --user="$(id -un)" \
      --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve > "$LOG_DIR/setup-mariadb.log" 2>&1
    mark_done mariadb
  fi
  start mariadb "$MARIADB_PORT" mariadbd --defaults-file="$CONFIG_DIR/my.cnf"
  wait_for mariadb 60 port_answers "$MARIADB_PORT"
}

create_databases() {
  ! done_already databases || return 0
  {
    for database in keystone placement glance neutron nova_api nova nova_cell0; do
      echo "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb3;"
    done
    for host in 127.0.0.1 localhost; do
      echo "CREATE USER IF NOT EXISTS openstack@'$host' IDENTIFIED BY '$ADMIN_PASSWORD';"
      echo "GRANT ALL ON *.* TO openstack@'$host';"
    done
  } | mariadb --no-defaults -u root -S "$RUN_DIR/mariadb.sock"
  mark_done databases
}

keystone_manage() { keystone-manage --config-file "$CONFIG_DIR/keystone/keystone.conf" "$@"; }
nova_manage() { "$PYTHON" "$PACKAGE_DIR/usr/bin/nova-manage" --config-file "$CONFIG_DIR/nova/nova.conf" "$@"; }

keystone_schema() {
  local user group
  user=$(id -un) group=$(id -gn)
  mkdir -p "$STATE_DIR/keystone"
  keystone_manage db_sync
  keystone_manage fernet_setup --keystone-user "$user" --keystone-group "$group"
  keystone_manage credential_setup --keystone-user "$user" --keystone-group "$group"
  keystone_manage bootstrap --bootstrap-password "$ADMIN_PASSWORD" --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$KEYSTONE_URL" --bootstrap-internal-url "$KEYSTONE_URL" --bootstrap-public-url "$KEYSTONE_URL"
}

placement_schema() {
  OS_PLACEMENT_CONFIG_DIR=$CONFIG_DIR/placement placement-manage --config-dir "$CONFIG_DIR/placement" db sync
}

glance_schema() {
  "$PYTHON" "$PACKAGE_DIR/usr/bin/glance-manage" --config-file "$CONFIG_DIR/glance/glance-api.conf" db_sync
}

neutron_schema() {
  "$PYTHON" "$PACKAGE_DIR/usr/bin/neutron-db-manage" --config-file "$CONFIG_DIR/neutron/neutron.conf" \
    --config-file "$CONFIG_DIR/neutron/ml2_conf.ini" upgrade heads
}

nova_schema() {
  nova_manage api_db sync
  nova_manage cell_v2 map_cell0 --database_connection "$(database_url nova_cell0)"
  nova_manage cell_v2 list_cells | grep -q cell1 || nova_manage cell_v2 create_cell --name cell1
  nova_manage db sync
}

# make_schemas SERVICE...: one after the other, each once
make_schemas() (
  set -e # of its own: a caller's "||" switches the outer one off
  for service in "$@"; do
    done_already "schema-$service" && continue
    "${service}_schema"
    mark_done "schema-$service"
  done
)

# All schemas, in three lanes of about equal length: two cores are busy until the end.
make_all_schemas() {
  local lane pids=() lanes=("keystone" "neutron" "placement glance nova") status=0
  for lane in "${lanes[@]}"; do
    make_schemas $lane > "$LOG_DIR/setup-${lane%% *}.log" 2>&1 &
    pids+=($!)
  done
  for i in "${!lanes[@]}"; do
    wait "${pids[$i]}" && continue
    status=1
    echo "schemas of ${lanes[$i]} failed:" >&2
    tail -n 20 "$LOG_DIR/setup-${lanes[$i]%% *}.log" >&2
  done
  return "$status"
}
