"""Asks one place for what it has of an image, with the password or the token that it wants.

The protocol: https://github.com/opencontainers/distribution-spec, with the token authentication of
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ContainerKernelsError
from . import credentials, refusals, trust
from .manifests import NO_MANIFEST
from .places import Place
from .reference import ImageReference

if TYPE_CHECKING:
    import httpx

#: No manifest, token or page of a list is larger.
MOST_BYTES = 4 * 1024 * 1024
_CHALLENGE = re.compile(r'\b(\w+)="([^"]*)"')
#: What is asked for comes as it is: a small answer that was compressed could fill the memory when it is unpacked.
_PLAIN = {"Accept-Encoding": "identity"}
_MOST_REDIRECTS = 10


@contextlib.asynccontextmanager
async def connect(
    registry: str, place: Place, reference: ImageReference | None, timeout_s: float
) -> AsyncIterator[Connection]:
    """Ask a place; what goes wrong meanwhile is said in our words.

    Parameters
    ----------
    registry : str
        What people call the registry: the place may be a mirror of it.
    place : Place
        It remembers whether it speaks plain HTTP, and its token.
    reference : ImageReference or None
        The image that is asked about; ``None``: about the registry itself.
    timeout_s : float
        Seconds within which each answer has to come.

    Raises
    ------
    ContainerKernelsError
        ``registry_unreachable``
    """
    import httpx

    with _said(registry, place, timeout_s):
        verify = await asyncio.to_thread(trust.context, place.host) if place.certificate else False
        async with httpx.AsyncClient(
            timeout=timeout_s, follow_redirects=False, verify=verify, headers=_PLAIN
        ) as client:
            yield Connection(registry, place, reference, client)


@contextlib.contextmanager
def _said(registry: str, place: Place, timeout_s: float) -> Iterator[None]:
    """Say in our words what went wrong."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        connected = not isinstance(error, httpx.ConnectTimeout)
        raise refusals.silent(registry, timeout_s, connected) from error
    except httpx.ProxyError as error:
        raise refusals.proxy(registry, error) from error
    except httpx.NetworkError as error:
        if isinstance(error, httpx.ConnectError) and place.is_proxied and not refusals.is_tls(error):
            raise refusals.no_proxy(error) from error
        raise refusals.no_connection(registry, error) from error
    except httpx.HTTPStatusError as error:
        raise refusals.ill(registry, error.response.status_code) from error
    except (ImportError, httpx.UnsupportedProtocol) as error:  # httpx has no SOCKS of its own
        raise refusals.unknown_proxy(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, *NO_MANIFEST) as error:
        raise refusals.unusable(registry, error) from error


class Connection:
    """A place that is being asked; see :func:`connect` for what it is made from."""

    def __init__(
        self, registry: str, place: Place, reference: ImageReference | None, client: httpx.AsyncClient
    ) -> None:
        self.registry = registry
        self._place = place
        self._reference = reference
        self._client = client

    async def open(self, what: str, headers: Mapping[str, str]) -> httpx.Response:
        """Ask for something, by plain HTTP where that may be.

        Parameters
        ----------
        what : str
            A part of the image, as ``manifests/latest``, or a path of the place.
        headers : mapping of str to str
            Of the request.

        Returns
        -------
        httpx.Response
            Whoever gets it has to close it, and may give it to :meth:`refuse` before.

        Raises
        ------
        ContainerKernelsError
            ``login_needed``: nobody gets in so; ``rate_limited``.
        """
        import httpx

        try:
            return await self._authorized(what, headers)
        except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError) as error:
            # whoever shows a certificate speaks TLS
            if not self._place.insecure or self._place.scheme == "http" or refusals.is_untrusted(error):
                raise
        self._place.scheme = "http"
        return await self._authorized(what, headers)

    async def get(self, what: str, accept: tuple[str, ...] = ()) -> tuple[bytes, str | None]:
        """Return something small, and the path of what follows it, if it is a list that goes on.

        Raises
        ------
        ContainerKernelsError
            As :meth:`open` and :meth:`refuse`.
        """
        answer = await self.open(what, {"Accept": ", ".join(accept)} if accept else {})
        try:
            self.refuse(answer)
            return await _small(answer), self._next(answer)
        finally:
            await answer.aclose()

    def refuse(self, answer: httpx.Response) -> None:
        """Raise what the status of an answer means, unless it brings what was asked for.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``, ``login_needed``, ``rate_limited``.
        """
        if answer.status_code == 404 and self._reference is not None:
            raise refusals.not_found(self._reference, self.registry)
        if answer.status_code in (401, 403):
            raise self._login_needed()
        if answer.status_code == 429:
            raise refusals.rate_limited(self.registry, answer.headers, self._place.basic is not None)
        answer.raise_for_status()

    def _url(self, what: str) -> str:
        if what.startswith("/"):
            return self._place.url(what)
        repository = self._place.repository or (self._reference.repository if self._reference else "")
        return self._place.url(f"/v2/{repository}/{what}")

    def _next(self, answer: httpx.Response) -> str | None:
        """Return what comes after one page of a list, which has to be of the same registry (RFC 5988)."""
        link = urlsplit(answer.links.get("next", {}).get("url", ""))
        is_here = link.netloc in ("", urlsplit(self._place.url("")).netloc) and link.path.startswith("/v2/")
        return f"{link.path}?{link.query}" if is_here else None

    async def _authorized(self, what: str, headers: Mapping[str, str]) -> httpx.Response:
        """Ask, once more with a new token when there is none or the old one has run out."""
        for again in (False, True):
            token = self._place.authorization
            authorization = {"Authorization": token} if token else {}
            request = self._client.build_request("GET", self._url(what), headers={**headers, **authorization})
            answer = await self._send(request)
            if answer.status_code != 401 or again:
                break
            await answer.aclose()
            self._place.authorization = await self._log_in(answer.headers.get("WWW-Authenticate", ""))
        return answer

    async def _log_in(self, challenge: str) -> str:
        """Answer a 401: with the password itself, or with a token from the realm that the registry names."""
        import httpx

        scheme, _, rest = challenge.partition(" ")
        basic = self._place.basic
        user, secret = credentials.decode(basic) if basic else ("", "")
        if scheme.lower() != "bearer":
            if not basic or user == credentials.TOKEN_USER:
                raise self._login_needed(user)
            return f"Basic {basic}"
        options = dict(_CHALLENGE.findall(rest))
        realm = options.pop("realm", "")
        if not realm.startswith(("https://", "http://") if self._place.scheme == "http" else "https://"):
            raise ValueError("it names no safe place to get a token from")
        if user == credentials.TOKEN_USER:
            # https://distribution.github.io/distribution/spec/auth/oauth/
            form = {"grant_type": "refresh_token", "refresh_token": secret, "client_id": "container-kernels"}
            request = self._client.build_request("POST", realm, data=options | form)
            answer = await self._client.send(request, stream=True)
        else:
            headers = {"Authorization": f"Basic {basic}"} if basic else {}
            url = httpx.URL(realm).copy_merge_params(options)
            answer = await self._send(self._client.build_request("GET", url, headers=headers))
        try:
            if answer.status_code in (400, 401, 403):
                raise self._login_needed(user)
            self.refuse(answer)
            body = json.loads(await _small(answer))
        finally:
            await answer.aclose()
        return f"Bearer {body.get('token') or body['access_token']}"

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Ask, and follow to where it leads; httpx would read all that a redirect says, however much that is.

        Raises
        ------
        httpx.TooManyRedirects
        """
        import httpx

        for _ in range(_MOST_REDIRECTS):
            answer = await self._client.send(request, stream=True)
            if answer.next_request is None:
                return answer
            await answer.aclose()
            request = answer.next_request
        raise httpx.TooManyRedirects("it leads from one place to the next", request=request)

    def _login_needed(self, user: str = "") -> ContainerKernelsError:
        if self._reference is None:
            return refusals.login_refused(self.registry, user)
        return refusals.login_needed(self._reference, self.registry, self._place.basic is not None)


async def _small(answer: httpx.Response) -> bytes:
    """Read an answer as it came, unless it is larger than any manifest."""
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > MOST_BYTES:
            raise ValueError("it is too large")
    return bytes(content)
