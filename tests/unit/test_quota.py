"""The user's own limit on a file system, as the system's commands tell it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import Quota
from jupyterlab_container_kernels.system import quota
from jupyterlab_container_kernels.system.mounts import Mount
from jupyterlab_container_kernels.system.patience import Patience

KIB = 1024

#: What `quota -w -p` prints (quota 4.06, quota(1)), and what that is.
QUOTA = [
    ("", {}),
    ("Disk quotas for user ann (uid 1000): none\n", {}),
    (
        "Disk quotas for user ann (uid 1000): \n"
        "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"
        "/dev/mapper/home  51200  100000  120000       0    1200       0       0       0\n"
        "nas:/export/home  130000* 100000  120000  1700000000    1200       0       0       0\n"
        "/dev/sdb1   77       0       0       0      12     100     200       0\n",  # only files are limited
        {
            "/dev/mapper/home": Quota(51200 * KIB, 120000 * KIB),
            "nas:/export/home": Quota(130000 * KIB, 120000 * KIB),
        },
    ),
    (
        "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"
        "/dev/sda1  5  100  0  0  1 0 0 0\n",  # there is no hard limit
        {"/dev/sda1": Quota(5 * KIB, 100 * KIB)},
    ),
    ("quota: Cannot open quotafile /home/aquota.user: Permission denied\n", {}),
]


@pytest.mark.parametrize(("output", "found"), QUOTA)
def test_what_quota_prints_is_read(output: str, found: dict[str, Quota]) -> None:
    assert quota.read_quota(output) == found


#: What `lfs quota -q -u ann /scratch` prints (Lustre 2.15, lfs-quota(1)), and what that is.
LFS = [
    ("       /scratch  1048576  2000000 3000000       -     123       0       0       -\n", (1048576, 3000000)),
    (
        "/a/very/long/path/to/scratch\n       1048576*  500  1000       1d     123       0       0       -\n",
        (1048576, 1000),
    ),
    ("       /scratch  1048576  0 0       -     123       0       0       -\n", None),
    ("Unexpected quotactl error: Operation not supported\n", None),
    ("", None),
]


@pytest.mark.parametrize(("output", "found"), LFS)
def test_what_lfs_prints_is_read(output: str, found: tuple[int, int] | None) -> None:
    assert quota.read_lfs(output) == (Quota(found[0] * KIB, found[1] * KIB) if found else None)


async def test_a_command_that_hangs_or_is_missing_tells_nothing(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "_TIMEOUT_S", 0.3)
    assert await quota.quotas(["/"], {}, Patience()) == {}
    tool = empty_path / "quota"
    tool.write_text("#!/bin/bash\nexec /bin/sleep 600\n")
    tool.chmod(0o755)
    assert await quota.quotas(["/"], {}, Patience()) == {}


async def test_the_limit_of_the_file_system_on_which_a_path_lies_is_told(
    empty_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = [
        Mount("/", "/dev/root", "ext4"),
        Mount("/home", "nas:/home", "nfs4"),
        Mount("/home/scratch", "mds@tcp:/s", "lustre"),
    ]
    monkeypatch.setattr(quota, "mounts", lambda: mounted)
    (empty_path / "quota").write_text('#!/bin/bash\necho "nas:/home  5  100  200  0  1 0 0 0"; exit 1\n')
    (empty_path / "lfs").write_text(
        '#!/bin/bash\n[ "$*" = "quota -q -u $WHO /home/scratch" ] && echo "/s 7 0 9 - 1 0 0 -"\n'
    )
    for tool in empty_path.iterdir():
        tool.chmod(0o755)
    found = await quota.quotas(
        ["/home/ann", "/home/scratch/ann", "/homestead", "/"], {"WHO": str(os.getuid())}, Patience()
    )
    assert found == {"/home/ann": Quota(5 * KIB, 200 * KIB), "/home/scratch/ann": Quota(7 * KIB, 9 * KIB)}
