#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# healthcheck.sh [--connect] [--innodb_initialized] [--innodb_buffer_pool_loaded] [--defaults-file=F]
# Exit 0 when every named test holds. Connects over TCP as the account that the entry point made,
# so the temporary server of the first start (no networking) never counts as healthy.
set -eo pipefail
cnf=${MARIADB_HEALTHCHECK_CNF:-/var/lib/mysql/.my-healthcheck.cnf}
[ $# -gt 0 ] || { echo "healthcheck.sh: name at least one test" >&2; exit 1; }
q() { mariadb --defaults-file="$cnf" -h127.0.0.1 --protocol=tcp --skip-column-names --batch -e "$1" 2>/dev/null; }
for a in "$@"; do
	case $a in --defaults-file=*|--defaults-extra-file=*) cnf=${a#*=};; esac
done
for a in "$@"; do
	case $a in
	--connect) q 'SELECT 1' >/dev/null;;
	--innodb_initialized) [ "$(q "SELECT 1 FROM information_schema.ENGINES WHERE engine='innodb' AND support IN ('YES','DEFAULT','ENABLED')")" = 1 ];;
	--innodb_buffer_pool_loaded) q "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_load_status'" | grep -Eq 'load completed|not started|incomplete';;
	--defaults-file=*|--defaults-extra-file=*|--su-mysql|--no-defaults) ;;
	*) echo "healthcheck.sh: unknown option $a" >&2; exit 1;;
	esac
done
