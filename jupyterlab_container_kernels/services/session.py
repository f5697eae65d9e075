"""What this session offers: the runtime and where it was found, the GPU, the room on the disks."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .. import __version__
from ..errors import ContainerKernelsError
from ..languages.base import Language
from ..models import DiskRoom, Info, Limits, Purpose, RuntimeInfo
from ..runtimes.base import FoundRuntime, Runtime
from ..settings import Settings
from ..system import machine, paths, process
from ..system.kernelspecs import SLUG
from ..system.paths import Patience, Roots
from .jupyter import Jupyter

#: The longest name that still fits a tile and a line, in characters.
DISPLAY_NAME_LENGTH = 100
_VERSION_TIMEOUT_S = 20.0


class SessionService:
    """The machine, the session and their configuration."""

    def __init__(
        self,
        settings: Settings,
        roots: Roots,
        patience: Patience,
        jupyter: Jupyter,
        runtimes: Mapping[str, Runtime],
        languages: Mapping[str, Language],
    ) -> None:
        self.settings = settings
        self.roots = roots
        self.patience = patience
        self.jupyter = jupyter
        self.runtimes = runtimes
        self.languages = languages
        self._identified: dict[tuple[str, int], FoundRuntime] = {}

    async def info(self) -> Info:
        """Return all of it."""
        runtimes, gpu, disks = await asyncio.gather(
            asyncio.gather(*(self._runtime_info(runtime) for runtime in self.runtimes.values())),
            machine.gpu(os.environ),
            self.disks(),
        )
        root_dir = self.jupyter.root_dir
        return Info(
            version=__version__,
            hostname=machine.hostname(),
            architecture=machine.architecture(),
            root_dir=str(root_dir) if root_dir else None,
            runtimes=list(runtimes),
            languages=sorted(self.languages),
            gpu=gpu,
            disks=disks,
            limits=Limits(
                DISPLAY_NAME_LENGTH, f"^{SLUG.pattern}$", self.settings.start_timeout_s, self.settings.trash_days
            ),
        )

    async def find_runtime(self, runtime: Runtime | None = None) -> FoundRuntime:
        """Return the runtime of this machine: the one that the site named, else the first on ``PATH``.

        Raises
        ------
        ContainerKernelsError
            ``runtime_missing``, with what was looked at.
        """
        too_old: ContainerKernelsError | None = None
        for each in [runtime] if runtime else self.runtimes.values():
            named = self.settings.runtime_path
            programs = [named] if named else list(filter(None, map(process.find_program, each.programs)))
            for program in programs:
                try:
                    if found := await self._identify(each, program):
                        return found
                except ContainerKernelsError as error:
                    too_old = too_old or error
        raise too_old or self._missing()

    def known_version(self, program: str, mtime_ns: int) -> str | None:
        """Return the version of a program if it was asked since it was changed; nothing is run."""
        found = self._identified.get((program, mtime_ns))
        return found.version_text if found else None

    async def _identify(self, runtime: Runtime, program: str) -> FoundRuntime | None:
        """Ask a program for its version; the answer is kept until the program changes."""
        try:
            status = await self.patience.ask(("stat", program), Path(program).stat)
            key = (program, status.st_mtime_ns)
            if key not in self._identified:
                command = runtime.version_command(program, os.environ)
                finished = await process.run(command, timeout_s=_VERSION_TIMEOUT_S)
                found = runtime.identify(program, finished.output)
                if found is None:
                    return None
                self._identified[key] = found
            return self._identified[key]
        except (OSError, TimeoutError):
            return None

    def _missing(self) -> ContainerKernelsError:
        hint = (
            "Load its module before you start JupyterLab, or ask your site's support to set "
            "ContainerKernelsApp.runtime_path."
        )
        if os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"):
            return ContainerKernelsError(
                "runtime_missing",
                "This JupyterLab itself runs in a container, in which Apptainer is not available.",
                "Start a JupyterLab that does not run in a container.",
            )
        named = self.settings.runtime_path
        if named:
            message = f"{named}, which your site named as the container runtime, is missing or not usable."
        else:
            message = f"Neither Apptainer nor Singularity is on this session's PATH on {machine.hostname()}."
        return ContainerKernelsError("runtime_missing", message, hint)

    async def _runtime_info(self, runtime: Runtime) -> RuntimeInfo:
        try:
            found = await self.find_runtime(runtime)
        except ContainerKernelsError as error:
            return RuntimeInfo(runtime.name, runtime.title, None, None, False, f"{error.message} {error.hint}")
        return RuntimeInfo(found.name, found.title, found.path, found.version_text, True, None)

    async def disks(self) -> list[DiskRoom]:
        """Return the room where we write; ``None`` where a file system does not answer."""
        places: list[tuple[Purpose, Path]] = [
            ("kernels", self.roots.kernels),
            ("images", self.roots.images),
            ("packages", self.roots.packages),
            ("temporary", self.temporary_candidates()[0]),
        ]
        return list(await asyncio.gather(*(self._disk(purpose, path) for purpose, path in places)))

    async def _disk(self, purpose: Purpose, path: Path) -> DiskRoom:
        free, total = await self.room(path)
        return DiskRoom(purpose, str(path), free, total, None)

    async def room(self, path: Path) -> tuple[int | None, int | None]:
        """Return the free and total bytes where a path lies; ``None`` if the file system does not answer."""
        try:
            return await self.patience.ask(("room", path), lambda: paths.disk_room(path))
        except TimeoutError:
            return None, None

    def temporary_candidates(self) -> list[Path]:
        """Return the directories for temporary files of a pull, the preferred one first."""
        if self.settings.temporary_dir is not None:
            return [self.settings.temporary_dir]
        named = [os.environ.get("APPTAINER_TMPDIR"), os.environ.get("SINGULARITY_TMPDIR"), tempfile.gettempdir()]
        return [*dict.fromkeys(Path(each) for each in named if each), self.roots.staging]

    async def temporary_dir(self, needed_bytes: int) -> Path:
        """Return the first candidate with that much room, else the one with the most."""
        rooms = [((await self.room(path))[0] or 0, path) for path in self.temporary_candidates()]
        return next((path for free, path in rooms if free >= needed_bytes), max(rooms, key=lambda room: room[0])[1])
