#!/bin/bash
# A real Slurm (22.05) of one node with two GPUs that are none, for tests: munge, slurmctld, slurmd, from Debian's
# packages, unpacked below .cache/slurm. It needs no root: it runs as whoever starts it, and jobs run as the same user.
# Memory is not enforced, because only root may divide control groups; ondemand-session.sh can do that for a job.
#   scripts/slurm.sh unpack | up [NAME] | down [NAME]
# Its commands lie in .cache/slurm/usr/bin, its settings in .cache/slurm/run/slurm.conf (SLURM_CONF), or with a NAME in
# run-NAME: several may run beside each other. `down` alone ends all of them. SLURM_SUITE=trixie in the environment makes
# each of it about the Slurm of that suite (24.11), which comes with the libraries that it needs, in .cache/slurm-trixie.
# Needs: unpack-debian.sh's needs, patchelf. Leaves: .cache/slurm; `down` leaves no process.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
suite=${SLURM_SUITE:-bookworm}
prefix=$cache/slurm${SLURM_SUITE:+-$SLURM_SUITE}
run=$prefix/run${2:+-$2}
usr=$prefix/usr

unpack() {
  rm -rf "$prefix" "$prefix.new"
  local lib file loader=() libraries=(liblua5.1-0 libpmix2 libjwt0 libhttp-parser2.9)
  [ "$suite" = bookworm ] || libraries=(libpmix2t64 libc6 libgcc-s1 libstdc++6 libdbus-1-3 libsystemd0 libcap2 libcap-ng0
    libssl3t64 libgcrypt20 libgpg-error0 zlib1g libbz2-1.0 liblz4-1 libzstd1 libreadline8t64 libtinfo6 libncurses6 libnuma1
    libpam0g libaudit1 libudev1 libbpf1 libelf1t64 liblua5.4-0 libevent-core-2.1-7t64 libevent-pthreads-2.1-7t64)
  "$root/scripts/unpack-debian.sh" "$suite" "$prefix.new" slurmd slurmctld slurm-client slurm-wlm-basic-plugins munge \
    libmunge2 libhwloc15 libjson-c5 libyaml-0-2 "${libraries[@]}"
  mv "$prefix.new" "$prefix"
  lib=$(echo "$usr"/lib/*-linux-gnu)
  for file in "$usr"/bin/* "$usr"/sbin/* "$lib"/*.so.* "$lib"/slurm*/*.so; do
    if [ -L "$file" ] || [ "$(head -c 4 "$file" | tail -c 3)" != ELF ]; then continue; fi
    case $file in
    */libc.so.* | */ld-linux*) continue ;;
    */bin/* | */sbin/*) [ "$suite" = bookworm ] || loader=(--set-interpreter "$(echo "$lib"/ld-linux*)") ;;
    *) loader=() ;;
    esac
    patchelf "${loader[@]}" --set-rpath "$lib:$lib/slurm-wlm" --force-rpath "$file"
  done
  for file in slurmd slurmctld slurmstepd; do ln -s "$file-wlm" "$usr/sbin/$file"; done
  "$usr/sbin/slurmd" -V
  "$usr/sbin/munged" --version
}

# free_ports COUNT: as many ports of 127.0.0.1 that nobody listens on.
free_ports() {
  /usr/bin/python3 -c 'import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(each.getsockname()[1] for each in sockets))' "$1"
}

# The settings: small waits, ports of their own on 127.0.0.1 alone.
configure() {
  local host=$1 user=$2 lib ports
  read -ra ports < <(free_ports 2)
  lib=$(echo "$usr"/lib/*-linux-gnu)
  printf 'NodeName=%s Name=gpu Type=a100 File=/dev/null\nNodeName=%s Name=gpu Type=a100 File=/dev/zero\n' "$host" "$host" > "$run/gres.conf"
  local cgroups=autodetect
  [ "$suite" = bookworm ] || cgroups=disabled # it would want systemd
  printf 'CgroupPlugin=%s\n' "$cgroups" > "$run/cgroup.conf"
  cat > "$run/slurm.conf" << CONF
ClusterName=testbed
SlurmctldHost=$host(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$run/munge.socket
CredType=cred/munge
PluginDir=$lib/slurm-wlm
StateSaveLocation=$run/state
SlurmdSpoolDir=$run/spool
SlurmctldPidFile=$run/slurmctld.pid
SlurmdPidFile=$run/slurmd.pid
SlurmctldLogFile=$run/slurmctld.log
SlurmdLogFile=$run/slurmd.log
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
ReturnToService=2
MailProg=/bin/true
KillWait=3
MinJobAge=60
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 RealMemory=4000 Gres=gpu:a100:2 State=UNKNOWN
PartitionName=standard Nodes=$host Default=YES MaxTime=02:00:00 DefaultTime=00:10:00 DefMemPerCPU=256 State=UP
PartitionName=gpu Nodes=$host MaxTime=01:00:00 DefaultTime=00:05:00 DefMemPerCPU=256 State=UP
CONF
}

up() {
  local start host i
  start=$(date +%s%N)
  host=$(hostname -s)
  down "$run"
  mkdir -m 700 "$run"
  mkdir -p "$run/state" "$run/spool"
  configure "$host" "$(id -un)"
  head -c 1024 /dev/urandom > "$run/munge.key"
  chmod 400 "$run/munge.key"
  # --force: its folders may lie below one that others may write to
  "$usr/sbin/munged" --force --num-threads=2 --key-file="$run/munge.key" --socket="$run/munge.socket" \
    --pid-file="$run/munged.pid" --log-file="$run/munged.log" --seed-file="$run/munge.seed" 2> "$run/munged.err"
  export SLURM_CONF=$run/slurm.conf PATH=$usr/bin:$PATH
  "$usr/sbin/slurmctld" -c
  "$usr/sbin/slurmd" -c -d "$usr/sbin/slurmstepd"
  for ((i = 0; i < 600; i++)); do
    if [ "$(timeout 2 sinfo -h -o %T -p standard 2> /dev/null)" = idle ]; then
      say "  Slurm: one node is idle after $((($(date +%s%N) - start) / 1000000)) ms"
      return
    fi
    sleep 0.1
  done
  tail -n 5 "$run"/*.log >&2
  fail "no node became idle within 60 s"
}

# ends FILE: ends the process whose id stands in a file, if it is still the one that was started.
ends() {
  local pid i
  pid=$(cat "$1" 2> /dev/null) || return 0
  rm -f "$1"
  case $(readlink "/proc/$pid/exe" 2> /dev/null) in "$prefix"/*) ;; *) return 0 ;; esac
  kill "$pid" || return 0
  for ((i = 0; i < 50; i++)); do
    [ -e "/proc/$pid" ] || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2> /dev/null || true
}

# down FOLDER: ends what runs with the settings in it, and removes it.
down() {
  local run=$1 jobs
  [ -d "$run" ] || return 0
  export SLURM_CONF=$run/slurm.conf
  if [ -f "$run/slurmctld.pid" ]; then
    jobs=$(timeout 3 "$usr/bin/squeue" -h -o %A 2> /dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$jobs" ] || { timeout 5 "$usr/bin/scancel" $jobs && sleep 1; } || true
  fi
  for each in slurmd slurmctld munged; do ends "$run/$each.pid"; done
  rm -rf "$run"
}

case ${1-} in
unpack)
  stamp=$(basename "$prefix")
  [ -x "$usr/sbin/slurmd" ] || rm -f "$cache/stamps/$stamp"
  step "$stamp" "$(key "$(declare -f unpack)" "$prefix")" "Slurm: munge and Slurm from packages of Debian $suite" unpack
  ;;
up) up ;;
down)
  if [ $# -gt 1 ]; then
    down "$run"
  else
    for each_run in "$prefix"/run*; do down "$each_run"; done
  fi
  ;;
*) fail "usage: slurm.sh unpack | up [NAME] | down [NAME]" ;;
esac
