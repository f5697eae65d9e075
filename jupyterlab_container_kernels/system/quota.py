"""The user's own limit on a file system, where the system tells it: by ``quota`` (quota(1)) or ``lfs`` (Lustre)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping

from ..errors import ContainerKernelsError
from ..models import Quota
from .mounts import mount_of, mounts
from .patience import Patience
from .process import Command, look_for, run

#: Both commands ask servers; the page does not wait longer for them.
_TIMEOUT_S = 2.0
_KIB = 1024
_ROW = re.compile(r"(\S+)\s+(\d+)\*?\s+(\d+)\s+(\d+)\b")


async def quotas(paths: list[str], environment: Mapping[str, str], patience: Patience) -> dict[str, Quota]:
    """Return the limits of the file systems on which paths lie, by path; what nobody tells is left out."""
    mounted = await asyncio.to_thread(mounts)
    places = {path: place for path in paths if (place := mount_of(path, mounted))}
    found: dict[str, Quota] = {}
    lustre = {path: place.at for path, place in places.items() if place.kind == "lustre"}
    others = {path: place.source for path, place in places.items() if place.kind != "lustre"}
    if others and (tool := await look_for("quota", patience)):
        limits = read_quota(await _ask([tool, "-w", "-p"], environment))
        found |= {path: limits[source] for path, source in others.items() if source in limits}
    if lustre and (tool := await look_for("lfs", patience)):
        ask = [tool, "quota", "-q", "-u", str(os.getuid())]
        asked = sorted(set(lustre.values()))
        told = await asyncio.gather(*(_ask([*ask, at], environment) for at in asked))
        of_mount = dict(zip(asked, map(read_lfs, told), strict=True))
        found |= {path: limit for path, at in lustre.items() if (limit := of_mount[at])}
    return found


async def _ask(argv: list[str], environment: Mapping[str, str]) -> str:
    try:
        # quota(1) ends with an error where a limit is passed, which is when it is wanted most
        return (await run(Command(argv, {**environment, "LC_ALL": "C"}), timeout_s=_TIMEOUT_S)).output
    except ContainerKernelsError:
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
