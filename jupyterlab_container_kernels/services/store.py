"""Where images are kept: one file for each digest, ``sha256-….sif``, with a side file, however many kernels use it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..acquire import sif
from ..errors import ContainerKernelsError
from ..system import paths


def stored_path(store: Path, digest: str) -> Path:
    """Return where the image of a digest lies, or will lie, in a store."""
    return store / f"{digest.replace(':', '-')}.sif"


def side_file(image: Path) -> Path:
    """Return the file beside a stored image that says what it is."""
    return image.with_suffix(".json")


def is_stored(image: Path, store: Path) -> bool:
    """Tell whether an image is one that we stored: a plain file in the store, with its side file."""
    return image.parent == store and image.is_file() and not image.is_symlink() and side_file(image).is_file()


def is_whole(image: Path) -> bool:
    """Tell whether a stored image can be used: its header can be read, and its side file is there."""
    try:
        sif.read_header(image)
    except ContainerKernelsError:
        return False
    return side_file(image).is_file()


def find(store: Path, digest: str) -> Path | None:
    """Return the file of an image in a store of the site: by its name, or by the digest in the side file beside it."""
    named = stored_path(store, digest)
    if is_whole(named):
        return named
    with contextlib.suppress(OSError):
        for side in sorted(store.glob("*.json")):
            if not side.name.startswith(("sha256-", ".")):
                said, image = paths.read_json(side), side.with_suffix(".sif")
                if isinstance(said, dict) and said.get("digest") == digest and is_whole(image):
                    return image
    return None
