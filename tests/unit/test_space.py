"""What takes room, and what is freed of it: nothing that somebody uses, or takes into use at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest
from jupyterlab_container_kernels.services import sets, shared_places, space
from jupyterlab_container_kernels.services.inventory import Thing
from jupyterlab_container_kernels.services.orders import Order, OrderFolder
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image, tree


@pytest.fixture
def services(tmp_path: Path, empty_path: Path) -> Iterator[Services]:
    """One server of a user."""
    settings = replace(
        ContainerKernelsApp().values(), images_dir=tmp_path / "images", packages_dir=tmp_path / "packages"
    )
    services = connect(settings, tmp_path, TerminalJupyter())
    yield services
    services.session.patience.close()


@pytest.fixture
def roots(services: Services) -> Roots:
    return services.session.roots


@pytest.fixture
def other(roots: Roots) -> TaskService:
    """Another server of the same user."""
    return TaskService(roots, list)


async def seen(services: Services, path: Path) -> Thing:
    """Return how a path is shown: as something that nobody uses."""
    [thing] = [each for each in await services.space._things() if each.path == path]
    assert thing.item.removable
    return thing


def refuses(services: Services, thing: Thing) -> None:
    with pytest.raises(ContainerKernelsError, match="taken into use") as refusal:
        services.space._remove(thing)
    assert refusal.value.code == "kernel_running"


async def test_what_another_server_has_added_a_kernel_with_since_the_look_stays(
    services: Services, roots: Roots
) -> None:
    image, shared = store_image(roots), paths.make_marked(roots.packages / sets.NAME / "python-1")
    things = [await seen(services, path) for path in (image, shared)]
    add_kernel(roots, "demo", image, packages=PackagesRecord(str(roots.packages / "demo"), str(shared), 1, []))
    for thing in things:
        refuses(services, thing)
    assert image.is_file() and image.with_suffix(".json").is_file() and shared.is_dir()


async def test_what_a_task_of_another_server_goes_on_with_stays(
    services: Services, roots: Roots, other: TaskService
) -> None:
    spool = paths.make_marked(roots.images / "spool-0-sha256-0")
    thing = await seen(services, spool)
    noted = asyncio.Event()

    async def work(running: RunningTask) -> None:
        await running.may_resume(spool)
        noted.set()
        await asyncio.sleep(600)

    await other.start(AddRequest("docker://demo:1"), "Works", "works", work)
    await noted.wait()
    try:
        refuses(services, thing)
        assert spool.is_dir()
    finally:
        await other.stop(interrupt=True)
    assert services.space._remove(thing) == 0
    assert not spool.exists()


def test_an_image_that_is_taken_right_before_it_goes_stays(roots: Roots) -> None:
    image = store_image(roots)
    looked: list[bool] = []

    def in_use() -> set[str]:
        """Another server has noted its wish after our look, and has seen the image before it was moved."""
        looked.append(image.exists())
        return {str(image)}

    assert not space._remove_image(image, in_use)
    assert looked == [False], "that is looked for when nobody can find it any more"
    assert tree(roots.images) == ["sha256-0000.json", "sha256-0000.sif"]
    assert space._remove_image(image, set) and tree(roots.images) == []
    assert space._remove_image(image, set), "it is gone already"


async def test_what_a_terminal_pulls_for_later_is_no_leftover_as_long_as_it_does(
    services: Services, roots: Roots
) -> None:
    folder = OrderFolder.new(roots)
    folder.place(Order("docker://demo:1", None, False, False, {}))
    theirs = TaskService(replace(roots, state=folder.tasks.parent), list)
    partial = roots.images / ".0.partial.sif"
    begun = asyncio.Event()

    async def work(running: RunningTask) -> None:
        await running.owns(partial)
        paths.make_private(roots.images)
        partial.touch()
        begun.set()
        await asyncio.sleep(600)

    await theirs.start(AddRequest("docker://demo:1"), "demo", "pull", work)
    await begun.wait()
    shown = await services.space._things()
    await theirs.stop(interrupt=True)
    assert shown == []
    [left] = await services.space._things()
    assert (left.item.kind, left.path) == ("leftover", folder.path), "that was cut off"


async def test_what_a_killed_withdrawal_left_goes_when_it_is_looked_at_what_takes_room(
    services: Services, roots: Roots, tmp_path: Path
) -> None:
    data = paths.make_marked(tmp_path / "lab" / shared_places.DATA / "demo-01234567")
    paths.write_private(paths.make_private(shared_places.withdrawn(data)) / "kernel.json", "{}")
    shared_places.note(roots.state, tmp_path / "lab", is_used=True)
    await services.deletion.tidy(sweep=True)
    for _ in range(3000):  # it waits for nothing there
        if not data.exists():
            break
        await asyncio.sleep(0.01)
    assert not data.exists()
