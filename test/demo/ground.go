// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// controllerNamespace is where the controller lives, as when it is deployed.
const controllerNamespace = "multinic-system"

// ground is what the story stands on: Kubernetes, MariaDB and the controller.
type ground struct {
	plane      *testenv.ControlPlane
	kube       client.Client
	db         *database
	dir        string // for the files that the demo itself writes
	controller *controller
}

// newGround brings up MariaDB and Kubernetes and compiles the controller.
func newGround(ctx context.Context, out *screen) (*ground, error) {
	if _, err := os.Stat(filepath.Join("cmd", "multinic")); err != nil {
		return nil, errors.New("cmd/multinic is not here: run the demo from the root of the repository, with make demo")
	}
	out.section("Bringing the parts up")
	g := &ground{controller: &controller{}}
	var err error
	if g.dir, err = testenv.TempDir("demo"); err != nil {
		return nil, err
	}
	out.step("MariaDB", "starting a mariadbd with a data directory of its own")
	if err := out.patiently("MariaDB", func() (err error) {
		g.db, err = startDatabase(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	out.good("MariaDB", fmt.Sprintf("%s answers on %s:%d", g.db.version, g.db.server.Host, g.db.server.Port))

	out.step("Kubernetes", "starting etcd and kube-apiserver "+testenv.KubeVersion)
	if _, err := testenv.KubeAssets(ctx, out); err != nil {
		return nil, fmt.Errorf("%w\nwhat to do: set KUBEBUILDER_ASSETS to a directory with kube-apiserver and etcd, or let the Go module proxy be reached", err)
	}
	if err := out.patiently("Kubernetes", func() (err error) {
		g.plane, err = testenv.StartControlPlane(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	g.plane.Config.QPS = -1
	g.plane.Config.WarningHandlerWithContext = rest.NoWarnings{}
	if g.kube, err = newClient(g.plane.Config); err != nil {
		return nil, err
	}
	out.good("Kubernetes", "answers on "+strings.TrimRight(g.plane.Config.Host, "/")+", and MultiNic's two kinds are installed")

	out.step("Controller", "compiling cmd/multinic (about a minute the first time)")
	if err := out.patiently("Controller", func() error { return g.controller.build(ctx, g.dir) }); err != nil {
		return nil, err
	}
	return g, ctx.Err()
}

// startController deploys the controller's rights and runs it with them, and
// with the environment that its Secret would give it.
func (g *ground) startController(ctx context.Context, out *screen) error {
	for _, manifest := range []string{"config/namespace/namespace.yaml", "config/rbac/roles/controller.yaml", "config/rbac/controller.yaml"} {
		if err := applyFile(ctx, g.kube, manifest, nil); err != nil {
			return err
		}
	}
	kubeconfig, err := serviceAccountKubeconfig(ctx, g.plane.Config, g.kube, g.dir)
	if err != nil {
		return err
	}
	out.step("Controller", "starting it as the ServiceAccount multinic-controller, with the rights of config/rbac")
	if err := g.controller.start(ctx, g.dir, kubeconfig, g.db.env()); err != nil {
		return err
	}
	out.good("Controller", "is ready, serving health and metrics on http://"+g.controller.address)
	return nil
}
