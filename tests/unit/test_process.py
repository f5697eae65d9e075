"""A command is gone, with all that it started, when the call returns, is cancelled, or the server is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.system import process
from jupyterlab_container_kernels.system.patience import Patience
from jupyterlab_container_kernels.system.process import Command, run

ENV = {"PATH": os.environ["PATH"], "GREETING": "hello"}


def shell(script: str, *words: object) -> Command:
    return Command(["/bin/bash", "-c", script, "test", *map(str, words)], ENV)


def exists(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    return process.start_ticks_of(pid) is not None


async def until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),  # what Apptainer ends with
        ("kill -TERM $$", 143),  # 128 + the signal, as a shell has it
        ("kill -KILL $$", 137),
        ("kill -INT $$", 130),
    ],
)
async def test_the_exit_code_is_that_of_the_command(script: str, code: int) -> None:
    assert (await run(shell(script), timeout_s=20)).returncode == code


@pytest.mark.parametrize(
    ("argv0", "code", "words"),
    [
        ("/no/such/program", 127, "No such file"),
        ("no-such-program", 127, "No such file"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/tmp", 126, "Permission denied"),
    ],
)
async def test_a_program_that_cannot_be_started_is_told_as_a_shell_does(argv0: str, code: int, words: str) -> None:
    finished = await run(Command([argv0], ENV), timeout_s=20)
    assert finished.returncode == code
    assert argv0 in finished.output and words in finished.output


async def test_arguments_arrive_as_they_are() -> None:
    words = ["", " a  b ", "$(touch x)", "'\"", "ü🚀", "-c", "a\nb"]
    code = "import sys; print(ascii(sys.argv[1:]))"
    finished = await run(Command([sys.executable, "-c", code, *words], ENV), timeout_s=20)
    assert finished.output == ascii(words)


async def test_the_environment_is_exactly_the_one_that_was_given() -> None:
    finished = await run(Command(["/usr/bin/env"], {"A": "1", "B": "x y"}), timeout_s=20)
    got = {line for line in finished.output.splitlines() if not line.startswith("LC_CTYPE=")}
    assert got == {"A=1", "B=x y"}


async def test_the_command_reads_nothing_and_stands_in_no_users_directory() -> None:
    finished = await run(shell("cat; pwd; echo $GREETING"), timeout_s=20)
    assert finished.output == "/\nhello"


async def test_lines_of_both_streams_come_as_they_are_written() -> None:
    seen: list[tuple[float, str]] = []
    script = "echo one; sleep 0.6; echo two >&2; sleep 0.1; printf three"
    finished = await run(shell(script), timeout_s=20, on_line=lambda line: seen.append((time.monotonic(), line)))
    assert [line for _, line in seen] == ["one", "two", "three"]
    assert seen[1][0] - seen[0][0] > 0.3
    assert finished.output == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("printed", "lines"),
    [
        (r"10%%\r50%%\r100%%\ndone\n", ["10%", "50%", "100%", "done"]),  # a progress bar
        (r"a\r\nb\r\n", ["a", "b"]),
        (r"\n\n\na\n", ["a"]),  # empty lines say nothing
        (r"\xff\xfe\n", ["\ufffd\ufffd"]),  # not UTF-8
        (r"\xc3\xbc", ["ü"]),
    ],
)
async def test_what_is_printed_becomes_lines(printed: str, lines: list[str]) -> None:
    seen: list[str] = []
    await run(shell('printf "$1"', printed), timeout_s=20, on_line=seen.append)
    assert seen == lines


async def test_a_line_without_end_is_cut() -> None:
    seen: list[str] = []
    await run(shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end"), timeout_s=30, on_line=seen.append)
    assert max(map(len, seen)) <= 16 * 1024
    assert seen[-1] == "end"


async def test_only_the_last_lines_are_kept_and_all_are_told() -> None:
    seen: list[str] = []
    finished = await run(shell("seq 5000"), timeout_s=30, on_line=seen.append)
    assert len(seen) == 5000
    assert finished.output.splitlines() == seen[-2000:]


async def test_a_command_that_takes_too_long_is_ended_and_said_so(tmp_path: Path) -> None:
    script = 'echo $$ > "$1"; sleep 60'
    with pytest.raises(ContainerKernelsError) as caught:
        await run(shell(script, tmp_path / "pid"), timeout_s=0.8)
    assert caught.value.code == "timed_out"
    assert caught.value.message.startswith("bash did not finish within 1 seconds")
    assert not exists(int((tmp_path / "pid").read_text()))


#: Writes the ids of a family of processes into a directory, one file each, and waits.
FAMILY = r"""
cd "$1"
sleep 300 & echo $! > child
(sleep 301 & echo $! > grandchild; wait) &
setsid sleep 302 & echo $! > own-session
setsid bash -c 'echo $$ > daemon; (sleep 303 & echo $! > of-daemon) ; exec sleep 304' > /dev/null 2>&1 < /dev/null &
bash -c 'trap "" INT TERM HUP; echo $$ > stubborn; while true; do sleep 1; done' &
(sleep 305 > /dev/null 2>&1 & echo $! > orphan)
echo $$ > self
while [ "$(ls | wc -l)" -lt 8 ]; do sleep 0.05; done
touch ready
wait
"""


def family(directory: Path) -> dict[str, int]:
    return {path.name: int(path.read_text()) for path in directory.iterdir() if path.name != "ready"}


async def test_cancelling_ends_the_whole_family_also_the_detached_and_the_stubborn(tmp_path: Path) -> None:
    running = asyncio.create_task(run(shell(FAMILY, tmp_path), timeout_s=60))
    await until((tmp_path / "ready").exists)
    pids = family(tmp_path)
    assert len(pids) == 8 and all(map(exists, pids.values()))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert {name for name, pid in pids.items() if exists(pid)} == set()


async def test_cancelling_twice_ends_everything_all_the_same(tmp_path: Path) -> None:
    script = 'trap "sleep 0.5; touch $1/cleaned; exit 1" INT; echo $$ > "$1/self"; while true; do sleep 0.1; done'
    running = asyncio.create_task(run(shell(script, tmp_path), timeout_s=60))
    await until(lambda: (tmp_path / "self").exists() and (tmp_path / "self").read_text())
    running.cancel()
    await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not exists(int((tmp_path / "self").read_text())))
    assert (tmp_path / "cleaned").exists(), "it was given the time that it needs"
    await asyncio.sleep(0.1)  # the end goes on in the background until the guard is gone


async def test_a_process_that_the_system_does_not_start_is_said_to_be_none() -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        await run(Command(["/usr/bin/tool", "x" * (1 << 18)], ENV), timeout_s=20)
    assert caught.value.code == "runtime_failed"
    assert caught.value.message == "tool could not be started: Argument list too long."


async def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    script = 'setsid --fork bash -c "echo \\$\\$ > $1/daemon; exec sleep 300" > /dev/null 2>&1; sleep 0.5; echo told'
    finished = await run(shell(script, tmp_path), timeout_s=30)
    assert (finished.returncode, finished.output) == (0, "told")
    assert not exists(int((tmp_path / "daemon").read_text()))


async def test_a_command_may_clean_up_when_it_is_cancelled(tmp_path: Path) -> None:
    script = 'trap "touch $1/cleaned; exit 1" INT; touch "$1/ready"; while true; do sleep 0.1; done'
    running = asyncio.create_task(run(shell(script, tmp_path), timeout_s=60))
    await until((tmp_path / "ready").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "cleaned").exists()


SERVER = """
import asyncio, sys
from jupyterlab_container_kernels.system.process import Command, run
asyncio.run(run(Command(["/bin/bash", "-c", *sys.argv[1:]], {"PATH": "/usr/bin:/bin"}), timeout_s=60))
"""


async def test_nothing_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER, FAMILY, "test", tmp_path], start_new_session=True)
    await until((tmp_path / "ready").exists)
    pids = family(tmp_path)
    assert all(map(exists, pids.values()))
    server.kill()
    server.wait(20)
    await until(lambda: not any(map(exists, pids.values())), 15)


async def test_the_command_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    script = 'echo $$ > "$1/self"; echo $PPID > "$1/guard"; exec sleep 300'
    running = asyncio.create_task(run(shell(script, tmp_path), timeout_s=60))
    await until(lambda: (tmp_path / "guard").exists() and (tmp_path / "guard").read_text())
    os.kill(int((tmp_path / "guard").read_text()), signal.SIGKILL)
    finished = await running
    assert finished.returncode == -9
    await until(lambda: not exists(int((tmp_path / "self").read_text())))


async def test_no_descriptor_is_left_open() -> None:
    await run(shell("true"), timeout_s=20)  # what the first run opens for good
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        await run(shell("true"), timeout_s=20)
    await asyncio.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_program_is_found_where_path_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
        (directory / "tool").write_text("#!/bin/sh\n")
    (second / "tool").chmod(0o755)
    (first / "directory").mkdir()
    monkeypatch.setenv("PATH", f"{first}:{tmp_path}/missing:{second}")
    assert process.find_program("tool") == str(second / "tool"), "one that may not be run is passed over"
    assert process.find_program("directory") is None
    assert process.find_program("none") is None


def test_a_link_to_a_program_stays_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool-1.4.5").write_text("#!/bin/sh\n")
    (tmp_path / "tool-1.4.5").chmod(0o755)
    (tmp_path / "tool").symlink_to("tool-1.4.5")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert process.find_program("tool") == str(tmp_path / "tool")


def test_a_later_process_of_the_same_id_is_another_one() -> None:
    ticks = process.start_ticks_of(os.getpid())
    assert ticks is not None
    assert process.is_alive(os.getpid(), ticks)
    assert not process.is_alive(os.getpid(), ticks - 1)
    assert not process.is_alive(2**22 + 1, ticks)


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(["/bin/true"])
    try:
        deadline = time.monotonic() + 10
        while process.start_ticks_of(child.pid) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        child.wait()


async def test_a_folder_of_path_that_does_not_answer_holds_no_program() -> None:
    class Impatience(Patience):
        async def ask(self, key: object, question: object, timeout_s: float = 0.0) -> Any:
            raise TimeoutError

    assert await process.look_for("sh", Impatience()) is None
    assert await process.look_for("sh", Patience()) == process.find_program("sh")
