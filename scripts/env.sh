#!/bin/bash
# The environment of the checkout, for a shell:   . scripts/env.sh
# Sourced, never run. Needs: what `make testbed` makes; what is not there yet is left out.
# Sets
#   PATH                       first .cache/venv/bin (python, jupyter, jlpm, node if it comes from there) and
#                              .cache/apptainer/bin, if Apptainer comes from there
#   APPTAINER_USERNS=1         only where Apptainer needs it (root that lacks a capability)
#   YARN_*                     yarn's cache below .cache; the package registry that npm is configured for
# and while the registries run (scripts/registry.sh start)
#   CK_TEST_REGISTRY           host:port of the open one: demo/python, demo/python-ipykernel, test/…
#   CK_TEST_PRIVATE_REGISTRY   host:port of the one that wants CK_TEST_PRIVATE_USER and CK_TEST_PRIVATE_PASSWORD
# They speak HTTP: APPTAINER_NOHTTPS=1 for Apptainer, --tls-verify=false for skopeo.

_ck_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
_ck_cache=${CONTAINER_KERNELS_CACHE:-$_ck_root/.cache}
for _ck_bin in "$_ck_cache/apptainer/bin" "$_ck_cache/venv/bin"; do
  case ":$PATH:" in
  *":$_ck_bin:"*) ;;
  *) [ ! -d "$_ck_bin" ] || PATH=$_ck_bin:$PATH ;;
  esac
done
export PATH
# a Python environment that the shell had on already would lead tools astray
export VIRTUAL_ENV=$_ck_cache/venv
unset PYTHONHOME PYTHONPATH

# shellcheck disable=SC1090
for _ck_file in "$_ck_cache/apptainer-settings-$(id -u)" "$_ck_cache/registry/settings" "$_ck_cache/yarn-settings"; do
  [ ! -f "$_ck_file" ] || . "$_ck_file"
done
unset _ck_root _ck_cache _ck_bin _ck_file
