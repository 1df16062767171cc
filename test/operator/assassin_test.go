// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"

	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/internal/dbadmin"
	"github.com/xormsdhkdwk/multinic/internal/resources"
)

// assassin kills the operator once at every place where it writes: to the API
// server, or to MariaDB. A place is what is written, and in which phase of a life.
type assassin struct {
	// after lets the write through, and only its answer is lost; else it is never
	// sent.
	after bool

	mu     sync.Mutex
	phase  string
	struck map[string]bool
	places []string
}

func (a *assassin) enter(phase string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.phase = phase
}

// strikes says whether this write is the victim's last.
func (a *assassin) strikes(v *victim, what string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	place := a.phase + ": " + what
	if a.struck[place] || v.dead.Load() {
		return false
	}
	a.struck[place] = true
	a.places = append(a.places, place)
	v.dead.Store(true)
	return true
}

// victim is one process of the operator. Once it is dead it writes nothing more.
type victim struct {
	killer *assassin
	dead   atomic.Bool
}

var errDead = errors.New("this process is dead")

// armed gives a victim's access to the API server, and its options.
func (v *victim) armed(kube *rest.Config, options app.OperatorOptions) (*rest.Config, app.OperatorOptions) {
	kube = rest.CopyConfig(kube)
	kube.ContentType = "application/json" // so that it can be told what is written
	kube.Wrap(func(next http.RoundTripper) http.RoundTripper { return &mortalTransport{next, v} })
	connect := options.Connect
	options.Connect = func(ctx context.Context, to dbadmin.Server, passwords ...string) (*dbadmin.Admin, int, error) {
		if v.dead.Load() {
			return nil, -1, errDead
		}
		to.Dial = v.dial
		return connect(ctx, to, passwords...)
	}
	return kube, options
}

type mortalTransport struct {
	next   http.RoundTripper
	victim *victim
}

func (m *mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.victim.dead.Load() {
		return nil, errDead
	}
	if !writes(r) {
		return m.next.RoundTrip(r)
	}
	what, err := named(r)
	if err != nil {
		return nil, err
	}
	if !m.victim.killer.strikes(m.victim, what) {
		if m.victim.dead.Load() {
			return nil, errDead
		}
		return m.next.RoundTrip(r)
	}
	if m.victim.killer.after {
		response, err := m.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	return nil, errDead
}

// writes says whether a request changes what the operator is to look after.
func writes(r *http.Request) bool {
	if r.Method == http.MethodGet || r.URL.Query().Has("dryRun") {
		return false
	}
	return !slices.ContainsFunc([]string{"/leases", "/events", "accessreviews", "tokenreviews"}, func(s string) bool { return strings.Contains(r.URL.Path, s) })
}

var (
	namespaceInPath = regexp.MustCompile(`test-[0-9a-f]{10}`)
	identity        = regexp.MustCompile(`[0-9a-f-]{31,36}`)
	number          = regexp.MustCompile(`[0-9]+`)
	digestInName    = regexp.MustCompile(`-[0-9a-f]{10}\b`)
)

// named tells what a request writes, in the same words if it is made again.
func named(r *http.Request) (string, error) {
	what := r.Method + " " + digestInName.ReplaceAllString(namespaceInPath.ReplaceAllString(r.URL.Path, "NS"), "-DIGEST")
	if r.Body == nil || r.Method == http.MethodDelete {
		return what, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	var content map[string]any
	if json.Unmarshal(body, &content) != nil {
		return "", fmt.Errorf("%s: the body is no JSON object", what)
	}
	metadata, _ := content["metadata"].(map[string]any)
	switch r.Method {
	case http.MethodPost:
		return what + " " + digestInName.ReplaceAllString(namespaceInPath.ReplaceAllString(fmt.Sprint(metadata["name"]), "NS"), "-DIGEST"), nil
	case http.MethodPut:
		delete(content, "status")
		for _, field := range []string{"resourceVersion", "managedFields", "generation"} {
			delete(metadata, field)
		}
		text, err := json.Marshal(content)
		return what + " " + resources.Digest(string(text))[:8], err
	}
	return what + " " + strings.Join(leaves("", content), " "), nil
}

// leaves are the places of a patch, and of conditions what they say.
func leaves(at string, value any) (out []string) {
	switch value := value.(type) {
	case map[string]any:
		if value["reason"] != nil && value["type"] != nil {
			return []string{fmt.Sprintf("%v=%v", value["type"], value["reason"])}
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			out = append(out, leaves(at+"."+key, value[key])...)
		}
	case []any:
		for _, item := range value {
			out = append(out, leaves(at, item)...)
		}
	default:
		if at != ".status.lastUpdated" && at != ".metadata.resourceVersion" {
			out = append(out, at)
		}
	}
	return out
}

// dial connects to MariaDB, whose statements count as writes too.
func (v *victim) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if v.dead.Load() {
		return nil, errDead
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &mortalConn{conn, v}, nil
}

type mortalConn struct {
	net.Conn

	victim *victim
}

// Write sees what the driver writes in one piece: three bytes of length, one of
// sequence, which is 0 for a command; COM_QUERY is 3.
func (m *mortalConn) Write(p []byte) (int, error) {
	if m.victim.dead.Load() {
		_ = m.Close()
		return 0, errDead
	}
	if len(p) < 5 || p[3] != 0 || p[4] != 3 {
		return m.Conn.Write(p)
	}
	what, counts := statement(string(p[5:]))
	if !counts || !m.victim.killer.strikes(m.victim, what) {
		return m.Conn.Write(p)
	}
	if m.victim.killer.after {
		if _, err := m.Conn.Write(p); err != nil {
			return 0, err
		}
		_, _ = m.Conn.Read(make([]byte, 1)) // the server has answered
	}
	_ = m.Close()
	return len(p), nil
}

// statement names a statement that writes, without its secrets.
func statement(text string) (string, bool) {
	for _, verb := range []string{"CREATE ", "ALTER ", "DROP ", "GRANT ", "REVOKE ", "SET PASSWORD", "RENAME ", "INSERT ", "UPDATE ", "DELETE ", "REPLACE ", "COMMIT"} {
		if strings.HasPrefix(strings.TrimSpace(text), verb) {
			text, _, _ = strings.Cut(strings.TrimSpace(text), " IDENTIFIED")
			text = number.ReplaceAllString(identity.ReplaceAllString(text, "TOKEN"), "N")
			return "SQL " + text[:min(len(text), 60)], true
		}
	}
	return "", false
}
