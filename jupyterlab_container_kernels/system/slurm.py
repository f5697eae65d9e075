"""The Slurm job in which this session runs: which one, and until when."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from ..errors import ContainerKernelsError
from .process import Command, find_program, run

_TIMEOUT_S = 3.0
_USUAL_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/slurm/bin", "/usr/local/slurm/bin", "/opt/slurm/current/bin")
#: slurmd names the control groups of a job in this way, whatever was done to its environment.
_GROUP = re.compile(r"/job_(\d+)(?:/|$)", re.MULTILINE)


def job_id(environment: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """Return the id of the job, or ``None`` outside of one. Sessions that begin with ``env -i`` are in one, too.

    Parameters
    ----------
    environment : mapping of str to str
        Of the session.
    root : Path
        Of the system, below which ``proc`` lies.
    """
    if named := environment.get("SLURM_JOB_ID"):
        return named
    try:
        found = _GROUP.search((root / "proc/self/cgroup").read_text())
    except OSError:
        return None
    return found[1] if found else None


async def end(job: str, environment: Mapping[str, str]) -> datetime | None:
    """Return when a job reaches its time limit; ``None`` if it has none, or nobody tells.

    Slurm itself is asked first: the limit of a job that runs can be changed.
    """
    env = {**environment, "LC_ALL": "C", "TZ": "UTC", "SLURM_TIME_FORMAT": "standard"}
    if tool := await asyncio.to_thread(find_tool, "scontrol"):
        try:
            finished = await run(Command([tool, "-o", "show", "job", job], env), timeout_s=_TIMEOUT_S)
        except ContainerKernelsError:
            finished = None
        if finished and finished.returncode == 0:
            return read_end(finished.output)
    told = environment.get("SLURM_JOB_END_TIME", "")
    return datetime.fromtimestamp(int(told), timezone.utc) if told.isdecimal() else None


def find_tool(name: str) -> str | None:
    """Return where a program of Slurm is: sessions that begin with ``env -i`` may lack it on PATH."""
    usual = [f"{folder}/{name}" for folder in _USUAL_FOLDERS if os.access(f"{folder}/{name}", os.X_OK)]
    return next(iter([*filter(None, [find_program(name)]), *usual]), None)


def read_end(output: str) -> datetime | None:
    """Read when a job ends from what ``scontrol -o show job`` printed with UTC as the time zone."""
    found = re.search(r"(?:^|\s)EndTime=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", output)
    if found is None or re.search(r"(?:^|\s)TimeLimit=UNLIMITED\b", output):
        return None
    return datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc)
