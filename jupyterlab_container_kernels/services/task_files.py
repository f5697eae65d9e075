"""What a task is on disk: ``task.json``, who does it, its log."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import time
from collections.abc import Container
from dataclasses import asdict, dataclass, field
from pathlib import Path

import dacite

from ..models import LogChunk, Task
from ..system import machine, paths, process

#: The most that one request returns of a log, in bytes.
LOG_CHUNK_BYTES = 256 * 1024
#: A task of another machine that was not heard of for so long has no owner, in seconds.
_SILENCE_S = 300.0


@dataclass(frozen=True)
class Owner:
    """The process that does a task; ``start_ticks`` tells it from a later one of the same id."""

    hostname: str
    boot_id: str
    pid: int
    start_ticks: int

    @classmethod
    def this_process(cls) -> Owner:
        """Return this process as an owner."""
        pid = os.getpid()
        return cls(machine.hostname(), machine.boot_id(), pid, process.start_ticks_of(pid) or 0)

    def is_alive(self, silent_s: float) -> bool:
        """Tell whether the owner still works; of other machines only their silence is known."""
        if self.hostname != machine.hostname():
            return silent_s < _SILENCE_S
        return self.boot_id == machine.boot_id() and process.is_alive(self.pid, self.start_ticks)


@dataclass(frozen=True)
class StoredTask:
    """What ``task.json`` holds: the task, who does it, and what is removed when it ends badly.

    ``resumable`` is what another try goes on with after an interruption: it is removed when the task is dismissed.
    ``image`` is the image that the kernel will use: nobody may delete it meanwhile.
    """

    task: Task
    owner: Owner
    leftovers: list[str] = field(default_factory=list)
    resumable: list[str] = field(default_factory=list)
    image: str | None = None


#: The files of tasks that have ended, with inode and time: most have, and who uses what is asked often.
_ended: set[tuple[str, int, int]] = set()
_MOST_KNOWN = 10_000


def alive(tasks: Path, but: Container[str] = ()) -> list[StoredTask]:
    """Return the tasks below a directory, except those of the ids ``but``, that some process is at work with."""
    found = []
    if len(_ended) > _MOST_KNOWN:
        _ended.clear()
    for file in tasks.glob("[!.]*/task.json"):
        if file.parent.name in but:
            continue
        with contextlib.suppress(OSError, dacite.DaciteError, TypeError, KeyError):
            status = file.stat()
            stamp = (str(file), status.st_ino, status.st_mtime_ns)
            if stamp in _ended:
                continue
            said = paths.read_json(file)
            if said["task"]["ended"] is not None:
                _ended.add(stamp)
                continue
            stored = dacite.from_dict(StoredTask, said)
            if stored.owner.is_alive(time.time() - status.st_mtime):
                found.append(stored)
    return found


def promised(tasks: Path, but: str) -> set[str]:
    """Return what the tasks below a directory, except ``but``, told that another try would go on with."""
    found: set[str] = set()
    for file in tasks.glob("[!.]*/task.json"):
        stored = paths.read_json(file) if file.parent.name != but else None
        if isinstance(stored, dict) and isinstance(stored.get("resumable"), list):
            found.update(map(str, stored["resumable"]))
    return found


def write(directory: Path, stored: StoredTask, log: str) -> None:
    """Write a task, and add to its log.

    Raises
    ------
    OSError
        The directory cannot be written.
    """
    if log:
        with open(directory / "log", "a", encoding="utf-8", opener=_open_private) as stream:
            stream.write(log)
    paths.write_private(directory / "task.json", json.dumps(asdict(stored), ensure_ascii=False))


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def read_log(path: Path, offset: int) -> LogChunk:
    """Return a piece of a log from ``offset`` on, cut between lines or characters; a missing log is empty."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            offset = min(offset, size)
            stream.seek(offset)
            data = stream.read(LOG_CHUNK_BYTES)
    except OSError:
        return LogChunk("", 0, 0, 0, str(path))
    if offset + len(data) < size:
        data = data[: (data.rfind(b"\n") + 1) or _whole_characters(data)]
    return LogChunk(data.decode(errors="replace"), offset, offset + len(data), size, str(path))


def _whole_characters(data: bytes) -> int:
    """Return how many bytes of UTF-8 are there without a character that was cut off at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return len(data) - len(decoder.getstate()[0])
