"""The last start of a kernel, as its start script has logged it: a head, standard error, an end."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from ..diagnosis import diagnose, port_was_taken
from ..models import LastStart, LogChunk, StartState
from .task_files import LOG_CHUNK_BYTES, read_log

_HEAD = re.compile(r"^# (started|node|jupyter|runtime|image): (.*)$", re.MULTILINE)
#: The last line: when, what (``failed``, ``ended``, ``killed``, ``server-gone``), and an exit code if there is one.
_END = re.compile(r"^# ended: (\S+) ([\w-]+) ?(\d*)\s*\Z", re.MULTILINE)
#: A kernel that has lived for so long has stopped; before that it could not start. In seconds.
_START_S = 60.0
#: How soon after a death Jupyter starts a kernel again, and how long such a start may take to show what becomes of it.
_RESTART_S = 15.0
_SETTLED_S = 20.0


def read_end(path: Path) -> LogChunk:
    """Return the end of a log; a missing one is empty."""
    size = path.stat().st_size if path.exists() else 0
    return read_log(path, max(0, size - LOG_CHUNK_BYTES))


def read_last(path: Path, display_name: str) -> tuple[LogChunk, LastStart]:
    """Return the log that tells of the last start, and what became of it.

    Jupyter starts a kernel that has died again at once, and a start begins a new log. Until that start has shown what
    becomes of it, the one before is what whoever asks wants to know of.
    """
    chunk = read_end(path)
    start = read_start(chunk.text, display_name)
    if start.state != "running":
        return chunk, start
    before = read_end(path.with_name(f"{path.name}.before"))
    failed = read_start(before.text, display_name)
    ended, began = _END.search(before.text), _time(start.started)
    if failed.state == "failed" and ended and began:
        gap_s = (began - (_time(ended[1]) or began)).total_seconds()
        if gap_s <= _RESTART_S and (datetime.now(timezone.utc) - began).total_seconds() <= _SETTLED_S:
            return before, failed
    return chunk, start


def read_start(text: str, display_name: str) -> LastStart:
    """Read what a start script has logged.

    Parameters
    ----------
    text : str
        The log; its beginning may be missing.
    display_name : str
        The kernel's, for the words.
    """
    if not text:
        return LastStart("never", None, None, None, None)
    head = dict(_HEAD.findall(text))
    end = _END.search(text)
    if end is None:
        silent = port_was_taken(said(text))
        diagnosis = diagnose(said(text), f"starting {display_name}") if silent else None
        return LastStart("running", head.get("started"), head.get("node"), None, diagnosis)
    state: StartState = "failed" if end[2] == "failed" else "ended"
    code = int(end[3]) if end[3] else None
    began, ended = _time(head.get("started")), _time(end[1])
    lasted_s = (ended - began).total_seconds() if began and ended else 0.0
    action = f"{'starting' if lasted_s < _START_S else 'running'} {display_name}"
    diagnosis = diagnose(said(text), action) if state == "failed" else None
    return LastStart(state, head.get("started"), head.get("node"), code, diagnosis)


def said(text: str) -> str:
    """Return what a log holds beside its head and its end."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"# (\w+: |\(earlier)", line))


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
