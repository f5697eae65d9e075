"""What takes room below our roots: who uses each thing, and what nothing refers to any longer."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models import SpaceItem, SpaceKind
from ..system import paths
from ..system.paths import Roots
from . import sets, trash
from .store import is_chosen, is_partial, is_stored, layers_in, side_file
from .users import Users


@dataclass(frozen=True)
class Thing:
    """Something that takes room; ``root`` is the root of ours below which it lies, ``item`` what is shown."""

    item: SpaceItem
    path: Path
    root: Path


@dataclass(frozen=True)
class Known:
    """What is known of those who use things.

    Parameters
    ----------
    users : Users
    claimed : set of str
        Paths that tasks are at work with, or to which kernels are being restored.
    last_used : mapping of str to str
        When a kernel of an image was last started, by the image's path.
    """

    users: Users
    claimed: set[str]
    last_used: Mapping[str, str]


def list_entries(roots: Roots, stores: Sequence[Path] = ()) -> dict[Path, list[Path]]:
    """Return what lies in each directory that holds things, read before anybody is asked who uses them.

    ``stores`` are those in folders that somebody chose.
    """
    found = {}
    for directory in (
        roots.images, *stores, roots.packages, roots.packages / sets.NAME, roots.logs, roots.staging, roots.trash,
    ):  # fmt: skip
        try:
            found[directory] = sorted(directory.iterdir())
        except OSError:
            found[directory] = []
    return found


def things(roots: Roots, entries: Mapping[Path, list[Path]], known: Known) -> list[Thing]:
    """Return what takes room. Sizes are not measured here."""
    buried = trash.entries(roots)
    free = _Free(roots, known, held(buried))
    found = [
        thing
        for store in entries
        if store == roots.images or is_chosen(store)
        for thing in free.images(store, entries[store])
    ]
    found += free.packages(entries[roots.packages])
    found += free.sets(entries[roots.packages / sets.NAME])
    found += [
        Thing(trash_item(entry, roots), roots.trash / entry.id, roots.trash)
        for entry in buried
        if entry.state == "kept"
    ]
    ids = {entry.id for entry in buried}
    for path in entries[roots.logs]:
        if not known.users.of("log", path):
            found += free.leftover(path, roots.logs, "The log of a kernel that is gone.")
    for path in entries[roots.staging]:
        found += free.leftover(path, roots.staging, "What a task left when it was cut off.")
    for path in entries[roots.trash]:
        if path.name not in ids and path.is_dir() and trash.holds_kernel(path):
            found += free.leftover(
                path, roots.trash, "A deleted kernel whose note is missing, so it cannot be restored."
            )
    return found


def held(buried: Sequence[trash.Entry]) -> set[str]:
    """Return where the things in the trash were: what lies there may belong to a kernel that is being restored."""
    return {part.source for entry in buried for part in entry.parts}


def trash_item(entry: trash.Entry, roots: Roots) -> SpaceItem:
    """Return how a deleted kernel is shown; its id is what restores it."""
    return SpaceItem(
        id=entry.id,
        kind="trash",
        title=entry.display_name,
        path=str(roots.trash / entry.id),
        detail="",
        size_bytes=sum(part.size_bytes for part in entry.parts),
        used_by=[],
        created=entry.deleted,
        last_used=None,
        removable=True,
        restorable=True,
    )


def item_of(kind: SpaceKind, title: str, path: Path, detail: str = "", used_by: list[str] | None = None) -> SpaceItem:
    """Return how a thing is shown."""
    users = used_by or []
    return SpaceItem(item_id(path), kind, title, str(path), detail, None, users, None, None, not users, False)


def item_id(path: Path) -> str:
    """Return the id of what lies at a path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


class _Free:
    """Tells things that are used from those that are not."""

    def __init__(self, roots: Roots, known: Known, held: set[str]) -> None:
        self._roots = roots
        self._known = known
        self._held = held

    def leftover(self, path: Path, root: Path, why: str) -> list[Thing]:
        """Return a directory of ours as a leftover, unless a task is at work with it."""
        if str(path) in self._known.claimed | self._held or path.name.startswith(".") or not paths.is_ours(path, root):
            return []
        return [Thing(item_of("leftover", path.name, path, why), path, root)]

    def images(self, store: Path, files: list[Path]) -> list[Thing]:
        found = []
        for file in files:
            if is_partial(file):
                if str(file) not in self._known.claimed:
                    item = item_of("leftover", file.name, file, "What a pull left when it was cut off.")
                    found.append(Thing(item, file, store))
            elif file.name.startswith("spool-"):
                why = "What was downloaded of an image until that was interrupted. Another try goes on with it."
                found += self.leftover(file, store, why)
            elif file == layers_in(store) and paths.is_ours(file, store):
                detail = "Kept for the next image that shares some of them. No kernel needs them."
                found.append(Thing(item_of("layers", "Layers of images", file, detail), file, store))
            elif file.suffix == ".sif" and is_stored(file, self._roots.images):
                found.append(Thing(self._image(file), file, store))
        return found

    def _image(self, file: Path) -> SpaceItem:
        side = paths.read_json(side_file(file))
        said: dict[str, Any] = side if isinstance(side, dict) else {}
        users = self._known.users.of("image", file)
        size = None
        with contextlib.suppress(OSError):
            size = file.stat().st_size
        return SpaceItem(
            id=item_id(file),
            kind="image",
            title=_text(said.get("reference")) or file.name,
            path=str(file),
            detail=_text(said.get("digest")),
            size_bytes=size,
            used_by=users,
            created=_text(said.get("created")) or None,
            last_used=self._known.last_used.get(str(file)),
            removable=not users,
            restorable=False,
        )

    def packages(self, directories: list[Path]) -> list[Thing]:
        found = []
        for path in directories:
            if path.name == sets.NAME or path.name.startswith(".") or not paths.is_ours(path, self._roots.packages):
                continue
            if users := self._known.users.of("packages", path):
                item = item_of("packages", path.name, path, "What was installed from the kernel.", users)
                found.append(Thing(item, path, self._roots.packages))
            else:
                found += self.leftover(path, self._roots.packages, "The packages of a kernel that is gone.")
        return found

    def sets(self, directories: list[Path]) -> list[Thing]:
        found = []
        for path in directories:
            if users := self._known.users.of("shared_packages", path):
                item = item_of("packages", path.name, path, "What kernels of the same kind share.", users)
                found.append(Thing(item, path, self._roots.packages))
            elif path.name.startswith(".") and str(path) not in self._known.claimed:
                if paths.is_ours(path, self._roots.packages) and not path.name.endswith(".removing"):
                    item = item_of("leftover", path.name, path, "What an installation left when it was cut off.")
                    found.append(Thing(item, path, self._roots.packages))
            else:
                found += self.leftover(path, self._roots.packages, "Packages that no kernel uses any longer.")
        return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
