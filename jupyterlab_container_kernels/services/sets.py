"""Sets of packages that kernels share: what an image lacks is installed once for all that lack the same.

A set is a directory below ``packages/shared`` with a ``set.json`` that says what it fits. It is complete when it has
its name: it is made under another one and renamed. It goes with the last kernel that uses it. Who uses it is known
without a list that could be wrong: kernels name it in their records, tasks among what they leave behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dacite

from ..languages.base import Interpreter, Language
from ..models import now
from ..system import paths
from ..system.paths import Roots

#: The directory of all sets; no kernel's own directory may have this name.
NAME = "shared"
_MANIFEST = "set.json"
_SCHEMA = 1
_POLL_S = 0.2


@dataclass(frozen=True)
class Manifest:
    """What ``set.json`` says: of which language it is, and what the language wants to know of it."""

    schema: int
    language: str
    described: dict[str, Any]
    created: str


def is_set(path: Path, roots: Roots) -> bool:
    """Tell whether a path is that of a set, or of one in the making."""
    return path.parent == roots.packages / NAME


def fitting(roots: Roots, language: Language, interpreter: Interpreter) -> Path | None:
    """Return the newest complete set that fits an interpreter, or ``None``."""
    found: list[tuple[str, Path]] = []
    for file in (roots.packages / NAME).glob(f"[!.]*/{_MANIFEST}"):
        try:
            manifest = dacite.from_dict(Manifest, paths.read_json(file) or {})
        except (dacite.DaciteError, TypeError, AttributeError):
            continue
        if (manifest.schema, manifest.language) != (_SCHEMA, language.name) or not paths.is_ours(
            file.parent, roots.packages
        ):
            continue
        if language.fits(manifest.described, interpreter) and language.has_kernel(interpreter, file.parent):
            found.append((manifest.created, file.parent))
    return max(found)[1] if found else None


def kind(language: Language, interpreter: Interpreter) -> str:
    """Return what begins the names of sets that may fit an interpreter."""
    return re.sub(r"[^a-z0-9._-]+", "-", f"{language.name}-{language.kind(interpreter)}".lower())


def staging(roots: Roots, task_id: str) -> Path:
    """Return where a task makes a set."""
    return roots.packages / NAME / f".{task_id}"


def unused(roots: Roots, kind: str) -> Path:
    """Return a path for a new set."""
    return paths.unused(roots.packages / NAME / f"{kind}-{secrets.token_hex(4)}")


def begin(directory: Path) -> None:
    """Make the directory of a set in the making."""
    for _ in range(3):  # whoever removes the last set removes the directory above it
        with contextlib.suppress(FileNotFoundError):
            paths.make_marked(directory)
            return
    paths.make_marked(directory)


def complete(made: Path, target: Path, language: Language, interpreter: Interpreter) -> None:
    """Describe a set that was made, and give it its name. From then on other kernels may take it."""
    manifest = Manifest(_SCHEMA, language.name, language.describe(interpreter, made), now())
    paths.write_private(made / _MANIFEST, json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n")
    # one kernel's `pip uninstall` must not take from another what both use
    for directory, _, _ in os.walk(made):
        if directory != str(made):
            Path(directory).chmod(0o500)
    made.rename(target)


def remove_unused(path: Path, roots: Roots, in_use: Callable[[], Container[str]]) -> bool:
    """Remove a set unless somebody uses it, who then removes it in turn; tell whether it is gone.

    Whoever takes a set notes that, and then looks whether it is there. So it is moved aside before the last look at
    such notes, and put back if there is one.

    Parameters
    ----------
    in_use : callable
        Returns the paths that tasks and kernels use at that moment.

    Raises
    ------
    ContainerKernelsError
        ``not_ours``: it does not carry our marker, or lies elsewhere.
    """
    if str(path) in in_use():
        return False
    aside = path
    if paths.is_ours(path, roots.packages):
        aside = staging(roots, secrets.token_hex(16))  # if this is killed now, that is shown as a leftover
        try:
            path.rename(aside)
        except FileNotFoundError:
            return True
        if str(path) in in_use():
            aside.rename(path)
            return False
    remove(aside, roots)
    return True


def remove(path: Path, roots: Roots) -> None:
    """Remove a set, and the directory of all sets with the last one."""
    paths.remove_marked(path, roots.packages)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


@contextlib.asynccontextmanager
async def making(roots: Roots, kind: str, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Let one task at a time make sets of a kind, in all processes of the user.

    ``waiting`` is called if another one is at it. Where a file system has no locks, two sets are made, which does no
    harm.
    """
    path = await asyncio.to_thread(paths.make_private, roots.state) / f".{kind}.lock"
    descriptor = await _take(path)
    if descriptor is None:
        waiting()
    while descriptor is None:
        await asyncio.sleep(_POLL_S)
        descriptor = await _take(path)
    try:
        yield
    finally:
        await asyncio.shield(asyncio.to_thread(_release, path, descriptor))


def remove_free_locks(roots: Roots) -> None:
    """Remove the files of locks that nobody holds: servers that were killed leave such."""
    for path in roots.state.glob(".*.lock"):
        with contextlib.suppress(OSError):
            descriptor = _try(path)
            if descriptor is not None:
                _release(path, descriptor)


async def _take(path: Path) -> int | None:
    """Try to get a lock, in a thread: its file system may hang."""
    taking = asyncio.ensure_future(asyncio.to_thread(_try, path))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        if (descriptor := await taking) is not None:  # nobody would release it
            await asyncio.to_thread(_release, path, descriptor)
        raise


def _release(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


def _try(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or ``None`` if another one does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass  # another one has it, or has just had it and has removed the file
    except OSError:
        return descriptor
    os.close(descriptor)
    return None
