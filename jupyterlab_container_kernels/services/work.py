"""The phases in which a kernel is made: resolve → acquire → inspect → install → verify → publish. All or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..acquire.local_image import LocalImage
from ..containers import LaunchSpec
from ..diagnosis import explain
from ..errors import ContainerKernelsError
from ..languages.base import Interpreter, KernelStart, Language, Packages
from ..models import AddRequest, KernelRuntime, RepairAction, now
from ..runtimes.base import FoundRuntime
from ..system import kernelspecs, paths
from ..system.kernelspecs import ImageRecord, PackagesRecord, Record, Spec
from ..system.scripts import fill
from . import check, elsewhere, sets
from .images import ImageService, Wish
from .install import Inspected, InstallService
from .pull_ways import way_of
from .running_task import RunningTask
from .session import SessionService

#: Host variables that reach no kernel, isolated or not: secrets, and what poisons another system.
_NEVER_INSIDE = (
    "LD_PRELOAD", "BASH_ENV", "ENV", "JUPYTER_TOKEN", "JUPYTERHUB_*TOKEN*", "JPY_API_TOKEN", "APPTAINER_DOCKER_*",
    "SINGULARITY_DOCKER_*", "DOCKER_PASSWORD", "DOCKER_USERNAME",
)  # fmt: skip
#: What belongs to the host's own installations, whatever the language of the kernel.
_NOT_INSIDE_ISOLATED = ("PERL5LIB", "PERLLIB", "R_*", "JULIA_*", "LMOD_*", "_ModuleTable*", "__LMOD*")

#: What leaves the image, and the set of packages, as it is.
_SAME_IMAGE = ("reinstall", "edit", "find_runtime", "duplicate")
_SAME_PACKAGES = ("edit", "find_runtime", "duplicate")

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Parameters
    ----------
    request : AddRequest
        Checked.
    display_name, slug : str
    runtime : FoundRuntime
    replaces : Spec or None
        The kernel that is mended or changed; it stays as it is until the new one has answered.
    like : Spec or None
        The kernel whose image and shared packages the new one has as well.
    action : str or None
        What of such a kernel is made anew.
    """

    request: AddRequest
    display_name: str
    slug: str
    runtime: FoundRuntime
    replaces: Spec | None = None
    like: Spec | None = None
    action: RepairAction | Literal["edit", "duplicate"] | None = None

    @property
    def before(self) -> Record | None:
        """What is known of the kernel that is mended, changed or doubled."""
        spec = self.replaces or self.like
        return spec.record if spec else None


@dataclass(frozen=True)
class Places:
    """Directories of the kernel that is made; a log that is no full path lies below the state of whoever starts it."""

    workspace: Path
    packages: Packages
    log: Path


def as_request(spec: Spec) -> AddRequest:
    """Return what would add a kernel as it is, from its image file."""
    record = spec.record
    return AddRequest(
        image=record.image.path,
        display_name=spec.display_name,
        gpu=record.gpu,
        binds=record.binds,
        interpreter=record.interpreter,
        environment=record.environment,
        isolated=record.isolated,
    )


class Work:
    """The six phases of one plan, as the work of a task."""

    def __init__(self, session: SessionService, images: ImageService, installer: InstallService, plan: Plan) -> None:
        self._session = session
        self._roots = session.roots
        self._images = images
        self._installer = installer
        self._plan = plan

    async def __call__(self, running: RunningTask) -> None:
        """Make the kernel, or leave nothing of it.

        Raises
        ------
        ContainerKernelsError
            ``invalid_environment``: a variable is the kernel's own; ``slug_taken``: Jupyter shows no kernel or another
            one under its name; what the phases raise: :meth:`.ImageService.acquire`, :meth:`.InstallService.inspect`,
            :meth:`.InstallService.install`, :func:`.check.verify`.
        """
        try:
            await self._do(running)
        except OSError as error:
            raise explain(str(error), "writing the kernel's files", "internal") from error

    async def _do(self, running: RunningTask) -> None:
        plan, runtime = self._plan, self._plan.runtime
        running.say(f"{runtime.title} {runtime.version_text} at {runtime.path}")
        image = await self._image(running)
        async with running.phase("inspect", "Looking into the image"):
            inspected = await self._installer.inspect(runtime, Path(image.path), running.say)
            interpreter = self._choose(inspected)
            running.say(f"{self._language(interpreter).title_of(interpreter)} at {interpreter.path} is taken.")

        places = await self._places(running, runtime, interpreter, Path(image.path))
        async with running.phase("verify", "Starting the kernel once"):
            staged = await to_its_end(asyncio.to_thread(self._stage, running, image, inspected, interpreter, places))
            language = self._language(interpreter)
            timeout_s = self._session.settings.start_timeout_s
            log = self._roots.state / places.log
            seen = await check.verify(running, staged, language, log, timeout_s, plan.request.gpu)
            await to_its_end(asyncio.to_thread(kernelspecs.amend, staged, start_s=seen.start_s, gpu_name=seen.gpu_name))

        async with running.phase("publish", "Putting the tile into the Launcher"):
            await self._publish(running, staged)
            for path in (places.packages.own, places.packages.shared, places.log.parent):
                if path is not None:
                    running.keeps(path)

    def _choose(self, inspected: Inspected) -> Interpreter:
        wanted = self._plan.request.interpreter
        if self._plan.action in ("relink", "update") and wanted not in {each.path for each in inspected.interpreters}:
            wanted = None  # another image may well have it elsewhere
        return self._installer.choose(inspected, wanted)

    async def _image(self, running: RunningTask) -> ImageRecord:
        plan = self._plan
        before = plan.before.image if plan.before else None
        if before and plan.action in _SAME_IMAGE:
            await running.uses(Path(before.path))
            found = await self._images.resolution.look_at(Path(before.path))
            for phase in ("resolve", "acquire"):
                running.skip(phase, f"The image stays: {before.path}")
            return await asyncio.to_thread(as_it_is, before, found)
        way = way_of(self._session.settings, plan.request.pull_from)
        async with running.phase("resolve", f"Looking for {plan.request.image.strip()}"):
            shown = plan.action is None  # whoever mends a kernel wants to know what is there now
            resolved = await elsewhere.look_up(self._images.resolution, plan.request.image, way, shown=shown)
        wish = Wish(plan.request.image_dir, plan.request.by_runtime, anew=plan.action == "pull", way=way)
        image = await self._images.acquire(running, resolved, plan.runtime, wish)
        image = replace(image, pull_from=plan.request.pull_from, by_runtime=plan.request.by_runtime)
        if before and plan.action == "update":  # the tag names another image now, and goes on to be what it is called
            return replace(image, reference=before.reference, source=before.source)
        if before and _is_same(before, image):
            # the same image: what the user called it, and where it came from, still hold
            return replace(image, reference=before.reference, source=before.source, digest=before.digest)
        return image

    async def _places(
        self, running: RunningTask, runtime: FoundRuntime, interpreter: Interpreter, image: Path
    ) -> Places:
        """Make the directories of the kernel, and install what the image lacks."""
        plan, roots = self._plan, self._roots
        workspace = await self._own_directory(running, roots.staging / running.task.id)
        before = plan.replaces.record if plan.replaces else None
        name = f"{plan.slug}-kernel" if plan.slug == sets.NAME else plan.slug
        own = await self._kept(running, Path(before.packages.path) if before else None, roots.packages, name)
        logs = await self._kept(running, Path(before.log).parent if before else None, roots.logs, plan.slug)
        anew = plan.action == "reinstall"
        used = plan.before.packages.shared if plan.before and plan.action in _SAME_PACKAGES else None
        shared = await self._installer.install(
            running, runtime, interpreter, image, own, workspace, anew=anew, keep=Path(used) if used else None
        )
        return Places(workspace, Packages(own, shared), logs / "last-start")

    async def _own_directory(self, running: RunningTask, directory: Path) -> Path:
        await running.owns(directory)
        return await to_its_end(asyncio.to_thread(paths.make_marked, directory))

    async def _kept(self, running: RunningTask, before: Path | None, root: Path, name: str) -> Path:
        """Return the directory that a mended kernel has, with what the user put there, if it is ours, or a new one.

        A new one goes again if the task fails.
        """
        if before is not None and await asyncio.to_thread(paths.is_ours, before, root):
            return before
        while True:
            directory = await asyncio.to_thread(paths.unused, root / name)
            try:
                return await self._own_directory(running, directory)
            except FileExistsError:  # another server of this user was quicker, and it is that one's
                running.keeps(directory)

    def _language(self, interpreter: Interpreter) -> Language:
        return self._session.languages[interpreter.language]

    def _stage(
        self,
        running: RunningTask,
        image: ImageRecord,
        inspected: Inspected,
        interpreter: Interpreter,
        places: Places,
    ) -> Path:
        plan, request = self._plan, self._plan.request
        language = self._language(interpreter)
        language.prepare(interpreter, places.packages, request.isolated)
        start = language.start(interpreter, places.packages, request.isolated)
        unset = list(_NEVER_INSIDE)
        if request.isolated:
            unset += _NOT_INSIDE_ISOLATED
            unset += [pattern for each in self._session.languages.values() for pattern in each.unset]
        launch = LaunchSpec(
            display_name=plan.display_name,
            image=Path(image.path),
            argv=start.argv,
            environment=_environment(start, request),
            unset=unset,
            binds=request.binds,
            gpu=request.gpu,
            log=places.log,
            needed=[each for each in (places.packages.own, places.packages.shared) if each is not None],
            isolated=request.isolated,
            locales=inspected.locales,
        )
        return kernelspecs.stage(
            places.workspace,
            plan.slug,
            display_name=plan.display_name,
            language=language.kernelspec_language(interpreter),
            interrupt_mode=start.interrupt_mode,
            metadata=start.metadata,
            record=self._record(running, image, interpreter, places),
            script=self._session.runtimes[plan.runtime.name].start_script(plan.runtime, launch),
            logo=fill("logo.svg.j2", logo=language.logo, title=language.title),
        )

    def _record(self, running: RunningTask, image: ImageRecord, interpreter: Interpreter, places: Places) -> Record:
        plan, request, packages = self._plan, self._plan.request, places.packages
        language = self._language(interpreter)
        return Record(
            schema=kernelspecs.SCHEMA,
            image=image,
            runtime=KernelRuntime(plan.runtime.name, plan.runtime.path, plan.runtime.version_text),
            language=interpreter.language,
            language_version=interpreter.version,
            interpreter=interpreter.path,
            gpu=request.gpu,
            gpu_name=None,
            packages=PackagesRecord(
                path=str(packages.own),
                shared=str(packages.shared) if packages.shared else None,
                size_bytes=paths.disk_usage(packages.shared or packages.own),
                installed=language.installed(packages.shared) if packages.shared else [],
            ),
            binds=list(request.binds),
            environment=dict(request.environment),
            isolated=request.isolated,
            start_s=None,
            log=str(places.log),
            task=running.task.id,
            created=plan.replaces.record.created if plan.replaces else now(),
        )

    async def _publish(self, running: RunningTask, staged: Path) -> None:
        """Put the kernel where Jupyter looks; a cancellation is too late for one that is mended."""
        replaces = self._plan.replaces
        if replaces is not None:
            await to_its_end(asyncio.to_thread(kernelspecs.overwrite, staged, replaces, self._roots))
            running.say(f"{self._plan.display_name} was {'changed' if self._plan.action == 'edit' else 'mended'}.")
            old = replaces.record.packages.shared
            if self._plan.slug in await self._session.jupyter.running():
                running.outcome = f"{self._plan.display_name} runs as before; what is new holds from its next start on"
            elif old is not None and sets.is_set(Path(old), self._roots):
                await running.owns(Path(old))  # it goes, unless another kernel or the mended one uses it
            return
        try:
            await to_its_end(self._publish_new(running, staged))
        except BaseException:
            await to_its_end(asyncio.to_thread(self._take_back, running))
            raise

    async def _publish_new(self, running: RunningTask, staged: Path) -> None:
        """Move the kernel to where Jupyter looks, and see whether Jupyter sees it."""
        slug = self._plan.slug
        published = await asyncio.to_thread(kernelspecs.publish, staged, self._roots)
        seen = await self._session.jupyter.resource_dir(slug)
        if seen is not None and seen.resolve() == published.resolve():
            running.say(f"Published as {slug} in {published}.")
            return
        if seen is None:
            raise ContainerKernelsError(
                "slug_taken",
                f"Jupyter does not show the kernel {slug}: your site allows only certain kernel names here.",
                "Ask your site's support about KernelSpecManager.allowed_kernelspecs.",
            )
        raise ContainerKernelsError(
            "slug_taken",
            f"Jupyter shows another kernel named {slug}, from {seen}.",
            "Choose another kernel name under More.",
        )

    def _take_back(self, running: RunningTask) -> None:
        """Remove the kernel if this task has published it."""
        spec = kernelspecs.read(self._roots.kernels / self._plan.slug)
        if spec is not None and spec.record.task == running.task.id:
            doomed = kernelspecs.withdraw(spec, self._roots)
            if doomed is not None:
                paths.remove_marked(doomed, self._roots.trash)


def _is_same(before: ImageRecord, image: ImageRecord) -> bool:
    """Tell whether two records are of the same image, wherever it lies."""
    if image.digest is not None:
        return image.digest == before.digest
    return image.sif_id == before.sif_id if image.sif_id is not None else image.path == before.path


def as_it_is(image: ImageRecord, found: LocalImage) -> ImageRecord:
    """Return the record of an image that may have been replaced since: what it was a pull of, it is no longer.

    Raises
    ------
    OSError
        It was removed at this moment.
    """
    status = Path(image.path).stat()
    size = 0 if found.unpacked else status.st_size
    is_same = image.sif_id in (None, found.id) and size == image.size_bytes and found.unpacked == image.unpacked
    return replace(
        image,
        size_bytes=size,
        mtime_ns=status.st_mtime_ns,
        sif_id=found.id,
        digest=image.digest if is_same else None,
        unpacked=found.unpacked,
    )


def _environment(start: KernelStart, request: AddRequest) -> dict[str, str]:
    """Return all variables that have to have these values inside.

    Raises
    ------
    ContainerKernelsError
        ``invalid_environment``: the user wants to set what makes the kernel work.
    """
    for name in request.environment:
        if name in start.environment:
            raise ContainerKernelsError(
                "invalid_environment",
                f"The variable {name} cannot be set: it tells the kernel where its packages are.",
                "Remove it under More.",
            )
    return {**request.environment, **start.environment}


async def to_its_end(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do what must not be left half done: a cancellation is raised when it has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
