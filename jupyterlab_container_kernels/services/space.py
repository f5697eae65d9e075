"""What takes room: images, package sets, the trash, leftovers, the runtime's own cache; and frees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Container
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..diagnosis import explain
from ..errors import ContainerKernelsError
from ..models import Freed, Restored, Space, SpaceItem
from ..runtimes.base import FoundRuntime
from ..system import kernelspecs, paths, process
from . import inventory, orders, sets, trash, users
from .deletion import DeletionService
from .inventory import Known, Thing
from .kernels import KernelService
from .session import SessionService
from .store import chosen, is_chosen, is_partial, is_stored, partial_path, side_file
from .tasks import TaskService

#: How long adding up sizes may take, all together; what is slower has none.
_WALK_TIMEOUT_S = 5.0
#: How long the answer waits for what is removed.
_REMOVE_TIMEOUT_S = 8.0
_CLEAN_TIMEOUT_S = 600.0


class SpaceService:
    """Shows what takes room, frees it, and puts deleted kernels back."""

    def __init__(
        self, session: SessionService, kernels: KernelService, deletion: DeletionService, tasks: TaskService
    ) -> None:
        self._session = session
        self._roots = session.roots
        self._kernels = kernels
        self._deletion = deletion
        self._tasks = tasks
        self._sizes: dict[str, int] = {}

    async def get(self) -> Space:
        """Return what is stored and who uses it, what nothing refers to any longer, and the room left.

        A size that could not be added up in time is ``None``; it is known the next time, if it was added up meanwhile.

        Raises
        ------
        ContainerKernelsError
            ``timed_out``: a file system does not answer, so nobody knows what is there.
        """
        await self._deletion.tidy(sweep=True)
        things, cache, disks = await asyncio.gather(self._things(), self._cache(), self._session.limited_disks())
        items = [thing.item for thing in things] + ([cache[0]] if cache else [])
        await self._measure(items)
        return Space([self._sized(item) for item in items], disks)

    async def free(self, item_id: str) -> Freed:
        """Remove one thing that nobody uses, for good.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``kernel_running``: a kernel or a task uses it, which is named; ``not_ours``; ``timed_out``:
            a file system does not answer.
        """
        if await asyncio.to_thread(trash.read, self._roots, item_id) is not None:
            return await self._deletion.purge(item_id)
        cache = await self._cache()
        if cache is not None and cache[0].id == item_id:
            return await self._clean(*cache)
        thing = next((each for each in await self._things() if each.item.id == item_id), None)
        if thing is None:
            raise ContainerKernelsError("not_found", "It is no longer there.", "Refresh the page.")
        if thing.item.used_by:
            raise ContainerKernelsError(
                "kernel_running",
                f"{thing.item.title} is used by {', '.join(thing.item.used_by)}.",
                "Delete these kernels first.",
            )
        await self._measure([thing.item])
        size = self._sized(thing.item).size_bytes
        await self._deletion.clear(partial(self._remove, thing), _REMOVE_TIMEOUT_S)
        self._sizes.pop(thing.item.path, None)
        return Freed(size or 0)

    async def restore(self, entry_id: str) -> Restored:
        """Put a deleted kernel back; see :meth:`.DeletionService.restore`."""
        return await self._deletion.restore(entry_id)

    async def _things(self) -> list[Thing]:
        """Return what lies below our roots.

        Raises
        ------
        ContainerKernelsError
            ``timed_out``: a file system does not answer, which is not the same as that nothing is there.
        """
        await self._tasks.list_tasks()  # those whose owner is gone are ended, and what they left is removed
        patience = self._session.patience
        try:
            # first what is there, then who claims it, then who uses it: what is being made is never a leftover
            stores = await self._chosen_stores()
            look = partial(inventory.list_entries, self._roots, stores)
            entries = await patience.ask("inventory", look, _WALK_TIMEOUT_S)
            held = inventory.held(await asyncio.to_thread(trash.entries, self._roots))
            claimed = held | await asyncio.to_thread(self._claimed)
            using = await users.read(self._roots, patience, self._tasks)
            last_used: dict[str, str] = {}
            for kernel in (await self._kernels.list_kernels()).kernels:
                path = kernel.image.path
                last_used[path] = max(last_used.get(path, ""), kernel.last_used or "")
            known = Known(using, claimed, {path: moment for path, moment in last_used.items() if moment})
            return await patience.ask("things", lambda: inventory.things(self._roots, entries, known), _WALK_TIMEOUT_S)
        except TimeoutError as error:
            roots = sorted({str(self._roots.images), str(self._roots.packages), str(self._roots.state)})
            raise ContainerKernelsError(
                "timed_out",
                f"A file system does not answer, so nobody knows what lies in {', '.join(roots)}.",
                "Refresh when it is back.",
            ) from error

    async def _chosen_stores(self) -> list[Path]:
        """Return the stores in folders that somebody chose, where their file systems answer."""

        async def answers(store: Path) -> bool:
            try:
                return await self._session.patience.ask(("store", store), lambda: is_chosen(store))
            except TimeoutError:
                return False

        stores = await asyncio.to_thread(chosen, self._roots)
        found = await asyncio.gather(*map(answers, stores))
        return [store for store, is_there in zip(stores, found, strict=True) if is_there]

    async def _measure(self, items: list[SpaceItem]) -> None:
        """Add up the sizes that are not known, those in one directory by one thread."""
        by_directory: defaultdict[str, list[str]] = defaultdict(list)
        for item in items:
            if item.size_bytes is None:
                by_directory[str(Path(item.path).parent)].append(item.path)

        async def measure(directory: str, below: list[str]) -> None:
            def add_up() -> None:
                for path in below:
                    self._sizes[path] = paths.disk_usage(Path(path))

            with contextlib.suppress(TimeoutError):  # it goes on, and is known the next time
                await self._session.patience.ask(("size", directory), add_up, _WALK_TIMEOUT_S)

        await asyncio.gather(*(measure(*each) for each in by_directory.items()))

    def _sized(self, item: SpaceItem) -> SpaceItem:
        size = self._sizes.get(item.path) if item.size_bytes is None else item.size_bytes
        return replace(item, size_bytes=size)

    def _claimed(self) -> set[str]:
        """Return what tasks are at work with, also those that bring an image for others."""
        return self._tasks.claimed() | orders.claimed(self._roots)

    def _in_use(self) -> set[str]:
        """Return what tasks are at work with, and what our kernels use: in this order, as one publishes, then ends."""
        return self._claimed() | kernelspecs.places_of_all(self._roots.kernels)

    def _remove(self, thing: Thing) -> int:
        """Remove a thing of ours, having looked once more whether it is one that nobody uses.

        Raises
        ------
        ContainerKernelsError
            ``kernel_running``: somebody uses it by now; ``not_ours``.
        """
        path, is_gone = thing.path, True
        if str(path) in self._in_use():
            is_gone = False
        elif is_stored(path, self._roots.images):
            is_gone = _remove_image(path, self._in_use)
        elif sets.is_set(path, self._roots):
            is_gone = sets.remove_unused(path, self._roots, self._in_use)
        elif is_partial(path) and not path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            paths.remove_marked(path, thing.root)
        if not is_gone:
            raise ContainerKernelsError(
                "kernel_running", f"{thing.item.title} was taken into use at this moment.", "Refresh the page."
            )
        return 0

    async def _cache(self) -> tuple[SpaceItem, FoundRuntime] | None:
        """Return the cache of the runtime that is found, if there is one."""
        try:
            found = await self._session.find_runtime()
        except ContainerKernelsError:
            return None
        runtime = self._session.runtimes[found.name]
        path = runtime.cache_dir(found, os.environ, Path.home())
        if path is None or runtime.clean_cache(found, os.environ) is None:
            return None
        try:
            if not await self._session.patience.ask(("cache", path), path.is_dir):
                return None
        except (TimeoutError, OSError):
            return None
        detail = f"What {found.title} keeps of images that it has downloaded. It is not needed by any kernel."
        return inventory.item_of("runtime_cache", f"{found.title}'s cache", path, detail), found

    async def _clean(self, item: SpaceItem, found: FoundRuntime) -> Freed:
        await self._measure([item])
        before = self._sized(item).size_bytes
        command = self._session.runtimes[found.name].clean_cache(found, os.environ)
        if command is None:
            raise ContainerKernelsError("not_found", "It is no longer there.", "Refresh the page.")
        finished = await process.run(command, timeout_s=_CLEAN_TIMEOUT_S)
        if finished.returncode != 0:
            raise explain(finished.output, f"cleaning {item.title}", "runtime_failed")
        await self._measure([item])
        after = self._sized(item).size_bytes
        return Freed(max(0, (before or 0) - (after or 0)))


def _remove_image(image: Path, in_use: Callable[[], Container[str]]) -> bool:
    """Remove an image of ours unless somebody takes it into use at this moment; tell whether it is gone.

    As :func:`.sets.remove_unused`.
    """
    aside = partial_path(image.parent, secrets.token_hex(16))  # if this is killed now, that is shown as a leftover
    try:
        image.rename(aside)
    except FileNotFoundError:
        return True
    if str(image) in in_use():
        aside.rename(image)
        return False
    side_file(image).unlink(missing_ok=True)
    aside.unlink()
    return True
