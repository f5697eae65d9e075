"""An image that is here is told from all that is none, be it a file or a folder; a site's folders are found."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire import local_image
from jupyterlab_container_kernels.acquire.local_image import LocalImage
from jupyterlab_container_kernels.acquire.manifests import Manifest
from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services import store
from tests.builders import unpack_image, write_sif

MANIFEST = Manifest(f"sha256:{'a' * 64}", "amd64", [1], config=f"sha256:{'c' * 64}")
FOLDER = LocalImage(None, None, unpacked=True)


def refusal(path: Path) -> ContainerKernelsError:
    with pytest.raises(ContainerKernelsError) as caught:
        local_image.look(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_file_is_told_from_a_folder(tmp_path: Path) -> None:
    assert not local_image.look(write_sif(tmp_path / "a.sif")).unpacked
    assert local_image.look(unpack_image(tmp_path / "a:1")) == FOLDER


@pytest.mark.parametrize("inside", [(".singularity.d",), ("usr", "bin"), ("usr", "etc")])
def test_an_image_is_known_by_what_lies_in_its_folder(tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in inside:
        (tmp_path / name).symlink_to("/no/such/folder/outside")  # what is a link inside leads nowhere from here
    assert local_image.look(tmp_path) == FOLDER


@pytest.mark.parametrize("inside", [(), ("bin", "lib", "etc"), ("usr",), ("a.sif",)])
def test_a_folder_without_an_image_is_refused_with_the_reason(tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    error = refusal(tmp_path)
    assert error.code == "image_unusable"
    assert "neither .singularity.d nor usr" in error.message


@pytest.mark.parametrize("path", ["/", "/proc/self/root", "//"])
def test_this_machine_is_no_image(path: str) -> None:
    assert "this machine itself" in refusal(Path(path)).message


def test_a_folder_that_may_not_be_read_says_so(
    public_dir: Path, ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = unpack_image(public_dir / "image")
    folder.chmod(0o000)
    with ordinary_user():
        assert refusal(folder).code == "image_not_readable"
    folder.chmod(0o700)


def cvmfs(site: Path, link: str, hidden: str, digest: str) -> Path:
    """Have an image in a folder as CVMFS does, and return that."""
    folder = unpack_image(site / hidden / digest[:2] / digest)
    named = site / link
    named.parent.mkdir(parents=True, exist_ok=True)
    named.symlink_to(os.path.relpath(folder, named.parent))
    return folder


@pytest.mark.parametrize(
    ("link", "hidden", "typed", "digest"),
    [
        ("registry.hub.docker.com/library/debian:12", ".flat", "debian:12", "c"),  # unpacked.cern.ch
        ("library/debian:12", ".images", "debian:12", "a"),  # singularity.opensciencegrid.org
        ("ghcr.io/lab/tool:1", ".flat", "ghcr.io/lab/tool:1", "c"),
        ("ghcr.io/lab/tool:1", "elsewhere", "ghcr.io/lab/tool:1", "a"),
        ("ghcr.io/lab/tool:1", ".flat", f"ghcr.io/lab/tool@sha256:{'a' * 64}", "c"),
    ],
)
def test_a_folder_of_the_site_is_found_by_its_digest(
    tmp_path: Path, link: str, hidden: str, typed: str, digest: str
) -> None:
    folder = cvmfs(tmp_path, link, hidden, digest * 64)
    found = store.find(tmp_path, parse(typed, tmp_path), MANIFEST)
    assert found == folder, "the folder itself, for the tag leads to another one some day"


def test_a_folder_whose_tag_is_behind_is_not_taken(tmp_path: Path) -> None:
    cvmfs(tmp_path, "registry.hub.docker.com/library/debian:12", ".flat", "b" * 64)
    assert store.find(tmp_path, parse("debian:12", tmp_path), MANIFEST) is None
    (tmp_path / ".flat/cc" / ("c" * 64)).mkdir(parents=True)  # the image is still to come
    assert store.find(tmp_path, parse("debian:12", tmp_path), MANIFEST) is None
