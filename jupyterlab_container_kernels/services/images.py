"""Images: how they get here. A file or folder that is named is used where it lies and is never ours to delete."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import threading
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..acquire import local_image
from ..acquire.filetree import NotUnderstood
from ..acquire.local_image import LocalImage
from ..diagnosis import explain
from ..errors import ContainerKernelsError
from ..models import PullWay, now
from ..runtimes.base import FoundRuntime
from ..system import paths
from ..system.kernelspecs import ImageRecord
from . import elsewhere, image_folder, image_lock, orders, pulling, room, streaming
from .resolution import ResolutionService, Resolved
from .running_task import RunningTask
from .session import SessionService
from .store import is_stored, is_whole, open_chosen, partial_path, side_file, stored_path

_log = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 23
_INTERVAL_S = 0.5


@dataclass(frozen=True)
class Wish:
    """What somebody wants of an image that comes.

    Parameters
    ----------
    folder : str or None
        Where it is to lie, if not where all images do.
    by_runtime : bool
        Whether the runtime is to make the file itself.
    anew : bool
        Whether it comes even if it is here.
    way : PullWay
        From where it is pulled.
    """

    folder: str | None = None
    by_runtime: bool = False
    anew: bool = False
    way: PullWay = "here"


_NO_WISH = Wish()


class ImageService:
    """The image store of this user."""

    def __init__(self, session: SessionService) -> None:
        self.resolution = ResolutionService(session)
        self._session = session
        self._roots = session.roots
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def acquire(
        self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, wish: Wish = _NO_WISH
    ) -> ImageRecord:
        """Bring the image to this machine if it is not here, or even then, and return what it is now.

        Raises
        ------
        ContainerKernelsError
            ``disk_full``, ``invalid_image_dir``, ``runtime_failed``: the store cannot be written; ``image_unusable``:
            another image came; whatever else made it fail.
        """
        if resolved.stored is not None and not (wish.anew and resolved.reference.transport != "file"):
            await running.uses(resolved.stored)
            try:
                record = await self._record(resolved, resolved.stored)
            except ContainerKernelsError as error:
                if error.code != "image_not_found" or resolved.manifest is None:
                    raise
                running.say(f"{resolved.stored} was deleted at this moment; the image comes again.")
            else:
                running.skip("acquire", f"The image is here already: {resolved.stored}")
                return record
        async with running.phase("acquire", f"Downloading {resolved.reference}"):
            store = self._roots.images
            try:
                if wish.folder:
                    store = await self._chosen(running, resolved, wish, wish.folder)
                else:
                    await asyncio.to_thread(paths.make_private, store)
                if wish.way != "here":
                    return await self._order(running, resolved, wish)
                return await self._fetch(running, resolved, runtime, wish, store)
            except OSError as error:
                raise _not_writable(resolved, error, store) from error

    async def _chosen(self, running: RunningTask, resolved: Resolved, wish: Wish, folder: str) -> Path:
        """Return the store in the folder that somebody chose, if the image fits there."""
        choice = await image_folder.checked(folder, self._session.patience)
        if resolved.manifest is not None:
            way = self.resolution.way(resolved, by_runtime=wish.by_runtime)
            judged = await room.judge(self._session, resolved.manifest.download_bytes, way, choice.store)
            if judged.verdict in ("too_large", "fits_elsewhere") and judged.place is not None:
                raise room.too_large(str(resolved.reference), judged.place)
        running.say(f"The image is to lie in {choice.store}.")
        if choice.caution:
            running.say(f"Warning: {choice.caution}")
        await asyncio.to_thread(open_chosen, choice.store, self._roots)
        return choice.store

    async def _order(self, running: RunningTask, resolved: Resolved, wish: Wish) -> ImageRecord:
        """Have an image brought by a job or a user on a login node, and look at what came."""
        manifest, reference = resolved.manifest, resolved.reference
        image = str(reference.pinned(manifest.digest) if manifest else reference)
        order = orders.Order(image, wish.folder, wish.by_runtime, wish.anew, orders.shared(self._session.settings))
        brought = await elsewhere.fetch(self._session, running, order, wish.way)
        if manifest and brought.digest != manifest.digest:
            raise ContainerKernelsError(
                "image_unusable", f"Another image came than {image}: its digest is {brought.digest}.", "Try again."
            )
        await running.uses(Path(brought.path))
        return replace(await self._record(resolved, Path(brought.path)), digest=brought.digest)

    async def _fetch(
        self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, wish: Wish, store: Path
    ) -> ImageRecord:
        """Fetch an image, unless another task or server does."""
        if resolved.manifest is None:
            return await self._bring(running, resolved, runtime, wish, store)
        digest = resolved.manifest.digest
        stored = stored_path(store, digest)
        lock = image_lock.lock_path(store, digest)
        await running.uses(stored)
        await running.owns(lock)

        def arrived() -> bool:
            return not wish.anew and is_whole(stored)

        def waiting() -> None:
            running.say("Another Jupyter server of this user fetches the same image; this one waits for it.")
            running.update(message="Waiting for another server of yours, which fetches the same image")

        async with self._locks[digest], image_lock.held(lock, arrived, waiting) as mine:
            if wish.anew:  # what lies in the runtime's cache may be what is to be replaced
                resolved = replace(resolved, cached=None)
            bringing = self._bring(running, resolved, runtime, wish, store) if mine else self._record(resolved, stored)
            record = await bringing
        running.keeps(lock)
        return record

    async def _bring(
        self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, wish: Wish, store: Path
    ) -> ImageRecord:
        """Fetch an image in our own way, else by the runtime, and give it its place."""
        partial = partial_path(store, running.task.id)
        await running.owns(partial)
        because = ""
        if wish.by_runtime:
            because = f"{runtime.title} makes the image file itself, as you chose"
            running.say(f"{because}.")
        elif resolved.cached is not None:
            running.say(f"{runtime.title} has the image in its cache: {resolved.cached}")
            running.update(message=f"Copying the image from {runtime.title}'s cache")
            with contextlib.suppress(FileNotFoundError):  # it was cleaned meanwhile
                await copy(running, resolved.cached, partial)
        elif self.resolution.way(resolved, by_runtime=False) == "streamed":
            running.say("The image file is made in one stream from its layers.")
            try:
                await streaming.fetch(self._session, running, resolved, runtime, partial)
            except NotUnderstood as error:
                because = f"{runtime.title} makes this image itself, which takes longer: {error}"
                running.say(f"{because}.")
                _log.warning("%s: %s", resolved.reference, because)
                await asyncio.to_thread(partial.unlink, missing_ok=True)
        if because or not await asyncio.to_thread(partial.exists):
            await pulling.fetch(self._session, running, resolved, runtime, partial, because)
        await self.resolution.look_at(partial)
        record = await asyncio.to_thread(self._store, resolved, partial)
        running.keeps(partial)
        return record

    def _store(self, resolved: Resolved, partial: Path) -> ImageRecord:
        """Give a pulled image its place, with a side file that says what it is."""
        partial.chmod(0o600)
        found = local_image.look(partial)
        digest = resolved.manifest.digest if resolved.manifest else None
        store = partial.parent
        target = stored_path(store, digest) if digest else store / f"sif-{found.id}.sif"
        # the side file first: an image in the store always has one, and only those are ever removed
        record = _record(resolved, partial, found, stored=True, path=target)
        side = {**asdict(record), "created": now()}
        paths.write_private(side_file(target), json.dumps(side, indent=1, ensure_ascii=False) + "\n")
        partial.replace(target)
        return record

    async def _record(self, resolved: Resolved, path: Path) -> ImageRecord:
        found = await self.resolution.look_at(path)
        stored = await asyncio.to_thread(is_stored, path, self._roots.images)
        return await asyncio.to_thread(_record, resolved, path, found, stored=stored, path=path)


def _not_writable(resolved: Resolved, error: OSError, store: Path) -> ContainerKernelsError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return explain(str(error), f"storing {resolved.reference}", "disk_full")
    where = Path(error.filename).parent if error.filename else store
    return ContainerKernelsError(
        "runtime_failed",
        f"{resolved.reference} cannot be stored in {where}: {error.strerror}.",
        "Check that you may write there, or choose another folder for the image under More.",
    )


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


def _record(resolved: Resolved, file: Path, found: LocalImage, *, stored: bool, path: Path) -> ImageRecord:
    status = file.stat()
    return ImageRecord(
        reference=resolved.given.strip(),
        source=str(resolved.reference),
        digest=resolved.manifest.digest if resolved.manifest else None,
        path=str(path),
        size_bytes=0 if found.unpacked else status.st_size,
        mtime_ns=status.st_mtime_ns,
        sif_id=found.id,
        stored=stored,
        unpacked=found.unpacked,
    )
