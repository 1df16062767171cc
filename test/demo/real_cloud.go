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

// useRealCloud plays with a cloud of the user's clouds.yaml: the OpenstackConfig
// gets its login from a Secret. The cloud is only read.
func (s *story) useRealCloud(ctx context.Context, c settings) error {
	s.out.step("OpenStack", "looking for the cloud "+c.cloud+" in your clouds.yaml")
	login, err := openstacklab.FindLogin(c.cloud)
	if err != nil {
		return err
	}
	found, err := login.Choose(ctx, c.vms, c.subnet)
	if err != nil {
		return fmt.Errorf("cloud %s of %s: %w", c.cloud, login.Path, err)
	}
	s.vms = found.VMs
	s.out.good("OpenStack", fmt.Sprintf("chosen: subnet %s, VMs %s", found.Subnet, strings.Join(found.VMs, ", ")))
	s.object = types.NamespacedName{Namespace: "default", Name: "openstack-config"}
	s.declare = func(ctx context.Context) error {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.object.Namespace, Name: "openstack"}, Data: login.Data}
		object := &v1alpha1.OpenstackConfig{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.object.Namespace, Name: s.object.Name},
			Spec: v1alpha1.OpenstackConfigSpec{
				VMNames: found.VMs, SubnetName: found.SubnetRef,
				Credentials: v1alpha1.Credentials{SecretRef: &v1alpha1.LocalSecretReference{Name: secret.Name}, Cloud: c.cloud},
			},
		}
		s.out.step("Applying", "a Secret with that entry of "+login.Path+", and an OpenstackConfig that names it")
		return errors.Join(s.kube.Create(ctx, secret), s.kube.Create(ctx, object))
	}
	return nil
}
