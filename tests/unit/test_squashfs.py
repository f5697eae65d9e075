"""What we write as squashfs is read by squashfs-tools as what it was made from."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire import filetree as ft
from jupyterlab_container_kernels.acquire.compressors import compression, has_zstd
from jupyterlab_container_kernels.acquire.filetree import Content, Node
from jupyterlab_container_kernels.acquire.squashfs import SquashfsWriter

pytestmark = pytest.mark.skipif(shutil.which("unsquashfs") is None, reason="unsquashfs (squashfs-tools) is not here")
KINDS = ["gzip", *(["zstd"] if has_zstd() else [])]
MADE = 1_700_000_000
BLOCK = 128 * 1024


class Image:
    """A tree that is made for a test, and the squashfs of it."""

    def __init__(self, path: Path, kind: str = "gzip", offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.file = os.open(path, os.O_RDWR | os.O_CREAT)
        self.writer = SquashfsWriter(self.file, offset, compression(kind), 2)
        self.root = Node(ft.DIRECTORY, 0o755, MADE)
        self.expected: dict[str, bytes] = {}

    def put(self, name: bytes, node: Node) -> Node:
        *parents, last = name.split(b"/")
        at = self.root
        for part in parents:
            at = at.children.setdefault(part, Node(ft.DIRECTORY, 0o755, MADE))
        at.children[last] = node
        return node

    def file_of(self, name: bytes, data: bytes, mode: int = 0o644) -> Node:
        place = 0

        def read(count: int) -> bytes:
            nonlocal place
            place += count
            return data[place - count : place]

        self.expected[os.fsdecode(name)] = data
        return self.put(name, Node(ft.FILE, mode, MADE, self.writer.store(len(data), read)))

    def finish(self) -> int:
        with self.writer as writer:
            size = writer.finish(self.root, MADE)
        os.close(self.file)
        return size

    def listing(self) -> dict[str, list[str]]:
        """By name: what `unsquashfs -lln` says of it: mode, owner, size or device, date, time."""
        output = self.unsquashfs("-lln").stdout
        found = {}
        for line in output.splitlines():
            if " squashfs-root" in line:
                fields, _, name = line.partition(" squashfs-root")
                found[name.lstrip("/")] = fields.split()
        return found

    def unsquashfs(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = ["unsquashfs", "-no-progress", "-o", str(self.offset), *options, str(self.path)]
        environment = {**os.environ, "TZ": "UTC"}
        return subprocess.run(
            command, check=True, capture_output=True, env=environment, encoding="utf-8", errors="surrogateescape"
        )

    def unpacked(self) -> Path:
        target = self.path.with_suffix(".d")
        self.unsquashfs("-d", str(target), "-no-xattrs")
        return target


@pytest.fixture(params=KINDS)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Image:
    return Image(tmp_path / "image.sqfs", request.param)


def test_files_of_all_sizes_around_the_limits_of_blocks_come_back(image: Image) -> None:
    noise = random.Random(1)
    sizes = [0, 1, 2, 511, 512, *(BLOCK * n + d for n in (1, 2, 3) for d in (-1, 0, 1))]
    for size in sizes:
        image.file_of(b"noise/%d" % size, noise.randbytes(size))
        image.file_of(b"text/%d" % size, (b"all work and no play " * (size // 21 + 1))[:size])
        image.file_of(b"zeros/%d" % size, bytes(size))
    image.file_of(b"holes", bytes(BLOCK) + noise.randbytes(BLOCK) + bytes(2 * BLOCK) + b"end")
    assert image.finish() % 4096 == 0
    tree = image.unpacked()
    assert {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()} == set(image.expected)
    for name, data in image.expected.items():
        assert (tree / name).read_bytes() == data, name


def test_random_trees_come_back(tmp_path: Path) -> None:
    for seed in range(12):
        noise = random.Random(seed)
        image = Image(tmp_path / f"{seed}.sqfs", noise.choice(KINDS), noise.choice([0, 4096, 36864]))
        names = [b"f%d" % n for n in range(noise.randrange(400))]
        for name in names:
            path = b"/".join([b"d%d" % noise.randrange(9) for _ in range(noise.randrange(5))] + [name])
            image.file_of(path, noise.randbytes(noise.choice([0, 10, 3000, 140_000])), noise.choice([0o644, 0o755]))
        image.finish()
        tree = image.unpacked()
        assert {str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file()} == set(image.expected)
        assert all((tree / name).read_bytes() == data for name, data in image.expected.items())


def test_every_kind_of_entry_is_listed_as_it_was(image: Image) -> None:
    image.put(b"link", Node(ft.SYMLINK, 0o777, MADE, target=b"to/nowhere"))
    image.put(b"fifo", Node(ft.FIFO, 0o600, MADE))
    image.put(b"socket", Node(ft.SOCKET, 0o600, MADE))
    image.put(b"null", Node(ft.CHARACTER_DEVICE, 0o666, MADE, device=1 << 8 | 3))
    image.put(b"sda", Node(ft.BLOCK_DEVICE, 0o660, MADE, device=8 << 8))
    image.put(b"empty", Node(ft.DIRECTORY, 0o1777, 0))
    image.file_of(b"su", b"x", 0o4755)
    image.file_of(b"none", b"x", 0)
    image.put(b"owned", Node(ft.FILE, 0o640, 1, Content(0), uid=1000, gid=2000))
    image.finish()
    listed = {name: (fields[0], fields[1]) for name, fields in image.listing().items()}
    assert listed == {
        "": ("drwxr-xr-x", "0/0"),
        "link -> to/nowhere": ("lrwxrwxrwx", "0/0"),
        "fifo": ("prw-------", "0/0"),
        "socket": ("srw-------", "0/0"),
        "null": ("crw-rw-rw-", "0/0"),
        "sda": ("brw-rw----", "0/0"),
        "empty": ("drwxrwxrwt", "0/0"),
        "su": ("-rwsr-xr-x", "0/0"),
        "none": ("----------", "0/0"),
        "owned": ("-rw-r-----", "1000/2000"),
    }
    assert image.listing()["empty"][-2:] == ["1970-01-01", "00:00"]
    assert image.listing()["null"][2:4] == ["1,", "3"]
    assert image.listing()["su"][-2:] == ["2023-11-14", "22:13"]


def test_names_of_one_file_stay_one_file(image: Image) -> None:
    one = image.file_of(b"a/one", b"same" * 50_000)
    for name in (b"a/two", b"b/three"):
        image.put(name, one)
    image.finish()
    tree = image.unpacked()
    found = {os.stat(tree / name).st_ino for name in ("a/one", "a/two", "b/three")}
    assert len(found) == 1
    assert os.stat(tree / "a/one").st_nlink == 3


def test_a_directory_with_100_000_files_is_whole_and_its_names_are_found(tmp_path: Path) -> None:
    image = Image(tmp_path / "image.sqfs")
    for number in range(100_000):
        image.put(b"many/file-%06d" % (number * 7919 % 100_000), Node(ft.FILE, 0o644, MADE, Content(0)))
    image.file_of(b"many/file-050000x", b"found")
    image.finish()
    listed = image.listing()
    assert len(listed) == 100_003
    assert image.unsquashfs("-cat").returncode == 0
    found = subprocess.run(
        ["unsquashfs", "-cat", image.path, "many/file-050000x"], check=True, capture_output=True
    ).stdout
    assert found == b"found"


def test_deep_directories_and_long_names(image: Image) -> None:
    deep = b"/".join([b"d"] * 300)
    image.file_of(deep + b"/x", b"deep")
    image.file_of(b"n" * 255, b"long")
    image.file_of(b"not-utf8-\xff\xfe", b"bytes")
    image.put(b"link", Node(ft.SYMLINK, 0o777, MADE, target=b"t" * 4095))
    image.finish()
    listed = image.listing()
    assert os.fsdecode(deep + b"/x") in listed
    assert os.fsdecode(b"not-utf8-\xff\xfe") in listed
    assert "n" * 255 in listed
    assert "link -> " + "t" * 4095 in listed


@pytest.mark.root("only root may set security.* attributes")
def test_extended_attributes_come_back_on_every_kind(image: Image, tmp_path: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    file = image.file_of(b"ping", b"x")
    file.xattrs = ((b"security.capability", capability), (b"user.note", b"hello\0there"))
    image.put(b"folder", Node(ft.DIRECTORY, 0o755, MADE, xattrs=((b"user.empty", b""),)))
    for number in range(2000):  # several blocks of them
        image.put(b"x/%d" % number, Node(ft.FILE, 0o644, MADE, Content(0), xattrs=((b"user.n", b"%d" % number * 20),)))
    image.finish()
    target = tmp_path / "out"
    done = image.unsquashfs("-d", str(target), "-user-xattrs")
    assert "failed" not in done.stderr
    assert os.getxattr(target / "ping", "user.note") == b"hello\0there"
    assert os.getxattr(target / "folder", "user.empty") == b""
    assert all(os.getxattr(target / f"x/{n}", "user.n") == b"%d" % n * 20 for n in range(2000))
    shutil.rmtree(target)
    image.unsquashfs("-d", str(target), "-xattrs")
    assert os.getxattr(target / "ping", "security.capability") == capability


def test_a_file_of_more_than_4_gib_and_what_comes_after_it(tmp_path: Path) -> None:
    image = Image(tmp_path / "image.sqfs", KINDS[-1])
    size = 4 * 1024**3 + 12345
    read: Callable[[int], bytes] = bytes
    image.put(b"huge", Node(ft.FILE, 0o644, MADE, image.writer.store(size, read)))
    image.file_of(b"after", b"still here")
    image.finish()
    assert image.listing()["huge"][2] == str(size)
    shown = subprocess.run(["unsquashfs", "-cat", image.path, "after"], check=True, capture_output=True).stdout
    assert shown == b"still here"


def test_contents_beyond_4_gib_of_the_image_are_found(tmp_path: Path) -> None:
    image = Image(tmp_path / "image.sqfs")
    image.writer._position = 5 * 1024**3  # as if so much lay before; the file is sparse
    image.file_of(b"far", random.Random(3).randbytes(3 * BLOCK))
    image.file_of(b"small", b"a fragment")
    image.finish()
    tree = image.unpacked()
    assert all((tree / name).read_bytes() == data for name, data in image.expected.items())


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        writer = SquashfsWriter(full, 0, compression("gzip"))
        with pytest.raises(OSError), writer:
            writer.store(BLOCK, lambda count: b"x" * count)
            writer.finish(Node(ft.DIRECTORY, 0o755, 0), 0)
    finally:
        os.close(full)


def test_what_the_format_cannot_hold_is_refused(image: Image) -> None:
    image.put(b"n" * 300, Node(ft.FIFO, 0o600, 0))
    with pytest.raises(ValueError, match="too long"):
        image.finish()
    assert stat.S_ISREG(image.path.stat().st_mode)
