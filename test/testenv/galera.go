// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// GaleraNodes is how many nodes a cluster has: the least that outlives one.
const GaleraNodes = 3

// galeraTimeouts are a fraction of the defaults, so that a node is given up after two
// seconds instead of five; not less, or a loaded machine gives up nodes that live.
const galeraTimeouts = "evs.keepalive_period=PT0.2S;evs.inactive_check_period=PT0.1S;evs.suspect_timeout=PT2S;" +
	"evs.inactive_timeout=PT4S;evs.install_timeout=PT4S"

//go:embed wsrep_sst_incremental
var stateTransferScript []byte

// Galera is a cluster of mariadbds of this process, all on 127.0.0.1. One node at a
// time may be killed or cut off, and comes back with what it missed.
type Galera struct {
	Nodes [GaleraNodes]*MariaDB

	dir   string // of the state transfers
	ports []*port
	in    [GaleraNodes]bool // who should be in the primary component
}

var errNoGalera = errors.New(`libgalera_smm.so, Galera's provider, is not installed, and these tests run a real cluster. Install it:
  as root on Debian or Ubuntu:  make mariadb    (or: apt-get install galera-4)
  elsewhere on Linux:           the package galera-4, or galera, beside MariaDB's server`)

// findGalera gives the provider's path in the places where distributions put it.
func findGalera() (string, error) {
	for _, pattern := range []string{
		"/usr/lib*/galera*/libgalera_smm.so",  // Debian, Ubuntu, Fedora, RHEL, openSUSE
		"/usr/lib*/libgalera_smm.so",          // Arch
		"/usr/lib/*/galera*/libgalera_smm.so", // multiarch
	} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", errNoGalera
}

// StartGalera starts a cluster with fresh data and returns when all nodes are synced.
func StartGalera(ctx context.Context) (*Galera, error) {
	binaries, err := findMariaDB()
	if err != nil {
		return nil, err
	}
	provider, err := findGalera()
	if err != nil {
		return nil, err
	}
	template, err := mariadbTemplate(ctx, binaries, os.Stderr)
	if err != nil {
		return nil, err
	}
	g := &Galera{}
	if err := g.prepare(binaries, provider, template); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	if err := g.bootstrap(ctx); err != nil {
		return nil, errors.Join(err, g.Remove())
	}
	return g, nil
}

// prepare composes the nodes. Only the first gets data yet.
func (g *Galera) prepare(binaries mariadbBinaries, provider, template string) error {
	var err error
	if g.dir, err = TempDir("galera"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(g.dir, "wsrep_sst_incremental"), stateTransferScript, 0o700); err != nil {
		return err
	}
	var group, incremental [GaleraNodes]string // addresses of the nodes for each other
	password := randomHex(12)
	for i := range g.Nodes {
		if group[i], err = g.address(); err != nil {
			return err
		}
		if incremental[i], err = g.address(); err != nil {
			return err
		}
		if g.Nodes[i], err = newServer("node", password); err != nil {
			return err
		}
	}
	for i, node := range g.Nodes {
		options := MariaDBOptions{Args: []string{
			"--binlog-format=ROW",
			"--innodb-autoinc-lock-mode=2",
			"--wsrep-on=ON",
			"--wsrep-provider=" + provider,
			"--wsrep-cluster-name=" + filepath.Base(g.dir),
			"--wsrep-cluster-address=gcomm://" + strings.Join(group[:], ","),
			"--wsrep-node-name=" + strconv.Itoa(i),
			"--wsrep-node-address=" + group[i],
			"--wsrep-sst-method=incremental",
			"--wsrep-sst-receive-address=" + incremental[i], // a name only: see the script
			// pc.recovery is off because a whole cluster is never started again.
			"--wsrep-provider-options=gmcast.listen_addr=tcp://" + group[i] + ";ist.recv_addr=" + incremental[i] +
				";ist.recv_bind=" + incremental[i] + ";gcache.size=16M;pc.recovery=false;" + galeraTimeouts,
			"--innodb-buffer-pool-size=16M",
			"--max-connections=50",
			"--performance-schema=OFF",
		}}
		if err := node.prepare(binaries, template, options); err != nil {
			return err
		}
		node.env = []string{"PATH=" + g.dir + ":" + os.Getenv("PATH"), "MULTINIC_GALERA=" + g.dir}
	}
	return nil
}

// address gives an address of 127.0.0.1 that is ours until Remove.
func (g *Galera) address() (string, error) {
	p, err := reservePort()
	if err != nil {
		return "", err
	}
	g.ports = append(g.ports, p)
	return "127.0.0.1:" + strconv.Itoa(p.number), nil
}

// bootstrap makes the first node a cluster of one, whose data the others begin with:
// they then miss nothing but that they joined, and no whole transfer is needed. One
// joins after the other, because two at once wait for each other's time-outs.
func (g *Galera) bootstrap(ctx context.Context) error {
	first := g.Nodes[0]
	if err := first.start(ctx, "--wsrep-new-cluster"); err != nil {
		return err
	}
	first.Stop()
	for _, node := range g.Nodes[1:] {
		if err := os.RemoveAll(node.dataDir()); err != nil {
			return err
		}
		if err := os.CopyFS(node.dataDir(), os.DirFS(first.dataDir())); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(node.dataDir(), "galera.cache")); err != nil {
			return err
		}
	}
	for i, node := range g.Nodes {
		var once []string
		if i == 0 {
			once = []string{"--wsrep-new-cluster"}
		}
		if err := node.start(ctx, once...); err != nil {
			return err
		}
		g.in[i] = true
		if err := g.settled(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Kill ends a node as a crash would, and returns at once: the others find out.
func (g *Galera) Kill(i int) {
	g.in[i] = false
	g.Nodes[i].Kill()
}

var recovered = regexp.MustCompile(`Recovered position: (\S+)`)

// Restart starts a killed node, which fetches what it missed, and returns when all
// nodes that should be are in the primary component.
func (g *Galera) Restart(ctx context.Context, i int) error {
	// What the crash left of the position is in InnoDB's log; this is how
	// galera_recovery, of the service's unit, asks for it.
	output, err := g.Nodes[i].command("--wsrep-recover").CombinedOutput()
	position := recovered.FindSubmatch(output)
	if err != nil || position == nil {
		return fmt.Errorf("asking node %d for its position: %w\n%s", i, err, output)
	}
	if err := g.Nodes[i].start(ctx, "--wsrep-start-position="+string(position[1])); err != nil {
		return err
	}
	g.in[i] = true
	return g.settled(ctx)
}

// CutOff cuts a node off from the others, clients not, and returns when all know it:
// the node answers 1047, the others go on.
func (g *Galera) CutOff(ctx context.Context, i int) error {
	g.in[i] = false
	if err := g.isolate(ctx, i, 1); err != nil {
		return err
	}
	return g.settled(ctx)
}

// Rejoin ends CutOff: the node fetches what it missed.
func (g *Galera) Rejoin(ctx context.Context, i int) error {
	if err := g.isolate(ctx, i, 0); err != nil {
		return err
	}
	g.in[i] = true
	return g.settled(ctx)
}

// isolate uses Galera's own switch: the node drops its connections with the others and
// refuses new ones, as behind a broken network.
func (g *Galera) isolate(ctx context.Context, i, mode int) error {
	root, err := g.Nodes[i].Root()
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = root.ExecContext(ctx, fmt.Sprintf("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=%d'", mode))
	return err
}

// settled waits until every node that should be in the primary component is and sees
// the others there, and every node that runs outside of it knows so.
func (g *Galera) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		complaint := g.complaint(ctx)
		if complaint == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster does not settle within %s: %w", startTimeout, complaint)
		case <-tick.C:
		}
	}
}

func (g *Galera) complaint(ctx context.Context) error {
	size := 0
	for _, in := range g.in {
		if in {
			size++
		}
	}
	for i, node := range g.Nodes {
		if !g.in[i] && !node.answers() {
			continue
		}
		status, err := node.wsrep(ctx)
		if err != nil {
			return fmt.Errorf("node %d: %w; the end of its log:\n%s", i, err, tail(node.LogFile()))
		}
		if g.in[i] != status.healthy() || g.in[i] && status["wsrep_cluster_size"] != strconv.Itoa(size) {
			return fmt.Errorf("node %d of a cluster of %d says %v; the end of its log:\n%s", i, size, status, tail(node.LogFile()))
		}
	}
	return nil
}

// Remove kills the nodes and removes their data.
func (g *Galera) Remove() error {
	var errs []error
	for _, node := range g.Nodes {
		if node != nil {
			errs = append(errs, node.Remove())
		}
	}
	for _, p := range g.ports {
		p.release()
	}
	return errors.Join(append(errs, os.RemoveAll(g.dir))...)
}
