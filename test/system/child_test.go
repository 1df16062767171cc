// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package system

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/xormsdhkdwk/multinic/internal/app"
	"github.com/xormsdhkdwk/multinic/internal/inventory"
)

// childVariable makes this test binary a controller: its value is a childSpec.
const childVariable = "MULTINIC_TEST_CONTROLLER"

// childSpec is what a controller in a process of its own is told.
type childSpec struct {
	Namespace      string
	Kubeconfig     string
	LeaderElection bool
	SecondLook     time.Duration
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	if spec := os.Getenv(childVariable); spec != "" {
		if err := runChild(spec); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func runChild(text string) error {
	var spec childSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	kube, err := clientcmd.BuildConfigFromFlags("", spec.Kubeconfig)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := inventory.DefaultLimits()
	limits.SecondLook = spec.SecondLook
	return app.RunController(ctx, kube, log, app.Options{
		Namespace: spec.Namespace, WatchNamespaces: []string{spec.Namespace}, Address: "127.0.0.1:0", Getenv: os.Getenv,
		LeaderElection: spec.LeaderElection, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 300 * time.Millisecond,
		CheckDatabaseEvery: 100 * time.Millisecond, ReadAppliedEvery: 500 * time.Millisecond, OpenStackRate: 1000, Limits: limits,
	})
}

// child is a controller in a process of its own, to be frozen and killed.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func (s *system) startChild(kubeconfig string, leaderElection bool) *child {
	s.t.Helper()
	spec, err := json.Marshal(childSpec{s.namespace, kubeconfig, leaderElection, s.options.Limits.SecondLook})
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childVariable+"="+string(spec)), s.env...)
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(c.done) }()
	s.t.Cleanup(c.kill)
	return c
}

func (c *child) signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// kill ends the process as a crash does, also a frozen one.
func (c *child) kill() {
	c.signal(syscall.SIGKILL)
	<-c.done
}

// kubeconfig writes access to an API server at an address.
func (s *system) kubeconfig(kube *rest.Config) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "kubeconfig")
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: kube.Host, CertificateAuthorityData: kube.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: kube.CertData, ClientKeyData: kube.KeyData}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// kubeProxy stands before the API server, in plain HTTP, and tells of every
// write before and after it is carried out.
type kubeProxy struct {
	server *http.Server
	config *rest.Config
}

func (s *system) newKubeProxy(before, after func(r *http.Request)) *kubeProxy {
	s.t.Helper()
	transport, err := rest.TransportFor(s.kube)
	if err != nil {
		s.t.Fatal(err)
	}
	target, err := url.Parse(s.kube.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ModifyResponse: func(r *http.Response) error {
			if isWrite(r.Request) {
				after(r.Request)
			}
			return nil
		},
	}
	listener := listen(s.t)
	p := &kubeProxy{config: &rest.Config{Host: "http://" + listener.Addr().String()}}
	p.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isWrite(r) {
			before(r)
		}
		reverse.ServeHTTP(w, r)
	}), ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }()
	s.t.Cleanup(func() { _ = p.server.Close() })
	return p
}

func isWrite(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch || r.Method == http.MethodDelete
}
