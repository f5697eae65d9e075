"""Reads the header of a SIF file, so that a damaged or foreign image is known before anything starts it.

The format: https://github.com/apptainer/sif (``pkg/sif/sif.go``); 128 bytes, little endian.
"""

from __future__ import annotations

import os
import stat
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerKernelsError

_HEADER = struct.Struct("<32s10s3s3s16sqqqqqqqq")
MAGIC = b"SIF_MAGIC\0"
#: SIF's architecture codes in OCI's terms.
_ARCHITECTURES = {
    b"01": "386", b"02": "amd64", b"03": "arm", b"04": "arm64", b"05": "ppc64", b"06": "ppc64le",
    b"07": "mips", b"08": "mipsle", b"09": "mips64", b"10": "mips64le", b"11": "s390x", b"12": "riscv64",
}  # fmt: skip


@dataclass(frozen=True)
class SifHeader:
    """What we use of a SIF's header: its id, its architecture in OCI's terms, and the size it must have at least."""

    id: str
    architecture: str | None
    least_bytes: int


def read_header(path: Path) -> SifHeader:
    """Read and check the header of an image file.

    Raises
    ------
    ContainerKernelsError
        ``image_not_found``, ``image_not_readable``, ``image_unusable`` (a directory, not a SIF, or cut off).
    """
    hint = "Choose the .sif file that apptainer pull or apptainer build made."
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            status = os.fstat(stream.fileno())
            header = stream.read(_HEADER.size) if stat.S_ISREG(status.st_mode) else b""
            size = status.st_size
    except FileNotFoundError as error:
        raise ContainerKernelsError("image_not_found", f"There is no file {path}.", hint) from error
    except IsADirectoryError as error:
        raise ContainerKernelsError("image_unusable", f"{path} is a directory, not an image file.", hint) from error
    except NotADirectoryError as error:
        raise ContainerKernelsError("image_not_found", f"There is no file {path}.", hint) from error
    except PermissionError as error:
        raise ContainerKernelsError(
            "image_not_readable",
            f"You may not read {path}.",
            "Ask its owner for read permission, or pull the image yourself.",
        ) from error
    except OSError as error:
        raise ContainerKernelsError("image_unusable", f"{path} cannot be read: {error.strerror}.", hint) from error
    if len(header) < _HEADER.size or header[32:42] != MAGIC:
        raise ContainerKernelsError("image_unusable", f"{path} is not an image in SIF format.", hint)
    fields = _HEADER.unpack(header)
    architecture, identifier, data_offset, data_size = fields[3], fields[4], fields[11], fields[12]
    found = SifHeader(
        str(uuid.UUID(bytes=identifier)),
        _ARCHITECTURES.get(architecture.rstrip(b"\0")),
        data_offset + data_size,
    )
    if size < found.least_bytes:
        raise ContainerKernelsError(
            "image_unusable",
            f"{path} is incomplete: it has {size:,} of {found.least_bytes:,} bytes.",
            "Copy or pull it again.",
        )
    return found


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for a writer, should it be a named pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
