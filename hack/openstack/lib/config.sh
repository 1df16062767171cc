# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Writes every service's configuration into $CONFIG_DIR, anew at each start, so
# that a changed setting takes effect when its service starts next.

write_config() {
  mkdir -p "$CONFIG_DIR"/{keystone,placement,glance,neutron,nova,rabbit}
  mariadb_config > "$CONFIG_DIR/my.cnf"
  keystone_config > "$CONFIG_DIR/keystone/keystone.conf"
  placement_config > "$CONFIG_DIR/placement/placement.conf"
  glance_config > "$CONFIG_DIR/glance/glance-api.conf"
  neutron_config > "$CONFIG_DIR/neutron/neutron.conf"
  ml2_config > "$CONFIG_DIR/neutron/ml2_conf.ini"
  nova_config > "$CONFIG_DIR/nova/nova.conf"
  # nova-compute refuses to start with access to a database: the same file without those sections
  awk '/^\[/ { skip = ($0 == "[database]" || $0 == "[api_database]") } !skip' \
    "$CONFIG_DIR/nova/nova.conf" > "$CONFIG_DIR/nova/nova-compute.conf"
  rabbit_config > "$CONFIG_DIR/rabbit/rabbitmq.conf"
  : > "$CONFIG_DIR/rabbit/env.conf"
  echo '[].' > "$CONFIG_DIR/rabbit/plugins"
  (umask 077 && admin_openrc > "$STATE_DIR/openrc-admin")
}

database_url() { echo "mysql+pymysql://openstack:$ADMIN_PASSWORD@$HOST_IP:$MARIADB_PORT/$1?charset=utf8"; }

amqp_url() { echo "rabbit://guest:guest@$HOST_IP:$AMQP_PORT/"; }

credentials_of() { # credentials_of SERVICE-USER: options of keystoneauth
  cat <<END
www_authenticate_uri = http://$HOST_IP:$KEYSTONE_PORT
auth_url = $KEYSTONE_URL
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = $1
password = $ADMIN_PASSWORD
region_name = RegionOne
END
}

token_section() { # token_section SERVICE-USER: how a service checks its callers' tokens
  cat <<END
[keystone_authtoken]
$(credentials_of "$1")
token_cache_time = $MULTINIC_OPENSTACK_TOKEN_CACHE
service_token_roles = service
service_token_roles_required = true
END
}

messaging_sections() {
  cat <<END
[oslo_messaging_rabbit]
heartbeat_timeout_threshold = 60
kombu_reconnect_delay = 0.5
[oslo_concurrency]
lock_path = $STATE_DIR/lock
END
}

mariadb_config() { # durability is given up for speed: the data is throw-away
  cat <<END
[mariadbd]
user = $(id -un)
bind-address = $HOST_IP
port = $MARIADB_PORT
socket = $RUN_DIR/mariadb.sock
pid-file = $STATE_DIR/mariadb-tmp/mariadb.pid
datadir = $STATE_DIR/mariadb
tmpdir = $STATE_DIR/mariadb-tmp
skip-name-resolve
skip-log-bin
max_connections = 1000
innodb_buffer_pool_size = 256M
innodb_flush_log_at_trx_commit = 0
innodb_doublewrite = 0
innodb_log_file_size = 64M
performance_schema = 0
character-set-server = utf8mb3
collation-server = utf8mb3_general_ci
END
}

keystone_config() { # memcached takes a token's validation from 200-370 ms to 20-80 ms
  cat <<END
[DEFAULT]
log_file = $LOG_DIR/keystone.log
[database]
connection = $(database_url keystone)
[token]
provider = fernet
expiration = $MULTINIC_OPENSTACK_TOKEN_TTL
[identity]
password_hash_rounds = $MULTINIC_OPENSTACK_BCRYPT_ROUNDS
[fernet_tokens]
key_repository = $STATE_DIR/keystone/fernet-keys
[fernet_receipts]
key_repository = $STATE_DIR/keystone/fernet-keys
[credential]
key_repository = $STATE_DIR/keystone/credential-keys
[cache]
enabled = true
backend = oslo_cache.memcache_pool
memcache_servers = $HOST_IP:$MEMCACHED_PORT
END
}

placement_config() {
  cat <<END
[DEFAULT]
log_file = $LOG_DIR/placement.log
[placement_database]
connection = $(database_url placement)
[api]
auth_strategy = keystone
$(token_section placement)
END
}

glance_config() {
  cat <<END
[DEFAULT]
bind_host = $HOST_IP
bind_port = $GLANCE_PORT
workers = 1
log_file = $LOG_DIR/glance-api.log
enabled_backends = fs:file
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = $STATE_DIR/glance/images
[os_glance_staging_store]
filesystem_store_datadir = $STATE_DIR/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = $STATE_DIR/glance/tasks
[database]
connection = $(database_url glance)
[paste_deploy]
flavor = keystone
config_file = $PACKAGE_DIR/usr/share/glance-common/glance-api-paste.ini
$(token_section glance)
[oslo_concurrency]
lock_path = $STATE_DIR/lock
END
}

neutron_config() {
  cat <<END
[DEFAULT]
bind_host = $HOST_IP
bind_port = $NEUTRON_PORT
api_workers = 2
rpc_workers = 1
rpc_state_report_workers = 0
state_path = $STATE_DIR/neutron
log_file = $LOG_DIR/neutron-server.log
transport_url = $(amqp_url)
auth_strategy = keystone
core_plugin = ml2
service_plugins = router,qos,trunk
api_paste_config = $PACKAGE_DIR/usr/share/neutron-common/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
agent_down_time = 75
[database]
connection = $(database_url neutron)
max_pool_size = 20
max_overflow = 50
$(token_section neutron)
[nova]
$(credentials_of nova)
[placement]
$(credentials_of placement)
[agent]
report_interval = 15
root_helper =
$(messaging_sections)
END
}

ml2_config() { # openvswitch as in production; lib/l2agent.py stands in for the agent
  cat <<END
[ml2]
type_drivers = flat,vlan,vxlan,local
tenant_network_types = vxlan
mechanism_drivers = openvswitch
extension_drivers = port_security,qos
[ml2_type_vxlan]
vni_ranges = 1:100000
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:3999
[ml2_type_flat]
flat_networks = *
[securitygroup]
enable_security_group = true
firewall_driver = openvswitch
END
}

nova_config() { # fake.LabDriver is defined by lib/nova_compute.py
  cat <<END
[DEFAULT]
my_ip = $HOST_IP
host = $HYPERVISOR
state_path = $STATE_DIR/nova
transport_url = $(amqp_url)
enabled_apis = osapi_compute
osapi_compute_listen = $HOST_IP
osapi_compute_listen_port = $NOVA_PORT
osapi_compute_workers = 2
compute_driver = fake.LabDriver
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
max_concurrent_builds = 20
instance_usage_audit = false
[wsgi]
api_paste_config = $PACKAGE_DIR/usr/share/nova-common/api-paste.ini
[api]
auth_strategy = keystone
[conductor]
workers = 1
[scheduler]
workers = 1
[cinder]
catalog_info = volumev3::publicURL
[api_database]
connection = $(database_url nova_api)
max_pool_size = 20
max_overflow = 50
[database]
connection = $(database_url nova)
max_pool_size = 20
max_overflow = 50
$(token_section nova)
[service_user]
send_service_user_token = true
$(credentials_of nova)
[neutron]
$(credentials_of neutron)
[placement]
$(credentials_of placement)
[glance]
$(credentials_of glance)
[key_manager]
backend = nova.keymgr.conf_key_mgr.ConfKeyManager
$(messaging_sections)
END
}

rabbit_config() {
  cat <<END
listeners.tcp.1 = $HOST_IP:$AMQP_PORT
loopback_users = none
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
log.file.level = warning
END
}

admin_openrc() {
  cat <<END
export OS_AUTH_URL=$KEYSTONE_URL OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=RegionOne
export OS_USERNAME=admin OS_PASSWORD=$ADMIN_PASSWORD OS_PROJECT_NAME=admin
export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default
END
}
