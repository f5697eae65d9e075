"""The kernels that are there: list, look at, delete."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import (
    Kernel,
    KernelDetails,
    KernelImage,
    KernelList,
    KernelLog,
    KernelPackages,
    KernelRuntime,
    KernelStatus,
    Removal,
    RemovalItem,
    RemovalKind,
    RemoveRequest,
    RunningKernel,
)
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from . import removal, sets, starts
from .images import is_stored
from .session import SessionService
from .tasks import TaskService

_OK = KernelStatus("ok", "ok", "OK", "", [])
#: How long it may take to add up the sizes of some thousand files on a slow file system, in seconds.
_WALK_TIMEOUT_S = 20.0
#: How long the answer to a deletion waits for the files to be gone, in seconds; the tile is gone before.
_CLEARING_S = 0.5


class KernelService:
    """Container kernels of this user."""

    def __init__(self, session: SessionService, tasks: TaskService) -> None:
        self._session = session
        self._tasks = tasks
        self._roots = session.roots
        self._clearing: set[asyncio.Future[None]] = set()
        self._has_resumed = False

    async def list_kernels(self) -> KernelList:
        """Return all kernels of ours, by display name, with what a quick look at their files tells."""
        if not self._has_resumed:
            self._has_resumed = True
            await asyncio.to_thread(removal.resume, self._roots)
        specs, running = await asyncio.gather(
            asyncio.to_thread(kernelspecs.read_all, self._roots.kernels), self._session.jupyter.running()
        )
        kernels = await asyncio.gather(*(self._kernel(spec, running.get(spec.slug, [])) for spec in specs))
        return KernelList(list(kernels))

    async def get(self, slug: str) -> KernelDetails:
        """Return one kernel, and what deleting it would remove.

        Raises
        ------
        ContainerKernelsError
            ``not_found``
        """
        spec = await self.spec(slug)
        running = (await self._session.jupyter.running()).get(slug, [])
        kernel = await self._kernel(spec, running)
        items = await self._removal(spec, True)
        return KernelDetails(kernel, items, _freed(items), running, [], [], "")

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
        items = await self._removal(spec, request.delete_image)
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
        return Removal(slug, items, _freed(items), None)

    async def stop(self) -> None:
        """Let what is being deleted be deleted."""
        await asyncio.gather(*self._clearing, return_exceptions=True)

    async def log(self, slug: str) -> KernelLog:
        """Return the end of what the last start of a kernel wrote to standard error, and what became of it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``timed_out``: the log's file system does not answer.
        """
        spec = await self.spec(slug)
        path = Path(spec.record.log)
        try:
            chunk, start = await self._session.patience.ask(
                ("log", path), lambda: starts.read_last(path, spec.display_name)
            )
        except TimeoutError as error:
            raise ContainerKernelsError(
                "timed_out", f"The file system of {path} does not answer.", "Try again when it does."
            ) from error
        return KernelLog(chunk.text, chunk.offset, chunk.next_offset, chunk.size_bytes, chunk.path, start)

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

    async def _kernel(self, spec: Spec, running: list[RunningKernel]) -> Kernel:
        record = spec.record
        status, size, added = await self._look(spec)
        return Kernel(
            id=spec.slug,
            slug=spec.slug,
            display_name=spec.display_name,
            language=spec.language,
            language_version=record.language_version or None,
            maker="Container Kernels",
            ours=True,
            read_only=False,
            status=status,
            notes=[],
            image=KernelImage(
                reference=record.image.reference,
                source=record.image.source,
                digest=record.image.digest,
                path=record.image.path,
                size_bytes=size,
                stored=record.image.stored,
                used_by=1,
            ),
            runtime=record.runtime,
            interpreter=record.interpreter,
            gpu=record.gpu,
            gpu_name=record.gpu_name,
            packages=KernelPackages(
                record.packages.path, record.packages.size_bytes, record.packages.installed, added, 0
            ),
            binds=record.binds,
            environment=record.environment,
            isolated=record.isolated,
            start_s=record.start_s,
            created=record.created,
            last_used=None,
            resource_dir=str(spec.resource_dir),
            running=len(running),
        )

    async def _look(self, spec: Spec) -> tuple[KernelStatus, int | None, list[str]]:
        """Look at a kernel's files: its status, the size of its image, what the user has installed for it.

        Each file system has its time; what does not answer is unknown, never stale.
        """
        image, runtime = spec.record.image.path, spec.record.runtime
        language = self._session.languages.get(spec.record.language)

        def look() -> tuple[KernelStatus, int | None, list[str]]:
            status, size = _status(image, runtime)
            return status, size, language.installed(Path(spec.record.packages.path)) if language else []

        try:
            return await self._session.patience.ask(("status", spec.slug, image), look)
        except TimeoutError:
            message = f"The file system of {image} does not answer."
            return KernelStatus("unknown", "unknown", message, "Refresh the list when it is back.", []), None, []

    async def _removal(self, spec: Spec, with_image: bool) -> list[RemovalItem]:
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


def _status(image: str, runtime: KernelRuntime) -> tuple[KernelStatus, int | None]:
    try:
        size = Path(image).stat().st_size
    except OSError:
        message = f"The image file is no longer at {image}."
        return KernelStatus(
            "image_missing", "stale", message, "Put it back, choose its new place, or pull it again.", ["relink", "pull"]
        ), None
    if not os.access(image, os.R_OK):
        message = f"You may not read {image}."
        return KernelStatus("image_not_readable", "stale", message, "Ask its owner for read permission.", ["relink"]), size
    if not os.access(runtime.path, os.X_OK):
        message = f"{runtime.name} is no longer at {runtime.path}."
        hint = "The kernel still starts where another one is on PATH. Load its module before JupyterLab."
        return KernelStatus("runtime_missing", "note", message, hint, ["find_runtime"]), size
    return _OK, size


def _goes(what: RemovalKind, path: Path) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), True, "", [])


def _stays(what: RemovalKind, path: Path, reason: str, used_by: list[str]) -> RemovalItem:
    return RemovalItem(what, str(path), paths.disk_usage(path), False, reason, used_by)


def _freed(items: list[RemovalItem]) -> int:
    return sum(item.size_bytes for item in items if item.goes)
