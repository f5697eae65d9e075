"""The user's own limit on a file system, where the system tells it: by ``quota`` (quota(1)) or ``lfs`` (Lustre)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import Quota
from .paths import Patience
from .process import Command, look_for, run

#: Both commands ask servers; the page does not wait longer for them.
_TIMEOUT_S = 2.0
_KIB = 1024
_ROW = re.compile(r"(\S+)\s+(\d+)\*?\s+(\d+)\s+(\d+)\b")
_ESCAPE = re.compile(r"\\([0-7]{3})")


async def quotas(paths: list[str], environment: Mapping[str, str], patience: Patience) -> dict[str, Quota]:
    """Return the limits of the file systems on which paths lie, by path; what nobody tells is left out."""
    mounts = await asyncio.to_thread(_mounts)
    places = {path: place for path in paths if (place := _mount_of(path, mounts))}
    found: dict[str, Quota] = {}
    lustre = {path: at for path, (at, _, kind) in places.items() if kind == "lustre"}
    others = {path: source for path, (_, source, kind) in places.items() if kind != "lustre"}
    if others and (tool := await look_for("quota", patience)):
        limits = read_quota(await _ask([tool, "-w", "-p"], environment))
        found |= {path: limits[source] for path, source in others.items() if source in limits}
    if lustre and (tool := await look_for("lfs", patience)):
        ask = [tool, "quota", "-q", "-u", str(os.getuid())]
        mounted = sorted(set(lustre.values()))
        told = await asyncio.gather(*(_ask([*ask, at], environment) for at in mounted))
        of_mount = dict(zip(mounted, map(read_lfs, told), strict=True))
        found |= {path: limit for path, at in lustre.items() if (limit := of_mount[at])}
    return found


async def _ask(argv: list[str], environment: Mapping[str, str]) -> str:
    try:
        # quota(1) ends with an error where a limit is passed, which is when it is wanted most
        return (await run(Command(argv, {**environment, "LC_ALL": "C"}), timeout_s=_TIMEOUT_S)).output
    except (ContainerKernelsError, OSError):
        return ""


def read_quota(output: str) -> dict[str, Quota]:
    """Read what ``quota -w -p`` prints: device, blocks of 1 KiB (with a star when over), soft limit, hard limit, …"""
    found = {}
    for line in output.splitlines():
        match = _ROW.match(line.strip())
        if match and (limit := int(match[4]) or int(match[3])):
            found[match[1]] = Quota(int(match[2]) * _KIB, limit * _KIB)
    return found


def read_lfs(output: str) -> Quota | None:
    """Read what ``lfs quota -q -u USER PATH`` prints; the path stands on a line of its own if it is long."""
    match = _ROW.search(" ".join(output.split()))
    limit = (int(match[4]) or int(match[3])) if match else 0
    return Quota(int(match[2]) * _KIB, limit * _KIB) if match and limit else None


def _mounts() -> list[tuple[str, str, str]]:
    """Return where what is mounted and of which kind, the innermost last (proc_pid_mountinfo(5))."""
    found = []
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, after = left.split(), right.split()
        if len(fields) > 4 and len(after) > 1:
            found.append((_unescaped(fields[4]), _unescaped(after[1]), after[0]))
    return found


def _mount_of(path: str, mounts: list[tuple[str, str, str]]) -> tuple[str, str, str] | None:
    """Return the mount on which a path lies, by its name alone: no file system is asked."""
    inside = [each for each in mounts if path == each[0] or path.startswith(each[0].rstrip(os.sep) + os.sep)]
    return max(enumerate(inside), key=lambda each: (len(each[1][0]), each[0]))[1] if inside else None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
