#!/bin/bash
# Downloads packages of a Debian suite and unpacks them below a folder. Nothing is installed, nothing of the system
# changes, no daemon starts, and no rights are needed.
#   scripts/unpack-debian.sh SUITE FOLDER PACKAGE…
# Needs: apt, dpkg, a Debian mirror in apt's own configuration. Leaves: FOLDER.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
suite=$1 folder=$2
shift 2

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mirror=$(debian_mirror)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" > "$work/sources.list"
apt=(apt-get -qq
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache"
  -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Acquire::Retries=3
  -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work/debs" && "${apt[@]}" download "$@")
mkdir -p "$folder"
for deb in "$work"/debs/*.deb; do
  dpkg-deb --extract "$deb" "$folder"
  echo "unpacked $(basename "$deb")"
done
