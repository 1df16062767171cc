#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Breaks the running laboratory in chosen ways; README.md tells what a client sees.
#
#   fault.sh status                what runs, which knobs are set
#   fault.sh stop SERVICE          end it: connection refused
#   fault.sh start                 start whatever is not running (up.sh)
#   fault.sh freeze SERVICE        SIGSTOP to all its processes: connections hang, none is refused
#   fault.sh thaw SERVICE          SIGCONT
#   fault.sh blip SERVICE SECONDS  freeze, wait, thaw
#   fault.sh rotate-keys           replace keystone's fernet keys: every token dies at once
#   fault.sh revoke-user NAME      disable and enable a user: its tokens die, its password works
#   fault.sh knob NAME [VALUE]     set a knob of the hypervisor or the L2 agent
#   fault.sh unknob NAME|all       remove it
#   fault.sh quota PROJECT PORTS   neutron's port quota (-1: none)
#   fault.sh harakiri SECONDS      restart keystone so that it kills workers whose request takes longer (0: off)
#   fault.sh break-cell            nova's only cell loses its database (fix-cell: gets it back); restarts nova-api
#
# SERVICE: mariadb memcached rabbit keystone placement glance neutron nova-api
#          nova-conductor nova-scheduler nova-compute l2agent
set -euo pipefail
. "$(dirname "$0")/env.sh"
for part in processes config schemas services; do . "$SCRIPT_DIR/lib/$part.sh"; done

usage() {
  sed -n '/^# Breaks/,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
  exit 2
}

status() {
  local service pid
  for service in $OPENSTACK_SERVICES $BACKING_SERVICES; do
    if is_alive "$service"; then
      read -r pid _ < "$RUN_DIR/$service.pid"
      echo "up    $service  $(ps -o stat= -s "$pid" | tr -d '\n')"
    else
      echo "down  $service"
    fi
  done
  ls "$KNOB_DIR" | sed 's/^/knob  /'
}

signal() { # signal SIGNAL SERVICE: to all processes of its session
  local pid
  is_alive "$2" || { echo "$2 is not running" >&2; return 1; }
  read -r pid _ < "$RUN_DIR/$2.pid"
  kill "-$1" $(ps -o pid= -s "$pid")
}

rotate_keys() {
  rm -f "$STATE_DIR"/keystone/fernet-keys/*
  keystone_manage fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)" >> "$LOG_DIR/setup-keystone.log" 2>&1
  # keystone remembers tokens that it has validated; without this they would live on for 600 s
  exec 3<> "/dev/tcp/$HOST_IP/$MEMCACHED_PORT"
  printf 'flush_all\r\nquit\r\n' >&3
  cat <&3 > /dev/null
}

set_cell_database() { # set_cell_database NAME
  local cell
  cell=$(nova_manage cell_v2 list_cells 2> /dev/null | awk '$2 == "cell1" { print $4 }')
  # Without the bus's URL update_cell would take over nova.conf's database URL too.
  nova_manage cell_v2 update_cell --cell_uuid "$cell" --database_connection "$(database_url "$1")" \
    --transport-url "$(amqp_url)" 2> /dev/null
  # nova-api reads the mapping when it starts. Not up.sh: that waits for nova-compute, which needs the cell.
  stop nova-api
  start_nova api "$NOVA_PORT"
  wait_for nova-api 90 http_answers "http://$HOST_IP:$NOVA_PORT/"
}

need() { [ "$1" -ge "$2" ] || usage; } # need ARGUMENTS MINIMUM

need $# 1
case $1 in
  status) status ;;
  stop) need $# 2; stop "$2" ;;
  start) exec "$SCRIPT_DIR/up.sh" ;;
  freeze) need $# 2; signal STOP "$2" ;;
  thaw) need $# 2; signal CONT "$2" ;;
  blip) need $# 3; signal STOP "$2"; sleep "$3"; signal CONT "$2" ;;
  rotate-keys) rotate_keys ;;
  revoke-user) need $# 2; run_python fault.py revoke-user "$2" ;;
  quota) need $# 3; run_python fault.py quota "$2" "$3" ;;
  knob) need $# 2; echo "${3:-}" > "$KNOB_DIR/$2" ;;
  unknob) need $# 2; if [ "$2" = all ]; then rm -f "$KNOB_DIR"/*; else rm -f "$KNOB_DIR/$2"; fi ;;
  harakiri) need $# 2; stop keystone; export MULTINIC_OPENSTACK_HARAKIRI=${2#0}; exec "$SCRIPT_DIR/up.sh" ;;
  break-cell) set_cell_database nova_is_gone ;;
  fix-cell) set_cell_database nova ;;
  *) usage ;;
esac
