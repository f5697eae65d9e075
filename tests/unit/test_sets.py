"""Sets of packages that kernels share: found by what they fit, made one at a time, gone with their last user."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.languages.base import Interpreter
from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.models import AddRequest
from jupyterlab_container_kernels.services import sets
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, tree, write_sif

FOUND = Interpreter("python", "/usr/bin/python3", "3.11.2", None, {})


class AnyPython(Python):
    """Fits what says so itself."""

    def describe(self, interpreter: Interpreter, packages: Path) -> dict[str, Any]:
        return {"fits": True}

    def fits(self, described: Mapping[str, Any], interpreter: Interpreter) -> bool:
        return bool(described["fits"])

    def kind(self, interpreter: Interpreter) -> str:
        return "cpython/311 LINUX"


def make(roots: Roots, task_id: str = "0" * 32, package: str = "ipykernel-7.0.dist-info") -> Path:
    """Make a set as a task does."""
    made, target = sets.staging(roots, task_id), sets.unused(roots, sets.kind(AnyPython(), FOUND))
    sets.begin(made)
    (made / "lib/python3.11/site-packages" / package).mkdir(parents=True)
    sets.complete(made, target, AnyPython(), FOUND)
    return target


def test_a_set_is_found_when_it_is_complete_and_not_before(roots: Roots) -> None:
    assert sets.fitting(roots, AnyPython(), FOUND) is None
    made = sets.staging(roots, "0" * 32)
    sets.begin(made)
    assert sets.fitting(roots, AnyPython(), FOUND) is None
    (made / "lib/python3.11/site-packages/ipykernel-7.0.dist-info").mkdir(parents=True)
    target = sets.unused(roots, sets.kind(AnyPython(), FOUND))
    sets.complete(made, target, AnyPython(), FOUND)
    assert sets.fitting(roots, AnyPython(), FOUND) == target
    assert target.name.startswith("python-cpython-311-linux-")
    assert not made.exists()


def test_of_two_that_fit_the_newer_one_is_taken(roots: Roots) -> None:
    make(roots)
    newer = make(roots)
    manifest = json.loads((newer / "set.json").read_text())
    paths.write_private(newer / "set.json", json.dumps(manifest | {"created": "2999-01-01T00:00:00.000Z"}))
    assert sets.fitting(roots, AnyPython(), FOUND) == newer


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place, read: place.joinpath("set.json").unlink(),
        lambda place, read: place.joinpath("set.json").write_text("{"),
        lambda place, read: place.joinpath("set.json").write_text("[]"),
        lambda place, read: place.joinpath("set.json").write_text(json.dumps(read | {"schema": 2})),
        lambda place, read: place.joinpath("set.json").write_text(json.dumps(read | {"language": "R"})),
        lambda place, read: place.joinpath("set.json").write_text(json.dumps(read | {"described": {"fits": False}})),
        lambda place, read: place.joinpath(paths.MARKER).unlink(),  # not ours
        lambda place, read: paths.remove_tree(place / "lib"),  # somebody has tidied up
    ],
    ids=["no manifest", "cut", "no object", "of a later version", "other language", "unfit", "no marker", "emptied"],
)
def test_what_is_no_good_set_is_passed_over_and_hides_no_other(roots: Roots, spoil: Any) -> None:
    place = make(roots)
    spoil(place, json.loads((place / "set.json").read_text()))
    assert sets.fitting(roots, AnyPython(), FOUND) is None
    good = make(roots)
    assert sets.fitting(roots, AnyPython(), FOUND) == good


def test_what_is_in_a_set_cannot_be_changed_by_one_of_its_users(roots: Roots, umask: int) -> None:
    place = make(roots)
    assert place.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in place.rglob("*") if each.is_dir()} == {0o500}
    assert (place / "set.json").stat().st_mode & 0o777 == 0o600
    sets.remove(place, roots)
    assert tree(roots.packages) == [], "the directory of all sets goes with the last one"


async def test_one_task_at_a_time_makes_sets_of_a_kind(roots: Roots) -> None:
    order: list[str] = []
    other_begins, one_waits = asyncio.Event(), asyncio.Event()

    async def make_one(name: str, kind: str) -> None:
        async with sets.making(roots, kind, one_waits.set):
            order.append(f"{name} begins")
            if kind == "other":
                other_begins.set()
            await asyncio.gather(other_begins.wait(), one_waits.wait())
            order.append(f"{name} ends")

    await asyncio.wait_for(asyncio.gather(make_one("a", "x"), make_one("b", "x"), make_one("c", "other")), 60)
    first, _, second, _ = alike = [each[0] for each in order if not each.startswith("c")]
    assert alike == [first, first, second, second]
    assert tree(roots.state) == []


async def test_another_process_is_waited_for_and_its_end_is_enough(roots: Roots) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from jupyterlab_container_kernels.services import sets\n"
        "from jupyterlab_container_kernels.system.paths import Roots\n"
        "async def main():\n"
        "    p = pathlib.Path(sys.argv[1])\n"
        "    async with sets.making(Roots(p, p, p, p), 'x', lambda: None):\n"
        "        print('begins', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    argv = [sys.executable, "-c", code, str(roots.state)]
    waits = asyncio.Event()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "begins\n"

        async def mine() -> None:
            async with sets.making(roots, "x", waits.set):
                pass

        task = asyncio.create_task(mine())
        await asyncio.wait_for(waits.wait(), 5)
        assert not task.done()
        other.kill()
        await asyncio.wait_for(task, 5)


async def test_waiting_can_be_cancelled(roots: Roots) -> None:
    async def wait() -> None:
        async with sets.making(roots, "x", lambda: None):
            pytest.fail("it got in")

    async with sets.making(roots, "x", lambda: None):
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(os.listdir("/proc/self/fd")) < 200


async def test_who_is_cancelled_while_the_lock_is_asked_for_does_not_keep_it(
    roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, goes_on, ask = threading.Event(), threading.Event(), sets._try

    def slowly(path: Path) -> int | None:
        asked.set()
        goes_on.wait(60)
        return ask(path)

    async def make_one() -> None:
        async with sets.making(roots, "x", lambda: pytest.fail("it is held")):
            pass

    with monkeypatch.context() as patched:
        patched.setattr(sets, "_try", slowly)
        task = asyncio.create_task(make_one())
        await asyncio.to_thread(asked.wait, 60)
        task.cancel()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    await make_one()


def use(roots: Roots, slug: str, place: Path) -> None:
    """Publish a kernel that uses a set."""
    image = write_sif(roots.images.parent / "image.sif")
    add_kernel(roots, slug, image, packages=PackagesRecord(str(roots.packages / slug), str(place), 1, []))


@pytest.fixture
def service(roots: Roots) -> TaskService:
    return TaskService(roots, lambda: [])


async def fail_with(service: TaskService, place: Path, others: tuple[Path, ...] = ()) -> None:
    """Let a task that uses a set end badly."""

    async def work(running: RunningTask) -> None:
        await running.owns(place)
        raise OSError("on purpose")

    task = await service.start(AddRequest("docker://demo:1"), "Fails", "fails", work)
    assert (await service.wait(task.id)).state == "failed"


async def test_a_task_that_fails_takes_a_set_along_that_nobody_else_uses(roots: Roots, service: TaskService) -> None:
    place = make(roots)
    await fail_with(service, place)
    assert not place.exists()


async def test_a_task_that_fails_leaves_a_set_that_a_kernel_uses(roots: Roots, service: TaskService) -> None:
    place = make(roots)
    use(roots, "other", place)
    await fail_with(service, place)
    assert place.is_dir()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_set_stays_as_long_as_a_task_of_any_process_uses_it(
    roots: Roots, service: TaskService, elsewhere: bool
) -> None:
    place = make(roots)
    goes_on = asyncio.Event()

    async def work(running: RunningTask) -> None:
        await running.owns(place)
        goes_on.set()
        await asyncio.sleep(600)

    other = TaskService(roots, lambda: []) if elsewhere else service
    await other.start(AddRequest("docker://demo:1"), "Works", "works", work)
    await goes_on.wait()
    assert service.users_of(place) == ["Works"]
    await fail_with(service, place)
    assert not sets.remove_unused(place, roots, service.in_use)
    assert place.is_dir()
    await other.stop()
    assert service.users_of(place) == []
    assert not place.exists(), "the last one takes it along"


def test_a_set_that_is_taken_right_before_it_goes_stays(roots: Roots, service: TaskService) -> None:
    place = make(roots)
    looks: list[bool] = []

    def in_use() -> set[str]:
        """Another server has noted its wish after our first look, and has seen the set before the second one."""
        looks.append(place.is_dir())
        return {str(place)} if len(looks) == 2 else set()

    assert not sets.remove_unused(place, roots, in_use)
    assert looks == [True, False], "that is looked for when nobody can find it any more"
    assert sets.fitting(roots, AnyPython(), FOUND) == place
    assert sets.remove_unused(place, roots, service.in_use)
    assert tree(roots.packages) == []
    assert sets.remove_unused(place, roots, service.in_use), "it is gone already"


async def test_what_a_task_has_only_begun_to_make_of_a_set_goes(roots: Roots, service: TaskService) -> None:
    begun = sets.staging(roots, "0" * 32)
    begun.mkdir(parents=True)
    await fail_with(service, begun)
    assert tree(roots.packages) == ["shared"]
