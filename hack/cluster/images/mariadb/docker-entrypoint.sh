#!/bin/bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Entry point of the test image: the environment variables and the behaviour of the
# official mariadb image that matter to tests (no Galera, no restore of a backup, no
# password hashes). One difference is on purpose: see .init-incomplete.
set -eo pipefail
shopt -s nullglob

note() { printf '%s [Note] [Entrypoint]: %s\n' "$(date -Iseconds)" "$*"; }
die() { printf '%s [ERROR] [Entrypoint]: %s\n' "$(date -Iseconds)" "$*" >&2; exit 1; }

# env_of NAME [DEFAULT]: sets MARIADB_NAME from MARIADB_NAME, MARIADB_NAME_FILE, MYSQL_NAME or MYSQL_NAME_FILE
env_of() {
	local n=$1 v=${2-} p got='' f
	for p in MARIADB MYSQL; do
		local a=${p}_$n af=${p}_${n}_FILE
		if [ -n "${!a-}" ] && [ -n "${!af-}" ]; then die "Both $a and $af are set (but are exclusive)"; fi
		if [ -z "$got" ] && [ -n "${!a-}" ]; then v=${!a}; got=1; fi
		if [ -z "$got" ] && [ -n "${!af-}" ]; then
			f=${!af}; [ -r "$f" ] || die "$af: cannot read $f"
			v=$(<"$f"); got=1
		fi
		unset "$af"
	done
	export "MARIADB_$n=$v"
}

# sq VALUE: the value as the inside of a quoted SQL string
sq() { local s=${1//\\/\\\\}; printf %s "${s//\'/\\\'}"; }
# bq VALUE: the value as the inside of a backquoted identifier
bq() { printf %s "${1//\`/\`\`}"; }

# temporary_server COMMAND...: the server without a network; its client is ${client[@]}
temporary_server() {
	note "Starting temporary server"
	"$@" --skip-networking --socket="$SOCKET" --wsrep_on=OFF --loose-innodb_buffer_pool_load_at_startup=0 --skip-slave-start &
	pid=$!
	client=(mariadb --no-defaults --protocol=socket -hlocalhost -uroot --socket="$SOCKET")
	for _ in $(seq 480); do
		"${client[@]}" --database=mysql -e 'SELECT 1' >/dev/null 2>&1 && return
		kill -0 $pid 2>/dev/null || break
		sleep 0.25
	done
	die "Unable to start server."
}
stop_temporary_server() {
	note "Stopping temporary server"
	kill "$pid"; wait "$pid"
	note "Temporary server stopped"
}

version=${MARIADB_VERSION#*:}; version=${version%%[-+~]*}-MariaDB
# is_upgrade_needed: the data is of an earlier release than this, or of an unknown one
is_upgrade_needed() {
	local file old=() new=()
	for file in "$DATADIR/mariadb_upgrade_info" "$DATADIR/mysql_upgrade_info"; do
		[ -e "$file" ] || continue
		IFS='.-' read -ra new <<< "$version"
		IFS='.-' read -ra old < "$file" || true
		if [ ${#old[@]} -ge 2 ] && { [ "${old[0]}" -gt "${new[0]}" ] || { [ "${old[0]}" = "${new[0]}" ] && [ "${old[1]}" -ge "${new[1]}" ]; }; }; then
			note "MariaDB upgrade not required"
			return 1
		fi
		return 0
	done
	note "MariaDB upgrade information missing, assuming required"
}
# back_up_system: the database mysql as it was, into the data directory, as the official image does
back_up_system() {
	[ -z "${MARIADB_DISABLE_UPGRADE_BACKUP:-}" ] || return 0
	local release=unknown file
	for file in "$DATADIR/mysql_upgrade_info" "$DATADIR/mariadb_upgrade_info"; do
		[ ! -e "$file" ] || read -r release < "$file" || true
	done
	note "Backing up system database to system_mysql_backup_$release.sql.gz"
	mariadb-dump --no-defaults --protocol=socket --socket="$SOCKET" --skip-lock-tables --replace --databases mysql | gzip > "$DATADIR/system_mysql_backup_$release.sql.gz" ||
		die "Unable to back up system database for upgrade from $release."
}

if [ "${1:0:1}" = - ]; then set -- mariadbd "$@"; fi
help=
for a in "$@"; do case $a in -'?'|--help|--print-defaults|-V|--version) help=1;; esac; done
case $1 in mariadbd|mysqld) ;; *) exec "$@";; esac
[ -z "$help" ] || exec "$@"

conf() { "$@" --verbose --help 2>/dev/null | awk -v k="$get" 'index($0, k) == 1 && $1 == k {sub(/^[^ \t]+[ \t]+/, ""); print; exit}'; }
get=datadir; DATADIR=$(conf "$@"); DATADIR=${DATADIR:-/var/lib/mysql/}
get=socket; SOCKET=$(conf "$@"); SOCKET=${SOCKET:-/run/mysqld/mysqld.sock}

if [ "$(id -u)" = 0 ]; then
	mkdir -p "$DATADIR" "${SOCKET%/*}"
	find "$DATADIR" \! -user mysql -exec chown mysql: '{}' +
	find "${SOCKET%/*}" -maxdepth 0 \! -user mysql -exec chown mysql: '{}' \;
	note "Switching to dedicated user 'mysql'"
	exec setpriv --reuid=mysql --regid=mysql --init-groups "${BASH_SOURCE[0]}" "$@"
fi

for n in ROOT_PASSWORD DATABASE USER PASSWORD; do env_of $n; done
env_of ROOT_HOST %
env_of ALLOW_EMPTY_ROOT_PASSWORD; env_of RANDOM_ROOT_PASSWORD; env_of INITDB_SKIP_TZINFO

# Unlike the official image, a start that was cut off half way is begun again: its pod may have
# been killed by a probe on a slow machine.
if [ -e "$DATADIR/.init-incomplete" ]; then
	note "An earlier initialization did not finish: starting over"
	find "$DATADIR" -mindepth 1 -maxdepth 1 ! -name .init-incomplete ! -name lost+found -exec rm -rf '{}' +
fi
if [ ! -d "$DATADIR/mysql" ]; then
	if [ -z "$MARIADB_ROOT_PASSWORD$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
		die "Database is uninitialized and password option is not specified
	You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD"
	fi
	note "Initializing database files"
	: > "$DATADIR/.init-incomplete"
	mariadb-install-db --datadir="$DATADIR" --auth-root-authentication-method=normal \
		--skip-test-db --cross-bootstrap --skip-log-bin --loose-innodb_buffer_pool_load_at_startup=0 \
		--loose-innodb_buffer_pool_dump_at_shutdown=0 >/dev/null
	note "Database files initialized"
	temporary_server "$@" --skip-log-bin
	if [ -z "$MARIADB_INITDB_SKIP_TZINFO" ] && [ -d /usr/share/zoneinfo/Etc ]; then
		mariadb-tzinfo-to-sql --skip-write-binlog /usr/share/zoneinfo 2>/dev/null | "${client[@]}" --database=mysql
	fi
	if [ -n "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
		MARIADB_ROOT_PASSWORD=$(head -c 24 /dev/urandom | base64)
		note "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
	fi
	rp=$(sq "$MARIADB_ROOT_PASSWORD")
	hc=$(head -c 24 /dev/urandom | base64)
	note "Securing system users"
	{
		echo "SET @@SESSION.SQL_LOG_BIN=0; SET @@SESSION.SQL_MODE=REPLACE(@@SESSION.SQL_MODE, 'NO_BACKSLASH_ESCAPES', '');"
		echo "DROP USER IF EXISTS root@'127.0.0.1', root@'::1';"
		echo "SET PASSWORD FOR root@localhost = PASSWORD('$rp');"
		if [ -n "$MARIADB_ROOT_HOST" ] && [ "$MARIADB_ROOT_HOST" != localhost ]; then
			h=$(sq "$MARIADB_ROOT_HOST")
			echo "CREATE USER root@'$h' IDENTIFIED BY '$rp'; GRANT ALL ON *.* TO root@'$h' WITH GRANT OPTION;"
			echo "GRANT PROXY ON ''@'%' TO root@'$h' WITH GRANT OPTION;"
		fi
		for h in 127.0.0.1 ::1 localhost; do
			echo "CREATE USER IF NOT EXISTS healthcheck@'$h' IDENTIFIED BY '$hc'; GRANT USAGE ON *.* TO healthcheck@'$h';"
		done
		if [ -n "$MARIADB_DATABASE" ]; then
			echo "CREATE DATABASE IF NOT EXISTS \`$(bq "$MARIADB_DATABASE")\`;"
		fi
		if [ -n "$MARIADB_USER" ] && [ -n "$MARIADB_PASSWORD" ]; then
			u=$(sq "$MARIADB_USER")
			echo "CREATE USER '$u'@'%' IDENTIFIED BY '$(sq "$MARIADB_PASSWORD")';"
			if [ -n "$MARIADB_DATABASE" ]; then
				d=$(bq "$MARIADB_DATABASE"); echo "GRANT ALL ON \`${d//_/\\_}\`.* TO '$u'@'%';"
			fi
		fi
	} | "${client[@]}" --database=mysql --binary-mode
	(umask 077; printf '[mariadb-client]\nport=3306\nsocket=%s\nuser=healthcheck\npassword=%s\nprotocol=tcp\n' "$SOCKET" "$hc" > "$DATADIR/.my-healthcheck.cnf")
	export MYSQL_PWD=$MARIADB_ROOT_PASSWORD
	# shellcheck disable=SC1090
	for f in /docker-entrypoint-initdb.d/*; do
		case $f in
		*.sh) note "running $f"; if [ -x "$f" ]; then "$f"; else . "$f"; fi;;
		*.sql) note "running $f"; "${client[@]}" ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} < "$f";;
		*.sql.gz) note "running $f"; gunzip -c "$f" | "${client[@]}" ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"};;
		*) note "ignoring $f";;
		esac
	done
	unset MYSQL_PWD
	stop_temporary_server
	[ -e "$DATADIR/mysql_upgrade_info" ] || [ -e "$DATADIR/mariadb_upgrade_info" ] || echo -n "$version" > "$DATADIR/mariadb_upgrade_info"
	rm -f "$DATADIR/.init-incomplete"
	note "MariaDB init process done. Ready for start up."
elif is_upgrade_needed; then
	if [ "${MARIADB_AUTO_UPGRADE:-0}" = 0 ]; then
		note "MariaDB upgrade (mariadb-upgrade or creating healthcheck users) required, but skipped due to \$MARIADB_AUTO_UPGRADE setting"
	else
		# No passwords are known here, hence no grants. mariadb-upgrade ends with FLUSH PRIVILEGES.
		temporary_server "$@" --skip-grant-tables --loose-innodb_buffer_pool_dump_at_shutdown=0
		back_up_system
		note "Starting mariadb-upgrade"
		mariadb-upgrade --no-defaults --protocol=socket --socket="$SOCKET" --upgrade-system-tables
		note "Finished mariadb-upgrade"
		stop_temporary_server
	fi
fi
unset MARIADB_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
exec "$@"
