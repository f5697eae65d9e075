"""The test-bed for tests with a real Apptainer, a real registry and real kernels (`make testbed` sets it up)."""

from __future__ import annotations

import asyncio
import fcntl
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
    made.assert_no_process_is_left()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Make a file or folder for all tests of a run, whichever of its processes asks first, and return its path."""
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    directory /= "shared"
    directory.mkdir(exist_ok=True)

    def make(name: str, work: Callable[[Path], object]) -> Path:
        target = directory / name
        with (directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                partial = directory / f"partial-{name}"
                work(partial)
                partial.rename(target)
        return target

    return make


@pytest.fixture(scope="session")
def pulled(registry: str, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Callable[[str], Path]:
    """Pull an image of the test-bed's registry by Apptainer itself, once, and return its file."""

    def pull(name: str) -> Path:
        def build(target: Path) -> None:
            env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(target.parent)}
            quick = ["--mksquashfs-args", "-comp gzip -Xcompression-level 1"]  # a quarter of the time
            command = ["apptainer", "build", "--disable-cache", *quick, str(target), f"docker://{registry}/{name}"]
            subprocess.run(command, env=env, check=True, capture_output=True, timeout=600)

        return made_once(f"{name.replace('/', '-').replace(':', '-')}.sif", build)

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
def stored_python(registry: str, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """An image store that holds ``demo/python:1`` as our own pull left it."""

    def store(path: Path) -> None:
        bed = Bed(path.with_name("bed-of-the-store"))
        bed.temporary.mkdir(parents=True)
        bed.data.mkdir()

        async def pull(services: Services) -> None:
            task = await services.add.add(AddRequest(f"{registry}/demo/python:1"))
            while (task := await services.tasks.get(task.id)).phase in (None, "resolve", "acquire") and not task.ended:
                await asyncio.sleep(0.05)
            assert task.error is None, task.error

        bed.run(pull)  # its end cancels the rest
        (bed.state / "images").rename(path)

    return made_once("store", store)


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Copy an image to another name."""

    def copy(image: Path, name: str) -> Path:
        return Path(shutil.copyfile(image, tmp_path / name))

    return copy
