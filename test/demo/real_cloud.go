// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/test/openstacklab"
)

// realCloud is a login and what to show of its project.
type realCloud struct {
	login openstacklab.Login
	found openstacklab.Choice
}

// findRealCloud looks the cloud up and chooses from it; nil where none is named.
func findRealCloud(ctx context.Context, out *screen, s settings) (*realCloud, error) {
	if s.cloud == "" {
		return nil, nil //nolint:nilnil // no cloud is what was asked for
	}
	out.section("Looking at your cloud")
	login, err := openstacklab.FindLogin(s.cloud)
	if err != nil {
		return nil, err
	}
	out.step("OpenStack", "reading the project of the cloud "+s.cloud+" in "+login.Path)
	r := &realCloud{login: login}
	if err := out.patiently("OpenStack", func() (err error) {
		r.found, err = login.Choose(ctx, s.vms, s.subnet)
		return err
	}); err != nil {
		return nil, fmt.Errorf("cloud %s of %s: %w", s.cloud, login.Path, err)
	}
	out.good("OpenStack", fmt.Sprintf("chosen: subnet %s, VMs %s", r.found.Subnet, strings.Join(r.found.VMs, ", ")))
	return r, nil
}

// useRealCloud plays with a cloud of the user's clouds.yaml: the OpenstackConfig
// gets its login from a Secret. The cloud is only read.
func (s *story) useRealCloud(real *realCloud) {
	s.vms = real.found.VMs
	s.object = types.NamespacedName{Namespace: "default", Name: "openstack-config"}
	s.declare = func(ctx context.Context) error {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.object.Namespace, Name: "openstack"}, Data: real.login.Data}
		object := &v1alpha1.OpenstackConfig{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.object.Namespace, Name: s.object.Name},
			Spec: v1alpha1.OpenstackConfigSpec{
				VMNames: real.found.VMs, SubnetName: real.found.SubnetRef,
				Credentials: v1alpha1.Credentials{SecretRef: &v1alpha1.LocalSecretReference{Name: secret.Name}, Cloud: real.login.Name},
			},
		}
		s.out.step("Applying", "a Secret with that entry of your clouds.yaml, and an OpenstackConfig that names it")
		return errors.Join(s.kube.Create(ctx, secret), s.kube.Create(ctx, object))
	}
}
