// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is MultiNic's API: OpenstackConfig says which VMs and
// which subnet, MultiNicOperator says how MultiNic itself is to run.
// +kubebuilder:object:generate=true
// +groupName=multinic.example.com
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "multinic.example.com", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme makes a scheme know the kinds of this package.
var AddToScheme = schemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&OpenstackConfig{}, &OpenstackConfigList{},
		&MultiNicOperator{}, &MultiNicOperatorList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
