// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"fmt"
	"strings"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// tree writes one object: what its condition Ready says, its subnet, its VMs.
func (p *program) tree(v *view, wide bool) {
	phase := string(v.Phase)
	if v.Reason != "" && v.Reason != phase {
		phase += " (" + v.Reason + ")"
	}
	p.print("%s/%s  %s", v.Namespace, v.Name, phase)
	p.lines(wrap(v.Message, "  ", "  "))
	if v.Deleting {
		p.print("  ! it is being deleted")
	}
	p.print("  %s", p.subnetLine(v, wide))
	p.print("  %s", p.countsLine(v))
	for _, note := range notes(v) {
		p.lines(wrap(note, "  ! ", "    "))
	}
	for i := range v.VMs {
		last := i == len(v.VMs)-1 && v.InterfacesOmitted == 0 && v.ProblemsOmitted == 0
		p.branch(v, &v.VMs[i], last, wide)
	}
	if v.InterfacesOmitted > 0 || v.ProblemsOmitted > 0 {
		var more []string
		if n := v.InterfacesOmitted; n > 0 {
			more = append(more, count(n, "interface", "interfaces"))
		}
		if n := v.ProblemsOmitted; n > 0 {
			more = append(more, count(n, "problem", "problems"))
		}
		p.print("└── and %s, for which the status has no room", strings.Join(more, " and "))
	}
}

func (p *program) lines(lines []string) {
	for _, line := range lines {
		p.print("%s", line)
	}
}

func (p *program) subnetLine(v *view, wide bool) string {
	if v.Subnet == nil {
		return "subnet " + v.SubnetName + ", not found out yet"
	}
	text := "subnet " + v.Subnet.Name
	if v.Subnet.Name == "" {
		text = "subnet " + v.Subnet.ID
	}
	text += ", " + v.Subnet.CIDR
	if v.Subnet.MTU > 0 {
		text += fmt.Sprintf(", MTU %d", v.Subnet.MTU)
	}
	if wide {
		text += ", ID " + v.Subnet.ID + ", network " + v.Subnet.NetworkID
	}
	return text
}

func (p *program) countsLine(v *view) string {
	text := count(v.Counts.VMs, "VM", "VMs") + ", " + count(v.Counts.Interfaces, "interface", "interfaces")
	if v.Counts.Primary > 0 {
		text += fmt.Sprintf(" (%d primary)", v.Counts.Primary)
	}
	text += fmt.Sprintf(", %d applied", v.Counts.Applied)
	if v.Counts.Problems > 0 {
		text += ", " + count(v.Counts.Problems, "problem", "problems")
	}
	if v.LastSync != nil {
		text += ", last change found " + p.ago(v.LastSync.Time)
	}
	return text
}

// notes are what concerns the whole object and is not yet said by its condition Ready.
func notes(v *view) []string {
	var notes []string
	if waiting := v.Counts.PendingWithdrawals; v.Held != "" {
		if v.Reason != v1alpha1.ReasonWithdrawalHeld {
			notes = append(notes, v.Held)
		}
		notes = append(notes, fmt.Sprintf("%s, not for ever: kubectl multinic confirm %s -n %s shows and ends it",
			count(waiting, "withdrawal is held", "withdrawals are held"), v.Name, v.Namespace))
	} else if waiting > 0 {
		notes = append(notes, count(waiting, "withdrawal waits", "withdrawals wait")+" for a second look at OpenStack")
	}
	if v.Unreadable != "" && v.Unreadable != v.Message {
		notes = append(notes, "not readable by agents: "+v.Unreadable)
	}
	return notes
}

// branch writes one VM.
func (p *program) branch(v *view, vm *vmView, last, wide bool) {
	head, trunk := "├── ", "│   "
	if last {
		head, trunk = "└── ", "    "
	}
	if len(vm.Interfaces) == 0 && len(vm.Problems) == 0 {
		nothing := "nothing is published"
		if v.Subnet == nil {
			nothing = "not looked up yet"
		}
		p.print("%s%s: %s", head, vm.VM, nothing)
		return
	}
	p.print("%s%s%s", head, vm.VM, whose(vm, wide))
	for _, i := range vm.Interfaces {
		p.leaf(trunk, i, wide)
	}
	for _, problem := range vm.Problems {
		p.lines(wrap(problem.Reason+": "+problem.Message, trunk+"! ", trunk+"  "))
	}
}

// whose names the node of a VM where it says more than the VM's name, and its server.
func whose(vm *vmView, wide bool) string {
	if len(vm.Interfaces) == 0 {
		return ""
	}
	var parts []string
	if i := vm.Interfaces[0]; i.Node != "" && (wide || i.Node != vm.VM) {
		parts = append(parts, "node "+i.Node)
	}
	if wide {
		parts = append(parts, "server "+vm.Interfaces[0].ServerID)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// leaf writes one interface; its further addresses have a line each.
func (p *program) leaf(trunk string, i v1alpha1.InterfaceStatus, wide bool) {
	address := "no address"
	if len(i.Addresses) > 0 {
		address = i.Addresses[0]
	}
	applied := "not applied yet"
	switch {
	case i.Applied:
		applied = "applied"
	case i.Status == "primary":
		applied = "hidden from agents"
	}
	line := fmt.Sprintf("%s%s  %s  %s  %s", trunk, pad(i.MAC, 17), pad(address, 15), pad(i.Status, 7), applied)
	if wide {
		line += "  port " + i.PortID
	}
	p.print("%s", line)
	for n := 1; n < len(i.Addresses); n++ {
		p.print("%s%s  %s", trunk, pad("", 17), i.Addresses[n])
	}
}
