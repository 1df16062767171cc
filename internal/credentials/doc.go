// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package credentials turns an OpenstackConfig's spec.credentials, and the
// Secret that it names, into openstack.Credentials.
//
// A clouds.yaml comes from whoever may write a Secret, so it is read into
// gophercloud's types but not by gophercloud's Parse: that reads files (cacert,
// cert, key, clouds-public.yaml) and environment variables of this process,
// and panics on a cloud without auth. Nothing here touches either.
//
// No error quotes a value of a Secret other than the names of its clouds.
package credentials
