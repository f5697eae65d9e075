#!/bin/bash
# The images of the demo and of the tests, made from Debian packages, and put into the loopback registries.
#   scripts/images.sh [demo|all|heavy]
# demo/python-ipykernel:1  Debian with python3 and ipykernel
# demo/python:1            Debian with python3 only: no pip, no ipykernel, externally managed
# test/venv:1              the same with a virtual environment (with pip) first on PATH
# test/conda:1             the same with conda's way to hold a Python: /opt/conda, with pip, first on PATH
# test/conda-off-path:1    the same, off PATH, and no other Python
# test/no-shell:1          demo/python without /bin/sh
# test/no-user-site:1      demo/python that sets PYTHONNOUSERSITE=1
# test/old-pip:1           an older Debian: Python 3.9 with pip 20.3
# test/old-no-pip:1        the same without pip
# test/newer:1             a newer Debian: Python 3.13 without pip
# test/r-irkernel:1        Debian with R and IRkernel
# test/r:1                 the same without packages for R
# test/shipped:1           demo/python-ipykernel with kernelspecs of its own
# test/no-python:1         busybox and a libc
# test/arm64:1             an image for another processor
# bench/heavy:1            some 0.8 GB compressed, in layers; only if it is asked for
# test/private:1           a few bytes, in the registry that wants a password
# Needs: mmdebstrap, umoci, skopeo, uidmap and user namespaces (or root), and what registry.sh needs.
# Leaves: .cache/images (one OCI layout an image) and the registries' stores; a registry that ran goes on running.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
images=$cache/images
suite=bookworm
# nearly every image holds libstdc++, and wheels with compiled parts count on it
plain=python3,libstdc++6

# debian VARIANT PACKAGES TAR [OPTION…]: a root file system without what a container does not need
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
    "${@:4}" "$suite" "$3" "$mirror"
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

# R reads the character tables that the others go without; its manuals and translations go.
r_image() {
  local tar=$work/root.tar
  debian essential r-base-core,libblas3,liblapack3,r-cran-irkernel "$tar" \
    --dpkgopt='path-include=/usr/lib/*/libicu*' --dpkgopt='path-include=/usr/lib/*/gconv/*' \
    --dpkgopt='path-exclude=/usr/share/R/doc/*' --dpkgopt='path-exclude=/usr/lib/R/library/translations/*'
  layout test/r-irkernel
  add_layer test/r-irkernel "$tar"
  configure test/r-irkernel --config.env PATH=/usr/local/bin:/usr/bin:/bin --config.env LANG=C.UTF-8
  rm "$tar"
}

# Without its packages, but with the libraries that these need: a file of this name takes away what lies below.
bare_r_image() {
  mkdir -p "$work/bare/usr/lib/R"
  touch "$work/bare/usr/lib/R/.wh.site-library"
  tar -C "$work/bare" --owner=0 --group=0 -cf "$work/bare.tar" usr/lib/R/.wh.site-library
  rm -rf "${images:?}/test/r"
  cp -r "$images/test/r-irkernel" "$images/test/r"
  add_layer test/r "$work/bare.tar"
}

# demo/python-ipykernel and two kernels that it ships: one of ten lines, and one that tries to be run by a shell
shipped_image() {
  local kernels=$work/shipped/usr/local/share/jupyter/kernels
  mkdir -p "$kernels"
  cp -r "$root/tests/real/shipped/." "$kernels"
  tar -C "$work/shipped" --owner=0 --group=0 -cf "$work/shipped.tar" usr
  rm -rf "${images:?}/test/shipped"
  mkdir -p "$images/test"
  cp -r "$images/demo/python-ipykernel" "$images/test/shipped"
  add_layer test/shipped "$work/shipped.tar"
}

# An image with one more layer, for the Python tests. A file .wh.NAME in a layer takes NAME away.
layered() { # BASE NAME TAR
  rm -rf "${images:?}/$2"
  mkdir -p "$(dirname "$images/$2")"
  cp -r "$images/$1" "$images/$2"
  add_layer "$2" "$3"
}

without() { # BASE NAME PATH…
  local base=$1 name=$2 path
  shift 2
  for path; do
    mkdir -p "$work/without/$(dirname "$path")"
    : > "$work/without/$(dirname "$path")/.wh.$(basename "$path")"
  done
  tar -C "$work/without" --owner=0 --group=0 -cf "$work/without.tar" usr
  layered "$base" "$name" "$work/without.tar"
}

# Not conda's own packages, but what makes a Python conda's for us: it was moved (from Debian) to /opt/conda, it is not
# managed by the distribution, and there is a folder conda-meta.
conda_image() {
  local prefix=$work/conda/opt/conda wheel
  "$root/scripts/unpack-debian.sh" "$suite" "$work/debian" python3.11-minimal libpython3.11-minimal libpython3.11-stdlib
  mkdir -p "$prefix/bin" "$prefix/lib/python3/dist-packages" "$prefix/conda-meta"
  mv "$work/debian/usr/bin/python3.11" "$prefix/bin"
  mv "$work/debian/usr/lib/python3.11" "$prefix/lib"
  rm -f "$prefix"/lib/python3.11/{EXTERNALLY-MANAGED,sitecustomize.py}
  ln -s python3.11 "$prefix/bin/python3"
  ln -s python3.11 "$prefix/bin/python"
  : > "$prefix/conda-meta/history"
  wheel=$(find /usr/share/python-wheels -name 'pip-*.whl' | head -n 1)
  python3 -m zipfile -e "$wheel" "$prefix/lib/python3/dist-packages"
  "$prefix/bin/python3" -m compileall -q -s "$work/conda" "$prefix/lib" > /dev/null || true
  tar -C "$work/conda" --owner=0 --group=0 -cf "$work/conda.tar" opt
  layered demo/python test/conda "$work/conda.tar"
  configure test/conda --config.env PATH=/opt/conda/bin:/usr/local/bin:/usr/bin:/bin
}

conda_off_path_image() {
  without test/conda test/conda-off-path usr/bin/python3 usr/bin/python3.11
  configure test/conda-off-path --config.env PATH=/usr/local/bin:/usr/bin:/bin
}

no_user_site_image() {
  without demo/python test/no-user-site usr/share/doc
  configure test/no-user-site --config.env PYTHONNOUSERSITE=1
}

# another suite of the same mirror, as small as it gets; the package that says that /usr is merged is not in the oldest
other_debian() { # SUITE NAME PACKAGES
  local tar=$work/root.tar mirror
  mirror=$(debian_mirror)
  HOME=/ mmdebstrap --quiet --variant=essential --include="$3" \
    --hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr \
    --dpkgopt=force-unsafe-io --skip=output/dev --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/lib/*/gconv/*' \
    "$1" "$tar" "deb $mirror $1 main"
  layout "$2"
  add_layer "$2" "$tar"
  configure "$2" --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --config.env LANG=C.UTF-8
  rm "$tar"
}

old_no_pip_image() {
  without test/old-pip test/old-no-pip usr/bin/pip usr/bin/pip3 \
    usr/lib/python3/dist-packages/pip usr/lib/python3/dist-packages/pip-20.3.4.egg-info
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

# What `make bench` compares with: what people have in such images, so that it has their sizes and numbers of files.
heavy_image() {
  local part
  debian essential "$heavy" "$work/root.tar"
  "$root/scripts/split-tar.py" "$work/root.tar" "$work" usr/share usr/lib/python3 usr/lib/go-1.19 usr/lib/llvm-14
  rm "$work/root.tar"
  layout bench/heavy
  for part in "$work"/part-*.tar; do
    add_layer bench/heavy "$part"
    rm "$part"
  done
  configure bench/heavy --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --config.env LANG=C.UTF-8
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

if [ "${1-all}" = heavy ]; then
  heavy=python3-ipykernel,python3-scipy,python3-pandas,python3-matplotlib,python3-sklearn,python3-sympy,python3-numba
  heavy+=,python3-statsmodels,gcc,g++,gfortran,cmake,git,golang-go,rustc,llvm-14-dev,libclang-14-dev
  heavy+=,texlive-latex-extra,texlive-fonts-recommended
  recipes=$(key "$recipes" "$heavy" "$(declare -f heavy_image)" "$root/scripts/split-tar.py")
  image bench/heavy heavy_image
  exit
fi
image demo/python python_image demo/python "$plain"
image demo/python-ipykernel python_image demo/python-ipykernel python3-ipykernel
if [ "${1-all}" = all ]; then
  image test/venv venv_image
  image test/no-python busybox_image
  image test/arm64 tiny_image test/arm64 arm64
  image test/private tiny_image test/private "$(dpkg --print-architecture)"
  # other recipes, so that a change of one does not build the images above anew
  first=$recipes
  recipes=$(key "$first" "$(declare -f layered without)")
  pythons=$recipes
  recipes=$(key "$pythons" "$(declare -f conda_image conda_off_path_image no_user_site_image)")
  image test/conda conda_image
  image test/conda-off-path conda_off_path_image
  image test/no-shell without demo/python test/no-shell usr/bin/sh usr/bin/dash usr/bin/bash
  image test/no-user-site no_user_site_image
  recipes=$(key "$pythons" "$(declare -f other_debian old_no_pip_image)" "$plain")
  image test/old-pip other_debian bullseye test/old-pip "$plain,python3-pip"
  image test/old-no-pip old_no_pip_image
  image test/newer other_debian trixie test/newer "$plain"
  recipes=$first
  recipes=$(key "$recipes" "$(declare -f r_image bare_r_image)")
  image test/r-irkernel r_image
  image test/r bare_r_image
  recipes=$(key "$recipes" "$(declare -f shipped_image)" "$root"/tests/real/shipped/*/*)
  image test/shipped shipped_image
fi
