"""Layers and SIF files that were made to do harm, and thousands that are only broken: refused, in bounded memory."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import resource
import struct
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire import sif, stream
from jupyterlab_container_kernels.acquire.blobs import Blob, LayerName
from jupyterlab_container_kernels.acquire.compressors import compression
from jupyterlab_container_kernels.acquire.filetree import Allowance, Content, Node, NotUnderstood
from jupyterlab_container_kernels.acquire.layers import RECORD_BYTES, LayerReader
from jupyterlab_container_kernels.acquire.merge import Tree
from jupyterlab_container_kernels.acquire.sifwriter import SifFrame
from jupyterlab_container_kernels.acquire.squashfs import SquashfsWriter
from jupyterlab_container_kernels.acquire.squashfs_reader import SquashfsReader
from jupyterlab_container_kernels.acquire.tarstream import TarStream
from jupyterlab_container_kernels.errors import ContainerKernelsError
from tests.builders import sif_bytes
from tests.hard_layers import Entry, entry, file, folder, gone, hard_images, layer, link, same

SEED = 20261126
#: What a reader may say; anything else is a mistake of ours.
REFUSALS = (NotUnderstood, ContainerKernelsError)


def store(size: int, read: object) -> Content:
    """Take the bytes of a file as a squashfs would, and keep none of them."""
    assert callable(read)
    left = size
    while left:
        left -= len(read(min(left, 1 << 17)))
    return Content(size)


def read(pieces: Iterator[bytes], allowance: Allowance | None = None) -> Tree:
    """Read and merge one layer."""
    tree = Tree(allowance)
    tree.apply(LayerReader(store, allowance=allowance).read(TarStream(lambda: next(pieces, b""))))
    tree.entries()
    return tree


def in_pieces(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    stream = io.BytesIO(data)
    return iter(lambda: stream.read(size), b"")


def headers(count: int, name: str = "d/{number:08}", **more: object) -> Iterator[bytes]:
    """Make a layer of that many empty files, as a stream."""
    for number in range(count):
        info = tarfile.TarInfo(name.format(number=number))
        for field, value in more.items():
            setattr(info, field, value)
        yield info.tobuf(tarfile.PAX_FORMAT)


# ---- what grows without end


def small_allowance() -> Allowance:
    return Allowance(1000 * RECORD_BYTES, "there is too much of it")


GROWING = {
    "entries": {},
    "attributes": {"pax_headers": {"SCHILY.xattr.user.x": "y" * 500_000}},
    "links": {"type": tarfile.SYMTYPE, "linkname": "l" * 4000},
    "folders that nobody names": {"name": "/".join(["{number:08}", *"d" * 200])},
}


@pytest.mark.parametrize("kind", GROWING)
def test_a_layer_that_would_fill_the_memory_is_refused(kind: str) -> None:
    """All but the first have fewer than a thousand entries, so that counting these would not do."""
    count = 1001 if kind == "entries" else 600
    with pytest.raises(ContainerKernelsError, match="The image is refused: there is too much of it") as refusal:
        read(headers(count, **GROWING[kind]), small_allowance())  # type: ignore[arg-type]
    assert refusal.value.code == "image_unusable" and refusal.value.hint


def test_what_an_image_may_remember_is_enough_for_large_ones() -> None:
    read(headers(900), small_allowance())


def many_headers(count: int) -> Iterator[bytes]:
    """Make the same with names as those of a package, a thousand at once and without the work of ``tarfile``."""
    name = "usr/lib/python3/dist-packages/package/%08d.py"
    [made] = headers(1, name % 0)
    before, after = made[:38], made[46:148]
    rest = made[156:]
    known = sum(before) + sum(after) + sum(rest) + 8 * 0x20
    for first in range(0, count, 1000):
        piece = []
        for number in range(first, first + 1000):
            digits = b"%08d" % number
            piece.append(b"%b%b%b%06o\0 %b" % (before, digits, after, known + sum(digits), rest))
        yield b"".join(piece)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_million_entries_are_refused_in_bounded_memory() -> None:
    """In a process of its own, whose memory is measured; the layer is made as it is read."""
    program = (
        "import resource\n"
        "from tests.security import test_readers as t\n"
        "try:\n"
        "    t.read(t.many_headers(10_000_000))\n"
        "except t.ContainerKernelsError as error:\n"
        "    print(error.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=1500, check=True)
    code, kilobytes = done.stdout.split()
    print(json.dumps({"kB": int(kilobytes)}))
    assert code == "image_unusable"
    assert int(kilobytes) < 3_000_000


def test_a_squashfs_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    """zstd repeats what lies a megabyte back and squashfs does not, so that kilobytes become any number of them."""
    noise = random.Random(SEED).randbytes(1 << 20)
    with (tmp_path / "image").open("w+b") as target:
        most = Allowance(3 << 20, "it takes 10 times the room of what was downloaded")
        with (
            pytest.raises(ContainerKernelsError, match="10 times the room"),
            SquashfsWriter(target.fileno(), 0, compression("gzip"), 1, most) as writer,
        ):
            for _ in range(100):
                writer.store(len(noise), io.BytesIO(noise).read)
        assert (tmp_path / "image").stat().st_size <= 3 << 20


@pytest.fixture
def zeros(tmp_path: Path) -> Blob:
    """A layer that was fetched: 64 MiB of zeros in 64 KiB, the best that gzip can."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as out:
        out.write(tarfile_header("zeros", 1 << 26))
        for _ in range(1 << 6):
            out.write(bytes(1 << 20))
        out.write(bytes(1024))
    name = LayerName("sha256:" + "0" * 64, len(packed.getvalue()))
    (tmp_path / "sha256-").with_name(name.digest.replace(":", "-")).write_bytes(packed.getvalue())
    blob = Blob(name, tmp_path)
    blob.grow(name.size, whole=True)
    return blob


def test_a_layer_of_zeros_takes_no_memory(zeros: Blob) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pieces = zeros.inflated()
    reader = LayerReader(store)
    [record] = reader.read(TarStream(lambda: next(filter(None, pieces), b"")))
    assert record.content is not None and record.content.size == 1 << 26
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"


@pytest.mark.parametrize(("most", "layers"), [(1 << 20, 1), ((1 << 26) + (1 << 20), 2)], ids=["one", "together"])
def test_layers_are_not_inflated_without_end(
    zeros: Blob, monkeypatch: pytest.MonkeyPatch, most: int, layers: int
) -> None:
    taken = 0

    def count(size: int, read: object) -> Content:
        nonlocal taken
        assert callable(read)
        while size:
            piece = len(read(min(size, 1 << 17)))
            size -= piece
            taken += piece
        return Content(taken)

    monkeypatch.setattr(stream, "_MOST_INFLATED_BYTES", most)
    reader = LayerReader(count, everything=True)
    with pytest.raises(ContainerKernelsError, match="The image is refused: its layers hold more than") as refusal:
        stream._read(reader, [zeros] * layers)
    assert refusal.value.code == "image_unusable" and refusal.value.hint
    assert (layers - 1) << 26 <= taken <= most


def tarfile_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf()


# ---- what leads elsewhere


LEADING_ELSEWHERE: dict[str, tuple[Entry, ...]] = {
    "..": (file("../../etc/passwd"),),
    ".. in the middle": (file("a/../../b"),),
    "a hard link out": (same("x", "../../etc/passwd"),),
    "a name as long as a book": (file("a/" * 3000 + "x"),),
    "a tower of folders": (file("a/" * 300 + "x"),),
    "a link as long as a book": (link("x", "a" * 5000),),
    "links in a circle": (link("a", "b"), link("b", "a"), file("a/x")),
    "a number with an underscore": (file("x", b"1", pax_headers={"mtime": "1_0"}),),
    "a number without end": (file("x", b"1", pax_headers={"mtime": "1" * 5000}),),
}


@pytest.mark.parametrize("kind", LEADING_ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_not_followed(kind: str) -> None:
    with pytest.raises(NotUnderstood):
        read(in_pieces(layer(*LEADING_ELSEWHERE[kind])))


def test_absolute_names_links_and_devices_stay_within_the_image() -> None:
    """An absolute name or link is one below the image's root, and a device is an empty file there."""
    tree = read(
        in_pieces(
            layer(
                file("/etc/passwd", b"x"), link("out", "/etc"), file("out/shadow", b"y"),
                link("up", "../../../../tmp"), file("up/z", b"z"),
                entry("dev/sda", tarfile.BLKTYPE, 0o666, devmajor=8), entry("dev/mem", tarfile.CHRTYPE, 0o666),
            )
        )
    )  # fmt: skip
    root = tree.root
    assert set(root.children) == {b"etc", b"out", b"up", b"tmp", b"dev"}
    assert set(root.children[b"etc"].children) == {b"passwd", b"shadow"}
    assert set(root.children[b"tmp"].children) == {b"z"}
    assert {node.kind for node in root.children[b"dev"].children.values()} == {2}
    assert {node.device for node in root.children[b"dev"].children.values()} == {0}


# ---- what is only broken


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Break some bytes: flip, overwrite by what is interesting, cut, repeat, insert."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(broken) or 1)
        kind = chance.randrange(6)
        if kind == 0 and broken:
            broken[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            broken[place : place + 1] = bytes([chance.choice((0, 0x20, 0x2F, 0x30, 0x37, 0x7F, 0x80, 0xFF))])
        elif kind == 2:
            length = chance.choice((4, 8, 12))
            broken[place : place + length] = chance.choice((b"\xff", b"\0", b"7", b"\x80\0\0\x7f"))[:length] * length
        elif kind == 3:
            del broken[place : place + chance.randrange(1, 600)]
        elif kind == 4:
            broken[place:place] = broken[place : place + chance.randrange(1, 600)]
        else:
            broken[place:place] = chance.randbytes(chance.randrange(1, 40))
    return bytes(broken)


def with_checksums(data: bytes) -> bytes:
    """Set right the checksums of what lies where headers may, so that readers look further than these."""
    whole = bytearray(data)
    for place in range(0, len(whole) - 511, 512):
        if any(whole[place : place + 512]):
            whole[place + 148 : place + 156] = b" " * 8
            whole[place + 148 : place + 156] = b"%06o\0 " % sum(whole[place : place + 512])
    return bytes(whole)


def layers_to_break() -> list[bytes]:
    hard = [one for image in hard_images().values() for one in image if len(one) < 40_000]
    own = layer(folder("a"), file("a/b", b"1" * 700), link("l", "a"), same("h", "a/b"), gone("a/c"))
    return [own, layer(file("long" * 60, b"2"), format=tarfile.GNU_FORMAT), *hard]


def break_layer(chance: random.Random, seeds: list[bytes]) -> str:
    data = mutated(chance.choice(seeds), chance)
    if chance.random() < 0.7:
        data = with_checksums(data)
    try:
        read(in_pieces(data, chance.choice((1000, 100_000))), Allowance(4 << 20, "it is too much"))
    except REFUSALS:
        return "layers refused"
    return "layers read"


def break_packed(chance: random.Random, seeds: list[bytes], spool: Path) -> str:
    data = mutated(gzip.compress(chance.choice(seeds), 1), chance)
    name = LayerName("sha256:" + "1" * 64, len(data))
    (spool / name.digest.replace(":", "-")).write_bytes(data)
    blob = Blob(name, spool)
    blob.grow(name.size, whole=True)
    with contextlib.closing(blob.inflated()) as pieces:  # type: ignore[type-var]
        try:
            read(filter(None, pieces))
        except REFUSALS:
            return "packed layers refused"
    return "packed layers read"


def break_header(chance: random.Random, file: Path) -> str:
    file.write_bytes(mutated(sif_bytes()[:200], chance) + bytes(chance.choice((0, 40_000))))
    try:
        sif.read_header(file)
    except REFUSALS:
        return "headers refused"
    return "headers read"


def break_frame(chance: random.Random, whole: bytes) -> str:
    head = mutated(whole[:FRAME_BYTES], chance)
    try:
        frame = SifFrame(head + whole[FRAME_BYTES:], bytes)
        SquashfsReader(frame.squashfs)
    except REFUSALS:
        return "frames refused"
    return "frames read"


def break_squashfs(chance: random.Random, whole: bytes) -> str:
    try:
        SquashfsReader(mutated(whole, chance)).tree(store, bytes)
    except REFUSALS:
        return "squashfs refused"
    return "squashfs read"


FRAME_BYTES = 128 + 2 * 585


def whole_squashfs(directory: Path) -> bytes:
    tree = read(in_pieces(layer(folder("a"), file("a/b", b"1" * 700), link("l", "a"), file("c", b"2" * 200_000))))
    path = directory / "squashfs"
    with path.open("w+b") as target, SquashfsWriter(target.fileno(), 0, compression("gzip")) as writer:

        def fill(node: Node) -> None:
            for child in node.children.values():
                if child.content:
                    child.content = writer.store(child.content.size, io.BytesIO(b"1" * child.content.size).read)
                fill(child)

        fill(tree.root)
        writer.finish(tree.root, 0)
    return path.read_bytes()


def whole_frame(squashfs: bytes) -> bytes:
    head = bytearray(sif_bytes()[:128])
    label = b'{"org.label": "x"}'
    start = FRAME_BYTES + len(label)
    struct.pack_into("<qqqqqq", head, 80, 0, 2, 128, FRAME_BYTES - 128, FRAME_BYTES, len(label) + len(squashfs))
    rows = [
        struct.pack("<iBIIIqqq", kind, 1, number, 1, 0, place, size, size).ljust(585, b"\0")
        for number, (kind, place, size) in enumerate(
            ((0x4007, FRAME_BYTES, len(label)), (0x4004, start, len(squashfs))), start=1
        )
    ]
    return bytes(head) + b"".join(rows) + label + squashfs


def break_many(count: int, seed: int, directory: Path) -> Counter[str]:
    """Break as many as that of each kind, and count what became of them."""
    seeds = layers_to_break()
    squashfs = whole_squashfs(directory)
    frame = whole_frame(squashfs)
    assert SifFrame(frame, bytes).squashfs == squashfs
    found: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        for kind in range(5):
            chance = random.Random(f"{seed} {number} {kind}")
            began = time.process_time()
            try:
                match kind:
                    case 0:
                        found[break_layer(chance, seeds)] += 1
                    case 1:
                        found[break_packed(chance, seeds, directory)] += 1
                    case 2:
                        found[break_header(chance, directory / "x.sif")] += 1
                    case 3:
                        found[break_frame(chance, frame)] += 1
                    case _:
                        found[break_squashfs(chance, squashfs)] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}, number {number}, kind {kind}") from error
            slowest = max(slowest, time.process_time() - began)
    assert slowest < 20, "seconds of the processor, for a few kilobytes"
    return found


def test_broken_layers_and_images_are_read_or_refused(tmp_path: Path) -> None:
    found = break_many(100, SEED, tmp_path)
    assert sum(found.values()) == 500
    assert min(found[f"{what} refused"] for what in ("layers", "packed layers", "headers", "frames", "squashfs")) > 0


@pytest.mark.slow
def test_twenty_thousand_broken_layers_and_images_are_read_or_refused(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    found = break_many(5000, SEED + 1, tmp_path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seed": SEED + 1, "s": round(time.monotonic() - began), "grown_kB": grown, **found}))
    assert sum(found.values()) >= 20_000
    assert grown < 500_000, "kilobytes"
