"""A task tells where it is, ends in words, and leaves nothing behind unless it is done."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import PHASES, AddRequest, Task
from jupyterlab_container_kernels.services import running_task, task_files
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.task_files import read_log
from jupyterlab_container_kernels.services.tasks import TaskService
from jupyterlab_container_kernels.system import machine, paths
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, tree, write_sif

Work = Callable[[RunningTask], Awaitable[None]]
REQUEST = AddRequest("docker://demo:1", "Demo", "demo")


@pytest.fixture
def told() -> list[tuple[str, int, str]]:
    return []


@pytest.fixture
def service(roots: Roots, tmp_path: Path, told: list[tuple[str, int, str]]) -> TaskService:
    return TaskService(roots, lambda: [tmp_path / "temporary"], lambda *change: told.append(change))


async def start(service: TaskService, work: Work) -> Task:
    return await service.start(REQUEST, "Demo", "demo", work)


async def done(service: TaskService, work: Work) -> Task:
    task = await start(service, work)
    return await service.wait(task.id)


async def forever(running: RunningTask) -> None:
    async with running.phase("acquire", "Downloading"):
        await asyncio.sleep(600)


async def reach(service: TaskService, task: Task, phase: str) -> None:
    for _ in range(1000):
        if (await service.get(task.id)).phase == phase:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{phase} was not reached")


def stored(service: TaskService, task: Task) -> dict:
    return json.loads((service.directory(task.id) / "task.json").read_text())


async def test_a_task_begins_with_all_phases_waiting(service: TaskService) -> None:
    task = await start(service, forever)
    assert task.state == "running"
    assert [(phase.name, phase.state) for phase in task.phases] == [(name, "waiting") for name in PHASES]
    assert task.request == REQUEST
    await service.stop()


async def test_phases_are_told_as_they_come_and_go(service: TaskService) -> None:
    seen = []

    async def work(running: RunningTask) -> None:
        async with running.phase("resolve", "Looking"):
            seen.append((running.task.phase, running.task.message, running.task.phases[0].state))
        async with running.phase("acquire", "Downloading"):
            running.progress(5, 10)
            seen.append(running.task.progress)
        running.skip("install", "It is there")

    task = await done(service, work)
    assert seen[0] == ("resolve", "Looking", "running")
    assert (seen[1].done_bytes, seen[1].total_bytes) == (5, 10)
    states = {phase.name: phase.state for phase in task.phases}
    assert states == {
        "resolve": "done", "acquire": "done", "inspect": "waiting", "install": "skipped", "verify": "waiting",
        "publish": "waiting",
    }  # fmt: skip
    assert task.phases[0].duration_s is not None and task.phases[0].duration_s >= 0
    assert task.phases[3].duration_s is None
    assert (task.state, task.phase, task.progress, task.error) == ("done", None, None, None)
    assert task.ended is not None
    assert task.message == "Demo is ready"


async def test_a_phase_that_turned_out_not_to_be_needed_stays_skipped(service: TaskService) -> None:
    async def work(running: RunningTask) -> None:
        async with running.phase("install", "Installing"):
            running.skip("install", "It is there")

    task = await done(service, work)
    assert task.phases[3].state == "skipped"


async def test_seq_grows_with_each_change_and_never_falls(service: TaskService, told: list) -> None:
    seen = []

    async def work(running: RunningTask) -> None:
        for number in range(30):
            running.progress(number, 30)
            seen.append(running.task.seq)
            await asyncio.sleep(0.02)

    task = await done(service, work)
    assert seen == sorted(set(seen))
    numbers = [seq for _, seq, _ in told]
    assert numbers == sorted(numbers)
    assert told[-1] == (task.id, task.seq, "done")
    assert stored(service, task)["task"]["seq"] == task.seq


async def test_changes_are_written_a_few_times_a_second_and_not_at_each(service: TaskService, told: list) -> None:
    async def work(running: RunningTask) -> None:
        for number in range(200):
            running.progress(number, 200)
            await asyncio.sleep(0.005)

    await done(service, work)
    assert 3 <= len(told) <= 12


async def test_the_state_of_a_phase_is_on_disk_before_it_begins(service: TaskService) -> None:
    seen = []

    async def work(running: RunningTask) -> None:
        async with running.phase("verify", "Starting"):
            seen.append(stored(service, running.task)["task"]["phase"])

    await done(service, work)
    assert seen == ["verify"]


async def test_what_a_task_owns_is_on_disk_before_it_is_made(service: TaskService, roots: Roots) -> None:
    seen = []

    async def work(running: RunningTask) -> None:
        path = roots.packages / "demo"
        await running.owns(path)
        seen.append((stored(service, running.task)["leftovers"], path.exists()))

    await done(service, work)
    assert seen == [([str(roots.packages / "demo")], False)]


async def test_what_is_noted_last_is_what_stands_on_disk(service: TaskService, roots: Roots) -> None:
    """Writes of a task never overtake each other, however many are under way."""

    async def work(running: RunningTask) -> None:
        for number in range(40):
            running.progress(number, 40)
            await asyncio.gather(running.save(), running.save(), running.owns(roots.packages / str(number)))
            assert len(stored(service, running.task)["leftovers"]) == number + 1
            running.say(f"line {number}")

    task = await done(service, work)
    assert task.error is None
    assert stored(service, task)["task"]["state"] == "done"
    lines = (service.directory(task.id) / "log").read_text().splitlines()
    assert lines == [f"line {number}" for number in range(40)]


async def test_files_of_a_task_are_private(service: TaskService, umask: int) -> None:
    async def work(running: RunningTask) -> None:
        running.say("a line")

    task = await done(service, work)
    directory = service.directory(task.id)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {
        ".container-kernels": 0o600, "task.json": 0o600, "log": 0o600,
    }  # fmt: skip


async def leave_things(running: RunningTask, roots: Roots, temporary: Path) -> None:
    """Make one of each that a task may leave, and then wait."""
    for directory in (roots.packages / "demo", roots.logs / "demo", roots.staging / "x", temporary / "t"):
        await running.owns(directory)
        await asyncio.to_thread(paths.make_marked, directory)
        (directory / "file").write_text("x")
    partial = roots.images / ".x.partial.sif"
    await running.owns(partial)
    write_sif(partial)
    await forever(running)


def what_is_left(roots: Roots, temporary: Path) -> list[str]:
    return [
        *tree(roots.packages), *tree(roots.logs), *tree(roots.staging), *tree(roots.images), *tree(temporary),
        *tree(roots.kernels),
    ]  # fmt: skip


async def test_a_cancelled_task_leaves_nothing_behind(service: TaskService, roots: Roots, tmp_path: Path) -> None:
    task = await start(service, lambda running: leave_things(running, roots, tmp_path / "temporary"))
    await reach(service, task, "acquire")
    assert what_is_left(roots, tmp_path / "temporary") != []
    cancelling = await service.end(task.id)
    assert cancelling.state == "cancelling"
    ended = await service.wait(task.id)
    assert ended.state == "cancelled"
    assert ended.error is None
    assert ended.phases[1].state == "failed"
    assert what_is_left(roots, tmp_path / "temporary") == []
    assert stored(service, ended)["leftovers"] == []


@pytest.mark.parametrize("phase", PHASES)
async def test_a_task_can_be_cancelled_in_each_phase(service: TaskService, phase) -> None:
    async def work(running: RunningTask) -> None:
        async with running.phase(phase, "At it"):
            await asyncio.sleep(600)

    task = await start(service, work)
    await reach(service, task, phase)
    await service.end(task.id)
    ended = await service.wait(task.id)
    assert (ended.state, ended.phase) == ("cancelled", phase)


async def test_a_task_can_be_cancelled_in_the_moment_in_which_it_begins(service: TaskService) -> None:
    task = await start(service, forever)
    await service.end(task.id)
    ended = await asyncio.wait_for(service.wait(task.id), 10)
    assert ended.state == "cancelled"
    assert service.slugs() == set()


async def test_cancelling_twice_is_cancelling_once(service: TaskService, roots: Roots, tmp_path: Path) -> None:
    task = await start(service, lambda running: leave_things(running, roots, tmp_path / "temporary"))
    await reach(service, task, "acquire")
    await service.end(task.id)
    assert (await service.end(task.id)).state == "cancelling"
    assert (await service.wait(task.id)).state == "cancelled"


async def test_a_server_that_stops_while_a_task_is_cancelled_still_ends_it(
    service: TaskService, roots: Roots, tmp_path: Path
) -> None:
    task = await start(service, lambda running: leave_things(running, roots, tmp_path / "temporary"))
    await reach(service, task, "acquire")
    await service.end(task.id)
    await asyncio.sleep(0)
    await service.stop()
    assert (await service.get(task.id)).state == "cancelled"
    assert what_is_left(roots, tmp_path / "temporary") == []


async def test_a_session_that_ends_leaves_its_task_to_the_next_one(service: TaskService, roots: Roots) -> None:
    kept, gone = roots.images / ".kept.partial", roots.packages / "demo"

    async def work(running: RunningTask) -> None:
        async with running.phase("acquire", "Downloading"):
            await running.owns(gone)
            paths.make_marked(gone)
            paths.write_private(kept, "half of it")
            running.resumable.append(str(kept))
            await asyncio.sleep(60)

    roots.images.mkdir(parents=True)
    task = await start(service, work)
    await reach(service, task, "acquire")
    await asyncio.sleep(0.1)
    await service.stop(interrupt=True)
    ended = await service.get(task.id)
    assert (ended.state, ended.error and ended.error.code) == ("interrupted", "interrupted")
    assert ended.error is not None
    assert ended.error.hint == "What was downloaded is kept. Click Continue to go on."
    assert kept.exists()
    assert not gone.exists()


async def test_a_task_that_fails_says_what_why_and_what_next(service: TaskService, roots: Roots) -> None:
    async def work(running: RunningTask) -> None:
        async with running.phase("acquire", "Downloading"):
            await running.owns(roots.packages / "demo")
            paths.make_marked(roots.packages / "demo")
            raise ContainerKernelsError("image_not_found", "It is not there.", "Check the name.")

    task = await done(service, work)
    assert task.state == "failed"
    assert task.error is not None
    assert (task.error.code, task.error.message, task.error.hint) == (
        "image_not_found", "It is not there.", "Check the name.",
    )  # fmt: skip
    assert task.message == "It is not there."
    assert (task.phase, task.phases[1].state) == ("acquire", "failed")
    assert task.phases[1].duration_s is not None
    assert "It is not there. Check the name." in (await service.log(task.id, 0)).text
    assert tree(roots.packages) == []


async def test_a_mistake_of_ours_is_called_one_and_tells_no_secrets(
    service: TaskService, roots: Roots, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(running: RunningTask) -> None:
        await running.owns(roots.packages / "demo")
        paths.make_marked(roots.packages / "demo")
        raise LookupError("secret")

    task = await done(service, work)
    assert task.error is not None
    assert task.error.code == "internal"
    assert "secret" not in task.error.message
    assert "secret" in caplog.text, "the server's log has the traceback"
    assert tree(roots.packages) == []


#: How a task ends, and whether another one may go on with what it has fetched.
ENDS = [
    (ContainerKernelsError("registry_unreachable", "It broke off."), True),
    (ContainerKernelsError("timed_out", "It took too long."), True),
    (ContainerKernelsError("rate_limited", "It has given enough."), True),
    (ContainerKernelsError("disk_full", "There is no room."), False),
    (RuntimeError("a mistake of ours"), False),
    (asyncio.CancelledError(), False),
    (None, False),
]


@pytest.mark.parametrize(("error", "is_kept"), ENDS)
async def test_what_another_try_goes_on_with_is_kept_until_the_task_is_dismissed(
    service: TaskService, roots: Roots, error: BaseException | None, is_kept: bool
) -> None:
    spool = roots.images / "spool"

    async def work(running: RunningTask) -> None:
        await running.may_resume(spool)
        if not spool.exists():
            paths.make_marked(spool)
        if error is not None:
            raise error

    task = await done(service, work)
    assert spool.exists() is is_kept
    if not is_kept:
        return
    assert not service.claimed()

    other = await done(service, work)  # somebody adds the same again, and that breaks off, too
    await service.end(other.id)
    assert spool.exists(), "the first one has promised to go on with it"

    again = await start(service, forever)  # that is what Retry does
    await service.end(task.id)
    assert spool.exists(), "it was taken from under the feet of the next one"
    await service.end(again.id)
    await service.wait(again.id)
    assert not spool.exists()

    task = await done(service, work)
    await service.end(task.id)
    assert not spool.exists()


async def test_what_the_next_task_goes_on_with_already_stays_when_the_first_is_cancelled(
    service: TaskService, roots: Roots
) -> None:
    spool = paths.make_marked(roots.staging / "spool-x")

    async def work(running: RunningTask) -> None:
        await running.may_resume(spool)
        await forever(running)

    first = await service.start(REQUEST, "Demo", "demo", work)
    second = await service.start(REQUEST, "Twin", "twin", work)
    for task in (first, second):
        await reach(service, task, "acquire")
    await service.end(first.id)
    await service.wait(first.id)
    assert spool.is_dir()
    await service.end(second.id)
    await service.wait(second.id)
    assert not spool.exists()


async def test_a_task_that_is_done_keeps_what_it_handed_on(service: TaskService, roots: Roots) -> None:
    async def work(running: RunningTask) -> None:
        for name in ("kept", "other"):
            await running.owns(roots.packages / name)
            paths.make_marked(roots.packages / name)
        running.keeps(roots.packages / "kept")
        raise ContainerKernelsError("verify_failed", "no")

    await done(service, work)
    assert [path.name for path in roots.packages.iterdir()] == ["kept"]


async def test_a_leftover_that_is_not_ours_stays(service: TaskService, roots: Roots, tmp_path: Path) -> None:
    """Somebody may have changed the file that lists them."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    image = write_sif(roots.images / "sha256-1.sif")

    async def work(running: RunningTask) -> None:
        for path in (precious, precious / "data", image, roots.packages):
            await running.owns(path)
        raise ContainerKernelsError("verify_failed", "no")

    await done(service, work)
    assert (precious / "data").exists()
    assert image.exists(), "only partial images are removed"


async def test_a_name_is_held_while_its_task_runs(service: TaskService) -> None:
    task = await start(service, forever)
    assert service.slugs() == {"demo"}
    await service.end(task.id)
    await service.wait(task.id)
    assert service.slugs() == set()


async def test_whoever_sees_that_a_task_has_ended_may_begin_the_next_and_dismiss_it(service: TaskService) -> None:
    async def work(_running: RunningTask) -> None:
        pass

    task = await start(service, work)
    while (await service.get(task.id)).ended is None:  # seen while its end is still being written
        await asyncio.sleep(0)
    service.require_idle("demo", "Demo")
    await service.end(task.id)
    assert await service.list_tasks() == []


async def test_a_task_that_cannot_be_written_holds_no_name(roots: Roots) -> None:
    roots.state.parent.mkdir(parents=True)
    roots.state.write_text("a file where the directory should be")
    service = TaskService(roots, list)
    with pytest.raises((ContainerKernelsError, OSError)):
        await start(service, forever)
    assert service.slugs() == set()


async def test_a_request_that_cannot_be_written_holds_no_name(service: TaskService) -> None:
    with pytest.raises(ValueError, match="surrogates"):
        await service.start(AddRequest("\ud800"), "Demo", "demo", forever)
    assert service.slugs() == set()


async def test_tasks_come_newest_first(service: TaskService) -> None:
    async def work(_running: RunningTask) -> None:
        await asyncio.sleep(0.005)

    ids = [(await done(service, work)).id for _ in range(3)]
    running = await start(service, forever)
    assert [task.id for task in await service.list_tasks()] == [running.id, *reversed(ids)]
    await service.stop()


async def test_one_that_ends_while_the_disk_is_read_is_listed_as_it_ended(
    service: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def work(running: RunningTask) -> None:
        async with running.phase("acquire", "Downloading"):
            await go_on.wait()

    async def end() -> None:
        go_on.set()
        await service.wait(task.id)

    def read_slowly() -> list[Task]:
        found = read_all()
        asyncio.run_coroutine_threadsafe(end(), loop).result()
        return found

    loop, read_all = asyncio.get_running_loop(), service._history.read_all
    task = await start(service, work)
    await reach(service, task, "acquire")
    monkeypatch.setattr(service._history, "read_all", read_slowly)
    assert [each.state for each in await service.list_tasks()] == ["done"]


async def test_an_ended_task_is_dismissed_with_its_log(service: TaskService, roots: Roots) -> None:
    async def work(running: RunningTask) -> None:
        running.say("x")

    task = await done(service, work)
    assert (await service.end(task.id)).state == "done"
    assert tree(roots.tasks) == []
    with pytest.raises(ContainerKernelsError) as caught:
        await service.get(task.id)
    assert caught.value.code == "not_found"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"task": {}}', "null"])
async def test_a_task_that_cannot_be_read_hides_no_other(service: TaskService, roots: Roots, content: str) -> None:
    async def work(_running: RunningTask) -> None:
        pass

    good = await done(service, work)
    bad = paths.make_marked(roots.tasks / ("0" * 32))
    (bad / "task.json").write_text(content)
    (roots.tasks / "foreign").mkdir()
    assert [task.id for task in await service.list_tasks()] == [good.id]


def orphan(service: TaskService, roots: Roots, leftovers: list[Path], state: str = "running", **owner: object) -> Path:
    """Write a task as a server leaves it that was killed, and return its directory."""
    task_id = "a" * 32
    directory = paths.make_marked(roots.tasks / task_id)
    phases = [{"name": name, "state": "waiting", "duration_s": None} for name in PHASES]
    phases[1]["state"] = "running"
    content = {
        "task": {
            "id": task_id, "seq": 9, "state": state, "display_name": "Demo", "slug": "demo", "job": "add",
            "request": {"image": "docker://demo:1", "display_name": "Demo", "slug": "demo", "gpu": "auto", "binds": []},
            "phases": phases, "phase": "acquire", "message": "Downloading",
            "progress": {"done_bytes": 1, "total_bytes": 2}, "error": None, "created": "2026-01-01T00:00:00.000Z",
            "ended": None, "log_bytes": 0,
        },
        "owner": {
            "hostname": machine.hostname(), "boot_id": machine.boot_id(), "pid": 2**22 + 1, "start_ticks": 1, **owner,
        },
        "leftovers": list(map(str, leftovers)),
    }  # fmt: skip
    paths.write_private(directory / "task.json", json.dumps(content))
    return directory


@pytest.mark.parametrize("state", ["running", "cancelling"])
async def test_a_task_whose_server_was_killed_is_interrupted_and_leaves_nothing(
    service: TaskService, roots: Roots, tmp_path: Path, state: str
) -> None:
    temporary = tmp_path / "temporary"
    left = [roots.packages / "demo", roots.logs / "demo", roots.staging / "x", temporary / "t"]
    for directory in left:
        paths.make_marked(directory)
    partial = write_sif(roots.images / ".x.partial.sif")
    orphan(service, roots, [*left, partial], state)
    [task] = await service.list_tasks()
    assert (task.state, task.seq, task.progress) == ("interrupted", 10, None)
    assert task.error is not None
    assert task.error.code == "interrupted"
    assert "Demo" in task.error.message and "Continue" in task.error.hint
    assert task.phases[1].state == "failed"
    assert task.ended is not None
    assert what_is_left(roots, temporary) == []
    assert (await service.get(task.id)) == task, "it is said once and stays said"


async def test_a_task_that_was_killed_after_it_had_published_is_done(service: TaskService, roots: Roots) -> None:
    image = write_sif(roots.images / "sha256-1.sif")
    add_kernel(roots, "demo", image, task="a" * 32)
    workspace = paths.make_marked(roots.staging / "x")
    orphan(service, roots, [workspace, roots.packages / "demo", roots.logs / "demo"])
    [task] = await service.list_tasks()
    assert (task.state, task.error, task.phase) == ("done", None, None)
    assert (roots.packages / "demo").is_dir() and (roots.logs / "demo").is_dir()
    assert tree(roots.staging) == [], "the workspace is nobody's any more"


async def test_a_kernel_of_the_same_name_by_another_task_is_no_proof(service: TaskService, roots: Roots) -> None:
    add_kernel(roots, "demo", write_sif(roots.images / "sha256-1.sif"), task="b" * 32)
    orphan(service, roots, [])
    [task] = await service.list_tasks()
    assert task.state == "interrupted"


@pytest.mark.parametrize(
    ("owner", "age_s", "state"),
    [
        ({"boot_id": "another boot"}, 0, "interrupted"),
        ({"pid": os.getpid(), "start_ticks": 1}, 0, "interrupted"),  # the id was given to another process
        ({"hostname": "other-node"}, 10, "running"),  # it was heard of just now
        ({"hostname": "other-node"}, 3600, "interrupted"),  # it has been silent
    ],
)
async def test_an_owner_is_known_by_machine_boot_and_start(
    service: TaskService, roots: Roots, owner: dict, age_s: int, state: str
) -> None:
    path = orphan(service, roots, [], **owner) / "task.json"
    when = path.stat().st_mtime - age_s
    os.utime(path, (when, when))
    [task] = await service.list_tasks()
    assert task.state == state


async def test_a_task_of_another_server_that_lives_is_neither_touched_nor_cancelled_here(
    service: TaskService, roots: Roots
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        from jupyterlab_container_kernels.system.process import start_ticks_of

        orphan(service, roots, [], pid=other.pid, start_ticks=start_ticks_of(other.pid))
        with pytest.raises(ContainerKernelsError) as caught:
            await service.end("a" * 32)
        assert caught.value.code == "forbidden"
        assert (await service.get("a" * 32)).state == "running"
    finally:
        other.kill()
        other.wait()
    assert (await service.get("a" * 32)).state == "interrupted"


async def test_a_log_is_read_from_any_byte_on(service: TaskService) -> None:
    async def work(running: RunningTask) -> None:
        running.say("rot grün")
        running.say("zwei")

    task = await done(service, work)
    whole = await service.log(task.id, 0)
    assert whole.text == "rot grün\nzwei\n"
    assert whole.next_offset == whole.size_bytes == task.log_bytes == len(whole.text.encode())
    rest = await service.log(task.id, len("rot grün\n".encode()))
    assert rest.text == "zwei\n"
    beyond = await service.log(task.id, 10**9)
    assert (beyond.text, beyond.offset, beyond.next_offset) == ("", task.log_bytes, task.log_bytes)


@pytest.mark.parametrize(
    "line",
    ["ü" * 400 + "\n", "🚀" * 100_000, "a" + "€" * 300_000, "line\n" * 200_000],
    ids=["lines", "four bytes, no line", "three bytes, shifted", "short lines"],
)
def test_a_long_log_that_is_read_in_pieces_is_whole(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log"
    content = line if len(line) > 1000 else line * 800
    path.write_text(content)
    offset, pieces = 0, []
    while True:
        chunk = read_log(path, offset)
        assert chunk.offset == offset
        assert chunk.next_offset - offset <= task_files.LOG_CHUNK_BYTES
        pieces.append(chunk.text)
        if chunk.next_offset == chunk.size_bytes:
            break
        assert chunk.next_offset > offset
        offset = chunk.next_offset
    assert "".join(pieces) == content


def test_a_log_that_is_missing_is_empty(tmp_path: Path) -> None:
    chunk = read_log(tmp_path / "log", 5)
    assert (chunk.text, chunk.offset, chunk.next_offset, chunk.size_bytes) == ("", 0, 0, 0)


async def test_a_log_that_never_ends_is_cut_and_says_so(service: TaskService) -> None:
    async def work(running: RunningTask) -> None:
        for _ in range(2000):
            running.say("x" * 5000)

    task = await done(service, work)
    size = (service.directory(task.id) / "log").stat().st_size
    assert size == task.log_bytes <= running_task.LOG_LIMIT_BYTES + 100
    assert (await service.log(task.id, size - 40)).text.endswith("(The log is cut here.)\n")
