"""What all tests share: private directories, and the user as whom permissions hold."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system.paths import Roots

pytest_plugins = ["pytest_jupyter.jupyter_server"]

_NOBODY = 65534


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip for others what only root can do."""
    for item in items:
        if os.getuid() != 0 and (mark := item.get_closest_marker("root")) and mark.args:
            item.add_marker(pytest.mark.skip(reason=mark.args[0]))


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """The directories of one user, none of which exists yet."""
    data = tmp_path / "jupyter"
    state = data / "container-kernels"
    return Roots(data / "kernels", state / "images", state / "packages", state)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory."""
    directory = tmp_path / "home"
    directory.mkdir()
    monkeypatch.setenv("HOME", str(directory))
    return directory


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on ``PATH``; nothing is in it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A directory that other users may enter and read."""
    directory = Path(tempfile.mkdtemp(prefix="container-kernels-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def ordinary_user() -> Callable[[], AbstractContextManager[None]]:
    """Return what lets permissions hold for a while, also where the tests run as root."""

    @contextlib.contextmanager
    def as_ordinary_user() -> Iterator[None]:
        if os.getuid() != 0:
            yield
            return
        os.setresuid(_NOBODY, _NOBODY, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)

    return as_ordinary_user


@pytest.fixture(params=[0o000, 0o077, 0o022], ids=lambda mask: f"umask-{mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The user's umask."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)
