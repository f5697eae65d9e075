#!/bin/bash
# Runs the test suites and adds up their results; the last line is "N passed, N failed[, N skipped]".
#   scripts/test.sh [js|py|ui|slow|root]… [-- ARGUMENT…]    the first three by default; arguments go to the named one
# js: jest. py: pytest, with a real Apptainer and the registries. ui: Playwright in Chromium, with the same.
# slow: those of pytest that take minutes each (marked slow), one after the other.
# root: those of pytest that root alone can run, or that others may have to skip (marked root).
# Fails if a test failed, if a suite crashed, or if it ran no test. Needs: what `make testbed` and `make build` make.
# Leaves: .cache/results (each suite's own report and exit code); no process.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
results=$cache/results
mkdir -p "$results"
cd "$root"

# what runners and browsers leave in /tmp goes with the run (others may look into it: some tests change the user)
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 711 "$TMPDIR"
trap 'chmod -R u+rwX "$TMPDIR" && rm -rf "$TMPDIR"' EXIT

suites=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  suites+=("$1")
  shift
done
[ $# = 0 ] || shift
[ ${#suites[@]} -gt 0 ] || suites=(js py ui)

run_js() { jlpm test --json --outputFile="$results/js.json" "$@"; }

# Two files of tests at a time: one keeps one processor busy at most, and what a file's tests share is made once.
run_py() {
  scripts/with-registry.sh python -m pytest --numprocesses=2 --dist=loadfile --junitxml="$results/py.xml" "$@"
}

run_slow() {
  scripts/with-registry.sh python -m pytest -m slow --timeout=3600 --junitxml="$results/slow.xml" "$@"
}

run_root() {
  scripts/with-registry.sh python -m pytest -m root --numprocesses=2 --dist=loadfile --junitxml="$results/root.xml" "$@"
}

run_ui() {
  PLAYWRIGHT_JSON_OUTPUT_NAME=$results/ui.json \
    scripts/with-registry.sh scripts/playwright.sh --reporter=list,json "$@"
}

for suite in "${suites[@]}"; do
  case $suite in js | py | ui | slow | root) ;; *) fail "no suite is called $suite" ;; esac
  rm -f "$results/$suite".*
  say "Tests: $suite"
  start=$SECONDS
  rc=0
  "run_$suite" "$@" || rc=$?
  echo "$rc" > "$results/$suite.exit-code"
  say "Tests: $suite: $((SECONDS - start)) s"
  # interrupted: the others would only be interrupted again
  [ $rc != 130 ] || break
done
python scripts/sum-results.py "$results" "${suites[@]}"
