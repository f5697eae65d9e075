"""Adds a kernel: checks what is asked for, then begins the work."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..acquire.reference import suggest_name
from ..errors import ContainerKernelsError
from ..models import AddRequest, Bind, FoundInterpreter, Inspection, Task
from ..system import kernelspecs
from . import image_folder, names
from .images import ImageService
from .install import InstallService
from .requests import checked_binds, checked_display_name, checked_environment, checked_interpreter, checked_slug
from .session import SessionService
from .tasks import TaskService
from .work import Plan, Work


class AddService:
    """Adds kernels."""

    def __init__(
        self, session: SessionService, images: ImageService, installer: InstallService, tasks: TaskService
    ) -> None:
        self._session = session
        self._images = images
        self._installer = installer
        self._tasks = tasks

    async def add(self, request: AddRequest) -> Task:
        """Check a request and begin the task that does it.

        Raises
        ------
        ContainerKernelsError
            What is wrong with the request, or with this machine; nothing has begun then.
        """
        reference = self._images.resolution.parse(request.image)
        await self._session.policy.require(reference)
        request = replace(
            request,
            display_name=checked_display_name(
                suggest_name(reference) if request.display_name is None else request.display_name
            ),
            binds=await self._with_the_sites(await checked_binds(request.binds, self._session.patience)),
            environment={**self._session.settings.default_environment, **checked_environment(request.environment)},
            interpreter=checked_interpreter(request.interpreter),
        )
        if request.image_dir is not None:
            choice = await image_folder.checked(request.image_dir, self._session.patience)
            request = replace(request, image_dir=str(choice.folder))
        runtime = await self._session.find_runtime()
        if reference.transport == "file":
            await self._images.resolution.look_at(reference.path)
        slug = await self._slug(request)
        # nothing is awaited between this look at the names and the task that holds one
        display_name = request.display_name or ""
        plan = Plan(request, display_name, slug, runtime)
        work = Work(self._session, self._images, self._installer, plan)
        return await self._tasks.start(request, display_name, slug, work)

    async def _with_the_sites(self, binds: list[Bind]) -> list[Bind]:
        """Return folders with those that the site has in every kernel, as far as they are on this node."""
        places = {each.destination or each.source for each in binds}
        for folder in self._session.settings.default_binds:
            if folder not in places:
                with contextlib.suppress(ContainerKernelsError):
                    binds = [*binds, *await checked_binds([Bind(folder, None, False)], self._session.patience)]
        return binds

    async def inspect(self, image: str) -> Inspection:
        """Return the interpreters in an image that is on this machine, best first.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``: it was not pulled yet; all that :meth:`.InstallService.inspect` raises.
        """
        runtime = await self._session.find_runtime()
        path = await self._images.resolution.local_path(image)
        found = await self._installer.inspect(runtime, path)
        languages = self._session.languages
        return Inspection(
            [
                FoundInterpreter(
                    language=each.language,
                    title=languages[each.language].title_of(each),
                    path=each.path,
                    version=each.version,
                    kernel_version=each.kernel_version,
                    notes=languages[each.language].notes(each),
                )
                for each in found.interpreters
            ]
        )

    async def _slug(self, request: AddRequest) -> str:
        if request.slug is None:
            return await names.free(request.display_name or "", self._session.jupyter, self._tasks)
        slug = checked_slug(request.slug)
        if slug in await names.taken(self._session.jupyter, self._tasks):
            raise kernelspecs.taken(slug)
        return slug
