"""Adds a kernel: resolve → acquire → inspect → install → verify → publish. All or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from .. import failures
from ..acquire.reference import suggest_name
from ..containers import LaunchSpec
from ..errors import ContainerKernelsError
from ..languages.base import Interpreter, KernelStart
from ..models import AddRequest, Bind, KernelRuntime, Task, now
from ..runtimes.base import FoundRuntime
from ..system import kernelspecs, paths
from ..system.kernelspecs import ImageRecord, PackagesRecord, Record
from ..system.scripts import fill
from . import check
from .images import ImageService
from .install import InstallService
from .requests import checked_binds, checked_display_name, checked_slug
from .session import SessionService
from .tasks import RunningTask, TaskService

#: Host variables that reach no kernel, whatever its language: secrets, and what poisons another system.
_NEVER_INSIDE = (
    "LD_PRELOAD", "BASH_ENV", "ENV", "JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "R_HOME", "R_LIBS*",
    "R_ENVIRON*", "R_PROFILE*", "JULIA_LOAD_PATH", "JULIA_DEPOT_PATH", "JULIA_PROJECT", "PERL5LIB",
    "APPTAINER_DOCKER_*", "SINGULARITY_DOCKER_*", "DOCKER_PASSWORD", "DOCKER_USERNAME",
)  # fmt: skip

_Result = TypeVar("_Result")


class AddService:
    """Adds kernels."""

    def __init__(
        self, session: SessionService, images: ImageService, installer: InstallService, tasks: TaskService
    ) -> None:
        self._session = session
        self._images = images
        self._installer = installer
        self._tasks = tasks
        self._adding = asyncio.Lock()

    async def add(self, request: AddRequest) -> Task:
        """Check a request and begin the task that does it.

        Raises
        ------
        ContainerKernelsError
            What is wrong with the request, or with this machine; nothing has begun then.
        """
        reference = self._images.parse(request.image)
        request = replace(
            request,
            display_name=checked_display_name(
                suggest_name(reference) if request.display_name is None else request.display_name
            ),
            binds=await checked_binds(request.binds, self._session.patience),
        )
        runtime = await self._session.find_runtime()
        if reference.transport == "file":
            await self._images.header(reference.path)
        async with self._adding:  # between the look at the names and the task that holds one
            slug = await self._slug(request)
            display_name = request.display_name or ""
            work = _Work(self._session, self._images, self._installer, runtime, request, display_name, slug)
            return await self._tasks.start(request, display_name, slug, work)

    async def _slug(self, request: AddRequest) -> str:
        jupyter = self._session.jupyter
        used = {"python2", "python3"} | await jupyter.kernel_names() | self._tasks.slugs()
        if request.slug is None:
            return kernelspecs.free_slug(kernelspecs.slugify(request.display_name or ""), sorted(used))
        slug = checked_slug(request.slug)
        if slug in used:
            raise kernelspecs.taken(slug)
        return slug


class _Work:
    """The six phases of one request."""

    def __init__(
        self,
        session: SessionService,
        images: ImageService,
        installer: InstallService,
        runtime: FoundRuntime,
        request: AddRequest,
        display_name: str,
        slug: str,
    ) -> None:
        self._session = session
        self._roots = session.roots
        self._images = images
        self._installer = installer
        self._runtime = runtime
        self._request = request
        self._display_name = display_name
        self._slug = slug

    async def __call__(self, running: RunningTask) -> None:
        try:
            await self._do(running)
        except OSError as error:
            raise failures.explain(str(error), "writing the kernel's files", "internal") from error

    async def _do(self, running: RunningTask) -> None:
        runtime, roots = self._runtime, self._roots
        running.say(f"{runtime.title} {runtime.version_text} at {runtime.path}")
        async with running.phase("resolve", f"Looking for {self._request.image.strip()}"):
            resolved = await self._images.look_up(self._request.image)
        image = await self._images.acquire(running, resolved, runtime)
        async with running.phase("inspect", "Looking into the image"):
            interpreter = await self._installer.inspect(running, runtime, Path(image.path))

        workspace = await self._own_directory(running, roots.staging / running.task.id)
        packages = await self._own_directory(running, _unused(roots.packages / self._slug))
        log_directory = await self._own_directory(running, _unused(roots.logs / self._slug))
        log = log_directory / "last-start.log"
        await self._installer.install(running, runtime, interpreter, Path(image.path), packages, workspace)

        async with running.phase("verify", "Starting the kernel once"):
            staged = await asyncio.to_thread(self._stage, running, image, interpreter, packages, workspace, log)
            language = self._session.languages[interpreter.language]
            timeout_s = self._session.settings.start_timeout_s
            await check.answers(running, staged, language, log, timeout_s)

        async with running.phase("publish", "Putting the tile into the Launcher"):
            try:
                await _to_its_end(self._publish(running, staged))
            except BaseException:
                await _to_its_end(asyncio.to_thread(self._take_back, running))
                raise
            for path in (packages, log_directory):
                running.keeps(path)

    async def _own_directory(self, running: RunningTask, directory: Path) -> Path:
        await running.owns(directory)
        return await _to_its_end(asyncio.to_thread(paths.make_marked, directory))

    def _stage(
        self,
        running: RunningTask,
        image: ImageRecord,
        interpreter: Interpreter,
        packages: Path,
        workspace: Path,
        log: Path,
    ) -> Path:
        language = self._session.languages[interpreter.language]
        start = language.start(interpreter, packages)
        record = self._record(running, image, interpreter, packages, start, log)
        launch = LaunchSpec(
            display_name=self._display_name,
            image=Path(image.path),
            argv=start.argv,
            environment=start.environment,
            unset=[*_NEVER_INSIDE, *(pattern for each in self._session.languages.values() for pattern in each.unset)],
            binds=[*_packages_bind(packages), *self._request.binds],
            gpu=self._request.gpu,
            log=log,
        )
        return kernelspecs.stage(
            workspace,
            self._slug,
            display_name=self._display_name,
            language=interpreter.language,
            metadata=start.metadata,
            record=record,
            script=self._session.runtimes[self._runtime.name].start_script(self._runtime, launch),
            logo=fill("logo.svg.j2", logo=language.logo, title=language.title),
        )

    def _record(
        self,
        running: RunningTask,
        image: ImageRecord,
        interpreter: Interpreter,
        packages: Path,
        start: KernelStart,
        log: Path,
    ) -> Record:
        language = self._session.languages[interpreter.language]
        return Record(
            schema=kernelspecs.SCHEMA,
            image=image,
            runtime=KernelRuntime(self._runtime.name, self._runtime.path, self._runtime.version_text),
            language=interpreter.language,
            language_version=interpreter.version,
            interpreter=interpreter.path,
            gpu=self._request.gpu,
            packages=PackagesRecord(str(packages), paths.disk_usage(packages), language.installed(packages)),
            binds=list(self._request.binds),
            environment=dict(start.environment),
            log=str(log),
            task=running.task.id,
            created=now(),
        )

    async def _publish(self, running: RunningTask, staged: Path) -> None:
        """Move the kernel to where Jupyter looks, and see whether Jupyter sees it."""
        published = await asyncio.to_thread(kernelspecs.publish, staged, self._roots)
        seen = await self._session.jupyter.resource_dir(self._slug)
        if seen is not None and seen.resolve() == published.resolve():
            running.say(f"Published as {self._slug} in {published}.")
            return
        if seen is None:
            raise ContainerKernelsError(
                "slug_taken",
                f"Jupyter does not show the kernel {self._slug}: your site allows only certain kernel names here.",
                "Ask your site's support about KernelSpecManager.allowed_kernelspecs.",
            )
        raise ContainerKernelsError(
            "slug_taken",
            f"Jupyter shows another kernel named {self._slug}, from {seen}.",
            "Choose another kernel name under More.",
        )

    def _take_back(self, running: RunningTask) -> None:
        """Remove the kernel if this task has published it."""
        spec = kernelspecs.read(self._roots.kernels / self._slug)
        if spec is not None and spec.record.task == running.task.id:
            doomed = kernelspecs.withdraw(spec, self._roots)
            if doomed is not None:
                paths.remove_marked(doomed, self._roots.trash)


async def _to_its_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do what must not be left half done: a cancellation is raised when it has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _packages_bind(packages: Path) -> list[Bind]:
    """Show the packages inside when they lie outside of the home directory, which is visible anyway."""
    return [] if packages.is_relative_to(Path.home()) else [Bind(str(packages), None, False)]


def _unused(directory: Path) -> Path:
    """Return a path of that name that does not exist, for a directory that a kernel before left behind may."""
    number, path = 1, directory
    while path.exists():
        number += 1
        path = directory.with_name(f"{directory.name}-{number}")
    return path
