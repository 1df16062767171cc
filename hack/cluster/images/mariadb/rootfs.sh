#!/usr/bin/env bash
# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# rootfs.sh SUITE FILE: a root file system with that Debian release's MariaDB, as a tar.
# From the mirrors that this machine's apt is set to, whatever release it has itself.
set -euo pipefail
suite=$1 file=$2

mirrors=()
# shellcheck disable=SC2016 # apt-get expands
while IFS='|' read -r uri label codename; do
	case $label in
	Debian) case $codename in *-*) ;; *) mirrors+=("$uri $suite" "$uri $suite-updates") ;; esac ;;
	Debian-Security) mirrors+=("$uri $suite-security") ;;
	esac
done < <(apt-get indextargets --format '$(REPO_URI)|$(LABEL)|$(CODENAME)' 'Created-By: Packages' | sort -u)
[ ${#mirrors[@]} -gt 0 ] || { echo "apt knows no mirror of Debian: run apt-get update" >&2; exit 1; }
echo "Making a root file system of Debian $suite with MariaDB (two minutes) ..." >&2

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# The accounts come first, so that the packages find uid and gid 999, the official image's.
export SOURCE_DATE_EPOCH=0
# shellcheck disable=SC2016 # mmdebstrap's shell expands $1
printf "deb [signed-by=$keyring] %s main\n" "${mirrors[@]}" |
	mmdebstrap --quiet --mode=root --variant=essential --format=tar \
		--include=mariadb-server-core,mariadb-client,mariadb-backup,tzdata \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--essential-hook='echo mysql:x:999: >>"$1/etc/group"
			echo mysql:x:999:999::/home/mysql:/sbin/nologin >>"$1/etc/passwd"
			echo "mysql:!:19000::::::" >>"$1/etc/shadow"
			mkdir -p "$1/home/mysql" && chown 999:999 "$1/home/mysql"' \
		--customize-hook='cd "$1" && rm -rf var/lib/mysql var/cache/apt/* var/lib/apt/lists/* var/log/* usr/share/doc
			mkdir -p var/lib/mysql run/mysqld docker-entrypoint-initdb.d
			chown 999:999 var/lib/mysql run/mysqld && chmod 1777 run/mysqld' \
		--customize-hook='cd "$1" && case $(chroot . mariadbd --version) in
			*" 10."*) ;; *) rm -f usr/bin/mysql* usr/sbin/mysql* ;; # as the official images from 11 on
			esac' \
		"$suite" "$file" >&2
