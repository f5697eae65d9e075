"""An image that is on this machine: a file in SIF format, or a folder in which an image lies unpacked.

Such folders come from `apptainer build --sandbox` and from CVMFS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerKernelsError
from . import sif


@dataclass(frozen=True)
class LocalImage:
    """What a look at an image tells.

    Parameters
    ----------
    id : str or None
        Of the SIF; a folder has none.
    architecture : str or None
        In OCI's terms; nobody knows that of a folder.
    unpacked : bool
        It is a folder.
    """

    id: str | None
    architecture: str | None
    unpacked: bool


def look(path: Path) -> LocalImage:
    """Look at an image file or folder.

    Raises
    ------
    ContainerKernelsError
        As :func:`.sif.read_header`; ``image_unusable`` also for a folder without an image in it.
    """
    if not os.path.isdir(path):  # noqa: PTH112 (never raises)
        header = sif.read_header(path)
        return LocalImage(header.id, header.architecture, unpacked=False)
    if not os.access(path, os.R_OK | os.X_OK):
        raise ContainerKernelsError(
            "image_not_readable", f"You may not read the folder {path}.", "Ask its owner for read permission."
        )
    hint = "Choose an image file, or a folder into which an image was unpacked."
    try:
        fault = why_none(os.fspath(path))
    except OSError as error:
        raise ContainerKernelsError("image_unusable", f"{path} cannot be read: {error.strerror}.", hint) from error
    if fault is not None:
        raise ContainerKernelsError("image_unusable", fault, hint)
    return LocalImage(None, None, unpacked=True)


def why_none(folder: str) -> str | None:
    """Return why a folder is no image, as a sentence, or ``None`` if one lies in it. It is not walked through.

    Raises
    ------
    OSError
        Nobody can tell, because its file system does not work.
    """
    if os.path.realpath(folder) == "/":
        return f"{folder} is this machine itself, not the folder of an image."
    if _has(folder, ".singularity.d") or (_has(folder, "usr") and (_has(folder, "bin") or _has(folder, "etc"))):
        return None
    return f"The folder {folder} holds no image: neither .singularity.d nor usr with bin or etc is in it."


def _has(folder: str, name: str) -> bool:
    try:
        os.lstat(f"{folder}/{name}")
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
