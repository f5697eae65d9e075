#!/bin/bash
# The programs that a Debian system must have for the other scripts; installs what is missing, if it may.
#   scripts/system-packages.sh [browser]        browser: Chromium and fonts as well, for tests in a browser
# Needs: root, or sudo, or that nothing is missing; else it prints the line for an administrator and fails.
# Leaves: Debian packages (none of them starts a service), and as root a /dev/fuse that everybody may use, as
# Debian's own udev rules make it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

# program:package
wanted=(git:git make:make ps:procps xz:xz-utils
  openssl:openssl mksquashfs:squashfs-tools squashfuse_ll:squashfuse fuse-overlayfs:fuse-overlayfs newuidmap:uidmap patchelf:patchelf
  mmdebstrap:mmdebstrap umoci:umoci skopeo:skopeo)
# without subordinate ids an ordinary user can only pretend to be root while images are built
if [ "$(id -u)" != 0 ] && ! grep -q "^$(id -un):" /etc/subuid 2> /dev/null; then
  wanted+=(fakechroot:fakechroot fakeroot:fakeroot)
fi
[ "${1-}" != browser ] || wanted+=(chromium:chromium)

missing=()
look() {
  local entry font
  missing=()
  for entry in "${wanted[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${entry%%:*}" > /dev/null || missing+=("${entry#*:}")
  done
  /usr/bin/python3 -c 'import venv, ensurepip' 2> /dev/null || missing+=(python3-venv)
  # certificates of the machine's own authorities, for everything that downloads
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  if [ "${1-}" = browser ]; then
    for font in fonts-dejavu-core fonts-noto-color-emoji; do
      dpkg-query -W "$font" > /dev/null 2>&1 || missing+=("$font")
    done
  fi
}

install() {
  local start=$SECONDS
  say "  system packages: ${missing[*]} …"
  if ! "$@" sh -c 'export DEBIAN_FRONTEND=noninteractive
      apt-get -qq -o Acquire::Retries=3 update && apt-get -qq -y -o Acquire::Retries=3 install --no-install-recommends "$@"' \
    sh "${missing[@]}" > "$cache/logs/system-packages.log" 2>&1; then
    tail -n 30 "$cache/logs/system-packages.log" >&2
    fail "apt-get failed"
  fi
  say "  system packages: $((SECONDS - start)) s"
}

look "$@"
if [ ${#missing[@]} = 0 ]; then
  say "  system packages: nothing is missing"
else
  command -v apt-get > /dev/null || fail "this is no Debian system; it lacks what Debian calls: ${missing[*]}"
  if [ "$(id -u)" = 0 ]; then
    install env
  elif command -v sudo > /dev/null && { sudo -n true 2> /dev/null || { [ -t 0 ] && sudo -v; }; }; then
    install sudo
  else
    say "An administrator has to run once:"
    say "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    exit 1
  fi
  look "$@"
  [ ${#missing[@]} = 0 ] || fail "still missing: ${missing[*]}"
fi

if [ ! -c /dev/fuse ]; then
  say "  there is no /dev/fuse: Apptainer will unpack an image each time it starts one, which is slow"
elif [ "$(id -u)" = 0 ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
  chmod 0666 /dev/fuse
  say "  /dev/fuse was for root only; made it 0666, as it is on a Debian system"
elif [ ! -w /dev/fuse ]; then
  say "  $(id -un) may not use /dev/fuse: Apptainer will unpack an image each time it starts one (for an" \
    "administrator: chmod 0666 /dev/fuse)"
fi
