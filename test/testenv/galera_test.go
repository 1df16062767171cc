// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestAGaleraNodeThatWasKilledOrCutOffComesBackWithWhatItMissed(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewGalera(t)
	first := cluster.Nodes[0].Database(t)
	balancer := cluster.Balancer(t, testenv.BalancerOptions{})
	first.Port = balancer.Port
	pool := first.Open(t)
	mustExec(t, pool.ExecContext, "CREATE TABLE a (id INT PRIMARY KEY)")
	rows := func(node int) (n int, err error) {
		there := first
		there.Port = cluster.Nodes[node].Port
		own := there.Open(t)
		defer own.Close()
		err = own.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM a").Scan(&n)
		return n, err
	}
	want := func(node, n int) {
		t.Helper()
		if got, err := rows(node); err != nil || got != n {
			t.Errorf("node %d has %d rows (%v), want %d", node, got, err, n)
		}
	}

	cluster.Kill(0)
	insert(t, pool, "INSERT IGNORE INTO a VALUES (1)")
	if at := balancer.Writer(); at == 0 {
		t.Error("the balancer leads to a node that is dead")
	}
	if err := cluster.Restart(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	want(0, 1)

	cut := balancer.Writer()
	if err := cluster.CutOff(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	_, err := rows(cut)
	if e := (*mysql.MySQLError)(nil); !errors.As(err, &e) || e.Number != 1047 {
		t.Errorf("a node that is cut off answers a read with %v, want error 1047", err)
	}
	insert(t, pool, "INSERT IGNORE INTO a VALUES (2)")
	if err := cluster.Rejoin(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	for i := range cluster.Nodes {
		want(i, 2)
	}
}

// insert is made again until it succeeds: the cluster takes its time to give up a node.
func insert(t *testing.T, pool *sql.DB, statement string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := pool.ExecContext(t.Context(), statement)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
