"""What a node lets containers do, read from trees that look as the systems of sites do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system import node
from jupyterlab_container_kernels.system.node import Switch

#: What stands in /proc/sys, and what of it forbids user namespaces.
SETTINGS: list[tuple[dict[str, str], list[Switch]]] = [
    ({}, []),  # a Linux without any of them
    ({"user/max_user_namespaces": "0"}, [Switch("user.max_user_namespaces", "0", True)]),  # RHEL 7, hardened sites
    ({"user/max_user_namespaces": "96365"}, [Switch("user.max_user_namespaces", "96365", False)]),
    (
        {"user/max_user_namespaces": "15000", "kernel/unprivileged_userns_clone": "0"},  # Debian 10
        [
            Switch("user.max_user_namespaces", "15000", False),
            Switch("kernel.unprivileged_userns_clone", "0", True),
        ],
    ),
    (
        {"kernel/apparmor_restrict_unprivileged_userns": "1"},  # Ubuntu 24.04
        [Switch("kernel.apparmor_restrict_unprivileged_userns", "1", True)],
    ),
]


@pytest.mark.parametrize(("files", "found"), SETTINGS)
def test_what_is_set_about_user_namespaces(tmp_path: Path, files: dict[str, str], found: list[Switch]) -> None:
    for name, text in files.items():
        path = tmp_path / "proc" / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert node.switches(tmp_path) == found


@pytest.mark.root("only root can make a program that runs as root")
def test_only_a_starter_that_may_run_as_root_counts(tmp_path: Path) -> None:
    starter = tmp_path / "libexec" / "apptainer" / "bin" / "starter-suid"
    starter.parent.mkdir(parents=True)
    folders = [tmp_path / "no such folder", tmp_path / "libexec"]
    assert node.setuid_starter(folders) is None
    starter.write_text("")
    starter.chmod(0o755)
    assert node.setuid_starter(folders) is None, "installed without rights, as by an ordinary user"
    starter.chmod(0o4755)
    assert node.setuid_starter(folders) == starter
    os.chown(starter, 1, 1)
    starter.chmod(0o4755)
    assert node.setuid_starter(folders) is None, "it is another user's"


def test_the_runtimes_own_mounter_comes_first(tmp_path: Path, empty_path: Path) -> None:
    assert node.image_mounter([tmp_path]) is None
    for program in (empty_path / "squashfuse", tmp_path / "apptainer" / "bin" / "squashfuse_ll"):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("")
        program.chmod(0o755)
        assert node.image_mounter([tmp_path]) == str(program)


@pytest.mark.skipif(shutil.which("squashfuse_ll") is None, reason="squashfuse is not installed")
def test_the_compressions_of_the_real_squashfuse_are_known() -> None:
    found = node.compressions(shutil.which("squashfuse_ll") or "")
    assert {"gzip", "zstd"} <= set(found)


def test_of_a_program_that_tells_nothing_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "squashfuse").write_bytes(b"\x7fELF static")
    assert node.compressions(str(tmp_path / "squashfuse")) == []
    assert node.compressions(str(tmp_path / "gone")) == []


def test_fuse_is_there_usable_or_not(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        node.may_use_fuse(tmp_path / "fuse")
    (tmp_path / "fuse").write_text("")
    assert node.may_use_fuse(tmp_path / "fuse")


def test_memory_is_told_from_disks(tmp_path: Path) -> None:
    assert node.is_memory(Path("/dev/shm/x/y"))
    assert not node.is_memory(Path("/proc/self"))
