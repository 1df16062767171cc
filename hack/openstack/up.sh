#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Brings up a real OpenStack on 127.0.0.1. What is installed, initialised or
# running already is left alone. See README.md.
set -euo pipefail
. "$(dirname "$0")/env.sh"
for part in processes packages config schemas services; do . "$SCRIPT_DIR/lib/$part.sh"; done

now() { date +%s%N; }
step() { # step TITLE FUNCTION...: runs them, tells how long they took
  local title=$1 began function
  began=$(now)
  shift
  for function in "$@"; do "$function"; done
  printf '%7.1f s  %s\n' "$(($(now) - began))e-9" "$title"
}

mkdir -p "$CONFIG_DIR" "$LOG_DIR" "$RUN_DIR" "$KNOB_DIR" "$STATE_DIR"/{mariadb-tmp,rabbit,glance/images,nova/instances,neutron,lock}
touch "$STATE_DIR/.multinic-openstack" # what "down.sh --wipe" looks for before it deletes
exec 9> "$STATE_DIR/.up.lock"
flock 9                                # one at a time: a second caller finds everything done
ulimit -n 65536 2>/dev/null || true

began_all=$(now)
step "packages" install_packages unpack_packages
step "configuration" write_config
start_memcached
start_rabbit # takes long to open its port, which start_apis waits for
step "MariaDB" start_mariadb create_databases
step "schemas" make_all_schemas
step "keystone, service users, catalogue" start_keystone bootstrap_catalog
step "placement, glance, neutron, nova" start_apis
step "nova-compute and L2 agent report themselves" start_compute
printf '%7.1f s  in all; state in %s\n' "$(($(now) - began_all))e-9" "$STATE_DIR"
