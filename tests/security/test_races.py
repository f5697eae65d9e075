"""A directory becomes a link, and back, while it is removed: nothing outside of what is ours is touched."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services import burial, trash
from jupyterlab_container_kernels.services.trash import Part
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.paths import Roots

ROUNDS = 300


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """The directories of one user, without a server."""
    state = tmp_path / "data" / "container-kernels"
    return Roots(tmp_path / "data" / "kernels", state / "images", state / "packages", state)


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """A directory of somebody's, which stays as it is; it even carries our marker."""
    directory = tmp_path / "precious"
    (directory / "below").mkdir(parents=True)
    for name in ("kernel.json", "below/data", paths.MARKER):
        (directory / name).write_text(name)
    directory.chmod(0o755)
    (directory / "below").chmod(0o555)
    yield directory
    assert {name: (directory / name).read_text() for name in ("kernel.json", "below/data", paths.MARKER)} == {
        name: name for name in ("kernel.json", "below/data", paths.MARKER)
    }
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    assert stat.S_IMODE((directory / "below").stat().st_mode) == 0o555
    (directory / "below").chmod(0o755)


@contextlib.contextmanager
def swapped(place: Path, precious: Path, make: Callable[[], object]) -> Iterator[None]:
    """Meanwhile, put a directory and a link in turn where a directory is to be removed."""
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                place.symlink_to(precious)
            with contextlib.suppress(OSError):
                place.unlink()
            with contextlib.suppress(OSError):
                make()
            with contextlib.suppress(OSError):
                place.rename(place.with_name("aside"))
                paths.remove_tree(place.with_name("aside"))

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_link_that_takes_the_place_of_a_directory_while_it_is_removed_is_not_followed(
    roots: Roots, precious: Path
) -> None:
    place = roots.packages / "demo"
    paths.make_private(roots.packages)
    with swapped(place, precious, lambda: paths.make_marked(place)):
        removed = 0
        for _ in range(ROUNDS):
            with contextlib.suppress(ContainerKernelsError, OSError):
                paths.remove_marked(place, roots.packages)
                removed += 1
    assert removed, "nothing was removed at all"


def test_a_link_within_a_tree_that_is_removed_is_not_followed(roots: Roots, precious: Path) -> None:
    """Also not by what opens up directories that forbid their removal."""
    tree = paths.make_private(roots.packages / "demo")

    def make() -> None:
        (tree / "inner").mkdir(parents=True)
        (tree / "inner" / "data").write_text("x")
        (tree / "inner").chmod(0o500)

    with swapped(tree / "inner", precious, make):
        for _ in range(ROUNDS):
            with contextlib.suppress(OSError):
                paths.remove_tree(tree)
            tree.mkdir(exist_ok=True)


def test_what_is_above_a_tree_keeps_its_mode(
    public_dir: Path, ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    public_dir.chmod(0o777)
    with ordinary_user():
        above = public_dir / "above"
        (above / "tree" / "locked").mkdir(parents=True)
        (above / "tree" / "locked" / "file").write_text("x")
        (above / "tree" / "locked").chmod(0o000)
        above.chmod(0o755)
        paths.remove_tree(above / "tree")
        assert stat.S_IMODE(above.stat().st_mode) == 0o755
        assert list(above.iterdir()) == []
    assert stat.S_IMODE(public_dir.stat().st_mode) == 0o777


def test_a_kernel_that_became_a_link_is_moved_as_that_link(roots: Roots, precious: Path) -> None:
    """Between the look at it and its move into the trash, from which it is removed for good."""
    roots.kernels.mkdir(parents=True)
    (roots.kernels / "demo").symlink_to(precious)
    part = Part("kernelspec", str(roots.kernels / "demo"), 1)
    entry = trash.begin("0" * 16, "demo", "Demo", "2026-01-01T00:00:00Z", [part], True)
    burial.bury(roots, entry, set)
    trash.purge(roots, entry.id)
    assert not os.path.lexists(roots.kernels / "demo")


def test_a_kernel_that_became_a_link_loses_no_file_on_a_full_disk(roots: Roots, precious: Path) -> None:
    """Where no note can be written, kernel.json goes first; not the one that a link leads to."""
    roots.kernels.mkdir(parents=True)
    (roots.kernels / "demo").symlink_to(precious)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        burial._unlink_in(str(roots.kernels / "demo"), "kernel.json")


def test_a_folder_that_another_has_put_there_is_not_made_private(tmp_path: Path, precious: Path) -> None:
    """In a temporary directory for all, a link may be where a directory of ours is to be."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "mine").symlink_to(precious)
    paths.make_private(tmp_path / "shared" / "mine")
    (tmp_path / "shared" / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError):
        paths.make_marked(tmp_path / "shared" / "dangling")
    assert not (tmp_path / "nowhere").exists()
