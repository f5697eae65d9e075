"""What this session may use of the machine: processors and memory of its control group, its job, and its affinity."""

from __future__ import annotations

import contextlib
import math
import os
import resource
from collections.abc import Iterator, Mapping
from pathlib import Path

#: A limit of version 1 that is none is about 2**63.
_NO_LIMIT = 1 << 60
_MIB = 1 << 20


def cores(environment: Mapping[str, str], root: Path = Path("/")) -> int:
    """Return how many processors this session may keep busy, at least 1.

    Parameters
    ----------
    environment : mapping of str to str
        Slurm's variables are in it (https://slurm.schedmd.com/srun.html).
    root : Path
        Of the system, below which ``proc`` and ``sys`` lie.
    """
    found = [len(os.sched_getaffinity(0)), *_quotas(root)]
    for name in ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        if environment.get(name, "").isdecimal():
            found.append(int(environment[name]))
            break
    return max(1, min(found))


def memory_bytes(environment: Mapping[str, str], root: Path = Path("/")) -> int:
    """Return how much memory this session may use at most; parameters as for :func:`cores`."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_memory_limits(root)]
    address_space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if address_space != resource.RLIM_INFINITY:
        found.append(address_space)
    named = {name: int(environment[name]) for name in environment
             if name.startswith("SLURM_MEM_PER_") and environment[name].isdecimal()}  # fmt: skip
    if named.get("SLURM_MEM_PER_NODE"):  # 0 is all of the node
        found.append(named["SLURM_MEM_PER_NODE"] * _MIB)
    elif named.get("SLURM_MEM_PER_CPU"):
        # of all that the job has on this node, though this process may keep fewer busy
        allotted = environment.get("SLURM_CPUS_ON_NODE", "")
        count = int(allotted) if allotted.isdecimal() else cores(environment, root)
        found.append(named["SLURM_MEM_PER_CPU"] * _MIB * count)
    return min(found)


def _groups(root: Path, controller: str) -> Iterator[tuple[int, Path]]:
    """Return the control groups that we are in, with those above them, and of which version they are (cgroups(7))."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            tops = [(2, root / "sys/fs/cgroup"), (2, root / "sys/fs/cgroup/unified")]
        elif controller in controllers.split(","):
            tops = [(1, root / "sys/fs/cgroup" / controllers), (1, root / "sys/fs/cgroup" / controller)]
        else:
            continue
        for version, top in tops:
            # in a container the path may be the host's, while the group itself is mounted at the top
            below = Path(path.lstrip("/"))
            for part in (below, *below.parents):
                yield version, top / part


def _quotas(root: Path) -> Iterator[int]:
    for version, group in _groups(root, "cpu"):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            if version == 2:
                quota, period = (group / "cpu.max").read_text().split()
            else:
                quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
            if quota not in ("max", "-1"):
                yield math.ceil(int(quota) / int(period))


def _memory_limits(root: Path) -> Iterator[int]:
    for version, group in _groups(root, "memory"):
        for name in ("memory.max", "memory.high") if version == 2 else ("memory.limit_in_bytes",):
            with contextlib.suppress(OSError, ValueError):
                limit = int((group / name).read_text())
                if limit < _NO_LIMIT:
                    yield limit
