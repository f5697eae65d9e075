"""A file system that hangs is not waited for, and keeps nobody else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system.patience import Patience


async def test_a_quick_answer_is_handed_on() -> None:
    patience = Patience()
    assert await patience.ask("x", lambda: 7) == 7
    patience.close()


async def test_an_error_of_the_question_is_handed_on_and_forgotten() -> None:
    patience = Patience()
    with pytest.raises(FileNotFoundError):
        await patience.ask("x", Path("/missing").stat)
    assert await patience.ask("x", lambda: 1) == 1
    patience.close()


async def test_a_file_system_that_hangs_is_given_up_and_asked_only_once() -> None:
    patience = Patience(threads=2)
    release = threading.Event()
    asked = []

    def hang() -> str:
        asked.append(1)
        release.wait(20)
        return "late"

    began = time.monotonic()
    answers = await asyncio.gather(*(patience.ask("x", hang, 0.2) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(answer, TimeoutError) for answer in answers)
    assert time.monotonic() - began < 2
    with pytest.raises(TimeoutError):
        await patience.ask("x", hang, 0.05)
    assert len(asked) == 1, "while it hangs, the question is not asked again"
    assert await patience.ask("y", lambda: "other") == "other", "other questions are answered meanwhile"
    release.set()
    while (answer := await patience.ask("x", lambda: "back")) == "late":
        pass
    assert answer == "back"
    patience.close()


async def test_two_who_ask_the_same_share_one_answer() -> None:
    patience = Patience()
    asked = []

    def count() -> int:
        time.sleep(0.1)
        asked.append(1)
        return len(asked)

    assert await asyncio.gather(patience.ask("x", count), patience.ask("x", count)) == [1, 1]
    patience.close()


async def test_one_who_stops_waiting_takes_the_answer_from_nobody() -> None:
    patience = Patience()
    release = threading.Event()

    def wait() -> str:
        release.wait(20)
        return "answer"

    first, second = (asyncio.create_task(patience.ask("x", wait)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.sleep(0)
    release.set()
    assert await second == "answer"
    patience.close()


def test_a_file_system_that_hangs_does_not_keep_the_server_from_ending() -> None:
    code = """
import asyncio, time
from jupyterlab_container_kernels.system.patience import Patience
async def main():
    patience = Patience()
    try:
        await patience.ask("x", lambda: time.sleep(60), 0.1)
    except TimeoutError:
        print("unknown", flush=True)
    patience.close()
asyncio.run(main())
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert finished.stdout == "unknown\n"
