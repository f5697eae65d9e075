#!/bin/bash
# Runs a command in the checkout's environment with the registries up, and stops them after it if they were down.
#   scripts/with-registry.sh COMMAND…
# Several may run at once: the last one to end stops the registries. The command runs in a session of its own (so it
# cannot ask questions on the terminal); SIGINT, SIGTERM and SIGHUP reach all of it as SIGINT, which is what test
# runners clean up after. Needs: what `make testbed` makes. Leaves: no process.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
mkdir -p "$cache/registry"
child=

# shellcheck disable=SC2329  # called by the trap
finish() {
  trap '' INT TERM HUP
  [ -z "$child" ] || kill -KILL -- "-$child" 2> /dev/null || true
  # nobody else holds the lock: this was the last command, and the registries are ours to stop
  flock --unlock "$users"
  if flock --exclusive --nonblock "$users" && [ -f "$cache/registry/on-demand" ]; then
    rm "$cache/registry/on-demand"
    "$root/scripts/registry.sh" stop
  fi
}

exec {users}> "$cache/registry/users"
flock --shared "$users"
trap finish EXIT
trap 'exit 130' INT TERM HUP
if ! "$root/scripts/registry.sh" status > /dev/null; then
  "$root/scripts/registry.sh" start {users}>&-
  : > "$cache/registry/on-demand"
fi
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
: "${CK_TEST_REGISTRY:?the registries left no settings}"

# bash lets a background command ignore SIGINT; env undoes that
setsid env --default-signal=INT,QUIT "$@" <&0 {users}>&- &
child=$!
trap 'kill -INT -- "-$child" 2> /dev/null || true' INT TERM HUP
rc=0
while :; do
  rc=0
  wait "$child" || rc=$?
  kill -0 "$child" 2> /dev/null || break
done
exit $rc
