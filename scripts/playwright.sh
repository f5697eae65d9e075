#!/bin/bash
# Playwright with this project's configuration (ui-tests/playwright.config.ts), in Debian's Chromium.
#   scripts/playwright.sh ARGUMENT…
# Needs: Chromium; Playwright among the packages of ui-tests/package.json or of the front end.
# Leaves: what Playwright leaves (ui-tests/test-results).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
config=$root/ui-tests/playwright.config.ts

[ -f "$config" ] || fail "there is no $config: nothing to run in a browser"
cd "$root"
[ ! -f ui-tests/package.json ] || cd ui-tests
exec jlpm playwright test --config "$config" "$@"
