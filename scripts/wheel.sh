#!/bin/bash
# The wheel that users install, and a look inside it.
# Needs: python-env.sh's environment, the built front end. Leaves: dist/*.whl.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$root"

rm -rf dist
python -m build --wheel --no-isolation --outdir dist . > "$cache/logs/wheel.log" 2>&1 || {
  tail -n 20 "$cache/logs/wheel.log" >&2
  fail "the wheel could not be built"
}
content=$(python -m zipfile -l dist/*.whl)
for part in labextensions/jupyterlab-container-kernels/package.json labextensions/jupyterlab-container-kernels/static/ \
  labextensions/jupyterlab-container-kernels/install.json jupyter_server_config.d/ jupyterlab_container_kernels/app.py; do
  grep -qF "$part" <<< "$content" || fail "the wheel lacks $part"
done
ls -l dist/*.whl
