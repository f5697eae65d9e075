"""The only place that starts processes (the kernel that is verified is started by ``jupyter_client``).

Every command is an argv list, runs in a session of its own below :mod:`.guard`, and is gone, with all that it
started, when the call returns, is cancelled, runs out of time, or the server is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerKernelsError
from .patience import Patience

_GUARD = Path(__file__).with_name("guard.py")
#: A line longer than this is cut: a progress bar drawn with carriage returns, or garbage.
_LINE_BYTES = 16 * 1024
#: Escape sequences that tools colour their lines with.
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: How much of the output is kept for whoever looks for a reason in it.
_KEPT_LINES = 2000


@dataclass(frozen=True)
class Command:
    """What to run.

    Parameters
    ----------
    argv : sequence of str
        Program and arguments. Anybody on the machine can read them, so no secret belongs here.
    env : mapping of str to str
        The whole environment of the command.
    """

    argv: Sequence[str]
    env: Mapping[str, str]


@dataclass(frozen=True)
class Finished:
    """What came of a command: its exit code (128 + n for signal n) and the last lines of output, both streams."""

    returncode: int
    output: str


async def run(
    command: Command,
    *,
    timeout_s: float,
    on_line: Callable[[str], None] | None = None,
) -> Finished:
    """Run a command to its end.

    Parameters
    ----------
    command : Command
        What to run.
    timeout_s : float
        Seconds after which it is ended.
    on_line : callable, optional
        Gets each line of standard output and standard error as it comes, without its end of line. Called on the
        event loop, so it has to be quick.

    Returns
    -------
    Finished
        The exit code proves nothing (`apptainer pull --arch` of a wrong architecture: 0): inspect what was made.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``; ``runtime_failed``: no process can be started.
    """
    process = await _start(command)
    kept: deque[str] = deque(maxlen=_KEPT_LINES)

    def take(line: str) -> None:
        line = _COLOURS.sub("", line)
        kept.append(line)
        if on_line is not None:
            on_line(line)

    reading = asyncio.ensure_future(_read_lines(process, take))
    try:
        # not wait_for: until Python 3.12 it loses a cancellation that comes together with the end
        if not (await asyncio.wait({reading}, timeout=timeout_s))[0]:
            raise ContainerKernelsError(
                "timed_out",
                f"{Path(command.argv[0]).name} did not finish within {timeout_s:.0f} seconds.",
                "Try again when the machine or the file system is less busy.",
            )
        reading.result()
        return Finished(await process.wait(), "\n".join(kept))
    finally:
        await asyncio.shield(_end(process, reading))


async def _start(command: Command) -> asyncio.subprocess.Process:
    """Start the guard, and by it the command."""
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_GUARD),
            *command.argv,
            env=dict(command.env),
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:  # of the guard; what hinders the command, the guard prints
        raise ContainerKernelsError(
            "runtime_failed",
            f"{Path(command.argv[0]).name} could not be started: {error.strerror}.",
            "Shut down kernels that you do not need, for this session's limit on processes or on memory may be reached "
            "(`ulimit -u` and `ulimit -v` in a terminal tell them).",
        ) from error


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Future[None]) -> None:
    """Let the guard end what still runs, and wait until it has done so."""
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


async def _read_lines(process: asyncio.subprocess.Process, take: Callable[[str], None]) -> None:
    """Hand on lines until every writer has closed the pipe; a carriage return ends a line, too."""
    assert process.stdout is not None  # noqa: S101 (we asked for a pipe)
    rest = b""
    while chunk := await process.stdout.read(64 * 1024):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if line:
                take(line[:_LINE_BYTES].decode(errors="replace"))
        rest = rest[:_LINE_BYTES]
    if rest:
        take(rest.decode(errors="replace"))


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on ``PATH``, or ``None``."""
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)  # noqa: PTH118
        # not Path.is_file: it raises where a directory on PATH may not be entered
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            return os.path.abspath(path)  # noqa: PTH100 (links stay: a versioned target may be replaced)
    return None


async def look_for(name: str, patience: Patience) -> str | None:
    """Return a program on ``PATH`` as :func:`find_program` does; ``None`` also if a folder of it does not answer."""
    try:
        return await patience.ask(("program", name), lambda: find_program(name))
    except TimeoutError:
        return None


def is_alive(pid: int, start_ticks: int) -> bool:
    """Tell whether the process that was started at that moment (field 22 of /proc/PID/stat) still runs."""
    return start_ticks_of(pid) == start_ticks


async def session_end(leader: int, timeout_s: float) -> bool:
    """Wait until no process of a session (setsid(2)) is left; returns whether that came within ``timeout_s``."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while await asyncio.to_thread(_session_lives, leader):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _session_lives(leader: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                return True
    return False


def start_ticks_of(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since boot, or ``None`` when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
