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
from collections.abc import Sequence
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
from .store import chosen_folder, is_chosen
from .task_files import Owner

_log = logging.getLogger(__name__)

#: The note of an entry, and what the ids of entries, and so their names, look like.
NOTE, ID = "trash.json", re.compile(r"[0-9a-f]{16}")
#: What a disk says that has no room for a note.
FULL = (errno.ENOSPC, errno.EDQUOT)
_SCHEMA = 1
_DAY_S = 24 * 3600.0
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


def holds_kernel(directory: Path) -> bool:
    """Tell whether a directory in the trash holds more than what a process makes before it moves a kernel there."""
    return (directory / NOTE).exists() or any(each.is_dir() for each in directory.iterdir())


def entries(roots: Roots) -> list[Entry]:
    """Return what lies in the trash, newest first."""
    found = (read(roots, directory.name) for directory in roots.trash.glob("[!.]*"))
    return sorted((entry for entry in found if entry), key=lambda entry: entry.deleted, reverse=True)


def read(roots: Roots, entry_id: str) -> Entry | None:
    """Return an entry, or ``None`` if there is none of that id that can be read."""
    directory = roots.trash / entry_id
    if not ID.fullmatch(entry_id) or not paths.is_ours(directory, roots.trash):
        return None
    try:
        entry = dacite.from_dict(Entry, paths.read_json(directory / NOTE) or {})
    except (dacite.DaciteError, TypeError, AttributeError):
        return None
    kinds = [part.what for part in entry.parts]
    good = entry.schema == _SCHEMA and entry.id == entry_id and kinds.count("kernelspec") == 1
    return entry if good and len(set(kinds)) == len(kinds) else None


def purge(roots: Roots, entry_id: str) -> int:
    """Remove an entry for good and return the bytes that it took.

    What is cut off, and parts whose file system is not there at this moment, are removed by :func:`.burial.resume`.
    """
    entry = read(roots, entry_id)
    found = homes(roots, entry)
    if entry is not None:
        is_back = entry.state == "kept" and not os.path.lexists(place(roots, "kernelspec", entry.id))
        waits = not is_back and bool(unreachable(roots, entry))
        with contextlib.suppress(OSError):  # a full disk must not keep what would free it
            write(roots, replace(entry, state="purging", owner=Owner.this_process()))
        if waits:
            if entry.state != "purging":
                _log.warning("Something of %s lies where nobody can reach it now; it goes later.", entry.display_name)
            found.remove(roots.trash)
            for name in _NAMES.values():
                paths.remove_tree(roots.trash / entry_id / name)
    return sum(paths.remove_marked(home / entry_id, home) for home in found)


def unreachable(roots: Roots, entry: Entry) -> list[Path]:
    """Return the folders with parts of an entry that are not there at this moment, as where a disk is not mounted.

    One that was swept away, as sites do on scratch disks, is not among them: the folder above it is the user's own, and
    holds something. A mount point is empty; one that is everybody's, as `/tmp`, may be another on each node. Of stores
    that a site has set, the folders above may have been swept as well; what a user named may have been renamed.
    """
    found = []
    for part in entry.parts:
        folder = place_of(roots, part, entry.id).parents[2]
        above = folder.parent
        if part.what != "image" or chosen_folder(Path(part.source), roots) is None:
            above = next(each for each in folder.parents if each.is_dir())
        if not folder.is_dir() and not _is_own_and_used(above):
            found.append(folder)
    return found


def _is_own_and_used(above: Path) -> bool:
    try:
        return above.stat().st_uid == os.getuid() and any(above.iterdir())
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


def settle(roots: Roots, entry: Entry) -> None:
    """Note that an entry is complete."""
    with contextlib.suppress(OSError):  # else the next process says so
        write(roots, replace(entry, state="kept"), durable=False)


def write(roots: Roots, entry: Entry, *, durable: bool = True) -> None:
    """Write the note of an entry; see :func:`.paths.write_private`."""
    text = json.dumps(asdict(entry), ensure_ascii=False, indent=1) + "\n"
    paths.write_private(roots.trash / entry.id / NOTE, text, durable=durable)


def refused(name: str, error: OSError, path: str, what: str = "deleted") -> ContainerKernelsError:
    """Return the error for a kernel that the file system does not let move."""
    if error.errno in FULL:
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
