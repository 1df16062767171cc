#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""fault.py revoke-user NAME | quota PROJECT PORTS: the faults that go through an API."""
import sys

import cloud


def revoke_user(api, name):
    user = api.get('identity', '/users?name=' + name)['users'][0]['id']
    for enabled in (False, True):
        api.patch('identity', '/users/' + user, {'user': {'enabled': enabled}})


def set_port_quota(api, name, ports):
    project = api.get('identity', '/projects?name=' + name)['projects'][0]['id']
    api.put('network', '/v2.0/quotas/' + project, {'quota': {'port': int(ports)}})


if __name__ == '__main__':
    {'revoke-user': revoke_user, 'quota': set_port_quota}[sys.argv[1]](cloud.admin(), *sys.argv[2:])
