"""The kernels that are there: list, look at."""

from __future__ import annotations

import asyncio
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import ContainerKernelsError
from ..models import (
    Kernel,
    KernelDetails,
    KernelFile,
    KernelImage,
    KernelList,
    KernelLog,
    KernelPackages,
    KernelRuntime,
    KernelStatus,
    RemovalItem,
    RunningKernel,
)
from ..system.kernel_dirs import Entry
from ..system.kernelspecs import Spec
from . import starts, status
from .deletion import DeletionService, freed
from .facts import ImageFacts
from .listing import Listing, Row
from .package_facts import OwnFacts
from .session import SessionService

_OURS = "Container Kernels"


@dataclass(frozen=True)
class _Around:
    """What is to be said of a kernel and does not stand in its own row."""

    running: int
    used_by: int
    shared_by: int
    version: str | None


class KernelService:
    """All container kernels that this user can see."""

    def __init__(self, session: SessionService, deletion: DeletionService) -> None:
        self._session = session
        self._deletion = deletion
        self._listing = Listing(session)
        #: What was made of each row, and with what around it; nothing of it is made again before one of them changes.
        self._made: dict[Row, tuple[_Around, Kernel]] = {}

    async def list_kernels(self) -> KernelList:
        """Return all container kernels, by display name, with what a quick look at their files tells."""
        return KernelList([kernel for kernel, _ in await self._look()])

    async def get(self, slug: str, directory: str | None = None) -> KernelDetails:
        """Return one kernel, and what deleting it would remove; of several with a name, the one that Jupyter shows.

        Where a file system does not answer, what deleting would remove is left out.

        Parameters
        ----------
        slug : str
        directory : str or None
            The folder of the one that is meant, which Jupyter may not show.

        Raises
        ------
        ContainerKernelsError
            ``not_found``
        """
        kernel, row = await self._find(slug, directory)
        running = (await self._session.jupyter.running()).get(slug, []) if row.is_shown or directory is None else []
        files = [KernelFile(*each) for each in await self._listing.files(row)]
        spec = row.entry.spec
        items: list[RemovalItem] = []
        if "unknown" in {each.code for each in (kernel.status, *kernel.notes)}:
            pass  # nobody can tell, and whoever wants to delete it is told so
        elif spec is not None and not row.is_read_only:
            items = await self._deletion.plan(spec)
        else:
            items = [_only_itself(row, sum(each.size_bytes for each in files))]
        command = _command(kernel) if kernel.ours else ""
        return KernelDetails(kernel, items, freed(items), running, list(row.entry.argv), files, command)

    async def log(self, slug: str) -> KernelLog:
        """Return the end of what the last start of a kernel wrote to standard error, and what became of it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``timed_out``: the log's file system does not answer.
        """
        spec = await self._logged(slug)
        path = Path(spec.record.log)
        try:
            chunk, start = await self._session.patience.ask(
                ("log", path), lambda: starts.read_last(path, spec.display_name)
            )
        except TimeoutError as error:
            raise ContainerKernelsError(
                "timed_out", f"The file system of {path} does not answer.", "Try again when it does."
            ) from error
        return KernelLog(chunk.text, chunk.offset, chunk.next_offset, chunk.size_bytes, chunk.path, start)

    async def seen_spec(self, slug: str) -> Spec:
        """Return a kernel of ours, the user's own or one that others share.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``not_ours``: somebody else made it.
        """
        try:
            return await self.spec(slug)
        except ContainerKernelsError:
            kernel, row = await self._find(slug)
        if row.entry.spec is None:
            raise ContainerKernelsError(
                "not_ours", f"Container Kernels did not make {kernel.display_name}.", "Repair makes one like it."
            )
        return row.entry.spec

    async def _logged(self, slug: str) -> Spec:
        """Return a kernel that logs its starts; the user's own are found without looking at all others."""
        try:
            return await self.spec(slug)
        except ContainerKernelsError:
            kernel, row = await self._find(slug)
        if row.entry.spec is None:
            raise ContainerKernelsError(
                "not_found",
                f"There is no log of {kernel.display_name}: Container Kernels did not make it.",
                "Repair makes a kernel that logs its starts.",
            )
        return row.entry.spec

    async def spec(self, slug: str) -> Spec:
        """Return a kernel of ours as it lies on the disk.

        Raises
        ------
        ContainerKernelsError
            ``not_found``
        """
        return await self._deletion.spec(slug)

    async def judge(self, slug: str) -> list[KernelStatus]:
        """Return what a quick look tells of one kernel of ours, without looking at the others."""
        found = await self._listing.look(slug)
        return _judge(*found, self._version(*found)) if found else []

    async def _find(self, slug: str, directory: str | None = None) -> tuple[Kernel, Row]:
        found = [
            (kernel, row)
            for kernel, row in await self._look()
            if kernel.slug == slug and directory in (None, row.entry.directory)
        ]
        if not found:
            raise ContainerKernelsError(
                "not_found", f"There is no container kernel {slug}.", "It was deleted, maybe in another tab."
            )
        return next((each for each in found if each[1].is_shown), found[0])

    async def _look(self) -> list[tuple[Kernel, Row]]:
        await self._deletion.tidy()
        rows, running = await asyncio.gather(self._listing.rows(), self._session.jupyter.running())
        return await asyncio.to_thread(self._kernels, rows, running)

    def _kernels(self, rows: list[Row], running: Mapping[str, list[RunningKernel]]) -> list[tuple[Kernel, Row]]:
        images = Counter(row.image for row in rows)
        shared = Counter(row.entry.spec.record.packages.shared for row in rows if row.entry.spec)
        made: dict[Row, tuple[_Around, Kernel]] = {}
        for row in rows:
            around = self._around(row, running, images, shared)
            before = self._made.get(row)
            if before is None or before[0] != around:
                spec = row.entry.spec
                before = around, _ours(row, spec, around) if spec else _foreign(row, around)
            made[row] = before
        self._made = made
        found = [(kernel, row) for row, (_, kernel) in made.items()]
        found.sort(key=lambda each: (each[0].display_name.casefold(), each[0].slug, not each[1].is_shown))
        return found

    def _around(
        self,
        row: Row,
        running: Mapping[str, list[RunningKernel]],
        images: Mapping[str, int],
        shared: Mapping[str | None, int],
    ) -> _Around:
        spec = row.entry.spec
        packages = spec.record.packages.shared if spec is not None else None
        return _Around(
            running=len(running.get(row.entry.slug, ())) if row.is_shown else 0,
            used_by=images[row.image] if row.image else 1,
            shared_by=shared[packages] if packages else 0,
            version=self._version(row.entry, row.seen),
        )

    def _version(self, entry: Entry, seen: Mapping[str, Any]) -> str | None:
        """Return the version that the runtime of a kernel of ours has now, if it is known."""
        changed = seen.get("runtime")
        if entry.spec is None or not isinstance(changed, int):
            return None
        return self._session.known_version(entry.spec.record.runtime.path, changed)


def _judge(entry: Entry, seen: Mapping[str, Any], version: str | None) -> list[KernelStatus]:
    """Return what is to be said of the files of a kernel of ours."""
    assert entry.spec is not None  # noqa: S101
    others = [each for name, each in seen.items() if name.startswith("program:") and isinstance(each, str)]
    return status.of_ours(entry.spec.record, seen, written_s=entry.written_s, version=version, others=others)


def _ours(row: Row, spec: Spec, around: _Around) -> Kernel:
    """Return a kernel of ours."""
    record, seen = spec.record, row.seen
    image, own = seen.get("image"), seen.get("own")
    judged = status.excuse(_judge(row.entry, seen, around.version), seen, row.entry.written_s)
    worst, notes = _summed_up(row, judged)
    last_used = status.last_used(record, seen)
    return Kernel(
        id=_id(row),
        slug=row.entry.slug,
        display_name=spec.display_name,
        language=spec.language,
        language_version=record.language_version or None,
        maker=_OURS,
        ours=True,
        read_only=row.is_read_only,
        owner=row.owner,
        withdrawable=row.is_withdrawable,
        status=worst,
        notes=notes,
        image=KernelImage(
            reference=record.image.reference,
            source=record.image.source,
            digest=record.image.digest,
            path=record.image.path,
            size_bytes=image.size_bytes if isinstance(image, ImageFacts) and not image.is_directory else None,
            stored=record.image.stored,
            unpacked=record.image.unpacked,
            used_by=around.used_by,
        ),
        runtime=record.runtime,
        interpreter=record.interpreter,
        gpu=record.gpu,
        gpu_name=record.gpu_name,
        packages=KernelPackages(
            record.packages.path,
            record.packages.size_bytes,
            record.packages.installed,
            own.added if isinstance(own, OwnFacts) else [],
            around.shared_by,
        ),
        binds=record.binds,
        environment=record.environment,
        isolated=record.isolated,
        start_s=record.start_s,
        created=record.created,
        last_used=_wire(last_used) if last_used else None,
        resource_dir=row.entry.directory,
        running=around.running,
    )


def _foreign(row: Row, around: _Around) -> Kernel:
    """Return a kernel that somebody else made, or that cannot be read."""
    entry, made = row.entry, row.foreign
    judged = status.of_foreign(made, row.seen) if made else []
    if entry.problem is not None:
        judged = [status.invalid(entry.directory, entry.problem, is_hidden=entry.is_hidden)]
    worst, notes = _summed_up(row, judged)
    image = row.seen.get("image")
    inside = made.argv[0] if made and made.argv and not made.argv[0].startswith("$") else ""
    return Kernel(
        id=_id(row),
        slug=entry.slug,
        display_name=entry.display_name,
        language=entry.language,
        language_version=None,
        maker=made.maker if made else _OURS if entry.problem and not entry.is_hidden else "",
        ours=False,
        read_only=row.is_read_only,
        owner=row.owner,
        withdrawable=False,
        status=worst,
        notes=notes,
        image=KernelImage(
            reference=made.image if made else "",
            source=made.image if made else "",
            digest=None,
            path=made.path if made else "",
            size_bytes=image.size_bytes if isinstance(image, ImageFacts) and not image.is_directory else None,
            stored=False,
            unpacked=isinstance(image, ImageFacts) and image.is_directory,
            used_by=around.used_by,
        ),
        runtime=KernelRuntime(made.runtime if made else "", made.program if made else "", None),
        interpreter=inside,
        gpu="on" if made and made.gpu else "off",
        gpu_name=None,
        packages=KernelPackages(None, None, [], [], 0),
        binds=made.binds if made else [],
        environment=made.environment if made else {},
        isolated=made.isolated if made else False,
        start_s=None,
        created=_wire(datetime.fromtimestamp(entry.written_s, timezone.utc)),
        last_used=None,
        resource_dir=entry.directory,
        running=around.running,
    )


def _id(row: Row) -> str:
    return row.entry.slug if row.is_shown else f"{row.entry.slug} {row.entry.directory}"


def _summed_up(row: Row, judged: list[KernelStatus]) -> tuple[KernelStatus, list[KernelStatus]]:
    """Return status and notes; of what mends a kernel, only what this user may do to it."""
    if row.is_read_only:
        judged = [replace(each, remedies=[what for what in each.remedies if what == "adopt"]) for each in judged]
    return status.sum_up([*_standing(row), *judged])


def _standing(row: Row) -> list[KernelStatus]:
    """Return what is to be said of how a kernel stands among the others."""
    found = []
    if not row.does_answer:
        found.append(status.unanswered(row.entry.directory))
    if row.is_withdrawable:
        return [*found, status.shared(row.entry.directory)]
    if row.shown_from is None:
        found.append(status.hidden())
    elif not row.is_shown:
        found.append(status.shadowed(row.shown_from))
    if row.is_read_only:
        found.append(status.read_only(row.entry.directory, row.owner))
    return found


def _only_itself(row: Row, size_bytes: int) -> RemovalItem:
    """Return what deleting a kernel removes of which nothing but its folder may go."""
    reason = "You cannot change it." if row.is_read_only else ""
    return RemovalItem("kernelspec", row.entry.directory, size_bytes, not row.is_read_only, reason, [])


def _command(kernel: Kernel) -> str:
    """Return the command that adds the same kernel from a terminal."""
    image = kernel.image.path if kernel.image.source == kernel.image.path else kernel.image.reference
    words = ["jupyter", "container-kernels", "add", image, "--name", kernel.display_name, "--kernel-name", kernel.slug]
    words += {"on": ["--gpu"], "off": ["--no-gpu"], "auto": []}[kernel.gpu]
    for bind in kernel.binds:
        if bind.read_only:
            words += ["--bind-read-only", bind.source, bind.destination or bind.source]
        elif bind.destination is None:
            words += ["--bind", bind.source]
        else:
            words += ["--bind-at", bind.source, bind.destination]
    words += ["--interpreter", kernel.interpreter]
    for name, value in kernel.environment.items():
        words += ["--env", f"{name}={value}"]
    return shlex.join(words if kernel.isolated else [*words, "--no-isolation"])


def _wire(moment: datetime) -> str:
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
