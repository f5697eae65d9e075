"""The header of an image file tells a good one from all that is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire.sif import read_header
from jupyterlab_container_kernels.errors import ContainerKernelsError
from tests.builders import DATA_OFFSET, sif_bytes, write_sif


def refusal(path: Path) -> ContainerKernelsError:
    with pytest.raises(ContainerKernelsError) as caught:
        read_header(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_good_header_tells_id_architecture_and_size(tmp_path: Path) -> None:
    header = read_header(write_sif(tmp_path / "a.sif", architecture=b"04", payload=100))
    assert header.id == "00000000-0000-0000-0000-000000000007"
    assert header.architecture == "arm64"
    assert header.least_bytes == DATA_OFFSET + 100


@pytest.mark.parametrize(
    ("code", "name"),
    [(b"02", "amd64"), (b"04", "arm64"), (b"06", "ppc64le"), (b"00", None), (b"zz", None)],
)
def test_architectures_are_named_as_registries_name_them(tmp_path: Path, code: bytes, name: str | None) -> None:
    assert read_header(write_sif(tmp_path / "a.sif", architecture=code)).architecture == name


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an image in SIF format"),
        (b"#!/bin/bash\necho hello\n", "not an image in SIF format"),
        (b"x" * 4096, "not an image in SIF format"),  # a text file that is long enough
        (b"hsqs" + bytes(4096), "not an image in SIF format"),  # a bare squashfs
        (sif_bytes(magic=b"SIF_MAGIK\0"), "not an image in SIF format"),
        (sif_bytes()[:100], "not an image in SIF format"),  # cut within the header
        (sif_bytes()[:-1], "incomplete"),  # cut by one byte
        (sif_bytes()[:4096], "incomplete"),  # a pull that broke off
    ],
)
def test_what_is_no_whole_image_is_unusable(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x;touch${IFS}PWNED;y.sif"
    path.write_bytes(content)
    error = refusal(path)
    assert error.code == "image_unusable"
    assert words in error.message


def test_a_directory_is_unusable(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.code == "image_unusable"
    assert "directory" in error.message


@pytest.mark.parametrize("below", ["missing.sif", "file/below-a-file.sif", "loop/x.sif"])
def test_a_path_that_leads_nowhere_is_no_image(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    assert refusal(tmp_path / below).code in ("image_not_found", "image_unusable")


def test_a_link_to_an_image_is_an_image(tmp_path: Path) -> None:
    write_sif(tmp_path / "a.sif")
    (tmp_path / "link.sif").symlink_to("a.sif")
    assert read_header(tmp_path / "link.sif") == read_header(tmp_path / "a.sif")


def test_an_image_that_one_may_not_read_says_so(
    public_dir: Path, ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    path = write_sif(public_dir / "a.sif")
    path.chmod(0o000)
    with ordinary_user():
        error = refusal(path)
    assert error.code == "image_not_readable"
    assert "owner" in error.hint


def test_nobody_waits_for_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.sif"
    os.mkfifo(pipe)
    code = "import sys, pathlib; from jupyterlab_container_kernels.acquire.sif import read_header as r; "
    code += "r(pathlib.Path(sys.argv[1]))"
    finished = subprocess.run(
        [sys.executable, "-c", code, pipe], capture_output=True, text=True, timeout=30, check=False
    )
    assert "is not an image" in finished.stderr


def test_a_device_is_unusable() -> None:
    assert refusal(Path("/dev/zero")).code == "image_unusable"
