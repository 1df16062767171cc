// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// innodbLogSize is both the template's and the servers': another size would make
// each server write a new log first.
const innodbLogSize = "--innodb-log-file-size=16M"

// mariadbBinaries are the paths of the programs that we start.
type mariadbBinaries struct {
	server     string // mariadbd
	initialise string // mariadb-install-db
}

var errNoMariaDB = errors.New(`MariaDB is not installed, and these tests run against a real one. Install it:
  as root on Debian or Ubuntu:  make mariadb    (or: apt-get install mariadb-server; no service is needed)
  on macOS:                     brew install mariadb
  elsewhere:                    put mariadbd and mariadb-install-db (MariaDB 10.3 or later) on PATH`)

// findMariaDB looks on PATH and where distributions put a daemon, which a normal
// user's PATH often leaves out.
func findMariaDB() (mariadbBinaries, error) {
	server := findProgram("mariadbd", "mysqld")
	initialise := findProgram("mariadb-install-db", "mysql_install_db")
	if server == "" || initialise == "" {
		return mariadbBinaries{}, errNoMariaDB
	}
	return mariadbBinaries{server: server, initialise: initialise}, nil
}

// findProgram gives the path of the first of names that exists, else "".
func findProgram(names ...string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path
			}
		}
	}
	return ""
}

// mariadbTemplate gives a data directory that mariadb-install-db made for exactly
// this server version; servers start from a copy of it. It is made once per version
// and machine and lives in the cache.
func mariadbTemplate(ctx context.Context, binaries mariadbBinaries, progress io.Writer) (string, error) {
	version, err := exec.CommandContext(ctx, binaries.server, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", binaries.server, err)
	}
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(append(version, innodbLogSize...))
	template := filepath.Join(cache, "mariadb-"+hex.EncodeToString(key[:6]))
	if exists(template) {
		return template, nil
	}
	unlock, err := lockCache(ctx, template, progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(template) {
		return template, nil
	}
	unfinished := template + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil { // of a run that was cut off
		return "", err
	}
	args := append([]string{
		"--no-defaults", // must be first
		"--datadir=" + unfinished,
		"--auth-root-authentication-method=normal",
		"--skip-test-db",
		innodbLogSize,
		"--innodb-flush-method=nosync",
	}, asRoot()...)
	if output, err := exec.CommandContext(ctx, binaries.initialise, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", binaries.initialise, err, output)
	}
	if err := os.Rename(unfinished, template); err != nil {
		return "", err
	}
	return template, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
