"""Writes a squashfs 4.0 in one go: contents as they come, then the tables that say what they are.

The format: see :mod:`.squashfs_format`. Blocks have 128 KiB; a file smaller than that shares a block ("fragment") with
others; a block of zeros takes no room. Compression runs in a few threads, for which only a few blocks wait at any time.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from .compressors import Compression
from .filetree import Allowance, Content, Node
from .squashfs_format import MAGIC, SUPERBLOCK, UNCOMPRESSED
from .squashfs_tables import NOTHING, MetadataWriter, Tables

BLOCK_BYTES = 128 * 1024
_ZEROS = bytes(BLOCK_BYTES)
_FLAG_NO_XATTRS = 0x200
#: Compressed bytes that are written at once.
_WRITE_BYTES = 4 * 1024 * 1024
#: Blocks for each thread that wait: about 6 MB.
_WAITING_BLOCKS = 24


class SquashfsWriter:
    """Writes one squashfs into a file. Its methods are for one thread.

    Parameters
    ----------
    file : int
        Descriptor of the file, open for writing.
    offset : int
        Where in the file the squashfs begins.
    compression : Compression
        Of data and tables.
    threads : int
        How many compress.
    allowance : Allowance, optional
        What it may write.
    """

    def __init__(
        self, file: int, offset: int, compression: Compression, threads: int = 1, allowance: Allowance | None = None
    ) -> None:
        self._allowance = allowance
        self._file = file
        self._offset = offset
        self._compression = compression
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compress")
        self._limit = threads * _WAITING_BLOCKS
        self._position = SUPERBLOCK.size
        self._unwritten: list[bytes] = []
        self._unwritten_bytes = 0
        #: What becomes of each block, its content and its place in it (``None``: a fragment), and its own bytes.
        self._blocks: deque[tuple[Content | None, int, Future[bytes], bytes]] = deque()
        self._fragment = bytearray()
        self._started_fragments = 0
        self._fragments: list[tuple[int, int]] = []

    def __enter__(self) -> SquashfsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def store(self, size: int, read: Callable[[int], bytes]) -> Content:
        """Take the bytes of a file.

        Parameters
        ----------
        size : int
            How many there are.
        read : callable
            Returns exactly as many of the next bytes as it is asked for.

        Raises
        ------
        OSError
            They cannot be written.
        ContainerKernelsError
            ``image_unusable``: there is more than may be written.
        """
        content = Content(size)
        if size == 0:
            return content
        if size < BLOCK_BYTES:
            if len(self._fragment) + size > BLOCK_BYTES:
                self._end_fragment()
            content.fragment, content.fragment_offset = self._started_fragments, len(self._fragment)
            self._fragment += read(size)
            return content
        left = size
        while left:
            block = read(min(left, BLOCK_BYTES))
            left -= len(block)
            content.block_sizes.append(0)
            if block == _ZEROS:
                content.zeros += BLOCK_BYTES
            else:
                self._compress(content, len(content.block_sizes) - 1, block)
        return content

    def finish(self, root: Node, made: int) -> int:
        """Write the tables and the superblock.

        Parameters
        ----------
        root : Node
            The tree, whose contents were stored by this writer.
        made : int
            When the squashfs was made, in seconds since 1970.

        Returns
        -------
        int
            How many bytes of the file the squashfs takes, a multiple of 4096.
        """
        self._end_fragment()
        self._collect(everything=True)
        tables = Tables(self._compression.compress)
        root_reference = tables.add(root)
        inodes = self._append(tables.inodes.whole())
        directories = self._append(tables.directories.whole())
        fragments = self._table([struct.pack("<QII", *fragment, 0) for fragment in self._fragments], 512)
        ids = self._table([struct.pack("<I", number) for number in tables.ids], 2048)
        xattrs = self._xattrs(tables)
        used = self._position
        self._append(bytes(-used % 4096))
        self._write()
        superblock = SUPERBLOCK.pack(
            MAGIC,
            tables.count,
            min(max(made, 0), 0xFFFFFFFF),
            BLOCK_BYTES,
            len(self._fragments),
            self._compression.id,
            BLOCK_BYTES.bit_length() - 1,
            _FLAG_NO_XATTRS if xattrs == NOTHING else 0,
            len(tables.ids),
            4,
            0,
            root_reference,
            used,
            ids,
            xattrs,
            inodes,
            directories,
            fragments,
            NOTHING,
        )
        _write_at(self._file, superblock, self._offset)
        return self._position

    def _compress(self, content: Content | None, index: int, block: bytes) -> None:
        self._blocks.append((content, index, self._pool.submit(self._compression.compress, block), block))
        self._collect()

    def _collect(self, everything: bool = False) -> None:
        """Place what is compressed, in the order in which it came; waits when too much is not."""
        blocks = self._blocks
        while blocks and (everything or len(blocks) > self._limit or blocks[0][2].done()):
            content, index, future, block = blocks.popleft()
            stored = future.result()
            size = len(stored)
            if size >= len(block):
                stored, size = block, len(block) | UNCOMPRESSED
            place = self._append(stored)
            if content is None:
                self._fragments.append((place, size))
                continue
            content.start = content.start or place
            content.block_sizes[index] = size

    def _end_fragment(self) -> None:
        if self._fragment:
            self._compress(None, 0, bytes(self._fragment))
            self._fragment = bytearray()
            self._started_fragments += 1

    def _table(self, records: list[bytes], in_block: int, head: bytes = b"") -> int:
        """Write a table of records of one size and return where the list of its blocks lies, with what is before it."""
        places = []
        for start in range(0, len(records), in_block):
            block = MetadataWriter(self._compression.compress)
            block.add(b"".join(records[start : start + in_block]))
            places.append(self._append(block.whole()))
        return self._append(head + struct.pack(f"<{len(places)}Q", *places))

    def _xattrs(self, tables: Tables) -> int:
        if not tables.xattr_sets:
            return NOTHING
        pairs = self._append(tables.xattrs.whole())
        sets = [struct.pack("<QII", *found) for found in tables.xattr_sets]
        return self._table(sets, 512, struct.pack("<QII", pairs, len(sets), 0))

    def _append(self, data: bytes) -> int:
        if self._allowance is not None:
            self._allowance.take(len(data))
        place = self._position
        self._unwritten.append(data)
        self._unwritten_bytes += len(data)
        self._position += len(data)
        if self._unwritten_bytes > _WRITE_BYTES:
            self._write()
        return place

    def _write(self) -> None:
        data = b"".join(self._unwritten)
        _write_at(self._file, data, self._offset + self._position - len(data))
        self._unwritten.clear()
        self._unwritten_bytes = 0


def _write_at(file: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, place)
        view, place = view[written:], place + written
