#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Makes the images that the cluster begins with, those that are not in the cache yet,
# with no container engine and no registry: programs through the Go module proxy, MariaDB
# and busybox from Debian. Prints the tars' paths, one a line.
set -euo pipefail
. "$(dirname "$0")/env.sh"

(umask 077; mkdir -p "$IMAGES_DIR")
exec 9>"$IMAGES_DIR.lock" 3>&1 1>&2 # 3: the paths; all else is progress
flock 9
work=$(mktemp -d "$IMAGES_DIR/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

go_build() { # go_build MODULE-DIRECTORY PROGRAM PACKAGE
	# GOFLAGS empty: the caller's -mod or -race is not meant for these modules.
	(cd "$1" && CGO_ENABLED=0 GOFLAGS='' GOWORK=off nice -n "$BUILD_NICE" \
		go build -p "$BUILD_JOBS" -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/$2" "$3")
}

go_build "$ROOT_DIR/hack/image" image .

# image NAME FILE-OR-DIRECTORY...: runs make_NAME, which fills the array recipe, unless
# the cache has the image of the same sources already.
image() {
	local name=$1 key tar begun=$SECONDS
	shift
	key=$(find "$work/image" "$SCRIPT_DIR/build-images.sh" "$@" -type f -print0 | sort -z | xargs -0 sha256sum | cut -d' ' -f1 | sha256sum)
	tar=$IMAGES_DIR/$name-${key:0:12}.tar
	if [ ! -s "$tar" ]; then
		recipe=()
		"make_$name"
		nice -n "$BUILD_NICE" "$work/image" -o "$tar" "${recipe[@]}"
		echo "  in $((SECONDS - begun)) s"
		find "$IMAGES_DIR" -name "$name-????????????.tar" -mtime +7 -delete # of earlier sources
	fi
	echo "$tar" >&3
}

make_pause() {
	go_build "$SCRIPT_DIR/images/pause" pause .
	recipe=(-t multinic.local/pause:1 -f "$work/pause:/pause:0755" -user 65535:65535 -entrypoint /pause)
}

make_busybox() {
	local busybox=/usr/bin/busybox version applet
	version=$($busybox | sed -n '1s/^BusyBox v\([0-9]*\.[0-9]*\).*/\1/p')
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$work/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$work/group"
	recipe=(-t "docker.io/library/busybox:$version" -t multinic.local/busybox:1 -f "$busybox:/bin/busybox:0755"
		-f "$work/passwd:/etc/passwd" -f "$work/group:/etc/group" -d /tmp:1777 -d /root:0700 -cmd sh)
	for applet in $($busybox --list); do
		[ "$applet" = busybox ] || recipe+=(-l "/bin/busybox:/bin/$applet")
	done
}

make_coredns() {
	go_build "$SCRIPT_DIR/images/coredns" coredns .
	recipe=(-t multinic.local/coredns:1 -f "$work/coredns:/coredns:0755" -user 65532:65532 -entrypoint /coredns)
}

make_local-path-provisioner() {
	go_build "$SCRIPT_DIR/images/local-path" local-path-provisioner github.com/rancher/local-path-provisioner
	recipe=(-t multinic.local/local-path-provisioner:1
		-f "$work/local-path-provisioner:/usr/bin/local-path-provisioner:0755" -cmd /usr/bin/local-path-provisioner)
}

mariadb() { # mariadb SUITE: of that release of Debian, tagged like the official image
	local suite=$1 sources=$SCRIPT_DIR/images/mariadb rootfs version number
	rootfs=$IMAGES_DIR/mariadb-rootfs-$suite-$(sha256sum <"$sources/rootfs.sh" | cut -c1-12).tar
	if [ ! -s "$rootfs" ]; then
		nice -n "$BUILD_NICE" "$sources/rootfs.sh" "$suite" "$rootfs.unfinished"
		mv "$rootfs.unfinished" "$rootfs"
	fi
	version=$(tar -xOf "$rootfs" ./var/lib/dpkg/status | awk '/^Package:/ {found = $2 == "mariadb-server-core"} found && /^Version:/ {print $2}')
	number=${version#*:}
	number=${number%%[-+~]*}
	recipe=(-t "docker.io/library/mariadb:${number%.*}" -t "docker.io/library/mariadb:$number" -rootfs "$rootfs"
		-f "$sources/docker-entrypoint.sh:/usr/local/bin/docker-entrypoint.sh:0755"
		-f "$sources/healthcheck.sh:/usr/local/bin/healthcheck.sh:0755"
		-f "$sources/05-skipcache.cnf:/etc/mysql/mariadb.conf.d/05-skipcache.cnf"
		-f "$sources/50-server.cnf:/etc/mysql/mariadb.conf.d/50-server.cnf"
		-env "MARIADB_VERSION=$version" -env LANG=C.UTF-8 -volume /var/lib/mysql -port 3306/tcp
		-entrypoint docker-entrypoint.sh -cmd mariadbd)
}
make_mariadb-10.11() { mariadb bookworm; }
make_mariadb-11.8() { mariadb trixie; }

image pause "$SCRIPT_DIR/images/pause"
image busybox /usr/bin/busybox
image coredns "$SCRIPT_DIR/images/coredns"
image local-path-provisioner "$SCRIPT_DIR/images/local-path"
image mariadb-10.11 "$SCRIPT_DIR/images/mariadb"
image mariadb-11.8 "$SCRIPT_DIR/images/mariadb"
