#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# seed.sh [N]: users, projects, networks, image, flavor and servers test-vm-1..N
# (default 20); writes openrc, openrc-appcred and clouds.yaml. Makes only what is missing.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$SCRIPT_DIR/lib/processes.sh"
run_python seed.py "${1:-20}"
