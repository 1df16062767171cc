#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Ends exactly the processes that up.sh recorded. With --wipe it also removes the
# state (databases, logs, credentials); the unpacked packages are kept.
set -uo pipefail
. "$(dirname "$0")/env.sh"
. "$SCRIPT_DIR/lib/processes.sh"

stop_all() { # stop_all SERVICE...: side by side, as each takes seconds to end by itself
  local service
  for service in "$@"; do
    is_alive "$service" && { stop "$service"; echo "$service stopped"; } &
  done
  wait
}

stop_all $OPENSTACK_SERVICES
stop_all $BACKING_SERVICES # last: the others want to say good-bye to them
if [ "${1:-}" = --wipe ] && [ -d "$STATE_DIR" ]; then
  [ -e "$STATE_DIR/.multinic-openstack" ] || { echo "$STATE_DIR was not made by up.sh: left alone" >&2; exit 1; }
  find "$STATE_DIR" -mindepth 1 -maxdepth 1 ! -name pkg -exec rm -rf {} +
fi
