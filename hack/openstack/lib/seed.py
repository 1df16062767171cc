#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""seed.py N: fills the cloud with what tests need; makes only what is missing.

Project k8s with user multinic (a plain member), its networks, servers
test-vm-1..N and two servers named twin-vm; project other with user stranger and
a test-vm-1 of its own, which multinic must never see.
"""
import concurrent.futures
import os
import sys
import time
import urllib.parse

import cloud
from credentials import write_credentials

APPLICATION_CREDENTIAL_SECRET = 'multinic-appcred-secret'
SEEDED = ('test-vm-', 'twin-vm')  # how the names of our servers begin
BEGAN = time.monotonic()


def say(message):
    print('%7.1f s  %s' % (time.monotonic() - BEGAN, message), flush=True)


def find(api, service, path, key, name, **filters):
    """The objects of exactly this name: filters by name ignore case."""
    query = urllib.parse.urlencode(dict(filters, name=name))
    return [o for o in api.get(service, '%s?%s' % (path, query))[key] if o['name'] == name]


# --------------------------------------------------------------------- identity

def make_member(admin, project_name, user_name):
    """The ids of a project and of its member, both made if missing."""
    projects = find(admin, 'identity', '/projects', 'projects', project_name) or [
        admin.post('identity', '/projects', {'project': {
            'name': project_name, 'domain_id': 'default'}})['project']]
    project = projects[0]['id']
    users = find(admin, 'identity', '/users', 'users', user_name) or [
        admin.post('identity', '/users', {'user': {
            'name': user_name, 'domain_id': 'default', 'password': os.environ['USER_PASSWORD'],
            'default_project_id': project}})['user']]
    member = find(admin, 'identity', '/roles', 'roles', 'member')[0]['id']
    admin.put('identity', '/projects/%s/users/%s/roles/%s' % (project, users[0]['id'], member))
    return project, users[0]['id']


def lift_quotas(admin, project):
    admin.put('compute', '/os-quota-sets/' + project, {'quota_set': {
        'instances': -1, 'cores': -1, 'ram': -1, 'server_groups': -1, 'key_pairs': -1}})
    admin.put('network', '/v2.0/quotas/' + project, {'quota': {
        'port': -1, 'network': -1, 'subnet': -1, 'security_group': -1, 'security_group_rule': -1}})


def make_application_credentials(api, user):
    """The id of the plain one; an unrestricted and a reader's stand beside it."""
    path = '/users/%s/application_credentials' % user
    ids = {a['name']: a['id'] for a in api.get('identity', path)['application_credentials']}
    for name, attributes in (('multinic-ac', {}),
                             ('multinic-ac-unrestricted', {'unrestricted': True}),
                             ('multinic-ac-reader', {'roles': [{'name': 'reader'}]})):
        if name not in ids:
            made = api.post('identity', path, {'application_credential': dict(
                attributes, name=name, secret=APPLICATION_CREDENTIAL_SECRET)})
            ids[name] = made['application_credential']['id']
    return ids['multinic-ac']


# ---------------------------------------------------------------------- network

def make_network(api, name, **attributes):
    networks = find(api, 'network', '/v2.0/networks', 'networks', name) or [
        api.post('network', '/v2.0/networks', {'network': dict(attributes, name=name)})['network']]
    return networks[0]['id']


def make_subnet(api, network, name, cidr, ip_version=4, **attributes):
    if not find(api, 'network', '/v2.0/subnets', 'subnets', name, network_id=network):
        api.post('network', '/v2.0/subnets', {'subnet': dict(
            attributes, name=name, network_id=network, cidr=cidr, ip_version=ip_version)})


def make_networks(admin, me, stranger):
    """All of them; the ids of the servers' networks, of k8s and of the other project."""
    k8s = make_network(me, 'k8s-net')
    make_subnet(me, k8s, 'k8s-subnet', '10.10.0.0/16')
    make_subnet(me, make_network(me, 'internal-net'), 'internal-subnet', '10.20.0.0/16', gateway_ip=None)
    make_subnet(me, make_network(me, 'data-net'), 'data-subnet', '10.30.0.0/24',
                allocation_pools=[{'start': '10.30.0.10', 'end': '10.30.0.250'}])
    make_subnet(me, make_network(me, 'dup-net-a'), 'dup-subnet', '10.40.0.0/24')
    make_subnet(me, make_network(me, 'dup-net-b'), 'dup-subnet', '10.41.0.0/24')
    make_subnet(me, make_network(me, 'tiny-net'), 'tiny-subnet', '10.50.0.0/29', gateway_ip=None,
                enable_dhcp=False, allocation_pools=[{'start': '10.50.0.2', 'end': '10.50.0.3'}])
    two = make_network(me, 'two-net')
    make_subnet(me, two, 'two-subnet-a', '10.60.0.0/24')
    make_subnet(me, two, 'two-subnet-b', '10.61.0.0/24')
    dual = make_network(me, 'dual-net')
    make_subnet(me, dual, 'dual-subnet-v4', '10.70.0.0/24')
    make_subnet(me, dual, 'dual-subnet-v6', 'fd00:70::/64', ip_version=6,
                ipv6_ra_mode='slaac', ipv6_address_mode='slaac')
    shared = make_network(admin, 'shared-net', shared=True, **{
        'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1',
        'provider:segmentation_id': 200})
    make_subnet(admin, shared, 'shared-subnet', '10.80.0.0/24')
    other = make_network(stranger, 'other-net')
    make_subnet(stranger, other, 'other-subnet', '10.90.0.0/24')
    return k8s, other


# ---------------------------------------------------------------------- servers

def make_image(admin):
    images = admin.get('image', '/v2/images?name=tiny')['images']
    if images:
        return images[0]['id']
    image = admin.post('image', '/v2/images', {
        'name': 'tiny', 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'public'})['id']
    admin.request('PUT', 'image', '/v2/images/%s/file' % image, data=b'\0',
                  headers={'Content-Type': 'application/octet-stream'})
    return image


def make_flavor(admin):
    """One with a disk: nova lets only admins boot an image on a flavor without."""
    flavors = [f for f in admin.get('compute', '/flavors')['flavors'] if f['name'] == 'tiny'] or [
        admin.post('compute', '/flavors', {'flavor': {
            'name': 'tiny', 'vcpus': 1, 'ram': 64, 'disk': 1}})['flavor']]
    return flavors[0]['id']


def all_servers(api):
    servers, marker = [], ''
    while True:
        page = api.get('compute', '/servers/detail?limit=1000' + marker)['servers']
        servers += page
        if len(page) < 1000:
            return servers
        marker = '&marker=' + page[-1]['id']


class Booter:
    def __init__(self, image, flavor):
        self.server = {'imageRef': image, 'flavorRef': flavor}

    def boot(self, api, name, network, **attributes):
        api.post('compute', '/servers', {'server': dict(
            self.server, name=name, networks=[{'uuid': network}], **attributes)})


def delete_failed(api):
    """Those that an earlier run left in ERROR, so that they are made anew."""
    failed = [s['id'] for s in all_servers(api)
              if s['status'] == 'ERROR' and s['name'].startswith(SEEDED)]
    for server in failed:
        api.request('DELETE', 'compute', '/servers/' + server)
    cloud.wait(lambda: not set(failed) & {s['id'] for s in all_servers(api)}, 60, 'servers in ERROR deleted')


def make_servers(booter, me, stranger, k8s, other, count):
    names = [s['name'] for s in all_servers(me)]
    if count > 1 and not [n for n in names if n.startswith('test-vm-')]:
        # One request for all is the fastest; nova names them test-vm-1 to test-vm-N.
        booter.boot(me, 'test-vm', k8s, min_count=count, max_count=count)
        names = [s['name'] for s in all_servers(me)]
    wanted = ['test-vm-%d' % i for i in range(1, count + 1)]
    missing = [n for n in wanted if n not in names] + ['twin-vm'] * (2 - names.count('twin-vm'))
    with concurrent.futures.ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda name: booter.boot(me, name, k8s), missing))
    if not [s for s in all_servers(stranger) if s['name'] == 'test-vm-1']:
        booter.boot(stranger, 'test-vm-1', other)


def all_active(api):
    servers = [s for s in all_servers(api) if s['name'].startswith(SEEDED)]
    for s in servers:
        if s['status'] == 'ERROR':
            fault = api.get('compute', '/servers/' + s['id'])['server'].get('fault', {})
            raise SystemExit('%s is in ERROR: %s' % (s['name'], fault.get('message')))
    return all(s['status'] != 'BUILD' for s in servers)


def main(count):
    admin = cloud.admin()
    project, user = make_member(admin, 'k8s', 'multinic')
    make_member(admin, 'other', 'stranger')
    lift_quotas(admin, project)
    me = cloud.Cloud('multinic', os.environ['USER_PASSWORD'], 'k8s')
    stranger = cloud.Cloud('stranger', os.environ['USER_PASSWORD'], 'other')
    application_credential = make_application_credentials(me, user)
    say('users, projects, application credentials')
    k8s, other = make_networks(admin, me, stranger)
    say('networks, subnets')
    booter = Booter(make_image(admin), make_flavor(admin))
    say('image, flavor')
    delete_failed(me)
    delete_failed(stranger)
    make_servers(booter, me, stranger, k8s, other, count)
    say('servers asked for')
    cloud.wait(lambda: all_active(me) and all_active(stranger), 1200, 'servers ACTIVE', step=1)
    # Last, so that whoever finds the files finds the servers too.
    write_credentials(application_credential, APPLICATION_CREDENTIAL_SECRET)
    say('%d servers of project k8s are there' % len(all_servers(me)))


if __name__ == '__main__':
    main(int(sys.argv[1]))
