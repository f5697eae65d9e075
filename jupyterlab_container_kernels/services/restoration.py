"""Puts deleted kernels back from the trash, with all that went with them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from ..acquire import sif
from ..errors import ContainerKernelsError
from ..system import kernelspecs, paths
from ..system.paths import Roots
from . import trash
from .store import is_stored, side_file
from .trash import Entry


def restore(roots: Roots, entry: Entry) -> None:
    """Put a kernel back, with all that went with it and what other entries hold of it, each by a rename.

    Raises
    ------
    ContainerKernelsError
        ``slug_taken``: there is another one in its place; ``not_ours``: the note names places that are not ours;
        ``not_found``: its files are not in the trash; ``forbidden``, ``disk_full``. Nothing was moved then.
    """
    kernel, held = entry.kernel, trash.place(roots, "kernelspec", entry.id)
    if not (held / "kernel.json").exists() and not held.is_dir():
        raise _gone(entry)
    if os.path.lexists(kernel.source):
        raise ContainerKernelsError(
            "slug_taken",
            f"{entry.display_name} was not restored: there is another kernel named {entry.slug} now.",
            "Delete that one, then restore this one.",
        )
    moves = _moves(roots, entry, held)
    now = trash.read(roots, entry.id)
    if now is None or now.state != "kept":  # another server removes it, and maybe has removed what we did not find
        raise _gone(entry)
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in [*moves, (held, Path(kernel.source))]:
            if _move(source, target):
                done.append((source, target))
    except OSError as error:
        for source, target in reversed(done):
            with contextlib.suppress(OSError):
                target.rename(source)
        if isinstance(error, FileNotFoundError):
            raise _gone(entry) from error
        raise trash.refused(entry.display_name, error, kernel.source, "restored") from error
    with contextlib.suppress(ContainerKernelsError, OSError):  # what another server has deleted since the look for it
        for source, target in _moves(roots, entry, Path(kernel.source)):
            _move(source, target)
    with contextlib.suppress(ContainerKernelsError, OSError):
        trash.purge(roots, entry.id)


def _move(source: Path, target: Path) -> bool:
    """Move something to its place, and tell whether it was not there already: two servers may restore the same."""
    paths.make_private(target.parent)
    try:
        source.rename(target)
    except FileNotFoundError:
        if not os.path.lexists(target):
            raise
        return False
    return True


def _moves(roots: Roots, entry: Entry, held: Path) -> list[tuple[Path, Path]]:
    """Return what has to be moved from where to where before the kernel, when all of that can be."""
    if not trash.is_at_home(roots, entry.kernel):
        raise _not_ours(entry, entry.kernel.source)
    spec = kernelspecs.read(held)
    needed = {spec.record.image.path, spec.record.packages.shared} if spec else set()
    parts = [(entry.id, part) for part in entry.parts if part.what != "kernelspec"]
    for other in trash.entries(roots):
        shared = [part for part in other.parts if part.what in ("image", "shared_packages") and part.source in needed]
        parts += [(other.id, part) for part in shared if other.id != entry.id]
    found: dict[Path, Path] = {}
    for entry_id, part in parts:
        source, target = trash.place_of(roots, part, entry_id), Path(part.source)
        if target in found.values() or not os.path.lexists(source):
            continue
        if not trash.is_at_home(roots, part):
            raise _not_ours(entry, part.source)
        if not os.path.lexists(target):
            if part.what == "image":  # an image in the store always has its side file
                found[side_file(source)] = side_file(target)
            found[source] = target
        elif part.what == "image" and is_stored(target, roots.images):
            _take(held, target)
        elif part.what != "shared_packages" or not paths.is_ours(target, roots.packages):
            raise ContainerKernelsError(
                "slug_taken",
                f"{entry.display_name} was not restored: there is something else at {target} now.",
                "Move that away, then try again.",
            )
    return [(source, target) for source, target in found.items() if os.path.lexists(source)]


def _take(held: Path, image: Path) -> None:
    """Let a kernel in the trash know that its image was pulled anew meanwhile."""
    data = paths.read_json(held / "kernel.json")
    status = image.stat()
    with contextlib.suppress(ContainerKernelsError, TypeError, KeyError):
        known = {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sif_id": sif.read_header(image).id}
        data["metadata"]["container_kernels"]["image"].update(known)
        paths.write_private(held / "kernel.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _gone(entry: Entry) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_found", f"The files of {entry.display_name} are no longer in the trash.", "Add the kernel again."
    )


def _not_ours(entry: Entry, path: str) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_ours",
        f"{entry.display_name} was not restored: its note names {path}, where nothing of it can have been.",
        "Look into the trash, and put it back by hand.",
    )
