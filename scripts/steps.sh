#!/bin/bash
# The frame that the other scripts share: where things are kept, and steps that are done once.
# Sourced, never run. Needs: coreutils, util-linux (flock). Leaves: $cache/stamps (what is done), $cache/logs.
#
# Everything these scripts make lies below the checkout's .cache/, or below $CONTAINER_KERNELS_CACHE.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${CONTAINER_KERNELS_CACHE:-$root/.cache}
mkdir -p "$cache/stamps" "$cache/logs"
cache=$(cd "$cache" && pwd -P)

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# key WORD-OR-FILE…: one hash of the words and of the contents of those that are files.
key() {
  local word
  for word in "$@"; do
    if [ -f "$word" ]; then sha256sum < "$word"; else printf '%s\n' "$word"; fi
  done | sha256sum | cut -c1-32
}

# step NAME KEY TEXT COMMAND…: runs the command, unless it has succeeded with the same KEY before.
# Its output goes to $cache/logs/NAME.log and is shown only if it fails. Never call it in a condition: bash would
# then go on after a failed line of the command.
step() {
  local want=$2 text=$3 stamp=$cache/stamps/$1 log=$cache/logs/$1.log start=$SECONDS rc lock
  shift 3
  exec {lock}> "$stamp.lock"
  flock "$lock"
  if [ "$(cat "$stamp" 2> /dev/null)" = "$want" ]; then
    say "  $text: there already"
  else
    rm -f "$stamp"
    say "  $text …"
    set +e
    (
      set -e
      exec {lock}>&-
      "$@"
    ) > "$log" 2>&1 < /dev/null
    rc=$?
    set -e
    if [ $rc -ne 0 ]; then
      tail -n 40 "$log" >&2
      fail "$text: failed with exit code $rc after $((SECONDS - start)) s (all of its output: $log)"
    fi
    printf '%s\n' "$want" > "$stamp"
    say "  $text: $((SECONDS - start)) s"
  fi
  exec {lock}>&-
}

# debian_mirror: the mirror that this machine uses already, so that no host is named in the project.
debian_mirror() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI)' |
    awk '/\/debian\/?$/ && !mirror { mirror = $0 } END { if (mirror) print mirror; else exit 1 }' ||
    fail "apt's configuration names no Debian mirror"
}

# at_least WANTED VERSION: true if VERSION is not older than WANTED.
at_least() { [ -n "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
