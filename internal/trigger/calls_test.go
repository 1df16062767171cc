// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestACallConcernsTheObjectsThatItNames(t *testing.T) {
	t.Parallel()
	var c Calls
	first, err := c.Add(noon, Call{Objects: []string{"a/x", "a/y"}})
	if err != nil || !c.Stamp("a/x").Equal(first) || !c.Stamp("a/z").IsZero() {
		t.Fatalf("%v, %+v", err, c)
	}
	all, err := c.Add(noon.Add(time.Second), Call{All: true})
	if err != nil || !c.Stamp("a/x").Equal(all) || !c.Stamp("b/z").Equal(all) || len(c.Objects) != 0 {
		t.Fatalf("%v, %+v", err, c)
	}
	again, err := c.Add(noon.Add(2*time.Second), Call{Objects: []string{"a/y"}})
	if err != nil || !c.Stamp("a/y").Equal(again) || !c.Stamp("a/x").Equal(all) {
		t.Fatalf("%v, %+v", err, c)
	}
	if !c.Forget(func(object string, stamp time.Time) bool { return object == "a/y" && stamp.Equal(again) }) || !c.Stamp("a/y").Equal(all) {
		t.Errorf("what is handled stays: %+v", c)
	}
}

func TestStampsGrowAlsoThroughAReplicaWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	var c Calls
	before, _ := c.Add(noon, Call{All: true})
	after, _ := c.Add(noon.Add(-3*time.Second), Call{All: true})
	if !after.After(before) {
		t.Errorf("%s comes after %s", after, before)
	}
}

func TestACallIsAcceptedOnceAsLongAsItCouldBeReplayed(t *testing.T) {
	t.Parallel()
	var c Calls
	call := Call{ID: "id", Until: noon.Add(time.Minute), All: true}
	if _, err := c.Add(noon, call); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Add(noon.Add(30*time.Second), call); !errors.Is(err, ErrReplayed) {
		t.Errorf("a replay gives %v", err)
	}
	if _, err := c.Add(noon.Add(2*time.Minute), Call{ID: "other", Until: noon.Add(3 * time.Minute)}); err != nil || len(c.Seen) != 1 {
		t.Errorf("%v; what is too old anyway is still kept: %v", err, c.Seen)
	}
}

func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	var c Calls
	var names []string
	for i := range maxCalledObjects + 1 {
		names = append(names, fmt.Sprintf("a/%d", i))
	}
	stamp, err := c.Add(noon, Call{Objects: names})
	if err != nil || !c.All.Equal(stamp) || len(c.Objects) != 0 {
		t.Errorf("too many objects are not all: %v, %d objects", err, len(c.Objects))
	}
	for i := range maxSeen {
		if _, err := c.Add(noon, Call{ID: fmt.Sprint(i), Until: noon.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Add(noon, Call{ID: "one more", Until: noon.Add(time.Minute)}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one more gives %v", err)
	}
}
