"""Layers are kept as an OCI layout, verified before they are used, and missed by nobody when they are gone."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire import layout
from jupyterlab_container_kernels.acquire.blobs import LayerName
from jupyterlab_container_kernels.acquire.manifests import Parts
from jupyterlab_container_kernels.acquire.reference import parse

CONFIG = b'{"architecture": "amd64"}'


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def name_of(content: bytes) -> LayerName:
    return LayerName(digest_of(content), len(content))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where layers are kept; nothing is yet."""
    made = tmp_path / "layers"
    made.mkdir()
    return made


def spool(tmp_path: Path, name: str, *layers: bytes) -> Path:
    """Return a spool with layers that were downloaded."""
    made = tmp_path / name
    made.mkdir()
    for each in layers:
        (made / digest_of(each).replace(":", "-")).write_bytes(each)
    return made


def keep(tmp_path: Path, kept: Path, image: str, *layers: bytes) -> Parts:
    """Keep the layers of an image."""
    described = [{"digest": digest_of(each), "size": len(each)} for each in layers]
    parts_of = json.dumps({"mediaType": "x/y", "config": {"digest": digest_of(CONFIG)}, "layers": described}).encode()
    parts = Parts(digest_of(parts_of), parts_of, CONFIG)
    layout.keep(kept, parse(image, tmp_path).pinned(parts.digest), parts, spool(tmp_path, image, *layers))
    return parts


def test_what_is_kept_is_an_oci_layout(tmp_path: Path, kept: Path) -> None:
    images = {image: keep(tmp_path, kept, image, b"base", image.encode()) for image in ("debian", "python")}
    (tmp_path / "again").mkdir()
    keep(tmp_path / "again", kept, "debian", b"base", b"debian")
    assert json.loads((kept / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((kept / "index.json").read_text())
    assert index["schemaVersion"] == 2
    assert {each["digest"]: each["size"] for each in index["manifests"]} == {
        parts.digest: len(parts.content) for parts in images.values()
    }
    names = [each["annotations"]["org.opencontainers.image.ref.name"] for each in index["manifests"]]
    assert sorted(names) == sorted(f"docker.io/library/{image}@{parts.digest}" for image, parts in images.items())
    files = list((kept / "blobs/sha256").iterdir())
    assert len(files) == 3 + 1 + 2, "layers, a configuration and manifests, and nothing that is half there"
    assert all(file.name == hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


@pytest.mark.parametrize("links", [True, False])
def test_a_kept_layer_is_taken_also_to_another_disk(
    tmp_path: Path, kept: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, kept, "debian", b"base")
    if not links:

        def refuses(*_: object) -> None:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "link", refuses)
    into = spool(tmp_path, "next")
    left = into / digest_of(b"base").replace(":", "-")
    left.write_bytes(b"ba")  # of an earlier try
    assert layout.take(kept, name_of(b"base"), into)
    assert left.read_bytes() == b"base"
    assert not layout.take(kept, name_of(b"other"), into)
    (kept / "blobs/sha256" / name_of(b"other").digest.removeprefix("sha256:")).mkdir()
    assert not layout.take(kept, name_of(b"other"), into), "what cannot be read can still be downloaded"
    assert not layout.take(tmp_path / "removed", name_of(b"base"), into)


@pytest.mark.parametrize("damaged", [b"bose", b"ba", b""])
def test_a_kept_layer_that_is_damaged_is_removed_and_not_taken(tmp_path: Path, kept: Path, damaged: bytes) -> None:
    keep(tmp_path, kept, "debian", b"base")
    file = kept / "blobs/sha256" / hashlib.sha256(b"base").hexdigest()
    file.write_bytes(damaged)
    into = spool(tmp_path, "next")
    assert not layout.take(kept, name_of(b"base"), into)
    assert list(into.iterdir()) == [] and not file.exists()


def test_a_folder_that_was_removed_meanwhile_is_not_made_again(tmp_path: Path, kept: Path) -> None:
    kept.rmdir()
    with pytest.raises(FileNotFoundError):
        keep(tmp_path, kept, "debian", b"base")
    assert not kept.exists()


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"manifests": 1}', '{"manifests": [1]}'])
def test_an_index_that_is_none_is_made_anew(tmp_path: Path, kept: Path, index: str) -> None:
    (kept / "index.json").write_text(index)
    parts = keep(tmp_path, kept, "debian", b"base")
    assert [each["digest"] for each in json.loads((kept / "index.json").read_text())["manifests"]] == [parts.digest]
