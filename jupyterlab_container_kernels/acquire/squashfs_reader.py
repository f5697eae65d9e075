"""Reads a small squashfs into a tree: the one that a runtime made, whose files we put into ours.

Nothing but directories, plain files and links is read, compressed by zlib (squashfs' "gzip"), all at once.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

from .filetree import DIRECTORY, FILE, SYMLINK, Node, NotUnderstood, Store
from .squashfs_format import EXTENDED, MAGIC, METADATA_BYTES, NO_FRAGMENT, STORED, SUPERBLOCK, UNCOMPRESSED

_GZIP = 1
_BLOCK_BYTES = range(4096, (1 << 20) + 1)
#: A runtime adds a few dozen files of some kilobytes. What is far beyond that is no image of nothing.
_MOST_NODES, _MOST_FILE_BYTES = 10_000, 16 << 20
#: What broken numbers lead to.
_DAMAGES = (struct.error, zlib.error, LookupError, ArithmeticError, RecursionError)
#: What may be done with the bytes of a file before they are stored.
Change = Callable[[bytes], bytes]


class SquashfsReader:
    """One squashfs in memory.

    Parameters
    ----------
    data : bytes
        All of it.

    Raises
    ------
    NotUnderstood
        It is none, or compressed in another way.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._nodes = 0
        try:
            fields = SUPERBLOCK.unpack_from(data)
            self._block_bytes, fragments = fields[3], fields[4]
            if fields[0] != MAGIC or fields[5] != _GZIP or self._block_bytes not in _BLOCK_BYTES:
                raise NotUnderstood("the runtime's own image is compressed in an unusual way")
            self._root = fields[11]
            inodes, directories, fragment_table = fields[15], fields[16], fields[17]
            self._inodes, self._inode_places = self._metadata(inodes, directories)
            first = struct.unpack_from("<Q", data, fragment_table)[0] if fragments else fragment_table
            self._directories, self._directory_places = self._metadata(directories, first)
            table = self._metadata(first, fragment_table)[0]
            self._fragments = [struct.unpack_from("<QI", table, 16 * index) for index in range(fragments)]
        except _DAMAGES as error:
            raise NotUnderstood("the runtime's own image is damaged") from error

    def tree(self, store: Store, change: Change) -> Node:
        """Return the root with all below it; contents go through ``change`` to ``store``.

        Raises
        ------
        NotUnderstood
            It holds something else than directories, files and links, or is damaged.
        """
        try:
            return self._node(self._root, store, change)
        except _DAMAGES as error:
            raise NotUnderstood("the runtime's own image is damaged") from error

    def _metadata(self, start: int, end: int) -> tuple[bytes, dict[int, int]]:
        """Return a whole table, and where each of its blocks begins in it by where it lies in the file."""
        whole, places = bytearray(), {}
        place = start
        while place < end:
            places[place - start] = len(whole)
            (head,) = struct.unpack_from("<H", self._data, place)
            block = self._data[place + 2 : place + 2 + (head & (STORED - 1))]
            whole += block if head & STORED else _inflated(block, METADATA_BYTES)
            place += 2 + len(block)
        return bytes(whole), places

    def _node(self, reference: int, store: Store, change: Change) -> Node:
        table = self._inodes
        place = self._inode_places[reference >> 16] + (reference & 0xFFFF)
        kind, mode, _, _, mtime, _ = struct.unpack_from("<HHHHII", table, place)
        place += 16
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise NotUnderstood("the runtime's own image holds too many files")
        node = Node((kind - 1) % EXTENDED + 1, mode, mtime)
        extended = kind > EXTENDED
        if node.kind == DIRECTORY:
            if extended:
                _, size, block, _, _, offset, _ = struct.unpack_from("<IIIIHHI", table, place)
            else:
                block, _, size, offset, _ = struct.unpack_from("<IIHHI", table, place)
            self._list(node, block, offset, size - 3, store, change)
        elif node.kind == FILE:
            data = change(self._file(place, extended))
            node.content = store(len(data), io.BytesIO(data).read)
        elif node.kind == SYMLINK:
            (size,) = struct.unpack_from("<I", table, place + 4)
            node.target = table[place + 8 : place + 8 + size]
        else:
            raise NotUnderstood("the runtime's own image holds a device")
        return node

    def _list(self, node: Node, block: int, offset: int, size: int, store: Store, change: Change) -> None:
        if size <= 0:
            return
        place = self._directory_places[block] + offset
        end = place + size
        while place < end:
            count, inode_block, _ = struct.unpack_from("<III", self._directories, place)
            place += 12
            for _ in range(count + 1):
                inode_offset, _, _, length = struct.unpack_from("<HhHH", self._directories, place)
                name = self._directories[place + 8 : place + 9 + length]
                place += 9 + length
                node.children[name] = self._node(inode_block << 16 | inode_offset, store, change)

    def _file(self, place: int, extended: bool) -> bytes:
        if extended:
            start, size, _, _, fragment, offset, _ = struct.unpack_from("<QQQIIII", self._inodes, place)
            place += 40
        else:
            start, fragment, offset, size = struct.unpack_from("<IIII", self._inodes, place)
            place += 16
        if size > _MOST_FILE_BYTES:
            raise NotUnderstood("the runtime's own image holds a large file")
        blocks = size // self._block_bytes if fragment != NO_FRAGMENT else -(-size // self._block_bytes)
        whole = bytearray()
        for stored in struct.unpack_from(f"<{blocks}I", self._inodes, place):
            whole += self._block(start, stored) if stored else bytes(self._block_bytes)
            start += stored & (UNCOMPRESSED - 1)
        if fragment != NO_FRAGMENT:
            whole += self._block(*self._fragments[fragment])[offset : offset + size % self._block_bytes]
        return bytes(whole[:size])

    def _block(self, start: int, stored: int) -> bytes:
        block = self._data[start : start + (stored & (UNCOMPRESSED - 1))]
        return block if stored & UNCOMPRESSED else _inflated(block, self._block_bytes)


def _inflated(block: bytes, most: int) -> bytes:
    """Inflate a block, which never holds more than that."""
    return zlib.decompressobj().decompress(block, most)
