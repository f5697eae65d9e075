"""Start, interrupt and kill container kernels many times over, in a Jupyter of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from jupyterlab_container_kernels.containers import LaunchSpec  # noqa: E402
from jupyterlab_container_kernels.models import AddRequest  # noqa: E402
from jupyterlab_container_kernels.runtimes.apptainer import Apptainer  # noqa: E402
from jupyterlab_container_kernels.runtimes.base import FoundRuntime  # noqa: E402
from tests.real.bed import Bed  # noqa: E402
from tests.real.kernels import interrupted, started  # noqa: E402

#: What is done to a kernel, twenty times each.
KILLS = ("shutdown", "terminate group", "kill group", "kill launcher", "kill runtime", "kill kernel", "kill server")
#: Started as a server would, then killed with SIGKILL.
_SERVER = """
import sys
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name=sys.argv[1])
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(timeout=60)
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass
class Ground:
    """A user with kernels: of an image that holds ipykernel, of one that does not, and one without our script."""

    bed: Bed
    image: Path
    runtime: FoundRuntime
    inside: str
    installed: str
    bare: str


@contextmanager
def ground() -> Iterator[Ground]:
    """Pull the images and add the kernels."""
    registry = os.environ["CK_TEST_REGISTRY"]
    with tempfile.TemporaryDirectory(prefix="container-kernels-bench-") as folder:
        bed = Bed(Path(folder))
        bed.data.mkdir()
        bed.temporary.mkdir()
        os.environ |= {
            "JUPYTER_DATA_DIR": str(bed.data),
            "JUPYTER_RUNTIME_DIR": str(bed.path / "runtime"),
            "JUPYTER_CONFIG_DIR": str(bed.path / "config"),
        }
        for name, image in (("Inside", "demo/python-ipykernel:1"), ("Installed", "demo/python:1")):
            task = bed.add(AddRequest(f"{registry}/{image}", name))
            if task.error is not None:
                raise RuntimeError(task.error.message)
        record = json.loads((bed.kernels / "inside/kernel.json").read_text())["metadata"]["container_kernels"]
        version = tuple(map(int, record["runtime"]["version"].split(".")))
        runtime = FoundRuntime("apptainer", "Apptainer", record["runtime"]["path"], version)
        bare = bed.kernels / "bare"
        bare.mkdir()
        command = [runtime.path, "exec", record["image"]["path"], record["interpreter"], "-m", "ipykernel_launcher"]
        spec = {"argv": [*command, "-f", "{connection_file}"], "display_name": "Bare", "language": "python"}
        (bare / "kernel.json").write_text(json.dumps({**spec, "env": {"APPTAINERENV_JPY_PARENT_PID": "1"}}))
        yield Ground(bed, Path(record["image"]["path"]), runtime, "inside", "installed", "bare")


def overhead(site: Ground, rounds: int) -> dict[str, list[float]]:
    """Time a command that does nothing through our script and through `apptainer exec`, in turns, in milliseconds."""
    work = site.bed.path / "overhead"
    work.mkdir()
    connection = work / "kernel-1.json"
    connection.write_text("{}")
    launch = LaunchSpec("Nothing", site.image, ["/bin/true"], {"A": "b"}, ["PYTHON*", "R_*"], [], "auto", work / "log")
    script = work / "init.sh"
    script.write_text(Apptainer().start_script(site.runtime, launch))
    commands = {
        "script": ["/bin/bash", str(script), str(connection)],
        "exec": [site.runtime.path, "exec", "--no-eval", "--bind", work, "--pwd", work, site.image, "/bin/true"],
    }
    return in_turns(
        {
            name: lambda command=command: subprocess.run(command, check=True, cwd=work, stderr=subprocess.DEVNULL)
            for name, command in commands.items()
        },
        rounds,
    )


def starts(site: Ground, rounds: int, *, cold: bool) -> dict[str, list[float]]:
    """Time kernels from their start to their first answer, in turns, in milliseconds."""

    def start(name: str) -> Callable[[], float]:
        def once() -> float:
            if cold:
                subprocess.run(["sync"], check=True)
                Path("/proc/sys/vm/drop_caches").write_text("3")
            began = time.perf_counter()
            with started(name, site.bed.path):
                return (time.perf_counter() - began) * 1000

        return once

    names = {"native": "python3", "bare": site.bare, "inside": site.inside, "installed": site.installed}
    return in_turns({label: start(name) for label, name in names.items()}, rounds)


def interpreters(site: Ground, rounds: int) -> dict[str, list[float]]:
    """Time Pythons that do nothing, here and in the container, in turns, in milliseconds: no kernel starts sooner."""

    def run(*command: str | Path) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True)

    container = run(site.runtime.path, "exec", site.image, "python3", "-c", "pass")
    return in_turns({"native": run(sys.executable, "-c", "pass"), "container": container}, rounds)


def in_turns(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Do each once without counting, then all of them in turns. A work may return its own time."""
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, work in works.items():
            began = time.perf_counter()
            took = work()
            if number:
                times[name].append(took if isinstance(took, float) else (time.perf_counter() - began) * 1000)
    return times


def clean_interrupts(site: Ground, count: int) -> int:
    """Return how many of so many interrupts ended their cell with a whole traceback and a reply."""
    good = 0
    with started(site.inside, site.bed.path) as client:
        for _ in range(count):
            reply = interrupted(client, "import time\ntime.sleep(30)", after_s=0.1)
            good += reply.get("ename") == "KeyboardInterrupt" and "sleep" in "".join(reply["traceback"])
    return good


def orphans(site: Ground, how: str, count: int) -> list[str]:
    """Kill kernels in one way; return the command lines of what was left ten seconds later."""
    before = _helpers()
    for _ in range(count):
        if how == "kill server":
            server = subprocess.Popen(
                [sys.executable, "-c", _SERVER, site.inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert server.stdout is not None
            server.stdout.readline()
            server.kill()
            server.wait()
            continue
        with started(site.inside, site.bed.path) as client:
            launcher = client.manager.provisioner.pid
            if how == "terminate group":
                os.killpg(launcher, signal.SIGTERM)
            elif how == "kill group":
                os.killpg(launcher, signal.SIGKILL)
            elif how == "kill launcher":
                os.kill(launcher, signal.SIGKILL)
            elif how == "kill runtime":
                _kill(launcher, b"Apptainer runtime parent")
            elif how == "kill kernel":
                _kill(launcher, b"python3")
    deadline = time.monotonic() + 10
    while (left := site.bed.processes() + sorted(_helpers() - before)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _kill(launcher: int, program: bytes) -> None:
    """Kill the processes of one program in the session of a launcher."""
    killed = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            session = int((path / "stat").read_text().rpartition(")")[2].split()[3])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if session == launcher and program in words[0]:
            os.kill(int(path.name), signal.SIGKILL)
            killed += 1
    if not killed:
        raise RuntimeError(f"no {program.decode()} was there to be killed")


def _helpers() -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().startswith(("squashfuse", "starter", "apptainer")):
                found.add(path.parent.name)
        except OSError:
            continue
    return found


def can_drop_caches() -> bool:
    """Tell whether this user may empty the page cache, without which nothing starts cold."""
    return os.access("/proc/sys/vm/drop_caches", os.W_OK) and shutil.which("sync") is not None
