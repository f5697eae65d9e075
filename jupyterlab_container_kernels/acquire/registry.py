"""Asks a registry about an image: its digest, its platform, what there is to download, and for that.

The protocol: https://github.com/opencontainers/distribution-spec, with the token authentication of
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ContainerKernelsError
from .reference import ImageReference

if TYPE_CHECKING:
    import httpx

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024
#: What reading JSON raises that has another shape than a manifest.
_NO_MANIFEST = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Manifest:
    """What a registry says of an image.

    Parameters
    ----------
    digest : str
        Of the manifest for this platform, as ``sha256:…``.
    architecture : str or None
        In OCI's terms; ``None`` if the registry does not say (an ORAS artefact).
    layer_bytes : list of int
        Compressed size of each layer.
    """

    digest: str
    architecture: str | None
    layer_bytes: list[int]

    @property
    def download_bytes(self) -> int:
        """What there is to download."""
        return sum(self.layer_bytes)


def is_loopback(registry: str) -> bool:
    """Tell whether a registry is on this machine; such are asked by plain HTTP when TLS fails, as Docker does."""
    host = registry.rpartition(":")[0] if re.search(r":\d+$", registry) else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def credentials(registry: str, environment: Mapping[str, str], home: Path) -> str | None:
    """Return ``user:password`` for a registry from where users keep it, base64-encoded, or ``None``.

    Looked at, in this order: ``APPTAINER_DOCKER_*``, ``SINGULARITY_DOCKER_*`` and ``DOCKER_*`` variables, then
    ``auth.json`` (containers-auth.json(5)), Apptainer's own file, and Docker's ``config.json``.
    """
    for prefix in ("APPTAINER_DOCKER", "SINGULARITY_DOCKER", "DOCKER"):
        user, password = environment.get(f"{prefix}_USERNAME"), environment.get(f"{prefix}_PASSWORD")
        if user and password:
            return base64.b64encode(f"{user}:{password}".encode()).decode()
    places = [
        environment.get("REGISTRY_AUTH_FILE"),
        f"{environment['XDG_RUNTIME_DIR']}/containers/auth.json" if environment.get("XDG_RUNTIME_DIR") else None,
        str(home / ".config/containers/auth.json"),
        str(home / ".apptainer/docker-config.json"),
        f"{environment.get('DOCKER_CONFIG') or home / '.docker'}/config.json",
    ]
    names = ("docker.io", "https://index.docker.io/v1/", "index.docker.io") if registry == "docker.io" else (
        registry, f"https://{registry}", f"http://{registry}")  # fmt: skip
    for place in filter(None, places):
        try:
            auths = json.loads(Path(place).read_bytes()).get("auths", {})
            found = next((auths[name]["auth"] for name in names if auths.get(name, {}).get("auth")), None)
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            continue
        if found:
            return str(found)
    return None


@dataclass(frozen=True)
class Parts:
    """What an image is made of: the digest and the body of its manifest, and its configuration as it is stored."""

    digest: str
    manifest: dict[str, Any]
    config: bytes


class Registry:
    """One registry, asked as one user.

    Parameters
    ----------
    name : str
        Host and optional port, as in a reference.
    basic : str or None
        What :func:`credentials` returned.
    insecure : bool
        Whether plain HTTP is tried when TLS fails.
    timeout_s : float
        Seconds within which each answer has to come.
    """

    def __init__(self, name: str, basic: str | None, insecure: bool, timeout_s: float) -> None:
        self.name = name
        self._host = "registry-1.docker.io" if name == "docker.io" else name
        self._basic = basic
        self._scheme = "https"
        self._insecure = insecure
        self._timeout_s = timeout_s
        self._authorization: str | None = None

    @property
    def uses_http(self) -> bool:
        """Whether it turned out to speak plain HTTP."""
        return self._scheme == "http"

    async def manifest(self, reference: ImageReference, architecture: str) -> Manifest:
        """Return what the registry says of an image for one architecture.

        Raises
        ------
        ContainerKernelsError
            ``image_not_found``, ``login_needed``, ``wrong_architecture``, ``registry_unreachable``.
        """
        async with self._client() as client:
            with self._said():
                digest, body = await self._find(client, reference, architecture)
                found = await self._architecture(client, reference, body)
                layer_bytes = [int(layer["size"]) for layer in body.get("layers", [])]
        if found is not None and found != architecture:
            raise _wrong_architecture(reference, found, architecture)
        return Manifest(digest, found, layer_bytes)

    async def parts(self, reference: ImageReference, architecture: str) -> Parts:
        """Return what an image is made of, to fetch it.

        Raises
        ------
        ContainerKernelsError
            As :meth:`manifest`.
        """
        import hashlib

        async with self._client() as client:
            with self._said():
                digest, body = await self._find(client, reference, architecture)
                named = str(body["config"]["digest"])
                config = (await self._get(client, reference, f"blobs/{named}", ())).content
                if named != f"sha256:{hashlib.sha256(config).hexdigest()}":
                    raise ValueError("the configuration is another one than was asked for")
        return Parts(digest, body, config)

    async def blob(self, reference: ImageReference, digest: str, start: int = 0) -> AsyncIterator[tuple[int, bytes]]:
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
            ``image_not_found``, ``login_needed``, ``registry_unreachable``.
        """
        # encoded on its way, a blob would not be what its digest says
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        path = f"/v2/{reference.repository}/blobs/{digest}"
        async with self._client() as client:
            with self._said():
                answer = await self._open(client, path, headers, reference)
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

    async def _open(
        self, client: httpx.AsyncClient, path: str, headers: dict[str, str], reference: ImageReference
    ) -> httpx.Response:
        """Ask for something long, once more with a new token when the old one has run out."""
        url = f"{self._scheme}://{self._host}{path}"
        for again in (False, True):
            authorization = {"Authorization": self._authorization} if self._authorization else {}
            answer = await client.send(client.build_request("GET", url, headers=headers | authorization), stream=True)
            if answer.status_code != 401 or again:
                break
            await answer.aclose()
            self._authorization = await self._log_in(client, answer.headers.get("WWW-Authenticate", ""), reference)
        return answer

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=True, verify=_ca_bundle())

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say in our words what went wrong."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as error:
            raise self._unreachable("does not answer") from error
        except httpx.ConnectError as error:
            raise self._unreachable(f"cannot be reached ({error})") from error
        except (httpx.HTTPError, httpx.InvalidURL, *_NO_MANIFEST) as error:
            raise self._unreachable(f"gave no usable answer ({error})") from error

    async def _find(self, client: httpx.AsyncClient, reference: ImageReference, architecture: str) -> tuple[str, Any]:
        """Return the digest and the body of the manifest for an architecture."""
        digest, body = await self._get_manifest(client, reference, reference.digest or reference.tag or "latest")
        if body.get("mediaType") in _INDEX_TYPES or "manifests" in body:
            chosen = _choose(reference, body, architecture)
            digest, body = await self._get_manifest(client, reference, chosen)
        return digest, body

    async def _architecture(self, client: httpx.AsyncClient, reference: ImageReference, body: Any) -> str | None:
        """Read the architecture from the image's configuration, a small JSON blob."""
        config = body.get("config") or {}
        if reference.transport == "oras" or int(config.get("size", 0)) > _MAX_MANIFEST_BYTES:
            return None
        answer = await self._get(client, reference, f"blobs/{config['digest']}", ())
        found = json.loads(answer.content).get("architecture")
        return found if isinstance(found, str) and found else None

    async def _get_manifest(self, client: httpx.AsyncClient, reference: ImageReference, name: str) -> tuple[str, Any]:
        import hashlib

        answer = await self._get(
            client, reference, f"manifests/{quote(name, safe=':')}", _INDEX_TYPES + _MANIFEST_TYPES
        )
        digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if name.startswith("sha256:") and name != digest:
            raise ValueError("the manifest is another one than was asked for")
        return digest, json.loads(answer.content)

    async def _get(
        self, client: httpx.AsyncClient, reference: ImageReference, what: str, accept: tuple[str, ...]
    ) -> httpx.Response:
        import httpx

        path = f"/v2/{reference.repository}/{what}"
        headers = {"Accept": ", ".join(accept)} if accept else {}
        try:
            answer = await self._authorized(client, path, headers, reference)
        except (httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError):
            if not self._insecure or self.uses_http:
                raise
            self._scheme = "http"
            answer = await self._authorized(client, path, headers, reference)
        self._refuse(answer, reference)
        answer.raise_for_status()
        if len(answer.content) > _MAX_MANIFEST_BYTES:
            raise ValueError("the manifest is too large")
        return answer

    def _refuse(self, answer: httpx.Response, reference: ImageReference) -> None:
        """Raise what a refusal means."""
        if answer.status_code == 404:
            raise ContainerKernelsError(
                "image_not_found",
                f"{self.name} has no image {reference.repository}"
                + (f" with the tag {reference.tag}." if reference.tag else f" with the digest {reference.digest}."),
                "Check the name and the tag, for instance on the registry's web page.",
            )
        if answer.status_code in (401, 403):
            raise self._login_needed(reference)
        if answer.status_code == 429:
            raise ContainerKernelsError(
                "registry_unreachable",
                f"{self.name} answers that too many requests came from this address.",
                "Log in to the registry, or try again in a few hours.",
            )

    async def _authorized(
        self, client: httpx.AsyncClient, path: str, headers: dict[str, str], reference: ImageReference
    ) -> httpx.Response:
        url = f"{self._scheme}://{self._host}{path}"
        if self._authorization:
            headers = {**headers, "Authorization": self._authorization}
        answer = await client.get(url, headers=headers)
        if answer.status_code != 401 or self._authorization:
            return answer
        self._authorization = await self._log_in(client, answer.headers.get("WWW-Authenticate", ""), reference)
        return await client.get(url, headers={**headers, "Authorization": self._authorization})

    async def _log_in(self, client: httpx.AsyncClient, challenge: str, reference: ImageReference) -> str:
        """Answer a 401: with the password itself, or with a token from the realm that the registry names."""
        scheme, _, rest = challenge.partition(" ")
        basic = {"Authorization": f"Basic {self._basic}"} if self._basic else {}
        if scheme.lower() != "bearer":
            if not basic:
                raise self._login_needed(reference)
            return basic["Authorization"]
        options = dict(_CHALLENGE.findall(rest))
        realm = options.pop("realm", "")
        if not realm.startswith(("https://", "http://") if self.uses_http else "https://"):
            raise ValueError("it names no safe place to get a token from")
        answer = await client.get(realm, params=options, headers=basic)
        if answer.status_code in (401, 403):
            raise self._login_needed(reference)
        answer.raise_for_status()
        body = answer.json()
        return f"Bearer {body.get('token') or body['access_token']}"

    def _login_needed(self, reference: ImageReference) -> ContainerKernelsError:
        if self._basic:
            message = f"{self.name} does not let you read {reference.repository} with the password that is stored here."
        else:
            message = f"{self.name} does not let strangers read {reference.repository}, or has no such image."
        return ContainerKernelsError(
            "login_needed",
            message,
            f"Check the name. If it is private, run this in a terminal and try again: "
            f"apptainer registry login --username NAME docker://{self.name}",
        )

    def _unreachable(self, why: str) -> ContainerKernelsError:
        return ContainerKernelsError(
            "registry_unreachable",
            f"The registry {self.name} {why}.",
            "Check its name. This node may have no access to the internet; then pull the image on a login node and "
            "add the .sif file.",
        )


def _ca_bundle() -> Any:
    """Return what TLS is checked against: the site's bundle where the environment names one."""
    import ssl

    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return ssl.create_default_context(cafile=named) if named and Path(named).is_file() else True


def _choose(reference: ImageReference, index: Any, architecture: str) -> str:
    """Return the digest of the manifest for Linux on an architecture."""
    offered = set()
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("os", "linux") == "linux" and platform.get("architecture") == architecture:
            return str(entry["digest"])
        if platform.get("architecture") not in (None, "unknown"):
            offered.add(str(platform["architecture"]))
    raise _wrong_architecture(reference, ", ".join(sorted(offered)) or "none that is named", architecture)


def _wrong_architecture(reference: ImageReference, found: str, wanted: str) -> ContainerKernelsError:
    return ContainerKernelsError(
        "wrong_architecture",
        f"{reference} is for {found} processors; this machine's are {wanted}.",
        f"Look for a tag of the image that is built for {wanted}.",
    )
