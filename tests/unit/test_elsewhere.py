"""An image that a job is to bring, and does not: what is said then, what is kept, and what is removed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.commands import tasks as commanded
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest, Progress, Task
from jupyterlab_container_kernels.services import elsewhere, pull_task
from jupyterlab_container_kernels.services.orders import Order, OrderFolder, shared
from jupyterlab_container_kernels.services.resolution import ResolutionService
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.system import paths, slurm
from jupyterlab_container_kernels.system.kernelspecs import ImageRecord

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
        new = empty_path / "new"
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.replace(empty_path / name)  # in one step: the one before may be run at this moment

    make("sbatch", "echo 12")
    make("squeue", "")
    make("scancel", "")
    return make


async def begun(services: Services, slug: str = "debian") -> Task:
    """Have an image brought by a job."""

    async def work(running: RunningTask) -> None:
        order = Order(IMAGE, None, False, False, shared(services.session.settings))
        async with running.phase("acquire", "Downloading"):
            brought = await elsewhere.fetch(services.session, running, order, "job")
            running.outcome = brought.path

    return await services.tasks.start(AddRequest(IMAGE), "Debian", slug, work)


def brought(path: Path) -> ImageRecord:
    """Put an image there, and return what is said of it."""
    path.touch()
    return ImageRecord(IMAGE, IMAGE, "sha256:0", str(path), 1, 2, "id", True)


async def ended(services: Services) -> Task:
    """Have an image brought by a job, and return the task as it ended."""
    return await services.tasks.wait((await begun(services)).id)


def running(*servers: Services) -> list[Task]:
    return [task for server in servers for task in server.tasks.running()]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("It did not come to that.")


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
    assert not list(services.session.roots.staging.glob(".*.lock"))


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


@pytest.mark.parametrize("limit", [1, 3])
async def test_tasks_that_want_the_same_image_have_it_brought_once_and_wait_for_nothing_else(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path, limit: int
) -> None:
    submitted = tmp_path / "submitted"
    tool("sbatch", f"echo one >> {submitted}; echo 12")
    tool("squeue", f"[ ! -e {submitted} ] || echo '12|RUNNING|None'")
    services = connect(replace(services.session.settings, max_running_tasks=limit), tmp_path, TerminalJupyter())
    tasks = [await begun(services, slug) for slug in ("first", "second", "third")]
    await until(submitted.exists)
    await until(
        lambda: sum("Waiting for another task of yours" in each.message for each in services.tasks.running()) == 2
    )
    OrderFolder.of(services.session.roots, IMAGE).fulfil(brought(tmp_path / "x"))
    ends = [await asyncio.wait_for(services.tasks.wait(task.id), 60) for task in tasks]
    assert [(task.state, task.message) for task in ends] == [("done", str(tmp_path / "x"))] * 3
    assert submitted.read_text() == "one\n"
    assert not [each for each in services.session.roots.staging.iterdir() if each.name != paths.MARKER]


async def test_two_servers_that_want_the_same_image_have_it_brought_once(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    submitted = tmp_path / "submitted"
    tool("sbatch", f"echo one >> {submitted}; echo 12")
    tool("squeue", f"[ ! -e {submitted} ] || echo '12|RUNNING|None'")
    servers = [services, connect(services.session.settings, tmp_path, TerminalJupyter())]
    tasks = [await begun(server, f"debian-{number}") for number, server in enumerate(servers)]
    await until(lambda: any("Waiting for another task of yours" in each.message for each in running(*servers)))
    await until(submitted.exists)
    OrderFolder.of(services.session.roots, IMAGE).fulfil(brought(tmp_path / "x"))
    ends = [await server.tasks.wait(task.id) for server, task in zip(servers, tasks, strict=True)]
    assert [(task.state, task.message) for task in ends] == [("done", str(tmp_path / "x"))] * 2
    assert submitted.read_text() == "one\n"
    assert not [each for each in services.session.roots.staging.iterdir() if each.name != paths.MARKER]


async def test_a_task_that_waits_for_another_s_image_orders_it_when_that_is_cancelled(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("squeue", "echo '12|RUNNING|None'")
    first, second = [await begun(services, slug) for slug in ("first", "second")]
    folder = OrderFolder.of(services.session.roots, IMAGE)
    await until(lambda: any("Waiting for another task of yours" in each.message for each in running(services)))
    await until(folder.is_wanted)
    [waits] = [task for task in running(services) if "Waiting for another task of yours" in task.message]
    [holds] = [task.id for task in (first, second) if task.id != waits.id]
    tool("scontrol", "echo 'JobState=RUNNING Reason=None ExitCode=0:0'")
    tool("squeue", "")  # it is gone as soon as it is cancelled
    await services.tasks.end(holds)
    assert (await services.tasks.wait(holds)).state == "cancelled"
    await until(folder.is_wanted)
    folder.fulfil(brought(tmp_path / "x"))
    assert (await services.tasks.wait(waits.id)).message == str(tmp_path / "x")


async def test_an_order_of_later_does_not_get_what_came_before_it(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("squeue", "echo '12|RUNNING|None'")
    folder = OrderFolder.of(services.session.roots, IMAGE)
    for name in ("1", "2"):
        task = await begun(services)
        await until(folder.is_wanted)
        folder.fulfil(brought(tmp_path / name))
        assert (await services.tasks.wait(task.id)).message == str(tmp_path / name)


async def test_an_image_that_is_not_yet_seen_here_is_waited_for(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "_ARRIVAL_S", 600)
    asked, image = tmp_path / "asked", tmp_path / "x"
    tool("squeue", f"echo one >> {asked}; echo '12|RUNNING|None'")
    folder = OrderFolder.of(services.session.roots, IMAGE)
    task = await begun(services)
    await until(folder.is_wanted)
    told = brought(image)
    image.rename(tmp_path / "on its way")
    folder.fulfil(told)
    before = len(asked.read_text().split()) if asked.exists() else 0
    await until(lambda: asked.exists() and len(asked.read_text().split()) > before + 3)
    (tmp_path / "on its way").rename(image)
    assert (await services.tasks.wait(task.id)).message == str(image)


async def test_an_image_that_came_for_an_earlier_try_and_was_deleted_since_is_ordered_again(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("squeue", "echo '12|RUNNING|None'")
    folder = OrderFolder.of(services.session.roots, IMAGE)
    folder.place(Order(IMAGE, None, False, False, shared(services.session.settings)))
    folder.fulfil(brought(tmp_path / "1"))
    (tmp_path / "1").unlink()
    task = await begun(services)
    await until(lambda: not (folder.path / "image.json").exists())
    await until(folder.is_wanted)
    folder.fulfil(brought(tmp_path / "2"))
    assert (await services.tasks.wait(task.id)).message == str(tmp_path / "2")


async def test_a_job_that_the_queue_does_not_show_is_waited_for_as_long_as_slurm_says_that_it_runs(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    tool("scontrol", f"echo one >> {asked}; echo 'JobState=RUNNING Reason=None ExitCode=0:0'")
    task = await begun(services)
    await until(lambda: asked.exists() and len(asked.read_text().split()) > 5)
    assert [each.state for each in services.tasks.running()] == ["running"]
    tool("scontrol", "echo 'JobState=TIMEOUT Reason=TimeLimit'")
    ended = await services.tasks.wait(task.id)
    assert ended.error is not None and "reached its time limit" in ended.error.message


async def test_slurm_is_asked_seldom_about_a_job_that_is_gone(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_ASK_S", "_ARRIVAL_S"):
        monkeypatch.setattr(elsewhere, name, 600)
    asked = tmp_path / "asked"
    tool("squeue", f"echo squeue >> {asked}")
    tool("scontrol", f"echo scontrol >> {asked}; echo 'JobState=COMPLETED Reason=None ExitCode=0:0'")

    async def work(running: RunningTask) -> None:
        pull = elsewhere._JobPull(services.session, running, OrderFolder.of(services.session.roots, IMAGE), IMAGE)
        for _ in range(20):
            await pull.look(None)

    task = await services.tasks.start(AddRequest(IMAGE), "Debian", "debian", work)
    assert (await services.tasks.wait(task.id)).state == "done"
    assert asked.read_text().split() == ["squeue", "scontrol"]


async def test_an_order_that_cannot_be_written_names_where_that_was(services: Services) -> None:
    roots = services.session.roots
    folder = OrderFolder.of(roots, IMAGE).path
    paths.make_private(roots.staging)
    folder.touch()  # something else is in its place
    task = await ended(services)
    assert task.error is not None and task.error.code == "runtime_failed"
    assert f"{IMAGE} cannot be ordered: {roots.staging} cannot be written" in task.error.message
    assert str(roots.images) not in task.error.message


async def test_the_order_goes_when_whoever_fulfilled_it_has_said_so(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("squeue", "echo '12|RUNNING|None'")
    task = await begun(services)
    folder = OrderFolder.of(services.session.roots, IMAGE)
    await until(folder.is_wanted)
    theirs = TaskService(replace(services.session.roots, state=folder.tasks.parent), list)
    is_told = asyncio.Event()

    async def work(running: RunningTask) -> None:
        folder.fulfil(brought(tmp_path / "x"))
        await is_told.wait()

    their = await theirs.start(AddRequest(IMAGE), "Debian", "pull", work)
    await until((folder.path / "image.json").is_file)
    asyncio.get_running_loop().call_later(0.3, is_told.set)
    theirs_ended, ours_ended = await asyncio.gather(theirs.wait(their.id), services.tasks.wait(task.id))
    assert (theirs_ended.state, ours_ended.state) == ("done", "done")


async def test_how_far_a_job_is_and_what_it_says_is_shown_as_that_of_the_task(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("squeue", "echo '12|RUNNING|None'")
    task = await begun(services)
    folder = OrderFolder.of(services.session.roots, IMAGE)
    await until(folder.is_wanted)
    theirs = TaskService(replace(services.session.roots, state=folder.tasks.parent), list)
    is_seen = asyncio.Event()

    async def work(running: RunningTask) -> None:
        async with running.phase("acquire", "Downloading 3 layers"):
            running.say("What only the job knows.")
            running.progress(3_000, 10_000)
            await is_seen.wait()
        folder.fulfil(brought(tmp_path / "x"))

    their = await theirs.start(AddRequest(IMAGE), "Debian", "pull", work)
    shown = ("running", "acquire", "Downloading 3 layers", Progress(3_000, 10_000))
    await until(lambda: shown in [(it.state, it.phase, it.message, it.progress) for it in running(services)])
    is_seen.set()
    ends = await asyncio.gather(theirs.wait(their.id), services.tasks.wait(task.id))
    assert [each.state for each in ends] == ["done", "done"]
    assert "What only the job knows.\n" in (services.tasks.directory(task.id) / "log").read_text()


async def test_an_order_is_looked_after_though_its_file_system_has_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[OSError | bool] = [OSError(116, "Stale file handle"), True, False]
    ended: list[str] = []

    def is_wanted() -> bool:
        look = looks.pop(0)
        if isinstance(look, OSError):
            raise look
        return look

    async def end(task_id: str) -> None:
        ended.append(task_id)
        raise ContainerKernelsError("not_found", "There is no such task.")

    monkeypatch.setattr(pull_task, "_LOOK_S", 0.01)
    services = cast(Services, SimpleNamespace(tasks=SimpleNamespace(end=end)))
    await pull_task._watch(services, cast(OrderFolder, SimpleNamespace(is_wanted=is_wanted)), "1")
    assert (looks, ended) == ([], ["1"])


async def test_a_terminal_tells_how_a_task_ended_though_the_session_has_removed_it_by_then() -> None:
    class Gone:
        async def wait(self, task_id: str) -> str:
            return f"{task_id} as it ended"

        async def get(self, task_id: str) -> None:
            raise ContainerKernelsError("not_found", "There is no such task.")

    services = cast(Services, SimpleNamespace(tasks=Gone()))
    assert str(await commanded.ended(services, cast(Task, SimpleNamespace(id="1")))) == "1 as it ended"


class Unreachable:
    """A registry beyond reach."""

    async def look_up(self, image: str, *, shown: bool = False) -> None:
        raise ContainerKernelsError("registry_unreachable", "There is no way.")

    def parse(self, image: str) -> object:
        return parse(image, Path("/"))


async def test_a_registry_beyond_reach_is_asked_by_whoever_pulls() -> None:
    resolution = cast(ResolutionService, Unreachable())
    assert (await elsewhere.look_up(resolution, "debian:12", "job")).manifest is None
    with pytest.raises(ContainerKernelsError, match="no way"):
        await elsewhere.look_up(resolution, "debian:12", "here")


#: What the queue shows of the job, and what is said of that.
QUEUED = [
    ("12|PENDING|Priority", "Slurm job 12 waits in the queue: Priority"),
    ("12|CONFIGURING|None", "Slurm job 12 waits in the queue: configuring"),
    ("12|PENDING|BadConstraints", "Slurm job 12 waits, and may never start as it is: BadConstraints"),
    ("12|RUNNING|None", "Slurm job 12 starts"),
    ("12|PENDING|Priority\n14|RUNNING|None", "Slurm job 14 starts"),
]


@pytest.mark.parametrize(("shown", "said"), QUEUED)
async def test_what_the_queue_says_of_a_job_is_shown_and_the_job_goes_when_nobody_wants_the_image(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path, shown: str, said: str
) -> None:
    # it was not there when it was looked for one of an earlier try, and is gone as soon as it was cancelled
    tool("sbatch", f"echo > {tmp_path}/there; echo 12")
    tool("squeue", f"if [ -e {tmp_path}/there ]; then echo '{shown}'; fi")
    tool("scancel", f'echo "$@" > {tmp_path}/cancelled; /bin/rm {tmp_path}/there')
    task = await begun(services)
    await until(lambda: any(each.message == said for each in running(services)))
    await services.tasks.end(task.id)
    assert (await services.tasks.wait(task.id)).state == "cancelled"
    assert (tmp_path / "cancelled").read_text().split() == [said.split()[2]]
    assert not list(services.session.roots.staging.glob("pull-*"))


async def test_a_slurm_that_does_not_answer_ends_nothing(
    services: Services, tool: Callable[[str, str], None], tmp_path: Path
) -> None:
    tool("sbatch", f"echo > {tmp_path}/there; echo 12")
    tool("squeue", f"if [ -e {tmp_path}/there ]; then echo 'Unable to contact slurm controller'; exit 1; fi")
    task = await begun(services)
    await until(lambda: any("Slurm does not answer: Unable to" in each.message for each in running(services)))
    tool("squeue", "echo '12|RUNNING|None'")
    await until(lambda: any(each.message == "Slurm job 12 starts" for each in running(services)))
    tool("squeue", "")
    await services.tasks.end(task.id)
    assert (await services.tasks.wait(task.id)).state == "cancelled"
