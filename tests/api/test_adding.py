"""Adding a kernel over REST: six phases, a program in the place of Apptainer, this machine's own kernel inside."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.app import EVENT_SCHEMA, ContainerKernelsApp
from jupyterlab_container_kernels.services import check
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system import kernelspecs
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import FAKE_APPTAINER, tree
from tests.unit.test_task_history import left

from .conftest import Client, until

PHASES = ["resolve", "acquire", "inspect", "install", "verify", "publish"]


async def ended(client: Client, task: dict[str, Any], timeout_s: float = 60) -> dict[str, Any]:
    """Return a task when it has ended, read as the browser reads it."""
    seq = 0
    for _ in range(int(timeout_s / 0.05)):
        read = (await client("get", f"tasks/{task['id']}")).holds("Task")
        assert read["seq"] >= seq, "seq fell"
        seq = read["seq"]
        if read["ended"] is not None:
            return read
        await asyncio.sleep(0.05)
    pytest.fail(f"the task did not end: {read}")


async def reach(client: Client, task: dict[str, Any], there: Callable[[dict[str, Any]], bool]) -> None:
    for _ in range(1000):
        if there((await client("get", f"tasks/{task['id']}")).holds("Task")):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the task did not get there")


def leftovers(roots: Roots) -> dict[str, list[str]]:
    """Return what lies in our directories beside tasks, and which kernels there are."""
    places = {"packages": roots.packages, "logs": roots.logs, "staging": roots.staging, "trash": roots.trash,
              "images": roots.images}  # fmt: skip
    found = {name: tree(path) for name, path in places.items() if tree(path)}
    kernels = [name for name in os.listdir(roots.kernels) if name != "echo"]
    return found | ({"kernels": kernels} if kernels else {})


async def test_a_kernel_is_added_listed_started_and_deleted(
    client: Client, roots: Roots, image: Path, jp_serverapp: Any, jp_base_url: str
) -> None:
    emitted: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        emitted.append(data)

    jp_serverapp.event_logger.add_listener(schema_id=EVENT_SCHEMA, listener=listen)
    answer = await client("post", "kernels", {"image": str(image), "display_name": "Demo ü", "gpu": "off"})
    assert answer.status == 202
    task = answer.holds("Task")
    assert answer.headers["Location"] == f"{jp_base_url}container-kernels/tasks/{task['id']}"
    assert (task["slug"], task["display_name"], task["state"]) == ("demo", "Demo ü", "running")
    assert not (roots.kernels / "demo").exists()

    task = await ended(client, task)
    assert task["error"] is None
    assert task["state"] == "done"
    assert {phase["name"]: phase["state"] for phase in task["phases"]} == {
        "resolve": "done", "acquire": "skipped", "inspect": "done", "install": "skipped", "verify": "done",
        "publish": "done",
    }  # fmt: skip
    await until(lambda: emitted[-1]["state"] == "done")  # it has ended a moment before that is written and told
    log = (await client("get", f"tasks/{task['id']}/log")).holds("LogChunk")
    assert "1+1 is 2." in log["text"] and "Published as demo" in log["text"]
    assert emitted[-1] == {"task_id": task["id"], "seq": task["seq"], "state": "done"}

    [kernel] = (await client("get", "kernels")).holds("KernelList")["kernels"]
    assert (kernel["slug"], kernel["status"]["code"], kernel["gpu"]) == ("demo", "ok", "off")
    assert kernel["image"]["stored"] is False
    spec = kernelspecs.read(roots.kernels / "demo")
    assert spec is not None and spec.record.task == task["id"]
    assert tree(roots.staging) == []

    (await client("delete", f"tasks/{task['id']}")).holds("Task")
    assert (await client("get", "tasks")).holds("TaskList") == {"tasks": []}
    (await client("delete", "kernels/demo", {"purge": True})).holds("Removal")
    await until(lambda: leftovers(roots) == {})
    assert image.exists()


async def test_two_adds_of_one_name_at_once_give_one_kernel(client: Client, roots: Roots, image: Path) -> None:
    body = {"image": str(image), "slug": "demo", "display_name": "Demo"}
    answers = await asyncio.gather(*(client("post", "kernels", body) for _ in range(3)))
    assert sorted(answer.status for answer in answers) == [202, 409, 409]
    for answer in answers:
        if answer.status == 409:
            answer.refused("slug_taken")
    [task] = [answer.body for answer in answers if answer.status == 202]
    assert (await ended(client, task))["state"] == "done"
    (await client("post", "kernels", body)).refused("slug_taken")
    again = (await client("post", "kernels", body | {"slug": None})).holds("Task")
    assert again["slug"] == "demo-2", "a name that nobody chose gives way"
    await client("delete", f"tasks/{again['id']}")
    await ended(client, again)


class TestManyAtOnce:
    """Three work at a time, in the order in which they were asked for; the others say how many are before them."""

    @pytest.fixture
    def gate(self, tmp_path: Path) -> Path:
        """A file without which no container starts."""
        return tmp_path / "gate"

    @pytest.fixture
    def settings(self, gate: Path, tmp_path: Path) -> dict[str, Any]:
        wait = f'until [ -e "{gate}" ]; do sleep 0.05; done\n'
        return {"runtime_path": fake(tmp_path, f'{wait}exec "{FAKE_APPTAINER}" "$@"\n')}

    async def test_ten_are_all_done_and_never_more_than_three_work(
        self, client: Client, gate: Path, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def verify(*_: object) -> check.Seen:
            return check.Seen(0.1, None)

        async def look() -> list[dict[str, Any]]:
            """Return all tasks as they stand, in the order of the requests."""
            tasks = {task["id"]: task for task in (await client("get", "tasks")).holds("TaskList")["tasks"]}
            assert set(tasks) == set(ids)
            seen = [tasks[task_id] for task_id in ids]
            has_begun = [task["phase"] is not None or task["ended"] is not None for task in seen]
            assert has_begun == sorted(has_begun, reverse=True), "one went before another that came earlier"
            assert sum(task["phase"] is not None and task["ended"] is None for task in seen) <= 3
            return seen

        monkeypatch.setattr(check, "verify", verify)  # ten kernels that start take half a minute
        ids = [(await client("post", "kernels", {"image": str(image)})).holds("Task")["id"] for _ in range(10)]
        assert [task["message"] for task in (await look())[3:]] == [
            "Waiting: it comes next",
            *(f"Waiting: {number} before it" for number in range(1, 7)),
        ]
        gate.touch()
        for _ in range(2000):
            seen = await look()
            if all(task["ended"] for task in seen):
                break
            await asyncio.sleep(0.05)
        assert [task["state"] for task in seen] == ["done"] * 10
        kernels = (await client("get", "kernels")).holds("KernelList")["kernels"]
        assert {kernel["slug"] for kernel in kernels} == {task["slug"] for task in seen}


async def test_of_a_long_history_the_newest_hundred_are_told(client: Client, roots: Roots) -> None:
    ids = [left(roots, number) for number in range(200)]
    for _ in range(2):  # each within the time that this client gives an answer
        told = (await client("get", "tasks")).holds("TaskList")["tasks"]
        assert [task["id"] for task in told] == ids[:-101:-1]


def fake(tmp_path: Path, script: str) -> str:
    """Write a program in the place of Apptainer, named so that nobody takes it for one."""
    path = tmp_path / "fake-apptainer-of-this-test"
    path.write_text(f'#!/bin/bash\nif [ "$1" = --version ]; then echo apptainer version 1.4.5; exit; fi\n{script}')
    path.chmod(0o755)
    return str(path)


def probe(kernel: str) -> str:
    """Return shell code that answers the probe as a Python of this machine would; ``kernel`` is JSON."""
    told = {"path": sys.executable, "version": "3.11.0", "prefix": "/usr", "venv": False, "soabi": "x"}
    packages = f'{{"ipykernel": {kernel}, "pip": "23.0", "debugpy": null}}'
    line = f'CONTAINER_KERNELS_PYTHON {json.dumps(told)[:-1]}, "packages": {packages}}}'
    end = "CONTAINER_KERNELS_PROBE_END"
    return f"if [[ \"$*\" == *{end}* ]]; then echo '{line}'; echo {end}; exit; fi\n"


class TestWithARuntimeThatFails:
    """What goes wrong in each phase is said, and leaves nothing."""

    #: What the program does, the phase that fails, the code, and a word of what is said.
    CASES = [  # noqa: RUF012
        ("echo 'FATAL:   While checking container encryption: could not open image /x.sif: image format not recognized'"
         "; exit 255", "inspect", "image_unusable", "/x.sif"),
        ("echo CONTAINER_KERNELS_PROBE_END", "inspect", "language_missing", "Python"),
        ("echo 'CONTAINER_KERNELS_PYTHON {\"path\"'; echo CONTAINER_KERNELS_PROBE_END", "inspect", "language_missing",
         "Python"),
        ("exit 0", "inspect", "runtime_failed", "it said nothing"),
        (probe("null") + "echo 'ERROR: No matching distribution found for ipykernel'; exit 1",
         "install", "install_failed", "ipykernel"),
        (probe("null") + "exit 0", "install", "install_failed", "it said nothing"),
        (probe('"6.0"') + "echo 'FATAL:   container creation failed: the moon' >&2; exit 255",
         "verify", "verify_failed", "the moon"),
        (probe('"6.0"') + "sleep 60", "verify", "verify_failed", "did not answer within 1 seconds"),
    ]  # fmt: skip

    @pytest.fixture(params=CASES, ids=[f"{case[1]}-{case[2]}-{case[3]}" for case in CASES])
    def case(self, request: pytest.FixtureRequest) -> tuple[str, str, str, str]:
        return request.param

    @pytest.fixture
    def settings(self, case: tuple[str, str, str, str], tmp_path: Path) -> dict[str, Any]:
        # what ends by itself is to say so before it is given up
        return {"runtime_path": fake(tmp_path, case[0]), "start_timeout_s": 1.0 if "sleep" in case[0] else 60.0}

    async def test_it_says_what_and_leaves_nothing(
        self, client: Client, roots: Roots, image: Path, case: tuple[str, str, str, str]
    ) -> None:
        _, phase, code, words = case
        task = (await client("post", "kernels", {"image": str(image), "slug": "demo"})).holds("Task")
        task = await ended(client, task)
        assert (task["state"], task["phase"], task["error"]["code"]) == ("failed", phase, code), task["error"]
        assert words in task["error"]["message"]
        assert task["error"]["hint"]
        assert [each["state"] for each in task["phases"] if each["name"] == phase] == ["failed"]
        assert leftovers(roots) == {}
        assert task["request"]["image"] == str(image), "it can be tried again"


class TestCancelling:
    """A task is cancelled in each phase in which something runs, and leaves nothing."""

    @pytest.fixture(params=["inspect", "install", "verify"])
    def phase(self, request: pytest.FixtureRequest) -> str:
        return request.param

    @pytest.fixture
    def settings(self, phase: str, tmp_path: Path) -> dict[str, Any]:
        kernel = "null" if phase == "install" else '"6.0"'
        found = "" if phase == "inspect" else probe(kernel)
        return {"runtime_path": fake(tmp_path, f'{found}echo $$ > "{tmp_path}/pid"\nsleep 300\n')}

    async def test_it_leaves_nothing(
        self, client: Client, roots: Roots, image: Path, phase: str, tmp_path: Path
    ) -> None:
        task = (await client("post", "kernels", {"image": str(image), "slug": "demo"})).holds("Task")
        pid = tmp_path / "pid"
        await reach(client, task, lambda read: read["phase"] == phase and pid.exists() and pid.read_text() != "")
        cancelled = (await client("delete", f"tasks/{task['id']}")).holds("Task")
        assert cancelled["state"] == "cancelling"
        task = await ended(client, task)
        assert (task["state"], task["error"]) == ("cancelled", None)
        assert leftovers(roots) == {}
        container = Path("/proc", pid.read_text().strip())
        for _ in range(200):  # the guard of the start script is as quick as it can be
            if not container.exists():
                return
            await asyncio.sleep(0.02)
        pytest.fail("the container still runs")


async def test_a_kernel_that_is_cancelled_while_it_is_published_is_taken_back(
    client: Client, roots: Roots, image: Path, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tile is there for a moment; then nothing is."""
    published, go_on = asyncio.Event(), asyncio.Event()
    look = services.session.jupyter.resource_dir

    async def slow_look(slug: str) -> Path | None:
        published.set()
        await go_on.wait()
        return await look(slug)

    monkeypatch.setattr(services.session.jupyter, "resource_dir", slow_look)
    task = (await client("post", "kernels", {"image": str(image), "slug": "demo"})).holds("Task")
    await asyncio.wait_for(published.wait(), 60)
    assert (roots.kernels / "demo").is_dir()
    await client("delete", f"tasks/{task['id']}")
    go_on.set()
    assert (await ended(client, task))["state"] == "cancelled"
    assert leftovers(roots) == {}


async def test_a_name_that_jupyter_does_not_show_is_taken_back(
    client: Client, roots: Roots, image: Path, jp_serverapp: Any
) -> None:
    jp_serverapp.kernel_spec_manager.allowed_kernelspecs = {"echo"}
    task = (await client("post", "kernels", {"image": str(image), "slug": "demo"})).holds("Task")
    task = await ended(client, task)
    assert (task["state"], task["phase"], task["error"]["code"]) == ("failed", "publish", "slug_taken")
    assert "allowed_kernelspecs" in task["error"]["hint"]
    assert leftovers(roots) == {}


async def test_a_server_that_stops_interrupts_what_runs(
    client: Client, roots: Roots, image: Path, extension: ContainerKernelsApp, services: Services
) -> None:
    task = (await client("post", "kernels", {"image": str(image), "slug": "demo"})).holds("Task")
    await reach(client, task, lambda read: read["phase"] == "verify")
    assert extension.current_activity()
    await extension.stop_extension()
    assert not extension.current_activity()
    assert (await services.tasks.get(task["id"])).state == "interrupted"
    assert leftovers(roots) == {}
