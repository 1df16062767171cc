# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Settings of the OpenStack laboratory; sourced by every script in this folder.
# README.md lists the MULTINIC_OPENSTACK_* variables that may be set from outside.
# The passwords are throw-away values: everything listens on 127.0.0.1 alone.

SCRIPT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

MULTINIC_OPENSTACK_STATE=${MULTINIC_OPENSTACK_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/multinic/openstack}
MULTINIC_OPENSTACK_PORT_BASE=${MULTINIC_OPENSTACK_PORT_BASE:-}
MULTINIC_OPENSTACK_TOKEN_TTL=${MULTINIC_OPENSTACK_TOKEN_TTL:-3600}       # seconds a token lives
MULTINIC_OPENSTACK_TOKEN_CACHE=${MULTINIC_OPENSTACK_TOKEN_CACHE:-10}     # seconds a service trusts a token it has seen (upstream: 300)
MULTINIC_OPENSTACK_BCRYPT_ROUNDS=${MULTINIC_OPENSTACK_BCRYPT_ROUNDS:-12} # upstream's default; about 0.25 CPU s a password check
MULTINIC_OPENSTACK_NICE=${MULTINIC_OPENSTACK_NICE:-}                     # priority of each service's autogroup, -20 to 19; below 0 needs root
export MULTINIC_OPENSTACK_STATE MULTINIC_OPENSTACK_PORT_BASE

STATE_DIR=$MULTINIC_OPENSTACK_STATE
CONFIG_DIR=$STATE_DIR/etc     # generated configuration
LOG_DIR=$STATE_DIR/log
RUN_DIR=$STATE_DIR/run        # pid files, MariaDB's socket
KNOB_DIR=$STATE_DIR/knobs     # fault knobs, see fault.sh
PACKAGE_DIR=$STATE_DIR/pkg    # packages that are unpacked, not installed

HOST_IP=127.0.0.1
HYPERVISOR=lab-compute-1      # host name of the only compute node
ADMIN_PASSWORD=multinic-admin # admin, service users, MariaDB
USER_PASSWORD=multinic-secret # users multinic and stranger

if [ -z "$MULTINIC_OPENSTACK_PORT_BASE" ]; then
  # The public services have OpenStack's usual ports; what is behind them keeps
  # clear of a developer's own MariaDB, RabbitMQ, epmd and memcached.
  KEYSTONE_PORT=5000 NOVA_PORT=8774 PLACEMENT_PORT=8778 GLANCE_PORT=9292 NEUTRON_PORT=9696
  MARIADB_PORT=23306 AMQP_PORT=25672 ERLANG_PORT=45672 EPMD_PORT=24369 MEMCACHED_PORT=21211
else
  b=$MULTINIC_OPENSTACK_PORT_BASE
  KEYSTONE_PORT=$b NOVA_PORT=$((b + 1)) PLACEMENT_PORT=$((b + 2)) GLANCE_PORT=$((b + 3)) NEUTRON_PORT=$((b + 4))
  MARIADB_PORT=$((b + 5)) AMQP_PORT=$((b + 6)) ERLANG_PORT=$((b + 7)) EPMD_PORT=$((b + 8)) MEMCACHED_PORT=$((b + 9))
  unset b
fi
KEYSTONE_URL=http://$HOST_IP:$KEYSTONE_PORT/v3
NOVA_URL=http://$HOST_IP:$NOVA_PORT/v2.1
PLACEMENT_URL=http://$HOST_IP:$PLACEMENT_PORT
GLANCE_URL=http://$HOST_IP:$GLANCE_PORT
NEUTRON_URL=http://$HOST_IP:$NEUTRON_PORT
