#!/bin/bash
# Runs a command as the ordinary test user, in a copy of this checkout in that user's home directory: the files that
# git knows or would add, and of what was made here only what took long and does not depend on where it lies (images,
# downloads, the front end, the packages of its tests in a browser).
#   scripts/as-user.sh COMMAND…          for example: scripts/as-user.sh make test
# Root only. Needs: testbed-user.sh's user (made if missing). Leaves: ~container-kernels-test/checkout; what the tests
# reported there in .cache/results here, too.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
user=container-kernels-test

"$root/scripts/testbed-user.sh" make
home=$(getent passwd "$user" | cut -d: -f6)
copy=$home/checkout

say "A copy of the checkout for $user"
mkdir -p "$copy"
cd "$root"
# (a file that git knows may be deleted here)
# shellcheck disable=SC2016
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
  LC_ALL=C sort -zu > "$cache/files"
# what has gone from here must go from there
if [ -f "$copy/.cache/files" ]; then
  LC_ALL=C comm -z -13 "$cache/files" "$copy/.cache/files" | (cd "$copy" && xargs -0 -r rm -f)
fi
tar --null --files-from="$cache/files" -cf - | tar -C "$copy" -xf -
mkdir -p "$copy/.cache/stamps" "$copy/.cache/registry"
cp "$cache/files" "$copy/.cache/files"
# the stamps below speak of these, not of those of the last time
keep() { # FROM TO
  rm -rf "${2:?}"
  [ ! -e "$1" ] || cp -r "$1" "$2"
}
for kept in images registry/program registry/open registry/private yarn; do
  keep "$cache/$kept" "$copy/.cache/$kept"
done
for kept in jupyterlab_container_kernels/labextension ui-tests/node_modules; do
  keep "$root/$kept" "$copy/$kept"
done
rm -rf "$copy/.cache/results"
for stamp in "$cache"/stamps/{image-*,registry,front-end}; do
  [ ! -f "$stamp" ] || cp "$stamp" "$copy/.cache/stamps/"
done
chown -R "$user": "$copy"

# A control group for memory that the user may divide: a test starts a kernel that reaches the limit of one. Where this
# machine has none to give, that test says so. Version 1 of control groups, else version 2, in which a process may only
# be moved within what belongs to its user.
memory=
give_memory_group() {
  local top=/sys/fs/cgroup/memory
  [ -d "$top" ] || top=/sys/fs/cgroup
  memory=$top/$user
  mkdir -p "$memory" || return
  chown "$user:" "$memory" "$memory/cgroup.procs" || return
  if [ "$top" = /sys/fs/cgroup ]; then
    mkdir -p "$memory/run" && echo +memory > "$memory/cgroup.subtree_control" || return
    chown -R "$user:" "$memory/run" && echo $$ > "$memory/run/cgroup.procs"
  fi
}

# shellcheck disable=SC2329  # called by the trap
take_memory_group() {
  [ -z "$memory" ] || [ ! -d "$memory" ] || {
    [ ! -d "$memory/run" ] || echo $$ > /sys/fs/cgroup/cgroup.procs
    find "$memory" -depth -type d -exec rmdir {} +
  } 2> /dev/null || true
}
trap take_memory_group EXIT
give_memory_group 2> /dev/null || memory=

# The environment stays, for it may say how to reach package registries; what belongs to root's own login goes.
cd "$copy"
rc=0
setpriv --reuid "$user" --regid "$user" --init-groups \
  env -u VIRTUAL_ENV -u XDG_RUNTIME_DIR -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u CONTAINER_KERNELS_CACHE \
  -u APPTAINER_USERNS -u SUDO_USER -u SUDO_UID -u SUDO_GID -u PYENV_ROOT \
  HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash PATH=/usr/local/bin:/usr/bin:/bin \
  ${memory:+CK_TEST_MEMORY_CGROUP="$memory"} "$@" || rc=$?
if [ -d "$copy/.cache/results" ]; then
  mkdir -p "$cache/results"
  cp "$copy/.cache/results"/* "$cache/results"
fi
exit $rc
