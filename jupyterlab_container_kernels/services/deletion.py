"""Deletes kernels, with what was made for them and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import Removal, RemovalItem, RemovalKind, RemoveRequest
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from . import removal, sets
from .images import is_stored
from .session import SessionService
from .tasks import TaskService

#: How long it may take to add up the sizes of some thousand files on a slow file system, in seconds.
_WALK_TIMEOUT_S = 20.0
#: How long the answer to a deletion waits for the files to be gone, in seconds; the tile is gone before.
_CLEARING_S = 0.5


class DeletionService:
    """Says what goes with a kernel and what stays, and removes what goes."""

    def __init__(self, session: SessionService, tasks: TaskService) -> None:
        self._session = session
        self._tasks = tasks
        self._roots = session.roots
        self._clearing: set[asyncio.Future[None]] = set()
        self._has_resumed = False

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

    async def tidy(self) -> None:
        """Finish, once, what a process that was killed had begun to remove."""
        if not self._has_resumed:
            self._has_resumed = True
            await asyncio.to_thread(removal.resume, self._roots)

    async def remove(self, slug: str, request: RemoveRequest) -> Removal:
        """Delete a kernel with its packages and log, and its image if nobody else uses it and it is in our store.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``kernel_running``, ``not_ours``
        """
        spec = await self.spec(slug)
        await asyncio.to_thread(kernelspecs.require_ours, spec, self._roots)
        running = (await self._session.jupyter.running()).get(slug, [])
        if running and not request.shut_down:
            titles = ", ".join(each.title for each in running)
            raise ContainerKernelsError(
                "kernel_running",
                f"{spec.display_name} is in use: {titles}.",
                "Shut it down first, or choose to shut it down with the deletion.",
            )
        if running:
            await self._session.jupyter.shut_down(slug)
        items = await self.plan(spec, request.delete_image)
        doomed = await asyncio.to_thread(kernelspecs.withdraw, spec, self._roots)
        # from here on the tile is gone; the rest is room, and thousands of files may take their time
        if doomed is None:  # another one was quicker, and removes the rest
            raise _unknown(slug)
        await asyncio.to_thread(removal.note, doomed, items)
        clearing = asyncio.ensure_future(asyncio.to_thread(removal.clear, self._roots, doomed, items))
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)
        await asyncio.wait({clearing}, timeout=_CLEARING_S)
        if clearing.done():
            clearing.result()
        return Removal(slug, items, freed(items), None)

    async def stop(self) -> None:
        """Let what is being deleted be deleted."""
        await asyncio.gather(*self._clearing, return_exceptions=True)

    async def plan(self, spec: Spec, with_image: bool = True) -> list[RemovalItem]:
        """Return what goes with a kernel and what stays, with reasons.

        Raises
        ------
        ContainerKernelsError
            ``timed_out``: a file system does not answer, so nobody knows.
        """
        try:
            return await self._session.patience.ask(
                ("removal", spec.slug, with_image), lambda: self._plan(spec, with_image), _WALK_TIMEOUT_S
            )
        except TimeoutError as error:
            raise ContainerKernelsError(
                "timed_out",
                f"The file system of {spec.display_name}'s files does not answer.",
                "Try again when it does; nothing was deleted.",
            ) from error

    def _plan(self, spec: Spec, with_image: bool) -> list[RemovalItem]:
        others = [each for each in kernelspecs.read_all(self._roots.kernels) if each.slug != spec.slug]
        items = [_goes("kernelspec", spec.resource_dir)]
        for what, path, root in (
            ("packages", Path(spec.record.packages.path), self._roots.packages),
            ("log", Path(spec.record.log).parent, self._roots.logs),
        ):
            if paths.is_ours(path, root):
                items.append(_goes("packages" if what == "packages" else "log", path))
        shared = Path(spec.record.packages.shared) if spec.record.packages.shared else None
        if shared is not None and sets.is_set(shared, self._roots) and paths.is_ours(shared, self._roots.packages):
            users = [each.display_name for each in others if each.record.packages.shared == str(shared)]
            users += self._tasks.users_of(shared)
            why = f"Used by {', '.join(users)}."
            items.append(_stays("shared_packages", shared, why, users) if users else _goes("shared_packages", shared))
        image = Path(spec.record.image.path)
        users = [each.display_name for each in others if each.record.image.path == str(image)]
        users += self._tasks.users_of(image)
        if not is_stored(image, self._roots.images):
            if os.path.lexists(image):
                items.append(_stays("image", image, "It is your own file.", users))
        elif users:
            items.append(_stays("image", image, f"Used by {', '.join(users)}.", users))
        elif not with_image:
            items.append(_stays("image", image, "You chose to keep it.", []))
        else:
            items.append(_goes("image", image))
        return items


def _unknown(slug: str) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_found", f"There is no container kernel {slug}.", "It was deleted, maybe in another tab."
    )


def _goes(what: RemovalKind, path: Path) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), True, "", [])


def _stays(what: RemovalKind, path: Path, reason: str, used_by: list[str]) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), False, reason, used_by)


def freed(items: list[RemovalItem]) -> int:
    """Return the bytes that go."""
    return sum(item.size_bytes for item in items if item.goes)
