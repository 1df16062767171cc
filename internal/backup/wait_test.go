// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

// nowhere is an address of this machine's where nobody listens.
func nowhere(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// at is the database as one would reach it there.
func at(t testing.TB, db testenv.DB, address string) testenv.DB {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		db.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestTheScriptsWaitForAServerThatIsAway(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 2)
	file := dump(t, db)
	for name, i := range images(t) {
		if name != "new names" && name != "busybox" {
			continue // the same shell and tools
		}
		for what, script := range map[string]string{"dumping": backup.DumpScript, "loading": backup.LoadScript} {
			t.Run(what+" with "+name, func(t *testing.T) {
				t.Parallel()
				target, used := testenv.Database(t), file
				if what == "dumping" {
					target, used = db, filepath.Join(t.TempDir(), "dump.sql.gz")
				}
				address := nowhere(t)
				through := &proxy{target: net.JoinHostPort(target.Host, strconv.Itoa(target.Port))}
				served := make(chan error, 1)
				time.AfterFunc(3*time.Second, func() {
					var err error
					if through.listener, err = net.Listen("tcp", address); err == nil {
						through.ends.Go(through.accept)
					}
					served <- err
				})
				output, err := i.run(t, script, at(t, target, address), used, "DB_WAIT=60")
				if err := <-served; err != nil {
					t.Skipf("the address is taken: %v", err)
				}
				defer through.close()
				if err != nil || strings.Count(output, "multinic: waiting for database") != 1 {
					t.Errorf("%v; want that it waits, and says so once:\n%s", err, output)
				}
			})
		}
	}
}

func TestTheScriptsWaitNotForEver(t *testing.T) {
	t.Parallel()
	db, _, _ := published(t, 2)
	file := dump(t, db)
	for name, i := range images(t) {
		if name != "new names" && name != "busybox" {
			continue // the same shell and tools
		}
		for what, script := range map[string]string{"dumping": backup.DumpScript, "restoring": backup.RestoreScript} {
			for why, c := range map[string]struct {
				env         []string
				away        bool
				least, most time.Duration
				want        string
			}{
				"the server stays away":     {[]string{"DB_WAIT=3"}, true, 2 * time.Second, 20 * time.Second, "does not answer"},
				"it is to be asked once":    {[]string{"DB_WAIT=0"}, true, 0, 10 * time.Second, "does not answer"},
				"the password is wrong":     {[]string{"DB_WAIT=300", "DB_PASSWORD=swordfish"}, false, 0, 20 * time.Second, "Access denied"},
				"there is no such database": {[]string{"DB_WAIT=300", "DB_NAME=nowhere"}, false, 0, 20 * time.Second, "nowhere"},
				"the server has no TLS":     {[]string{"DB_WAIT=300", "DB_TLS=true"}, false, 0, 20 * time.Second, "SSL"},
				"the bound is no number":    {[]string{"DB_WAIT=5m"}, false, 0, 20 * time.Second, "DB_WAIT=5m: want"},
			} {
				t.Run(what+" with "+name+" where "+why, func(t *testing.T) {
					t.Parallel()
					target, used := db, file
					if what == "dumping" {
						used = filepath.Join(t.TempDir(), "dump.sql.gz")
					}
					if c.away {
						target = at(t, db, nowhere(t))
					}
					began := time.Now()
					output, err := i.run(t, script, target, used, c.env...)
					if took := time.Since(began); took < c.least || took > c.most {
						t.Errorf("it took %s, want between %s and %s", took, c.least, c.most)
					}
					if err == nil || !strings.Contains(output, c.want) {
						t.Errorf("%v with %q; want a failure that says %q", err, output, c.want)
					}
				})
			}
		}
	}
}
