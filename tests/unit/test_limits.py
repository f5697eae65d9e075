"""What a session may use: the least of what its control group, its job and its affinity give it, not the node's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system import limits

MIB = 1 << 20
#: What /proc/self/cgroup says, the files of the groups, Slurm's variables, and what follows: processors and MiB.
CASES = [
    ("0::/job\n", {"sys/fs/cgroup/job/memory.max": f"{256 * MIB}\n", "sys/fs/cgroup/job/cpu.max": "150000 100000\n"},
     {}, 2, 256),
    # a limit of a group above counts as well
    ("0::/job/step\n", {"sys/fs/cgroup/job/step/memory.max": "max\n", "sys/fs/cgroup/job/step/cpu.max": "max 100000\n",
                        "sys/fs/cgroup/job/memory.high": f"{512 * MIB}\n"}, {}, None, 512),
    ("4:memory:/slurm/job\n1:cpu,cpuacct:/slurm/job\n",
     {"sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes": f"{300 * MIB}\n",
      "sys/fs/cgroup/cpu,cpuacct/slurm/job/cpu.cfs_quota_us": "100000\n",
      "sys/fs/cgroup/cpu,cpuacct/slurm/job/cpu.cfs_period_us": "100000\n"}, {}, 1, 300),
    # no limit, in the words of version 1
    ("4:memory:/\n1:cpu:/\n", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                              "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                              "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, {}, None, None),
    # in a container: the path is the host's, the group is mounted at the top
    ("0::/docker/abc\n", {"sys/fs/cgroup/memory.max": f"{400 * MIB}\n"}, {}, None, 400),
    ("", {}, {"SLURM_CPUS_PER_TASK": "1", "SLURM_MEM_PER_CPU": "200"}, 1, 200),
    # several tasks of a processor each: the memory of all is the session's
    ("", {}, {"SLURM_CPUS_PER_TASK": "1", "SLURM_CPUS_ON_NODE": "3", "SLURM_MEM_PER_CPU": "200"}, 1, 600),
    ("", {}, {"SLURM_CPUS_ON_NODE": "1", "SLURM_MEM_PER_NODE": "700"}, 1, 700),
    # all of the node
    ("", {}, {"SLURM_MEM_PER_NODE": "0"}, None, None),
    ("garbage:without:end\n0::/x\n", {"sys/fs/cgroup/x/memory.max": "much\n"}, {"SLURM_CPUS_PER_TASK": "all"}, None,
     None),
]  # fmt: skip


@pytest.mark.parametrize(("groups", "files", "environment", "cores", "mebibytes"), CASES)
def test_the_least_that_is_given_counts(
    groups: str,
    files: dict[str, str],
    environment: dict[str, str],
    cores: int | None,
    mebibytes: int | None,
    tmp_path: Path,
) -> None:
    for name, text in ({"proc/self/cgroup": groups} | files).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    here = len(os.sched_getaffinity(0))
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limits.cores(environment, tmp_path) == (here if cores is None else min(cores, here))
    assert limits.memory_bytes(environment, tmp_path) == (physical if mebibytes is None else mebibytes * MIB)


def test_this_machine_says_something_sensible() -> None:
    assert limits.cores(os.environ) >= 1
    assert limits.memory_bytes(os.environ) > 64 * MIB
