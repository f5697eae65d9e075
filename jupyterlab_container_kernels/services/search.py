"""Looks for an image that is no longer where a kernel expects it: by digest, by the SIF's id, by name."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path

from ..acquire import sif
from ..errors import ContainerKernelsError
from ..system.kernelspecs import ImageRecord
from ..system.paths import Roots
from ..system.patience import Patience

#: How long a directory has to list its images, in seconds; each header is a read of 128 bytes.
_TIMEOUT_S = 10.0
_SUFFIXES = (".sif", ".img", ".simg")
#: A directory with more images than that is one that nobody should read through.
_MOST = 2000


async def find(image: ImageRecord, roots: Roots, patience: Patience) -> Path:
    """Return where an image lies now.

    Raises
    ------
    ContainerKernelsError
        ``image_not_found``: it says where it was looked for.
    """
    old = Path(image.path)
    directories = [*dict.fromkeys([roots.images, old.parent])]
    silent = []
    by_name: Path | None = None
    for directory in directories:
        try:
            look = partial(_look, image, directory)
            found, named = await patience.ask(("search", directory, image.path), look, _TIMEOUT_S)
        except TimeoutError:
            silent.append(directory)
            continue
        if found is not None:
            return found
        by_name = by_name or named
    if by_name is not None:
        return by_name
    places = " and ".join(map(str, directories))
    unanswered = f" {' and '.join(map(str, silent))} did not answer." if silent else ""
    raise ContainerKernelsError(
        "image_not_found",
        f"The image {old.name} was not found in {places}, neither by its digest and id nor by its name.{unanswered}",
        "Choose the image file, or pull it again.",
    )


def _look(image: ImageRecord, directory: Path) -> tuple[Path | None, Path | None]:
    """Return the image in a directory by digest or id, and one that only has its name and size."""
    if image.digest and _header(stored := directory / f"{image.digest.replace(':', '-')}.sif"):
        return stored, None
    named = None
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name)[:_MOST]:
            if not entry.name.endswith(_SUFFIXES) or entry.name.startswith("."):
                continue
            path = Path(entry.path)
            header = _header(path)
            if header is not None and image.sif_id is not None and header.id == image.sif_id:
                return path, None
            same_name = entry.name == Path(image.path).name and entry.path != image.path
            if header is not None and same_name and path.stat().st_size == image.size_bytes:
                named = path
    return None, named


def _header(path: Path) -> sif.SifHeader | None:
    try:
        return sif.read_header(path)
    except ContainerKernelsError:
        return None
