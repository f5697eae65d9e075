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
log=/logs/demo/last-start
gpu=auto
packages=()
connection=$1
server=$JPY_PARENT_PID

for name in $(compgen -A function); do unset -f "$name"; done

# ---- the log of this start: a head, standard error, an end. Our own lines go to Jupyter's log as well.

exec 3>&2
logged=
if [ -s "$log" ]; then mv -f "$log" "$log.before"; fi 2> /dev/null # why Jupyter had to start it again is still to be read
if (umask 077 && : > "$log") 2> /dev/null; then exec 2>> "$log" && logged=yes; fi

head_of_log() {
  printf '# started: %(%Y-%m-%dT%H:%M:%S%z)T\n# node: %s\n# jupyter: %s\n# runtime: %s\n# image: %s\n' \
    -2 "$HOSTNAME" "$server" "$runtime" "$image" >&2
}

end_of_log() { # WHAT [EXIT CODE]
  printf '# ended: %(%Y-%m-%dT%H:%M:%S%z)T %s %s\n' -1 "$1" "$2" >&2
}

say() {
  printf 'container-kernels: %s\n' "$1" >&2
  if [ -n "$logged" ]; then printf 'container-kernels: %s\n' "$1" >&3; fi
}

fail() {
  say "$1"
  end_of_log failed 69
  exit 69
}

# ---- interrupts: a server that a script has put into the background was born deaf to SIGINT, and so was this script,
# ---- which bash cannot undo; others can

deaf=$(trap -p INT)
if [ -n "$deaf" ] && [ -z "$CONTAINER_KERNELS_HEARS" ]; then
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
head_of_log
if [ -n "$deaf" ]; then say "The Jupyter server ignores SIGINT, so this kernel cannot be interrupted."; fi
unset CONTAINER_KERNELS_HEARS

# ---- what has to be there

here=$PWD
if ! { cd -P . && [ "$PWD" -ef . ] && [ "${PWD:0:1}" = / ]; } 2> /dev/null; then # a folder that was deleted is entered
  fail "The folder $here, in which the kernel was to start, is not there on $HOSTNAME."
fi
here=$PWD
[ -r "$connection" ] || fail "Jupyter's connection file '$connection' is missing or cannot be read."
[ -e "$image" ] || fail "The image $image is not there on $HOSTNAME: it was moved or deleted, or its file system is not mounted."
[ -r "$image" ] || fail "The image $image may not be read by you on $HOSTNAME."
for directory in "${packages[@]}"; do
  [ -d "$directory" ] || fail "The packages of this kernel are no longer at $directory on $HOSTNAME."
done
if ! [ -x "$runtime" ]; then
  look() { # FOLDERS, as PATH has them
    found=$(PATH=${1:-/} type -P apptainer || PATH=${1:-/} type -P singularity)
  }
  look_at_login() { # with the module, as a shell has them; its start-up files may print, end it, or hang
    local line folders=
    while read -r -t 15 line; do
      case $line in container-kernels:*) folders=${line#*:} && break ;; esac
    done < <(exec env -i HOME="$HOME" USER="$USER" LOGNAME="$LOGNAME" TERM=dumb PATH=/usr/local/bin:/usr/bin:/bin \
      timeout 15 /bin/bash --login -c 'module load "$0"; printf "\ncontainer-kernels:%s\n" "$PATH"' \
      apptainer < /dev/null 2> /dev/null)
    look "$folders"
  }
  look "$PATH" || look_at_login || look /usr/bin:/usr/local/bin:/opt/apptainer/bin:/opt/singularity/bin:/cvmfs/oasis.opensciencegrid.org/mis/apptainer/bin ||
    fail "Apptainer is not there on $HOSTNAME: neither $runtime nor any on PATH, of a module or in a usual folder."
  say "$runtime is gone; $found is used instead."
  runtime=$found
fi

# ---- what must not reach the container

for name in $(compgen -e); do
  case $name in
    LD_PRELOAD | PYTHON*) unset "$name" ;;
    APPTAINER_BIND* | SINGULARITY_BIND*) # one folder that is missing would stop it all
      kept='' rest=${!name},
      while [ -n "$rest" ]; do
        entry=${rest%%,*} rest=${rest#*,}
        if [ -e "${entry%%:*}" ]; then
          kept+=${kept:+,}$entry
        elif [ -n "$entry" ]; then
          say "The folder ${entry%%:*} of $name is not there on $HOSTNAME; the kernel starts without it."
        fi
      done
      export "$name=$kept"
      ;;
    # a kernel is not cut off from its machine, has the user's home, and stays where it was started
    APPTAINER_* | SINGULARITY_*)
      case ${name#*_} in
        CLEANENV | CONTAIN* | NO_HOME | HOME | PWD | CWD | PID | UNSHARE_PID | NET* | NV* | ROCM) unset "$name" ;;
      esac
      ;;
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

project='' # the file system of the folder in which the kernel starts, by its mount point
find_project() {
  local at best=/
  while read -r _ _ _ _ at _; do
    case $at in *\\*) printf -v at '%b' "$at" ;; esac
    case $here/ in "${at%/}"/*) case $at in "$best"*) best=$at ;; esac ;; esac
  done < /proc/self/mountinfo
  case $best in
    # what the image has there, or what is visible anyway
    / | /usr | /usr/* | /etc | /var | /opt | /bin | /lib* | /sbin | /boot | /dev* | /proc* | /sys* | /run | /tmp) ;;
    *) project=$best ;;
  esac
}

home=$HOME
unset HOME
account=~ # the home directory that Apptainer mounts, whatever HOME says
export HOME=${home:-$account}
if [ "$HOME" != "$account" ] && [ -d "$HOME" ]; then options+=(--home "$HOME"); fi
bind "${connection%/*}"
for directory in "${packages[@]}"; do bind "$directory"; done
if [ "$here" != / ]; then bind "$here"; fi
case $here/ in
  "$HOME"/*) ;;
  *)
    find_project
    if [ -n "$project" ]; then bind "$project"; fi
    ;;
esac
bind /packages/demo
bind /data /in ro
bind /ro /ro ro
if [ -n "$TMPDIR" ]; then bind "$TMPDIR"; fi
for name in SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS; do
  if [ -z "${!name}" ]; then continue; fi
  if [ -e "${!name}" ]; then bind "${!name}"; else unset "$name"; fi
done

# ---- GPU

if [ "$gpu" != off ]; then
  if [ -e /dev/nvidiactl ]; then options+=(--nv); fi
  if [ -e /dev/kfd ]; then options+=(--rocm); fi
  if [ "$gpu" = on ] && ! [ -e /dev/nvidiactl ] && ! [ -e /dev/kfd ]; then
    say "No GPU is visible on $HOSTNAME; the kernel runs without one."
  fi
fi

# ---- memory: how often the limit of this session has killed something so far (cgroups, version 2 or 1)

memory_kills() { # sets kills and limit; the limit may stand above, as the job's stands above that of its step
  local line root='' group='' name count
  kills='' limit=''
  while read -r line; do
    case $line in
      *:memory:*) root=/sys/fs/cgroup/memory group=${line#*:memory:} ;;
      0::*) if [ -z "$root" ]; then root=/sys/fs/cgroup group=${line#0::}; fi ;;
    esac
  done < /proc/self/cgroup
  for name in events oom_control; do
    while read -r line count; do
      if [ "$line" = oom_kill ]; then kills=$count; fi
    done < "$root$group/memory.$name"
  done
  while [ -z "$limit" ] && [ -n "$group" ]; do
    group=${group%/}
    read -r limit < "$root$group/memory.max" || read -r limit < "$root$group/memory.limit_in_bytes"
    case $limit in max | 9223372036854771712) limit= ;; esac
    group=${group%/*}
  done
} 2> /dev/null
memory_kills
kills_before=$kills

# ---- run

kernel=(/usr/bin/python3 -c 'import x; x.run('"'"'y'"'"')' -f "$connection")

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

look_at_server() { # sets began: when it was started, in ticks since boot; nothing if it has ended, buried or not
  local line
  began=
  read -r line < "/proc/$server/stat" || return
  # shellcheck disable=SC2086 # the words are wanted
  set -- ${line##*) }
  if [ "$1" != Z ]; then began=${20}; fi
} 2> /dev/null
look_at_server
server_began=$began

end_helpers() { # what mounts the image outlives Apptainer when that is killed
  processes | while read -r pid session _ command; do
    if [ "$session" != "$$" ]; then continue; fi
    case $command in squashfuse* | fuse* | gocryptfs*) kill -KILL "$pid" ;; esac
  done 2> /dev/null
}

set -m # each job below gets a process group of its own

coproc guard {
  trap '' INT TERM HUP QUIT
  read -r container || exit
  while true; do
    word=
    read -r -t 3 word
    status=$?
    [ "$word" = bye ] && exit
    if [ "$word" = sweep ]; then # once more: Jupyter's signals do not reach the guard
      read -r -t 0.3 word
      end_helpers
      exit
    fi
    if [ "$status" -le 128 ]; then # the script was killed
      end_of_log killed
      break
    fi
    look_at_server
    if [ -n "$server" ] && [ "$began" != "$server_began" ]; then
      end_of_log server-gone
      kill -TERM "$container" 2> /dev/null
      sleep 3
      break
    fi
    read -r _ size < /proc/self/fdinfo/2
    if [ -n "$logged" ] && [ "$size" -gt 1048576 ]; then # what a kernel says in weeks must not fill a disk
      : > "$log"
      head_of_log
      echo "# (earlier lines were dropped)" >&2
    fi
  done
  exec 2> /dev/null
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
asked=
trap interrupt INT
trap 'asked=yes; kill -TERM "$container" 2> /dev/null' TERM HUP

while true; do
  wait "$container"
  status=$?
  kill -0 "$container" 2> /dev/null || break # not a signal that ended the waiting
done
wait "$container" # a signal may have ended the waiting at the moment at which the container ended
again=$?
if [ "$again" -ne 127 ]; then status=$again; fi

finish() { # WHAT; the guard is let go last: if this script is killed before, the guard does the rest
  local word=bye
  if [ "$status" -gt 128 ]; then
    end_helpers
    word=sweep
  fi
  end_of_log "$1" "$status"
  echo "$word" >&"$to_guard"
  exit "$status"
}

memory_kills
if [ "$status" -eq 0 ] || [ -n "$asked" ]; then finish ended; fi
if [ -n "$kills" ] && [ "$kills" -gt "${kills_before:-0}" ]; then
  say "The kernel was killed because this session reached its memory limit of $limit bytes on $HOSTNAME."
elif [ "$status" -gt 128 ] && [ "$status" -lt 255 ]; then
  say "The kernel was ended by signal $((status - 128)) ($(kill -l "$((status - 128))"))."
else
  say "The kernel ended with the exit code $status."
fi
finish failed
