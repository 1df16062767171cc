// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// ControlPlane is a kube-apiserver and its etcd, of this process, on 127.0.0.1. No
// controllers run beside them: nothing collects garbage, a deleted namespace stays,
// a Deployment makes no pods.
type ControlPlane struct {
	Config     *rest.Config // of an administrator
	Kubeconfig string       // path of the same as a file, for kubectl

	environment *envtest.Environment
	dir         string
	ports       []*port
	audited     string // the user whose requests are written down
}

// StartControlPlane starts a control plane with MultiNic's CRDs, those of
// config/crd/bases, and returns when it answers. The binaries are [KubeAssets]'s.
func StartControlPlane(ctx context.Context) (*ControlPlane, error) {
	return startControlPlane(ctx, "")
}

func startControlPlane(ctx context.Context, audited string) (*ControlPlane, error) {
	assets, err := KubeAssets(ctx, os.Stderr)
	if err != nil {
		return nil, err
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: assets}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	if crds := filepath.Join(root, "config", "crd", "bases"); exists(crds) {
		environment.CRDDirectoryPaths = []string{crds}
		environment.ErrorIfCRDPathMissing = true
	}
	return startEnvironment(environment, audited)
}

// startEnvironment starts what envtest describes in a directory of this process's
// session, on ports that stay ours.
func startEnvironment(environment *envtest.Environment, audited string) (*ControlPlane, error) {
	dir, err := TempDir("kube")
	if err != nil {
		return nil, err
	}
	plane := &ControlPlane{environment: environment, dir: dir, audited: audited}
	if err := plane.prepare(); err != nil {
		return nil, errors.Join(err, plane.Remove())
	}
	plane.Config, err = environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting kube-apiserver and etcd: %w\n%s", err, plane.logTails()), plane.Remove())
	}
	// envtest makes a directory for webhooks' certificates in TMPDIR, asked or not. A
	// killed process would leave it there.
	webhookCerts := filepath.Join(dir, "webhook-certs")
	if err := os.Rename(environment.WebhookInstallOptions.LocalServingCertDir, webhookCerts); err != nil {
		return nil, errors.Join(err, plane.Remove())
	}
	environment.WebhookInstallOptions.LocalServingCertDir = webhookCerts

	plane.Kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(plane.Kubeconfig, environment.KubeConfig, 0o600); err != nil {
		return nil, errors.Join(err, plane.Remove())
	}
	return plane, nil
}

func (c *ControlPlane) prepare() error {
	for _, name := range []string{"etcd", "certs"} {
		if err := os.Mkdir(filepath.Join(c.dir, name), 0o700); err != nil {
			return err
		}
	}
	etcdPort, err := c.reservePort()
	if err != nil {
		return err
	}
	apiPort, err := c.reservePort()
	if err != nil {
		return err
	}
	etcdLog, err := os.Create(c.logFile("etcd"))
	if err != nil {
		return err
	}
	apiLog, err := os.Create(c.logFile("kube-apiserver"))
	if err != nil {
		return err
	}

	etcd := &envtest.Etcd{
		URL:     &url.URL{Scheme: "http", Host: "127.0.0.1:" + etcdPort},
		DataDir: filepath.Join(c.dir, "etcd"),
		Out:     etcdLog, Err: etcdLog,
	}
	server := &envtest.APIServer{
		CertDir: filepath.Join(c.dir, "certs"),
		Out:     apiLog, Err: apiLog,
	}
	if assets := c.environment.BinaryAssetsDirectory; !c.environment.DownloadBinaryAssets {
		if etcd.Path, err = c.launcher("etcd", filepath.Join(assets, "etcd")); err != nil {
			return err
		}
		if server.Path, err = c.launcher("kube-apiserver", filepath.Join(assets, "kube-apiserver")); err != nil {
			return err
		}
	}
	if c.audited != "" {
		if err := c.audit(server); err != nil {
			return err
		}
	}
	// A lone member has no peers; 0 lets the system choose at each start.
	etcd.Configure().Set("listen-peer-urls", "http://127.0.0.1:0")
	server.Address, server.Port = "127.0.0.1", apiPort
	c.environment.ControlPlane.Etcd = etcd
	c.environment.ControlPlane.APIServer = server
	c.environment.ControlPlaneStartTimeout = startTimeout
	c.environment.ControlPlaneStopTimeout = stopTimeout
	// USE_EXISTING_CLUSTER in someone's environment must not point tests at it.
	c.environment.UseExistingCluster = new(false)
	return nil
}

// audit has the API server write down what the user asks for: who, what and how it
// was answered, no bodies.
func (c *ControlPlane) audit(server *envtest.APIServer) error {
	policy := filepath.Join(c.dir, "audit-policy.yaml")
	server.Configure().Set("audit-policy-file", policy).Set("audit-log-path", c.AuditLog()).
		// An answer is not sent before it is written down.
		Set("audit-log-mode", "blocking")
	return os.WriteFile(policy, fmt.Appendf(nil, `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [%q]
- level: None
`, c.audited), 0o600)
}

// AuditLog is the file of a control plane of [NewAuditedControlPlane]: an event of
// audit.k8s.io/v1 in each line.
func (c *ControlPlane) AuditLog() string { return filepath.Join(c.dir, "audit.log") }

func (c *ControlPlane) reservePort() (string, error) {
	p, err := reservePort()
	if err != nil {
		return "", err
	}
	c.ports = append(c.ports, p)
	return strconv.Itoa(p.number), nil
}

// KillAPIServer ends the kube-apiserver as a crash would and leaves etcd. There is
// no gentler way: on SIGTERM it waits a minute for watches to end, which it has
// told nobody to end.
func (c *ControlPlane) KillAPIServer() error {
	return c.kill("kube-apiserver", c.environment.ControlPlane.APIServer.Stop)
}

// kill ends one of the two and lets envtest notice by its own stop function.
func (c *ControlPlane) kill(name string, stop func() error) error {
	content, err := os.ReadFile(c.pidFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return stop() // not started yet, or not through our launcher
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return err
	}
	if err := os.Remove(c.pidFile(name)); err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing %s: %w", name, err)
	}
	// It may already be reaped when envtest would signal it: that is what we want.
	if err := stop(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// launcher writes a script that tells its process's id and becomes the program:
// envtest hides the ids of what it starts.
func (c *ControlPlane) launcher(name, program string) (string, error) {
	path := filepath.Join(c.dir, name+".sh")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >'%s'\nexec '%s' \"$@\"\n", c.pidFile(name), program)
	return path, os.WriteFile(path, []byte(script), 0o700)
}

// StartAPIServer starts it again: same address, same certificates, same data. It
// returns when the server is healthy.
func (c *ControlPlane) StartAPIServer() error {
	if err := c.environment.ControlPlane.APIServer.Start(); err != nil {
		return fmt.Errorf("%w\n%s", err, c.logTails())
	}
	return nil
}

// Remove ends both servers and removes their data.
func (c *ControlPlane) Remove() error {
	err := c.environment.WebhookInstallOptions.Cleanup()
	if server := c.environment.ControlPlane.APIServer; server != nil {
		err = errors.Join(err, c.kill("kube-apiserver", server.Stop))
	}
	if etcd := c.environment.ControlPlane.Etcd; etcd != nil {
		err = errors.Join(err, c.kill("etcd", etcd.Stop))
	}
	for _, p := range c.ports {
		p.release()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

func (c *ControlPlane) logFile(name string) string { return filepath.Join(c.dir, name+".log") }

func (c *ControlPlane) pidFile(name string) string { return filepath.Join(c.dir, name+".pid") }

func (c *ControlPlane) logTails() string {
	var tails strings.Builder
	for _, name := range kubeBinaries {
		fmt.Fprintf(&tails, "the end of %s's log:\n%s\n", name, tail(c.logFile(name)))
	}
	return tails.String()
}
