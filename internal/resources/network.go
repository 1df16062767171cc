// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Ports of the trigger webhook.
const (
	triggerPort    = 8083
	triggerTLSPort = 8443
)

// triggerService reaches every replica, also one that is not ready: a call is
// only written down.
func triggerService(in Input) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: in.meta(TriggerName, controllerComponent),
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"app": ControllerName}, PublishNotReadyAddresses: true,
			Ports: []corev1.ServicePort{
				{Name: "http", Port: 80, TargetPort: intstr.FromString("trigger"), Protocol: corev1.ProtocolTCP},
				{Name: "https", Port: 443, TargetPort: intstr.FromString("trigger-tls"), Protocol: corev1.ProtocolTCP},
			},
		},
	}
}

// isolation lets in what asks for health and metrics from a namespace that is
// labelled name: multinic-system, or from the controller's own, and the trigger's
// callers from anywhere. It lets out everything: OpenStack's addresses and ports
// are the users' to name.
func isolation(in Input) *networkingv1.NetworkPolicy {
	port := func(ports ...int32) (out []networkingv1.NetworkPolicyPort) {
		for _, p := range ports {
			out = append(out, networkingv1.NetworkPolicyPort{Protocol: new(corev1.ProtocolTCP), Port: new(intstr.FromInt32(p))})
		}
		return out
	}
	return &networkingv1.NetworkPolicy{
		ObjectMeta: in.meta(IsolationName, controllerComponent),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": ControllerName}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{
				{
					From: []networkingv1.NetworkPolicyPeer{
						{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"name": "multinic-system"}}},
						{PodSelector: &metav1.LabelSelector{}},
					},
					Ports: port(*in.Spec.Controller.HealthProbe.Port),
				},
				{Ports: port(triggerPort, triggerTLSPort)},
			},
			Egress: []networkingv1.NetworkPolicyEgressRule{{}},
		},
	}
}

// databaseIsolation leaves the database's port alone open: to anyone, since
// agents come from the nodes.
func databaseIsolation(in Input) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: in.meta(DatabaseName, databaseComponent),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": DatabaseName}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				Ports: []networkingv1.NetworkPolicyPort{{Protocol: new(corev1.ProtocolTCP), Port: new(intstr.FromInt32(DatabasePort))}},
			}},
		},
	}
}

// databaseService is what agents and the controller connect to.
func databaseService(in Input) *corev1.Service {
	s := in.Spec.Database.Service
	port := corev1.ServicePort{Name: "mysql", Port: DatabasePort, TargetPort: intstr.FromString("mysql"), Protocol: corev1.ProtocolTCP}
	if s.NodePort != nil {
		port.NodePort = *s.NodePort
	}
	return &corev1.Service{
		ObjectMeta: in.meta(DatabaseName, databaseComponent),
		Spec: corev1.ServiceSpec{
			Type: s.Type, Selector: map[string]string{"app": DatabaseName}, Ports: []corev1.ServicePort{port},
		},
	}
}
