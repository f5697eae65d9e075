"""Deletes kernels, with what was made for them and nothing else: into the trash, from which they come back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import Freed, Removal, RemovalItem, RemovalKind, RemoveRequest, Restored, now
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from . import burial, restoration, sets, shared_places, strangers, trash, users
from .session import SessionService
from .store import is_stored
from .tasks import TaskService
from .trash import Entry, Part
from .users import Census, Users

_log = logging.getLogger(__name__)

#: How long it may take to add up the sizes of some thousand files on a slow file system, in seconds.
_WALK_TIMEOUT_S = 20.0
#: How long the answer to a deletion waits for the files to be gone, in seconds; the tile is gone before.
_CLEARING_S = 0.5
#: What killed processes left is waited for so long before anything else is shown.
_TIDYING_S = 5.0
#: How often whoever lists kernels looks for what has been in the trash for too long, in seconds.
_SWEEP_INTERVAL_S = 3600.0


@dataclass(frozen=True)
class _Target:
    """What is to be deleted: a kernel of ours, or a directory of another one that the user named."""

    slug: str
    display_name: str
    directory: Path
    spec: Spec | None


class DeletionService:
    """Says what goes with a kernel and what stays, moves what goes into the trash, and puts it back."""

    def __init__(self, session: SessionService, tasks: TaskService) -> None:
        self._session = session
        self._tasks = tasks
        self._roots = session.roots
        self._census = Census(session.roots, session.patience, tasks)
        self._clearing: set[asyncio.Future[int]] = set()
        self._swept = 0.0

    async def spec(self, slug: str) -> Spec:
        """Return a kernel of ours as it lies on the disk.

        Raises
        ------
        ContainerKernelsError
            ``not_found``
        """
        spec = await asyncio.to_thread(kernelspecs.read, self._roots.kernels / slug)
        if spec is None:
            raise _unknown(slug)
        return spec

    async def tidy(self, *, sweep: bool = False) -> None:
        """Finish what killed processes had begun, and remove what was in the trash too long: now and then, or now.

        What cannot be tidied stays for the next time: it keeps nobody from what they came for.
        """
        moment = time.monotonic()
        if sweep or not self._swept or moment - self._swept > _SWEEP_INTERVAL_S:
            self._swept = moment

            def finish() -> int:
                burial.resume(self._roots, self._tasks.in_use)
                return 0

            try:
                await self._wait_for(self._begin(finish), _TIDYING_S)  # a file system may not answer
            except ContainerKernelsError as error:
                _log.warning("What killed deletions left was not removed: %s", error)
            note = str(self._roots.state / shared_places.NOTE)
            for kernels in await asyncio.to_thread(shared_places.noted, note):
                finish_withdrawals = partial(shared_places.finish_withdrawals, kernels)
                with contextlib.suppress(OSError):  # it goes on by itself: such a folder may not answer
                    await self._session.patience.ask(("withdrawals", kernels), finish_withdrawals, timeout_s=0)
            for entry_id in await asyncio.to_thread(trash.expired, self._roots, self._session.settings.trash_days):
                self._purge(entry_id)

    async def remove(self, slug: str, request: RemoveRequest) -> Removal:
        """Move a kernel into the trash with its packages and log, and its image if nobody else uses it and it is ours.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``kernel_running``, ``not_ours``; ``forbidden`` or ``disk_full``: it cannot be moved;
            ``timed_out``: the file system of what goes with it does not answer.
        """
        await self.tidy()  # first: it also ends removals that have just begun
        target = await self._target(slug, request)
        mine = any(task.slug == slug and task.job != "add" for task in self._tasks.running())
        if mine or await self._tasks.is_at_elsewhere(slug):
            raise ContainerKernelsError(
                "kernel_running",
                f"{target.display_name} is being changed or checked at this moment.",
                "Wait until that has ended, or cancel it.",
            )
        running = (await self._session.jupyter.running()).get(slug, [])
        if running and not await self._is_seen(target):
            running = []
        if running and not request.shut_down:
            titles = ", ".join(each.title for each in running)
            raise ContainerKernelsError(
                "kernel_running",
                f"{target.display_name} is in use: {titles}.",
                "Shut it down first, or choose to shut it down with the deletion.",
            )
        if target.spec is not None:
            items = await self._planned(target.spec, request.delete_image, await self._census.take())
        else:
            items = [await asyncio.to_thread(_goes, "kernelspec", target.directory)]
        if running:
            await self._session.jupyter.shut_down(slug)
        purge = request.purge or self._session.settings.trash_days <= 0
        parts = [Part(item.what, item.path, item.size_bytes) for item in items if item.goes]
        entry = trash.begin(secrets.token_hex(8), slug, target.display_name, now(), parts, purge)
        stayed = await asyncio.to_thread(burial.bury, self._roots, entry, self._tasks.in_use)
        if stayed is None:  # another one was quicker
            raise _unknown(slug)
        items = [replace(item, goes=False, reason=stayed[item.path]) if item.path in stayed else item for item in items]
        # the tile is gone; thousands of files may take their time
        if purge:
            await self._wait_for(self._purge(entry.id))
        return Removal(slug, items, freed(items), None if purge else entry.id)

    async def _target(self, slug: str, request: RemoveRequest) -> _Target:
        """Return what a request means, if it may be deleted."""
        named = request.resource_dir
        spec = await asyncio.to_thread(kernelspecs.read, self._roots.kernels / slug)
        if spec is not None and (named is None or Path(named) == spec.resource_dir):
            await asyncio.to_thread(kernelspecs.require_ours, spec, self._roots)
            return _Target(slug, spec.display_name, spec.resource_dir, spec)
        found = await self._session.jupyter.resource_dir(slug)
        there = await asyncio.to_thread(os.path.lexists, self._roots.kernels / slug)
        if named is None and found is None and not there:
            raise _unknown(slug)
        directory, display_name, ours = await asyncio.to_thread(
            strangers.removable, self._roots.kernels, slug, named, found
        )
        return _Target(slug, display_name, directory, ours)

    async def _is_seen(self, target: _Target) -> bool:
        """Tell whether it is this directory that Jupyter starts under the kernel's name."""
        found = await self._session.jupyter.resource_dir(target.slug)
        if found is None or target.spec is not None:
            return True
        real = await asyncio.to_thread(os.path.realpath, found)
        return real == await asyncio.to_thread(os.path.realpath, target.directory)

    async def restore(self, entry_id: str) -> Restored:
        """Put a deleted kernel back, with all that went with it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; what :func:`.restoration.restore` raises.
        """
        entry = await self._entry(entry_id)
        if entry.slug in self._tasks.slugs():
            raise kernelspecs.taken(entry.slug)
        await asyncio.to_thread(restoration.restore, self._roots, entry)
        return Restored(entry.slug, entry.display_name)

    async def purge(self, entry_id: str) -> Freed:
        """Remove a deleted kernel for good.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``forbidden``: a file cannot be removed; ``timed_out``: a part lies where nobody can reach it
            now.
        """
        entry = await self._entry(entry_id, kept=False)
        await self._wait_for(self._purge(entry_id))
        if left := await asyncio.to_thread(trash.unreachable, self._roots, entry):
            raise ContainerKernelsError(
                "timed_out",
                f"Not all of {entry.display_name} was removed: {left[0]} is not there at the moment.",
                "The rest goes by itself once it is there again.",
            )
        return Freed(sum(part.size_bytes for part in entry.parts))

    async def _entry(self, entry_id: str, *, kept: bool = True) -> Entry:
        entry = await asyncio.to_thread(trash.read, self._roots, entry_id)
        if entry is None or (kept and entry.state != "kept"):
            raise ContainerKernelsError(
                "not_found",
                "This kernel is no longer in the trash.",
                "It was restored or removed, maybe in another tab.",
            )
        return entry

    async def clear(self, work: Callable[[], int], timeout_s: float) -> None:
        """Remove something in a thread; the answer waits only so long, and the server's end as long as it takes.

        Raises
        ------
        ContainerKernelsError
            ``forbidden``: a file cannot be removed.
        """
        await self._wait_for(self._begin(work), timeout_s)

    def _purge(self, entry_id: str) -> asyncio.Future[int]:
        return self._begin(lambda: trash.purge(self._roots, entry_id))

    def _begin(self, work: Callable[[], int]) -> asyncio.Future[int]:
        clearing = asyncio.ensure_future(asyncio.to_thread(work))
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)
        return clearing

    async def _wait_for(self, clearing: asyncio.Future[int], timeout_s: float = _CLEARING_S) -> None:
        await asyncio.wait({clearing}, timeout=timeout_s)
        if clearing.done():
            try:
                clearing.result()
            except OSError as error:
                raise ContainerKernelsError(
                    "forbidden",
                    f"{error.filename or 'A file'} was not removed: {error.strerror}.",
                    "Check its permissions, and whether the file system is read-only.",
                ) from error

    async def stop(self) -> None:
        """Let what is being deleted be deleted."""
        await asyncio.gather(*self._clearing, return_exceptions=True)

    async def plan(self, spec: Spec) -> list[RemovalItem]:
        """Return what goes with a kernel and what stays, with reasons.

        Raises
        ------
        ContainerKernelsError
            ``timed_out``: a file system does not answer, so nobody knows.
        """
        using = await users.read(self._roots, self._session.patience, self._tasks)
        return await self._planned(spec, True, using)

    async def _planned(self, spec: Spec, with_image: bool, using: Users) -> list[RemovalItem]:
        patience = self._session.patience
        image = Path(spec.record.image.path)
        try:
            about_image = await patience.ask(
                ("image", spec.slug, with_image, image), lambda: self._plan_image(spec, image, with_image, using)
            )
        except TimeoutError:  # a kernel whose image is on a dead file system can be deleted all the same
            others = using.of("image", image, but=spec.slug)
            reason = "Its file system does not answer."
            about_image = [RemovalItem("image", str(image), 0, False, reason, others)]
        try:
            return [
                *await patience.ask(("removal", spec.slug), lambda: self._plan(spec, using), _WALK_TIMEOUT_S),
                *about_image,
            ]
        except TimeoutError as error:
            raise ContainerKernelsError(
                "timed_out",
                f"The file system of {spec.display_name}'s files does not answer.",
                "Try again when it does; nothing was deleted.",
            ) from error

    def _plan(self, spec: Spec, using: Users) -> list[RemovalItem]:
        items = [_goes("kernelspec", spec.resource_dir)]
        for what, path in self._directories(spec):
            others = using.of(what, path, but=spec.slug)
            items.append(_stays(what, path, _used_by(others), others) if others else _goes(what, path))
        return items

    def _plan_image(self, spec: Spec, image: Path, with_image: bool, using: Users) -> list[RemovalItem]:
        others = using.of("image", image, but=spec.slug)
        if os.path.isdir(image):  # noqa: PTH112 (it may have a million files, which nobody has to count)
            return [RemovalItem("image", str(image), 0, False, "Container Kernels did not put it there.", others)]
        if not is_stored(image, self._roots.images):
            return [_stays("image", image, "It is your own file.", others)] if os.path.lexists(image) else []
        if others:
            return [_stays("image", image, _used_by(others), others)]
        return [_goes("image", image) if with_image else _stays("image", image, "You chose to keep it.", [])]

    def _directories(self, spec: Spec) -> list[tuple[RemovalKind, Path]]:
        """Return the directories of a kernel that are ours: a record is a file, which may name any other place."""
        roots = self._roots
        kinds: list[tuple[RemovalKind, Path, Path]] = [
            ("packages", Path(spec.record.packages.path), roots.packages),
            ("log", Path(spec.record.log).parent, roots.logs),
        ]
        if spec.record.packages.shared:
            kinds.append(("shared_packages", Path(spec.record.packages.shared), roots.packages / sets.NAME))
        return [
            (what, path)
            for what, path, root in kinds
            if paths.is_ours(path, root) and os.path.realpath(path.parent) == os.path.realpath(root)
        ]


def _unknown(slug: str) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_found",
        f"None of your own container kernels is called {slug}.",
        "It was deleted, maybe in another tab, or it belongs to the system or to a project.",
    )


def _used_by(names: list[str]) -> str:
    return f"Used by {', '.join(names)}."


def _goes(what: RemovalKind, path: Path) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), True, "", [])


def _stays(what: RemovalKind, path: Path, reason: str, used_by: list[str]) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), False, reason, used_by)


def freed(items: list[RemovalItem]) -> int:
    """Return the bytes that go."""
    return sum(item.size_bytes for item in items if item.goes)
