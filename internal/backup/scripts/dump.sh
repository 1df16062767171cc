
# Dumps MultiNic's tables of DB_NAME into BACKUP_FILE, which is there when it is
# whole. Other tables of the database, triggers and accounts are not part of it.
#
# A dump restores shut: whatever name the agents' table has, in the dump it has one
# that they don't read, and loading the dump, here or by hand, takes the table that
# they read away before it changes anything. The controller opens it.

dumper=$(program mariadb-dump mysqldump)

await_server
tables=$(our_tables)
for table in multi_epoch cr_state multi_claim multi_subnet node_table multi_schema_version; do
	contains "$tables" "$table" || fail "database $DB_NAME at $DB_HOST has no table $table: it is not MultiNic's, or the controller has not made it yet"
done
interfaces=
for table in $tables; do
	case $table in multi_interface | multi_interface_shut_*) interfaces="$interfaces $table" ;; esac
done
# shellcheck disable=SC2086 # one word a table
set -- $interfaces
[ $# -eq 1 ] || fail "database $DB_NAME at $DB_HOST has $# tables of interfaces instead of one ($*): its gate is being opened or shut, or a dump was loaded beside it; try again once the controller leads it"
version=$(sql "SELECT MAX(version_id) FROM multi_schema_version")
[ "$version" != "$loading" ] || fail "a backup is being loaded into database $DB_NAME at $DB_HOST, or that was cut off: dump it when it is whole"

# What must be the same before and after. A table that is not there at the moment when
# mariadb-dump asks for its columns, because it is being renamed, is dumped without its
# rows and without an error (seen with 10.11). Leaders rename, and each has a number of
# its own; what else may rename shows in a table that has rows and none in the dump.
moment() {
	names=$(our_tables) &&
		numbers=$(sql "SELECT fencing, epoch, (SELECT MAX(version_id) FROM multi_schema_version) FROM multi_epoch") &&
		echo "$names $numbers"
}
# Tables that have rows.
filled() {
	query=
	for table in $tables; do query="${query:+$query UNION ALL }(SELECT '$table' FROM $table LIMIT 1)"; done
	sql "$query"
}
moment_before=$(moment)
filled_before=$(filled)

# What stands at the top. In this order: agents get an error from now on; a
# controller that leads can't write any more, and none can begin to lead; what one
# may have renamed meanwhile goes too.
beginning() {
	cat <<'SQL'
-- MultiNic backup, format 1
-- Load it whole, into a database of MultiNic's own. Agents get an error, which changes nothing for
-- them, from the first statement until the controller has looked at it and opened the gate.
SET lock_wait_timeout = 60;
SET @multinic = COALESCE((SELECT CONCAT('DROP TABLE ', GROUP_CONCAT(table_name ORDER BY table_name)) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name REGEXP '^multi_interface(_(shut|stray)_[0-9]+)?$'), 'DO 0');
PREPARE multinic FROM @multinic;
EXECUTE multinic;
CREATE TABLE IF NOT EXISTS multi_schema_version (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, version_id BIGINT NOT NULL, is_applied TINYINT(1) NOT NULL, tstamp DATETIME NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB;
INSERT INTO multi_schema_version (version_id, is_applied) VALUES (1000000000, 1);
DROP TABLE IF EXISTS multi_epoch;
SET @multinic = COALESCE((SELECT CONCAT('DROP TABLE ', GROUP_CONCAT(table_name ORDER BY table_name)) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name REGEXP '^multi_interface(_(shut|stray)_[0-9]+)?$'), 'DO 0');
PREPARE multinic FROM @multinic;
EXECUTE multinic;
DEALLOCATE PREPARE multinic;
SQL
}

# Gives the agents' table its name. The foreign keys lose theirs, which would be
# taken where a table of that name is there; InnoDB makes new ones. The first line of
# newer dumps is a command that older clients choke on.
#
# The version comes last, so that until then no controller can lead. Before it goes
# what one that was already about to may have made since the beginning.
rewrite() {
	LC_ALL=C sed \
		-e '/^\/\*M*!999999\\- /d' \
		-e 's/^DROP TABLE IF EXISTS `'"$1"'`;/DROP TABLE IF EXISTS `multi_interface_shut_0`;/' \
		-e 's/^CREATE TABLE `'"$1"'` (/CREATE TABLE `multi_interface_shut_0` (/' \
		-e 's/^INSERT INTO `'"$1"'` /INSERT INTO `multi_interface_shut_0` /' \
		-e 's/^\(-- .* for table `\)'"$1"'`$/\1multi_interface_shut_0`/' \
		-e 's/^  CONSTRAINT `'"$1"'_ibfk_[0-9]*` FOREIGN KEY /  FOREIGN KEY /' \
		-e '/^DROP TABLE IF EXISTS `multi_schema_version`;/i\
-- MultiNic: all is there but the version\
SET @multinic = COALESCE((SELECT CONCAT('"'DROP TABLE '"', GROUP_CONCAT(table_name)) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> '"'multi_interface_shut_0'"' AND table_name REGEXP '"'^multi_interface(_(shut|stray)_[0-9]+)?$'"'), '"'DO 0'"');\
PREPARE multinic FROM @multinic;\
EXECUTE multinic;\
DEALLOCATE PREPARE multinic;'
}

part=$BACKUP_FILE.part
case $BACKUP_FILE in */*) mkdir -p "${BACKUP_FILE%/*}" ;; esac
# A pipe's status is that of its last program: the first one's comes by another way.
# sed's failure shows in what is missing at the end.
# shellcheck disable=SC2086 # one word a table
whole=$({
	{
		beginning
		connect "$dumper" --single-transaction --quick --skip-lock-tables --skip-add-locks --skip-disable-keys \
			--no-tablespaces --skip-triggers --hex-blob --net-buffer-length=256K "$DB_NAME" $tables && echo whole >&3
	} | rewrite "$1" | gzip >"$part"
} 3>&1) || fail "writing $part failed: is there room?"
[ "$whole" = whole ] || fail "dumping database $DB_NAME at $DB_HOST failed, see above; nothing was kept"
filled_after=$(filled) && [ "$(moment)" = "$moment_before" ] ||
	fail "the gate of database $DB_NAME at $DB_HOST was opened or shut, or a controller began to lead, while it was dumped: nothing was kept, dump it again"
dumped=$(gzip -dc "$part" | LC_ALL=C sed -n 's/^INSERT INTO `\([a-z0-9_]*\)` .*/\1/p')
for table in $filled_before; do
	written=$table
	case $table in multi_interface | multi_interface_shut_*) written=multi_interface_shut_0 ;; esac
	if contains "$filled_after" "$table" && ! contains "$dumped" "$written"; then
		fail "table $table of database $DB_NAME at $DB_HOST has rows, and none are in the dump: it was changed meanwhile; nothing was kept, dump it again"
	fi
done
check_dump "$part"
# A load that began and was seen half done by this dump.
if [ -n "$(gzip -dc "$part" | LC_ALL=C sed -n -e '/^INSERT INTO `multi_schema_version` /,$s/,'"$loading"',/&/p')" ]; then
	fail "a backup was being loaded into database $DB_NAME at $DB_HOST meanwhile: nothing was kept"
fi
mv "$part" "$BACKUP_FILE"
echo "multinic: dumped database $DB_NAME at $DB_HOST into $BACKUP_FILE"
