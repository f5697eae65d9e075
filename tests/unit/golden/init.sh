#!/bin/bash
# Starts the kernel “PyTorch 2.9.1” in a container.
#
#   init.sh CONNECTION_FILE
#
# Written by Container Kernels VERSION; it needs nothing of it to run. Jupyter signals this script's process
# group. The container runs in a group of its own, because Apptainer hands on signals that its group has already
# got: one interrupt would arrive twice. A guard ends the container when this script or the Jupyter server is killed.
# bash 4.2 or newer.

image=/images/sha256-1.sif
runtime=/usr/bin/apptainer
log=/logs/demo/last-start.log
gpu=auto
connection=$1

# ---- what is written to standard error stands in the log; our own lines go to Jupyter's log as well

exec 3>&2
if (umask 077 && : > "$log") 2> /dev/null; then exec 2>> "$log"; fi

for name in $(compgen -A function); do unset -f "$name"; done

say() {
  printf 'container-kernels: %s\n' "$1" >&2
  if [ /dev/fd/2 -ef /dev/fd/3 ]; then return; fi
  printf 'container-kernels: %s\n' "$1" >&3
}

fail() {
  say "$1"
  exit 69
}

# ---- interrupts: a server that a script has put into the background was born deaf to SIGINT, and so was this script,
# ---- which bash cannot undo; others can

if [ -n "$(trap -p INT)" ] && [ -z "$CONTAINER_KERNELS_HEARS" ]; then
  export CONTAINER_KERNELS_HEARS=again
  exec 2>&3 3>&-
  if env --default-signal=INT true 2> /dev/null; then # coreutils 8.31
    exec env --default-signal=INT /bin/bash "$0" "$@"
  elif type -P perl > /dev/null; then
    exec perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' /bin/bash "$0" "$@"
  else
    exec /bin/bash "$0" "$@"
  fi
fi
if [ -n "$(trap -p INT)" ]; then say "The Jupyter server ignores SIGINT, so this kernel cannot be interrupted."; fi
unset CONTAINER_KERNELS_HEARS

# ---- what has to be there

here=$(pwd -P)
[ -r "$connection" ] || fail "Jupyter's connection file '$connection' is missing or cannot be read."
[ -e "$image" ] || fail "The image $image is not there on $HOSTNAME: it was moved or deleted, or its file system is not mounted."
[ -r "$image" ] || fail "The image $image may not be read by you on $HOSTNAME."
if ! [ -x "$runtime" ]; then
  found=$(type -P apptainer || type -P singularity) ||
    fail "Apptainer is not there on $HOSTNAME: neither $runtime nor any on PATH."
  say "$runtime is gone; $found is used instead."
  runtime=$found
fi

# ---- what must not reach the container

for name in $(compgen -e); do
  case $name in
    LD_PRELOAD | PYTHON*) unset "$name" ;;
  esac
done

# ---- what has these values inside, literally

export APPTAINERENV_JPY_PARENT_PID=1 SINGULARITYENV_JPY_PARENT_PID=1
export APPTAINERENV_PYTHONNOUSERSITE='' SINGULARITYENV_PYTHONNOUSERSITE=''
export APPTAINERENV_PYTHONUSERBASE=/packages/demo SINGULARITYENV_PYTHONUSERBASE=/packages/demo

# ---- what is visible inside, beside home and /tmp

options=()
declare -A mounted

bind() { # SOURCE [DESTINATION [ro]]
  local source=$1 destination=${2:-$1}
  if ! [ -e "$source" ]; then
    say "The folder $source is not there on $HOSTNAME; the kernel starts without it."
    return
  fi
  if [ "${mounted[$destination]}" ]; then return; fi
  mounted[$destination]=yes
  if [ $# -eq 1 ]; then # --bind splits at ':' and ',' unless a backslash stands before them
    source=${source//\\/\\\\} source=${source//:/\\:} source=${source//,/\\,}
    options+=(--bind "$source")
  else # it knows no escapes in a destination; --mount, which older versions lack, reads CSV
    options+=(--mount "type=bind,\"src=${source//\"/\"\"}\",\"dst=${destination//\"/\"\"}\"${3:+,$3}")
  fi
}

bind "${connection%/*}"
if [ "$here" != / ]; then bind "$here"; fi
bind /packages/demo
bind /data /in ro
bind /ro /ro ro
if [ -n "$TMPDIR" ]; then bind "$TMPDIR"; fi
for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT; do
  if [ -f "${!name}" ]; then bind "${!name}"; else unset "$name"; fi
done

# ---- GPU

if [ "$gpu" != off ]; then
  if [ -e /dev/nvidiactl ]; then options+=(--nv); fi
  if [ -e /dev/kfd ]; then options+=(--rocm); fi
  if [ "$gpu" = on ] && ! [ -e /dev/nvidiactl ] && ! [ -e /dev/kfd ]; then
    say "No GPU is visible on $HOSTNAME; the kernel runs without one."
  fi
fi

# ---- run

kernel=(/usr/bin/python3 -c 'import x; x.run('"'"'y'"'"')' -f "$connection")
server=$JPY_PARENT_PID

processes() { # the fields "pid session group command" of every process on this machine
  local file line pid rest command
  for file in /proc/[0-9]*/stat; do
    read -r line < "$file" || continue
    pid=${line%% *} command=${line#*(} rest=${line##*) }
    command=${command%)*}
    # shellcheck disable=SC2086 # the words are wanted
    set -- $rest
    printf '%s %s %s %s\n' "$pid" "$4" "$3" "$command"
  done 2> /dev/null
}

set -m # each job below gets a process group of its own

coproc guard {
  trap '' INT TERM HUP QUIT
  exec 2> /dev/null
  read -r container || exit
  while true; do
    word=
    read -r -t 3 word
    status=$?
    [ "$word" = bye ] && exit
    if [ "$status" -le 128 ]; then break; fi # the script was killed
    if [ -n "$server" ] && ! kill -0 "$server"; then
      kill -TERM "$container"
      sleep 3
      break
    fi
  done
  kill -KILL -- "-$container"
  processes | while read -r pid session _; do
    if [ "$session" = "$$" ] && [ "$pid" != "$BASHPID" ]; then kill -KILL "$pid"; fi
  done
}
to_guard=${guard[1]} from_guard=${guard[0]}

"$runtime" exec --no-eval "${options[@]}" --pwd "$here" "$image" "${kernel[@]}" \
  <&0 3>&- {to_guard}>&- {from_guard}<&- &
container=$!
echo "$container" >&"$to_guard"

# shellcheck disable=SC2329 # the trap below calls it
interrupt() { # the kernel and what it runs, but neither the runtime nor the helpers that mount the image
  processes | while read -r pid _ group command; do
    if [ "$group" != "$container" ] || [ "$pid" = "$container" ]; then continue; fi
    case $command in squashfuse* | fuse* | gocryptfs* | starter* | appinit*) continue ;; esac
    kill -INT "$pid"
  done 2> /dev/null
}
trap interrupt INT
trap 'kill -TERM "$container" 2> /dev/null' TERM HUP

while true; do
  wait "$container"
  status=$?
  kill -0 "$container" 2> /dev/null || break # not a signal that ended the waiting
done
echo bye >&"$to_guard"
if [ "$status" -gt 0 ] && { [ "$status" -lt 128 ] || [ "$status" -eq 255 ]; }; then
  say "The kernel ended with the exit code $status."
fi
exit "$status"
