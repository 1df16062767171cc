# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Starts the services, each only if it does not run already.

start_memcached() { start memcached "$MEMCACHED_PORT" memcached -u nobody -l "$HOST_IP" -p "$MEMCACHED_PORT" -U 0 -m 64; }

start_rabbit() {
  start epmd "$EPMD_PORT" epmd -address "$HOST_IP" -port "$EPMD_PORT"
  # No busy waiting of Erlang's schedulers: it would eat a core of the machine.
  start rabbit "$AMQP_PORT" env HOME="$STATE_DIR/rabbit" \
    ERL_EPMD_PORT="$EPMD_PORT" ERL_EPMD_ADDRESS="$HOST_IP" \
    RABBITMQ_CONF_ENV_FILE="$CONFIG_DIR/rabbit/env.conf" RABBITMQ_CONFIG_FILE="$CONFIG_DIR/rabbit/rabbitmq.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$CONFIG_DIR/rabbit/plugins" RABBITMQ_NODENAME=multinic@localhost \
    RABBITMQ_MNESIA_BASE="$STATE_DIR/rabbit/mnesia" RABBITMQ_LOG_BASE="$LOG_DIR" RABBITMQ_LOGS="$LOG_DIR/rabbit-broker.log" \
    RABBITMQ_DIST_PORT="$ERLANG_PORT" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none" \
    /usr/lib/rabbitmq/bin/rabbitmq-server
}

start_uwsgi() { # start_uwsgi SERVICE PORT PROCESSES THREADS PROGRAM VARIABLE=VALUE
  start "$1" "$2" env "$6" uwsgi --plugin python3 --http-socket "$HOST_IP:$2" --master --lazy-apps --need-app \
    --die-on-term --enable-threads --thunder-lock --no-orphans --add-header "Connection: close" \
    --buffer-size 65535 --listen 100 --processes "$3" --threads "$4" \
    ${MULTINIC_OPENSTACK_HARAKIRI:+--harakiri "$MULTINIC_OPENSTACK_HARAKIRI"} --wsgi-file "$5"
}

start_keystone() {
  start_uwsgi keystone "$KEYSTONE_PORT" 2 2 /usr/bin/keystone-wsgi-public OS_KEYSTONE_CONFIG_DIR="$CONFIG_DIR/keystone"
  wait_for keystone 60 http_answers "$KEYSTONE_URL"
}

bootstrap_catalog() {
  ! done_already catalog || return 0
  run_python bootstrap.py
  mark_done catalog
}

start_apis() {
  local neutron_files="--config-file $CONFIG_DIR/neutron/neutron.conf --config-file $CONFIG_DIR/neutron/ml2_conf.ini"
  wait_for rabbit 90 port_answers "$AMQP_PORT"
  start_uwsgi placement "$PLACEMENT_PORT" 1 4 /usr/bin/placement-api OS_PLACEMENT_CONFIG_DIR="$CONFIG_DIR/placement"
  start glance "$GLANCE_PORT" "$PYTHON" "$PACKAGE_DIR/usr/bin/glance-api" --config-file "$CONFIG_DIR/glance/glance-api.conf"
  start neutron "$NEUTRON_PORT" "$PYTHON" "$PACKAGE_DIR/usr/bin/neutron-server" $neutron_files
  start_nova conductor -
  start_nova scheduler -
  start_nova api "$NOVA_PORT"
  wait_for placement 60 http_answers "$PLACEMENT_URL/"
  wait_for glance 60 http_answers "$GLANCE_URL/"
  wait_for nova-api 90 http_answers "http://$HOST_IP:$NOVA_PORT/"
  wait_for neutron 90 http_answers "$NEUTRON_URL/"
}

start_nova() { # start_nova PART PORT|-
  start "nova-$1" "$2" "$PYTHON" "$PACKAGE_DIR/usr/bin/nova-$1" --config-file "$CONFIG_DIR/nova/nova.conf" \
    --log-file "$LOG_DIR/nova-$1.log"
}

start_compute() {
  start nova-compute - env KNOB_DIR="$KNOB_DIR" "$PYTHON" "$SCRIPT_DIR/lib/nova_compute.py" \
    --config-file "$CONFIG_DIR/nova/nova-compute.conf" --log-file "$LOG_DIR/nova-compute.log"
  start l2agent - env KNOB_DIR="$KNOB_DIR" HYPERVISOR="$HYPERVISOR" "$PYTHON" "$SCRIPT_DIR/lib/l2agent.py" \
    --config-file "$CONFIG_DIR/neutron/neutron.conf" --config-file "$CONFIG_DIR/neutron/ml2_conf.ini" \
    --log-file "$LOG_DIR/l2agent.log"
  run_python ready.py
  done_already host-mapping && return 0
  nova_manage cell_v2 discover_hosts > "$LOG_DIR/setup-discover.log" 2>&1
  mark_done host-mapping
}
