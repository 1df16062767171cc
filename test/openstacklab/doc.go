// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openstacklab finds, in a real cloud of the user's clouds.yaml, what the
// demo can show; it only reads. Its tests with the build tag openstack run the
// controller against the cloud that the usual OS_* variables name; make
// test-openstack starts one.
package openstacklab
