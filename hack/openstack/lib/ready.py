#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""Waits until nova-compute and the L2 agent report themselves alive."""
import cloud

api = cloud.admin()


def compute_is_up():
    services = api.get('compute', '/os-services')['services']
    return any(s['binary'] == 'nova-compute' and s['state'] == 'up' for s in services)


def agent_is_alive():
    return any(a['alive'] for a in api.get('network', '/v2.0/agents')['agents'])


cloud.wait(compute_is_up, 90, 'nova-compute up')
cloud.wait(agent_is_alive, 90, 'L2 agent alive')
