"""The disk is full at one write of the main job, whichever it is: no half kernel, and a sentence that says so.

The writes are those of our own process below the user's folders: the system says once that there is no room. What
workers, runtimes and installers do on a full disk is tested with real, small ones (the last test here, and those of
tests/real/test_acquiring.py and test_bad_input.py).
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest, RemoveRequest, Task
from jupyterlab_container_kernels.services.wiring import Services
from tests.real.bed import Bed

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Disk:
    """Counts what is made below a directory, and has no room at one moment."""

    def __init__(self, root: Path) -> None:
        self.root = os.fspath(root)
        self.made: list[str] = []
        self.full_at: int | None = None

    def make(self, path: Any) -> None:
        name = os.fspath(path)
        if not isinstance(name, str) or not name.startswith(self.root):
            return
        self.made.append(name)
        if len(self.made) - 1 == self.full_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)


@pytest.fixture
def disk(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk on which a bed lies, as the system shows it to this process."""
    made = Disk(bed.path)
    really_open, really_mkdir = os.open, os.mkdir

    def open_file(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & _WRITING:
            made.make(path)
        return really_open(path, flags, *rest, **named)

    def mkdir(path: Any, *rest: Any, **named: Any) -> None:
        made.make(path)
        really_mkdir(path, *rest, **named)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "mkdir", mkdir)
    yield made


def add(bed: Bed, image: Path | str) -> Task | ContainerKernelsError:
    """Add a kernel; returns its task as it ended, or why it did not begin."""

    async def work(services: Services) -> Task | ContainerKernelsError:
        try:
            task = await services.add.add(AddRequest(str(image), "Full"))
        except ContainerKernelsError as error:
            return error
        return await services.tasks.wait(task.id)

    return bed.run(work)


def remove(bed: Bed) -> None:
    """Delete the kernel, as a user does when the disk has room again."""

    async def work(services: Services) -> None:
        await services.deletion.remove("full", RemoveRequest(purge=True))

    bed.run(work)


def fill(bed: Bed, disk: Disk, image: Path, choose: Callable[[int], list[int]]) -> list[str]:
    """Let the disk be full at some of all writes, and return for each of them how that was told."""
    assert getattr(add(bed, image), "state", None) == "done"
    count = len(disk.made)
    remove(bed)
    told = []
    for number in choose(count):
        disk.made, disk.full_at = [], number
        ended = add(bed, image)
        disk.full_at = None
        error = ended if isinstance(ended, ContainerKernelsError) else ended.error
        is_reached = number < len(disk.made)  # how often progress is written depends on how fast the machine is
        path = disk.made[number].removeprefix(disk.root) if is_reached else "no write"
        if error is None:
            assert not is_reached or "/tasks/" in path, f"{path} was not written, and nobody was told"
            assert [each.name for each in bed.kernels.iterdir()] == ["full"]
            remove(bed)
        else:
            assert error.code == "disk_full", f"{path}: {error.code}: {error.message}"
            assert "room" in f"{error.message} {error.hint}"
        assert not bed.kernels.exists() or list(bed.kernels.iterdir()) == [], f"a half kernel, after {path}"
        bed.assert_nothing_is_left()
        told.append(f"{path}: {error.message if error else 'a later one did'}")
    return told


def test_a_full_disk_at_some_writes_leaves_nothing_and_is_told(bed: Bed, disk: Disk, ipykernel_sif: Path) -> None:
    fill(bed, disk, ipykernel_sif, lambda count: [0, count // 2])


@pytest.mark.slow
def test_a_full_disk_at_any_write_leaves_nothing_and_is_told(bed: Bed, disk: Disk, ipykernel_sif: Path) -> None:
    told = fill(bed, disk, ipykernel_sif, lambda count: list(range(count)))
    print("\n".join(told))


#: How large a disk is on which the whole user lies, in MiB: from one that holds next to nothing to one that holds all.
SIZES = (1, 16, 32, 48, 64, 80, 96, 1024)


@pytest.mark.slow
def test_on_a_disk_of_any_size_a_kernel_is_whole_or_leaves_nothing(bed: Bed, registry: str) -> None:
    """Its layers, its image file, its packages and its first start find room, or not."""
    inside = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let ordinary users mount a tmpfs in a namespace")
    code = "import sys; from tests.storms.test_full_disk import add_on_small_disks; add_on_small_disks(*sys.argv[1:])"
    command = [*inside, sys.executable, "-c", code, str(bed.path), f"{registry}/demo/python:1"]
    here = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def add_on_small_disks(path: str, image: str) -> None:
    """Add a kernel on a disk that is larger each time; the mounts are this process's own."""
    bed, codes = Bed(Path(path)), []
    for size in SIZES:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "none", path], check=True)
        bed.data.mkdir()
        bed.temporary.mkdir()
        ended = add(bed, image)
        error = ended if isinstance(ended, ContainerKernelsError) else ended.error
        codes.append(error.code if error else "done")
        print(f"{size} MiB, {getattr(ended, 'phase', None)}: {error.message if error else 'done'}")
        if error is None:
            remove(bed)
        bed.unseed()  # a whole image stays for the next try
        bed.assert_nothing_is_left()
        subprocess.run(["umount", path], check=True)
    assert set(codes[:-1]) <= {"disk_full", "done"}, codes
    assert (codes[0], codes[-1]) == ("disk_full", "done"), codes
