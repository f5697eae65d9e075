"""Moves deleted kernels into the trash, with all that goes with them, and finishes what killed processes had begun."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Container
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import RemovalKind
from ..system import paths
from ..system.paths import Roots
from . import sets, trash
from .store import is_stored, side_file
from .trash import Entry, Part

_log = logging.getLogger(__name__)

#: What :func:`.paths.remove_marked` leaves when it is killed.
_REST = re.compile(r"\..+\.[0-9a-f]{12}\.removing")
#: A deletion that has not come to its note for so long will not, in seconds.
_SILENCE_S = 300.0
#: Returns the paths that tasks and kernels use at this moment.
InUse = Callable[[], Container[str]]
#: Parts that may be another kernel's, too.
_COMMON: tuple[RemovalKind, ...] = ("image", "shared_packages")
_TAKEN = "It was taken into use at this moment."


def bury(roots: Roots, entry: Entry, in_use: InUse) -> dict[str, str] | None:
    """Move a kernel and what goes with it into the trash.

    Returns
    -------
    dict of str to str, or None
        What stayed where it was and why, by path; ``None`` if the kernel was gone already.

    Raises
    ------
    ContainerKernelsError
        ``forbidden``, ``disk_full``: nothing was moved.
    """
    directory = roots.trash / entry.id
    target = trash.place(roots, "kernelspec", entry.id)
    try:
        paths.make_marked(directory)
        trash.write(roots, entry)
        Path(entry.kernel.source).rename(target)
    except OSError as error:
        _forget(directory, roots)
        if isinstance(error, FileNotFoundError) and not os.path.lexists(entry.kernel.source):
            return None
        if error.errno in trash.FULL and entry.state == "doomed":
            return _remove_at_once(roots, entry, in_use)
        raise trash.refused(entry.display_name, error, entry.kernel.source) from error
    stayed = _move_rest(roots, entry, in_use)
    if entry.state == "moving":
        trash.settle(roots, entry)
    return stayed


def _move_rest(roots: Roots, entry: Entry, in_use: InUse) -> dict[str, str]:
    """Move what goes with a kernel that is in the trash; returns what stayed and why.

    Whoever takes something into use notes that, and then looks whether it is there. So such notes are looked for once
    more after it has moved.
    """
    stayed: dict[str, str] = {}
    used = in_use()
    for part in entry.parts:
        source, target = Path(part.source), trash.place_of(roots, part, entry.id)
        if part.what == "kernelspec" or not _may_move(roots, part):
            continue
        try:
            if os.path.lexists(source) and part.source in used:
                stayed[part.source] = _TAKEN
            elif os.path.lexists(source) and not os.path.lexists(target):
                if not target.parent.exists():
                    paths.make_marked(target.parent)
                source.rename(target)
            is_away = os.path.lexists(target) and not os.path.lexists(source)
            if is_away and part.what in _COMMON and part.source in in_use():
                _put_back(target, source)
                stayed[part.source] = _TAKEN
            elif part.what == "image" and os.path.lexists(target) and side_file(source).exists():
                side_file(source).rename(side_file(target))
            if part.what == "shared_packages":
                with contextlib.suppress(OSError):
                    source.parent.rmdir()  # the directory of all sets goes with the last one
        except OSError as error:
            _log.warning("%s was not moved into the trash: %s", source, error)
            stayed[part.source] = f"It could not be moved: {error.strerror}."
    return stayed


def _put_back(held: Path, source: Path) -> None:
    paths.make_private(source.parent)
    if side_file(held).exists():
        side_file(held).rename(side_file(source))
    held.rename(source)


def _remove_at_once(roots: Roots, entry: Entry, in_use: InUse) -> dict[str, str]:
    """Remove a kernel from a disk so full that it takes no note, and all that goes with it."""
    stayed: dict[str, str] = {}
    try:
        _unlink_in(entry.kernel.source, "kernel.json")  # with this, the kernel is gone from Jupyter's sight
        paths.remove_tree(Path(entry.kernel.source))
    except OSError as error:
        raise trash.refused(entry.display_name, error, entry.kernel.source) from error
    used = in_use()
    for part in entry.parts:
        source = Path(part.source)
        if part.what == "kernelspec" or not _may_move(roots, part):
            continue
        try:
            if part.source in used:
                stayed[part.source] = _TAKEN
            elif part.what == "image":
                source.unlink(missing_ok=True)
                side_file(source).unlink(missing_ok=True)
            else:
                paths.remove_marked(source, roots.logs if part.what == "log" else roots.packages)
        except OSError as error:
            stayed[part.source] = f"It could not be removed: {error.strerror}."
    return stayed


def _unlink_in(directory: str, name: str) -> None:
    """Remove a file of a directory, and of nothing that a link in its place leads to."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _may_move(roots: Roots, part: Part) -> bool:
    """Tell whether a thing is one of ours, in its place, whatever a record or a note says."""
    path = Path(part.source)
    if not trash.is_at_home(roots, part):
        return False
    if part.what == "image":
        return is_stored(path, roots.images) or not os.path.lexists(path)
    root = roots.logs if part.what == "log" else roots.packages
    return paths.is_ours(path, root) or not os.path.lexists(path)


def resume(roots: Roots, in_use: InUse) -> None:
    """Finish what processes that have ended had begun: deletions, and removals from the trash."""
    _remove_rests(roots)
    for entry in trash.entries(roots):
        try:
            silent_s = time.time() - (roots.trash / entry.id / trash.NOTE).stat().st_mtime
            moved = os.path.lexists(trash.place(roots, "kernelspec", entry.id))
            if (moved and entry.state == "kept") or (entry.state != "kept" and entry.owner.is_alive(silent_s)):
                continue
            if moved and entry.state != "purging":
                _move_rest(roots, entry, in_use)
            if moved and entry.state == "moving":
                trash.settle(roots, entry)
            else:  # it was to be removed, or the kernel never went, or it is back
                trash.purge(roots, entry.id)
                if trash.read(roots, entry.id) is not None:  # something of it waits for its disk
                    continue
            _log.info("What was left of deleting or restoring %s was finished.", entry.display_name)
        except (OSError, ContainerKernelsError) as error:  # another process may be at it
            _log.warning("The deletion of %s was not finished: %s", entry.display_name, error)


def _remove_rests(roots: Roots) -> None:
    """Remove what removals left that were killed, and entries of deletions that had not begun to move anything."""
    for root in [*trash.homes(roots), roots.packages, roots.packages / sets.NAME, roots.logs, roots.staging]:
        for rest in [*root.glob(".*.removing")]:
            if _REST.fullmatch(rest.name) and rest.is_dir() and not rest.is_symlink():
                paths.remove_tree(rest)
    for directory in roots.trash.glob("[!.]*"):
        with contextlib.suppress(OSError):  # another process may remove it at this moment
            is_old = time.time() - directory.lstat().st_mtime > _SILENCE_S
            if is_old and trash.ID.fullmatch(directory.name) and not trash.holds_kernel(directory):
                _forget(directory, roots)


def _forget(directory: Path, roots: Roots) -> None:
    """Remove an entry to which nothing was moved; a full disk may not even have taken our marker."""
    with contextlib.suppress(OSError):
        directory.rmdir()
    with contextlib.suppress(ContainerKernelsError, OSError):
        paths.remove_marked(directory, roots.trash)
