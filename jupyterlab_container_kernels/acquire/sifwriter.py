"""Puts a squashfs of ours in the place of the one in a SIF file, whose other parts stay.

The format: https://github.com/apptainer/sif (``pkg/sif/sif.go``, ``descriptor.go``): a header of 128 bytes, a table of
descriptors of 585 bytes, and the data that they describe. All numbers are little endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from .filetree import NotUnderstood
from .sif import MAGIC

#: Total and place of the descriptors; place and size of the data.
_TOTAL, _TABLE, _DATA, _DATA_BYTES = 88, 96, 112, 120
#: Kind, whether it is used, its id, group and link, its place, size, and size with what was left free before it.
_DESCRIPTOR = struct.Struct("<iBIIIqqq")
_DESCRIPTOR_BYTES = 585
_PARTITION = 0x4004
_ALIGNMENT = 4096


@dataclass
class _Part:
    """A used descriptor: where it stands, its fields, and its data, unless it is the partition."""

    place: int
    fields: tuple[int, ...]
    data: bytes


class SifFrame:
    """All of a SIF but its partition.

    Parameters
    ----------
    sif : bytes
        A whole file, as a runtime made it.
    change : callable
        What is done with each of the small parts, which hold JSON and the definition.

    Raises
    ------
    NotUnderstood
        It is none, or has more than one partition.
    """

    def __init__(self, sif: bytes, change: Callable[[bytes], bytes]) -> None:
        try:
            if sif[32:42] != MAGIC:
                raise NotUnderstood("the runtime's own image is no SIF")
            parts = list(_parts(sif))
            (self._start,) = struct.unpack_from("<q", sif, _DATA)
            partitions = [part for part in parts if part.fields[0] == _PARTITION]
            if len(partitions) != 1:
                raise NotUnderstood("the runtime's own image has not one partition")
            self._partition = partitions[0]
            #: The squashfs that the runtime made.
            self.squashfs = self._partition.data
            small = [part for part in parts if part is not self._partition]
            end = self._start
            self._head = bytearray(sif[: self._start])
            for part in sorted(small, key=lambda part: part.fields[5]):
                data = change(part.data)
                _DESCRIPTOR.pack_into(self._head, part.place, *part.fields[:5], end, len(data), len(data))
                self._head += data
                end += len(data)
        except struct.error as error:
            raise NotUnderstood("the runtime's own image is damaged") from error
        #: Where the squashfs has to begin.
        self.offset = -(-end // _ALIGNMENT) * _ALIGNMENT
        self._free = self.offset - end

    def write(self, file: int, size: int) -> None:
        """Write all but the squashfs, which takes ``size`` bytes from :attr:`offset` on.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        head = self._head
        _DESCRIPTOR.pack_into(
            head, self._partition.place, *self._partition.fields[:5], self.offset, size, size + self._free
        )
        struct.pack_into("<q", head, _DATA_BYTES, self.offset + size - self._start)
        view, place = memoryview(bytes(head)), 0
        while view:
            written = os.pwrite(file, view, place)
            view, place = view[written:], place + written


def _parts(sif: bytes) -> list[_Part]:
    total, table = struct.unpack_from("<qq", sif, _TOTAL)
    found = []
    for place in range(table, table + total * _DESCRIPTOR_BYTES, _DESCRIPTOR_BYTES):
        fields = _DESCRIPTOR.unpack_from(sif, place)
        if fields[1]:
            found.append(_Part(place, fields, sif[fields[5] : fields[5] + fields[6]]))
    return found
