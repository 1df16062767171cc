
# Loads BACKUP_FILE into DB_NAME. The file is looked through before anything is
# touched. From the first statement on agents get an error, and no controller can
# lead, until all is there; a load that was cut off anywhere is made whole by another.
# BACKUP_FILE.rows, where it is there, holds a table and its number of rows a line.
# RESTORE=true: the rows are of before, and a cluster may have lost the statuses that
# would tell. The gate is then left shut for whoever leads next.

check_dump "$BACKUP_FILE"
await_server

# Another application's tables of our names. A load that was cut off at its last
# statements leaves all but the version.
there=$(our_tables)
if ! contains "$there" multi_schema_version && ! contains "$there" multi_interface_shut_0; then
	for table in $tables; do
		if contains "$there" "$table"; then
			fail "database $DB_NAME at $DB_HOST has a table $table and no multi_schema_version: it is another application's; name a database of MultiNic's own (DB_NAME), or drop that table"
		fi
	done
fi

# Another cluster's rows, where the caller says whose they may be.
if [ -n "${EXPECT_OWNER:-}" ] && contains "$there" multi_epoch; then
	owner=$(sql "SELECT owner FROM multi_epoch")
	if [ -n "$owner" ] && [ "$owner" != "$EXPECT_OWNER" ]; then
		fail "database $DB_NAME at $DB_HOST belongs to $owner, and not to $EXPECT_OWNER: name a database of this cluster's own (DB_NAME)"
	fi
fi

# The rows are counted by the same connection before the version is there, as a
# controller may change them from then on. A difference becomes a statement that is
# none: the server's error shows it.
checks='-- no rows to compare'
if [ -f "$BACKUP_FILE.rows" ]; then
	while read -r table count; do
		case $table$count in *[!a-z0-9_]*) fail "$BACKUP_FILE.rows is damaged" ;; esac
		case $count in '' | *[!0-9]*) fail "$BACKUP_FILE.rows is damaged" ;; esac
		[ "$checks" != '-- no rows to compare' ] || checks=
		checks="${checks}SET @multinic = (SELECT IF(COUNT(*) = $count, 'DO 0', CONCAT('table $table holds ', COUNT(*), ' rows instead of $count')) FROM $table); PREPARE multinic FROM @multinic; EXECUTE multinic; DEALLOCATE PREPARE multinic; "
	done <"$BACKUP_FILE.rows"
fi

# That all is forgotten ('forgot': nobody knows who had published) outlasts a restore,
# be it the database that says so or the dump. multi_epoch goes early in the load, so
# until the end a second version says it, which goes with its table; a restore that
# follows one that was cut off finds it there. By then the first one keeps leaders
# away. The gate is written before the version is there.
remember='-- the gate is as it was dumped'
if [ "${RESTORE:-false}" = true ]; then
	remember="SET @multinic = (SELECT IF(COUNT(*) = 0, 'DO 0', 'INSERT INTO multi_schema_version (version_id, is_applied) SELECT $forgotten, 1 FROM multi_epoch WHERE gate = ''forgot''') FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'multi_epoch'); PREPARE multinic FROM @multinic; EXECUTE multinic; DEALLOCATE PREPARE multinic;"
	[ "$checks" != '-- no rows to compare' ] || checks=
	checks="${checks}UPDATE multi_epoch SET gate = IF(gate = 'forgot' OR EXISTS (SELECT 1 FROM multi_schema_version WHERE version_id = $forgotten), 'forgot', 'shut');"
fi

# In binary mode the client takes no commands of its own, like those that run programs.
read_whole=$({
	{ gzip -dc "$BACKUP_FILE" && echo whole >&3; } |
		LC_ALL=C sed -e '/^DROP TABLE IF EXISTS multi_epoch;$/i\
'"$remember" -e '/^-- MultiNic: all is there but the version$/a\
'"$checks" |
		connect "$client" --connect-timeout=20 --binary-mode "$DB_NAME" >&2
} 3>&1) || fail "loading $BACKUP_FILE into database $DB_NAME at $DB_HOST failed, see above. Agents get errors, which change nothing, until it is loaded again"
[ "$read_whole" = whole ] || fail "$BACKUP_FILE could not be read to its end: load it again"
version=$(sql "SELECT MAX(version_id) FROM multi_schema_version")
[ "$version" != "$loading" ] || fail "$BACKUP_FILE was not loaded to its end: load it again"
echo "multinic: loaded $BACKUP_FILE into database $DB_NAME at $DB_HOST; agents read it once the controller has opened the gate"
