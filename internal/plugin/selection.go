// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// selection says which objects a verb acts on.
type selection struct {
	all           bool
	selector      string
	allNamespaces bool
}

// readFlags are those of a verb that only shows: no name means all of the namespace.
func (s *selection) readFlags(cmd *cobra.Command) {
	s.all = true
	cmd.Flags().BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "of all namespaces")
}

// writeFlags are those of a verb that changes: all must be said.
func (s *selection) writeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.all, "all", false, "every OpenstackConfig of the namespace (with -A: of all namespaces)")
	f.StringVarP(&s.selector, "selector", "l", "", "those with these labels, such as team=storage")
	f.BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "with --all or -l: of all namespaces")
	cmd.MarkFlagsMutuallyExclusive("all", "selector")
}

// check refuses what contradicts itself, before the cluster is asked.
func (s *selection) check(names []string) error {
	switch {
	case len(names) > 0 && s.allNamespaces:
		return errors.New("a name is of one namespace: leave out -A, or the name")
	case len(names) > 0 && s.selector != "":
		return errors.New("give names, or -l, not both")
	case len(names) == 0 && !s.all && s.selector == "":
		return errors.New("which objects? give names, --all, or -l SELECTOR (kubectl get osc lists them)")
	default:
		return nil
	}
}

// checkWrite refuses also --all beside names: who says both means one of them.
func (s *selection) checkWrite(names []string) error {
	if len(names) > 0 && s.all {
		return errors.New("give names, or --all, not both")
	}
	return s.check(names)
}

// scope is what to list, and to watch.
func (s *selection) scope(c *cluster) (*client.ListOptions, error) {
	options := &client.ListOptions{Namespace: c.namespace}
	if s.allNamespaces {
		options.Namespace = ""
	}
	if s.selector != "" {
		parsed, err := labels.Parse(s.selector)
		if err != nil {
			return nil, fmt.Errorf("the selector %q is not understood: %w", s.selector, err)
		}
		options.LabelSelector = parsed
	}
	return options, nil
}

// pick reads the objects.
func (s *selection) pick(ctx context.Context, c *cluster, names []string) ([]v1alpha1.OpenstackConfig, error) {
	if len(names) == 0 {
		options, err := s.scope(c)
		if err != nil {
			return nil, err
		}
		return c.list(ctx, options)
	}
	var objects []v1alpha1.OpenstackConfig
	var errs []error
	for _, name := range unique(names) {
		obj, err := c.get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		objects = append(objects, *obj)
	}
	return objects, errors.Join(errs...)
}

// unique drops repetitions, and the kind in front of a name, as kubectl get -o name
// writes it.
func unique(names []string) []string {
	var out []string
	for _, name := range names {
		if kind, rest, ok := strings.Cut(name, "/"); ok && slices.Contains([]string{"osc", "openstackconfig", "openstackconfigs", "openstackconfig.multinic.example.com"}, kind) {
			name = rest
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// none tells that there is nothing to act on.
func (p *program) none(s *selection, c *cluster) {
	where := "namespace " + c.namespace
	if s.allNamespaces {
		where = "any namespace"
	}
	if s.selector != "" {
		where += " with the labels " + s.selector
	}
	p.tell("No OpenstackConfig in %s.", where)
}
