"""Images: how they get here. A file that the user names is used where it lies and is never ours to delete."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from .. import failures
from ..acquire import sif
from ..models import now
from ..runtimes.base import FoundRuntime
from ..system import paths, process
from ..system.kernelspecs import ImageRecord
from .resolution import TEMPORARY_FACTOR, ResolutionService, Resolved
from .session import SessionService
from .store import is_stored, is_whole, side_file, stored_path
from .tasks import RunningTask

_PROGRESS_INTERVAL_S = 0.5
#: What Apptainer says, and what that means.
_STEPS = (
    ("Fetching OCI image", "Downloading"),
    ("Extracting OCI image", "Unpacking the layers"),
    ("Creating SIF file", "Writing the image file; this takes the longest"),
)


class ImageService:
    """The image store of this user."""

    def __init__(self, session: SessionService) -> None:
        self.resolution = ResolutionService(session)
        self._session = session
        self._roots = session.roots
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def acquire(
        self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, *, anew: bool = False
    ) -> ImageRecord:
        """Bring the image to this machine if it is not here (or even then: ``anew``), and return what it is now."""
        if resolved.stored is not None and not (anew and resolved.reference.transport != "file"):
            running.image = resolved.stored
            running.skip("acquire", f"The image is here already: {resolved.stored}")
            return await self._record(resolved, resolved.stored)
        async with running.phase("acquire", f"Downloading {resolved.reference}"):
            key = resolved.manifest.digest if resolved.manifest else str(resolved.reference)
            running.image = stored_path(self._roots.images, key) if resolved.manifest else None
            async with self._locks[key]:  # two kernels of one image pull it once
                stored = stored_path(self._roots.images, key)
                if resolved.manifest is not None and not anew and await asyncio.to_thread(is_whole, stored):
                    running.say("Another kernel brought the image meanwhile.")
                    return await self._record(resolved, stored)
                return await self._pull(running, resolved, runtime)

    async def _pull(self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime) -> ImageRecord:
        settings, manifest = self._session.settings, resolved.manifest
        total = manifest.download_bytes if manifest else None
        await asyncio.to_thread(paths.make_private, self._roots.images)
        parent = await self._session.temporary_dir(int((total or 0) * TEMPORARY_FACTOR))
        await asyncio.to_thread(paths.make_private, parent)
        temporary = await asyncio.to_thread(paths.make_temporary, parent)
        partial = self._roots.images / f".{running.task.id}.partial.sif"
        await running.owns(temporary)
        await running.owns(partial)
        # named by its digest, so that what was looked at is what comes, even if the tag moves meanwhile
        source = resolved.reference.pinned(manifest.digest) if manifest else resolved.reference
        kind = self._session.runtimes[runtime.name]
        plan = kind.pull(runtime, str(source), partial, temporary, resolved.insecure, os.environ)

        def on_line(line: str) -> None:
            running.say(line)
            for said, meaning in _STEPS:
                if said in line:
                    running.update(message=meaning, progress=None)

        watching = asyncio.create_task(_watch(running, temporary, list(plan.downloads), partial, total))
        try:
            finished = await process.run(plan.command, timeout_s=settings.pull_timeout_s, on_line=on_line)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        if not await asyncio.to_thread(partial.is_file):
            raise failures.explain(finished.output, "pulling the image", "runtime_failed")
        await self.resolution.header(partial)
        if finished.returncode != 0:
            raise failures.explain(finished.output, "pulling the image", "runtime_failed")
        record = await asyncio.to_thread(self._store, resolved, partial)
        await asyncio.to_thread(paths.remove_marked, temporary, parent)
        running.keeps(temporary)
        running.keeps(partial)
        return record

    def _store(self, resolved: Resolved, partial: Path) -> ImageRecord:
        """Give a pulled image its place, with a side file that says what it is."""
        partial.chmod(0o600)
        header = sif.read_header(partial)
        digest = resolved.manifest.digest if resolved.manifest else None
        target = stored_path(self._roots.images, digest) if digest else self._roots.images / f"sif-{header.id}.sif"
        # the side file first: an image in the store always has one, and only those are ever removed
        record = _record(resolved, partial, header, stored=True, path=target)
        side = {**asdict(record), "created": now()}
        paths.write_private(side_file(target), json.dumps(side, indent=1, ensure_ascii=False) + "\n")
        partial.replace(target)
        return record

    async def _record(self, resolved: Resolved, path: Path) -> ImageRecord:
        header = await self.resolution.header(path)
        stored = resolved.reference.transport != "file" or await asyncio.to_thread(is_stored, path, self._roots.images)
        return await asyncio.to_thread(_record, resolved, path, header, stored=stored, path=path)


def _record(resolved: Resolved, file: Path, header: sif.SifHeader, *, stored: bool, path: Path) -> ImageRecord:
    status = file.stat()
    return ImageRecord(
        reference=resolved.given.strip(),
        source=str(resolved.reference),
        digest=resolved.manifest.digest if resolved.manifest else None,
        path=str(path),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sif_id=header.id,
        stored=stored,
    )


async def _watch(running: RunningTask, temporary: Path, downloads: list[str], partial: Path, total: int | None) -> None:
    """Tell how much was downloaded: Apptainer draws no progress when nobody looks, but its files grow."""

    def measure() -> int:
        sizes = [file.lstat().st_size for pattern in downloads for file in temporary.glob(pattern)]
        if not downloads and partial.exists():
            sizes.append(partial.lstat().st_size)
        return sum(sizes)

    last = -1
    while True:
        with contextlib.suppress(OSError):
            done = await asyncio.to_thread(measure)
            if (
                done != last
                and (total is None or done <= total * 1.01)
                and running.task.message.startswith("Downloading")
            ):
                running.progress(min(done, total) if total else done, total)
                last = done
        await asyncio.sleep(_PROGRESS_INTERVAL_S)
