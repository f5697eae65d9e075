#!/bin/bash
# Runs a command in the checkout's environment with the registries up, and stops them after it if they were down.
#   scripts/with-registry.sh COMMAND…
# Several may run at once: the last one to end stops the registries. Needs: what `make testbed` makes.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
mkdir -p "$cache/registry"

finish() {
  # nobody else holds the lock: this was the last command, and the registries are ours to stop
  flock --unlock "$users"
  if flock --exclusive --nonblock "$users" && [ -f "$cache/registry/on-demand" ]; then
    rm "$cache/registry/on-demand"
    "$root/scripts/registry.sh" stop
  fi
}

exec {users}> "$cache/registry/users"
flock --shared "$users"
"$root/scripts/registry.sh" status > /dev/null || : > "$cache/registry/on-demand"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"$root/scripts/registry.sh" start 2> /dev/null {users}>&-
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
"$@" {users}>&-
