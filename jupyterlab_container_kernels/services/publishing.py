"""Shares kernels from a folder that others can read: a copy for all, which only its owner can withdraw.

The kernel there is made anew for where its files lie then, and is seen only when it has answered, as any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..errors import ContainerKernelsError, unanswered
from ..languages.base import Interpreter, Packages
from ..models import AddRequest, Freed, ShareItem, SharePlan, ShareRequest, Task
from ..runtimes.base import FoundRuntime
from ..system import kernelspecs, paths
from ..system.kernelspecs import ImageRecord, Spec
from . import shared_places
from .facts import others_may_write
from .images import ImageService, copy
from .install import InstallService
from .kernels import KernelService
from .requests import checked_environment
from .running_task import RunningTask
from .session import SessionService
from .shared_places import SharedPlace
from .store import is_stored
from .tasks import TaskService
from .work import Places, Plan, Work, as_it_is, as_request, to_its_end

_Result = TypeVar("_Result")

#: How long a folder has to answer, and how long packages may take to be added up, in seconds.
_LOOK_TIMEOUT_S = 10.0
#: What names of variables that log in have in them, and what their values look like.
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASS(W|PHRASE|$)|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|COOKIE|(^|_)(KEY|AUTH|PAT|PWD)$"
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]+:[^/\s@]+@|-----BEGIN|^(gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abp]-|AKIA|ASIA|eyJ)|(?i:bearer\s)"
)
#: What Python keeps of its own; it is made again where it can be written.
_NOT_COPIED = ("pycache", paths.MARKER)


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a variable looks like one that logs in somewhere."""
    return bool(value) and bool(_SECRET_NAME.search(name.upper()) or _SECRET_VALUE.search(value))


@dataclass(frozen=True)
class _Planned:
    """What sharing one kernel means."""

    spec: Spec
    place: SharedPlace
    items: list[ShareItem]
    environment: dict[str, str]
    left_out: list[str]

    @property
    def copies_image(self) -> bool:
        return any(item.what == "image" and item.copied for item in self.items)


class PublishingService:
    """Says what sharing a kernel means, shares it, and withdraws it."""

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

    async def plan(self, slug: str, request: ShareRequest) -> SharePlan:
        """Return what sharing a kernel would copy, who could use it, and what they have to do for that.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``; ``invalid_environment``: what was named cannot be a variable;
            ``invalid_directory``: it is not safe, or nobody could read it; ``slug_taken``: a kernel of this name is
            shared from there; ``image_not_found``, ``image_unusable``: its image is gone, or cannot be shared;
            ``disk_full``; ``timed_out``.
        """
        planned = await self._plan(slug, request)
        place = planned.place
        return SharePlan(
            directory=str(place.directory),
            readers=await self._ask("readers", place.directory, place.readers),
            items=planned.items,
            left_out=planned.left_out,
            remarks=place.remarks + await self._ask(f"what {slug} mounts", place.directory, lambda: _unseen(planned)),
            line=self._line(place),
        )

    async def publish(self, slug: str, request: ShareRequest) -> Task:
        """Begin to share a kernel. What is not safe is refused at once, as :meth:`plan` does.

        Raises
        ------
        ContainerKernelsError
            As :meth:`plan`; as :meth:`.TaskService.require_idle`.
        """
        planned = await self._plan(slug, request)
        runtime = await self._session.find_runtime()
        spec = planned.spec
        self._tasks.require_idle(slug, spec.display_name)
        added = replace(as_request(spec), environment=planned.environment)
        work = _Sharing(self._session, self._images, self._installer, planned, added, runtime)
        return await self._tasks.start(added, spec.display_name, slug, work, job="share", share=request)

    async def withdraw(self, slug: str, directory: str) -> Freed:
        """Remove a kernel that this user has shared, with what was copied for it, for good.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``not_ours``; ``invalid_directory``: it cannot be read; ``kernel_running``; ``forbidden``;
            ``timed_out``.
        """
        path = Path(directory)
        spec = await self._ask("kernel", path, lambda: kernelspecs.read(path))
        if spec is None or spec.slug != slug:
            raise _not_shared(slug, path)
        data = await self._ask("share", path, lambda: shared_places.require_own_share(spec))
        seen = await self._session.jupyter.resource_dir(slug)
        running = (await self._session.jupyter.running()).get(slug, [])
        if running and seen is not None and await self._ask("seen", path, lambda: seen.resolve() == path.resolve()):
            titles = ", ".join(each.title for each in running)
            raise ContainerKernelsError(
                "kernel_running", f"{spec.display_name} is in use by you: {titles}.", "Shut it down first."
            )
        return Freed(await to_its_end(asyncio.to_thread(self._remove, spec, data)))

    def _remove(self, spec: Spec, data: Path) -> int:
        """Take a kernel out of sight in one step, then remove all of it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``: it is gone already; ``forbidden``: it could not be taken out of sight, or something of it
            stays.
        """
        try:
            if not data.exists():
                paths.make_marked(data)
            spec.resource_dir.rename(shared_places.withdrawn(data))
        except OSError as error:
            is_gone = isinstance(error, FileNotFoundError) and not os.path.lexists(spec.resource_dir)
            if is_gone:  # another server was quicker
                paths.remove_marked(data, data.parent)
                raise _not_shared(spec.slug, spec.resource_dir) from error
            raise ContainerKernelsError(
                "forbidden",
                f"{spec.display_name} was not withdrawn: {error.filename or data}: {error.strerror}.",
                "Check its permissions.",
            ) from error
        try:
            size = paths.remove_marked(data, data.parent)
        except OSError as error:
            raise ContainerKernelsError(
                "forbidden",
                f"{spec.display_name} is withdrawn, but {error.filename or data} was not removed: {error.strerror}.",
                f"Remove {data} yourself.",
            ) from error
        with contextlib.suppress(OSError):  # a log or a note too many does no harm
            logs = self._session.roots.logs / data.name
            if logs.is_dir() and not logs.is_symlink():
                paths.remove_tree(logs)
            if not [each for each in spec.resource_dir.parent.glob("*") if kernelspecs.read(each)]:
                shared_places.note(self._session.roots.state, spec.resource_dir.parent.parent, is_used=False)
        return size

    async def _plan(self, slug: str, request: ShareRequest) -> _Planned:
        checked_environment(dict.fromkeys(request.environment, ""))
        spec = await self._kernels.spec(slug)
        await asyncio.to_thread(kernelspecs.require_ours, spec, self._session.roots)
        named = Path(request.directory)
        place = await self._ask("place", named, lambda: shared_places.find(request.directory))
        items = await self._ask(f"what {slug} needs", place.directory, lambda: self._items(spec, place))
        left_out = [
            name
            for name, value in spec.record.environment.items()
            if looks_secret(name, value) and name not in request.environment
        ]
        environment = {name: value for name, value in spec.record.environment.items() if name not in left_out}
        return _Planned(spec, place, items, environment, left_out)

    def _items(self, spec: Spec, place: SharedPlace) -> list[ShareItem]:
        """Return what is copied and what is used where it lies, if that can be done."""
        if os.path.lexists(place.kernels / spec.slug):
            raise ContainerKernelsError(
                "slug_taken",
                f"A kernel named {spec.slug} is shared from {place.directory} already.",
                "Withdraw it first if it is yours, or name another folder.",
            )
        record = spec.record
        image = Path(record.image.path)
        unpacked = record.image.unpacked and image.is_dir()
        if not image.is_file() and not unpacked:
            what = "its image is a folder" if image.is_dir() else f"its image is not at {image}"
            raise ContainerKernelsError(
                "image_not_found", f"{spec.display_name} cannot be shared: {what}.", "Repair it."
            )
        # what is in the user's own store goes when the user deletes the kernel
        is_safe = place.audience.may_read(image) and not others_may_write(image.stat())
        copied = is_stored(image, self._session.roots.images) or not is_safe
        if copied and unpacked:
            why = f"others may not read its image folder {image}, or may change it"
            raise ContainerKernelsError(
                "image_unusable",
                f"{spec.display_name} cannot be shared: {why}.",
                "Share a kernel whose image is a file, or change the folder's permissions.",
            )
        items = [ShareItem("image", str(image), 0 if unpacked else image.stat().st_size, copied)]
        for path in (record.packages.path, record.packages.shared):
            if path is not None:
                items.append(ShareItem("packages", path, paths.disk_usage(Path(path)), True))
        needed = sum(item.size_bytes for item in items if item.copied)
        free, _total = paths.disk_room(place.directory)
        if free is not None and free < needed:
            raise ContainerKernelsError(
                "disk_full",
                f"{place.directory} has room for {free / 1e9:.1f} GB, and {needed / 1e9:.1f} GB are to be copied.",
                "Name another folder, or make room there.",
            )
        return items

    async def _ask(self, what: str, path: Path, question: Callable[[], _Result]) -> _Result:
        """Return what is known of a folder, which may hang; the same is not asked twice meanwhile."""
        try:
            return await self._session.patience.ask(("sharing", what, path), question, _LOOK_TIMEOUT_S)
        except TimeoutError as error:
            raise unanswered(path) from error
        except OSError as error:
            raise ContainerKernelsError(
                "invalid_directory",
                f"{error.filename or path} cannot be read: {error.strerror}.",
                "Name another folder.",
            ) from error

    def _line(self, place: SharedPlace) -> str | None:
        """Return what a colleague types once to see the kernels; ``None`` where this Jupyter looks there anyway."""
        if str(place.kernels) in self._session.jupyter.kernel_dirs:
            return None
        named = str(place.directory).replace("\\", "\\\\").replace("'", "'\\''").replace('"', '\\"')
        setting = f'c.ContainerKernelsApp.shared_kernel_dirs.append("{named}")'
        return f"mkdir -p ~/.jupyter && echo '{setting}' >> ~/.jupyter/jupyter_container_kernels_config.py"


class _Sharing(Work):
    """The six phases of sharing: image and packages are copied, the rest is as for every kernel."""

    def __init__(
        self,
        session: SessionService,
        images: ImageService,
        installer: InstallService,
        planned: _Planned,
        request: AddRequest,
        runtime: FoundRuntime,
    ) -> None:
        spec = planned.spec
        plan = Plan(request, spec.display_name, spec.slug, runtime, like=spec, action="duplicate")
        super().__init__(session, images, installer, plan)
        self._planned = planned
        self._place = planned.place
        self._data = planned.place.data / f"{spec.slug}-{secrets.token_hex(4)}"

    async def _image(self, running: RunningTask) -> ImageRecord:
        before = self._planned.spec.record.image
        image = Path(before.path)
        await running.uses(image)
        running.skip("resolve", f"The image is here: {image}")
        found = await self._images.resolution.look_at(image)
        await to_its_end(asyncio.to_thread(self._place.make))
        await running.owns(self._data)
        await to_its_end(asyncio.to_thread(paths.make_marked, self._data))
        if not self._planned.copies_image:
            running.skip("acquire", f"Others can read the image where it lies: {image}")
        else:
            async with running.phase("acquire", f"Copying the image to {self._place.directory}"):
                await copy(running, image, self._data / "image.sif")
            image = self._data / "image.sif"
        made = replace(before, path=str(image), stored=False)
        return await asyncio.to_thread(as_it_is, made, found)

    async def _places(
        self, running: RunningTask, runtime: FoundRuntime, interpreter: Interpreter, image: Path
    ) -> Places:
        packages = self._planned.spec.record.packages
        own = self._data / "packages"
        shared = self._data / "shared-packages" if packages.shared else None
        async with running.phase("install", "Copying packages"):
            for source, target in ((packages.path, own), (packages.shared, shared)):
                if source is not None and target is not None:
                    await _copy_packages(Path(source), target)
        # a log is of whoever starts the kernel; that of the first start goes with the task
        await self._own_directory(running, self._roots.logs / self._data.name)
        return Places(self._data, Packages(own, shared), Path("logs", self._data.name, "last-start"))

    async def _publish(self, running: RunningTask, staged: Path) -> None:
        await super()._publish(running, staged)
        running.keeps(self._data)
        running.outcome = f"{self._plan.display_name} is shared from {self._place.directory}"
        if self._planned.left_out:
            running.say(f"Left out, as they look like passwords: {', '.join(self._planned.left_out)}.")

    async def _publish_new(self, running: RunningTask, staged: Path) -> None:
        await asyncio.to_thread(self._publish_now, staged)

    def _take_back(self, running: RunningTask) -> None:
        spec = kernelspecs.read(self._place.kernels / self._plan.slug)
        if spec is not None and spec.record.task == running.task.id:
            spec.resource_dir.rename(shared_places.withdrawn(self._data))  # which goes with the task

    def _publish_now(self, staged: Path) -> None:
        target = self._place.kernels / staged.name
        shared_places.give(self._data, self._place.audience)
        if os.path.lexists(target):
            raise kernelspecs.taken(staged.name)
        shared_places.note(self._roots.state, self._place.directory, is_used=True)
        try:
            staged.rename(target)
        except OSError as error:
            if os.path.lexists(target):
                raise kernelspecs.taken(staged.name) from error
            raise
        with contextlib.suppress(OSError):  # it is shared, whatever comes now
            staged.parent.rmdir()


async def _copy_packages(source: Path, target: Path) -> None:
    """Copy packages as they are; nothing is written any more when a cancellation is raised."""
    stop = threading.Event()
    copying = asyncio.ensure_future(asyncio.to_thread(_copy_tree, source, target, stop))
    try:
        await asyncio.shield(copying)
    finally:
        stop.set()
        await asyncio.wait({copying})


def _copy_tree(source: Path, target: Path, stop: threading.Event) -> None:
    """Copy a tree that its owner can write then, or a part of it, if it is to stop meanwhile."""
    not_copied = shutil.ignore_patterns(*_NOT_COPIED)

    def ignored(directory: str, names: list[str]) -> set[str]:
        return set(names) if stop.is_set() else not_copied(directory, names)

    def copy_one(one: str, to: str) -> None:
        if not stop.is_set():
            shutil.copy2(one, to)

    shutil.copytree(source, target, symlinks=True, ignore=ignored, copy_function=copy_one)
    for directory, _, _ in os.walk(target):
        Path(directory).chmod(0o700)


def _not_shared(slug: str, directory: Path) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_found",
        f"There is no shared kernel {slug} in {directory.parent}.",
        "It was withdrawn, maybe in another tab.",
    )


def _unseen(planned: _Planned) -> list[str]:
    """Return what colleagues will miss of the folders that a kernel mounts."""
    may_read = planned.place.audience.may_read
    sources = [Path(bind.source).expanduser() for bind in planned.spec.record.binds]
    return [f"They may not read {each}, which the kernel mounts." for each in sources if not may_read(each)]
