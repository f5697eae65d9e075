"""The ways in which blocks of a squashfs are compressed: zstd where Python has it, else zlib."""

from __future__ import annotations

import importlib.util
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Compresses a block; callable from several threads at once.
Compress = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Compression:
    """One of them, by the name and the number that squashfs has for it."""

    name: str
    id: int
    compress: Compress


def has_zstd() -> bool:
    """Tell whether this Python can compress with zstd: the package ``zstandard``, or Python 3.14."""
    return bool(importlib.util.find_spec("zstandard")) or _has_own_zstd()


def _has_own_zstd() -> bool:
    # find_spec of a submodule imports its parent, which older Pythons do not have
    return bool(importlib.util.find_spec("compression")) and bool(importlib.util.find_spec("compression.zstd"))


def compression(name: str, level: int = 1) -> Compression:
    """Return a compression.

    Parameters
    ----------
    name : {"gzip", "zstd"}
        squashfs' "gzip" is zlib's format.
    level : int
        1 is the fastest; more is hardly smaller (zlib: 765 MB at 1, 684 MB at 9, for ten times the time).

    Raises
    ------
    ValueError
        This Python cannot do it.
    """
    if name == "gzip":
        return Compression(name, 1, lambda block: zlib.compress(block, level))
    if name == "zstd" and has_zstd():
        return Compression(name, 6, _zstd(level))
    raise ValueError(f"this Python cannot compress with {name}")


def _zstd(level: int) -> Compress:
    contexts = threading.local()  # one must not be used by two threads at once
    if importlib.util.find_spec("zstandard"):
        import zstandard

        def compress(block: bytes) -> bytes:
            try:
                context = contexts.own
            except AttributeError:
                context = contexts.own = zstandard.ZstdCompressor(level=level, write_content_size=True)
            return bytes(context.compress(block))

        return compress
    zstd: Any = importlib.import_module("compression.zstd")

    def compress_by_python(block: bytes) -> bytes:
        try:
            context = contexts.own
        except AttributeError:
            context = contexts.own = zstd.ZstdCompressor(level=level)
        return bytes(context.compress(block, mode=context.FLUSH_FRAME))

    return compress_by_python
