"""What registries say of images: manifests and configurations (https://github.com/opencontainers/image-spec)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import refusals
from .reference import ImageReference

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_TEXT_CHARS = 300
#: What reading JSON raises that has another shape than a manifest.
NO_MANIFEST = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
#: How blobs are named; whatever else a manifest says does not become a part of a path.
SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
#: No blob is larger than what a file can be: sizes are reckoned with.
MOST_BYTES = (1 << 63) - 1


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
    title, description : str or None
        What its maker calls it.
    config : str or None
        The digest of its configuration.
    """

    digest: str
    architecture: str | None
    layer_bytes: list[int]
    title: str | None = None
    description: str | None = None
    config: str | None = None

    @property
    def download_bytes(self) -> int:
        """What there is to download."""
        return sum(self.layer_bytes)


@dataclass(frozen=True)
class Parts:
    """What an image is made of: its manifest and its configuration as they are stored, and the manifest's digest."""

    digest: str
    content: bytes
    config: bytes

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest as it was read."""
        body: dict[str, Any] = json.loads(self.content)
        return body


def choose(reference: ImageReference, index: Any, architecture: str) -> str:
    """Return the digest of the manifest for Linux on an architecture."""
    offered = set()
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("os", "linux") == "linux" and platform.get("architecture") == architecture:
            return str(entry["digest"])
        if platform.get("architecture") not in (None, "unknown"):
            offered.add(str(platform["architecture"]))
    found = ", ".join(sorted(offered)) or "none that is named"
    raise refusals.wrong_architecture(reference, found, architecture)


def size_of(blob: Any) -> int:
    """Return how large a manifest says that a blob is.

    Raises
    ------
    ValueError, LookupError, TypeError, OverflowError
        It does not say, or something that no blob is.
    """
    size = int(blob["size"])
    if not 0 <= size <= MOST_BYTES:
        raise ValueError("a blob has an impossible size")
    return size


def in_one_line(value: Any) -> str | None:
    """Return what a label says, in one line; ``None`` where it says nothing."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    text = "".join(character for character in text if character.isprintable())
    return (text if len(text) <= _TEXT_CHARS else f"{text[: _TEXT_CHARS - 1]}…") or None
