"""Changes a kernel, makes another one like it, and checks one in depth."""

from __future__ import annotations

from ..errors import ContainerKernelsError
from ..models import CheckRequest, EditRequest, Task
from .images import ImageService
from .install import InstallService
from .kernels import KernelService
from .session import SessionService
from .tasks import TaskService


class EditService:
    """Edits, duplicates and checks kernels."""

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

    async def edit(self, slug: str, request: EditRequest) -> Task:
        await self._kernels.spec(slug)
        raise ContainerKernelsError("internal", "This is not there yet.")

    async def duplicate(self, slug: str, request: EditRequest) -> Task:
        await self._kernels.spec(slug)
        raise ContainerKernelsError("internal", "This is not there yet.")

    async def check(self, slug: str, request: CheckRequest) -> Task:
        await self._kernels.spec(slug)
        raise ContainerKernelsError("internal", "This is not there yet.")
