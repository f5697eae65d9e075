#!/bin/bash
#SBATCH --job-name=ondemand-session
# A JupyterLab as Open OnDemand starts it, as a job: a port of its own, a base URL below /node, a password, the settings
# that sites write (any origin, no XSRF check unless SESSION_XSRF is set, the umask SESSION_UMASK). With
# SESSION_RUNTIME=APPTAINER it runs in a container, of this machine's own files. With SESSION_MEMORY=FOLDER the memory
# of the job is enforced by a control group below that, called as Slurm calls its own (which only root may make).
#   sbatch … scripts/ondemand-session.sh FOLDER [NAME=VALUE…]     for tests
# FOLDER gets config.py, output.log, and once it listens connection.json: {"port": …, "password": …}. The session sees
# of the job's environment what sites hand on, and the variables that are named.
# Needs: .cache/venv. Leaves: FOLDER.
set -euo pipefail
folder=$1
shift
python=$CONTAINER_KERNELS_PYTHON
if [ -n "${SESSION_MEMORY-}" ]; then
  group=$SESSION_MEMORY/job_$SLURM_JOB_ID
  mkdir "$group"
  limit=$group/memory.max
  [ -e "$limit" ] || limit=$group/memory.limit_in_bytes
  echo $((SLURM_MEM_PER_NODE * 1024 * 1024)) > "$limit"
  echo $$ > "$group/cgroup.procs"
fi
umask "${SESSION_UMASK:-077}"
mkdir -p "$folder"
"$python" - "$folder" << 'PYTHON'
import json, os, secrets, socket, sys
from pathlib import Path
from jupyter_server.auth import passwd

folder = Path(sys.argv[1])
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
password = secrets.token_urlsafe(12)
settings = {
    "ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0, "ServerApp.open_browser": False,
    "ServerApp.base_url": f"/node/127.0.0.1/{port}/", "ServerApp.allow_origin": "*", "ServerApp.allow_root": True,
    "ServerApp.disable_check_xsrf": not os.environ.get("SESSION_XSRF"), "ServerApp.allow_remote_access": True,
    "ServerApp.root_dir": str(folder),
    # sites have a portal that waits 60 seconds, and Jupyter says something each 30; that of the tests waits 5
    "ServerApp.tornado_settings": {"ws_ping_interval": 2500},
    "IdentityProvider.token": "", "PasswordIdentityProvider.hashed_password": passwd(password),
}
(folder / "config.py").write_text("".join(f"c.{name} = {value!r}\n" for name, value in settings.items()))
(folder / "starting.json").write_text(json.dumps({"port": port, "password": password}))
PYTHON
mv "$folder/starting.json" "$folder/connection.json"
jobs=()
while IFS= read -r name; do jobs+=("$name=${!name}"); done < <(compgen -e SLURM_)
inside=()
if [ -n "${SESSION_RUNTIME-}" ]; then
  image=$folder/image
  mkdir -p "$image"/{etc,usr,proc,sys,dev,tmp,var,run,root,home}
  for link in bin sbin lib lib64; do
    [ ! -L "/$link" ] || cp -P "/$link" "$image/"
  done
  places=$("$python" -c 'import os, sys, jupyterlab_container_kernels as ours
print(sys.base_prefix, sys.prefix, os.path.dirname(os.path.dirname(ours.__file__)), sep=",")')
  inside=(env ${APPTAINER_USERNS:+APPTAINER_USERNS=1} "$SESSION_RUNTIME" -q exec --bind "/usr,/etc,$places,$folder" "$image")
fi
exec env -i HOME="$HOME" USER="$(id -un)" PATH=/usr/bin:/bin LANG=C.UTF-8 PYTHONNOUSERSITE=1 "${jobs[@]}" "$@" \
  "${inside[@]}" "$python" -m jupyterlab --config="$folder/config.py" > "$folder/output.log" 2>&1
