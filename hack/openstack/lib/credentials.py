# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the ways to log in: openrc, openrc-appcred and clouds.yaml."""
import os

OPENRC = '''\
export OS_AUTH_URL={url} OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=RegionOne
export OS_USERNAME=multinic OS_PASSWORD={password} OS_PROJECT_NAME=k8s
export OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default
'''

OPENRC_APPLICATION_CREDENTIAL = '''\
export OS_AUTH_URL={url} OS_AUTH_TYPE=v3applicationcredential OS_REGION_NAME=RegionOne
export OS_APPLICATION_CREDENTIAL_ID={id}
export OS_APPLICATION_CREDENTIAL_SECRET={secret}
'''

CLOUDS = '''\
clouds:
  multinic:
    region_name: RegionOne
    auth:
      auth_url: {url}
      username: multinic
      password: {password}
      project_name: k8s
      user_domain_name: Default
      project_domain_name: Default
  multinic-appcred:
    region_name: RegionOne
    auth_type: v3applicationcredential
    auth:
      auth_url: {url}
      application_credential_id: {id}
      application_credential_secret: {secret}
  multinic-admin:
    region_name: RegionOne
    auth:
      auth_url: {url}
      username: admin
      password: {admin_password}
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
'''


def write_credentials(application_credential, secret):
    values = {
        'url': os.environ['KEYSTONE_URL'],
        'password': os.environ['USER_PASSWORD'],
        'admin_password': os.environ['ADMIN_PASSWORD'],
        'id': application_credential,
        'secret': secret,
    }
    for name, template in (('openrc', OPENRC), ('openrc-appcred', OPENRC_APPLICATION_CREDENTIAL),
                           ('clouds.yaml', CLOUDS)):
        path = os.path.join(os.environ['STATE_DIR'], name)
        with open(path + '.new', 'w', opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(template.format(**values))
        os.rename(path + '.new', path)  # a reader never sees half a file
