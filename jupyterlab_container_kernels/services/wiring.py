"""Puts the services together, once for a server and once for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import languages, runtimes
from ..discovery import discover
from ..languages.base import Language
from ..runtimes.base import Runtime
from ..settings import Settings
from ..system.paths import Roots
from ..system.patience import Patience
from .add import AddService
from .deletion import DeletionService
from .diagnostics import DiagnosticsService
from .edit import EditService
from .images import ImageService
from .install import InstallService
from .jupyter import Jupyter
from .kernels import KernelService
from .logins import LoginService
from .publishing import PublishingService
from .repair import RepairService
from .session import SessionService
from .space import SpaceService
from .tasks import Listener, TaskService


@dataclass(frozen=True)
class Services:
    """All use cases of one user."""

    session: SessionService
    images: ImageService
    logins: LoginService
    kernels: KernelService
    deletion: DeletionService
    tasks: TaskService
    add: AddService
    repair: RepairService
    edit: EditService
    publishing: PublishingService
    space: SpaceService
    diagnostics: DiagnosticsService

    async def stop(self, *, interrupt: bool = False) -> None:
        """Cancel what runs and let threads go; see :meth:`.TaskService.stop`."""
        await self.tasks.stop(interrupt=interrupt)
        await self.deletion.stop()
        await self.session.stop()


def connect(settings: Settings, data_dir: Path, jupyter: Jupyter, listener: Listener | None = None) -> Services:
    """Make the services.

    Parameters
    ----------
    settings : Settings
        What is configured.
    data_dir : Path
        ``jupyter_core.paths.jupyter_data_dir()``.
    jupyter : Jupyter
        The Jupyter around us.
    listener : callable, optional
        Told of each change of a task.
    """
    roots = Roots(data_dir / "kernels", settings.images_dir, settings.packages_dir, data_dir / "container-kernels")
    session = SessionService(
        settings,
        roots,
        Patience(),
        jupyter,
        discover(runtimes, Runtime),  # type: ignore[type-abstract]
        discover(languages, Language),  # type: ignore[type-abstract]
    )
    images = ImageService(session)
    tasks = TaskService(roots, session.temporary_candidates, listener, settings.max_running_tasks)
    installer, deletion = InstallService(session), DeletionService(session, tasks)
    kernels = KernelService(session, deletion)
    add = AddService(session, images, installer, tasks)
    repair = RepairService(session, images, installer, kernels, tasks)
    edit = EditService(session, images, installer, kernels, tasks)
    space = SpaceService(session, kernels, deletion, tasks)
    return Services(
        session,
        images,
        LoginService(session),
        kernels,
        deletion,
        tasks,
        add,
        repair,
        edit,
        PublishingService(session, images, installer, kernels, tasks),
        space,
        DiagnosticsService(session),
    )
