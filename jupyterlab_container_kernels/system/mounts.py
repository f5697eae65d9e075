"""Where file systems are mounted, and which; told from names alone, so that none that hangs is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A file system that is mounted.

    Parameters
    ----------
    at : str
        The folder where it is.
    source : str
        What is mounted there, as ``nas:/export/home``.
    kind : str
        As ``nfs4``.
    """

    at: str
    source: str
    kind: str


def mounts(file: Path = Path("/proc/self/mountinfo")) -> list[Mount]:
    """Return what is mounted, the innermost last (proc_pid_mountinfo(5)); nothing where nobody tells."""
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return []
    found = []
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, after = left.split(" "), right.split(" ")
        if len(fields) > 4 and len(after) > 1:
            found.append(Mount(_unescaped(fields[4]), _unescaped(after[1]), after[0]))
    return found


def mount_of(path: str, among: Sequence[Mount]) -> Mount | None:
    """Return the mount on which a full path lies, as far as its name tells."""
    best = None
    for each in among:
        inside = path == each.at or path.startswith(each.at.rstrip(os.sep) + os.sep)
        # of two at one place, the later one hides the other
        if inside and (best is None or len(each.at) >= len(best.at)):
            best = each
    return best


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
