"""Fetches the layers of an image, a few at once, and inflates them while they come.

Each goes into a file of the spool, named by its digest, where a download that broke off goes on: what is there is
hashed anew, and the rest is asked for. The digest is checked before the end of a layer is handed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import io
import itertools
import os
import queue
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ContainerKernelsError
from .compressors import has_zstd
from .filetree import NotUnderstood
from .manifests import MOST_BYTES, SHA256
from .reference import ImageReference
from .registry import Registry

_MOST_AT_ONCE = 3
#: How often a connection may break without a byte having come.
_ATTEMPTS = 5
_PAUSE_S = 1.0
_READ_BYTES = 256 * 1024
_MAGIC_BYTES = 4
#: A piece of an inflated layer, and how many of them wait for their reader.
_PIECE_BYTES = 1024 * 1024
_WAITING_PIECES = 4
_WAKE_S = 0.5
#: The layers that we know: https://github.com/opencontainers/image-spec/blob/main/layer.md, and Docker's name.
_KNOWN = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
}


@dataclass(frozen=True)
class LayerName:
    """What the manifest says of a layer."""

    digest: str
    size: int


def layers_of(manifest: dict[str, Any]) -> list[LayerName]:
    """Return the layers that a manifest names, the lowest first.

    Raises
    ------
    NotUnderstood
        They are not of a kind that we know.
    """
    found = []
    try:
        for layer in manifest["layers"]:
            name = LayerName(str(layer["digest"]), int(layer["size"]))
            if layer["mediaType"] not in _KNOWN or layer.get("urls"):
                raise NotUnderstood(f"a layer is of the type {layer['mediaType']}")
            if not SHA256.fullmatch(name.digest) or not 0 <= name.size <= MOST_BYTES:
                raise NotUnderstood(f"a layer is named by {name.digest}")
            found.append(name)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise NotUnderstood("the manifest lists no layers") from error
    if not found:
        raise NotUnderstood("the image has no layers")
    return found


def spooled(spool: Path, name: LayerName) -> Path:
    """Return where a layer lies in a spool."""
    return spool / name.digest.replace(":", "-")


class Blob:
    """A layer that is being fetched by :func:`fetch`, and read by another thread with :meth:`inflated`.

    ``is_whole`` tells that all of it is in the spool, and was looked at.
    """

    def __init__(self, name: LayerName, spool: Path, *, is_whole: bool = False) -> None:
        self.name = name
        self.path = spooled(spool, name)
        self.path.touch(mode=0o600)
        self.is_whole = is_whole
        self._before = min(self.path.stat().st_size, name.size)
        self._changed = threading.Condition()
        self._size = 0
        self._whole = False
        self._error: BaseException | None = None

    @property
    def size(self) -> int:
        """How many bytes are here, and were looked at."""
        return self._size

    @property
    def done(self) -> int:
        """How many bytes need not be fetched: also those that an earlier download has left."""
        return max(self._size, self._before)

    def grow(self, size: int, whole: bool = False) -> None:
        """Tell readers that more is there, or all of it."""
        with self._changed:
            self._size, self._whole = size, self._whole or whole
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Let readers fail with what made the download fail."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def inflated(self) -> Iterator[bytes]:
        """Return the contents in pieces, as they come.

        Raises
        ------
        ContainerKernelsError
            The download failed.
        NotUnderstood
            It cannot be inflated.
        """
        chunks = self._compressed()
        first = b""
        while len(first) < _MAGIC_BYTES and (chunk := next(chunks, b"")):
            first += chunk
        yield from _inflated(itertools.chain((first,), chunks), first[:_MAGIC_BYTES])

    def _compressed(self) -> Iterator[bytes]:
        place = 0
        with self.path.open("rb", buffering=0) as file:
            while True:
                with self._changed:
                    while self._size <= place and not self._whole and self._error is None:
                        self._changed.wait()
                    if self._error is not None:
                        raise self._error
                    here = self._size - place
                    if here <= 0:
                        return
                chunk = file.read(min(_READ_BYTES, here))
                if not chunk:
                    raise OSError(f"{self.path} became shorter")
                place += len(chunk)
                yield chunk


def _inflated(chunks: Iterator[bytes], magic: bytes) -> Iterator[bytes]:
    """Inflate chunks by what the first bytes say that they are."""
    if magic[:2] == b"\x1f\x8b":
        return _gunzipped(chunks)
    if magic == b"\x28\xb5\x2f\xfd":
        return _unzstd(chunks)
    return filter(None, chunks)


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate gzip, which may have several members (RFC 1952, 2.2)."""
    member = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(31)
                # never more at once, however well it was compressed
                yield member.decompress(left, _PIECE_BYTES)
                left = member.unused_data if member.eof else member.unconsumed_tail
        yield member.flush()
    except zlib.error as error:
        raise NotUnderstood("a layer is no gzip") from error
    if not member.eof:
        raise NotUnderstood("a layer ends too early")


def _unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate zstd, which may have several frames."""
    reader: Any
    if importlib.util.find_spec("zstandard"):
        zstandard = importlib.import_module("zstandard")
        reader = zstandard.ZstdDecompressor().stream_reader(_File(chunks), read_across_frames=True)
        failure: Any = zstandard.ZstdError
    elif has_zstd():
        zstd: Any = importlib.import_module("compression.zstd")
        reader, failure = zstd.ZstdFile(_File(chunks)), (zstd.ZstdError, EOFError)
    else:
        raise NotUnderstood("a layer is compressed with zstd, which this Python cannot read")
    try:
        while piece := reader.read(_PIECE_BYTES):
            yield piece
    except failure as error:
        raise NotUnderstood("a layer is no zstd") from error


class _File(io.RawIOBase):
    """Chunks as a file, from which zstd's readers read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            found = next(self._chunks, None)
            if found is None:
                return 0
            self._left = found
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


class Ahead:
    """Runs an iterator in a thread of its own, a few pieces ahead of whoever takes them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._queue: queue.Queue[bytes | BaseException] = queue.Queue(_WAITING_PIECES)
        self._closed = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="inflate").start()

    def more(self) -> bytes:
        """Return the next piece; ``b""`` at the end. Raises what the iterator raised."""
        piece = self._queue.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def close(self) -> None:
        """Let the thread end."""
        self._closed.set()

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                # an empty one would be the end
                if piece and not self._put(piece):
                    return
            self._put(b"")
        except BaseException as error:
            self._put(error)

    def _put(self, piece: bytes | BaseException) -> bool:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(piece, timeout=_WAKE_S)
                return True
        return False


async def fetch(registry: Registry, reference: ImageReference, blobs: list[Blob]) -> None:
    """Fetch layers in the order in which they are given, a few at once.

    Raises
    ------
    ContainerKernelsError
        As :meth:`.registry.Registry.blob`.
    NotUnderstood
        What came is not what was asked for.
    OSError
        The spool cannot be written.
    """
    free = asyncio.Semaphore(_MOST_AT_ONCE)

    async def one(blob: Blob) -> None:
        async with free:
            await _fetch_one(registry, reference, blob)

    tasks = [asyncio.create_task(one(blob)) for blob in blobs]
    try:
        await asyncio.gather(*tasks)
    except BaseException as error:
        for blob in blobs:
            blob.fail(error)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def _fetch_one(registry: Registry, reference: ImageReference, blob: Blob) -> None:
    if blob.is_whole:
        blob.grow(blob.name.size, whole=True)
        return
    with blob.path.open("r+b") as file:
        digest = hashlib.sha256()
        _adopt(file, digest, blob)
        failures = 0
        while blob.size < blob.name.size:
            before = blob.size
            try:
                async with contextlib.aclosing(registry.blob(reference, blob.name.digest, blob.size)) as pieces:
                    async for place, data in pieces:
                        new = data[max(blob.size - place, 0) :]  # some registries start from the beginning
                        if not new:
                            continue
                        file.write(new)
                        file.flush()
                        digest.update(new)
                        blob.grow(blob.size + len(new))
                        if blob.size > blob.name.size:
                            break  # another one, which may have no end
                if blob.size == before:
                    raise _differs(registry.name, blob)
            except ContainerKernelsError as error:
                failures = 0 if blob.size > before else failures + 1
                if error.code != "registry_unreachable" or failures >= _ATTEMPTS:
                    raise
                await asyncio.sleep(_PAUSE_S * failures)
        if blob.size != blob.name.size or f"sha256:{digest.hexdigest()}" != blob.name.digest:
            blob.path.unlink()
            raise _differs(registry.name, blob)
        blob.grow(blob.size, whole=True)


def _adopt(file: BinaryIO, digest: Any, blob: Blob) -> None:
    """Take over what an earlier download has left."""
    if os.fstat(file.fileno()).st_size > blob.name.size:
        file.truncate(0)
    while data := file.read(_PIECE_BYTES):
        digest.update(data)
    blob.grow(file.tell())


def _differs(registry: str, blob: Blob) -> NotUnderstood:
    return NotUnderstood(f"{registry} sent another layer than the image names ({blob.name.digest[:19]}…)")
