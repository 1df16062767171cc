# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0

# The beginning of dump.sh and load.sh. Run by /bin/sh -ec in MariaDB's own image,
# of any version from 10.3 on: the shell may be dash, or busybox's, and there is
# little beside sed and gzip.
#
# The database is named as the controller's is: DB_HOST, DB_PORT, DB_USER,
# DB_PASSWORD, DB_NAME, DB_TLS, DB_TLS_CA. BACKUP_FILE is the dump, compressed. A
# server that is away is waited for, for DB_WAIT seconds (300) after the first try.

set -eu
# The program that goes on with the file may run as another user of the same group.
umask 007

fail() {
	echo "multinic: $*" >&2
	exit 1
}

for name in DB_HOST DB_USER DB_NAME BACKUP_FILE; do
	eval "value=\${$name:-}"
	[ -n "$value" ] || fail "$name is not set"
done
case $DB_NAME in -*) fail "DB_NAME=$DB_NAME: a database's name can't begin with a dash here" ;; esac

# As the controller reads it.
case ${DB_TLS:-false} in
1 | t | T | true | TRUE | True) tls=true ;;
0 | f | F | false | FALSE | False) tls=false ;;
*) fail "DB_TLS=$DB_TLS: want true or false" ;;
esac

wait=${DB_WAIT:-300}
case $wait in *[!0-9]*) fail "DB_WAIT=$wait: want a number of seconds" ;; esac

# By the environment: other users of the machine can read a command line.
export MYSQL_PWD="${DB_PASSWORD:-}"
[ -n "$MYSQL_PWD" ] || unset MYSQL_PWD
unset DB_PASSWORD

# MariaDB 11 has the first of two names alone, 10.3 the second.
program() {
	for name in "$@"; do
		if command -v "$name"; then return; fi
	done
	fail "neither of the programs $* is in this image: use an image of MariaDB 10.3 or later (spec.database.image)"
}
client=$(program mariadb mysql)

# Runs a client program. A limit of the client's own on a packet would be less than
# what the server allows.
connect() {
	program=$1
	shift
	if [ "$tls" = true ]; then
		set -- --ssl --ssl-verify-server-cert ${DB_TLS_CA:+"--ssl-ca=$DB_TLS_CA"} "$@"
	else
		set -- --skip-ssl "$@"
	fi
	"$program" --no-defaults --protocol=tcp --host="$DB_HOST" --port="${DB_PORT:-3306}" --user="$DB_USER" \
		--default-character-set=utf8mb4 --max-allowed-packet=1G "$@"
}

sql() {
	connect "$client" --connect-timeout=20 --batch --skip-column-names --execute="$1" "$DB_NAME"
}

# Waits for a server that is away, as while it starts anew or moves to another node:
# a Job has few tries. What a person must mend, like a password, is told at once.
await_server() {
	ends=$(($(date +%s) + wait))
	told=
	until answer=$(sql "SELECT 1" 2>&1); do
		case $answer in
		# User, user, database, user, TLS.
		*"ERROR 1044 "* | *"ERROR 1045 "* | *"ERROR 1049 "* | *"ERROR 1698 "* | *"ERROR 2026 "*) ends=0 ;;
		*"ERROR "*) ;;
		*) ends=0 ;; # the client's own
		esac
		if [ "$(date +%s)" -ge "$ends" ]; then
			fail "database $DB_NAME at $DB_HOST does not answer: $answer"
		fi
		[ -n "$told" ] || echo "multinic: waiting for database $DB_NAME at $DB_HOST, for $wait seconds at most: $answer" >&2
		told=yes
		sleep 2
	done
}

# The schema's version while a dump is being loaded. No controller leads a database
# of a version that it doesn't know.
loading=1000000000
# A second one beside it: the database that a dump is restored into was forgotten.
forgotten=999999999

# Names of our tables in the database. Another application's may begin with multi_
# too; those that are like the agents' are not touched.
our_tables() {
	sql "SELECT table_name FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name NOT REGEXP '[^a-z0-9_]'
		AND (table_name IN ('cr_state', 'node_table') OR table_name REGEXP '^multi_')
		AND (table_name = 'multi_interface' OR table_name NOT REGEXP '^multi_interface_'
			OR table_name REGEXP '^multi_interface_shut_[0-9]' AND table_name NOT REGEXP '^multi_interface_shut_.*[^0-9]')
		AND table_name <> 'multi_schema_lock'
		ORDER BY FIELD(table_name, 'multi_epoch', 'multi_schema_version'), table_name"
}

# contains LIST WORD: a word of a list.
contains() {
	for word in $1; do
		if [ "$word" = "$2" ]; then return 0; fi
	done
	return 1
}

# Looks through a dump before anything relies on it, and sets tables. Statements
# stand at the beginning of a line, where no data can: within a string a line's end
# is written \n, and every line of rows begins with INSERT INTO or a bracket.
check_dump() {
	[ -s "$1" ] || fail "$1 is missing or empty"
	gzip -t "$1" || fail "$1 is damaged or cut off: it is no whole gzip file"
	parts=$(gzip -dc "$1" | LC_ALL=C sed -n \
		-e '1s/^-- MultiNic backup, format 1$/format/p' \
		-e 's/^CREATE TABLE `\([a-z0-9_]*\)` (.*/table:\1/p' \
		-e 's/^-- MultiNic: all is there but the version$/all/p' \
		-e '$s/^-- Dump completed.*/completed/p')
	contains "$parts" format || fail "$1 is no backup of MultiNic, or of a newer one: its first line is not what dump.sh writes"
	contains "$parts" all && contains "$parts" completed || fail "$1 is cut off: its end is missing"
	tables=
	for item in $parts; do
		case $item in table:*) ;; *) continue ;; esac
		item=${item#table:}
		case $item in
		multi_interface | multi_interface_*)
			[ "$item" = multi_interface_shut_0 ] || fail "$1 makes a table $item: loading it would show agents what is not checked yet"
			;;
		esac
		if contains "$tables" "$item"; then fail "$1 makes the table $item twice"; fi
		tables="$tables $item"
	done
	for item in multi_interface_shut_0 multi_epoch cr_state multi_claim multi_subnet node_table multi_schema_version; do
		contains "$tables" "$item" || fail "$1 lacks the table $item"
	done
}
