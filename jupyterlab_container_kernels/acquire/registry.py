"""Asks a registry about an image: its digest, its platform, what there is to download, and for that.

The protocol: https://github.com/opencontainers/distribution-spec, with the token authentication of
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from ..errors import ContainerKernelsError
from . import credentials, refusals, trust
from .manifests import INDEX_TYPES, MANIFEST_TYPES, SHA256, Manifest, Parts, choose, in_one_line, size_of
from .places import Place, is_loopback
from .reference import ImageReference
from .registries_conf import Source, sources
from .tags import nearest

if TYPE_CHECKING:
    import httpx

_T = TypeVar("_T")
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024
#: What reading JSON raises that has another shape than a manifest.
_NO_MANIFEST = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
_CHALLENGE = re.compile(r'\b(\w+)="([^"]*)"')
#: What is asked for comes as it is: a small answer that was compressed could fill the memory when it is unpacked.
_PLAIN = {"Accept-Encoding": "identity"}
_MOST_REDIRECTS = 10
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

        async def question(client: httpx.AsyncClient) -> Manifest:
            digest, body = await self._find(client, reference, architecture)
            config = await self._config(client, reference, body)
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

        found = await self._ask(question)
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

        async def question(client: httpx.AsyncClient) -> Parts:
            digest, body = await self._find(client, reference, architecture)
            named = _digest_of(body["config"])
            config = (await self._get(client, reference, f"blobs/{named}"))[0]
            if named != f"sha256:{hashlib.sha256(config).hexdigest()}":
                raise ValueError("the configuration is another one than was asked for")
            return Parts(digest, body, config)

        return await self._ask(question)

    async def tags(self, reference: ImageReference) -> tuple[list[str], bool]:
        """Return the tags of an image as the registry lists them, and whether these are all.

        Raises
        ------
        ContainerKernelsError
            As :meth:`manifest`; ``image_not_found`` also from a registry that lists no tags.
        """
        return await self._ask(lambda client: self._list_tags(client, reference, _PAGES))

    async def admits(self, user: str) -> bool:
        """Tell whether the registry asks for a password at all, and takes the one that we have.

        Raises
        ------
        ContainerKernelsError
            ``login_needed``: it does not take it; ``rate_limited``, ``registry_unreachable``.
        """

        async def question(client: httpx.AsyncClient) -> bool:
            answer = await self._open(client, "/v2/", {})
            await answer.aclose()
            if answer.status_code in (401, 403):
                raise refusals.login_refused(self.name, user)
            self._refuse(answer, None)
            answer.raise_for_status()
            return self._at.authorization is not None

        return await self._ask(question)

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
        with self._said():
            async with await self._client() as client:
                answer = await self._open(client, self._path(reference, f"blobs/{digest}"), headers, reference)
                try:
                    if answer.status_code == 416:  # Range Not Satisfiable: all of it is here
                        return
                    self._refuse(answer, reference)
                    answer.raise_for_status()
                    place = start if answer.status_code == 206 else 0
                    async for data in answer.aiter_raw():
                        yield place, data
                        place += len(data)
                finally:
                    await answer.aclose()

    # ---- how it is asked

    async def _ask(self, question: Callable[[httpx.AsyncClient], Awaitable[_T]]) -> _T:
        """Put a question at one place after the other; where it was answered, the next ones are put.

        The places share the time that one may take, so that people wait as long however many there are.
        """
        now = asyncio.get_running_loop().time
        end = now() + _ANSWERS * self._timeout_s
        for left, place in zip(range(len(self._places), 0, -1), self._places, strict=True):
            self._at = place
            wait_s = (end - now()) / left
            try:
                answer = await asyncio.wait_for(self._ask_here(question), wait_s)
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

    async def _ask_here(self, question: Callable[[httpx.AsyncClient], Awaitable[_T]]) -> _T:
        with self._said():
            async with await self._client() as client:
                return await question(client)

    async def _client(self) -> httpx.AsyncClient:
        import httpx

        verify = await asyncio.to_thread(trust.context, self._at.host) if self._at.certificate else False
        return httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, verify=verify, headers=_PLAIN)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say in our words what went wrong."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as error:
            connected = not isinstance(error, httpx.ConnectTimeout)
            raise refusals.silent(self.name, self._timeout_s, connected) from error
        except httpx.ProxyError as error:
            raise refusals.proxy(self.name, error) from error
        except httpx.NetworkError as error:
            if isinstance(error, httpx.ConnectError) and self._at.is_proxied and not refusals.is_tls(error):
                raise refusals.no_proxy(error) from error
            raise refusals.no_connection(self.name, error) from error
        except httpx.HTTPStatusError as error:
            raise refusals.ill(self.name, error.response.status_code) from error
        except (ImportError, httpx.UnsupportedProtocol) as error:  # httpx has no SOCKS of its own
            raise refusals.unknown_proxy(error) from error
        except (httpx.HTTPError, httpx.InvalidURL, *_NO_MANIFEST) as error:
            raise refusals.unusable(self.name, error) from error

    async def _open(
        self, client: httpx.AsyncClient, path: str, headers: dict[str, str], reference: ImageReference | None = None
    ) -> httpx.Response:
        """Ask for something, by plain HTTP where that may be; whoever gets the answer has to close it."""
        import httpx

        try:
            return await self._authorized(client, path, headers, reference)
        except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as error:
            # whoever shows a certificate speaks TLS
            if not self._at.insecure or self._at.scheme == "http" or refusals.is_untrusted(error):
                raise
        self._at.scheme = "http"
        return await self._authorized(client, path, headers, reference)

    async def _authorized(
        self, client: httpx.AsyncClient, path: str, headers: dict[str, str], reference: ImageReference | None
    ) -> httpx.Response:
        """Ask, once more with a new token when there is none or the old one has run out."""
        for again in (False, True):
            authorization = {"Authorization": self._at.authorization} if self._at.authorization else {}
            request = client.build_request("GET", self._at.url(path), headers=headers | authorization)
            answer = await _send(client, request)
            if answer.status_code != 401 or again:
                break
            await answer.aclose()
            self._at.authorization = await self._log_in(client, answer.headers.get("WWW-Authenticate", ""), reference)
        return answer

    async def _log_in(self, client: httpx.AsyncClient, challenge: str, reference: ImageReference | None) -> str:
        """Answer a 401: with the password itself, or with a token from the realm that the registry names."""
        import httpx

        scheme, _, rest = challenge.partition(" ")
        basic = self._at.basic
        user, secret = credentials.decode(basic) if basic else ("", "")
        if scheme.lower() != "bearer":
            if not basic or user == credentials.TOKEN_USER:
                raise self._login_needed(reference, user)
            return f"Basic {basic}"
        options = dict(_CHALLENGE.findall(rest))
        realm = options.pop("realm", "")
        if not realm.startswith(("https://", "http://") if self._at.scheme == "http" else "https://"):
            raise ValueError("it names no safe place to get a token from")
        if user == credentials.TOKEN_USER:
            # https://distribution.github.io/distribution/spec/auth/oauth/
            form = {"grant_type": "refresh_token", "refresh_token": secret, "client_id": "container-kernels"}
            answer = await client.send(client.build_request("POST", realm, data=options | form), stream=True)
        else:
            headers = {"Authorization": f"Basic {basic}"} if basic else {}
            url = httpx.URL(realm).copy_merge_params(options)
            answer = await _send(client, client.build_request("GET", url, headers=headers))
        try:
            if answer.status_code in (400, 401, 403):
                raise self._login_needed(reference, user)
            self._refuse(answer, reference)
            answer.raise_for_status()
            body = json.loads(await _small(answer))
        finally:
            await answer.aclose()
        return f"Bearer {body.get('token') or body['access_token']}"

    async def _get(
        self, client: httpx.AsyncClient, reference: ImageReference, what: str, accept: tuple[str, ...] = ()
    ) -> tuple[bytes, str | None]:
        """Return something small, and the path of what follows it, if it is a list that goes on."""
        path = what if what.startswith("/") else self._path(reference, what)
        answer = await self._open(client, path, {"Accept": ", ".join(accept)} if accept else {}, reference)
        try:
            self._refuse(answer, reference)
            answer.raise_for_status()
            return await _small(answer), self._next(answer)
        finally:
            await answer.aclose()

    def _path(self, reference: ImageReference, what: str) -> str:
        return f"/v2/{self._at.repository or reference.repository}/{what}"

    def _next(self, answer: httpx.Response) -> str | None:
        """Return what comes after one page of a list, which has to be of the same registry (RFC 5988)."""
        link = urlsplit(answer.links.get("next", {}).get("url", ""))
        is_here = link.netloc in ("", urlsplit(self._at.url("")).netloc) and link.path.startswith("/v2/")
        return f"{link.path}?{link.query}" if is_here else None

    def _refuse(self, answer: httpx.Response, reference: ImageReference | None) -> None:
        """Raise what a refusal means."""
        if answer.status_code == 404 and reference is not None:
            raise refusals.not_found(reference, self.name)
        if answer.status_code in (401, 403):
            raise self._login_needed(reference)
        if answer.status_code == 429:
            raise refusals.rate_limited(self.name, answer.headers, self._at.basic is not None)

    def _login_needed(self, reference: ImageReference | None, user: str = "") -> ContainerKernelsError:
        if reference is None:
            return refusals.login_refused(self.name, user)
        return refusals.login_needed(reference, self.name, self._at.basic is not None)

    # ---- what it is asked

    async def _find(self, client: httpx.AsyncClient, reference: ImageReference, architecture: str) -> tuple[str, Any]:
        """Return the digest and the body of the manifest for an architecture."""
        try:
            digest, body = await self._get_manifest(client, reference, reference.digest or reference.tag or "latest")
        except ContainerKernelsError as error:
            if error.code != "image_not_found" or not reference.tag:
                raise
            raise await self._missing(client, reference, error) from error
        if body.get("mediaType") in INDEX_TYPES or "manifests" in body:
            chosen = choose(reference, body, architecture)
            digest, body = await self._get_manifest(client, reference, chosen)
        return digest, body

    async def _missing(
        self, client: httpx.AsyncClient, reference: ImageReference, error: ContainerKernelsError
    ) -> ContainerKernelsError:
        """Say that a tag is missing, and which are near to it, if the registry tells them."""
        import httpx

        try:
            tags, _ = await asyncio.wait_for(self._list_tags(client, reference, _PAGES), _NEAR_S)
        except (ContainerKernelsError, httpx.HTTPError, asyncio.TimeoutError, *_NO_MANIFEST):
            return error
        near = await asyncio.to_thread(nearest, reference.tag or "latest", tags)
        return refusals.not_found(reference, self.name, near)

    async def _list_tags(
        self, client: httpx.AsyncClient, reference: ImageReference, pages: int
    ) -> tuple[list[str], bool]:
        tags: list[str] = []
        path: str | None = f"tags/list?n={_TAGS_A_PAGE}"
        while path is not None and pages > 0:
            content, path = await self._get(client, reference, path)
            tags += [tag for tag in json.loads(content)["tags"] or [] if isinstance(tag, str)]
            pages -= 1
        return tags, path is None

    async def _config(self, client: httpx.AsyncClient, reference: ImageReference, body: Any) -> dict[str, Any]:
        """Read the image's configuration, a small JSON blob; an ORAS artefact has none that says anything."""
        config = body.get("config") or {}
        if reference.transport == "oras" or int(config.get("size", 0)) > _MAX_MANIFEST_BYTES:
            return {}
        found = json.loads((await self._get(client, reference, f"blobs/{_digest_of(config)}"))[0])
        if not isinstance(found, dict):
            raise ValueError("the configuration is none")
        return found

    async def _get_manifest(self, client: httpx.AsyncClient, reference: ImageReference, name: str) -> tuple[str, Any]:
        import hashlib

        what = f"manifests/{quote(name, safe=':')}"
        content, _ = await self._get(client, reference, what, INDEX_TYPES + MANIFEST_TYPES)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if name.startswith("sha256:") and name != digest:
            raise ValueError("the manifest is another one than was asked for")
        return digest, json.loads(content)


async def _send(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Ask, and follow to where it leads; httpx would read all that a redirect says, however much that is.

    Raises
    ------
    httpx.TooManyRedirects
    """
    import httpx

    for _ in range(_MOST_REDIRECTS):
        answer = await client.send(request, stream=True)
        if answer.next_request is None:
            return answer
        await answer.aclose()
        request = answer.next_request
    raise httpx.TooManyRedirects("it leads from one place to the next", request=request)


async def _small(answer: httpx.Response) -> bytes:
    """Read an answer as it came, unless it is larger than any manifest."""
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > _MAX_MANIFEST_BYTES:
            raise ValueError("it is too large")
    return bytes(content)


def _digest_of(config: Any) -> str:
    """Return how a configuration is named, which becomes a part of an address."""
    digest = str(config["digest"])
    if not SHA256.fullmatch(digest):
        raise ValueError("the configuration has no digest")
    return digest
