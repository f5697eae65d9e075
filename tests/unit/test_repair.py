"""A kernel whose image is pulled again: in the way in which its user wanted it pulled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.models import AddRequest, PullFrom, RepairRequest
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.services.work import Plan, Work
from jupyterlab_container_kernels.system import kernelspecs, slurm
from tests import builders

IMAGE = "docker://docker.io/library/demo:1"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    settings = replace(ContainerKernelsApp().values(), images_dir=tmp_path / "images")
    return connect(settings, tmp_path, TerminalJupyter())


@pytest.mark.parametrize(("has_slurm", "way"), [(True, "job"), (False, "auto")])
async def test_an_image_comes_again_as_it_came_if_that_is_still_possible(
    services: Services, monkeypatch: pytest.MonkeyPatch, has_slurm: bool, way: PullFrom
) -> None:
    made = builders.record(services.session.roots, "demo", services.session.roots.images / "gone.sif")
    made = replace(made, image=replace(made.image, pull_from="job", by_runtime=True))
    begun: list[AddRequest] = []

    async def spec(slug: str) -> Any:
        return SimpleNamespace(record=made, display_name="Demo")

    async def found() -> FoundRuntime:
        return FoundRuntime("apptainer", "Apptainer", "/bin/sh", (1, 4, 5))

    async def start(request: AddRequest, *_: object) -> None:
        begun.append(request)

    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(slurm, "find_tool", lambda name: f"/usr/bin/{name}" if has_slurm else None)
    monkeypatch.setattr(kernelspecs, "require_ours", lambda *_: None)
    monkeypatch.setattr(services.kernels, "spec", spec)
    monkeypatch.setattr(services.session, "find_runtime", found)
    monkeypatch.setattr(services.tasks, "start", start)
    await services.repair.repair("demo", RepairRequest("pull"))
    assert [(request.pull_from, request.by_runtime) for request in begun] == [(way, True)]


async def test_a_kernel_knows_how_its_image_was_to_come(services: Services) -> None:
    roots = services.session.roots
    image = builders.record(roots, "demo", roots.images / "new.sif").image

    class Running:
        @asynccontextmanager
        async def phase(self, *_: str) -> AsyncIterator[None]:
            yield

    class Images:
        resolution = services.images.resolution

        async def acquire(self, *_: object) -> Any:
            return image

    async def look_up(text: str, *, shown: bool) -> Any:
        return None

    Images.resolution.look_up = look_up  # type: ignore[method-assign]
    request = AddRequest(IMAGE, pull_from="job", by_runtime=True)
    plan = Plan(request, "Demo", "demo", cast(FoundRuntime, None))
    work = Work(services.session, cast(Any, Images()), cast(Any, None), plan)
    assert await work._image(cast(RunningTask, Running())) == replace(image, pull_from="job", by_runtime=True)
