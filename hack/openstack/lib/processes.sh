# Copyright 2026 The MultiNic Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Starting and ending processes, and waiting for them. Each service is a session
# of its own whose pid file holds "PID STARTTIME", so that a pid that the kernel
# has given to another process is never signalled.

# Debian's Python with Debian's packages, whatever the caller has first in PATH;
# and no proxy between services that talk over loopback.
PYTHON=/usr/bin/python3
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH PYTHONHOME PYENV_VERSION http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

OPENSTACK_SERVICES="l2agent nova-compute nova-api nova-scheduler nova-conductor neutron glance placement keystone"
BACKING_SERVICES="rabbit epmd memcached mariadb"

# run_python SCRIPT [ARGS]: one of lib/*.py, with the settings it reads
run_python() {
  local script=$1
  shift
  STATE_DIR=$STATE_DIR ADMIN_PASSWORD=$ADMIN_PASSWORD USER_PASSWORD=$USER_PASSWORD \
    KEYSTONE_URL=$KEYSTONE_URL NOVA_URL=$NOVA_URL PLACEMENT_URL=$PLACEMENT_URL GLANCE_URL=$GLANCE_URL NEUTRON_URL=$NEUTRON_URL \
    "$PYTHON" "$SCRIPT_DIR/lib/$script" "$@"
}

start_time_of() { # field 22 of proc(5)'s stat; the name in field 2 may hold blanks
  sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

is_alive() { # is_alive SERVICE
  local pid started
  [ -f "$RUN_DIR/$1.pid" ] && read -r pid started < "$RUN_DIR/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time_of "$pid")" = "$started" ]
}

start() { # start SERVICE PORT|- COMMAND...
  local name=$1 port=$2
  shift 2
  is_alive "$name" && return 0
  if [ "$port" != - ] && port_answers "$port"; then
    echo "$name: port $port is taken by another program; set MULTINIC_OPENSTACK_PORT_BASE" >&2
    return 1
  fi
  rm -f "$RUN_DIR/$name.pid"
  # The child writes its own pid before it becomes the service. 9 is up.sh's lock.
  setsid -f bash -c '
    pidfile=$1 nice=$2
    shift 2
    echo "$$ $(sed "s/^.*) //" /proc/$$/stat | cut -d" " -f20)" > "$pidfile"
    [ -z "$nice" ] || echo "$nice" > /proc/$$/autogroup
    exec "$@"' _ "$RUN_DIR/$name.pid" "$MULTINIC_OPENSTACK_NICE" "$@" >> "$LOG_DIR/$name.log" 2>&1 < /dev/null 9>&-
  for _ in $(seq 50); do
    [ -s "$RUN_DIR/$name.pid" ] && return 0
    sleep 0.1
  done
  echo "$name did not start" >&2
  return 1
}

stop() { # stop SERVICE [SECONDS]: TERM, and after SECONDS (default 20) KILL for the whole session
  local name=$1 tenths=$((${2:-20} * 10)) pid
  if is_alive "$name"; then
    read -r pid _ < "$RUN_DIR/$name.pid"
    kill -CONT -- "-$pid" 2>/dev/null || true # a frozen one could not end itself
    kill -TERM "$pid" 2>/dev/null || true
    while is_alive "$name" && [ "$tenths" -gt 0 ]; do
      sleep 0.1
      tenths=$((tenths - 1))
    done
    kill -KILL -- "-$pid" 2>/dev/null || true # workers that outlived their parent
  fi
  rm -f "$RUN_DIR/$name.pid"
}

port_answers() { (exec 3<> "/dev/tcp/$HOST_IP/$1") 2>/dev/null; }

http_answers() { # http_answers URL: any status below 500
  local code
  code=$(curl -s -o /dev/null -m 5 -w '%{http_code}' "$1") && [ "$code" -ge 200 ] && [ "$code" -lt 500 ]
}

wait_for() { # wait_for SERVICE SECONDS CHECK...: until CHECK succeeds, the service dies or the time is over
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@"; do
    if ! is_alive "$name" || [ "$SECONDS" -ge "$deadline" ]; then
      echo "$name does not answer; the end of $LOG_DIR/$name.log:" >&2
      tail -n 20 "$LOG_DIR/$name.log" >&2
      return 1
    fi
    sleep 0.2
  done
}
