"""What the worker says becomes progress, an error, or a reason for which the runtime takes over; never a success."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jupyterlab_container_kernels.acquire.filetree import NotUnderstood
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services import streaming
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.streaming import _Heard
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.process import Finished


class Told:
    """What a task was told."""

    def __init__(self) -> None:
        self.progressed: list[tuple[int, int]] = []
        self.messages: list[str] = []
        self.lines: list[str] = []

    def progress(self, done: int, total: int) -> None:
        self.progressed.append((done, total))

    def update(self, *, message: str, progress: None) -> None:
        self.messages.append(message)

    def say(self, line: str) -> None:
        self.lines.append(line)


def heard(code: int, *lines: str | dict[str, Any]) -> Told:
    """Hear lines, and the exit code."""
    told = Told()
    listener = _Heard(cast(RunningTask, told))
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    for text in texts:
        listener.line(text)
    listener.check(Finished(code, "\n".join(texts)))
    return told


PROGRESS = {"event": "progress", "done_bytes": 1, "total_bytes": 2}
WHOLE = PROGRESS | {"done_bytes": 2}
DONE = {"event": "done", "digest": "sha256:0", "size_bytes": 3, "entries": 4}


def test_bytes_are_told_and_what_comes_after_them_and_other_words_go_into_the_log() -> None:
    told = heard(0, PROGRESS, "a warning", "[1]", "{}", WHOLE, DONE)
    assert told.progressed == [(1, 2), (2, 2)]
    assert told.messages == ["Writing the image file"]
    assert told.lines == ["a warning", "[1]", "{}"]


#: What the worker says and its exit code: a word of the reason for which the runtime takes over.
TAKEN_OVER = [
    (3, [{"event": "not_understood", "reason": "a layer is sparse"}], "a layer is sparse"),
    (1, [PROGRESS, "Traceback (most recent call last):", "KeyError: 'x'"], "mistake of ours: KeyError: 'x'"),
    (1, [{"event": "failed", "code": "internal", "message": "The job cannot be read.", "hint": ""}], "cannot be read"),
    (1, [{"event": "failed", "code": "of a later version", "message": "New.", "hint": ""}], "New."),
    (0, [], "it said nothing"),
    (1, [DONE], "it said nothing"),
    (127, ["python3: No such file or directory"], "No such file"),
]


@pytest.mark.parametrize(("code", "lines", "reason"), TAKEN_OVER)
def test_what_is_no_answer_is_a_reason_to_let_the_runtime_do_it(code: int, lines: list[Any], reason: str) -> None:
    with pytest.raises(NotUnderstood, match=reason):
        heard(code, *lines)


def test_a_failure_is_said_in_the_workers_words() -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        heard(1, {"event": "failed", "code": "disk_full", "message": "There is no room.", "hint": "Make some."})
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "disk_full",
        "There is no room.",
        "Make some.",
    )


def test_a_worker_that_was_killed_most_probably_lacked_memory() -> None:
    with pytest.raises(ContainerKernelsError, match="memory") as caught:
        heard(137, PROGRESS)
    assert caught.value.code == "runtime_failed"


async def test_layers_are_kept_only_where_they_can_be_seen_and_freed(tmp_path: Path) -> None:
    store = paths.make_private(tmp_path / "images")
    said: list[str] = []
    session: Any = SimpleNamespace(settings=SimpleNamespace(keep_layers=True), roots=SimpleNamespace(images=store))
    running: Any = SimpleNamespace(say=said.append)

    async def layers(target: Path = store / ".x.partial.sif") -> str | None:
        return await streaming._layers(session, running, target)

    assert await layers(tmp_path / "chosen" / ".x.partial.sif") is None
    folder = store / "layers"
    folder.mkdir()  # so far somebody came who was killed
    assert await layers() == str(folder) and paths.is_ours(folder, store)
    assert await layers() == str(folder)
    assert not said
    (folder / paths.MARKER).unlink()
    (folder / "somebody's").touch()
    assert await layers() is None
    assert said == [f"The layers are not kept in {folder}: File exists."]
    session.settings.keep_layers = False
    assert await layers() is None


async def directory_of_layers(shared: Path) -> Path:
    """Return where the layers of an image wait, in a directory that all may write to."""
    noted: list[Path] = []

    async def room(store: Path) -> tuple[None, None]:
        return None, None

    async def may_resume(path: Path) -> None:
        noted.append(path)

    session: Any = SimpleNamespace(settings=SimpleNamespace(temporary_dir=shared), room=room)
    running: Any = SimpleNamespace(may_resume=may_resume)
    resolved: Any = SimpleNamespace(manifest=SimpleNamespace(digest=DIGEST, download_bytes=1))
    spool = await streaming._spool(session, running, resolved, shared)
    assert noted == [spool]
    return spool


DIGEST = "sha256:" + "0" * 64
#: What another, who guesses its name, may have put there before.
PUT_THERE: dict[str, Callable[[Path], object]] = {
    "a link to one of ours": lambda path: path.symlink_to(paths.make_marked(path.parent.with_name("ours"))),
    "of another user": paths.make_marked,
    "open to all": lambda path: paths.make_marked(path).chmod(0o777),
    "without our marker": lambda path: path.mkdir(mode=0o700),
    "a file": Path.touch,
}


@pytest.mark.parametrize("what", PUT_THERE)
async def test_layers_are_put_into_no_folder_that_another_may_have_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    if what == "of another user":
        monkeypatch.setattr(os, "getuid", lambda: shared.stat().st_uid + 1)
    guessed = shared / streaming.spool_name(shared, DIGEST)
    PUT_THERE[what](guessed)

    def state() -> dict[Path, tuple[int, int]]:
        found = {path: path.lstat() for path in tmp_path.rglob("*") if path != shared}
        return {path: (status.st_mode, status.st_mtime_ns) for path, status in found.items()}

    before = state()
    spool = await directory_of_layers(shared)
    after = state()
    assert after.keys() - before.keys() == {spool, spool / paths.MARKER}
    assert {path: after[path] for path in before} == before
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700


async def test_layers_that_an_earlier_try_has_left_are_found_again(tmp_path: Path) -> None:
    spool = await directory_of_layers(tmp_path)
    assert spool == tmp_path / streaming.spool_name(tmp_path, DIGEST)
    assert await directory_of_layers(tmp_path) == spool
