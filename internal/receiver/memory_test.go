// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestAFloodLeavesNothingBehind is not parallel: it looks at the process's heap.
func TestAFloodLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // see above
	c := newCluster()
	r, clock := newReceiver(c)
	body := strings.Repeat(" ", MaxBody-100)
	before := heap()
	for i := range 3000 {
		clock.Step(10 * time.Millisecond)
		req := signedCall(clock.Now(), fmt.Sprintf("%s%d", body, i))
		if i%3 == 0 {
			req.Header.Set(HeaderSignature, fmt.Sprintf("sha256=%064d", i))
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code == http.StatusInternalServerError {
			t.Fatal(w.Body)
		}
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("3000 calls with bodies of %d bytes leave %d bytes behind", MaxBody, grown)
	}
	if len(c.calls.Seen) > maxRequests*2*int(Window.Seconds()) || len(c.calls.Objects) > 500 {
		t.Errorf("%d calls are remembered, for %d objects", len(c.calls.Seen), len(c.calls.Objects))
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
