"""A published kernel is started, interrupted, debugged, restarted and killed, wherever Jupyter puts its files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import AddRequest

from .bed import Bed
from .kernels import helpers_of, interrupted, limited_memory, printed, started

KILLS = ["shutdown", "terminate group", "kill group", "kill launcher", "kill runtime", "kill kernel"]


@pytest.fixture
def kernel(bed: Bed, ipykernel_sif: Path) -> str:
    """The name of a kernel that was added."""
    task = bed.add(AddRequest(str(ipykernel_sif), "Launched", environment={"GREETING": 'a "b" $(touch PWNED) \\ c'}))
    assert task.error is None, task.error
    return task.slug


def test_every_interrupt_ends_the_cell_with_a_traceback_and_a_reply(kernel: str, tmp_path: Path) -> None:
    """`benchmarks/interrupts.py` does fifty."""
    with started(kernel, tmp_path) as client:
        for _ in range(10):
            reply = interrupted(client, "import time; time.sleep(30)")
            assert reply["ename"] == "KeyboardInterrupt"
            assert "time.sleep(30)" in re.sub(r"\x1b\[[0-9;]*m", "", "".join(reply["traceback"]))
        assert printed(client, "print('still here')") == "still here"


@pytest.mark.parametrize("how", KILLS)
def test_nothing_of_a_kernel_is_left(bed: Bed, kernel: str, how: str, tmp_path: Path) -> None:
    """`benchmarks/orphans.py` does it twenty times each, and kills the server."""
    mounts = set(Path("/proc/self/mounts").read_text().splitlines())
    with started(kernel, tmp_path) as client:
        launcher = client.manager.provisioner.pid
        inside = int(printed(client, "import os; print(os.getpid())"))
        assert helpers_of(launcher)
        if how == "terminate group":
            os.killpg(launcher, signal.SIGTERM)
        elif how == "kill group":
            os.killpg(launcher, signal.SIGKILL)
        elif how == "kill launcher":
            os.kill(launcher, signal.SIGKILL)
        elif how == "kill runtime":
            os.kill(int(printed(client, "import os; print(os.getppid())")), signal.SIGKILL)
            until(lambda: not client.manager.is_alive())
        elif how == "kill kernel":
            os.kill(inside, signal.SIGKILL)
            until(lambda: not client.manager.is_alive())
    until(lambda: not bed.processes() and not helpers_of(launcher))
    # other tests may have unmounted theirs, or have some mounted for a moment
    until(lambda: set(Path("/proc/self/mounts").read_text().splitlines()) <= mounts)
    last = (bed.state / "logs" / kernel / "last-start").read_text().splitlines()[-1]
    wanted = {
        "kill group": "killed", "kill launcher": "killed", "kill runtime": "failed 137", "kill kernel": "failed 137",
    }  # fmt: skip
    assert wanted.get(how, "ended") in last


def test_a_job_that_a_cell_started_does_not_keep_a_kernel_from_ending(bed: Bed, kernel: str, tmp_path: Path) -> None:
    """It ends with the kernel, unlike those of a kernel that runs on the machine itself: docs/kernels.md says so."""
    with started(kernel, tmp_path) as client:
        launcher = client.manager.provisioner.pid
        job = int(printed(client, "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"))
        assert Path(f"/proc/{job}").exists()
        began = time.monotonic()
    assert time.monotonic() - began < 60, "it waited for the job, which lasts for ten times as long"
    until(lambda: not Path(f"/proc/{job}").exists() and not helpers_of(launcher))


def test_a_restart_is_a_new_kernel_with_a_new_log(bed: Bed, kernel: str, tmp_path: Path) -> None:
    with started(kernel, tmp_path) as client:
        first = printed(client, "import os; x = 1; print(os.getpid())")
        client.manager.restart_kernel()
        client.wait_for_ready(timeout=60)
        assert printed(client, "print(x)") == "NameError"
        assert printed(client, "import os; print(os.getpid())") != first
    assert (bed.state / "logs" / kernel / "last-start").read_text().count("# started") == 1


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_the_connection_file_is_seen_wherever_jupyter_puts_it(kernel: str, tmp_path: Path, transport: str) -> None:
    """A directory that no container shows by itself: below /opt, in a mount namespace of its own for this test."""
    code = (
        "import pathlib, sys\nfrom jupyter_client.manager import KernelManager\n"
        "manager = KernelManager(kernel_name=sys.argv[1], transport=sys.argv[2])\n"
        "manager.connection_file = sys.argv[3] + '/kernel-1.json'\n"
        "manager.start_kernel()\nclient = manager.client()\nclient.start_channels()\n"
        "client.wait_for_ready(timeout=60)\nprint('ready', flush=True)\nmanager.shutdown_kernel()\n"
    )
    # the path of a socket has room for 107 bytes
    directory = tempfile.mkdtemp(prefix="ck-") if os.getuid() else "/run/user/container-kernels-test"
    Path(directory).mkdir(parents=True, mode=0o700, exist_ok=True)
    try:
        finished = subprocess.run(
            [sys.executable, "-c", code, kernel, transport, directory],
            capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False,
        )  # fmt: skip
    finally:
        subprocess.run(["rm", "-rf", directory], check=True)
    assert finished.stdout == "ready\n", finished.stderr


def test_a_folder_that_is_reached_through_a_link_is_the_kernels_folder(kernel: str, tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "work", tmp_path / "link"
    real.mkdir(parents=True)
    (real / "data").write_text("42")
    link.symlink_to(real)
    with started(kernel, link) as client:
        assert printed(client, "print(open('data').read())") == "42"
        assert printed(client, "import os; print(os.getcwd())") == str(real)
        assert printed(client, "open('new', 'w').close()") == ""
    assert (real / "new").exists()


def test_a_home_directory_that_is_a_link_is_the_kernels_home(
    bed: Bed, kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "gpfs" / "someone", tmp_path / "someone"
    real.mkdir(parents=True)
    link.symlink_to(real)
    monkeypatch.setenv("HOME", str(link))
    with started(kernel, link) as client:
        assert printed(client, "import os; print(os.path.expanduser('~'))") == str(link)
        assert printed(client, "open(os.path.expanduser('~/made'), 'w').close()") == ""
    assert (real / "made").exists()


def test_the_kernel_sees_the_session_but_not_its_secrets(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "3", "TZ": "Europe/Berlin"}
    hidden = {
        "JUPYTER_TOKEN": "s", "JUPYTERHUB_API_TOKEN": "s", "PYTHONPATH": "/x", "PYTHONHOME": "/x", "LD_PRELOAD": "",
        "CONDA_PREFIX": "/x", "R_LIBS_USER": "/x", "BASH_FUNC_module%%": "() { echo leaked; }", "BASH_ENV": "/x",
        "SSL_CERT_FILE": "/no/such/file",
    }  # fmt: skip
    for name, value in {**seen, **hidden, "LANG": "xx_YY.UTF-8", "LC_ALL": "xx_YY.UTF-8"}.items():
        monkeypatch.setenv(name, value)
    with started(kernel, tmp_path) as client:
        for name, value in seen.items():
            assert printed(client, f"import os; print(os.environ[{name!r}])") == value
        assert printed(client, f"print(sorted(set({list(hidden)!r}) & set(os.environ)))") == "[]"
        assert printed(client, "print(os.environ['GREETING'])") == 'a "b" $(touch PWNED) \\ c'
        assert printed(client, "import locale; print(locale.setlocale(locale.LC_ALL, ''))") == "C.UTF-8"
        assert (
            printed(client, "import subprocess; print(subprocess.run(['bash', '-c', 'type module']).returncode)") != "0"
        )
    assert not list(tmp_path.glob("PWNED"))


def test_the_debugger_stops_at_a_breakpoint(kernel: str, tmp_path: Path) -> None:
    """By the debug protocol, as JupyterLab's debugger does: github.com/microsoft/debug-adapter-protocol."""
    with started(kernel, tmp_path) as client:
        debugger = Debugger(client)
        assert debugger.ask("initialize", clientID="test", adapterID="", pathFormat="path")["success"]
        assert debugger.ask("attach")["success"]
        code = "a = 6\nb = a * 7\nprint(b)\n"
        path = debugger.ask("dumpCell", code=code)["body"]["sourcePath"]
        answer = debugger.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": 2}], sourceModified=False)
        assert [each["verified"] for each in answer["body"]["breakpoints"]] == [True]
        debugger.ask("configurationDone")
        cell = client.execute(code)
        stopped = debugger.event("stopped")
        assert stopped["body"]["reason"] == "breakpoint"
        frames = debugger.ask("stackTrace", threadId=stopped["body"]["threadId"])["body"]["stackFrames"]
        assert frames[0]["line"] == 2
        scopes = debugger.ask("scopes", frameId=frames[0]["id"])["body"]["scopes"]
        variables = debugger.ask("variables", variablesReference=scopes[0]["variablesReference"])["body"]["variables"]
        assert {"a": "6"}.items() <= {each["name"]: each["value"] for each in variables}.items()
        debugger.ask("continue", threadId=stopped["body"]["threadId"])
        until(lambda: client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] == cell)


class Debugger:
    """Speaks the debug protocol on a kernel's control channel."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._number = 0

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        self._number += 1
        content = {"type": "request", "seq": self._number, "command": command, "arguments": arguments}
        message = self._client.session.msg("debug_request", content)
        self._client.control_channel.send(message)
        while True:
            answer = self._client.get_control_msg(timeout=30)
            if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return dict(answer["content"])

    def event(self, name: str) -> dict[str, Any]:
        """Wait for an event and return it."""
        while True:
            message = self._client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "debug_event" and message["content"]["event"] == name:
                return dict(message["content"])


def until(condition: Callable[[], object], timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_kernel_that_reaches_the_sessions_memory_limit_says_so(bed: Bed, kernel: str, tmp_path: Path) -> None:
    """In a real control group; `scripts/as-user.sh` gives the test user one, root makes it here."""
    with limited_memory(320 * 1024 * 1024) as join:
        code = (
            "import sys, time\nsys.path.insert(0, sys.argv[2])\nopen(sys.argv[3], 'w').write('0')\n"
            "from pathlib import Path\nfrom tests.real.kernels import started\n"
            "with started(sys.argv[1], Path.cwd()) as client:\n"
            "    client.execute('x = bytearray(2**30)\\nfor i in range(0, len(x), 4096): x[i] = 1')\n"
            "    deadline = time.monotonic() + 60\n"
            "    while client.manager.is_alive() and time.monotonic() < deadline: time.sleep(0.1)\n"
        )
        project = str(Path(__file__).parents[2])
        subprocess.run([sys.executable, "-c", code, kernel, project, join], cwd=tmp_path, check=True, timeout=120)

    async def look(services: Any) -> Any:
        return await services.kernels.log(kernel)

    log = bed.run(look)
    assert "reached its memory limit of 335544320 bytes" in log.text
    assert log.start.state == "failed"
    assert log.start.diagnosis.cause == "memory_limit"
