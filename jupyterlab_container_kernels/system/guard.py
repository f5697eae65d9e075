"""Runs one command and makes sure that nothing of it outlives whoever asked for it.

``python -I -S guard.py COMMAND [ARGUMENT …]``, started by :mod:`.process` in a session of its own with a pipe as
standard input. The command gets ``/dev/null`` instead. When the pipe closes, because the server cancelled or was
killed (even by SIGKILL), every process that came from the command is ended: SIGINT, then SIGTERM, then SIGKILL. The
guard is a child subreaper (prctl(2)), so helpers that detach themselves (Apptainer's FUSE daemons do) stay its
descendants and are found as well. It exits with the command's code, or 128 + the signal that ended it, as a shell.

It imports nothing of ours and nothing outside the standard library, because it runs without site-packages.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: What is sent, and how many seconds are given to obey. pip and `apptainer pull` clean up on SIGINT.
ESCALATION = ((signal.SIGINT, 4.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))


def descendants() -> list[int]:
    """Return the ids of all processes below this one, from /proc (proc(5))."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 (imports are kept few: this starts for each command)
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError), open(f"/proc/{entry}/stat", "rb") as stat:  # noqa: PTH123
                parent = int(stat.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def reap(leader: int | None = None) -> int | None:
    """Collect children that have ended, detached ones too; return the exit code of ``leader`` if it is among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == leader:
                code = os.waitstatus_to_exitcode(status)
    return code


def end_everything() -> None:
    """End every descendant, gently first."""
    for signal_number, patience_s in ESCALATION:
        deadline = time.monotonic() + patience_s
        for pid in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal_number)
        while time.monotonic() < deadline:
            reap()
            if not descendants():
                return
            time.sleep(0.02)


def main(argv: list[str]) -> int:
    """Run ``argv``, see the module's text. 126 and 127 mean that it could not be started, as with a shell."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    received: list[int] = []
    for signal_number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(signal_number, lambda number, _frame: received.append(number))
    for signal_number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)

    def in_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for signal_number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_DFL)

    try:
        command = subprocess.Popen(argv, stdin=subprocess.DEVNULL, preexec_fn=in_child)  # noqa: PLW1509
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    code = None
    while code is None and signal.SIGTERM not in received:
        ready, _, _ = select.select([sys.stdin.fileno(), woken], [], [])
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        code = reap(command.pid)
        if sys.stdin.fileno() in ready:
            break
    end_everything()
    if code is None:
        return 130  # cancelled: there is no result, and nothing is left
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # not sys.exit: Popen would wait for, and warn about, a child that was collected above
    os._exit(main(sys.argv[1:]))
