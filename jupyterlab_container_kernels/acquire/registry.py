"""Asks a registry about an image: its digest, its platform, what there is to download, and for that.

How one place is asked is the matter of :mod:`.connection`; here are the questions, and whom they are put to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from ..errors import ContainerKernelsError
from . import credentials, refusals
from .connection import MOST_BYTES, Connection, connect
from .manifests import INDEX_TYPES, MANIFEST_TYPES, NO_MANIFEST, SHA256, Manifest, Parts, choose, in_one_line, size_of
from .places import Place, is_loopback
from .reference import ImageReference
from .registries_conf import Source, sources
from .tags import nearest

_T = TypeVar("_T")
#: A question is some requests long; it may take as many times as long as each of its answers.
_ANSWERS = 3
#: Tags are listed by the thousand; nobody reads more than this of them.
_TAGS_A_PAGE = 1000
_PAGES = 8
#: How long is looked for tags that are near to one that is missing.
_NEAR_S = 4.0


def registry_of(
    reference: ImageReference,
    environment: Mapping[str, str],
    home: Path,
    *,
    insecure: bool = False,
    timeout_s: float,
) -> Registry:
    """Return whom to ask for an image: its registry and the mirrors of that, with the passwords that users have.

    Variables name a password for no registry in particular, so that mirrors do not get it. Reads files, so it does not
    belong on the event loop.

    Parameters
    ----------
    reference : ImageReference
        An image in a registry.
    environment : mapping of str to str
        Which may name users and places.
    home : Path
        The home directory.
    insecure : bool
        Whether its registry may be asked by plain HTTP. One on this machine always may.
    timeout_s : float
        Seconds within which each answer has to come.

    Raises
    ------
    ContainerKernelsError
        ``not_allowed``: the site has blocked it.
    """
    places = []
    for source in _allowed(reference, environment, home):
        look = credentials.find if source.host == reference.registry else credentials.kept
        basic = look(source.host, environment, home, source.repository)
        places.append(_place(reference, source, basic, insecure))
    return Registry(reference.registry, places, timeout_s)


def itself(
    reference: ImageReference,
    basic: str,
    environment: Mapping[str, str],
    home: Path,
    *,
    insecure: bool = False,
    timeout_s: float,
) -> Registry:
    """Return the registry of an image, to be asked with a password; no mirror and nothing that stands for it.

    Parameters and errors are those of :func:`registry_of`.
    """
    own = Source(reference.registry, reference.repository)
    told = (source for source in _allowed(reference, environment, home) if source.host == own.host)
    return Registry(own.host, [_place(reference, next(told, own), basic, insecure)], timeout_s)


def _allowed(reference: ImageReference, environment: Mapping[str, str], home: Path) -> list[Source]:
    found = sources(reference, environment, home)
    if found.blocked is not None:
        raise refusals.blocked(reference.registry, found.blocked)
    return found.places


def _place(reference: ImageReference, source: Source, basic: str | None, insecure: bool) -> Place:
    may_be_http = source.insecure or is_loopback(source.host) or (insecure and source.host == reference.registry)
    return Place(source.host, basic, may_be_http, source.repository, not source.insecure)


class Registry:
    """One registry, asked as one user.

    Parameters
    ----------
    name : str
        Host and optional port, as in a reference.
    places : sequence of Place
        Where it is asked, until one answers; the last one's refusal counts.
    timeout_s : float
        Seconds within which each answer has to come.
    """

    def __init__(self, name: str, places: Sequence[Place], timeout_s: float) -> None:
        self.name = name
        self._places = list(places)
        self._at = self._places[-1]
        self._timeout_s = timeout_s

    @property
    def places(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """Where it is asked, with which password and for which repository."""
        return tuple((each.host, each.basic, each.repository) for each in self._places)

    @property
    def uses_http(self) -> bool:
        """Whether it turned out to speak plain HTTP; what a mirror speaks is not said."""
        return self._at.host == self.name and self._at.scheme == "http"

    @property
    def user(self) -> str | None:
        """Under which name it is asked; an identity token has none."""
        name = credentials.decode(self._at.basic)[0] if self._at.basic else ""
        return name if name not in ("", credentials.TOKEN_USER) else None

    async def manifest(self, reference: ImageReference, architecture: str) -> Manifest:
        """Return what the registry says of an image for one architecture.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``, ``login_needed``, ``rate_limited``, ``wrong_architecture``, ``registry_unreachable``.
        """

        async def question(connection: Connection) -> Manifest:
            digest, content = await _find(connection, reference, architecture)
            body = json.loads(content)
            config = await _config(connection, reference, body)
            layer_bytes = [size_of(layer) for layer in body.get("layers", [])]
            labels = {**((config.get("config") or {}).get("Labels") or {}), **(body.get("annotations") or {})}
            return Manifest(
                digest,
                in_one_line(config.get("architecture")),
                layer_bytes,
                in_one_line(labels.get("org.opencontainers.image.title")),
                in_one_line(labels.get("org.opencontainers.image.description")),
                _digest_of(body["config"]) if config else None,
            )

        found = await self._ask(reference, question)
        if found.architecture not in (None, architecture):
            raise refusals.wrong_architecture(reference, str(found.architecture), architecture)
        return found

    async def parts(self, reference: ImageReference, architecture: str) -> Parts:
        """Return what an image is made of, to fetch it.

        Raises
        ------
        ContainerKernelsError
            As :meth:`manifest`.
        """
        import hashlib

        async def question(connection: Connection) -> Parts:
            digest, content = await _find(connection, reference, architecture)
            named = _digest_of(json.loads(content)["config"])
            config = (await connection.get(f"blobs/{named}"))[0]
            if named != f"sha256:{hashlib.sha256(config).hexdigest()}":
                raise ValueError("the configuration is another one than was asked for")
            return Parts(digest, content, config)

        return await self._ask(reference, question)

    async def tags(self, reference: ImageReference) -> tuple[list[str], bool]:
        """Return the tags of an image as the registry lists them, and whether these are all.

        Raises
        ------
        ContainerKernelsError
            As :meth:`manifest`; ``image_not_found`` also from a registry that lists no tags.
        """
        return await self._ask(reference, _list_tags)

    async def admits(self, user: str) -> bool:
        """Tell whether the registry asks for a password at all, and takes the one that we have.

        Raises
        ------
        ContainerKernelsError
            ``login_needed``: it does not take it; ``rate_limited``, ``registry_unreachable``.
        """

        async def question(connection: Connection) -> bool:
            answer = await connection.open("/v2/", {})
            await answer.aclose()
            if answer.status_code in (401, 403):
                raise refusals.login_refused(self.name, user)
            connection.refuse(answer)
            return self._at.authorization is not None

        return await self._ask(None, question)

    async def blob(
        self, reference: ImageReference, digest: str, start: int = 0
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Fetch a blob, which nobody checks here.

        Parameters
        ----------
        reference : ImageReference
            The image, whose parts were asked for before.
        digest : str
            Of the blob.
        start : int
            How many bytes of it are here already; a registry may send them once more.

        Yields
        ------
        int, bytes
            Where in the blob some bytes belong, and these.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``, ``login_needed``, ``rate_limited``, ``registry_unreachable``.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        async with connect(self.name, self._at, reference, self._timeout_s) as connection:
            answer = await connection.open(f"blobs/{digest}", headers)
            try:
                if answer.status_code == 416:  # Range Not Satisfiable: all of it is here
                    return
                connection.refuse(answer)
                place = start if answer.status_code == 206 else 0
                async for data in answer.aiter_raw():
                    yield place, data
                    place += len(data)
            finally:
                await answer.aclose()

    async def _ask(self, reference: ImageReference | None, question: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Put a question at one place after the other; where it was answered, the next ones are put.

        The places share the time that one may take, so that people wait as long however many there are.
        """
        now = asyncio.get_running_loop().time
        end = now() + _ANSWERS * self._timeout_s
        for left, place in zip(range(len(self._places), 0, -1), self._places, strict=True):
            self._at = place
            wait_s = (end - now()) / left
            try:
                answer = await asyncio.wait_for(self._ask_here(reference, question), wait_s)
            except ContainerKernelsError:
                if left == 1:
                    raise
            except asyncio.TimeoutError as error:
                if left == 1:
                    raise refusals.silent(self.name, round(wait_s, 1), connected=True) from error
            else:
                self._places = [place]
                return answer
        raise AssertionError("there is no place to ask")

    async def _ask_here(self, reference: ImageReference | None, question: Callable[[Connection], Awaitable[_T]]) -> _T:
        async with connect(self.name, self._at, reference, self._timeout_s) as connection:
            return await question(connection)


async def _find(connection: Connection, reference: ImageReference, architecture: str) -> tuple[str, bytes]:
    """Return the digest of the manifest for an architecture, and the manifest as it is stored."""
    try:
        digest, content = await _get_manifest(connection, reference.digest or reference.tag or "latest")
    except ContainerKernelsError as error:
        if error.code != "image_not_found" or not reference.tag:
            raise
        raise await _missing(connection, reference, error) from error
    body = json.loads(content)
    if body.get("mediaType") in INDEX_TYPES or "manifests" in body:
        digest, content = await _get_manifest(connection, choose(reference, body, architecture))
    return digest, content


async def _missing(
    connection: Connection, reference: ImageReference, error: ContainerKernelsError
) -> ContainerKernelsError:
    """Say that a tag is missing, and which are near to it, if the registry tells them."""
    import httpx

    try:
        tags, _ = await asyncio.wait_for(_list_tags(connection), _NEAR_S)
    except (ContainerKernelsError, httpx.HTTPError, asyncio.TimeoutError, *NO_MANIFEST):
        return error
    near = await asyncio.to_thread(nearest, reference.tag or "latest", tags)
    return refusals.not_found(reference, connection.registry, near)


async def _list_tags(connection: Connection) -> tuple[list[str], bool]:
    tags: list[str] = []
    path: str | None = f"tags/list?n={_TAGS_A_PAGE}"
    pages = _PAGES
    while path is not None and pages > 0:
        content, path = await connection.get(path)
        tags += [tag for tag in json.loads(content)["tags"] or [] if isinstance(tag, str)]
        pages -= 1
    return tags, path is None


async def _config(connection: Connection, reference: ImageReference, body: Any) -> dict[str, Any]:
    """Read the image's configuration, a small JSON blob; an ORAS artefact has none that says anything."""
    config = body.get("config") or {}
    if reference.transport == "oras" or int(config.get("size", 0)) > MOST_BYTES:
        return {}
    found = json.loads((await connection.get(f"blobs/{_digest_of(config)}"))[0])
    if not isinstance(found, dict):
        raise ValueError("the configuration is none")
    return found


async def _get_manifest(connection: Connection, name: str) -> tuple[str, bytes]:
    import hashlib

    content, _ = await connection.get(f"manifests/{quote(name, safe=':')}", INDEX_TYPES + MANIFEST_TYPES)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if name.startswith("sha256:") and name != digest:
        raise ValueError("the manifest is another one than was asked for")
    return digest, content


def _digest_of(config: Any) -> str:
    """Return how a configuration is named, which becomes a part of an address."""
    digest = str(config["digest"])
    if not SHA256.fullmatch(digest):
        raise ValueError("the configuration has no digest")
    return digest
