#!/bin/bash
# Image registries on loopback, for the demo and the tests: an open one, one that wants a password, and the same once
# more with TLS, by a certificate of its own.
#   scripts/registry.sh start|stop|status
# `start` is no error when they run already, `status` is one unless all run. They stay until `stop`; see with-registry.sh for a command's length.
# Needs: unpack-debian.sh's needs (Debian's docker-registry is unpacked, not installed: installed, it is a service
# that starts at boot), python3, openssl. Leaves: .cache/registry (the program, the stores, *.pid, settings).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
home=$cache/registry
user=tester password=open-sesame
# the bcrypt hash of that password; it protects nothing but a test image
# shellcheck disable=SC2016
password_hash='$2b$05$3EUGUMUWWCgFjmBLDTIJ6e9Z0gtjmevCwJzT8igSOclj8cGXH4eVi'

unpack() {
  rm -rf "$home/program"
  "$root/scripts/unpack-debian.sh" bookworm "$home/program" docker-registry
  "$home/program/usr/bin/docker-registry" --version
}

certify() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=container-kernels" \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$home/secure.key" -out "$home/secure.crt"
}

# the process id of the instance, if it runs and is ours
running() {
  local pid
  pid=$(cat "$home/$1.pid" 2> /dev/null) || return 1
  [ -n "$pid" ] && { tr "\0" " " < "/proc/$pid/cmdline"; } 2> /dev/null | grep -qF " serve $home/$1.yml " || return 1
  echo "$pid"
}

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# The port of the last time, so that references stay valid; a free one if something else has taken it.
port_for() {
  python3 - "$(cat "$home/$1.port" 2> /dev/null || echo 0)" << 'PYTHON'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(s.getsockname()[1])
        break
PYTHON
}

start_one() {
  local name=$1 store=$2 auth=$3 tls=${4-} port
  if running "$name" > /dev/null; then return; fi
  port=$(port_for "$name")
  echo "$port" > "$home/$name.port"
  cat > "$home/$name.yml" << YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $home/$store}
  delete: {enabled: true}
http: {addr: 127.0.0.1:$port$tls}
$auth
YAML
  # in a session of its own, so that Ctrl-C in a terminal does not reach it, and without files of who started it: a lock
  # would be held as long as it runs
  (
    for file in /proc/self/fd/*; do
      [ "${file##*/}" -le 2 ] || eval "exec ${file##*/}>&-"
    done
    exec setsid "$home/program/usr/bin/docker-registry" serve "$home/$name.yml"
  ) > "$cache/logs/registry-$name.log" 2>&1 < /dev/null &
  echo $! > "$home/$name.pid"
  for _ in $(seq 100); do
    answers "$port" && return
    kill -0 "$(cat "$home/$name.pid")" 2> /dev/null || break
    sleep 0.1
  done
  tail -n 5 "$cache/logs/registry-$name.log" >&2
  fail "the $name registry did not start"
}

start() {
  step registry "$(key "$(declare -f unpack)")" "registry: from Debian's package" unpack
  # whoever starts them by hand wants them to stay
  rm -f "$home/on-demand"
  echo "$user:$password_hash" > "$home/htpasswd"
  step certificate "$(key "$(declare -f certify)")" "registry: a certificate" certify
  local auth="auth: {htpasswd: {realm: container-kernels, path: $home/htpasswd}}"
  start_one open open ''
  start_one private private "$auth"
  start_one secure private "$auth" ", tls: {certificate: $home/secure.crt, key: $home/secure.key}"
  cat > "$home/settings" << SETTINGS
export CK_TEST_REGISTRY=127.0.0.1:$(cat "$home/open.port")
export CK_TEST_PRIVATE_REGISTRY=127.0.0.1:$(cat "$home/private.port")
export CK_TEST_SECURE_REGISTRY=127.0.0.1:$(cat "$home/secure.port")
export CK_TEST_CERTIFICATE=$home/secure.crt
export CK_TEST_PRIVATE_USER=$user
export CK_TEST_PRIVATE_PASSWORD=$password
SETTINGS
}

stop() {
  local name pid
  for name in open private secure; do
    if pid=$(running "$name"); then
      kill "$pid"
      for _ in $(seq 50); do
        running "$name" > /dev/null || break
        sleep 0.1
      done
      if running "$name" > /dev/null; then kill -KILL "$pid"; fi
    fi
    rm -f "$home/$name.pid"
  done
  rm -f "$home/settings"
}

mkdir -p "$home"
exec {lock}> "$home/lock"
flock "$lock"
case ${1-} in
start) start ;;
stop) stop ;;
status)
  rc=0
  for name in open private secure; do
    if pid=$(running "$name"); then
      echo "$name: 127.0.0.1:$(cat "$home/$name.port"), process $pid"
    else
      echo "$name: stopped"
      rc=1
    fi
  done
  exit $rc
  ;;
*) fail "usage: registry.sh start|stop|status" ;;
esac
