"""The tasks of months and of several servers are read at once, and nobody takes from another what is at work."""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import PHASES, AddRequest
from jupyterlab_container_kernels.services import sets
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.task_history import MOST_ENDED
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.system import machine, paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image


def left(roots: Roots, number: int, *leftovers: Path, ended: bool = True, slug: str = "demo") -> str:
    """Write a task that a server which is gone has left, and return its id."""
    task_id = uuid.UUID(int=number).hex
    directory = paths.make_marked(roots.tasks / task_id)
    moment = f"2026-01-{number // 24 % 28 + 1:02}T{number % 24:02}:00:00.000Z"
    content = {
        "task": {
            "id": task_id, "seq": 9, "state": "failed" if ended else "running", "display_name": "Demo", "slug": slug,
            "job": "add", "request": {"image": "docker://demo:1", "display_name": "Demo", "slug": slug},
            "phases": [{"name": name, "state": "waiting", "duration_s": None} for name in PHASES], "phase": None,
            "message": "", "created": moment, "ended": moment if ended else None, "log_bytes": 0,
        },
        "owner": {"hostname": machine.hostname(), "boot_id": machine.boot_id(), "pid": 2**22 + 1, "start_ticks": 1},
        "leftovers": list(map(str, leftovers)),
        "image": str(roots.images / "sha256-1.sif"),
    }  # fmt: skip
    paths.write_private(directory / "task.json", json.dumps(content), durable=False)
    return task_id


async def nothing(_running: RunningTask) -> None:
    """Work that is done at once."""


@pytest.fixture
def service(roots: Roots) -> TaskService:
    return TaskService(roots, list)


async def test_of_a_long_history_the_newest_are_listed_and_each_is_read_once(
    service: TaskService, roots: Roots
) -> None:
    ids = [left(roots, number) for number in range(300)]
    assert [task.id for task in await service.list_tasks()] == ids[: -MOST_ENDED - 1 : -1]
    began = time.monotonic()
    for _ in range(10):
        await service.list_tasks()
    assert time.monotonic() - began < 20, "their files are looked at, not read"


async def test_a_task_that_changed_on_the_disk_is_read_again(service: TaskService, roots: Roots) -> None:
    task_id = left(roots, 1)
    assert (await service.get(task_id)).message == ""
    file = roots.tasks / task_id / "task.json"
    paths.write_private(file, file.read_text().replace('"message": ""', '"message": "Changed"'))
    assert (await service.get(task_id)).message == "Changed"


async def test_with_the_end_of_a_task_the_oldest_are_forgotten(service: TaskService, roots: Roots) -> None:
    ids = [left(roots, number) for number in range(MOST_ENDED + 5)]
    task = await service.start(AddRequest("docker://demo:1"), "Demo", "demo", nothing)
    await service.wait(task.id)
    assert {each.name for each in roots.tasks.iterdir()} == {*ids[6:], task.id}


async def test_what_a_server_was_killed_over_before_its_task_was_written_goes_some_time_later(
    service: TaskService, roots: Roots
) -> None:
    begun = roots.tasks / ("b" * 32)
    paths.make_private(begun)
    (begun / f".{paths.MARKER}.0123456789ab").touch()
    assert await service.list_tasks() == []
    assert begun.is_dir(), "another server may be at it"
    os.utime(begun, (0, 0))
    assert await service.list_tasks() == []
    assert not begun.exists()


async def test_an_image_that_a_task_of_another_server_uses_is_in_use(service: TaskService, roots: Roots) -> None:
    image = store_image(roots)

    async def work(running: RunningTask) -> None:
        await running.uses(image)
        async with running.phase("verify", "Starting"):
            assert other.users_of(image) == ["Works"]
            assert str(image) in other.claimed()

    other = TaskService(roots, list)
    task = await service.start(AddRequest("docker://demo:1"), "Works", "works", work)
    assert (await service.wait(task.id)).error is None
    assert other.users_of(image) == []


async def test_what_another_task_has_made_under_the_same_name_stays(service: TaskService, roots: Roots) -> None:
    """Two servers wanted it at once: the one that came second has noted it, and was killed right then."""
    place = roots.packages / "demo"
    killed = left(roots, 1, place, ended=False)

    async def work(running: RunningTask) -> None:
        await running.owns(place)
        paths.make_marked(place)
        assert (await service.get(killed)).state == "interrupted"
        assert place.is_dir()
        running.keeps(place)

    task = await service.start(AddRequest("docker://demo:1"), "Demo", "demo", work)
    assert (await service.wait(task.id)).error is None
    assert place.is_dir()


async def test_what_a_published_kernel_has_stays_whichever_task_noted_it(service: TaskService, roots: Roots) -> None:
    add_kernel(roots, "demo", store_image(roots), task="b" * 32)
    killed = left(roots, 1, roots.packages / "demo", roots.logs / "demo", ended=False)
    assert (await service.get(killed)).state == "interrupted"
    assert (roots.packages / "demo").is_dir() and (roots.logs / "demo").is_dir()


@pytest.mark.parametrize("is_published", [True, False])
async def test_a_kernel_that_was_shared_right_before_a_kill_stays_and_is_told_as_shared(
    service: TaskService, roots: Roots, tmp_path: Path, is_published: bool
) -> None:
    lab, name = tmp_path / "lab", "demo-01234567"
    data = paths.make_marked(lab / "container-kernels" / name)
    log = paths.make_marked(roots.logs / name)
    task_id = left(roots, 1, data, log, ended=False)
    file = roots.tasks / task_id / "task.json"
    stored = json.loads(file.read_text())
    stored["task"] |= {"job": "share", "share": {"directory": str(lab), "environment": []}}
    file.write_text(json.dumps(stored))
    if is_published:
        packages = PackagesRecord(str(data / "packages"), None, 0, [])
        made = add_kernel(roots, "demo", store_image(roots), task=task_id, packages=packages)
        paths.make_private(lab / "kernels")
        made.rename(lab / "kernels" / "demo")
    task = await service.get(task_id)
    assert (task.state, data.exists(), log.exists()) == ("done" if is_published else "interrupted", is_published, False)
    if is_published:
        assert task.message == f"Demo is shared from {lab}"


async def test_packages_are_taken_for_nothing_that_is_shared_however_their_folder_is_called(
    roots: Roots, tmp_path: Path
) -> None:
    roots = replace(roots, packages=tmp_path / "scratch" / "container-kernels")
    used, begun = (roots.packages / f"{name}-01234567" for name in ("used", "begun"))
    add_kernel(roots, used.name, store_image(roots), task="b" * 32)
    paths.make_private(begun)
    shared = paths.make_private(tmp_path / "lab" / "container-kernels" / "demo-01234567")
    left(roots, 1, used, begun, shared, ended=False)
    await TaskService(roots, list).list_tasks()
    assert (used.is_dir(), begun.exists(), shared.exists()) == (True, False, False)


async def test_a_directory_that_was_begun_when_its_server_was_killed_goes(service: TaskService, roots: Roots) -> None:
    begun = [roots.packages / "one", roots.packages / "two"]
    for each in begun:
        paths.make_private(each)
    (begun[1] / f".{paths.MARKER}.0123456789ab").touch()
    foreign = paths.make_private(roots.packages / "three")
    (foreign / "data").touch()
    left(roots, 1, *begun, foreign, ended=False)
    await service.list_tasks()
    assert [each.name for each in roots.packages.iterdir()] == ["three"], "what holds anything else is not ours"


@pytest.mark.parametrize("locked", [False, True])
async def test_an_images_side_file_without_the_image_goes_unless_another_server_is_at_it(
    service: TaskService, roots: Roots, locked: bool
) -> None:
    """The task was killed between the two; the one that has the lock by now may have written it."""
    paths.make_private(roots.images)
    for name in ("sha256-1.json", ".sha256-1.json.0123456789ab", "sha256-2.json"):
        (roots.images / name).touch()
    if locked:
        (roots.images / ".sha256-1.lock").touch()
    left(roots, 1, ended=False)
    await service.list_tasks()
    assert (roots.images / "sha256-1.json").exists() is locked
    assert (roots.images / ".sha256-1.json.0123456789ab").exists() is locked
    assert (roots.images / "sha256-2.json").exists()


async def test_a_lock_that_nobody_holds_any_more_goes(service: TaskService, roots: Roots) -> None:
    paths.make_private(roots.state)
    (roots.state / ".python-3.11.lock").touch()
    left(roots, 1, ended=False)
    async with sets.making(roots, "python-3.12", lambda: None):
        await service.list_tasks()
        assert [each.name for each in roots.state.glob(".*.lock")] == [".python-3.12.lock"]


async def test_two_servers_never_change_the_same_kernel_at_once(service: TaskService, roots: Roots) -> None:
    async def work(_running: RunningTask) -> None:
        with pytest.raises(ContainerKernelsError) as caught:
            await other.start(request, "Demo", "demo", nothing, job="check")
        assert (caught.value.code, "Another Jupyter server" in caught.value.message) == ("slug_taken", True)
        assert [each.name for each in roots.tasks.iterdir()] == [_running.task.id], (
            "of what was refused nothing is left"
        )
        assert other.slugs() == set()

    request, other = AddRequest("docker://demo:1"), TaskService(roots, list)
    task = await service.start(request, "Demo", "demo", work, job="edit")
    assert (await service.wait(task.id)).error is None
    again = await other.start(request, "Demo", "demo", nothing, job="check")
    assert (await other.wait(again.id)).error is None


async def test_who_uses_what_is_told_soon_whatever_the_history(service: TaskService, roots: Roots) -> None:
    """A list of what takes room asks it of each image."""
    for number in range(MOST_ENDED):
        left(roots, number)
    began = time.monotonic()
    for number in range(200):
        assert service.users_of(roots.images / f"sha256-{number}.sif") == []
    assert time.monotonic() - began < 30, "their files are looked at, not read"
