"""An image that lies unpacked in a folder, as `apptainer build --sandbox` and CVMFS have it, from adding to a cell."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import AddRequest, Kernel
from jupyterlab_container_kernels.services.resolution import Resolved
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system import kernelspecs

from .bed import Bed
from .kernels import printed, started


@pytest.fixture(scope="session")
def sandbox(registry: str, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The image with ipykernel, unpacked."""

    def build(target: Path) -> None:
        source = f"docker://{registry}/demo/python-ipykernel:1"
        env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(target.parent)}
        command = ["apptainer", "build", "--disable-cache", "--sandbox", str(target), source]
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=600)

    return made_once("sandbox", build)


def test_a_kernel_of_a_folder_runs_and_the_folder_stays_as_it_is(bed: Bed, sandbox: Path) -> None:
    named = bed.path / "site/registry.hub.docker.com/demo/python-ipykernel:1"
    named.parent.mkdir(parents=True)
    named.symlink_to(sandbox)
    before = sorted(each.name for each in sandbox.iterdir())
    task = bed.add(AddRequest(f"{named}/", display_name="Unpacked"))
    assert task.error is None, task.error
    with started(task.slug, bed.path) as client:
        assert printed(client, "import sys; print(sys.executable)").startswith("/usr/")
        assert printed(client, "open('/opt/new', 'w')") in ("OSError", "PermissionError"), "an image is not written to"

    async def look(services: Services) -> Kernel:
        return (await services.kernels.get(task.slug)).kernel

    kernel: Kernel = bed.run(look)
    assert (kernel.status.code, kernel.image.path, kernel.image.unpacked) == ("ok", str(named), True)
    named.unlink()
    kernel = bed.run(look)
    assert (kernel.status.code, kernel.status.remedies) == ("image_missing", ["relink"])
    assert sorted(each.name for each in sandbox.iterdir()) == before


def test_the_folder_of_a_site_is_used_in_the_place_of_a_pull(
    bed: Bed, sandbox: Path, registry: str, tmp_path: Path
) -> None:
    image = f"{registry}/demo/python-ipykernel:1"

    async def look_up(services: Services) -> Resolved:
        return await services.images.resolution.look_up(image)

    manifest = bed.run(look_up).manifest
    digest = manifest.config.removeprefix("sha256:")
    bed.changes = {"site_images": [tmp_path / "site"]}
    folder = tmp_path / "site/.flat" / digest[:2] / digest
    folder.parent.mkdir(parents=True)
    sandbox.rename(folder)  # a link would be followed to where it leads
    try:
        task = bed.add(AddRequest(image, display_name="Of the site"))
        assert task.error is None, task.error
        assert task.phases[1].state == "skipped"
        spec = kernelspecs.read(bed.kernels / task.slug)
        assert spec is not None
        record = spec.record.image
        assert (record.path, record.unpacked, record.stored) == (str(folder), True, False)
        assert (record.digest, record.source) == (manifest.digest, f"docker://{image}")
        assert not (bed.state / "images").exists()
    finally:
        folder.rename(sandbox)
