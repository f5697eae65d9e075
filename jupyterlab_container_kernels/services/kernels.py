"""The kernels that are there: list, look at."""

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
    RunningKernel,
)
from ..system import kernelspecs
from ..system.kernelspecs import Spec
from . import starts
from .deletion import DeletionService, freed
from .session import SessionService

_OK = KernelStatus("ok", "ok", "OK", "", [])


class KernelService:
    """Container kernels of this user."""

    def __init__(self, session: SessionService, deletion: DeletionService) -> None:
        self._session = session
        self._deletion = deletion
        self._roots = session.roots

    async def list_kernels(self) -> KernelList:
        """Return all kernels of ours, by display name, with what a quick look at their files tells."""
        await self._deletion.tidy()
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
        items = await self._deletion.plan(spec)
        return KernelDetails(kernel, items, freed(items), running, [], [], "")

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
        return await self._deletion.spec(slug)

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


def _status(image: str, runtime: KernelRuntime) -> tuple[KernelStatus, int | None]:
    try:
        size = Path(image).stat().st_size
    except OSError:
        message = f"The image file is no longer at {image}."
        return KernelStatus(
            "image_missing",
            "stale",
            message,
            "Put it back, choose its new place, or pull it again.",
            ["relink", "pull"],
        ), None
    if not os.access(image, os.R_OK):
        message = f"You may not read {image}."
        return KernelStatus(
            "image_not_readable", "stale", message, "Ask its owner for read permission.", ["relink"]
        ), size
    if not os.access(runtime.path, os.X_OK):
        message = f"{runtime.name} is no longer at {runtime.path}."
        hint = "The kernel still starts where another one is on PATH. Load its module before JupyterLab."
        return KernelStatus("runtime_missing", "note", message, hint, ["find_runtime"]), size
    return _OK, size
