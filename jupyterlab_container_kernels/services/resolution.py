"""What an image reference stands for: known before anything is downloaded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..acquire import local_image, registry
from ..acquire.local_image import LocalImage
from ..acquire.manifests import Manifest
from ..acquire.reference import ImageReference, parse
from ..acquire.tags import newest_first
from ..errors import ContainerKernelsError, unanswered
from ..models import Resolution, TagList
from ..system import machine
from . import image_folder, room
from .session import SessionService
from .store import chosen, find, is_whole, stored_path

#: How long a runtime is waited for whose cache might have an image; people wait for the answer.
_RUNTIME_WAIT_S = 2.0
#: How long what a registry has said of an image will do for the task that begins with what was shown.
_SHOWN_S = 60.0


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
        The file or folder, when it is here already.
    user : str or None
        Under which name the registry was asked.
    cached : Path or None
        The file in the runtime's own cache, when it is only there.
    """

    given: str
    reference: ImageReference
    manifest: Manifest | None = None
    insecure: bool = False
    stored: Path | None = None
    user: str | None = None
    cached: Path | None = None


@dataclass(frozen=True)
class _Said:
    """What a registry has said of an image, and when."""

    at: float
    manifest: Manifest
    insecure: bool
    user: str | None

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < _SHOWN_S


class ResolutionService:
    """Asks registries and files about images."""

    def __init__(self, session: SessionService) -> None:
        self._session = session
        self._roots = session.roots
        #: By what was asked, where and as whom; each is used once, so that a second try asks again.
        self._said: dict[object, _Said] = {}

    def parse(self, text: str) -> ImageReference:
        """Read what a user typed; see :func:`.acquire.reference.parse`."""
        return parse(text, Path.home())

    async def resolve(self, text: str, image_dir: str | None = None, *, by_runtime: bool = False) -> Resolution:
        """Tell what an image reference stands for, what it takes and whether it fits. Nothing is downloaded.

        Parameters
        ----------
        text : str
            As the user typed it.
        image_dir : str or None
            The folder that the user named for it.
        by_runtime : bool
            Whether the runtime is to make the file itself.

        Raises
        ------
        ContainerKernelsError
            As :meth:`look_up` and :func:`.image_folder.checked`; ``not_allowed``: the site does not want it.
        """
        choice = await image_folder.checked(image_dir, self._session.patience) if image_dir else None
        await self._session.policy.require(self.parse(text), is_pinned=True)
        resolved = await self.look_up(text)
        reference, manifest = resolved.reference, resolved.manifest
        self._session.policy.require_digest(reference, manifest.digest if manifest else None)
        local = await self.look_at(reference.path) if reference.transport == "file" else None
        known = local or manifest
        download = 0 if resolved.stored else manifest.download_bytes if manifest else None
        judgement = room.Judgement("fits" if resolved.stored else "unknown")
        if manifest and download:
            way = self.way(resolved, by_runtime=by_runtime)
            judgement = await room.judge(self._session, download, way, choice.store if choice else None)
        return Resolution(
            reference=str(reference),
            digest=manifest.digest if manifest else None,
            architecture=known.architecture if known else None,
            title=manifest.title if manifest else None,
            description=manifest.description if manifest else None,
            layers=len(manifest.layer_bytes) if manifest else None,
            download_bytes=0 if resolved.cached else download,
            stored=resolved.stored is not None,
            unpacked=local is not None and local.unpacked,
            verdict=judgement.verdict,
            place=judgement.place,
            elsewhere=judgement.elsewhere,
            user=resolved.user,
            caution=choice.caution if choice and not resolved.stored else None,
        )

    def way(self, resolved: Resolved, *, by_runtime: bool) -> room.Way:
        """Return how an image of a registry comes."""
        if resolved.cached is not None:
            return "copied"
        streamed = resolved.reference.transport == "docker" and self._session.settings.acquire == "auto"
        return "streamed" if streamed and not by_runtime else "pulled"

    async def tags(self, text: str) -> TagList:
        """Return the tags of an image as far as its registry lists them, the newest first.

        Raises
        ------
        ContainerKernelsError
            ``invalid_reference``, ``not_allowed`` and all that :meth:`.acquire.registry.Registry.tags` raises.
        """
        reference = self.parse(text)
        if reference.transport not in ("docker", "oras"):
            return TagList([], complete=True)
        await self._session.policy.require(reference, is_pinned=True)
        found, complete = await (await self._registry(reference)).tags(reference)
        return TagList(await asyncio.to_thread(newest_first, found), complete)

    async def look_up(self, text: str, *, shown: bool = False) -> Resolved:
        """Find out what a reference stands for, asking its registry.

        Parameters
        ----------
        text : str
            As the user typed it.
        shown : bool
            Whether what the registry said a moment ago will do, for it is what the user has seen.

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
        said = await self._ask(reference, shown=shown)
        manifest = said.manifest
        here = await self._here(reference, manifest)
        cached = None if here or reference.transport != "docker" else await self._cached(manifest.digest)
        return Resolved(text, reference, manifest, said.insecure, here, said.user, cached)

    async def _ask(self, reference: ImageReference, *, shown: bool) -> _Said:
        """Return what the registry says of an image."""
        client = await self._registry(reference)
        key = (reference, client.places)
        said = self._said.pop(key, None)
        if said is None or not shown or not said.is_fresh:
            manifest = await client.manifest(reference, machine.architecture())
            said = _Said(time.monotonic(), manifest, client.uses_http, client.user)
            kept = {known: each for known, each in self._said.items() if each.is_fresh}
            self._said = kept if shown else {**kept, key: said}
        return said

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

    async def _here(self, reference: ImageReference, manifest: Manifest) -> Path | None:
        """Return an image that is here: in a store of the site, where it may be a folder, else in the user's own."""
        digest = manifest.digest
        for store in self._session.settings.site_images:
            with contextlib.suppress(TimeoutError):  # whatever does not answer has nothing for us
                look = partial(find, store, reference, manifest)
                if found := await self._session.patience.ask(("image", store, digest), look):
                    return found
        for store in [self._roots.images, *await asyncio.to_thread(chosen, self._roots)]:
            mine = stored_path(store, digest)
            with contextlib.suppress(TimeoutError):
                if await self._session.patience.ask(("image", mine), partial(is_whole, mine)):
                    return mine
        return None

    async def _cached(self, digest: str) -> Path | None:
        """Return the file of an image in the runtime's own cache."""
        try:
            found = await self._session.ladder.find(_RUNTIME_WAIT_S)
            kind = self._session.runtimes[found.name]
            file = kind.cached_image(found, digest, machine.architecture(), os.environ, Path.home())
            if file is not None:
                await self.look_at(file)
        except ContainerKernelsError:
            return None
        return file

    async def look_at(self, path: Path) -> LocalImage:
        """Look at an image file or folder and check it, with patience for its file system.

        Raises
        ------
        ContainerKernelsError
            As :func:`.acquire.local_image.look`; also ``wrong_architecture`` and ``timed_out``.
        """
        try:
            found = await self._session.patience.ask(("header", path), lambda: local_image.look(path))
        except TimeoutError as error:
            raise unanswered(path) from error
        wanted = machine.architecture()
        if found.architecture not in (None, wanted):
            raise ContainerKernelsError(
                "wrong_architecture",
                f"{path} is for {found.architecture} processors; this machine's are {wanted}.",
                f"Pull the image again on a {wanted} machine.",
            )
        return found

    async def local_path(self, text: str) -> Path:
        """Return the file of an image that is on this machine.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``: it would have to be pulled; all that :meth:`look_up` and :meth:`look_at` raise.
        """
        resolved = await self.look_up(text)
        if resolved.stored is None:
            raise ContainerKernelsError(
                "image_not_found",
                f"{resolved.reference} was not pulled yet.",
                "Its contents are known when it is here.",
            )
        await self.look_at(resolved.stored)
        return resolved.stored
