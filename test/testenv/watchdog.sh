# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Waits until the process that started it is gone (end of file on standard input),
# then kills what that process left and removes its directory, named by the first
# line of standard input. Plain POSIX sh: it must run wherever the tests run.
trap '' HUP INT TERM
IFS= read -r dir || exit 0
while read -r _; do :; done

# Whatever was read: this removes and kills by this name, so it must be ours.
case $dir in
/*/multinic-testenv-????????????????) ;;
*) exit 1 ;;
esac

# Descendants bear the directory in a variable of our own. The name alone tells
# nothing: a person's shell that has it in KUBECONFIG, or in a command line, is
# not ours. The pattern comes by a pipe, or grep would find itself.
descendants() {
	if [ -d /proc/self ]; then
		cd /proc
		printf 'MULTINIC_TESTENV=%s\n' "$dir" | grep -lsF -f - [0-9]*/environ | cut -d/ -f1 | sort -u
	else
		pgrep -f "$dir" # no /proc (macOS): by command line only
	fi
}

# Several rounds: one of them may just have been starting another.
round=0
while [ $round -lt 100 ]; do
	pids=$(descendants)
	[ -n "$pids" ] || break
	# shellcheck disable=SC2086 # one word each
	kill -KILL $pids 2>/dev/null
	sleep 0.1 2>/dev/null || sleep 1
	round=$((round + 1))
done
rm -rf "$dir"
