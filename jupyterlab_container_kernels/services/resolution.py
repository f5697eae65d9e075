"""What an image reference stands for: known before anything is downloaded."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..acquire import registry, sif
from ..acquire.reference import ImageReference, parse
from ..errors import ContainerKernelsError
from ..models import Resolution
from ..system import machine
from .session import SessionService
from .store import find, is_whole, stored_path

#: What `apptainer pull` takes at its peak, in multiples of the download: layers, unpacked tree, squashfs, SIF (measured
#: 4.5 to 5.5 for an image of 0.8 GB), and what stays.
TEMPORARY_FACTOR = 5.0
_STORED_FACTOR = 1.1


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


class ResolutionService:
    """Asks registries and files about images."""

    def __init__(self, session: SessionService) -> None:
        self._session = session
        self._roots = session.roots

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
        client = await self._registry(reference)
        manifest = await client.manifest(reference, machine.architecture())
        return Resolved(text, reference, manifest, client.uses_http, await self._here(manifest.digest))

    async def _registry(self, reference: ImageReference) -> registry.Registry:
        """Return whom to ask for an image."""
        settings = self._session.settings
        return await asyncio.to_thread(
            registry.registry_of,
            reference,
            os.environ,
            Path.home(),
            insecure=reference.registry in settings.insecure_registries,
            timeout_s=settings.registry_timeout_s,
        )

    async def _here(self, digest: str) -> Path | None:
        """Return the file of an image: in a store of the site, else in the user's own."""
        for store in self._session.settings.site_images:
            with contextlib.suppress(TimeoutError):  # whatever does not answer has nothing for us
                look = partial(find, store, digest)
                if found := await self._session.patience.ask(("image", store, digest), look):
                    return found
        mine = stored_path(self._roots.images, digest)
        return mine if await asyncio.to_thread(is_whole, mine) else None

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

    async def _room(self, download: int | None) -> tuple[int | None, int | None]:
        """Return the room that a pull needs and that there is, on the file system where it is tightest."""
        if download is None:
            return None, (await self._session.room(self._roots.images))[0]
        temporary, stored = int(download * TEMPORARY_FACTOR), int(download * _STORED_FACTOR)
        place = await self._session.temporary_dir(temporary)
        if await asyncio.to_thread(_device, place) == await asyncio.to_thread(_device, self._roots.images):
            return temporary + stored, (await self._session.room(place))[0]
        rooms = [
            (temporary, (await self._session.room(place))[0]),
            (stored, (await self._session.room(self._roots.images))[0]),
        ]
        return min(rooms, key=lambda room: (room[1] or 0) - room[0])


def _device(path: Path) -> int | None:
    """Return the file system on which a path lies or will lie, or ``None`` if nobody may know."""
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        return path.stat().st_dev
    except OSError:
        return None
