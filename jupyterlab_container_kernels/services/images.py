"""Images: how they get here. A file that the user names is used where it lies and is never ours to delete."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import threading
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path

from .. import failures
from ..acquire import sif
from ..acquire.filetree import NotUnderstood
from ..errors import ContainerKernelsError
from ..models import PullWay, now
from ..runtimes.base import FoundRuntime
from ..system import paths
from ..system.kernelspecs import ImageRecord
from . import elsewhere, image_lock, orders, pulling, streaming
from .resolution import ResolutionService, Resolved
from .running_task import RunningTask
from .session import SessionService
from .store import is_stored, is_whole, side_file, stored_path

_log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 23
_INTERVAL_S = 0.5


class ImageService:
    """The image store of this user."""

    def __init__(self, session: SessionService) -> None:
        self.resolution = ResolutionService(session)
        self._session = session
        self._roots = session.roots
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def acquire(
        self,
        running: RunningTask,
        resolved: Resolved,
        runtime: FoundRuntime,
        *,
        anew: bool = False,
        way: PullWay = "here",
    ) -> ImageRecord:
        """Bring the image to this machine if it is not here (or even then: ``anew``), and return what it is now.

        Raises
        ------
        ContainerKernelsError
            ``disk_full``, ``runtime_failed``: the store cannot be written, and whatever else made it fail.
        """
        if resolved.stored is not None and not (anew and resolved.reference.transport != "file"):
            await running.uses(resolved.stored)
            running.skip("acquire", f"The image is here already: {resolved.stored}")
            return await self._record(resolved, resolved.stored)
        async with running.phase("acquire", f"Downloading {resolved.reference}"):
            try:
                if way != "here":
                    await asyncio.to_thread(paths.make_private, self._roots.images)
                    return await self._order(running, resolved, way, anew)
                return await self._fetch(running, resolved, runtime, anew)
            except OSError as error:
                raise self._not_writable(resolved, error) from error

    async def _order(self, running: RunningTask, resolved: Resolved, way: PullWay, anew: bool) -> ImageRecord:
        """Have an image brought by a job or a user on a login node, and look at what came."""
        manifest, reference = resolved.manifest, resolved.reference
        image = str(reference.pinned(manifest.digest) if manifest else reference)
        order = orders.Order(image, None, False, anew, orders.shared(self._session.settings))
        brought = await elsewhere.fetch(self._session, running, order, way)
        if manifest and brought.digest != manifest.digest:
            raise ContainerKernelsError(
                "image_unusable", f"Another image came than {image}: its digest is {brought.digest}.", "Try again."
            )
        await running.uses(Path(brought.path))
        return replace(await self._record(resolved, Path(brought.path)), digest=brought.digest)

    async def _fetch(self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, anew: bool) -> ImageRecord:
        """Fetch an image, unless another task or server does."""
        await asyncio.to_thread(paths.make_private, self._roots.images)
        if resolved.manifest is None:
            return await self._bring(running, resolved, runtime)
        digest = resolved.manifest.digest
        stored = stored_path(self._roots.images, digest)
        lock = image_lock.lock_path(self._roots.images, digest)
        await running.uses(stored)
        await running.owns(lock)

        def arrived() -> bool:
            return not anew and is_whole(stored)

        def waiting() -> None:
            running.say("Another Jupyter server of this user fetches the same image; this one waits for it.")
            running.update(message="Waiting for another server of yours, which fetches the same image")

        async with self._locks[digest], image_lock.held(lock, arrived, waiting) as mine:
            if anew:  # what lies in the runtime's cache may be what is to be replaced
                resolved = replace(resolved, cached=None)
            record = await (self._bring(running, resolved, runtime) if mine else self._record(resolved, stored))
        running.keeps(lock)
        return record

    def _not_writable(self, resolved: Resolved, error: OSError) -> ContainerKernelsError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return failures.explain(str(error), f"storing {resolved.reference}", "disk_full")
        where = Path(error.filename).parent if error.filename else self._roots.images
        return ContainerKernelsError(
            "runtime_failed",
            f"{resolved.reference} cannot be stored in {where}: {error.strerror}.",
            "Check that you may write there, or let your site choose another folder (ContainerKernelsApp.images_dir).",
        )

    async def _bring(self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime) -> ImageRecord:
        """Fetch an image in our own way, else by the runtime, and give it its place."""
        partial = self._roots.images / f".{running.task.id}.partial.sif"
        await running.owns(partial)
        because = ""
        if resolved.cached is not None:
            running.say(f"{runtime.title} has the image in its cache: {resolved.cached}")
            running.update(message=f"Copying the image from {runtime.title}'s cache")
            with contextlib.suppress(FileNotFoundError):  # it was cleaned meanwhile
                await copy(running, resolved.cached, partial)
        elif self._session.settings.acquire == "auto" and resolved.reference.transport == "docker":
            try:
                await streaming.fetch(self._session, running, resolved, runtime, partial)
            except NotUnderstood as error:
                because = f"{runtime.title} makes this image itself, which takes longer: {error}"
                running.say(f"{because}.")
                _log.warning("%s: %s", resolved.reference, because)
                await asyncio.to_thread(partial.unlink, missing_ok=True)
        if because or not await asyncio.to_thread(partial.exists):
            await pulling.fetch(self._session, running, resolved, runtime, partial, because)
        await self.resolution.header(partial)
        record = await asyncio.to_thread(self._store, resolved, partial)
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
        stored = await asyncio.to_thread(is_stored, path, self._roots.images)
        return await asyncio.to_thread(_record, resolved, path, header, stored=stored, path=path)


async def copy(running: RunningTask, source: Path, target: Path) -> None:
    """Copy a file, telling how far that is; nothing is written any more when a cancellation is raised."""
    stop, done_bytes = threading.Event(), 0

    def copy() -> None:
        nonlocal done_bytes
        with source.open("rb") as from_file, target.open("xb") as to_file:
            while not stop.is_set() and (piece := from_file.read(_PIECE_BYTES)):
                done_bytes += to_file.write(piece)

    total_bytes = (await asyncio.to_thread(source.stat)).st_size
    copying = asyncio.ensure_future(asyncio.to_thread(copy))
    try:
        while not (await asyncio.wait({copying}, timeout=_INTERVAL_S))[0]:
            running.progress(done_bytes, total_bytes)
    finally:
        stop.set()
        await asyncio.wait({copying})
    copying.result()


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
