"""Reads the entries of a tar archive as they come, as Go's ``archive/tar`` does, with which the runtimes unpack layers.

The format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, tar(5); what Go makes of it:
https://github.com/golang/go/blob/master/src/archive/tar/reader.go. What we do not read as it does raises
:class:`.filetree.NotUnderstood`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .filetree import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    FILE,
    SYMLINK,
    NotUnderstood,
    Xattrs,
)

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
#: No header that says more of the next entry is nearly so long; one that claims to be would fill the memory.
_MOST_HEADER_BYTES = 1024 * 1024
#: What Go's reader hands on as a hard link; squashfs has no such kind.
HARD_LINK = 0
_KINDS = {
    b"0": FILE, b"\0": FILE, b"1": HARD_LINK, b"2": SYMLINK, b"3": CHARACTER_DEVICE, b"4": BLOCK_DEVICE,
    b"5": DIRECTORY, b"6": FIFO,
}  # fmt: skip
#: Attributes that mean the same on any machine. Others (SELinux labels, ACLs) belong to the machine of the build.
_XATTRS_KEPT = (b"user.", b"security.capability")
_XATTR = b"SCHILY.xattr."
#: Numbers as Go reads them; Python's ``int`` takes more for one (``1_0``), and refuses very long ones in its own way.
_OCTAL = re.compile(rb"[0-7]{1,24}")
_LENGTH = re.compile(rb"([0-9]{1,8}) ")
_DECIMAL = re.compile(rb"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: names as they are written, sizes in bytes, the device as Linux encodes it."""

    kind: int
    name: bytes
    link: bytes
    mode: int
    mtime: int
    size: int
    device: int
    xattrs: Xattrs


class TarStream:
    """A tar archive that comes in pieces.

    Parameters
    ----------
    more : callable
        Returns the next bytes, however many; ``b""`` at the end.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._buffer = b""
        self._place = 0
        self._left = 0
        self._padding = 0

    def read(self, count: int) -> bytes:
        """Return the next ``count`` bytes of the current entry.

        Raises
        ------
        NotUnderstood
            The archive ends before.
        """
        self._left -= count
        return self._take(count)

    def entries(self) -> Iterator[Entry]:
        """Walk over the entries; what is not read of one is left out.

        Raises
        ------
        NotUnderstood
            The archive is damaged, or has something that not all readers take for the same.
        """
        pax: dict[bytes, bytes] = {}
        long_name = long_link = None
        while True:
            self._skip(self._left + self._padding)
            self._left = self._padding = 0
            header = self._header()
            if header is None:
                return
            flag = header[156:157]
            size = number(header[124:136])
            if flag in (b"x", b"L", b"K"):
                body = self._body(size)
                if flag == b"x":
                    pax = _records(body)
                    if any(key.startswith(b"GNU.sparse.") for key in pax):
                        raise NotUnderstood("a layer holds a sparse file")
                elif flag == b"L":
                    long_name = body.partition(b"\0")[0]
                else:
                    long_link = body.partition(b"\0")[0]
                continue
            entry = _entry(header, flag, size, pax, long_name, long_link)
            pax, long_name, long_link = {}, None, None
            self._left = entry.size
            self._padding = -entry.size % _BLOCK
            yield entry

    def _header(self) -> bytes | None:
        """Return the next header, checked; ``None`` at the end."""
        header = self._take(_BLOCK, or_end=True)
        if not header:
            return None
        if header == _ZEROS:
            second = self._take(_BLOCK, or_end=True)
            if second not in (b"", _ZEROS):
                raise NotUnderstood("a layer goes on after its end")
            return None
        told = number(header[148:156])
        unsigned = sum(header) - sum(header[148:156]) + 8 * 0x20
        if told != unsigned:
            raise NotUnderstood("a layer holds a header with a wrong checksum")
        return header

    def _body(self, size: int) -> bytes:
        if not 0 <= size <= _MOST_HEADER_BYTES:
            raise NotUnderstood("a layer holds a header that is too long")
        body = self._take(size)
        self._skip(-size % _BLOCK)
        return body

    def _take(self, count: int, or_end: bool = False) -> bytes:
        end = self._place + count
        if end <= len(self._buffer):
            taken = self._buffer[self._place : end]
            self._place = end
            return taken
        parts = [self._buffer[self._place :]]
        have = len(parts[0])
        while have < count:
            more = self._more()
            if not more:
                if or_end and have == 0:
                    self._buffer, self._place = b"", 0
                    return b""
                raise NotUnderstood("a layer ends too early")
            parts.append(more)
            have += len(more)
        whole = b"".join(parts)
        # what is left is kept in one piece, which is shorter than what came last
        self._buffer, self._place = whole, count
        return whole[:count]

    def _skip(self, count: int) -> None:
        while count:
            here = len(self._buffer) - self._place
            if here == 0:
                self._buffer, self._place = self._more(), 0
                if not self._buffer:
                    raise NotUnderstood("a layer ends too early")
                continue
            step = min(here, count)
            self._place += step
            count -= step


def number(field: bytes) -> int:
    """Read a number of a header: octal, or in base 256 when its first bit is set.

    Raises
    ------
    NotUnderstood
        It is none.
    """
    if field[0] & 0x80:
        # two's complement without the first bit, which only marks the form
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits and not _OCTAL.fullmatch(digits):
        raise NotUnderstood("a layer holds a header with a bad number")
    return int(digits, 8) if digits else 0


def _records(body: bytes) -> dict[bytes, bytes]:
    """Read the records of a PAX header; the last of a name counts."""
    found: dict[bytes, bytes] = {}
    place = 0
    while place < len(body):
        length = _LENGTH.match(body, place)
        record = body[length.end() : place + int(length[1])] if length else b""
        key, equals, value = record[:-1].partition(b"=")
        if length is None or record[-1:] != b"\n" or not equals or not key:
            raise NotUnderstood("a layer holds a damaged PAX header")
        found[key] = value
        place += int(length[1])
    return found


def _decimal(text: bytes) -> int:
    if not _DECIMAL.fullmatch(text):
        raise NotUnderstood("a layer holds a damaged PAX header")
    return int(text)


def _entry(
    header: bytes, flag: bytes, size: int, pax: dict[bytes, bytes], long_name: bytes | None, long_link: bytes | None
) -> Entry:
    name, magic = header[:100].partition(b"\0")[0], header[257:265]
    if magic.startswith(b"ustar\0") and header[345]:
        prefix = header[345:476] if header[508:] == b"tar\0" else header[345:500]
        name = prefix.partition(b"\0")[0] + b"/" + name
    link = header[157:257].partition(b"\0")[0]
    name = pax.get(b"path") or long_name or name
    link = pax.get(b"linkpath") or long_link or link
    if b"\0" in name or b"\0" in link:
        raise NotUnderstood("a layer holds a name with a null byte")
    kind = _KINDS.get(flag)
    if kind is None:
        raise NotUnderstood(f"a layer holds an entry of type {flag!r}")
    if flag == b"\0" and name.endswith(b"/"):
        kind = DIRECTORY
    size = _decimal(pax[b"size"]) if pax.get(b"size") else size
    mtime = _decimal(pax[b"mtime"].partition(b".")[0] or b"0") if pax.get(b"mtime") else number(header[136:148])
    if size < 0:
        raise NotUnderstood("a layer holds a file of less than no bytes")
    device = 0
    if kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
        major, minor = number(header[329:337]), number(header[337:345])
        device = (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12
    xattrs = tuple(
        (key[len(_XATTR) :], value)
        for key, value in pax.items()
        if key.startswith(_XATTR) and key[len(_XATTR) :].startswith(_XATTRS_KEPT)
    )
    # only plain files have contents, whatever the header says
    return Entry(kind, name, link, number(header[100:108]) & 0o7777, mtime, size if kind == FILE else 0, device, xattrs)
