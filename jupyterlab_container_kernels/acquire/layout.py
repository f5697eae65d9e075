"""Layers that are kept for the next image that shares them, as an OCI layout, which other tools read as well.

The format: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from .blobs import LayerName, spooled
from .manifests import MANIFEST_TYPES, Parts
from .reference import ImageReference

_PIECE_BYTES = 1 << 20
_BLOBS = "blobs/sha256"
_NAME = "org.opencontainers.image.ref.name"


def take(layout: Path, name: LayerName, spool: Path) -> bool:
    """Put a kept layer into a spool, as if it had been downloaded, and tell whether it is there.

    It is hashed before; one that is damaged is removed, and comes again.

    Raises
    ------
    OSError
        The spool cannot be written.
    """
    kept, target = _blob(layout, name.digest), spooled(spool, name)
    try:
        found = _digest_of(kept, name.size)
        if found != name.digest:
            kept.unlink()
    except OSError:  # it is not there, or cannot be read or removed: it can still be downloaded
        return False
    if found != name.digest:
        return False
    target.unlink(missing_ok=True)  # what an earlier try has left of it
    try:
        os.link(kept, target)
    except OSError:  # on another disk, or one without links
        try:
            shutil.copyfile(kept, target)
        except FileNotFoundError:
            return False
        return _digest_of(target, name.size) == name.digest
    return True


def keep(layout: Path, reference: ImageReference, parts: Parts, spool: Path) -> None:
    """Take the layers of an image over from a spool, and note the image.

    Of two images that are noted at the same moment, one may be missed: layers are found by their own names.

    Parameters
    ----------
    layout : Path
        A directory; it is not made, for somebody may have removed it to make room.
    reference : ImageReference
    parts : Parts
    spool : Path
        With all of its layers, which were looked at.

    Raises
    ------
    OSError
        It is not there, or cannot be written.
    """
    blobs = layout / _BLOBS
    for folder in (blobs.parent, blobs):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    for layer in spool.glob("sha256-*"):
        _move(layer, blobs / layer.name.removeprefix("sha256-"))
    config = f"sha256:{hashlib.sha256(parts.config).hexdigest()}"
    for digest, content in ((config, parts.config), (parts.digest, parts.content)):
        _write(_blob(layout, digest), content)
    _write(layout / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    _write(layout / "index.json", json.dumps(_index(layout, reference, parts), indent=1).encode())


def _index(layout: Path, reference: ImageReference, parts: Parts) -> dict[str, Any]:
    """Return the list of images, with one more."""
    known: list[Any] = []
    with contextlib.suppress(FileNotFoundError, ValueError, LookupError, TypeError):
        known = [*json.loads((layout / "index.json").read_text())["manifests"]]
    described = {
        "mediaType": parts.manifest.get("mediaType", MANIFEST_TYPES[0]),
        "digest": parts.digest,
        "size": len(parts.content),
        "annotations": {_NAME: str(reference).partition("://")[2]},
    }
    others = [each for each in known if isinstance(each, dict) and each.get("digest") != parts.digest]
    return {"schemaVersion": 2, "manifests": [*others, described]}


def _blob(layout: Path, digest: str) -> Path:
    return layout / _BLOBS / digest.removeprefix("sha256:")


def _digest_of(file: Path, size: int) -> str | None:
    """Return the digest of a file of a size, or ``None`` if it has another one."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size != size:
            return None
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def _move(source: Path, target: Path) -> None:
    """Move a file, also from another disk; it is never half there under its name."""
    try:
        source.replace(target)
    except OSError:
        partial = _partial(target)
        try:
            shutil.copyfile(source, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _write(target: Path, content: bytes) -> None:
    partial = _partial(target)
    partial.write_bytes(content)
    partial.replace(target)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name[:16]}-{secrets.token_hex(4)}")
