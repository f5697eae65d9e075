#!/bin/bash
# A JupyterLab with this extension on loopback, to try it out; Jupyter directories of its own, so that the user's own
# Jupyter is not touched.
#   scripts/demo.sh           until Ctrl-C, SIGTERM or SIGHUP
#   scripts/demo.sh check     does the main job in a browser instead (Playwright's project "demo"), then ends
# Run by `make demo` below with-registry.sh. Needs: what `make demo` sets up. Leaves: .cache/demo; no process.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
home=$cache/demo
server=

# shellcheck disable=SC2329  # called by the trap
finish() {
  trap '' INT TERM HUP
  if [ -n "$server" ] && kill -0 "$server" 2> /dev/null; then
    say "Ending JupyterLab and its kernels …"
    kill -TERM "$server" 2> /dev/null || true
    for _ in $(seq 150); do
      kill -0 "$server" 2> /dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$server" 2> /dev/null || true
  fi
}
trap finish EXIT
trap 'exit 0' INT TERM HUP

start=$SECONDS
if [ "${1-}" = check ]; then
  # each check begins with a user who has nothing
  home=$cache/demo-check
  rm -rf "$home"
fi
mkdir -p "$home"/{data,config/labconfig,runtime,notebooks}
# else the first page asks whether it may fetch Jupyter's news
echo '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' > "$home/config/labconfig/page_config.json"
chmod 700 "$home/runtime"
port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
token=$(python -c 'import secrets; print(secrets.token_hex(16))')
export JUPYTER_DATA_DIR=$home/data JUPYTER_CONFIG_DIR=$home/config JUPYTER_RUNTIME_DIR=$home/runtime
export JUPYTER_TOKEN=$token
unset JUPYTER_PATH JUPYTER_CONFIG_PATH
as_root=()
[ "$(id -u)" != 0 ] || as_root=(--allow-root)

# The server ends with this script even if the script is killed.
setpriv --pdeathsig TERM setsid jupyter lab --no-browser --ip=127.0.0.1 --port="$port" --ServerApp.port_retries=0 \
  --ServerApp.root_dir="$home/notebooks" "${as_root[@]}" > "$cache/logs/demo.log" 2>&1 < /dev/null &
server=$!

answers() {
  python - "http://127.0.0.1:$port/api/status?token=$token" << 'PYTHON' 2> /dev/null
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=5)
PYTHON
}
for _ in $(seq 120); do
  if answers; then break; fi
  kill -0 "$server" 2> /dev/null || break
  sleep 0.3
done
if ! answers; then
  tail -n 20 "$cache/logs/demo.log" >&2
  fail "JupyterLab did not start (all of its output: $cache/logs/demo.log)"
fi
say "JupyterLab: $((SECONDS - start)) s"

if [ "${1-}" = check ]; then
  export CK_DEMO_URL=http://127.0.0.1:$port/ CK_DEMO_TOKEN=$token
  say "The main job, in a browser"
  "$root/scripts/playwright.sh" --project demo
  exit
fi

outside() {
  python - << 'PYTHON' 2> /dev/null
import urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request("https://registry-1.docker.io/v2/", method="HEAD"), timeout=3)
except urllib.error.HTTPError as error:
    # "who are you?" is an answer as well
    raise SystemExit(error.code != 401)
PYTHON
}

cat << TEXT

  http://127.0.0.1:$port/lab?token=$token

Open that in a browser, click "Add container kernel" in the Launcher, and name an image:

  $CK_TEST_REGISTRY/demo/python-ipykernel:1   Debian's Python with ipykernel
  $CK_TEST_REGISTRY/demo/python:1             Debian's Python alone; ipykernel is installed beside it
TEXT
if outside; then echo "  python:3.13-slim                         any image of Docker Hub"; fi
cat << TEXT

Kernels and images are kept in $home. Ctrl-C ends JupyterLab, its kernels and the registry.
TEXT
wait "$server" || true
tail -n 5 "$cache/logs/demo.log" >&2
fail "JupyterLab ended by itself"
