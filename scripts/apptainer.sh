#!/bin/bash
# An Apptainer for this checkout: the one on PATH if there is one, else Debian's own package, unpacked below
# .cache/apptainer. The package stands only in Debian's unstable suite and wants a newer libc than Debian 12 has,
# so that libc lies beside it and only its two programs are told to use it: the system stays as it is.
# Then finds out whether it runs here as the current user, and with which settings.
# Needs: unpack-debian.sh's needs, patchelf, squashfs-tools, squashfuse, fuse-overlayfs, uidmap; user namespaces.
# Leaves: .cache/apptainer (bin/ for PATH), .cache/apptainer-settings-UID (a file to source).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
prefix=$cache/apptainer

unpack() {
  rm -rf "$prefix" "$prefix.new"
  "$root/scripts/unpack-debian.sh" sid "$prefix.new" apptainer libc6 libseccomp2 libsqlite3-0
  local usr=$prefix.new/usr lib program loader
  lib=$(echo "$usr"/lib/*-linux-gnu)
  # Apptainer looks for its files relative to itself; its starter, one folder deeper.
  mv "$prefix.new/etc" "$usr/etc"
  mkdir -p "$usr/var/lib/apptainer/mnt/session"
  ln -s ../etc "$usr/lib/etc"
  ln -s ../var "$usr/lib/var"
  for program in "$usr/bin/apptainer" "$lib/apptainer/bin/starter"; do
    loader=$(basename "$(patchelf --print-interpreter "$program")")
    patchelf --set-interpreter "$prefix/usr/lib/$(basename "$lib")/$loader" \
      --set-rpath "$prefix/usr/lib/$(basename "$lib")" --force-rpath "$program"
  done
  mkdir "$prefix.new/bin"
  ln -s ../usr/bin/apptainer "$prefix.new/bin/apptainer"
  mv "$prefix.new" "$prefix"
  "$prefix/bin/apptainer" --version
}

# The smallest image that can run something: this machine's `true` with the libraries it needs.
try_image() {
  local image=$1 file
  for file in /bin/true $(ldd /bin/true | grep -o '/[^ ]*'); do
    mkdir -p "$image$(dirname "$file")"
    cp -L "$file" "$image$file"
  done
  mkdir -p "$image"/{proc,sys,dev,tmp,etc,root,home,var/tmp}
}

# Root in a container often lacks a capability or two, and Apptainer as root then fails unless it uses a user
# namespace as everybody else does. Whether that is so here only a run can tell.
find_settings() {
  local image
  image=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$image'" EXIT
  try_image "$image"
  if apptainer exec "$image" /bin/true; then
    : > "$settings"
  elif APPTAINER_USERNS=1 apptainer exec "$image" /bin/true; then
    echo 'export APPTAINER_USERNS=1' > "$settings"
  else
    echo "Apptainer cannot run a container here: see the lines above"
    return 1
  fi
}

settings=$cache/apptainer-settings-$(id -u)
[ -f "$settings" ] || rm -f "$cache/stamps/apptainer-$(id -u)"
[ -x "$prefix/bin/apptainer" ] || rm -f "$cache/stamps/apptainer"
PATH=$(printf '%s' "$PATH" | sed "s#$prefix/bin:##")
if ! command -v apptainer > /dev/null; then
  step apptainer "$(key "$(declare -f unpack)" "$prefix")" \
    "Apptainer: from Debian's package" unpack
  PATH=$prefix/bin:$PATH
fi
version=$(apptainer --version)
step "apptainer-$(id -u)" "$(key "$version" "$(command -v apptainer)")" "Apptainer: a first container in ${version#apptainer version }" find_settings
[ ! -s "$settings" ] || say "  Apptainer: needs here $(sed 's/export //' "$settings")"
