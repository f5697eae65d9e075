#!/bin/bash
# The Python environment .cache/venv: JupyterLab, Notebook, ipykernel, this project (editable) with what its tests
# and linters want. Its front end appears in JupyterLab as soon as it is built (a link, as `jupyter labextension
# develop` makes it).
# Needs: python3 ≥ 3.10 with venv, a Python package index. Leaves: .cache/venv.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
venv=$cache/venv

# the system's own Python where it will do: it stays where it is
find_python() {
  local python
  for python in /usr/bin/python3 python3; do
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || continue
    command -v "$python"
    return
  done
  fail "no python3 ≥ 3.10 with venv and ensurepip (Debian: python3-venv)"
}

environment() {
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --upgrade pip
  "$venv/bin/pip" install 'jupyterlab==4.6.*' 'notebook==7.6.*' ipykernel 'hatchling>=1.21' 'hatch-nodejs-version>=0.3.2' \
    'editables' build
}

# what --no-build-isolation needs is in the environment already, and an install then takes a second or two
project() {
  # the package's data list the built front end; before the first build an empty folder stands for it
  mkdir -p "$root/jupyterlab_container_kernels/labextension"
  "$venv/bin/pip" install --no-build-isolation --editable "${root}[test,lint]"
  local link=$venv/share/jupyter/labextensions/jupyterlab-container-kernels
  rm -rf "$link"
  mkdir -p "$(dirname "$link")"
  ln -s "$root/jupyterlab_container_kernels/labextension" "$link"
}

python=$(find_python)
[ -x "$venv/bin/pip" ] || rm -f "$cache/stamps/python-env" "$cache/stamps/python-project"
step python-env "$(key "$("$python" --version)" "$venv" "$(declare -f environment)")" "Python: JupyterLab in $venv" environment
step python-project "$(key "$(cat "$cache/stamps/python-env")" "$(declare -f project)" "$root/pyproject.toml" "$root"/jupyter_config/*/*)" \
  "Python: this project in it" project
