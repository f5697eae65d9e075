#!/bin/bash
# Playwright with this project's configuration (ui-tests/playwright.config.ts), in Debian's Chromium.
#   scripts/playwright.sh ARGUMENT…
# Needs: Chromium, `front-end.sh ui-packages`.
# Leaves: what Playwright leaves (ui-tests/test-results, .cache/playwright).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

export PWTEST_CACHE_DIR=$cache/playwright
cd "$root/ui-tests"
exec jlpm playwright test "$@"
