// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// The forms of status.
const (
	formTree  = "tree"
	formWide  = "wide"
	formTable = "table"
	formJSON  = "json"
	formYAML  = "yaml"
)

func (p *program) statusCommand() *cobra.Command {
	var s selection
	var form string
	cmd := &cobra.Command{
		Use:   "status [NAME...]",
		Short: "Show what is published, by object, VM and interface",
		Long: `Show what is published, by object, VM and interface.

First comes what the object's condition Ready says, then its subnet, then its VMs with
their interfaces (MAC, address, published as, applied by the node's agent or not). What
keeps a VM from being published, and withdrawals that wait, are marked with "!".
No password is ever shown, in no form.`,
		Example: `  # Everything in this namespace
  kubectl multinic status
  # One object, also with nodes and the IDs of servers and ports
  kubectl multinic status data-network -o wide
  # One line for each object of the cluster
  kubectl multinic status -A -o table
  # For scripts
  kubectl multinic status data-network -o json`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if len(names) > 0 {
				s.all = false
			}
			if err := s.check(names); err != nil {
				return err
			}
			return p.status(cmd.Context(), &s, names, form)
		},
	}
	s.readFlags(cmd)
	cmd.Flags().StringVarP(&form, "output", "o", formTree, "tree, wide (a tree with IDs), table, json or yaml")
	return cmd
}

func (p *program) status(ctx context.Context, s *selection, names []string, form string) error {
	write, err := p.writer(form)
	if err != nil {
		return err
	}
	c, err := p.cluster()
	if err != nil {
		return err
	}
	objects, err := s.pick(ctx, c, names)
	if len(objects) == 0 && err != nil {
		return err
	}
	if len(objects) == 0 && (form == formTree || form == formWide || form == formTable) {
		p.none(s, c)
		return nil
	}
	views := make([]view, len(objects))
	for i := range objects {
		views[i] = viewOf(&objects[i])
	}
	if written := write(views); written != nil {
		return written
	}
	return err
}

// writer is what writes a form.
func (p *program) writer(form string) (func([]view) error, error) {
	switch form {
	case formTree, formWide:
		return func(views []view) error {
			for i := range views {
				if i > 0 {
					p.print("")
				}
				p.tree(&views[i], form == formWide)
			}
			return nil
		}, nil
	case formTable:
		return p.summary, nil
	case formJSON, formYAML:
		return func(views []view) error { return p.document(views, form) }, nil
	default:
		return nil, fmt.Errorf("the output %q is unknown: use tree, wide, table, json or yaml", form)
	}
}

// document writes for programs.
func (p *program) document(views []view, form string) error {
	items := struct {
		Items []view `json:"items"`
	}{views}
	if form == formYAML {
		text, err := yaml.Marshal(items)
		if err != nil {
			return err
		}
		_, err = p.Streams.Out.Write(text)
		return err
	}
	encoder := json.NewEncoder(p.Streams.Out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(items)
}

// summary writes a line for each object.
func (p *program) summary(views []view) error {
	rows := [][]string{{"NAMESPACE", "NAME", "PHASE", "REASON", "SUBNET", "VMS", "NICS", "APPLIED", "PROBLEMS", "WAITING"}}
	for i := range views {
		v := &views[i]
		subnet := v.SubnetName
		if v.Subnet != nil {
			subnet = v.Subnet.CIDR
		}
		row := []string{v.Namespace, v.Name, string(v.Phase), v.Reason, subnet}
		for _, n := range []int32{v.Counts.VMs, v.Counts.Interfaces, v.Counts.Applied, v.Counts.Problems, v.Counts.PendingWithdrawals} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, row)
	}
	p.table(rows)
	return nil
}
