// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/xormsdhkdwk/multinic/internal/backup"
	"github.com/xormsdhkdwk/multinic/internal/store"
	"github.com/xormsdhkdwk/multinic/internal/store/storetest"
	"github.com/xormsdhkdwk/multinic/test/testenv"
)

func TestTheScriptsVerifyTheServer(t *testing.T) {
	t.Parallel()
	// The certificate of Go's test servers is its own authority and names 127.0.0.1.
	https := httptest.NewTLSServer(nil)
	https.Close()
	private, err := x509.MarshalPKCS8PrivateKey(https.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	certificate := write("cert.pem", "CERTIFICATE", https.Certificate().Raw)
	server := testenv.NewMariaDB(t, testenv.MariaDBOptions{Args: []string{"--ssl-cert=" + certificate, "--ssl-key=" + write("key.pem", "PRIVATE KEY", private)}})
	db := server.Database(t)
	apply(t, lead(t, db, store.Mark{}), storetest.FirstRun(2, 2))
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := root.ExecContext(t.Context(), "ALTER USER "+db.User+"@'%' REQUIRE SSL"); err != nil {
		t.Fatal(err)
	}
	i, file := debian(t, false), filepath.Join(t.TempDir(), "dump.sql.gz")
	for name, try := range map[string]struct {
		env []string
		ok  bool
	}{
		"with its authority":  {[]string{"DB_TLS=true", "DB_TLS_CA=" + certificate}, true},
		"without TLS":         {nil, false},
		"with the system's":   {[]string{"DB_TLS=1"}, false},
		"with another's name": {[]string{"DB_TLS=true", "DB_TLS_CA=" + certificate, "DB_HOST=localhost"}, false},
		"with a missing file": {[]string{"DB_TLS=true", "DB_TLS_CA=/nonexistent"}, false},
	} {
		output, err := i.run(t, backup.DumpScript, db, file, try.env...)
		if (err == nil) != try.ok {
			t.Errorf("dumping %s: %v\n%s", name, err, output)
		}
		if err != nil {
			continue
		}
		if output, err := i.run(t, backup.LoadScript, db, file, try.env...); err != nil {
			t.Errorf("loading %s: %v\n%s", name, err, output)
		}
	}
}
