"""Fetches an image by the runtime itself, and tells how far that is."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from ..acquire import credentials
from ..diagnosis import explain
from ..runtimes.base import FoundRuntime, Squashfs
from ..system import limits, paths, process
from . import proofs
from .resolution import Resolved
from .room import PULLED_FACTOR
from .running_task import RunningTask
from .session import SessionService

_PROGRESS_INTERVAL_S = 0.5
#: The part of the memory that mksquashfs gets, and the most that helps it.
_MEMORY_PART, _MOST_MEMORY_BYTES = 4, 1 << 30
#: What Apptainer says, and what that means.
_STEPS = (
    ("Fetching OCI image", "Downloading"),
    ("Extracting OCI image", "Unpacking the layers"),
    ("Creating SIF file", "Writing the image file; this takes the longest"),
)


async def fetch(
    session: SessionService,
    running: RunningTask,
    resolved: Resolved,
    runtime: FoundRuntime,
    target: Path,
    because: str = "",
) -> None:
    """Let the runtime pull an image to a file that does not exist yet.

    Parameters
    ----------
    because : str
        Why it is not done in our own way, if somebody should wonder.

    Raises
    ------
    ContainerKernelsError
        What the runtime says, in our words.
    """
    settings, manifest = session.settings, resolved.manifest
    total = manifest.download_bytes if manifest else None
    parent = await session.temporary_dir(int((total or 0) * PULLED_FACTOR))
    await asyncio.to_thread(paths.make_private, parent)
    temporary = await asyncio.to_thread(paths.make_temporary, parent)
    await running.owns(temporary)
    # named by its digest, so that what was looked at is what comes, even if the tag moves meanwhile
    source = resolved.reference.pinned(manifest.digest) if manifest else resolved.reference
    squashfs = Squashfs(
        await proofs.compression(session, runtime, temporary),
        min(limits.memory_bytes(os.environ) // _MEMORY_PART, _MOST_MEMORY_BYTES),
        limits.cores(os.environ),
    )
    registry, repository = resolved.reference.registry, resolved.reference.repository
    basic = await asyncio.to_thread(credentials.find, registry, os.environ, Path.home(), repository)
    environment = {**os.environ, **credentials.as_variables(basic)}
    kind = session.runtimes[runtime.name]
    plan = kind.pull(runtime, str(source), target, temporary, resolved.insecure, environment, squashfs)

    def on_line(line: str) -> None:
        running.say(line)
        for said, meaning in _STEPS:
            if said in line:
                running.update(message=f"{meaning} ({because})" if because else meaning, progress=None)

    watching = asyncio.create_task(_watch(running, temporary, list(plan.downloads), target, total))
    try:
        finished = await process.run(plan.command, timeout_s=settings.pull_timeout_s, on_line=on_line)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    if finished.returncode != 0 or not await asyncio.to_thread(target.is_file):
        raise explain(finished.output, "pulling the image", "runtime_failed")
    await asyncio.to_thread(paths.remove_marked, temporary, parent)
    running.keeps(temporary)


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
