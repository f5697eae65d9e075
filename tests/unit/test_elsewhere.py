"""An image that a job is to bring, and does not: what is said then, what is kept, and what is removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest, Task
from jupyterlab_container_kernels.services import elsewhere
from jupyterlab_container_kernels.services.orders import Order, shared
from jupyterlab_container_kernels.services.resolution import ResolutionService
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.system import slurm

IMAGE = "docker://docker.io/library/debian:12"


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(slurm, "_USUAL_FOLDERS", ())
    for name in ("_LOOK_S", "_ASK_S", "_LAST_WORDS_S", "_ARRIVAL_S"):
        monkeypatch.setattr(elsewhere, name, 0.02)
    settings = replace(ContainerKernelsApp().values(), images_dir=tmp_path / "images", pull_job_options=("--mem=1G",))
    return connect(settings, tmp_path, TerminalJupyter())


@pytest.fixture
def tool(empty_path: Path) -> Callable[[str, str], None]:
    def make(name: str, script: str) -> None:
        (empty_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (empty_path / name).chmod(0o755)

    make("sbatch", "echo 12")
    make("squeue", "")
    make("scancel", "")
    return make


async def ended(services: Services) -> Task:
    """Have an image brought by a job, and return the task as it ended."""

    async def work(running: RunningTask) -> None:
        order = Order(IMAGE, None, False, False, shared(services.session.settings))
        services.session.roots.images.mkdir()
        async with running.phase("acquire", "Downloading"):
            await elsewhere.fetch(services.session, running, order, "job")

    task = await services.tasks.start(AddRequest(IMAGE), "Debian", "debian", work)
    return await services.tasks.wait(task.id)


#: How Slurm says that the job ended, what is said of that, and whether the next try goes on.
ENDS = [
    ("JobState=TIMEOUT Reason=TimeLimit", "Slurm job 12 reached its time limit before the image was there.", True),
    ("JobState=OUT_OF_MEMORY Reason=OutOfMemory", "needed more memory than it had", False),
    ("JobState=CANCELLED Reason=None ExitCode=0:15", "Slurm job 12 was cancelled before the image was there.", False),
    ("JobState=NODE_FAIL Reason=NodeDown", "Slurm job 12 ended without the image: node fail, NodeDown", False),
    ("JobState=COMPLETED Reason=None ExitCode=0:0", "ended without the image: completed, exit code 0:0", False),
    ("slurm_load_jobs error: Invalid job id specified", "Slurm job 12 is gone, and the image is not there.", False),
]


@pytest.mark.parametrize(("shown", "said", "goes_on"), ENDS)
async def test_a_job_that_ends_without_the_image_says_why(
    services: Services, tool: Callable[[str, str], None], shown: str, said: str, goes_on: bool
) -> None:
    tool("scontrol", f"echo '{shown}'")
    task = await ended(services)
    assert task.state == "failed"
    assert task.error is not None and said in task.error.message
    assert bool(list(services.session.roots.staging.glob("pull-*"))) == goes_on
    assert not list(services.session.roots.images.glob(".*.lock"))


async def test_what_a_job_says_before_anything_else_can_is_the_reason(
    services: Services, tool: Callable[[str, str], None]
) -> None:
    tool(
        "sbatch",
        'for each; do case $each in --output=*) echo "python: not found" > "${each#*=}" ;; esac; done; echo 12',
    )
    tool("scontrol", "echo 'JobState=FAILED Reason=NonZeroExitCode ExitCode=127:0'")
    task = await ended(services)
    assert task.error is not None and task.error.message.endswith("without the image: python: not found")


async def test_a_job_that_slurm_does_not_take_leaves_nothing(
    services: Services, tool: Callable[[str, str], None]
) -> None:
    tool("sbatch", "echo 'sbatch: error: Invalid account' >&2; exit 1")
    task = await ended(services)
    assert task.error is not None and "Invalid account" in task.error.message
    assert not list(services.session.roots.staging.glob("pull-*"))


class Unreachable:
    """A registry beyond reach."""

    async def look_up(self, image: str) -> None:
        raise ContainerKernelsError("registry_unreachable", "There is no way.")

    def parse(self, image: str) -> object:
        return parse(image, Path("/"))


async def test_a_registry_beyond_reach_is_asked_by_whoever_pulls() -> None:
    resolution = cast(ResolutionService, Unreachable())
    assert (await elsewhere.look_up(resolution, "debian:12", "job")).manifest is None
    with pytest.raises(ContainerKernelsError, match="no way"):
        await elsewhere.look_up(resolution, "debian:12", "here")
