"""What this session offers: the runtime and where it was found, the GPU, the room on the disks."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from .. import __version__
from ..errors import ContainerKernelsError
from ..languages.base import Language
from ..models import DiskRoom, GpuInfo, Info, JobInfo, Limits, Purpose, RuntimeInfo
from ..runtimes.base import FoundRuntime, Runtime
from ..settings import Settings
from ..system import limits, machine, paths, quota, slurm
from ..system.kernelspecs import SLUG
from ..system.paths import Roots
from ..system.patience import Patience
from . import pull_ways
from .jupyter import Jupyter
from .policy import PolicyService
from .runtime_ladder import RuntimeLadder

#: The longest name that still fits a tile and a line, in characters.
DISPLAY_NAME_LENGTH = 100
_JOB_KEPT_S = 60.0
#: How long :meth:`SessionService.info` waits for the runtime and for the names of GPUs.
_INFO_WAIT_S = 2.0


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
        self.policy = PolicyService(settings, patience)
        self._job_end: tuple[float, datetime | None] | None = None
        self._gpu: asyncio.Task[GpuInfo] | None = None
        self.ladder = RuntimeLadder(settings, patience, runtimes)

    async def info(self, wait_s: float = _INFO_WAIT_S) -> Info:
        """Return all of it, within seconds: a runtime that is not found by then is said to be looked for."""
        runtimes, gpu, disks, job, pull = await asyncio.gather(
            asyncio.gather(*(self._runtime_info(runtime, wait_s) for runtime in self.runtimes.values())),
            self._gpu_info(),
            self.disks(),
            self.job(),
            pull_ways.offer(self.settings, self.patience),
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
            job=job,
            limits=Limits(
                DISPLAY_NAME_LENGTH, f"^{SLUG.pattern}$", self.settings.start_timeout_s, self.settings.trash_days
            ),
            site=self.policy.site(self.languages),
            pull=pull,
        )

    async def find_runtime(self) -> FoundRuntime:
        """Return the runtime of this session; see :meth:`.RuntimeLadder.find`."""
        return await self.ladder.find()

    def known_version(self, program: str, mtime_ns: int) -> str | None:
        """Return the version of a program if it was asked since it was changed; nothing is run."""
        return self.ladder.known_version(program, mtime_ns)

    async def stop(self) -> None:
        """Give up what is being looked for, and let threads go."""
        await self.ladder.stop()
        if self._gpu is not None:
            self._gpu.cancel()
        self.patience.close()

    async def _runtime_info(self, runtime: Runtime, wait_s: float) -> RuntimeInfo:
        try:
            first = await self.ladder.find(wait_s)
            found = first if first.name == runtime.name else await self.ladder.find_quickly(runtime)
        except ContainerKernelsError as error:
            reason, searching = f"{error.message} {error.hint}", error.code == "timed_out"
            return RuntimeInfo(runtime.name, runtime.title, None, None, False, searching, reason)
        if found is None:
            reason = f"{runtime.title} is not on PATH."
            return RuntimeInfo(runtime.name, runtime.title, None, None, False, False, reason)
        return RuntimeInfo(found.name, found.title, found.path, found.version_text, True, False, None)

    async def _gpu_info(self) -> GpuInfo:
        """Return the GPUs of this session, without their names as long as the driver's tool has not told them."""
        if self._gpu is None:
            self._gpu = asyncio.ensure_future(machine.gpu(os.environ, self.patience))
        done = (await asyncio.wait({self._gpu}, timeout=_INFO_WAIT_S))[0]
        return self._gpu.result() if done else GpuInfo("nvidia", [])

    async def job(self) -> JobInfo | None:
        """Return the Slurm job in which this session runs; Slurm is asked once a minute at most."""
        found = await asyncio.to_thread(slurm.job_id, os.environ)
        if found is None:
            return None
        now = time.monotonic()
        if self._job_end is None or now - self._job_end[0] > _JOB_KEPT_S:
            self._job_end = now, await slurm.end(found, os.environ)
        ends = self._job_end[1]
        memory, cores = await asyncio.to_thread(lambda: (limits.memory_bytes(os.environ), limits.cores(os.environ)))
        return JobInfo(found, ends.isoformat().replace("+00:00", "Z") if ends else None, memory, cores)

    async def disks(self) -> list[DiskRoom]:
        """Return the room where we write; ``None`` where a file system does not answer."""
        places: list[tuple[Purpose, Path]] = [
            ("kernels", self.roots.kernels),
            ("images", self.roots.images),
            ("packages", self.roots.packages),
            ("temporary", self.temporary_candidates()[0]),
        ]
        return list(await asyncio.gather(*(self._disk(purpose, path) for purpose, path in places)))

    async def limited_disks(self) -> list[DiskRoom]:
        """Return :meth:`disks` with the user's own limit on each, as far as servers tell it in time."""
        disks = await self.disks()
        limits = await quota.quotas([disk.path for disk in disks], os.environ, self.patience)
        return [replace(disk, quota=limits.get(disk.path)) for disk in disks]

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
        candidates = self.temporary_candidates()
        rooms = await asyncio.gather(*map(self.room, candidates))
        free = dict(zip(candidates, (room[0] or 0 for room in rooms), strict=True))
        return next((path for path in candidates if free[path] >= needed_bytes), max(candidates, key=free.__getitem__))
