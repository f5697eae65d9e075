"""Changes a kernel, makes another one like it, and checks one in depth."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..errors import ContainerKernelsError
from ..models import AddRequest, CheckRequest, EditRequest, KernelStatus, Task
from ..system import kernelspecs
from ..system.kernelspecs import ImageRecord, Spec
from . import names
from .deep_check import MOST_AT_ONCE, DeepCheck
from .images import ImageService
from .install import InstallService
from .kernels import KernelService
from .requests import checked_binds, checked_display_name, checked_environment
from .session import SessionService
from .tasks import TaskService
from .work import Plan, Work, as_request


class EditService:
    """Edits, duplicates and checks kernels, each as a task."""

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
        self._checking = asyncio.Semaphore(MOST_AT_ONCE)

    async def edit(self, slug: str, edit: EditRequest) -> Task:
        """Begin to change a kernel; it stays as it is until it has answered with the change.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``; what is wrong with the change; ``slug_taken``: a task is at it already.
        """
        spec = await self._own(slug)
        request = replace(await self._changed(spec, edit), slug=slug)
        runtime = await self._session.find_runtime()
        self._tasks.require_idle(slug, spec.display_name)
        name = request.display_name or spec.display_name
        plan = Plan(request, name, slug, runtime, replaces=spec, action="edit")
        work = Work(self._session, self._images, self._installer, plan)
        return await self._tasks.start(request, name, slug, work, job="edit", edit=edit)

    async def duplicate(self, slug: str, edit: EditRequest) -> Task:
        """Begin to make another kernel of the same image file and the same shared packages, with a change.

        What the user has installed from the kernel stays with it; the new one begins without.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``; ``not_allowed``: the site does not want its image; what is wrong with the
            change.
        """
        spec = await self._kernels.seen_spec(slug)
        named = self._images.resolution.parse(self._named(replace(spec.record.image, digest=None)))
        await self._session.policy.require(named, is_pinned=True)
        name = f"{spec.display_name} (copy)" if edit.display_name is None else edit.display_name
        request = await self._changed(spec, replace(edit, display_name=name))
        name = request.display_name or name
        runtime = await self._session.find_runtime()
        new = await names.free(name, self._session.jupyter, self._tasks)
        # nothing is awaited between this look at the names and the task that holds one
        request = replace(request, slug=new)
        plan = Plan(request, name, new, runtime, like=spec, action="duplicate")
        work = Work(self._session, self._images, self._installer, plan)
        return await self._tasks.start(request, name, new, work, job="duplicate", edit=edit, original=slug)

    async def check(self, slug: str, check: CheckRequest) -> Task:
        """Begin to start a kernel once as it is, and to ask whether its tag names another image now.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``; ``slug_taken``: a task is at it already.
        """
        spec = await self._own(slug)
        request = replace(as_request(spec), image=self._named(spec.record.image), slug=slug)
        self._tasks.require_idle(slug, spec.display_name)

        async def judge() -> list[KernelStatus]:
            return await self._kernels.judge(slug)

        work = DeepCheck(self._session, self._images, spec, check.updates, judge, self._checking)
        return await self._tasks.start(request, spec.display_name, slug, work, job="check")

    async def _own(self, slug: str) -> Spec:
        spec = await self._kernels.spec(slug)
        await asyncio.to_thread(kernelspecs.require_ours, spec, self._session.roots)
        return spec

    async def _changed(self, spec: Spec, edit: EditRequest) -> AddRequest:
        """Return what the kernel is to be; what stays as it is was checked when it was made."""
        request = replace(as_request(spec), image=self._named(spec.record.image))
        if edit.display_name is not None:
            request = replace(request, display_name=checked_display_name(edit.display_name))
        if edit.gpu is not None:
            request = replace(request, gpu=edit.gpu)
        if edit.binds is not None:
            request = replace(request, binds=await checked_binds(edit.binds, self._session.patience))
        if edit.environment is not None:
            request = replace(request, environment=checked_environment(edit.environment))
        if edit.isolated is not None:
            request = replace(request, isolated=edit.isolated)
        return request

    def _named(self, image: ImageRecord) -> str:
        """Return what would add the same image again, as it stands in the task to retry it."""
        try:
            reference = self._images.resolution.parse(image.source)
        except ContainerKernelsError:
            return image.path
        if reference.transport == "file":
            return image.path
        return str(reference.pinned(image.digest) if image.digest else reference)
