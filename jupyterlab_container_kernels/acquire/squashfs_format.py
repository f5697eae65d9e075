"""The numbers of squashfs 4.0 that its writer and its reader share.

The format: https://www.kernel.org/doc/html/latest/filesystems/squashfs.html and
https://dr-emann.github.io/squashfs/. All numbers are little endian.
"""

from __future__ import annotations

import struct

MAGIC = 0x73717368
SUPERBLOCK = struct.Struct("<IIIIIHHHHHHQQQQQQQQ")
#: A block of a table holds as much, before it is compressed.
METADATA_BYTES = 8192
#: In the size of a block of a table: it is stored as it is.
STORED = 0x8000
#: In the size of a block of data: likewise.
UNCOMPRESSED = 1 << 24
#: The index of the fragment of a file that has none.
NO_FRAGMENT = 0xFFFFFFFF
#: An inode with more fields has the number of the plain one plus this.
EXTENDED = 7
