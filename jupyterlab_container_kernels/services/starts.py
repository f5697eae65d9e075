"""The last start of a kernel, as its start script has logged it: a head, standard error, an end."""

from __future__ import annotations

import re
from pathlib import Path

from .. import failures
from ..models import LastStart, LogChunk, StartState
from .task_files import LOG_CHUNK_BYTES, read_log

_HEAD = re.compile(r"^# (started|node|jupyter|runtime|image): (.*)$", re.MULTILINE)
#: The last line: when, what (``failed``, ``ended``, ``killed``, ``server-gone``), and an exit code if there is one.
_END = re.compile(r"^# ended: (\S+) ([\w-]+) ?(\d*)\s*\Z", re.MULTILINE)


def read_end(path: Path) -> LogChunk:
    """Return the end of a log; a missing one is empty."""
    size = path.stat().st_size if path.exists() else 0
    return read_log(path, max(0, size - LOG_CHUNK_BYTES))


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
        return LastStart("running", head.get("started"), head.get("node"), None, None)
    state: StartState = "failed" if end[2] == "failed" else "ended"
    code = int(end[3]) if end[3] else None
    diagnosis = failures.diagnose(said(text), f"starting {display_name}") if state == "failed" else None
    return LastStart(state, head.get("started"), head.get("node"), code, diagnosis)


def said(text: str) -> str:
    """Return what a log holds beside its head and its end."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"# (\w+: |\(earlier)", line))
