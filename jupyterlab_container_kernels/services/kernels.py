"""The kernels that are there: list, look at."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ContainerKernelsError, unanswered
from ..models import (
    Kernel,
    KernelDetails,
    KernelFile,
    KernelList,
    KernelLog,
    KernelStatus,
    RemovalItem,
    RunningKernel,
)
from ..system.kernel_dirs import Entry
from ..system.kernelspecs import Spec
from . import presentation, starts
from .deletion import DeletionService, freed
from .listing import Listing, Row
from .session import SessionService


class KernelService:
    """All container kernels that this user can see."""

    def __init__(self, session: SessionService, deletion: DeletionService) -> None:
        self._session = session
        self._deletion = deletion
        self._listing = Listing(session)
        #: What was made of each row, and with what around it; nothing of it is made again before one of them changes.
        self._made: dict[Row, tuple[presentation.Around, Kernel]] = {}

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
            with contextlib.suppress(ContainerKernelsError):  # the same: its packages are not counted in time
                items = await self._deletion.plan(spec)
        else:
            items = [presentation.only_itself(row, sum(each.size_bytes for each in files))]
        command = presentation.command(kernel) if kernel.ours else ""
        return KernelDetails(kernel, items, freed(items), running, list(row.entry.argv), files, command)

    async def log(self, slug: str) -> KernelLog:
        """Return the end of what the last start of a kernel wrote to standard error, and what became of it.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``timed_out``: the log's file system does not answer.
        """
        display_name, spec = await self._seen(slug)
        if spec is None:
            raise ContainerKernelsError(
                "not_found",
                f"There is no log of {display_name}: Container Kernels did not make it.",
                "Repair makes a kernel that logs its starts.",
            )
        path = Path(spec.record.log)
        try:
            chunk, start = await self._session.patience.ask(
                ("log", path), lambda: starts.read_last(path, spec.display_name)
            )
        except TimeoutError as error:
            raise unanswered(path) from error
        return KernelLog(chunk.text, chunk.offset, chunk.next_offset, chunk.size_bytes, chunk.path, start)

    async def seen_spec(self, slug: str) -> Spec:
        """Return a kernel of ours, the user's own or one that others share.

        Raises
        ------
        ContainerKernelsError
            ``not_found``; ``not_ours``: somebody else made it.
        """
        display_name, spec = await self._seen(slug)
        if spec is None:
            raise ContainerKernelsError(
                "not_ours", f"Container Kernels did not make {display_name}.", "Repair makes one like it."
            )
        return spec

    async def _seen(self, slug: str) -> tuple[str, Spec | None]:
        """Return what a kernel is called, and what we know of it; the user's own is found without the others."""
        try:
            spec = await self.spec(slug)
        except ContainerKernelsError:
            kernel, row = await self._find(slug)
            return kernel.display_name, row.entry.spec
        return spec.display_name, spec

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
        return presentation.judge(*found, self._version(*found)) if found else []

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
        made: dict[Row, tuple[presentation.Around, Kernel]] = {}
        for row in rows:
            around = self._around(row, running, images, shared)
            before = self._made.get(row)
            if before is None or before[0] != around:
                before = around, presentation.kernel(row, around)
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
    ) -> presentation.Around:
        spec = row.entry.spec
        packages = spec.record.packages.shared if spec is not None else None
        return presentation.Around(
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
