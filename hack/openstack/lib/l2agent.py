#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""An Open vSwitch L2 agent without a switch, speaking neutron's real RPC.

It reports itself alive for one host, so that ML2's openvswitch mechanism driver
binds ports there, and for each bound port does what the OVS agent does:
get_device_details (port status BUILD), wait, update_device_up (ACTIVE, upon
which neutron sends nova network-vif-plugged).

Knobs, read from files in $KNOB_DIR at each port: l2_delay (seconds, default 0.5)
and l2_pause (file exists: ports stay DOWN or BUILD until it is gone).
"""
import os
import sys

from neutron.common import eventlet_utils
eventlet_utils.monkey_patch()

import eventlet  # noqa: E402
from neutron.agent import rpc as agent_rpc  # noqa: E402
from neutron.common import config  # noqa: E402
from neutron.conf.agent import common as agent_config  # noqa: E402
from neutron_lib import constants  # noqa: E402
from neutron_lib import context as neutron_context  # noqa: E402
from neutron_lib.agent import topics  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_log import log  # noqa: E402
import oslo_messaging  # noqa: E402

LOG = log.getLogger('l2agent')
KNOB_DIR = os.environ['KNOB_DIR']


def wiring_seconds():
    try:
        with open(os.path.join(KNOB_DIR, 'l2_delay')) as f:
            return float(f.read().strip() or 0)
    except (OSError, ValueError):
        return 0.5


def is_paused():
    return os.path.exists(os.path.join(KNOB_DIR, 'l2_pause'))


def agent_state(host):
    """What neutron-openvswitch-agent reports of itself."""
    return {
        'binary': 'neutron-openvswitch-agent',
        'host': host,
        'topic': constants.L2_AGENT_TOPIC,
        'agent_type': constants.AGENT_TYPE_OVS,
        'start_flag': True,
        'configurations': {
            'bridge_mappings': {'physnet1': 'br-ex'},
            'tunnel_types': ['vxlan'],
            'tunneling_ip': '127.0.0.1',
            'l2_population': False,
            'arp_responder_enabled': False,
            'enable_distributed_routing': False,
            'extensions': [],
            'integration_bridge': 'br-int',
            'datapath_type': 'system',
            'ovs_capabilities': {'datapath_types': ['system'], 'iface_types': ['system']},
            'vhostuser_socket_dir': '/var/run/openvswitch',
            'ovs_hybrid_plug': False,
            'devices': 0,
            'in_distributed_mode': False,
        },
    }


class Agent:
    target = oslo_messaging.Target(version='1.4')

    def __init__(self, host):
        self.host = host
        self.id = 'ovs-agent-%s' % host
        self.context = neutron_context.get_admin_context_without_session()
        self.plugin = agent_rpc.PluginApi(topics.PLUGIN)
        self.reports = agent_rpc.PluginReportStateAPI(topics.REPORTS)
        self.pool = eventlet.GreenPool(32)
        self.busy = set()   # ports that are being wired
        self.again = set()  # of those, the ones that changed meanwhile
        self.state = agent_state(host)

    def run(self):
        while True:
            try:
                self.reports.report_state(self.context, self.state, True)
                if self.state.pop('start_flag', None):
                    LOG.info('agent for %s is known to neutron', self.host)
                    self._resync()
            except Exception as e:  # the bus or neutron is away: report again later
                LOG.warning('report_state: %s', e)
            eventlet.sleep(cfg.CONF.AGENT.report_interval)

    def _resync(self):
        for port in self.plugin.get_ports_by_vnic_type_and_host(self.context, 'normal', self.host):
            if port.get('status') != 'ACTIVE':
                self._wire_soon(port['id'])

    # Called by neutron over RPC; the names are the protocol's.
    def port_update(self, context, **kwargs):
        port = kwargs.get('port') or {}
        if (port.get('binding:host_id') == self.host and port.get('binding:vif_type') == 'ovs'
                and port.get('status') != 'ACTIVE'):
            self._wire_soon(port['id'])

    def port_delete(self, context, **kwargs):
        pass

    def network_update(self, context, **kwargs):
        pass

    def _wire_soon(self, port_id):
        if port_id in self.busy:
            self.again.add(port_id)
            return
        self.busy.add(port_id)
        self.pool.spawn_n(self._wire, port_id)

    def _wire(self, port_id):
        try:
            details = self.plugin.get_device_details(self.context, port_id, self.id, self.host)
            if 'port_id' not in details:  # deleted or unbound meanwhile
                return
            eventlet.sleep(wiring_seconds())
            while is_paused():
                eventlet.sleep(0.5)
            if details.get('admin_state_up', True):
                self.plugin.update_device_up(self.context, port_id, self.id, self.host)
        except Exception as e:
            LOG.warning('port %s: %s', port_id, e)
        finally:
            self.busy.discard(port_id)
            if port_id in self.again:
                self.again.discard(port_id)
                self._wire_soon(port_id)


def main():
    config.register_common_config_options()
    agent_config.register_agent_state_opts_helper(cfg.CONF)
    config.init(sys.argv[1:])
    config.setup_logging()
    agent = Agent(os.environ['HYPERVISOR'])
    consumers = [[topics.PORT, topics.UPDATE], [topics.PORT, topics.DELETE], [topics.NETWORK, topics.UPDATE]]
    agent_rpc.create_consumers([agent], topics.AGENT, consumers, start_listening=False).consume_in_threads()
    agent.run()


if __name__ == '__main__':
    main()
