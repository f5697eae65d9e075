"""The trash: deleted kernels with all that went with them, and a note of where each thing came from.

An entry is a directory ``trash/<id>`` with a note, the kernel's own directory and what lies on the same file system.
Images and packages that a site keeps elsewhere go into ``.trash/<id>`` beside them, so that all of it is renames. The
note is written first, then the kernel goes in one step, then the rest: after a kill the kernel is there still, or the
next process finishes the entry. What a note says is never believed: only places of ours are moved or removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import dacite

from ..errors import ContainerKernelsError
from ..models import RemovalKind
from ..system import paths
from ..system.paths import Roots
from . import sets
from .store import chosen_folder, is_chosen, is_stored, side_file
from .task_files import Owner

_log = logging.getLogger("jupyterlab_container_kernels")

_NOTE = "trash.json"
_SCHEMA = 1
#: What :func:`.paths.remove_marked` leaves when it is killed.
_REST = re.compile(r"\..+\.[0-9a-f]{12}\.removing")
_ID = re.compile(r"[0-9a-f]{16}")
_DAY_S = 24 * 3600.0
#: A deletion that has not come to its note for so long will not, in seconds.
_SILENCE_S = 300.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
#: The names that things have in an entry.
_NAMES: dict[RemovalKind, str] = {
    "kernelspec": "kernel",
    "packages": "packages",
    "shared_packages": "shared",
    "log": "log",
    "image": "image.sif",
}


@dataclass(frozen=True)
class Part:
    """One thing that goes with a kernel, where it was, and the bytes it takes."""

    what: RemovalKind
    source: str
    size_bytes: int


@dataclass(frozen=True)
class Entry:
    """A deleted kernel: ``moving`` as long as its deletion is at work (``doomed`` if it is to be removed at once),
    then ``kept``, and ``purging`` while it is removed.
    """

    schema: int
    id: str
    slug: str
    display_name: str
    deleted: str
    state: Literal["moving", "doomed", "kept", "purging"]
    owner: Owner
    parts: list[Part]

    @property
    def kernel(self) -> Part:
        """The kernel's own directory."""
        return next(part for part in self.parts if part.what == "kernelspec")


#: Returns the paths that tasks and kernels use at this moment.
InUse = Callable[[], Container[str]]
#: Parts that may be another kernel's, too.
_COMMON: tuple[RemovalKind, ...] = ("image", "shared_packages")
_TAKEN = "It was taken into use at this moment."


def begin(entry_id: str, slug: str, display_name: str, deleted: str, parts: Sequence[Part], doomed: bool) -> Entry:
    """Return a new entry of this process; nothing is written yet."""
    state: Literal["moving", "doomed"] = "doomed" if doomed else "moving"
    return Entry(_SCHEMA, entry_id, slug, display_name, deleted, state, Owner.this_process(), list(parts))


def place(roots: Roots, what: RemovalKind, entry_id: str) -> Path:
    """Return where a thing lies in the trash."""
    root = {"image": roots.images, "packages": roots.packages, "shared_packages": roots.packages}.get(what)
    home = roots.trash
    if root is not None and not Path(os.path.realpath(root)).is_relative_to(os.path.realpath(roots.state)):
        home = root / ".trash"
    return home / entry_id / _NAMES[what]


def place_of(roots: Roots, part: Part, entry_id: str) -> Path:
    """Return where a thing lies in the trash: an image of a chosen store beside it, also while that is out of reach."""
    store = chosen_folder(Path(part.source), roots) if part.what == "image" else None
    if store is not None:
        return Path(store, ".trash", entry_id, _NAMES["image"])
    return place(roots, part.what, entry_id)


def homes(roots: Roots, entry: Entry | None = None) -> list[Path]:
    """Return the directories in which entries, or parts of one, lie, that of the notes last."""
    found = [place(roots, what, "0" * 16).parents[1] for what in _NAMES]
    if entry is not None:
        found += [place_of(roots, part, entry.id).parents[1] for part in entry.parts]
    return [*dict.fromkeys(each for each in found if each != roots.trash), roots.trash]


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
    target = place(roots, "kernelspec", entry.id)
    try:
        paths.make_marked(directory)
        _write(roots, entry)
        Path(entry.kernel.source).rename(target)
    except OSError as error:
        _forget(directory, roots)
        if isinstance(error, FileNotFoundError) and not os.path.lexists(entry.kernel.source):
            return None
        if error.errno in _FULL and entry.state == "doomed":
            return _remove_at_once(roots, entry, in_use)
        raise refused(entry.display_name, error, entry.kernel.source) from error
    stayed = _move_rest(roots, entry, in_use)
    if entry.state == "moving":
        _settle(roots, entry)
    return stayed


def _move_rest(roots: Roots, entry: Entry, in_use: InUse) -> dict[str, str]:
    """Move what goes with a kernel that is in the trash; returns what stayed and why.

    Whoever takes something into use notes that, and then looks whether it is there. So such notes are looked for once
    more after it has moved.
    """
    stayed: dict[str, str] = {}
    used = in_use()
    for part in entry.parts:
        source, target = Path(part.source), place_of(roots, part, entry.id)
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
        raise refused(entry.display_name, error, entry.kernel.source) from error
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
    if not is_at_home(roots, part):
        return False
    if part.what == "image":
        return is_stored(path, roots.images) or not os.path.lexists(path)
    root = roots.logs if part.what == "log" else roots.packages
    return paths.is_ours(path, root) or not os.path.lexists(path)


def is_at_home(roots: Roots, part: Part) -> bool:
    """Tell whether a path is one that such a thing can have."""
    parent, name = os.path.split(part.source)
    expected = {
        "kernelspec": roots.kernels,
        "packages": roots.packages,
        "shared_packages": roots.packages / sets.NAME,
        "log": roots.logs,
        "image": roots.images,
    }[part.what]
    own_name = part.what != "packages" or name != sets.NAME
    known = (
        ".." not in Path(part.source).parts
        and name not in ("", ".")
        and own_name
        and (part.what == "kernelspec" or not name.startswith("."))
    )
    if part.what == "image" and is_chosen(Path(parent)):
        return known
    return known and os.path.realpath(parent) == os.path.realpath(expected)


def resume(roots: Roots, in_use: InUse) -> None:
    """Finish what processes that have ended had begun: deletions, and removals from the trash."""
    _remove_rests(roots)
    for entry in entries(roots):
        try:
            silent_s = time.time() - (roots.trash / entry.id / _NOTE).stat().st_mtime
            moved = os.path.lexists(place(roots, "kernelspec", entry.id))
            if (moved and entry.state == "kept") or (entry.state != "kept" and entry.owner.is_alive(silent_s)):
                continue
            if moved and entry.state != "purging":
                _move_rest(roots, entry, in_use)
            if moved and entry.state == "moving":
                _settle(roots, entry)
            else:  # it was to be removed, or the kernel never went, or it is back
                purge(roots, entry.id)
                if read(roots, entry.id) is not None:  # something of it waits for its disk
                    continue
            _log.info("What was left of deleting or restoring %s was finished.", entry.display_name)
        except (OSError, ContainerKernelsError) as error:  # another process may be at it
            _log.warning("The deletion of %s was not finished: %s", entry.display_name, error)


def _remove_rests(roots: Roots) -> None:
    """Remove what removals left that were killed, and entries of deletions that had not begun to move anything."""
    for root in [*homes(roots), roots.packages, roots.packages / sets.NAME, roots.logs, roots.staging]:
        for rest in [*root.glob(".*.removing")]:
            if _REST.fullmatch(rest.name) and rest.is_dir() and not rest.is_symlink():
                paths.remove_tree(rest)
    for directory in roots.trash.glob("[!.]*"):
        is_old = time.time() - directory.lstat().st_mtime > _SILENCE_S
        if is_old and _ID.fullmatch(directory.name) and not holds_kernel(directory):
            _forget(directory, roots)


def _forget(directory: Path, roots: Roots) -> None:
    """Remove an entry to which nothing was moved; a full disk may not even have taken our marker."""
    with contextlib.suppress(OSError):
        directory.rmdir()
    with contextlib.suppress(ContainerKernelsError, OSError):
        paths.remove_marked(directory, roots.trash)


def holds_kernel(directory: Path) -> bool:
    """Tell whether a directory in the trash holds more than what a process makes before it moves a kernel there."""
    return (directory / _NOTE).exists() or any(each.is_dir() for each in directory.iterdir())


def entries(roots: Roots) -> list[Entry]:
    """Return what lies in the trash, newest first."""
    found = (read(roots, directory.name) for directory in roots.trash.glob("[!.]*"))
    return sorted((entry for entry in found if entry), key=lambda entry: entry.deleted, reverse=True)


def read(roots: Roots, entry_id: str) -> Entry | None:
    """Return an entry, or ``None`` if there is none of that id that can be read."""
    directory = roots.trash / entry_id
    if not _ID.fullmatch(entry_id) or not paths.is_ours(directory, roots.trash):
        return None
    try:
        entry = dacite.from_dict(Entry, paths.read_json(directory / _NOTE) or {})
    except (dacite.DaciteError, TypeError, AttributeError):
        return None
    kinds = [part.what for part in entry.parts]
    good = entry.schema == _SCHEMA and entry.id == entry_id and kinds.count("kernelspec") == 1
    return entry if good and len(set(kinds)) == len(kinds) else None


def purge(roots: Roots, entry_id: str) -> int:
    """Remove an entry for good and return the bytes that it took. One that is cut off is finished by :func:`resume`.

    That also finishes one of whose parts the file system is not there at this moment; all else goes.
    """
    entry = read(roots, entry_id)
    found = homes(roots, entry)
    if entry is not None:
        is_back = entry.state == "kept" and not os.path.lexists(place(roots, "kernelspec", entry.id))
        waits = not is_back and bool(unreachable(roots, entry))
        with contextlib.suppress(OSError):  # a full disk must not keep what would free it
            _write(roots, replace(entry, state="purging", owner=Owner.this_process()))
        if waits:
            if entry.state != "purging":
                _log.warning("Something of %s lies where nobody can reach it now; it goes later.", entry.display_name)
            found.remove(roots.trash)
            for name in _NAMES.values():
                paths.remove_tree(roots.trash / entry_id / name)
    return sum(paths.remove_marked(home / entry_id, home) for home in found)


def unreachable(roots: Roots, entry: Entry) -> list[Path]:
    """Return the folders with parts of an entry that are not there at this moment, as where a disk is not mounted.

    Where a folder was swept away, as sites do on scratch disks, the one above still holds something, or is swept too.
    A mount point is empty.
    """
    folders = [place_of(roots, each, entry.id).parents[2] for each in entry.parts]
    return [each for each in folders if not each.is_dir() and not _holds_anything(each.parent)]


def _holds_anything(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def expired(roots: Roots, days: float) -> list[str]:
    """Return the ids of entries that were deleted so many days ago."""
    return [
        entry.id
        for entry in entries(roots)
        if entry.state == "kept" and time.time() - _seconds(entry.deleted) > days * _DAY_S
    ]


def _seconds(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return time.time()  # nobody knows: it stays


def _settle(roots: Roots, entry: Entry) -> None:
    with contextlib.suppress(OSError):  # else the next process says so
        _write(roots, replace(entry, state="kept"), durable=False)


def _write(roots: Roots, entry: Entry, *, durable: bool = True) -> None:
    text = json.dumps(asdict(entry), ensure_ascii=False, indent=1) + "\n"
    paths.write_private(roots.trash / entry.id / _NOTE, text, durable=durable)


def refused(name: str, error: OSError, path: str, what: str = "deleted") -> ContainerKernelsError:
    """Return the error for a kernel that the file system does not let move."""
    if error.errno in _FULL:
        return ContainerKernelsError(
            "disk_full",
            f"{name} was not {what}: there is no room left for the note that makes it possible to undo it.",
            "Empty the trash, or delete the kernel for good: that needs no room.",
        )
    where = error.filename or path
    return ContainerKernelsError(
        "forbidden",
        f"{name} was not {what}: {where} cannot be changed ({error.strerror}).",
        "Check its permissions, and whether the file system is read-only. Nothing was changed.",
    )
