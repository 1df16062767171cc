#!/usr/bin/python3
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
"""nova-compute with the stock FakeDriver, plus three things for tests.

LabDriver is nova.virt.fake.FakeDriver with
* knobs, read from files in $KNOB_DIR at every call (absent file: off):
    spawn_delay, attach_delay, detach_delay   seconds
    spawn_fail, attach_fail, detach_fail      file exists: the call fails
* a server's vifs forgotten when it is destroyed (the stock driver keeps them
  and then refuses a later attach of the same, preserved port);
* detach of a vif that the driver does not know (after a restart of this
  process) accepted: a real hypervisor would have kept it.
"""
import os
import sys
import time

from nova.cmd import compute  # first: it monkey-patches for eventlet
from nova import exception
from nova.virt import fake

KNOB_DIR = os.environ['KNOB_DIR']


def seconds(knob):
    try:
        with open(os.path.join(KNOB_DIR, knob)) as f:
            return float(f.read().strip() or 0)
    except (OSError, ValueError):
        return 0.0


def is_set(knob):
    return os.path.exists(os.path.join(KNOB_DIR, knob))


class LabDriver(fake.FakeDriver):
    def spawn(self, context, instance, *args, **kwargs):
        time.sleep(seconds('spawn_delay'))
        if is_set('spawn_fail'):
            raise exception.InstanceDeployFailure('lab: spawn_fail is set')
        return super().spawn(context, instance, *args, **kwargs)

    def destroy(self, context, instance, network_info, *args, **kwargs):
        for vif in network_info or []:
            self._interfaces.pop(vif['id'], None)
        return super().destroy(context, instance, network_info, *args, **kwargs)

    def attach_interface(self, context, instance, image_meta, vif):
        time.sleep(seconds('attach_delay'))
        if is_set('attach_fail'):
            raise exception.InterfaceAttachFailed(instance_uuid=instance.uuid)
        return super().attach_interface(context, instance, image_meta, vif)

    def detach_interface(self, context, instance, vif):
        time.sleep(seconds('detach_delay'))
        if is_set('detach_fail'):
            raise exception.InterfaceDetachFailed(instance_uuid=instance.uuid)
        self._interfaces.pop(vif['id'], None)


fake.LabDriver = LabDriver  # nova.conf: compute_driver = fake.LabDriver

if __name__ == '__main__':
    sys.exit(compute.main())
