"""An image that lies elsewhere now is found by what it is, and by its name only where nothing tells more."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services import search
from jupyterlab_container_kernels.system.kernelspecs import ImageRecord
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.patience import Patience
from tests.builders import sif_bytes, write_sif

DIGEST = "sha256:" + "ab" * 32
#: That of all images of the builders.
ID = str(uuid.UUID(int=7))


@pytest.fixture
def patience() -> Iterator[Patience]:
    made = Patience()
    yield made
    made.close()


def lost(path: Path, *, digest: str | None = None, sif_id: str | None = None) -> ImageRecord:
    return ImageRecord("demo:1", "docker://demo:1", digest, str(path), len(sif_bytes()), 0, sif_id, stored=False)


def other(path: Path) -> Path:
    """Write an image of the same size that is another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sif_bytes().replace(uuid.UUID(int=7).bytes, uuid.UUID(int=8).bytes))
    return path


async def test_the_digest_tells_before_anything_else(roots: Roots, tmp_path: Path, patience: Patience) -> None:
    stored = other(roots.images / f"{DIGEST.replace(':', '-')}.sif")
    write_sif(tmp_path / "here" / "renamed.sif")
    image = lost(tmp_path / "here" / "demo.sif", digest=DIGEST, sif_id=ID)
    assert await search.find(image, roots, patience) == stored


async def test_an_image_that_was_renamed_is_found_by_its_id(roots: Roots, tmp_path: Path, patience: Patience) -> None:
    other(tmp_path / "here" / "a.sif")
    renamed = write_sif(tmp_path / "here" / "b.sif")
    assert await search.find(lost(tmp_path / "here" / "demo.sif", sif_id=ID), roots, patience) == renamed


async def test_an_id_in_one_folder_tells_more_than_the_name_in_another(
    roots: Roots, tmp_path: Path, patience: Patience
) -> None:
    other(roots.images / "demo.sif")
    renamed = write_sif(tmp_path / "here" / "b.sif")
    assert await search.find(lost(tmp_path / "here" / "demo.sif", sif_id=ID), roots, patience) == renamed


async def test_the_name_will_do_with_the_size_where_nothing_tells_more(
    roots: Roots, tmp_path: Path, patience: Patience
) -> None:
    moved = other(roots.images / "demo.sif")
    assert await search.find(lost(tmp_path / "here" / "demo.sif"), roots, patience) == moved


@pytest.mark.parametrize("what", ["of another size", "no image", "hidden", "of another kind"])
async def test_what_only_looks_like_it_is_not_taken(
    roots: Roots, tmp_path: Path, patience: Patience, what: str
) -> None:
    name = {"hidden": ".demo.sif", "of another kind": "demo.tar"}.get(what, "demo.sif")
    there = write_sif(roots.images / name, payload=999 if what == "of another size" else 64)
    if what == "no image":
        there.write_bytes(bytes(len(sif_bytes())))
    image = lost(tmp_path / "here" / name, sif_id=None if what == "of another size" else ID)
    with pytest.raises(ContainerKernelsError) as caught:
        await search.find(image, roots, patience)
    assert caught.value.code == "image_not_found"
    assert f"{roots.images} and {tmp_path / 'here'}" in caught.value.message
    assert "did not answer" not in caught.value.message


async def test_a_folder_that_does_not_answer_hides_none_that_does(
    roots: Roots, tmp_path: Path, patience: Patience, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    look = search._look

    def slow(image: ImageRecord, directory: Path) -> tuple[Path | None, Path | None]:
        if directory == roots.images:
            released.wait(60)
        return look(image, directory)

    monkeypatch.setattr(search, "_look", slow)
    monkeypatch.setattr(search, "_TIMEOUT_S", 1.0)
    try:
        renamed = write_sif(tmp_path / "here" / "b.sif")
        image = lost(tmp_path / "here" / "demo.sif", sif_id=ID)
        assert await search.find(image, roots, patience) == renamed
        renamed.unlink()
        with pytest.raises(ContainerKernelsError, match=f"{roots.images} did not answer"):
            await search.find(image, roots, patience)
    finally:
        released.set()
