# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""A small client of the laboratory's services, shared by the scripts here."""
import os
import time

from keystoneauth1 import session
from keystoneauth1.identity import v3


class Cloud:
    """One user in one project: cloud.get('network', '/v2.0/ports') -> dict.

    An answer of 400 or above raises keystoneauth1.exceptions.HttpError.
    """

    def __init__(self, user, password, project):
        self.session = session.Session(auth=v3.Password(
            os.environ['KEYSTONE_URL'], username=user, password=password, project_name=project,
            user_domain_name='Default', project_domain_name='Default'))

    def request(self, method, service, path, **kwargs):
        return self.session.request(
            path, method, endpoint_filter={'service_type': service, 'interface': 'public'}, **kwargs)

    def _json(self, method, service, path, body=None):
        answer = self.request(method, service, path, json=body)
        return answer.json() if answer.content else None

    def get(self, service, path):
        return self._json('GET', service, path)

    def post(self, service, path, body):
        return self._json('POST', service, path, body)

    def put(self, service, path, body=None):
        return self._json('PUT', service, path, body)

    def patch(self, service, path, body):
        return self._json('PATCH', service, path, body)


def admin():
    return Cloud('admin', os.environ['ADMIN_PASSWORD'], 'admin')


def wait(condition, seconds, what, step=0.2):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit('timed out after %s s: %s' % (seconds, what))
        time.sleep(step)
