"""Mends a kernel: finds its image's new place, pulls its image again or the newest of its tag, installs its packages
again, or finds the runtime again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import PullFrom, RepairRequest, Task
from ..system import kernelspecs
from ..system.kernelspecs import ImageRecord
from . import pull_ways, search
from .images import ImageService
from .install import InstallService
from .kernels import KernelService
from .session import SessionService
from .store import chosen_folder
from .tasks import TaskService
from .work import Plan, Work, as_request


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
            ``not_found``, ``not_ours``, ``invalid_reference``; ``not_allowed``: the site does not want its image;
            ``image_not_found``: it lies nowhere where images do;
            ``slug_taken``: a task is at it already.
        """
        if repair.action != "relink":  # nothing looks at the image that it may name
            repair = replace(repair, image=None)
        spec = await self._kernels.spec(slug)
        await asyncio.to_thread(kernelspecs.require_ours, spec, self._session.roots)
        record = spec.record
        request = replace(
            as_request(spec),
            image=await self._image(record.image, repair),
            slug=slug,
            image_dir=chosen_folder(Path(record.image.path), self._session.roots) if record.image.stored else None,
            by_runtime=record.image.by_runtime,
            pull_from=await self._way(record.image),
        )
        runtime = await self._session.find_runtime()
        if repair.action == "relink":
            reference = self._images.resolution.parse(request.image)
            if reference.transport != "file":
                raise ContainerKernelsError(
                    "invalid_reference", f"{request.image} is not the path of a file.", "Choose the image file."
                )
            await self._images.resolution.look_at(reference.path)
        self._tasks.require_idle(slug, spec.display_name)
        plan = Plan(request, spec.display_name, slug, runtime, replaces=spec, action=repair.action)
        work = Work(self._session, self._images, self._installer, plan)
        return await self._tasks.start(request, spec.display_name, slug, work, repair)

    async def _way(self, image: ImageRecord) -> PullFrom:
        """Return from where its user wanted an image pulled, if that is still possible."""
        offer = await pull_ways.offer(self._session.settings, self._session.patience)
        return image.pull_from if image.pull_from in offer.ways else "auto"

    async def _image(self, image: ImageRecord, repair: RepairRequest) -> str:
        """Return what names the image that the mended kernel has."""
        if repair.action == "relink":
            named = (repair.image or "").strip()
            if named:
                await self._session.policy.require(self._images.resolution.parse(named))
            return named or str(await search.find(image, self._session.roots, self._session.patience))
        if repair.action in ("reinstall", "find_runtime"):
            return image.path
        reference = self._images.resolution.parse(image.source)
        if reference.transport == "file":
            raise ContainerKernelsError(
                "invalid_reference",
                f"{image.path} is a file of your own, and nobody knows where it came from.",
                "Put it back, or choose its new place.",
            )
        await self._session.policy.require(reference, is_pinned=True)
        if repair.action == "update":
            if reference.tag is None:
                raise ContainerKernelsError(
                    "invalid_reference",
                    f"{image.source} names one image for good, of which there are no updates.",
                    "Add a kernel from a tag of the image, such as latest.",
                )
            return str(reference)
        # what was added is what comes, though the tag may name something else by now
        return str(reference.pinned(image.digest) if image.digest else reference)
