#!/bin/bash
# Undoes the set-up: stops the registries, removes .cache, node_modules and, as root, the test user.
# System packages stay. Leaves: nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

[ ! -d "$cache/registry" ] || "$root/scripts/registry.sh" stop
# what a run of the tests that was killed has left
[ ! -d "$cache/slurm" ] || "$root/scripts/slurm.sh" down
[ ! -d "$cache/slurm-trixie" ] || SLURM_SUITE=trixie "$root/scripts/slurm.sh" down
[ ! -d "$cache/ondemand" ] || "$root/scripts/ondemand.sh" down
[ "$(id -u)" != 0 ] || "$root/scripts/testbed-user.sh" remove
# an unpacked image may hold folders without the right to write
chmod -R u+rwX "$cache" 2> /dev/null || true
rm -rf "$cache" "$root/node_modules" "$root/ui-tests/node_modules"
say "Removed $cache and node_modules"
