// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstackconfig

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
	"github.com/xormsdhkdwk/multinic/internal/publication"
	"github.com/xormsdhkdwk/multinic/internal/store"
)

// Cluster answers the publication and the rounds from the manager's cache.
type Cluster struct {
	Client    client.Reader
	Namespace string
}

// Objects lists what the cluster remembers of every OpenstackConfig.
func (c Cluster) Objects(ctx context.Context) ([]publication.Object, error) {
	list := &v1alpha1.OpenstackConfigList{}
	if err := c.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	out := make([]publication.Object, len(list.Items))
	for i := range list.Items {
		o := &list.Items[i]
		out[i] = publication.Object{
			Key: inventory.Key{Namespace: o.Namespace, Name: o.Name}, UID: string(o.UID), Deleting: !o.DeletionTimestamp.IsZero(),
		}
		if p := o.Status.Publication; p != nil {
			out[i].Mark = store.Mark{Epoch: p.Epoch, Generation: p.Generation, Sequence: p.Sequence}
		}
	}
	return out, nil
}

// Admits says whether a person lets an epoch in, by annotation on any
// MultiNicOperator of the controller's namespace.
func (c Cluster) Admits(ctx context.Context, epoch string) (bool, error) {
	list := &v1alpha1.MultiNicOperatorList{}
	if err := c.Client.List(ctx, list, client.InNamespace(c.Namespace)); err != nil {
		return false, err
	}
	return slices.ContainsFunc(list.Items, func(o v1alpha1.MultiNicOperator) bool {
		return o.Annotations[v1alpha1.AnnotationAdmit] == epoch
	}), nil
}

// Nodes are the cluster's, indexed.
func (c Cluster) Nodes(ctx context.Context) (*inventory.Nodes, error) {
	list := &corev1.NodeList{}
	if err := c.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	nodes := make([]inventory.Node, len(list.Items))
	for i := range list.Items {
		nodes[i] = nodeOf(&list.Items[i])
	}
	return inventory.NewNodes(nodes), nil
}

// nodeOf reads who a Node says it is. The cloud provider's ID ends in the
// server's: openstack:///<id>, or openstack://<region>/<id>.
func nodeOf(n *corev1.Node) inventory.Node {
	node := inventory.Node{Name: n.Name}
	if rest, ok := strings.CutPrefix(n.Spec.ProviderID, "openstack://"); ok {
		node.ServerIDs = []string{strings.ToLower(rest[strings.LastIndex(rest, "/")+1:])}
	} else if id := n.Status.NodeInfo.SystemUUID; id != "" {
		node.ServerIDs = []string{strings.ToLower(id)}
	}
	for _, a := range n.Status.Addresses {
		if addr, err := netip.ParseAddr(a.Address); err == nil && a.Type == corev1.NodeInternalIP {
			node.Addresses = append(node.Addresses, addr.Unmap())
		}
	}
	return node
}

// SlimNode drops from a Node what nobody here reads, before it is cached.
func SlimNode(in any) (any, error) {
	n, ok := in.(*corev1.Node)
	if !ok {
		return in, nil
	}
	slim := &corev1.Node{}
	slim.Name, slim.UID, slim.ResourceVersion = n.Name, n.UID, n.ResourceVersion
	slim.Spec.ProviderID = n.Spec.ProviderID
	slim.Status.NodeInfo.SystemUUID = n.Status.NodeInfo.SystemUUID
	slim.Status.Addresses = n.Status.Addresses
	return slim, nil
}
