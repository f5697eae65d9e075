"""What a user types for an image, read as ``tests/references.json`` says; the browser is held to the same table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire.reference import ImageReference, parse, suggest_name
from jupyterlab_container_kernels.errors import ContainerKernelsError

HOME = Path("/home/u")
CASES = json.loads((Path(__file__).parents[1] / "references.json").read_text())
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(("typed", "full"), CASES["reads"].items())
def test_what_is_typed_is_read_as_the_table_says(typed: str, full: str) -> None:
    assert str(parse(typed, HOME)) == full


@pytest.mark.parametrize("full", sorted(set(CASES["reads"].values())))
def test_a_full_reference_is_read_as_itself(full: str) -> None:
    assert str(parse(full, HOME)) == full


@pytest.mark.parametrize("typed", ["~/", "file://~/", "~//"])
def test_the_home_directory_is_a_full_path(typed: str) -> None:
    assert parse(typed, HOME).path == HOME


@pytest.mark.parametrize("typed", CASES["refused"])
def test_what_is_no_reference_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        parse(typed, HOME)
    assert caught.value.code == "invalid_reference"
    assert caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    "typed",
    [
        "docker run --name \ud800 debian",  # half a character, in a part that is passed over
        "docker run " + "-e X=1 " * 400 + "debian",  # longer than any line that somebody pastes
        "a" * 3000,
        "/" + "a" * 3000,
        "/a\x00b.sif",
        "/a\x1b[31m.sif",
    ],
    ids=lambda typed: repr(typed[:20]),
)
def test_what_could_not_be_stored_or_shown_is_refused(typed: str) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        parse(typed, HOME)
    assert caught.value.code == "invalid_reference"
    caught.value.message.encode()  # it can be written into a log
    assert len(caught.value.message) < 400


def test_a_command_line_of_a_megabyte_is_refused_at_once() -> None:
    with pytest.raises(ContainerKernelsError):
        parse("docker pull " + "a " * 5_000_000, HOME)


def test_a_pinned_reference_has_a_digest_and_no_tag() -> None:
    pinned = parse("docker://quay.io/org/image:1", HOME).pinned(DIGEST)
    assert str(pinned) == f"docker://quay.io/org/image@{DIGEST}"
    assert pinned.tag is None


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime", "pytorch 2.9.1"),  # the version that a tag begins with
        ("debian", "debian"),  # latest is no version
        ("debian:bookworm", "debian"),  # a tag without a number
        ("nvcr.io/nvidia/pytorch:25.01-py3", "pytorch 25.01"),
        ("ghcr.io/a/b:v1.2", "b v1.2"),
        (f"quay.io/org/image@{DIGEST}", "image"),  # nobody reads digests
        ("/project/lab/pytorch-2.9.1.sif", "pytorch-2.9.1"),
        ("/cvmfs/unpacked.cern.ch/ghcr.io/lab/tool:latest", "tool"),
        ("/project/lab/.sif", "Container"),  # nothing is left of the name
        ("/", "Container"),
    ],
)
def test_a_name_is_suggested_from_the_reference(typed: str, name: str) -> None:
    assert suggest_name(parse(typed, HOME)) == name


@pytest.mark.parametrize("transport", ["file", "docker"])
def test_a_suggested_name_is_never_longer_than_a_tile_takes(transport: str) -> None:
    name = "a" * 300
    reference = ImageReference(transport, "", f"/x/{name}" if transport == "file" else name, "1.2.3")  # type: ignore[arg-type]
    assert len(suggest_name(reference)) == 100
