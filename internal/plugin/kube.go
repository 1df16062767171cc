// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// controllerNamespace is where the controller runs unless a flag says otherwise.
const controllerNamespace = "multinic-system"

// cluster is the way to the API server, and the namespace that kubectl would use.
type cluster struct {
	client.WithWatch
	namespace string
}

func (p *program) cluster() (*cluster, error) {
	config, err := p.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	// A thousand objects are asked one after the other; client-go would do five a second.
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NewWarningWriter(p.Streams.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	namespace, _, err := p.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	return &cluster{WithWatch: c, namespace: namespace}, nil
}

// get reads one object.
func (c *cluster) get(ctx context.Context, key client.ObjectKey) (*v1alpha1.OpenstackConfig, error) {
	obj := &v1alpha1.OpenstackConfig{}
	if err := c.Get(ctx, key, obj); err != nil {
		return nil, remedy(err, key.String())
	}
	return obj, nil
}

// list reads objects; an empty namespace means all. They come by namespace and name.
func (c *cluster) list(ctx context.Context, options *client.ListOptions) ([]v1alpha1.OpenstackConfig, error) {
	list := &v1alpha1.OpenstackConfigList{}
	if err := c.List(ctx, list, options); err != nil {
		where := "namespace " + options.Namespace
		if options.Namespace == "" {
			where = "all namespaces"
		}
		return nil, remedy(err, "the OpenstackConfigs of "+where)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.OpenstackConfig) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return list.Items, nil
}

// operator reads the MultiNicOperator that the controller of a namespace follows: the
// oldest, by name where two were made in one second. It is nil where there is none.
func (c *cluster) operator(ctx context.Context, namespace string) (*v1alpha1.MultiNicOperator, error) {
	list := &v1alpha1.MultiNicOperatorList{}
	if err := c.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, remedy(err, "the MultiNicOperators of namespace "+namespace)
	}
	items := slices.DeleteFunc(list.Items, func(o v1alpha1.MultiNicOperator) bool { return !o.DeletionTimestamp.IsZero() })
	if len(items) == 0 {
		return nil, nil
	}
	oldest := slices.MinFunc(items, func(a, b v1alpha1.MultiNicOperator) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	return &oldest, nil
}

// annotate sets one annotation and leaves everything else to others.
func (c *cluster) annotate(ctx context.Context, obj client.Object, name, value string) error {
	return c.merge(ctx, obj, map[string]any{"metadata": map[string]any{"annotations": map[string]string{name: value}}})
}

// merge patches an object; obj is what the server answers.
func (c *cluster) merge(ctx context.Context, obj client.Object, change map[string]any) error {
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(obj).String()
	return remedy(c.Patch(ctx, obj, client.RawPatch(types.MergePatchType, patch), client.FieldOwner("kubectl-multinic")), key)
}

// remedy says of which object an error speaks, and what to do about the usual ones.
func remedy(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: this cluster doesn't know MultiNic's kinds: install them (make install), or choose another cluster with --context", what)
	case apierrors.IsNotFound(err):
		namespace, name, _ := strings.Cut(what, "/")
		if name == "" {
			return fmt.Errorf("%s: %w", what, err)
		}
		return fmt.Errorf("%s: there is no such object: kubectl get osc -n %s lists those that there are", what, namespace)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s: %w: ask for the cluster role multinic-viewer or multinic-editor in that namespace", what, err)
	case errors.Is(err, context.Canceled):
		return err
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}
