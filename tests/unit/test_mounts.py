"""What is mounted where is told from the system's list, and no file system is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterlab_container_kernels.system.mounts import Mount, mount_of, mounts

#: As proc_pid_mountinfo(5) has it: blanks are written in octal, and some lines have fields before the hyphen.
LISTED = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
40 22 0:35 / /home rw,nosuid shared:20 master:1 - nfs4 nas:/export/home rw,vers=4.2
41 22 0:36 / /scratch rw - lustre mds@tcp:/s rw
42 22 0:37 / /scratch rw - autofs auto rw
43 22 0:38 / /media/my\040disk rw - tmpfs my\040disk rw
44 22 0:39 /x /cut
"""
ROOT, HOME = Mount("/", "/dev/root", "ext4"), Mount("/home", "nas:/export/home", "nfs4")
LUSTRE, AUTOFS = Mount("/scratch", "mds@tcp:/s", "lustre"), Mount("/scratch", "auto", "autofs")
DISK = Mount("/media/my disk", "my disk", "tmpfs")


@pytest.fixture
def listed(tmp_path: Path) -> list[Mount]:
    (tmp_path / "mountinfo").write_text(LISTED)
    return mounts(tmp_path / "mountinfo")


def test_what_the_system_lists_is_read(listed: list[Mount]) -> None:
    assert listed == [ROOT, HOME, LUSTRE, AUTOFS, DISK]


def test_where_nobody_tells_there_is_nothing(tmp_path: Path) -> None:
    assert mounts(tmp_path / "missing") == []
    assert mount_of("/home", []) is None


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/", ROOT),
        ("/home", HOME),
        ("/home/ann/x", HOME),
        ("/homestead", ROOT),
        ("/scratch/ann", AUTOFS),  # mounted over the other
        ("/media/my disk/x", DISK),
        ("/media/my", ROOT),
    ],
)
def test_the_innermost_mount_of_a_path_counts(listed: list[Mount], path: str, mount: Mount) -> None:
    assert mount_of(path, listed) == mount


def test_the_mounts_of_this_machine_are_known() -> None:
    proc = mount_of("/proc/self", mounts())
    assert proc is not None
    assert proc.kind == "proc"
