"""The folder that somebody names for one image: whether it can be that, and what to know of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerKernelsError
from ..system.patience import Patience
from .store import store_in


@dataclass(frozen=True)
class Choice:
    """A folder, the store in it, and what whoever chose it should know."""

    folder: Path
    store: Path
    caution: str | None


async def checked(named: str, patience: Patience) -> Choice:
    """Look at a folder that somebody names.

    Raises
    ------
    ContainerKernelsError
        ``invalid_image_dir``: it is not there, cannot be written, or does not answer.
    """
    folder = _read(named)
    try:
        caution = await patience.ask(("image folder", folder), lambda: _look_at(folder))
    except TimeoutError as error:
        raise _invalid(
            f"The file system of {folder} does not answer.", "Try again when it does, or choose another folder."
        ) from error
    return Choice(folder, store_in(folder), caution)


def _read(named: str) -> Path:
    """Return the path that is typed, in full."""
    text = named.strip()
    if text == "~" or text.startswith("~/"):
        text = str(Path.home()) + text[1:]
    if not text.isprintable() or len(os.fsencode(text)) > os.pathconf("/", "PC_PATH_MAX"):
        raise _invalid(
            "The path of the folder for the image is too long or holds a control character.", "Type it again."
        )
    if not text.startswith("/"):
        raise _invalid(f"“{text}” is not a full path.", "Begin it with / (or with ~/ for your home directory).")
    return Path(os.path.normpath(text))


def _look_at(folder: Path) -> str | None:
    """Return what to know of a folder."""
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        # a store of ours may have been swept away
        if store_in(folder) == folder and folder.parent.is_dir():
            return _look_at(folder.parent)
        raise _invalid(f"There is no folder {folder} on this machine.", "Check its spelling, or make it.") from None
    except (OSError, ValueError) as error:
        raise _invalid(f"{folder} cannot be looked at: {error}.", "Choose another folder.") from error
    if not stat.S_ISDIR(mode):
        raise _invalid(f"{folder} is not a folder.", "Name the folder in which the image is to lie.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _invalid(f"You may not write to {folder}.", "Choose a folder of your own.")
    if not mode & stat.S_IWOTH:
        return None
    if mode & stat.S_ISVTX:
        return f"Everybody uses {folder}: such a folder may be emptied, and other machines may not have it."
    return f"Everybody may write to {folder}, and could put another image in the place of yours."


def _invalid(message: str, hint: str) -> ContainerKernelsError:
    return ContainerKernelsError("invalid_image_dir", message, hint)
