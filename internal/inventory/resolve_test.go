// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package inventory_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

func TestAVMIsFoundByNameAndByID(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.vm("db", port("p-02", "10.0.0.2"))
	out := b.run1(object("o", "web", "id-db"))
	b.wantSeen("web", "p-01 10.0.0.1")
	b.wantSeen("db", "p-02 10.0.0.2")
	b.wantProblems(out)
	if len(out.Interfaces) != 2 || out.Interfaces[0].VM != "id-db" || out.Interfaces[1].VM != "web" {
		t.Errorf("the outcome's interfaces are %+v", out.Interfaces)
	}
	if row := out.Interfaces[1].Row; row.MAC != "fa:16:3e:00:00:01" || row.MTU != 1450 || row.SubnetID != "s-data" || row.Owner.Name != "o" {
		t.Errorf("the row is %+v", row)
	}
}

func TestANameThatLooksLikeAnIDIsAName(t *testing.T) {
	t.Parallel()
	const uuid = "7d3c6f2e-7c4e-4c8a-9a52-1a9f6f0f4b11"
	b := newBed(t)
	b.server("id-1", uuid, port("p-01", "10.0.0.1"))
	b.wantProblems(b.run1(object("o", uuid)))
	b.wantSeen(uuid, "p-01 10.0.0.1")

	b.server(uuid, "real", port("p-02", "10.0.0.2")) // an ID comes before a name
	b.wantProblems(b.run1(object("p", uuid)))
	b.wantSeen("real", "p-02 10.0.0.2")
}

func TestNamesAreComparedExactly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"web.*", "we'b; DROP TABLE x", `"web"`, "вэб-🦊", "Web", strings.Repeat("x", 255), "web "} {
		b := newBed(t)
		b.vm("web", port("p-01", "10.0.0.1"))
		b.wantProblems(b.run1(object("o", name)), name+" NotFound")
		b.vm(name, port("p-02", "10.0.0.2"))
		b.wantProblems(b.run1(object("o", name)))
		b.wantSeen(inventory.ShortHostName(name), "p-02 10.0.0.2")
	}
}

func TestTheSameVMByNameAndByIDIsPublishedOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.wantProblems(b.run1(object("o", "web", "id-web", "web")))
	b.run(object("o", "web", "web", "id-web"))
	b.wantEmpty() // order has no meaning
	b.wantSeen("web", "p-01 10.0.0.1")
}

func TestAVMThatCannotBePublishedIsReportedAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		arrange  func(b *bed)
		want     []string
	}{
		{"a VM that does not exist", func(b *bed) {}, []string{"bad NotFound"}},
		{"a VM without a port", func(b *bed) { b.vm("bad") }, []string{"bad NoPort"}},
		{"a VM with a port on another subnet", func(b *bed) { b.vm("bad", port("p-09", "10.9.0.9")) }, []string{"bad NoPort"}},
		{"a VM being built", func(b *bed) {
			b.vm("bad")
			b.editServer("id-bad", func(s *inventory.Server) { s.Status = "BUILD" })
		}, []string{"bad Building"}},
		{"a VM in ERROR", func(b *bed) {
			b.vm("bad")
			b.editServer("id-bad", func(s *inventory.Server) { s.Status = "ERROR" })
		}, []string{"bad Error"}},
		{"a deleted VM that Nova still lists", func(b *bed) {
			b.vm("bad", port("p-09", "10.0.0.9"))
			b.editServer("id-bad", func(s *inventory.Server) { s.Status = "DELETED" })
		}, []string{"bad NotFound"}},
		{"a soft-deleted VM", func(b *bed) {
			b.vm("bad", port("p-09", "10.0.0.9"))
			b.editServer("id-bad", func(s *inventory.Server) { s.Status = "SOFT_DELETED" })
		}, []string{"bad NotFound"}},
		{"two VMs of one name", func(b *bed) {
			b.server("id-1", "bad", port("p-09", "10.0.0.9"))
			b.server("id-2", "bad", port("p-10", "10.0.0.10"))
		}, []string{"bad Ambiguous"}},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("good", port("p-01", "10.0.0.1"))
			tt.arrange(b)
			b.wantProblems(b.run1(object("o", "bad", "good")), tt.want...)
			b.wantSeen("good", "p-01 10.0.0.1")
			b.wantSeen("bad")
			b.run(object("o", "bad", "good"))
			b.wantEmpty()
		})
	}
}

func TestAVMBeingBuiltOrInErrorWithAPortIsPublished(t *testing.T) {
	t.Parallel()
	for status, problems := range map[string][]string{"BUILD": nil, "ERROR": {"web Error"}, "SHUTOFF": nil, "REBUILD": nil} {
		b := newBed(t)
		b.vm("web", port("p-01", "10.0.0.1"))
		b.run(object("o", "web"))
		b.editServer("id-web", func(s *inventory.Server) { s.Status = status })
		for range 3 {
			b.wantProblems(b.later(time.Minute, object("o", "web"))[0], problems...)
			b.wantEmpty()
		}
		b.wantSeen("web", "p-01 10.0.0.1")
	}
}

func TestTheVMThatANodeNamesWins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		arrange  func(b *bed)
		problems []string
		seen     []string
	}{
		{"one Node names one of two", func(b *bed) { b.node("web", "id-2") }, nil, []string{"p-02 10.0.0.2"}},
		{"a Node's ID is compared without regard to case", func(b *bed) {
			b.facts.Servers[1].ID, b.facts.Ports[1].DeviceID = "ID-2", "ID-2"
			b.node("web", "id-2")
		}, nil, []string{"p-02 10.0.0.2"}},
		{"two Nodes name both", func(b *bed) { b.node("a", "id-1"); b.node("b", "id-2") }, []string{"web Ambiguous"}, nil},
		{"two Nodes name the same", func(b *bed) { b.node("a", "id-1"); b.node("b", "id-1") }, []string{"web Ambiguous"}, nil},
		{"no Node names any", func(b *bed) { b.node("a", "id-9") }, []string{"web Ambiguous"}, nil},
		{"a Node without an ID has only its name to say", func(b *bed) { b.node("web", "") }, []string{"web Ambiguous"}, nil},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.server("id-1", "web", port("p-01", "10.0.0.1"))
			b.server("id-2", "web", port("p-02", "10.0.0.2"))
			tt.arrange(b)
			out := b.run1(object("o", "web"))
			b.wantProblems(out, tt.problems...)
			if len(tt.problems) > 0 && !(strings.Contains(out.Problems[0].Message, "id-1") && strings.Contains(out.Problems[0].Message, "id-2")) {
				t.Errorf("%q does not list the IDs", out.Problems[0].Message)
			}
			b.wantSeen("web", tt.seen...)
		})
	}
}

func TestASecondVMOfTheNameDoesNotTakeThePublishedOneDown(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.server("id-2", "web", port("p-02", "10.0.0.2"))
	b.run(object("o", "web"))
	b.server("id-1", "web", port("p-01", "10.0.0.1"))
	for range 3 {
		out := b.later(time.Minute, object("o", "web"))[0]
		b.wantProblems(out, "web Ambiguous")
		b.wantPending(out)
		b.wantEmpty()
	}
	b.wantSeen("web", "p-02 10.0.0.2")

	t.Run("but a Node that names the other one does, after a second look", func(t *testing.T) {
		b.node("other-name", "id-1")
		b.wantPending(b.run1(object("o", "web")), "p-02 withdraw")
		b.wantSeen("web", "p-02 10.0.0.2")
		b.later(time.Minute, object("o", "web"))
		b.wantSeen("web")
		b.wantSeen("other-name", "p-01 10.0.0.1")
	})
}

func TestAllPortsOfAVMOnTheSubnetArePublished(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-02", "10.0.0.2"), port("p-01", "10.0.0.1"), port("p-09", "10.9.0.9"))
	b.run(object("o", "web"))
	b.wantSeen("web", "p-01 10.0.0.1", "p-02 10.0.0.2")
}

func TestTheLowestAddressIsTheRowsAndAllAreReported(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.100", "10.0.0.9", "10.0.0.20"), port("p-02", "2001:db8::ff", "2001:db8::2:0", "2001:db8::9"))
	out := b.run1(object("o", "web"))
	b.wantSeen("web", "p-01 10.0.0.9")
	if got := out.Interfaces[0].Addresses; !slices.Equal(got, []string{"10.0.0.9", "10.0.0.20", "10.0.0.100"}) {
		t.Errorf("the addresses are %q, want them all, the lowest first", got)
	}
	six := object("six", "web")
	six.SubnetName = "data6"
	b.run(six)
	b.wantSeen("web", "p-01 10.0.0.9", "p-02 2001:db8::9")
}

func TestASubnetThatIsNotExactlyOneChangesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sentence string
		arrange  func(b *bed)
		matches  int
	}{
		{"missing", func(b *bed) { b.facts.Subnets = nil }, 0},
		{"ambiguous", func(b *bed) {
			b.facts.Subnets = append(slices.Clone(b.facts.Subnets), inventory.Subnet{ID: "s-0", Name: "data", CIDR: netip.MustParsePrefix("10.7.0.0/24")})
		}, 2},
	} {
		t.Run(tt.sentence, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.vm("web", port("p-01", "10.0.0.1"))
			b.vm("gone", port("p-02", "10.0.0.2"))
			b.run(object("o", "web", "gone"))
			b.removePort("p-02")
			b.later(time.Minute, object("o", "web", "gone"))

			whole := b.facts
			tt.arrange(b)
			for range 40 { // half an hour and more
				out := b.later(time.Minute, object("o", "web"))[0] // even though "gone" was taken out
				b.wantEmpty()
				if out.Subnet != nil || len(out.SubnetMatches) != tt.matches {
					t.Fatalf("the subnet is %v of %v", out.Subnet, out.SubnetMatches)
				}
				if tt.matches == 2 && out.SubnetMatches[0].ID != "s-0" {
					t.Errorf("the matches %v are not in a fixed order", out.SubnetMatches)
				}
				if len(out.Interfaces) != 2 {
					t.Errorf("%d interfaces are reported; two are still published", len(out.Interfaces))
				}
				b.wantPending(out, "p-02 withdraw")
			}
			b.wantSeen("gone", "p-02 10.0.0.2")

			b.facts = whole
			b.wantPending(b.run1(object("o", "web", "gone")), "p-02 withdraw")
			b.wantSeen("gone", "p-02 10.0.0.2") // the row of answers was broken
		})
	}
}

func TestASubnetIsFoundByIDBeforeItsName(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.facts.Subnets = append(b.facts.Subnets, inventory.Subnet{ID: "s-x", Name: "s-data", CIDR: netip.MustParsePrefix("10.7.0.9/24")})
	b.vm("web", port("p-01", "10.0.0.1"))
	o := object("o", "web")
	o.SubnetName = "s-data"
	b.run(o)
	b.wantSeen("web", "p-01 10.0.0.1")
	if got := b.db.Subnets["s-data"]; got.Name != "data" || got.CIDR != "10.0.0.0/24" || got.MTU != 1450 || got.Status != inventory.Active {
		t.Errorf("the subnet's row is %+v", got)
	}
}

func TestANarrowQuestionTellsNothingOfWhatItDidNotAsk(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.vm("web", port("p-01", "10.0.0.1"))
	b.run(object("o", "web"))
	b.removeServer("id-web")
	b.facts.AllServers = false
	for range 3 {
		b.wantPending(b.later(time.Minute, object("o", "web"))[0])
	}
	b.wantSeen("web", "p-01 10.0.0.1")
	b.facts.AbsentServers = []string{"id-web"} // Nova answered 404
	b.secondLook(object("o", "web"))
	b.wantSeen("web")
}

func TestAnIDInCapitalsIsTheSameIDAndANameInCapitalsIsNot(t *testing.T) {
	t.Parallel()
	const id, subnet = "0a1b2c3d-0000-4000-8000-00000000000f", "0a1b2c3d-0000-4000-8000-0000000000aa"
	b := newBed(t)
	b.facts.Subnets[0].ID = subnet
	web := port("p-01")
	web.FixedIPs = []inventory.FixedIP{{SubnetID: subnet, Address: netip.MustParseAddr("10.0.0.1")}}
	b.server(id, "web", web)
	o := object("o", "web")
	b.run(o)
	o.VMNames = []string{strings.ToUpper(id)}
	b.wantProblems(b.run1(o))
	b.wantSeen("web", "p-01 10.0.0.1")
	o.SubnetName = strings.ToUpper(subnet)
	if out := b.run1(o); out.Subnet == nil {
		t.Error("the subnet is not found by its ID in capitals")
	}
	b.wantSeen("web", "p-01 10.0.0.1")

	t.Run("also where the answer lacks it", func(t *testing.T) {
		o := o
		o.VMNames = []string{id}
		facts := b.facts
		b.removeServer(id)
		b.wantPending(b.run1(o), "p-01 withdraw")
		o.VMNames = []string{strings.ToUpper(id)}
		b.wantPending(b.run1(o), "p-01 withdraw")
		b.wantSeen("web", "p-01 10.0.0.1")
		b.facts = facts
	})
	t.Run("and a VM may be called like one", func(t *testing.T) {
		odd := strings.ToUpper("0a1b2c3d-0000-4000-8000-0000000000bb")
		other := web
		other.ID, other.MAC = "p-02", "fa:16:3e:00:00:02"
		b.server("id-odd", odd, other)
		b.run(object("odd", odd))
		b.wantSeen(odd, "p-02 10.0.0.1")
		b.wantProblems(b.run1(object("lower", strings.ToLower(odd))), strings.ToLower(odd)+" NotFound")
		b.wantProblems(b.run1(object("web", "WEB")), "WEB NotFound")
	})
}
