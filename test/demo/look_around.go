// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// lookAround tells how to go on by hand.
func (s *story) lookAround(out *screen) {
	out.section("Look around; Ctrl-C ends it all")
	out.print(s.commands()...)
}

// commands are what can be typed into another terminal, word for word.
func (s *story) commands() []string {
	lines := []string{
		"  Kubernetes:",
		"    export KUBECONFIG=" + s.plane.Kubeconfig,
		"    kubectl get osc; kubectl describe osc " + s.object.Name + "; kubectl edit osc " + s.object.Name,
		"  The plugin:",
		"    make build; bin/kubectl-multinic status; bin/kubectl-multinic next; bin/kubectl-multinic trigger " + s.object.Name + " --wait",
		"  MariaDB, as the controller and as an agent:",
		"    mariadb --socket=" + s.db.server.Socket + " \\",
		"      --user=" + s.db.owner.user + " --password=" + s.db.owner.password + " " + databaseName,
		"    mariadb --socket=" + s.db.server.Socket + " \\",
		"      --user=" + s.db.agents.user + " --password=" + s.db.agents.password + " " + databaseName,
	}
	if s.sim != nil {
		lines = append(lines,
			"  The simulated cloud, where python3-openstackclient is installed:",
			"    export OS_CLIENT_CONFIG_FILE="+s.cloudsYAML,
			"    openstack --os-cloud=openstack port list; openstack --os-cloud=openstack subnet list",
			"    (its servers are test-vm-1, test-vm-2 and so on; there is no image service, which openstack server list wants)")
	}
	return append(lines,
		"  The controller:",
		"    tail -f "+s.controller.logFile,
		"    curl http://"+s.controller.address+"/healthz; curl -s http://"+s.controller.address+"/metrics | grep ^multinic_",
		"  The trigger webhook (docs/how-to/call-the-webhook.md), once reconcileTrigger.webhook.enabled is true:",
		"    URL=http://"+s.controller.webhook,
	)
}

func splitLines(text string) []string { return strings.Split(strings.TrimRight(text, "\n"), "\n") }
