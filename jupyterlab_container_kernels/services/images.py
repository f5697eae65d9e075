"""Images: what a reference stands for, whether it is here, and how it gets here.

The store holds one file for each digest, ``images/sha256-….sif`` with a side file, however many kernels use it. A
file that the user names is used where it lies and is never ours to delete.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import failures
from ..acquire import registry, sif
from ..acquire.reference import ImageReference, parse
from ..errors import ContainerKernelsError
from ..models import Resolution, now
from ..runtimes.base import FoundRuntime
from ..system import machine, paths, process
from ..system.kernelspecs import ImageRecord
from .session import SessionService
from .tasks import RunningTask

#: What `apptainer pull` takes at its peak, in multiples of the download: layers, unpacked tree, squashfs, SIF (measured
#: 4.5 to 5.5 for an image of 0.8 GB), and what stays.
_TEMPORARY_FACTOR = 5.0
_STORED_FACTOR = 1.1
_PROGRESS_INTERVAL_S = 0.5
#: What Apptainer says, and what that means.
_STEPS = (
    ("Fetching OCI image", "Downloading"),
    ("Extracting OCI image", "Unpacking the layers"),
    ("Creating SIF file", "Writing the image file; this takes the longest"),
)


@dataclass(frozen=True)
class Resolved:
    """What is known of an image before it is fetched.

    Parameters
    ----------
    given : str
        What the user typed.
    reference : ImageReference
        In full.
    manifest : Manifest or None
        What the registry says; ``None`` for files and libraries.
    insecure : bool
        The registry speaks plain HTTP.
    stored : Path or None
        The file, when it is here already.
    """

    given: str
    reference: ImageReference
    manifest: registry.Manifest | None = None
    insecure: bool = False
    stored: Path | None = None


class ImageService:
    """The image store of this user."""

    def __init__(self, session: SessionService) -> None:
        self._session = session
        self._roots = session.roots
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def parse(self, text: str) -> ImageReference:
        """Read what a user typed; see :func:`.acquire.reference.parse`."""
        return parse(text, Path.home())

    async def resolve(self, text: str) -> Resolution:
        """Tell what an image reference stands for, what it takes and whether it fits. Nothing is downloaded."""
        resolved = await self.look_up(text)
        reference, manifest = resolved.reference, resolved.manifest
        if reference.transport == "file":
            header = await self.header(reference.path)
            return Resolution(str(reference), None, 0, 0, None, True, None, header.architecture, True)
        download = manifest.download_bytes if manifest else None
        needed, free = (0, None) if resolved.stored else await self._room(download)
        return Resolution(
            reference=str(reference),
            digest=manifest.digest if manifest else None,
            download_bytes=0 if resolved.stored else download,
            needed_bytes=needed,
            free_bytes=free,
            fits=True if resolved.stored else None if needed is None or free is None else needed <= free,
            store_path=str(self._roots.images),
            architecture=manifest.architecture if manifest else None,
            stored=resolved.stored is not None,
        )

    async def look_up(self, text: str) -> Resolved:
        """Find out what a reference stands for, asking its registry.

        Raises
        ------
        ContainerKernelsError
            ``invalid_reference`` and all that :meth:`.acquire.registry.Registry.manifest` raises.
        """
        reference = self.parse(text)
        if reference.transport == "file":
            return Resolved(text, reference, stored=reference.path)
        if reference.transport == "library":
            return Resolved(text, reference)
        name = reference.registry
        settings = self._session.settings
        insecure = registry.is_loopback(name) or name in settings.insecure_registries
        basic = await asyncio.to_thread(registry.credentials, name, os.environ, Path.home())
        client = registry.Registry(name, basic, insecure, settings.registry_timeout_s)
        manifest = await client.manifest(reference, machine.architecture())
        stored = self._stored_path(manifest.digest)
        here = await asyncio.to_thread(_is_whole, stored)
        return Resolved(text, reference, manifest, client.uses_http, stored if here else None)

    async def header(self, path: Path) -> sif.SifHeader:
        """Read and check an image file, with patience for its file system.

        Raises
        ------
        ContainerKernelsError
            As :func:`.acquire.sif.read_header`; also ``wrong_architecture`` and ``timed_out``.
        """
        try:
            header = await self._session.patience.ask(("header", path), lambda: sif.read_header(path))
        except TimeoutError as error:
            raise ContainerKernelsError(
                "timed_out", f"The file system of {path} does not answer.", "Try again when it does."
            ) from error
        wanted = machine.architecture()
        if header.architecture not in (None, wanted):
            raise ContainerKernelsError(
                "wrong_architecture",
                f"{path} is for {header.architecture} processors; this machine's are {wanted}.",
                f"Pull the image again on a {wanted} machine.",
            )
        return header

    async def local_path(self, text: str) -> Path:
        """Return the file of an image that is on this machine.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``: it would have to be pulled; all that :meth:`look_up` and :meth:`header` raise.
        """
        resolved = await self.look_up(text)
        if resolved.stored is None:
            raise ContainerKernelsError(
                "image_not_found",
                f"{resolved.reference} was not pulled yet.",
                "Its contents are known when it is here.",
            )
        await self.header(resolved.stored)
        return resolved.stored

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
            running.image = self._stored_path(key) if resolved.manifest else None
            async with self._locks[key]:  # two kernels of one image pull it once
                stored = self._stored_path(key)
                if resolved.manifest is not None and not anew and await asyncio.to_thread(_is_whole, stored):
                    running.say("Another kernel brought the image meanwhile.")
                    return await self._record(resolved, stored)
                return await self._pull(running, resolved, runtime)

    async def _pull(self, running: RunningTask, resolved: Resolved, runtime: FoundRuntime) -> ImageRecord:
        settings, manifest = self._session.settings, resolved.manifest
        total = manifest.download_bytes if manifest else None
        await asyncio.to_thread(paths.make_private, self._roots.images)
        parent = await self._session.temporary_dir(int((total or 0) * _TEMPORARY_FACTOR))
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
        await self.header(partial)
        if finished.returncode != 0:
            raise failures.explain(finished.output, "pulling the image", "runtime_failed")
        record = await asyncio.to_thread(self._store, resolved, partial)
        await asyncio.to_thread(paths.remove_marked, temporary, parent)
        running.keeps(temporary)
        running.keeps(partial)
        return record

    def _stored_path(self, digest: str) -> Path:
        return self._roots.images / f"{digest.replace(':', '-')}.sif"

    def _store(self, resolved: Resolved, partial: Path) -> ImageRecord:
        """Give a pulled image its place, with a side file that says what it is."""
        partial.chmod(0o600)
        header = sif.read_header(partial)
        digest = resolved.manifest.digest if resolved.manifest else None
        target = self._stored_path(digest) if digest else self._roots.images / f"sif-{header.id}.sif"
        # the side file first: an image in the store always has one, and only those are ever removed
        record = _record(resolved, partial, header, stored=True, path=target)
        side = {**asdict(record), "created": now()}
        paths.write_private(side_file(target), json.dumps(side, indent=1, ensure_ascii=False) + "\n")
        partial.replace(target)
        return record

    async def _record(self, resolved: Resolved, path: Path) -> ImageRecord:
        header = await self.header(path)
        stored = resolved.reference.transport != "file" or await asyncio.to_thread(is_stored, path, self._roots.images)
        return await asyncio.to_thread(_record, resolved, path, header, stored=stored, path=path)

    async def _room(self, download: int | None) -> tuple[int | None, int | None]:
        """Return the room that a pull needs and that there is, on the file system where it is tightest."""
        if download is None:
            return None, (await self._session.room(self._roots.images))[0]
        temporary, stored = int(download * _TEMPORARY_FACTOR), int(download * _STORED_FACTOR)
        place = await self._session.temporary_dir(temporary)
        if await asyncio.to_thread(_device, place) == await asyncio.to_thread(_device, self._roots.images):
            return temporary + stored, (await self._session.room(place))[0]
        rooms = [
            (temporary, (await self._session.room(place))[0]),
            (stored, (await self._session.room(self._roots.images))[0]),
        ]
        return min(rooms, key=lambda room: (room[1] or 0) - room[0])


def side_file(image: Path) -> Path:
    """Return the file beside a stored image that says what it is."""
    return image.with_suffix(".json")


def is_stored(image: Path, store: Path) -> bool:
    """Tell whether an image is one that we stored: a plain file in the store, with its side file."""
    return image.parent == store and image.is_file() and not image.is_symlink() and side_file(image).is_file()


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


def _is_whole(path: Path) -> bool:
    try:
        sif.read_header(path)
    except ContainerKernelsError:
        return False
    return side_file(path).is_file()


def _device(path: Path) -> int | None:
    """Return the file system on which a path lies or will lie, or ``None`` if nobody may know."""
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        return path.stat().st_dev
    except OSError:
        return None


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
