# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Debian packages. Only libraries and servers are installed. Of the OpenStack
# daemons' own packages just the files are wanted (programs, paste files): those
# are downloaded and unpacked into the state folder, so that no maintainer script
# runs, which would ask debconf, set up dbconfig and start services.

INSTALLED_PACKAGES="python3-keystone python3-nova python3-neutron python3-placement python3-glance
  python3-pymysql mariadb-server-core mariadb-client-core rabbitmq-server
  uwsgi-core uwsgi-plugin-python3 python3-openstacksdk memcached python3-memcache jq curl"
UNPACKED_PACKAGES="nova-common nova-api nova-conductor nova-scheduler nova-compute neutron-common glance-common glance-api"

missing_packages() {
  local package
  for package in $INSTALLED_PACKAGES; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

apt_install() { # without recommended packages, and without an fsync for each file
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=1200 -o Dpkg::Options::=--force-unsafe-io \
    install -y --no-install-recommends "$@"
}

install_packages() {
  local missing policy=/usr/sbin/policy-rc.d own_policy=
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "as root, first: apt-get install --no-install-recommends" $missing >&2
    return 1
  fi
  echo "installing" $missing "(minutes; log: $LOG_DIR/apt.log)"
  if [ ! -e "$policy" ]; then # 101: no package may start its service (invoke-rc.d)
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    own_policy=yes
  fi
  local status=0
  apt_install $missing > "$LOG_DIR/apt.log" 2>&1 ||
    { apt-get update && apt_install $missing; } >> "$LOG_DIR/apt.log" 2>&1 || status=$?
  [ -z "$own_policy" ] || rm -f "$policy"
  [ "$status" -eq 0 ] || tail -n 20 "$LOG_DIR/apt.log" >&2
  return "$status"
}

unpack_packages() {
  [ ! -e "$PACKAGE_DIR/.done" ] || return 0
  rm -rf "$PACKAGE_DIR/deb"
  mkdir -p "$PACKAGE_DIR/deb"
  (
    cd "$PACKAGE_DIR/deb"
    apt-get -o APT::Sandbox::User=root download $UNPACKED_PACKAGES > "$LOG_DIR/apt-download.log" 2>&1
    for deb in *.deb; do dpkg -x "$deb" "$PACKAGE_DIR"; done
  ) || { tail -n 20 "$LOG_DIR/apt-download.log" >&2; return 1; }
  touch "$PACKAGE_DIR/.done"
}
