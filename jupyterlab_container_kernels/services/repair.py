"""Mends a kernel: gives it its image's new place, pulls its image again, or installs its packages again."""

from __future__ import annotations

import asyncio

from ..errors import ContainerKernelsError
from ..models import AddRequest, RepairRequest, Task
from ..system import kernelspecs
from ..system.kernelspecs import ImageRecord
from .images import ImageService
from .install import InstallService
from .kernels import KernelService
from .session import SessionService
from .tasks import TaskService
from .work import Plan, Work


class RepairService:
    """Mends kernels. The kernel stays as it is until the mended one has answered."""

    def __init__(
        self,
        session: SessionService,
        images: ImageService,
        installer: InstallService,
        kernels: KernelService,
        tasks: TaskService,
    ) -> None:
        self._session = session
        self._images = images
        self._installer = installer
        self._kernels = kernels
        self._tasks = tasks

    async def repair(self, slug: str, repair: RepairRequest) -> Task:
        """Check what is asked for and begin the task that does it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``, ``invalid_reference``; ``slug_taken``: it is being mended already.
        """
        spec = await self._kernels.spec(slug)
        await asyncio.to_thread(kernelspecs.require_ours, spec, self._session.roots)
        record = spec.record
        request = AddRequest(
            image=self._image(record.image, repair),
            display_name=spec.display_name,
            slug=slug,
            gpu=record.gpu,
            binds=record.binds,
            interpreter=record.interpreter,
            environment=record.environment,
            isolated=record.isolated,
        )
        runtime = await self._session.find_runtime()
        if repair.action == "relink":
            reference = self._images.parse(request.image)
            if reference.transport != "file":
                raise ContainerKernelsError(
                    "invalid_reference", f"{request.image} is not the path of a file.", "Choose the image file."
                )
            await self._images.header(reference.path)
        if slug in self._tasks.slugs():
            raise ContainerKernelsError(
                "slug_taken", f"{spec.display_name} is being mended already.", "Wait until that has ended."
            )
        plan = Plan(request, spec.display_name, slug, runtime, spec, repair.action)
        work = Work(self._session, self._images, self._installer, plan)
        return await self._tasks.start(request, spec.display_name, slug, work, repair)

    def _image(self, image: ImageRecord, repair: RepairRequest) -> str:
        """Return what names the image that the mended kernel has."""
        if repair.action == "relink":
            if not (repair.image or "").strip():
                raise ContainerKernelsError("invalid_reference", "No image file is named.", "Choose the image file.")
            return (repair.image or "").strip()
        if repair.action == "reinstall":
            return image.path
        reference = self._images.parse(image.source)
        if reference.transport == "file":
            raise ContainerKernelsError(
                "invalid_reference",
                f"{image.path} is a file of your own, and nobody knows where it came from.",
                "Put it back, or choose its new place.",
            )
        # what was added is what comes, though the tag may name something else by now
        return str(reference.pinned(image.digest) if image.digest else reference)
