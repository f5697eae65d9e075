"""Makes the SIF of an image from its layers in one stream: fetched, inflated, merged and compressed at the same time.

Nothing is unpacked to disk, so it takes a tenth of the time and the room of the runtime's own pull. What it does not
understand exactly as the runtime would is left to that: see :class:`.filetree.NotUnderstood`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import layout, skeleton
from .blobs import Ahead, Blob, LayerName, fetch, layers_of
from .compressors import compression
from .filetree import Allowance, NotUnderstood
from .layers import LayerReader, Record, memory
from .manifests import Parts
from .merge import Missed, Tree
from .reference import ImageReference
from .registry import Registry
from .squashfs import SquashfsWriter
from .squashfs_reader import SquashfsReader
from .tarstream import TarStream

_INTERVAL_S = 0.5
#: More threads wait for the one that reads the layers.
_MOST_THREADS = 8
#: Layers that are inflated at once.
_INFLATED = 2
_SKELETON = "skeleton-"
#: A SIF is about as large as the layers it is made of. What grows to many times of them was made to fill the disk: zstd
#: repeats what lies far back, and squashfs does not.
_MOST_GROWTH, _FREE_GROWTH_BYTES = 10, 256 << 20
#: Nobody has so large an image; of nothing but zeros it takes no room, but a day.
_MOST_INFLATED_BYTES = 4 << 40


@dataclass(frozen=True)
class Job:
    """What is to be made.

    Parameters
    ----------
    reference : ImageReference
        The image, by its digest, so that it is what somebody looked at.
    architecture : str
        In OCI's terms.
    runtime : str
        Path of the installed Apptainer.
    target : Path
        The file to write, beside where the SIF shall be; named ``….part``, for it may be half.
    spool : Path
        A directory for layers, which nobody else uses meanwhile. What an earlier try has left of them there is used.
    compression : {"zstd", "gzip"}
        Of the squashfs.
    threads : int
        How many compress.
    layers : Path or None
        Where layers are kept for other images, if they are: an OCI layout.
    """

    reference: ImageReference
    architecture: str
    runtime: str
    target: Path
    spool: Path
    compression: str = "gzip"
    threads: int = 1
    layers: Path | None = None


@dataclass(frozen=True)
class Made:
    """What was made, and of what: the size of the SIF, and how many names are in it."""

    parts: Parts
    size_bytes: int
    entries: int


#: Gets how many bytes of the layers are here, and of how many.
Progress = Callable[[int, int], None]


async def make_sif(job: Job, registry: Registry, progress: Progress) -> Made:
    """Make it.

    Raises
    ------
    NotUnderstood
        The runtime itself has to pull the image.
    ContainerKernelsError
        As :meth:`.registry.Registry.parts` and :func:`.blobs.fetch`.
    OSError
        A file cannot be written.
    """
    parts = await registry.parts(job.reference, job.architecture)
    names = layers_of(parts.manifest)
    kept = await asyncio.to_thread(_kept, job, names)
    # the same layer may be there twice; the topmost is read first
    blobs = {name.digest: Blob(name, job.spool, is_whole=name in kept) for name in reversed(names)}
    for left in job.spool.glob(f"{_SKELETON}*"):  # by a try that was killed
        shutil.rmtree(left, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=_SKELETON, dir=job.spool))
    fetching = asyncio.create_task(fetch(registry, job.reference, list(blobs.values())))
    telling = asyncio.create_task(_tell(list(blobs.values()), progress))
    making = asyncio.create_task(_make(job, parts, [blobs[name.digest] for name in names], directory))
    try:
        await asyncio.wait({fetching, making}, return_when=asyncio.FIRST_EXCEPTION)
        if fetching.done():
            fetching.result()
        made = await making
        await fetching
        return made
    finally:
        for task in (fetching, telling, making):
            task.cancel()
        await asyncio.gather(fetching, telling, making, return_exceptions=True)
        shutil.rmtree(directory, ignore_errors=True)


def _kept(job: Job, names: list[LayerName]) -> set[LayerName]:
    """Take what is kept of the layers of an image into the spool."""
    return {name for name in set(names) if job.layers is not None and layout.take(job.layers, name, job.spool)}


async def _tell(blobs: list[Blob], progress: Progress) -> None:
    total = sum(blob.name.size for blob in blobs)
    while True:
        done = sum(blob.done for blob in blobs)
        progress(done, total)
        if done == total:
            return
        await asyncio.sleep(_INTERVAL_S)


async def _make(job: Job, parts: Parts, blobs: list[Blob], directory: Path) -> Made:
    reference = job.reference
    source = f"{reference.registry}/{reference.repository}@{parts.digest}"
    sif = await skeleton.make(job.runtime, parts.config, source, directory, os.environ)
    rename = skeleton.Renaming(directory / "oci", source)
    size, entries = await asyncio.to_thread(_write, job, blobs, sif, rename)
    return Made(parts, size, entries)


def _write(job: Job, blobs: list[Blob], sif: bytes, rename: skeleton.Renaming) -> tuple[int, int]:
    """Write the SIF; layers are given from the lowest to the topmost."""
    file = os.open(job.target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            made = _write_once(job, file, blobs, sif, rename, everything=False)
        except Missed:
            # rare: a file that an upper layer hides is seen by another name of it
            os.ftruncate(file, 0)
            made = _write_once(job, file, blobs, sif, rename, everything=True)
        os.fsync(file)
        return made
    finally:
        os.close(file)


def _write_once(
    job: Job, file: int, blobs: list[Blob], sif: bytes, rename: skeleton.Renaming, everything: bool
) -> tuple[int, int]:
    frame = skeleton.frame(sif, rename)
    threads = min(max(job.threads, 1), _MOST_THREADS)
    growth = _MOST_GROWTH * sum(blob.name.size for blob in blobs) + _FREE_GROWTH_BYTES
    disk = Allowance(growth, f"it takes {_MOST_GROWTH} times the room of what was downloaded")
    with SquashfsWriter(file, frame.offset, compression(job.compression), threads, disk) as writer:
        remembered = memory()
        reader = LayerReader(writer.store, everything, remembered)
        layers = _read(reader, list(reversed(blobs)))
        tree = Tree(remembered)
        for records in reversed(layers):
            tree.apply(records)
        layers.clear()
        skeleton.add(tree, SquashfsReader(frame.squashfs).tree(writer.store, rename))
        entries = tree.entries()
        try:
            size = writer.finish(tree.root, int(time.time()))
        except ValueError as error:
            raise NotUnderstood(str(error)) from error
    frame.write(file, size)
    return frame.offset + size, entries


def _read(reader: LayerReader, blobs: list[Blob]) -> list[list[Record]]:
    """Read layers, inflating the next one meanwhile."""
    found: list[list[Record]] = []
    waiting = iter(blobs)
    inflated = Allowance(_MOST_INFLATED_BYTES, f"its layers hold more than {_MOST_INFLATED_BYTES >> 40} TiB")
    with contextlib.ExitStack() as open_ones:

        def start() -> Iterator[Ahead]:
            for blob in waiting:
                ahead = Ahead(blob.inflated())
                open_ones.callback(ahead.close)
                yield ahead

        starting = start()
        begun = deque(itertools.islice(starting, _INFLATED))
        while begun:
            ahead = begun.popleft()

            def more(ahead: Ahead = ahead) -> bytes:
                piece = ahead.more()
                inflated.take(len(piece))
                return piece

            found.append(reader.read(TarStream(more)))
            while more():  # so that the end is checked, too
                pass
            begun.extend(itertools.islice(starting, 1))
    return found
