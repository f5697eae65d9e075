#!/bin/bash
# Lmod and Tcl modules for tests, from Debian's packages, unpacked below .cache/modules: the system stays as it is, and
# no shell of this machine gets a `module` command from them.
# Needs: unpack-debian.sh's needs, patchelf. Leaves: .cache/modules, in it
#   lmod            Lmod's program, as $LMOD_CMD names it; its profile is lmod.sh
#   modulecmd.tcl   that of Tcl modules, as $MODULES_CMD names it; its profile is modules.sh
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
prefix=$cache/modules

unpack() {
  rm -rf "$prefix" "$prefix.new"
  "$root/scripts/unpack-debian.sh" bookworm "$prefix.new" lmod lua5.3 lua-posix lua-filesystem lua-term lua-json \
    environment-modules tcl8.6 libtcl8.6
  mv "$prefix.new" "$prefix"
  cd "$prefix"
  # both know their places by full paths, in text
  local lib
  lib=$(cd usr/lib && echo *-linux-gnu)
  grep -rlIE '/usr/(share|lib|bin)|/etc/(lmod|environment-modules)' usr/share/lmod usr/share/modules "usr/lib/$lib" \
    usr/bin etc | xargs sed -i -E \
    -e "s#/etc/(lmod|environment-modules)\b#$prefix/etc/\1#g" \
    -e "s#/usr/(share/(lmod|modules|modulefiles|lua)|lib/(lua|lmod|$lib)|bin/(lua5\.3|tclsh8\.6))\b#$prefix/usr/\1#g"
  # not every system has Tcl
  patchelf --set-rpath "$prefix/usr/lib/$lib" --force-rpath usr/bin/tclsh8.6
  patchelf --set-rpath "$prefix/usr/lib/$lib" --force-rpath usr/lib/lmod/*/lib/tcl2lua.so.*.*.*
  ln -s usr/share/lmod/lmod/libexec/lmod lmod
  ln -s "usr/lib/$lib/modulecmd.tcl" modulecmd.tcl
  ln -s etc/profile.d/lmod.sh lmod.sh
  ln -s usr/share/modules/init/bash modules.sh
  ./lmod --version 2>&1 | grep -i 'version'
  ./modulecmd.tcl bash --version 2>&1
}

[ -x "$prefix/lmod" ] || rm -f "$cache/stamps/modules"
step modules "$(key "$(declare -f unpack)" "$prefix")" "Modules: Lmod and Tcl modules from Debian's packages" unpack
