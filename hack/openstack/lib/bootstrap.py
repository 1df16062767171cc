#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the service project, the service users, the roles and the catalogue."""
import os

import cloud

ENDPOINTS = (
    ('compute', 'nova', os.environ['NOVA_URL']),
    ('network', 'neutron', os.environ['NEUTRON_URL']),
    ('placement', 'placement', os.environ['PLACEMENT_URL']),
    ('image', 'glance', os.environ['GLANCE_URL']),
)


def ensure(api, kind, name, **attributes):
    plural = kind + 's'
    found = api.get('identity', '/%s?name=%s' % (plural, name))[plural]
    if found:
        return found[0]['id']
    return api.post('identity', '/' + plural, {kind: dict(attributes, name=name)})[kind]['id']


def make_service_users(api):
    project = ensure(api, 'project', 'service', domain_id='default')
    roles = {name: ensure(api, 'role', name) for name in ('admin', 'service', 'member', 'reader')}
    for service in ('nova', 'neutron', 'placement', 'glance'):
        user = ensure(api, 'user', service, password=os.environ['ADMIN_PASSWORD'], domain_id='default')
        for role in ('admin', 'service'):
            api.put('identity', '/projects/%s/users/%s/roles/%s' % (project, user, roles[role]))


def make_catalogue(api):
    services = {s['type']: s['id'] for s in api.get('identity', '/services')['services']}
    known = {(e['service_id'], e['interface']) for e in api.get('identity', '/endpoints')['endpoints']}
    for service_type, name, url in ENDPOINTS:
        service = services.get(service_type) or api.post(
            'identity', '/services', {'service': {'type': service_type, 'name': name}})['service']['id']
        for interface in ('public', 'internal', 'admin'):
            if (service, interface) not in known:
                api.post('identity', '/endpoints', {'endpoint': {
                    'service_id': service, 'interface': interface, 'region_id': 'RegionOne', 'url': url}})


if __name__ == '__main__':
    admin = cloud.admin()
    make_service_users(admin)
    make_catalogue(admin)
