#!/bin/bash
# The images of the demo and of the tests, made from Debian packages, and put into the loopback registries.
#   scripts/images.sh [demo|all]
# demo/python-ipykernel:1  Debian with python3 and ipykernel
# demo/python:1            Debian with python3 only: no pip, no ipykernel, externally managed
# test/venv:1              the same with a virtual environment (with pip) first on PATH
# test/no-python:1         busybox and a libc
# test/arm64:1             an image for another processor
# test/private:1           a few bytes, in the registry that wants a password
# Needs: mmdebstrap, umoci, skopeo, uidmap and user namespaces (or root), and what registry.sh needs.
# Leaves: .cache/images (one OCI layout an image) and the registries' stores; a registry that ran goes on running.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
images=$cache/images
suite=bookworm
# nearly every image holds libstdc++, and wheels with compiled parts count on it
plain=python3,libstdc++6

# debian VARIANT PACKAGES TAR: a root file system without what a container does not need
debian() {
  # What goes: documentation; perl, which only serves to merge /usr (the hook does); gdb and the character tables
  # that ipykernel's dependencies bring and no kernel reads. Every test that pulls the image would compress them anew.
  local mirror
  mirror=$(debian_mirror)
  # shellcheck disable=SC2016
  HOME=/ mmdebstrap --quiet --variant="$1" --include="usr-is-merged,$2" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --dpkgopt=force-unsafe-io --skip=output/dev \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/bin/gdb*' --dpkgopt='path-exclude=/usr/lib/*/libicu*' \
    --dpkgopt='path-exclude=/usr/lib/*/gconv/*' \
    --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
    "$suite" "$3" "$mirror"
}

# layout NAME: an empty OCI layout with one image in it. The other functions add to it.
layout() {
  rm -rf "${images:?}/$1"
  mkdir -p "$(dirname "$images/$1")"
  umoci init --layout "$images/$1"
  umoci new --image "$images/$1:1"
}

add_layer() { umoci raw add-layer --image "$images/$1:1" "$2"; }

configure() {
  local name=$1
  shift
  umoci config --image "$images/$name:1" --config.cmd /bin/sh "$@"
}

python_image() { # NAME PACKAGE
  local tar=$work/root.tar
  debian essential "$2" "$tar"
  layout "$1"
  add_layer "$1" "$tar"
  configure "$1" --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --config.env LANG=C.UTF-8
  rm "$tar"
}

# A virtual environment is a few links and a file; pip comes from the wheel that Debian ships for this purpose.
venv_image() {
  local tree=$work/venv site wheel
  site=$tree/opt/venv/lib/python3.11/site-packages
  mkdir -p "$tree/opt/venv/bin" "$site"
  ln -s /usr/bin/python3 "$tree/opt/venv/bin/python3"
  ln -s python3 "$tree/opt/venv/bin/python"
  printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n' > "$tree/opt/venv/pyvenv.cfg"
  wheel=$(python3 -c 'import ensurepip, pathlib; print(*pathlib.Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"), *pathlib.Path("/usr/share/python-wheels").glob("pip-*.whl"), sep="\n")' | head -n 1)
  python3 -m zipfile -e "$wheel" "$site"
  printf '#!/opt/venv/bin/python3\nfrom pip._internal.cli.main import main\nraise SystemExit(main())\n' > "$tree/opt/venv/bin/pip"
  chmod +x "$tree/opt/venv/bin/pip"
  tar -C "$tree" --owner=0 --group=0 -cf "$work/venv.tar" opt
  rm -rf "${images:?}/test/venv"
  mkdir -p "$images/test"
  cp -r "$images/demo/python" "$images/test/venv"
  add_layer test/venv "$work/venv.tar"
  configure test/venv --config.env PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin --config.env VIRTUAL_ENV=/opt/venv
}

busybox_image() {
  debian extract busybox-static,base-files "$work/busybox.tar"
  mkdir -p "$work/busybox/bin"
  ln -s busybox "$work/busybox/bin/sh"
  ln -s busybox "$work/busybox/bin/ls"
  tar -C "$work/busybox" --owner=0 --group=0 -cf "$work/links.tar" bin/sh bin/ls
  layout test/no-python
  add_layer test/no-python "$work/busybox.tar"
  add_layer test/no-python "$work/links.tar"
  configure test/no-python --config.env PATH=/bin
}

# a few bytes, in an image for the processor named
tiny_image() { # NAME ARCHITECTURE
  mkdir -p "$work/tiny/etc"
  echo tiny > "$work/tiny/etc/tiny"
  tar -C "$work/tiny" --owner=0 --group=0 -cf "$work/tiny.tar" etc
  layout "$1"
  add_layer "$1" "$work/tiny.tar"
  configure "$1" --architecture "$2"
}

push() { # NAME REGISTRY [USER:PASSWORD]
  skopeo copy --quiet --insecure-policy --dest-tls-verify=false ${3:+--dest-creds "$3"} "oci:$images/$1:1" "docker://$2/$1:1"
}

build() { # NAME COMMAND…
  local name=$1
  shift
  work=$(mktemp -d -p "$cache")
  chmod 755 "$work"
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  "$@"
  if [ "$name" = test/private ]; then
    push "$name" "$CK_TEST_PRIVATE_REGISTRY" "$CK_TEST_PRIVATE_USER:$CK_TEST_PRIVATE_PASSWORD"
  else
    push "$name" "$CK_TEST_REGISTRY"
  fi
}

image() { # NAME COMMAND…
  local name=$1 stamp=image-${1//\//-}
  shift
  step "$stamp" "$recipes" "image $name:1" build "$name" "$@"
}

# comments and blanks do not count
recipes=$(key "$(declare -f debian layout add_layer configure python_image venv_image busybox_image tiny_image)" "$suite" "$plain")
if [ "${CK_TEST_REGISTRY-}" = '' ]; then exec "$root/scripts/with-registry.sh" "$0" "$@"; fi

image demo/python python_image demo/python "$plain"
image demo/python-ipykernel python_image demo/python-ipykernel python3-ipykernel
if [ "${1-all}" = all ]; then
  image test/venv venv_image
  image test/no-python busybox_image
  image test/arm64 tiny_image test/arm64 arm64
  image test/private tiny_image test/private "$(dpkg --print-architecture)"
fi
