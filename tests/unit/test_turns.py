"""Many tasks at once: a few work, the others wait in order and say how long the queue is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from traitlets import TraitError

from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.models import AddRequest, Task
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import tree


class Crowd:
    """Ten tasks, each of which works until it is let go."""

    def __init__(self, roots: Roots, limit: int) -> None:
        self.roots = roots
        self.service = TaskService(roots, list, limit=limit)
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, Task] = {}

    async def start(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            request = AddRequest("docker://demo:1", name, name)
            self.tasks[name] = await self.service.start(request, name, name, self._work)

    async def _work(self, running: RunningTask) -> None:
        name = running.task.slug
        async with running.phase("acquire", "Downloading"):
            await running.owns(self.roots.packages / name)
            paths.make_marked(self.roots.packages / name)
            self.begun.append(name)
            await self.ends[name].wait()

    async def task(self, name: str) -> Task:
        return await self.service.get(self.tasks[name].id)

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(2000):
            if condition():
                return
            await asyncio.sleep(0.005)
        pytest.fail(f"it did not come to that; begun: {self.begun}")

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.service.wait(self.tasks[name].id)


NAMES = tuple(f"kernel-{number}" for number in range(10))


async def test_of_ten_tasks_three_work_and_the_others_say_how_many_are_before_them(roots: Roots) -> None:
    crowd = Crowd(roots, 3)
    await crowd.start(*NAMES)
    await crowd.until(lambda: len(crowd.begun) == 3)
    assert sorted(crowd.begun) == list(NAMES[:3])
    waiting = [crowd.tasks[name] for name in NAMES[3:]]  # as it was answered to whoever asked for them
    assert {(task.state, task.phase) for task in waiting} == {("running", None)}
    assert [task.message for task in waiting] == [
        "Waiting: it comes next",
        *(f"Waiting: {number} before it" for number in range(1, 7)),
    ]
    assert tree(roots.packages) == [name for name in NAMES[:3] for name in (name, f"{name}/{paths.MARKER}")]
    await crowd.service.stop()


async def test_they_come_in_the_order_in_which_they_were_asked_for(roots: Roots) -> None:
    crowd = Crowd(roots, 2)
    await crowd.start(*NAMES)
    for number, name in enumerate(NAMES):
        await crowd.until(lambda number=number: len(crowd.begun) >= min(number + 2, 10))
        assert sorted(crowd.begun) == list(NAMES[: min(number + 2, 10)]), "no more than two at a time, first come first"
        await crowd.end(name)
    assert {(await crowd.task(name)).state for name in NAMES} == {"done"}


async def test_one_that_is_cancelled_while_it_waits_leaves_nothing_and_lets_the_others_move_up(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    await crowd.start("first", "second", "third", "fourth")
    await crowd.until(lambda: crowd.begun == ["first"])
    await crowd.service.end(crowd.tasks["second"].id)
    ended = await crowd.service.wait(crowd.tasks["second"].id)
    assert (ended.state, ended.message) == ("cancelled", "Cancelled; nothing was left behind")
    assert (await crowd.task("third")).message == "Waiting: it comes next"
    assert (await crowd.task("fourth")).message == "Waiting: 1 before it"
    await crowd.end("first")
    await crowd.until(lambda: crowd.begun == ["first", "third"])
    assert not (roots.packages / "second").exists()
    await crowd.service.stop()


async def test_one_that_is_cancelled_while_it_works_lets_the_next_one_begin(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    await crowd.start("first", "second")
    await crowd.until(lambda: crowd.begun == ["first"])
    await crowd.service.end(crowd.tasks["first"].id)
    await crowd.until(lambda: crowd.begun == ["first", "second"])
    await crowd.service.stop()


async def test_one_that_only_waits_for_somebody_else_lets_another_one_work(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    job = asyncio.Event()

    async def work(running: RunningTask) -> None:
        async with running.aside():  # as for a job of Slurm
            await job.wait()
        crowd.begun.append("first")

    first = await crowd.service.start(AddRequest("docker://demo:1"), "first", "first", work)
    await crowd.start("second")
    await crowd.until(lambda: crowd.begun == ["second"])
    job.set()
    while (await crowd.service.get(first.id)).message != "Waiting: it comes next":
        await asyncio.sleep(0.005)
    assert crowd.begun == ["second"]
    await crowd.end("second")
    assert (await crowd.service.wait(first.id)).error is None
    assert crowd.begun == ["second", "first"]


async def test_one_that_is_cancelled_while_it_is_aside_ends(roots: Roots) -> None:
    crowd = Crowd(roots, 1)

    async def work(running: RunningTask) -> None:
        async with running.aside():
            await asyncio.sleep(600)

    first = await crowd.service.start(AddRequest("docker://demo:1"), "first", "first", work)
    await crowd.start("second")
    await crowd.until(lambda: crowd.begun == ["second"])
    await crowd.service.end(first.id)
    assert (await crowd.service.wait(first.id)).state == "cancelled"
    await crowd.end("second")


async def test_one_that_is_cancelled_does_not_say_that_it_waits_for_its_turn(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    said: list[str] = []

    async def work(running: RunningTask) -> None:
        try:
            async with running.aside():
                running.update(command="a line to run")
                await asyncio.sleep(600)
        finally:
            said.append(running.task.message)

    first = await crowd.service.start(AddRequest("docker://demo:1"), "first", "first", work)
    await crowd.start("second")
    await crowd.until(lambda: crowd.begun == ["second"])
    await crowd.service.end(first.id)
    assert (await crowd.service.wait(first.id)).command is None, "nobody is to run it any more"
    assert said == ["Cancelling"]
    await crowd.end("second")


async def test_a_server_that_stops_interrupts_those_that_wait_as_well(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    await crowd.start("first", "second")
    await crowd.until(lambda: crowd.begun == ["first"])
    await crowd.service.stop(interrupt=True)
    assert {(await crowd.task(name)).state for name in ("first", "second")} == {"interrupted"}
    assert crowd.begun == ["first"], "none begins when all are stopped"
    assert tree(roots.packages) == []


async def test_a_name_is_held_while_its_task_waits(roots: Roots) -> None:
    crowd = Crowd(roots, 1)
    await crowd.start("first", "second")
    other = TaskService(roots, list)
    assert crowd.service.slugs() == {"first", "second"}
    assert await other.slugs_anywhere() == {"first", "second"}, "another server of the user sees it, too"
    await crowd.service.stop()
    assert await other.slugs_anywhere() == set()


def test_a_site_chooses_how_many_work_at_a_time() -> None:
    assert ContainerKernelsApp().values().max_running_tasks == 3
    assert ContainerKernelsApp(max_running_tasks=1).values().max_running_tasks == 1
    with pytest.raises(TraitError):
        ContainerKernelsApp(max_running_tasks=0)
