"""Lets one of several servers of a user fetch an image that they all want: a lock file beside its place in the store.

It names its owner, who touches it as long as it lives; that of a dead one is taken over. Should two hold it after all,
as when a node was suspended, the one that is done first takes the layers from under the other, whose task then fails;
no image is harmed, for each writes a file of its own, and one of them gets its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path

import dacite

from ..system import paths
from .store import side_file, stored_path
from .task_files import Owner

_HEARTBEAT_S = 15.0
_LOOK_S = 0.5
_SUFFIX = ".lock"


def lock_path(store: Path, digest: str) -> Path:
    """Return where the lock of an image lies."""
    return store / f".{stored_path(store, digest).stem}{_SUFFIX}"


def is_lock(path: Path) -> bool:
    """Tell whether a path is one of :func:`lock_path`."""
    return path.name.startswith(".sha256-") and path.name.endswith(_SUFFIX)


def take(lock: Path, owner: Owner) -> bool:
    """Take a lock and tell whether that was possible; one of an owner that is dead is taken over.

    Raises
    ------
    OSError
        The store cannot be written.
    """
    for _ in range(2):
        try:
            descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            if not release_dead(lock):
                return False
            continue
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(asdict(owner)))
        return True
    return False


def release_dead(lock: Path) -> bool:
    """Remove a lock whose owner is dead and tell whether there is none now."""
    dead = _dead_owner(lock)
    if dead is None:
        return not os.path.lexists(lock)
    moved = lock.with_name(f"{lock.name}.{secrets.token_hex(6)}")
    try:
        lock.rename(moved)
    except FileNotFoundError:
        return True
    if moved.read_bytes() != dead:  # somebody was faster, and has it now
        with contextlib.suppress(OSError):
            moved.rename(lock)
        return False
    moved.unlink(missing_ok=True)
    return True


def remove_begun(image: Path) -> None:
    """Remove what a server that was killed has left of an image's side file, unless another one is at the image."""
    if not image.name.startswith("sha256-") or os.path.lexists(image.with_name(f".{image.stem}{_SUFFIX}")):
        return
    side = side_file(image)
    for unfinished in image.parent.glob(f".{side.name}.{'[0-9a-f]' * 12}"):
        unfinished.unlink(missing_ok=True)
    if not os.path.lexists(image):
        side.unlink(missing_ok=True)


def _dead_owner(lock: Path) -> bytes | None:
    """Return what a lock says if its owner is dead."""
    try:
        said, silent_s = lock.read_bytes(), time.time() - lock.stat().st_mtime
    except OSError:
        return None
    try:
        owner = dacite.from_dict(Owner, json.loads(said))
    except (ValueError, TypeError, dacite.DaciteError):
        owner = Owner("", "", 0, 0)  # it is being written, or was cut off: its age tells
    return None if owner.is_alive(silent_s) else said


def _release(lock: Path, owner: Owner) -> None:
    if paths.read_json(lock) == asdict(owner):
        with contextlib.suppress(OSError):
            lock.unlink()


@contextlib.asynccontextmanager
async def held(lock: Path, arrived: Callable[[], bool], waiting: Callable[[], None]) -> AsyncIterator[bool]:
    """Hold a lock, or find that nobody needs it any more.

    Parameters
    ----------
    lock : Path
    arrived : callable
        Tells whether the image is here. Called in a thread.
    waiting : callable
        Called once when somebody else holds the lock.

    Yields
    ------
    bool
        Whether it is held; else the image has arrived.

    Raises
    ------
    OSError
        The store cannot be written.
    """
    owner = Owner.this_process()
    told = False
    while True:
        if await asyncio.to_thread(arrived):
            yield False
            return
        if await _take(lock, owner):
            break
        if not told:
            waiting()
            told = True
        await asyncio.sleep(_LOOK_S)
    beating = asyncio.create_task(_beat(lock))
    try:
        yield True
    finally:
        beating.cancel()
        await asyncio.shield(asyncio.to_thread(_release, lock, owner))


async def _take(lock: Path, owner: Owner) -> bool:
    taking = asyncio.ensure_future(asyncio.to_thread(take, lock, owner))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        if await taking:  # nobody would release it
            await asyncio.to_thread(_release, lock, owner)
        raise


async def _beat(lock: Path) -> None:
    while True:
        await asyncio.sleep(_HEARTBEAT_S)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(os.utime, lock)
