"""What we make is private whatever the umask, and only what carries our marker is removed."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.system import paths
from tests.builders import tree


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_directories_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    made = paths.make_private(tmp_path / "a" / "b")
    assert [mode(made), mode(made.parent)] == [0o700, 0o700]


def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    site.chmod(0o750)
    paths.make_private(site / "mine")
    assert mode(site) == 0o750


def test_a_marked_directory_is_private_and_says_who_made_it(tmp_path: Path, umask: int) -> None:
    made = paths.make_marked(tmp_path / "a")
    assert mode(made) == 0o700
    assert mode(made / paths.MARKER) == 0o600
    assert "Container Kernels" in (made / paths.MARKER).read_text()


def test_a_marked_directory_is_never_one_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FileExistsError):
        paths.make_marked(tmp_path / "a")
    assert tree(tmp_path) == ["a"]


def test_temporary_directories_are_private_and_have_names_of_their_own(tmp_path: Path, umask: int) -> None:
    first, second = paths.make_temporary(tmp_path), paths.make_temporary(tmp_path)
    assert first != second
    assert mode(first) == 0o700
    assert paths.is_ours(first, tmp_path)


@pytest.mark.parametrize("wanted", [0o600, 0o700])
def test_files_have_exactly_the_mode_that_was_asked_for(tmp_path: Path, umask: int, wanted: int) -> None:
    paths.write_private(tmp_path / "a", "x", wanted)
    assert mode(tmp_path / "a") == wanted


def test_a_file_that_everybody_could_read_is_private_after_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o666)
    paths.write_private(tmp_path / "a", "new")
    assert mode(tmp_path / "a") == 0o600
    assert (tmp_path / "a").read_text() == "new"


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("other")
    (tmp_path / "a").symlink_to("other")
    paths.write_private(tmp_path / "a", "mine")
    assert (tmp_path / "other").read_text() == "other"
    assert not (tmp_path / "a").is_symlink()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    paths.write_private(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        paths.write_private(tmp_path / "a", "new \ud800")
    assert (tmp_path / "a").read_text() == "old"
    assert tree(tmp_path) == ["a"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    texts = {letter * 200_000 for letter in "ab"}
    paths.write_private(path, min(texts))
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            for text in texts:
                paths.write_private(path, text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert {path.read_text() for _ in range(200)} <= texts
    finally:
        stopped.set()
        writer.join()


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"\xff\xfe", b"[" * 100_000],  # missing, empty, cut, not UTF-8, nested without end
    ids=["missing", "empty", "cut", "binary", "nested"],
)
def test_json_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    assert paths.read_json(tmp_path / "a") is None


def test_only_marked_directories_below_a_root_are_ours(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    ours, unmarked = paths.make_marked(root / "ours"), root / "unmarked"
    unmarked.mkdir()
    elsewhere = paths.make_marked(other / "elsewhere")
    (root / "link").symlink_to(ours)
    (root / "link-out").symlink_to(elsewhere)
    paths.write_private(root / paths.MARKER, "x")
    assert paths.is_ours(ours, root)
    assert paths.is_ours(ours, other, root)
    assert not paths.is_ours(unmarked, root)
    assert not paths.is_ours(elsewhere, root)
    assert not paths.is_ours(root / "link", root)
    assert not paths.is_ours(root / "link-out", root)
    assert not paths.is_ours(root, root), "the root itself is never removed"
    assert not paths.is_ours(root / "ours" / ".." / ".." / "other" / "elsewhere", root)
    assert not paths.is_ours(root / "missing", root)


def test_a_root_that_is_reached_through_a_link_is_a_root(tmp_path: Path) -> None:
    real = tmp_path / "gpfs" / "user"
    ours = paths.make_marked(real / "ours")
    (tmp_path / "scratch").symlink_to(real)
    assert paths.is_ours(tmp_path / "scratch" / "ours", tmp_path / "scratch")
    assert paths.is_ours(ours, tmp_path / "scratch")


@pytest.mark.parametrize("kind", ["unmarked", "elsewhere", "link", "root"])
def test_what_is_not_ours_is_not_removed(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    paths.make_marked(root / "ours")
    (root / "unmarked").mkdir()
    paths.make_marked(tmp_path / "elsewhere")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    paths.write_private(root / paths.MARKER, "x")
    named = {"elsewhere": tmp_path / "elsewhere", "root": root}.get(kind, root / kind)
    before = tree(tmp_path)
    with pytest.raises(ContainerKernelsError) as caught:
        paths.remove_marked(named, root)
    assert caught.value.code == "not_ours"
    assert str(named) in caught.value.message
    assert tree(tmp_path) == before


def test_removing_what_is_gone_frees_nothing_and_is_no_error(tmp_path: Path) -> None:
    assert paths.remove_marked(tmp_path / "gone", tmp_path) == 0


def test_what_a_removal_that_was_killed_has_left_goes_with_the_next(tmp_path: Path) -> None:
    rest = tmp_path / ".mine.0123456789ab.removing"
    kept = [
        tmp_path / ".mine.removing",
        tmp_path / ".other.0123456789ab.removing",
        tmp_path / "mine.0123456789ab.removing",
    ]
    for directory in (rest / "sub", *kept):
        directory.mkdir(parents=True)
    linked = tmp_path / ".mine.ba9876543210.removing"
    linked.symlink_to(kept[0])
    assert paths.remove_marked(tmp_path / "mine", tmp_path / "elsewhere") == 0
    assert rest.is_dir(), "it lies below no root"
    assert paths.remove_marked(tmp_path / "mine", tmp_path) == 0
    assert not rest.exists()
    assert all(directory.is_dir() for directory in kept)
    assert linked.is_symlink()


def test_removing_tells_the_bytes_that_it_freed(tmp_path: Path) -> None:
    directory = paths.make_marked(tmp_path / "a")
    before = paths.disk_usage(directory)
    (directory / "big").write_bytes(bytes(5000))
    assert paths.remove_marked(directory, tmp_path) == before + 5000
    assert tree(tmp_path) == []


def test_a_link_inside_is_removed_and_what_it_names_stays(tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "file").write_text("x")
    directory = paths.make_marked(tmp_path / "root" / "a")
    (directory / "link").symlink_to(keep)
    paths.remove_marked(directory, tmp_path / "root")
    assert (keep / "file").read_text() == "x"


@pytest.fixture
def read_only_tree(public_dir: Path) -> Iterator[Path]:
    """A tree as an unpacked image leaves it, made by somebody whom permissions bind."""
    public_dir.chmod(0o777)
    yield public_dir / "tree"
    subprocess.run(["chmod", "-R", "u+rwx", public_dir], check=False, capture_output=True)


def test_directories_that_forbid_writing_are_removed_all_the_same(read_only_tree: Path, ordinary_user) -> None:
    with ordinary_user():
        deep = read_only_tree / "usr" / "lib" / "x"
        deep.mkdir(parents=True)
        for directory in (deep, deep.parent, read_only_tree):
            (directory / "file").write_text("x")
        for directory in (deep, deep.parent, deep.parent.parent, read_only_tree):
            directory.chmod(0o500)
        deep.chmod(0o000)
        paths.remove_tree(read_only_tree)
        assert not read_only_tree.exists()


def test_two_may_remove_the_same_tree_at_once(tmp_path: Path) -> None:
    for number in range(5):
        tree = tmp_path / str(number)
        for name in range(300):
            (tree / str(name) / "inside").mkdir(parents=True)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(paths.remove_tree, [tree] * 4))
        assert not tree.exists()


def test_disk_usage_counts_hard_links_once_and_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(bytes(1000))
    os.link(tmp_path / "a" / "one", tmp_path / "a" / "two")
    (tmp_path / "outside").write_bytes(bytes(7000))
    link = tmp_path / "a" / "link"
    link.symlink_to("../outside")
    assert paths.disk_usage(tmp_path / "a") == 1000 + link.lstat().st_size
    assert paths.disk_usage(tmp_path / "outside") == 7000
    assert paths.disk_usage(tmp_path / "missing") == 0


def test_the_room_of_a_directory_that_is_not_made_yet_is_known(tmp_path: Path) -> None:
    free, total = paths.disk_room(tmp_path / "a" / "b" / "c")
    assert free is not None and total is not None
    assert 0 < free <= total
