#!/bin/bash
# All linters, each with its time; zero warnings is the rule. Runs them all before it fails.
# Needs: python-env.sh's environment, the packages of the front end and of ui-tests. Leaves: the linters' own caches.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"
failed=()

lint() { # NAME COMMAND…
  local name=$1 start=$SECONDS output
  shift
  if output=$("$@" 2>&1); then
    say "  $name: $((SECONDS - start)) s"
  else
    printf '%s\n' "$output"
    say "  $name: failed"
    failed+=("$name")
  fi
}

say "Linters"
lint ruff ruff check
lint 'ruff format' ruff format --check
lint mypy mypy
lint shellcheck shellcheck --external-sources --source-path=scripts scripts/*.sh .ci/run
lint 'front end' jlpm lint:check
lint "browser's tests" env --chdir=ui-tests jlpm check
[ ${#failed[@]} = 0 ] || fail "${failed[*]}: see above"
