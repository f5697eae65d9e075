"""Images that were made to do harm, on their whole way: a clear refusal, and nothing outside of where images lie."""

from __future__ import annotations

import importlib.util
import io
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hard_layers import Entry, entry, file, layer, link, same, write_image

from .bed import Bed
from .ill_registry import IllRegistry
from .test_acquiring import bring, log


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serve an image of layers, and return its reference."""
    made: list[IllRegistry] = []

    def start(*layers: bytes, **how: Any) -> str:
        layout = tmp_path / f"layout-{len(made)}"
        write_image(list(layers), layout, **how)
        made.append(IllRegistry(layout))
        return made[-1].reference

    yield start
    for each in made:
        each.close()


def test_an_image_that_would_fill_the_disk_is_refused_and_not_left_to_the_runtime(
    bed: Bed, serve: Callable[..., str]
) -> None:
    """A megabyte of noise, 300 times: a megabyte as zstd has it, 300 of them in a squashfs."""
    if not importlib.util.find_spec("zstandard"):
        pytest.skip("the package zstandard is not installed")
    import zstandard

    noise = random.Random(3).randbytes(1 << 20)
    head, zeros = layer(file("noise", noise))[:512], bytes(1024)
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters.from_level(3, window_log=22, enable_ldm=True)
    )
    packed = io.BytesIO()
    with packer.stream_writer(packed, closefd=False) as out:
        for _ in range(300):
            out.write(head)
            out.write(noise)
        out.write(zeros)
    assert len(packed.getvalue()) < 4 << 20
    task = bring(bed, serve(packed.getvalue(), compress=False))
    assert task.error is not None and task.error.code == "image_unusable", task.error
    assert "10 times the room" in task.error.message and task.error.hint
    assert "itself" not in log(bed, task)
    bed.assert_nothing_is_left()


def test_no_name_in_a_layer_leads_out_of_the_image(bed: Bed, serve: Callable[..., str], tmp_path: Path) -> None:
    """Whoever unpacks it, the runtime or we."""
    out = tmp_path / "out"
    out.mkdir()
    up = "../" * 12
    hostile: list[Entry] = [
        file(f"{up}{out}/one", b"x"), file(f"{out}/two", b"x"), link("up", f"{up}{out}"), file("up/three", b"x"),
        link("at", str(out)), file("at/four", b"x"), same("five", f"{up}etc/passwd"),
    ]  # fmt: skip
    task = bring(bed, serve(layer(*hostile)))
    assert task.error is not None and "unpack entry: five" in task.error.message, "the runtime has come to the last"
    # without the names that only the runtime can make something of
    task = bring(bed, serve(layer(*hostile[1:6], entry("dev/sda", tarfile.BLKTYPE, 0o666, devmajor=8))))
    assert task.state == "done", task.error
    assert list(out.iterdir()) == []
