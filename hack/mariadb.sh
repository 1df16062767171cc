#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Makes sure that this machine has a mariadbd for the tests and the demo, and Galera for
# the tests: does nothing when they are there, installs Debian's packages as root, else
# says what to do.
set -euo pipefail

# A normal user's PATH often lacks the directories of daemons.
PATH=$PATH:/usr/sbin:/usr/local/sbin
server() { command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; }
# Where distributions put the provider; test/testenv looks there too.
galera() {
	[ "$(uname)" != Linux ] || compgen -G '/usr/lib*/galera*/libgalera_smm.so' >/dev/null ||
		compgen -G '/usr/lib*/libgalera_smm.so' >/dev/null || compgen -G '/usr/lib/*/galera*/libgalera_smm.so' >/dev/null
}
if server && galera; then
	exit 0
fi
if server && { ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; }; then
	# Not a reason to stop: the demo does without, and the tests that need it say so.
	echo "A few tests run a Galera cluster, and its provider (libgalera_smm.so) is not here. Please install the package galera-4 for them." >&2
	exit 0
fi
if ! command -v apt-get >/dev/null; then
	echo "The tests and the demo run on a real MariaDB, 10.3 or later: please install it (mariadbd and mariadb-install-db on PATH)." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "The tests and the demo run on a real MariaDB. Please install it:  sudo apt-get install mariadb-server" >&2
	echo "or let make do it without starting a service:                    sudo make mariadb" >&2
	exit 1
fi

echo "Installing mariadb-server and galera-4 (no service is started) ..." >&2
# 101 is what invoke-rc.d takes for "not allowed" (Debian's policy-rc.d.8).
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install -y -qq --no-install-recommends mariadb-server mariadb-client galera-4 </dev/null >&2
