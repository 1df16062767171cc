// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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

// waits is what a script says that begins to wait.
const waits = "multinic: waiting for database"

// eachWaiting runs a subtest with each shell, dumping and with another script, which get
// a database and a file that they can use.
func eachWaiting(t *testing.T, other string, script string, test func(t *testing.T, i image, script string, db testenv.DB, file string)) {
	t.Helper()
	db, _, _ := published(t, 2)
	file := dump(t, db)
	for name, i := range images(t) {
		if name != "new names" && name != "busybox" {
			continue // the same shell and tools
		}
		t.Run("dumping with "+name, func(t *testing.T) {
			t.Parallel()
			test(t, i, backup.DumpScript, db, filepath.Join(t.TempDir(), "dump.sql.gz"))
		})
		t.Run(other+" with "+name, func(t *testing.T) {
			t.Parallel()
			test(t, i, script, testenv.Database(t), file)
		})
	}
}

func TestTheScriptsWaitForAServerThatIsAway(t *testing.T) {
	t.Parallel()
	eachWaiting(t, "loading", backup.LoadScript, func(t *testing.T, i image, script string, db testenv.DB, file string) {
		t.Helper()
		through := newProxy(t, db)
		through.away = 2
		defer through.close()
		output, err := i.run(t, script, through.db(db), file, "DB_WAIT=600")
		if err != nil || strings.Count(output, waits) != 1 {
			t.Errorf("%v; want that it waits, and says so once:\n%s", err, output)
		}
	})
}

// TestTheScriptsWaitNotForEver, nor at all for what a person must mend: one that does
// says so.
func TestTheScriptsWaitNotForEver(t *testing.T) {
	t.Parallel()
	eachWaiting(t, "restoring", backup.RestoreScript, func(t *testing.T, i image, script string, db testenv.DB, file string) {
		t.Helper()
		for why, c := range map[string]struct {
			env         []string
			away, waits bool
			want        string
		}{
			"the server stays away":     {[]string{"DB_WAIT=3"}, true, true, "does not answer"},
			"it is to be asked once":    {[]string{"DB_WAIT=0"}, true, false, "does not answer"},
			"the password is wrong":     {[]string{"DB_WAIT=300", "DB_PASSWORD=swordfish"}, false, false, "Access denied"},
			"there is no such database": {[]string{"DB_WAIT=300", "DB_NAME=nowhere"}, false, false, "nowhere"},
			"the server has no TLS":     {[]string{"DB_WAIT=300", "DB_TLS=true"}, false, false, "SSL"},
			"the bound is no number":    {[]string{"DB_WAIT=5m"}, false, false, "DB_WAIT=5m: want"},
		} {
			t.Run("where "+why, func(t *testing.T) {
				t.Parallel()
				target := db
				if c.away {
					target = at(t, db, nowhere(t))
				}
				output, err := i.run(t, script, target, file, c.env...)
				if err == nil || !strings.Contains(output, c.want) || strings.Contains(output, waits) != c.waits {
					t.Errorf("%v with %q; want a failure that says %q, and that it waits: %t", err, output, c.want, c.waits)
				}
			})
		}
	})
}
