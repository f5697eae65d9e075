"""A kernel is started once, by ipykernel as it is installed here: what was chosen for it may be gone meanwhile."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.models import LastStart
from jupyterlab_container_kernels.services import check
from jupyterlab_container_kernels.services.starts import read_start

#: What ipykernel 7 says when a port is taken; if it is the one for its output, its process stays and says nothing more.
TAKEN = """\
[IPKernelApp] WARNING | Kernel is running over TCP without encryption.
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/ipykernel/kernelapp.py", line 422, in init_iopub
    self.iopub_port = self._bind_socket(self.iopub_socket, self.iopub_port)
                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "zmq/backend/cython/_zmq.py", line 190, in zmq.backend.cython._zmq._check_rc
zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:33143')
"""
#: Takes a port of the connection file at the first start, and becomes ipykernel.
LAUNCHER = """\
import json, os, socket, sys
from pathlib import Path

port, lines, connection = sys.argv[1:]
first = Path(__file__).with_name("started")
if port and not first.exists():
    taken = socket.create_server(("127.0.0.1", json.loads(Path(connection).read_text())[port]))
    taken.set_inheritable(True)
first.touch()
words = ["-m", "ipykernel_launcher", "-f", connection, f"--IPKernelApp.exec_lines={lines}"]
os.execv(sys.executable, [sys.executable, *words])
"""


class Running:
    """The task, as far as a verification talks to it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.owned: list[Path] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    async def owns(self, path: Path) -> None:
        self.owned.append(path)

    @property
    def again(self) -> int:
        return sum("it is started again with others" in line for line in self.said)


class Stage:
    """A kernel directory; what the kernel says goes to a log, as its start script has it."""

    def __init__(self, path: Path) -> None:
        self.kernel = path / "kernels" / "staged"
        self.kernel.mkdir(parents=True)
        self.log = path / "last-start"
        self.running = Running()

    def kernel_is(self, *words: str) -> None:
        script = f'exec {shlex.join(words)} "$1" 2> {shlex.quote(str(self.log))}'
        argv = ["bash", "-c", script, "bash", "{connection_file}"]
        spec = {"argv": argv, "display_name": "Staged", "language": "python"}
        (self.kernel / "kernel.json").write_text(json.dumps(spec))

    def ipykernel(self, taken: str = "", lines: list[str] | None = None) -> None:
        launcher = self.kernel / "launcher.py"
        launcher.write_text(LAUNCHER)
        self.kernel_is(sys.executable, str(launcher), taken, repr(lines or []))

    async def verify(self) -> check.Seen:
        running: Any = self.running
        return await check.verify(running, self.kernel, Python(), self.log, 60, "off")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(check, "_LOOK_S", 0.1)
    return Stage(tmp_path)


@pytest.mark.parametrize(("port", "tries"), [("iopub_port", 2), ("shell_port", 2), ("hb_port", 1)])
async def test_a_kernel_whose_port_was_taken_is_started_again_unless_it_answers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, port: str, tries: int
) -> None:
    monkeypatch.setattr(check, "_ALL_THE_SAME_S", 0.1 if port == "iopub_port" else 60)
    stage.ipykernel(taken=port)
    await stage.verify()
    assert (stage.running.again, len(stage.running.owned)) == (tries - 1, tries)
    assert "1+1 is 2." in stage.running.said
    assert [path for path in stage.running.owned if path.exists()] == []


async def test_a_kernel_whose_ports_are_taken_each_time_is_not_called_broken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_ALL_THE_SAME_S", 0.1)
    stage.kernel_is("sh", "-c", f"echo {shlex.quote(TAKEN)} >&2; exec sleep 600", "sh")
    with pytest.raises(check.PortTaken, match="taken by another program") as raised:
        await stage.verify()
    assert (raised.value.code, raised.value.hint) == ("verify_failed", "Try again; the kernel gets other ports then.")
    assert (stage.running.again, len(stage.running.owned)) == (2, 3)


async def test_the_log_of_the_start_before_is_not_taken_for_that_of_this_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_ALL_THE_SAME_S", 0.0)
    stage.log.write_text(TAKEN)
    stage.ipykernel()
    await stage.verify()
    assert stage.running.again == 0
    assert stage.log.with_name("last-start.before").read_text() == TAKEN


async def test_an_interrupt_that_a_cell_swallows_as_it_begins_is_sent_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_INTERRUPT_AGAIN_S", 0.5)
    monkeypatch.setattr(check, "_INTERRUPT_TIMEOUT_S", 50)
    lines = [
        "import time",
        "def slow(info): 'sleep(60)' in info.raw_cell and time.sleep(2)",
        "get_ipython().events.register('pre_run_cell', slow)",
    ]
    stage.ipykernel(lines=lines)
    await stage.verify()
    assert "A cell that runs can be interrupted." in stage.running.said


def test_a_start_that_lives_on_without_its_port_says_so() -> None:
    start = read_start(f"# started: 2026-11-25T22:19:23+0100\n{TAKEN}", "PyTorch")
    assert start.diagnosis is not None
    assert (start.state, start.diagnosis.cause) == ("running", "port_in_use")
    assert re.match("Restart the kernel", start.diagnosis.hint)
    assert read_start(f"{TAKEN}It goes on.\n", "PyTorch") == LastStart("running", None, None, None, None)
