# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The node's namespaces and the processes in them. A pid file holds "PID STARTTIME", so
# that a pid that the kernel has given to another process is never signalled.

start_time_of() { # field 22 of proc(5)'s stat; the name in field 2 may hold blanks
	sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

record() { # record NAME PID
	echo "$2 $(start_time_of "$2")" >"$RUN_DIR/$1.pid"
}

pid_of() { # pid_of NAME: its pid, if it lives
	local pid started
	[ -s "$RUN_DIR/$1.pid" ] && read -r pid started <"$RUN_DIR/$1.pid" || return 1
	[ -n "$started" ] && [ "$(start_time_of "$pid")" = "$started" ] || return 1
	echo "$pid"
}

wait_for_end() { # wait_for_end SECONDS PID: 1 if it still lives after them
	local n
	for ((n = $1 * 10; n > 0; n--)); do
		[ -e "/proc/$2" ] || return 0
		sleep 0.1
	done
	return 1
}

child_of() { # child_of PID: its first child, within some seconds
	local child
	for _ in $(seq 100); do
		child=$(pgrep -P "$1") && { echo "${child%%$'\n'*}"; return; }
		sleep 0.05
	done
	return 1
}

child_named() { # child_named PID PROGRAM: its child that runs that program by now; what it forks on the way is none
	local child
	for _ in $(seq 100); do
		child=$(pgrep -P "$1" -x "${2:0:15}") && { echo "${child%%$'\n'*}"; return; }
		sleep 0.05
	done
	return 1
}

cgroup_roots() { # of version 1 one a controller, of version 2 the one
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo /sys/fs/cgroup
		return
	fi
	local controller
	for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
		[ ! -e "/sys/fs/cgroup/$controller/tasks" ] || echo "/sys/fs/cgroup/$controller"
	done
}

make_cgroups() { # one for all of the cluster, and below it one for what is not a pod
	local root group file
	for root in $(cgroup_roots); do
		for group in "$CGROUP" "$CGROUP/system"; do
			mkdir -p "$root/$group"
			for file in cpuset.cpus cpuset.mems; do # of version 1: empty, nothing can join
				[ "${root##*/}" != cpuset ] || cat "$root/$file" >"$root/$group/$file"
			done
		done
		[ ! -e "$root/cgroup.subtree_control" ] ||
			for group in "" "$CGROUP/"; do
				echo "+cpu +cpuset +io +memory +pids" >"$root/${group}cgroup.subtree_control"
			done
	done
}

remove_cgroups() { # also of unified/, where runc makes one on its own
	local group
	for group in "/sys/fs/cgroup/$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do # they empty when the last process is reaped
			[ -d "$group" ] || break
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.2
		done
	done
}

# make_node: the process whose namespaces are the node. Nothing but its veth link leads
# out, and when it ends the kernel ends all that runs in there, mounts included.
make_node() {
	local holder init
	# shellcheck disable=SC2016 # $1 is the inner shell's
	setsid unshare --mount --propagation private --net --uts --ipc --pid --fork --kill-child --mount-proc \
		bash -c 'hostname "$1"; mount --make-rshared /; trap : TERM HUP INT; while :; do sleep 86400 & wait; done' \
		_ "$NODE" </dev/null >"$LOG_DIR/node.log" 2>&1 9>&- &
	holder=$!
	init=$(child_of $holder) || die "no namespaces: $(cat "$LOG_DIR/node.log")"
	for _ in $(seq 100); do
		[ "$(nsenter -t "$init" -u hostname 2>/dev/null)" != "$NODE" ] || break
		sleep 0.05
	done
	record holder $holder
	record init "$init"
}

in_node() { # in_node COMMAND...
	nsenter -t "$(pid_of init)" -m -n -u -i -p -- "$@"
}

# Where containerd, the CNI plugins and the kubelet write in spite of all settings.
PRIVATE_DIRECTORIES="/run/containerd /run/netns /var/lib/cni /var/lib/kubelet /var/log/containers"

hide_directories() { # the node gets its own; what had to be made as a place for them is noted
	local directory own
	for directory in $PRIVATE_DIRECTORIES; do
		own=$STATE_DIR/node$directory
		[[ $directory != /run/* ]] || own=$RUN_DIR/node$directory
		mkdir -p "$own"
		if [ ! -d "$directory" ]; then
			echo "$directory" >>"$STATE_DIR/made"
			mkdir "$directory"
		fi
		in_node mount --bind "$own" "$directory"
	done
}

remove_made_directories() {
	local directory
	[ -e "$STATE_DIR/made" ] || return 0
	while read -r directory; do rmdir "$directory"; done <"$STATE_DIR/made"
	rm "$STATE_DIR/made"
}

link_node() {
	local range
	ip link add "$HOST_LINK" type veth peer name uplink0 netns "$(pid_of init)"
	ip addr add "$HOST_IP/30" dev "$HOST_LINK"
	ip link set "$HOST_LINK" up
	in_node bash -ec "ip link set lo up; ip addr add $NODE_IP/30 dev uplink0; ip link set uplink0 up
		ip route add default via $HOST_IP
		sysctl -qw net.ipv4.ip_forward=1; sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true"
	for range in $SERVICE_CIDR $POD_CIDR; do
		# A late client's packets shall not go out of the real interface.
		ip route replace unreachable "$range" metric 9999
		ip route replace "$range" via "$NODE_IP" dev "$HOST_LINK"
	done
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ] || echo "note: this machine forwards packets, so pods may reach further than to it" >&2
}

spawn() { # spawn NAME COMMAND...: in the node, in the cgroup of what is not a pod
	local name=$1 entered started
	shift
	# shellcheck disable=SC2016 # the inner shell expands
	setsid bash -c 'group=$1 init=$2; shift 2
		for procs in /sys/fs/cgroup/$group/cgroup.procs /sys/fs/cgroup/{cpu,cpuacct,memory,pids}/$group/cgroup.procs; do
			[ ! -e $procs ] || echo $$ >$procs
		done
		exec nsenter -t $init -m -n -u -i -p -- "$@"' \
		_ "$CGROUP/system" "$(pid_of init)" "$@" </dev/null >>"$LOG_DIR/$name.log" 2>&1 9>&- &
	entered=$!
	started=$(child_named $entered "$(basename "$1")") || die "$name did not start; see $LOG_DIR/$name.log"
	record "$name" "$started"
}

until_ok() { # until_ok WHAT SECONDS COMMAND...
	local what=$1 n=$(($2 * 4))
	shift 2
	for _ in $(seq $n); do
		if "$@" >/dev/null 2>&1; then
			say "$what"
			return
		fi
		sleep 0.25
	done
	die "$what: not after $((n / 4)) s; see $LOG_DIR"
}
