#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Installs, when this is root and something is missing, what the cluster takes from
# Debian. No service is started.
set -euo pipefail
. "$(dirname "$0")/env.sh"

packages=()
need() { # need PACKAGE TEST...: the package, unless the test succeeds
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || packages+=("$package")
}
have() { command -v "$1"; }
need containerd have containerd
need runc have runc
need containernetworking-plugins test -x /usr/lib/cni/bridge
need iptables have iptables # the CNI plugin portmap
need nftables have nft      # kube-proxy
need conntrack have conntrack
need iproute2 have ip
need procps have pgrep
need openssl have openssl
need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
need mmdebstrap have mmdebstrap
need debian-archive-keyring test -s "$DEBIAN_KEYRING"
need busybox-static dpkg -s busybox-static # not busybox, which is linked dynamically
[ ${#packages[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || die "this needs Debian; without apt-get, please install: ${packages[*]}"
[ "$(id -u)" = 0 ] || die "please install:  sudo apt-get install ${packages[*]}"
echo "Installing ${packages[*]} (no service is started) ..."
# 101 is what invoke-rc.d takes for "not allowed" (Debian's policy-rc.d.8).
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -qq </dev/null
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
