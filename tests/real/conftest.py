"""The test-bed for tests with a real Apptainer, a real registry and real kernels (`make testbed` sets it up)."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import AddRequest
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def registry() -> str:
    """A registry on this machine that anybody may read, as ``127.0.0.1:5000``."""
    name = os.environ.get("CK_TEST_REGISTRY")
    if not name:
        pytest.fail("CK_TEST_REGISTRY is not set: run these tests by `make test-py`, which sets up the test-bed")
    return name


@pytest.fixture
def bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bed]:
    """A user's Jupyter without kernels."""
    made = Bed(tmp_path / "user")
    made.data.mkdir(parents=True)
    made.temporary.mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(made.data))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(made.path / "runtime"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(made.path / "config"))
    yield made
    assert made.processes() == []


@pytest.fixture(scope="session")
def pulled(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Pull an image of the test-bed's registry by Apptainer itself, once, and return its file."""
    directory = tmp_path_factory.mktemp("images")

    def pull(name: str) -> Path:
        target = directory / f"{name.replace('/', '-').replace(':', '-')}.sif"
        if not target.exists():
            env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(directory)}
            quick = ["--mksquashfs-args", "-comp gzip -Xcompression-level 1"]  # a quarter of the time
            command = ["apptainer", "build", "--disable-cache", *quick, str(target), f"docker://{registry}/{name}"]
            subprocess.run(command, env=env, check=True, capture_output=True, timeout=600)
        return target

    return pull


@pytest.fixture(scope="session")
def python_sif(pulled: Callable[[str], Path]) -> Path:
    """An image with Debian's Python and nothing else: no pip, no ipykernel."""
    return pulled("demo/python:1")


@pytest.fixture(scope="session")
def ipykernel_sif(pulled: Callable[[str], Path]) -> Path:
    """An image with Debian's Python and ipykernel."""
    return pulled("demo/python-ipykernel:1")


@pytest.fixture(scope="session")
def stored_python(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image store that holds ``demo/python:1`` as our own pull left it."""
    bed = Bed(tmp_path_factory.mktemp("store"))
    bed.temporary.mkdir()
    bed.data.mkdir()

    async def pull(services: Services) -> None:
        task = await services.add.add(AddRequest(f"{registry}/demo/python:1"))
        while (task := await services.tasks.get(task.id)).phase in (None, "resolve", "acquire") and not task.ended:
            await asyncio.sleep(0.05)
        assert task.error is None, task.error

    bed.run(pull)  # its end cancels the rest
    return bed.state / "images"


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Copy an image to another name."""

    def copy(image: Path, name: str) -> Path:
        return Path(shutil.copyfile(image, tmp_path / name))

    return copy
