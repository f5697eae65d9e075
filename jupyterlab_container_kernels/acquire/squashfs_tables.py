"""The tables of a squashfs: inodes, directories, owners and extended attributes, from a tree of nodes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .compressors import Compress
from .filetree import BLOCK_DEVICE, CHARACTER_DEVICE, DIRECTORY, FILE, SYMLINK, Content, Node, Xattrs
from .squashfs_format import EXTENDED, METADATA_BYTES, STORED

#: Where there is no table, and which xattrs a node has that has none.
NOTHING = 0xFFFFFFFFFFFFFFFF
_NO_XATTRS = 0xFFFFFFFF
#: Entries below one header of a directory; how far their inode numbers may be from the header's.
_MOST_ENTRIES, _FARTHEST = 256, 32767
#: What an inode of a directory can say without its extended form.
_MOST_LISTING = 0xFFFF
_MOST_INDEXES = 0xFFFF
_PREFIXES = {b"user.": 0, b"trusted.": 1, b"security.": 2}


class MetadataWriter:
    """Packs records into compressed blocks of 8 KiB."""

    def __init__(self, compress: Compress) -> None:
        self._compress = compress
        self._blocks: list[bytes] = []
        self._position = 0
        self._open = bytearray()

    @property
    def place(self) -> tuple[int, int]:
        """Where the next record begins: its block, from the table's beginning, and where in the open block."""
        return self._position, len(self._open)

    def add(self, record: bytes) -> None:
        """Append a record, which may go over the end of a block."""
        self._open += record
        while len(self._open) >= METADATA_BYTES:
            self._end(bytes(self._open[:METADATA_BYTES]))
            del self._open[:METADATA_BYTES]

    def whole(self) -> bytes:
        """End the table and return it."""
        if self._open:
            self._end(bytes(self._open))
            self._open = bytearray()
        return b"".join(self._blocks)

    def _end(self, block: bytes) -> None:
        stored = self._compress(block)
        head = len(stored)
        if head >= len(block):
            stored, head = block, len(block) | STORED
        self._blocks.append(struct.pack("<H", head) + stored)
        self._position += 2 + len(stored)


class Tables:
    """All of them for one tree; see :meth:`add`."""

    def __init__(self, compress: Compress) -> None:
        self.inodes = MetadataWriter(compress)
        self.directories = MetadataWriter(compress)
        self.xattrs = MetadataWriter(compress)
        #: Where a set of xattrs lies, how many they are, and their bytes.
        self.xattr_sets: list[tuple[int, int, int]] = []
        self.ids: list[int] = []
        self.count = 0
        self._id_indexes: dict[int, int] = {}
        self._xattr_indexes: dict[Xattrs, int] = {}
        self._numbers: dict[Node, int] = {}
        self._names: dict[Node, int] = {}
        self._parents: dict[Node, Node] = {}
        self._places: dict[Node, tuple[int, int]] = {}

    def add(self, root: Node) -> int:
        """Write a whole tree and return the reference of its root's inode.

        Raises
        ------
        ValueError
            A name or a link is longer than the format allows.
        """
        self._number(root)
        for directory in _bottom_up(root):
            for child in directory.children.values():
                if not child.is_directory and child not in self._places:
                    self._places[child] = self._add_inode(child, self._leaf(child))
            self._places[directory] = self._add_directory(directory)
        block, offset = self._places[root]
        return block << 16 | offset

    def _number(self, root: Node) -> None:
        waiting = [root]
        self._numbers[root] = 1
        while waiting:
            directory = waiting.pop()
            # in the order of names, so that neighbours have near numbers
            for name in sorted(directory.children):
                child = directory.children[name]
                self._names[child] = self._names.get(child, 0) + 1
                if child in self._numbers:
                    continue
                self._numbers[child] = len(self._numbers) + 1
                if child.is_directory:
                    self._parents[child] = directory
                    waiting.append(child)
        self.count = len(self._numbers)

    def _add_inode(self, node: Node, kind_and_rest: tuple[int, bytes]) -> tuple[int, int]:
        kind, rest = kind_and_rest
        place = self.inodes.place
        head = struct.pack(
            "<HHHHII",
            kind,
            node.mode & 0o7777,
            self._id(node.uid),
            self._id(node.gid),
            min(max(node.mtime, 0), 0xFFFFFFFF),
            self._numbers[node],
        )
        self.inodes.add(head + rest)
        return place

    def _leaf(self, node: Node) -> tuple[int, bytes]:
        """Return the number and all but the head of an inode that is no directory."""
        links, xattrs = self._names[node], self._xattrs(node.xattrs)
        more = xattrs != _NO_XATTRS
        tail = struct.pack("<I", xattrs) if more else b""
        kind = node.kind + EXTENDED if more else node.kind
        if node.kind == FILE:
            return self._file(node.content or Content(0), links, xattrs)
        if node.kind == SYMLINK:
            if len(node.target) > 0xFFFF:
                raise ValueError("the target of a link is too long")
            return kind, struct.pack("<II", links, len(node.target)) + node.target + tail
        if node.kind in (BLOCK_DEVICE, CHARACTER_DEVICE):
            return kind, struct.pack("<II", links, node.device) + tail
        return kind, struct.pack("<I", links) + tail

    @staticmethod
    def _file(content: Content, links: int, xattrs: int) -> tuple[int, bytes]:
        sizes = struct.pack(f"<{len(content.block_sizes)}I", *content.block_sizes)
        large = content.start > 0xFFFFFFFF or content.size > 0xFFFFFFFF
        fragment = (content.fragment, content.fragment_offset)
        if large or links > 1 or content.zeros or xattrs != _NO_XATTRS:
            # a file of nothing but zeros still takes a byte, as mksquashfs counts
            zeros = content.zeros - (0 < content.zeros == content.size)
            whole = (content.start, content.size, zeros, links, *fragment, xattrs)
            return FILE + EXTENDED, struct.pack("<QQQIIII", *whole) + sizes
        return FILE, struct.pack("<IIII", content.start, *fragment, content.size) + sizes

    def _add_directory(self, node: Node) -> tuple[int, int]:
        block, offset = self.directories.place
        size, indexes = self._list(node)
        links = 2 + sum(child.is_directory for child in node.children.values())
        parent = self._parents.get(node)
        # the root's parent is a number that nobody has
        above = self._numbers[parent] if parent else self.count + 1
        xattrs = self._xattrs(node.xattrs)
        # . and .. count three bytes, though no listing has them
        size += 3
        if size <= _MOST_LISTING and xattrs == _NO_XATTRS:
            return self._add_inode(node, (DIRECTORY, struct.pack("<IIHHI", block, links, size, offset, above)))
        head = struct.pack("<IIIIHHI", links, size, block, above, len(indexes), offset, xattrs)
        return self._add_inode(node, (DIRECTORY + EXTENDED, head + b"".join(indexes)))

    def _list(self, node: Node) -> tuple[int, list[bytes]]:
        """Write the names in a directory; return the bytes, and where each further block begins (for look-ups)."""
        names = sorted(node.children)
        size, first = 0, 0
        indexes: list[bytes] = []
        indexed = self.directories.place[0]
        while first < len(names):
            block = self._places[node.children[names[first]]][0]
            base = self._numbers[node.children[names[first]]]
            entries: list[bytes] = []
            for name in names[first : first + _MOST_ENTRIES]:
                child = node.children[name]
                child_block, child_offset = self._places[child]
                distance = self._numbers[child] - base
                if child_block != block or abs(distance) > _FARTHEST:
                    break
                if not 0 < len(name) <= 256:
                    raise ValueError("a name is too long")
                entries.append(struct.pack("<HhHH", child_offset, distance, child.kind, len(name) - 1) + name)
            here = self.directories.place[0]
            if here != indexed and len(indexes) < _MOST_INDEXES:
                name = names[first]
                indexes.append(struct.pack("<III", size, here, len(name) - 1) + name)
                indexed = here
            listing = struct.pack("<III", len(entries) - 1, block, base) + b"".join(entries)
            self.directories.add(listing)
            size += len(listing)
            first += len(entries)
        return size, indexes

    def _id(self, number: int) -> int:
        if number not in self._id_indexes:
            self._id_indexes[number] = len(self.ids)
            self.ids.append(number)
        return self._id_indexes[number]

    def _xattrs(self, xattrs: Xattrs) -> int:
        """Return the number of a set of attributes, written if it is new."""
        if not xattrs:
            return _NO_XATTRS
        if xattrs not in self._xattr_indexes:
            block, offset = self.xattrs.place
            pairs = b"".join(_pair(name, value) for name, value in xattrs)
            self.xattrs.add(pairs)
            self._xattr_indexes[xattrs] = len(self.xattr_sets)
            self.xattr_sets.append((block << 16 | offset, len(xattrs), len(pairs)))
        return self._xattr_indexes[xattrs]


def _pair(name: bytes, value: bytes) -> bytes:
    for prefix, number in _PREFIXES.items():
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            return struct.pack("<HH", number, len(rest)) + rest + struct.pack("<I", len(value)) + value
    raise ValueError(f"squashfs has no room for the attribute {name!r}")


def _bottom_up(root: Node) -> Iterator[Node]:
    """Walk over the directories, what is in one before itself."""
    waiting = [(root, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            yield node
            continue
        waiting.append((node, True))
        waiting += [(child, False) for child in node.children.values() if child.is_directory]
