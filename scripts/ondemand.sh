#!/bin/bash
# What Open OnDemand's node proxy does to requests, in plain Apache, for tests: closes what is silent for its Timeout,
# takes Authorization away, answers %2F in a path with 404, puts the session's address into cookies. It was compared
# with OnDemand's own proxy module. Apache comes from Debian's package, unpacked below .cache/ondemand; it needs no root.
#   scripts/ondemand.sh unpack | up PORT [NAME] | says 502|login|nothing [NAME] | down [NAME]
# Its time-out is 5 seconds, where sites have 60. It `says` 502, or leads to its login page, whatever is asked, until it
# says nothing by itself again. Several may run beside each other, each with a NAME; `down` alone ends all of them.
# A Jupyter server on 127.0.0.1:N with the base URL /node/127.0.0.1/N/ is then at 127.0.0.1:PORT/node/127.0.0.1/N/.
# Needs: unpack-debian.sh's needs, patchelf. Leaves: .cache/ondemand; `down` leaves no process.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
prefix=$cache/ondemand
run=$prefix/run
apache=$prefix/usr/sbin/apache2

unpack() {
  rm -rf "$prefix" "$prefix.new"
  "$root/scripts/unpack-debian.sh" bookworm "$prefix.new" apache2-bin libapr1 libaprutil1 libpcre2-8-0
  mv "$prefix.new" "$prefix"
  patchelf --set-rpath "$(echo "$prefix"/usr/lib/*-linux-gnu)" --force-rpath "$apache"
  "$apache" -v
}

configure() {
  local port=$1 module
  {
    for module in mpm_event authz_core headers env proxy proxy_http proxy_wstunnel rewrite; do
      echo "LoadModule ${module}_module $prefix/usr/lib/apache2/modules/mod_$module.so"
    done
    cat << CONF
ServerRoot $run
ServerName portal.test
Listen 127.0.0.1:$port
PidFile $run/apache2.pid
ErrorLog $run/error.log
Mutex file:$run
DefaultRuntimeDir $run
StartServers 1
Timeout 5
RequestHeader unset Authorization
Header edit Location "^[^/]+//[^/]+" ""
Header edit* Set-Cookie ";\s*(?i)Domain[^;]*" ""
Header edit* Set-Cookie ";\s*(?i)Path[^;]*" ""
<LocationMatch "^/node/(?<host>127\.0\.0\.1)/(?<port>\d+)">
  Header edit Set-Cookie "^([^;]+)" "\$1; Path=/node/%{MATCH_HOST}e/%{MATCH_PORT}e"
</LocationMatch>
DocumentRoot $run/pages
<Directory $run/pages>
  ForceType text/html
</Directory>
RewriteEngine On
RewriteCond $run/502 -f
RewriteRule "^/node/" - [R=502]
RewriteCond $run/login -f
RewriteRule "^/node/" /login.html [R=302,L]
RewriteCond %{HTTP:Upgrade} websocket [NC]
RewriteRule "^/node/(127\.0\.0\.1)/(\d+)(.*)" "ws://\$1:\$2/node/\$1/\$2\$3" [P,L]
RewriteRule "^/node/(127\.0\.0\.1)/(\d+)(.*)" "http://\$1:\$2/node/\$1/\$2\$3" [P,L]
CONF
    # Apache as root wants to know as whom its children run
    [ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n'
  } > "$run/httpd.conf"
}

# named NAME: the folder of the one that is called so.
named() { echo "$prefix/run${1:+-$1}"; }

# down FOLDER: ends the one whose folder this is, and removes it.
down() {
  local run=$1 pid i
  pid=$(cat "$run/apache2.pid" 2> /dev/null) || { rm -rf "$run" && return; }
  if [ "$(readlink "/proc/$pid/exe")" = "$apache" ]; then
    kill "$pid" || true
    for ((i = 0; i < 50; i++)); do
      [ -e "/proc/$pid" ] || break
      sleep 0.1
    done
    [ "$(readlink "/proc/$pid/exe" 2> /dev/null)" != "$apache" ] || kill -KILL "$pid" 2> /dev/null || true
  fi
  rm -rf "$run"
}

case ${1-} in
unpack)
  [ -x "$apache" ] || rm -f "$cache/stamps/ondemand"
  step ondemand "$(key "$(declare -f unpack)" "$prefix")" "OnDemand's proxy: Apache from Debian's package" unpack
  ;;
up)
  run=$(named "${3-}")
  down "$run"
  mkdir -p "$run/pages"
  echo '<!DOCTYPE html><title>Portal</title><h1>Log in to the portal</h1>' > "$run/pages/login.html"
  configure "$2"
  "$apache" -d "$run" -f "$run/httpd.conf" -k start
  ;;
says)
  run=$(named "${3-}")
  rm -f "$run/502" "$run/login"
  [ "$2" = nothing ] || : > "$run/$2"
  ;;
down)
  if [ $# -gt 1 ]; then
    down "$(named "$2")"
  else
    for each in "$prefix"/run*; do down "$each"; done
  fi
  ;;
*) fail "usage: ondemand.sh unpack | up PORT [NAME] | says 502|login|nothing [NAME] | down [NAME]" ;;
esac
