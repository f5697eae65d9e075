"""The files of an image as a tree in memory: what the layers are merged into, and what a squashfs is written from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ContainerKernelsError
from .squashfs_format import NO_FRAGMENT

#: Kinds of nodes; the numbers are those of squashfs' basic inodes.
DIRECTORY, FILE, SYMLINK, BLOCK_DEVICE, CHARACTER_DEVICE, FIFO, SOCKET = range(1, 8)

#: Names and values, in the order in which they were given.
Xattrs = tuple[tuple[bytes, bytes], ...]


class NotUnderstood(Exception):
    """The image holds something that we do not read exactly as the runtime would; its own pull has to be used."""


class Allowance:
    """What an image may take of something, so that a small one that was made to grow without end is refused.

    Parameters
    ----------
    most : int
        In bytes.
    what : str
        What is said when it is more: "Its layers …".
    """

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._what = what

    def take(self, count: int) -> None:
        """Take some of it.

        Raises
        ------
        ContainerKernelsError
            ``image_unusable``: nothing is left. The runtime would fill memory or disk with it, so it is not asked.
        """
        self._left -= count
        if self._left < 0:
            raise ContainerKernelsError(
                "image_unusable",
                f"The image is refused: {self._what}.",
                "Ask whoever made the image, or take another one. It may have been made to do harm.",
            )


@dataclass(eq=False, slots=True)
class Content:
    """Where the bytes of a regular file lie in the squashfs.

    Parameters
    ----------
    size : int
        In bytes.
    start : int
        Of its first block, from the beginning of the squashfs; 0 when it has none.
    block_sizes : list of int
        As stored: bytes, with bit 24 set when they are not compressed; 0 for a block of zeros.
    fragment : int
        Index of the fragment that holds all of it, or :data:`.squashfs_format.NO_FRAGMENT`.
    fragment_offset : int
        Where in that fragment.
    zeros : int
        Bytes that no block holds.
    """

    size: int
    start: int = 0
    block_sizes: list[int] = field(default_factory=list)
    fragment: int = NO_FRAGMENT
    fragment_offset: int = 0
    zeros: int = 0


#: Stores the bytes of a file: how many, and what returns exactly as many of the next ones as it is asked for.
Store = Callable[[int, Callable[[int], bytes]], Content]


@dataclass(eq=False, slots=True)
class Node:
    """A file, directory or something else; several names may lead to one that is no directory.

    Parameters
    ----------
    kind : int
        ``DIRECTORY``, ``FILE``, …
    mode : int
        Permission bits with setuid, setgid and sticky.
    mtime : int
        Seconds since 1970.
    content : Content or None
        Of a regular file. ``None`` while nobody knows it.
    target : bytes
        Of a symbolic link.
    device : int
        Of a device, as Linux encodes it for user space.
    xattrs : Xattrs
        Extended attributes.
    uid, gid : int
        Whose it is. Without privileges nobody can unpack for others, so all is root's.
    children : dict
        Of a directory: what it holds, by name.
    """

    kind: int
    mode: int
    mtime: int
    content: Content | None = None
    target: bytes = b""
    device: int = 0
    xattrs: Xattrs = ()
    uid: int = 0
    gid: int = 0
    children: dict[bytes, Node] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        """Whether it may hold others."""
        return self.kind == DIRECTORY
