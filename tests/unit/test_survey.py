"""What does not answer is not waited for twice, and delays nothing else; shown with a file system that really hangs."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system.patience import Patience
from jupyterlab_container_kernels.system.survey import Survey
from tests.hung import hung_file_system

TIMEOUT_S = 0.4


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "hung").mkdir()
    with hung_file_system(tmp_path / "hung") as directory:
        yield directory


@pytest.fixture
def survey() -> Iterator[Survey]:
    patience = Patience()
    yield Survey(patience, TIMEOUT_S)
    patience.close()


def size(path: str) -> int:
    return os.stat(path).st_size


def files(directory: Path, count: int) -> list[str]:
    directory.mkdir(exist_ok=True)
    for number in range(count):
        (directory / str(number)).write_text("x" * number)
    return [str(directory / str(number)) for number in range(count)]


async def test_every_path_is_answered_with_a_value_or_an_error(survey: Survey, tmp_path: Path) -> None:
    paths = files(tmp_path / "a", 50)
    missing = str(tmp_path / "missing")
    answers = await survey.ask([(size, path) for path in [*paths, missing, *paths]])
    assert [answers[size, path] for path in paths] == list(range(50))
    assert answers[size, missing].errno == errno.ENOENT
    assert len(answers) == 51


@pytest.mark.parametrize("path", ["/null\0byte", "/half\ud800"])
async def test_what_is_no_path_is_not_there(survey: Survey, tmp_path: Path, path: str) -> None:
    [other] = files(tmp_path / "a", 1)
    answers = await survey.ask([(size, path), (size, other)])
    assert answers[size, path].errno == errno.ENOENT
    assert answers[size, other] == 0


async def test_without_questions_there_are_no_answers(survey: Survey) -> None:
    assert await survey.ask([]) == {}


async def test_a_hung_file_system_delays_only_its_own(survey: Survey, hung: Path, tmp_path: Path) -> None:
    paths = files(tmp_path / "a", 50)
    dead = [str(hung / each / "x.sif") for each in "abc"]
    asked: list[str] = []

    def look(path: str) -> int:
        asked.append(path)
        return size(path)

    answers = await survey.ask([(look, path) for path in [*dead, *paths]])
    assert set(answers) == {(look, path) for path in paths}
    assert set(dead) & set(asked)
    asked.clear()
    assert set(await survey.ask([(look, path) for path in [*dead, *paths]])) == set(answers)
    assert set(asked) == set(paths), "what hangs is not asked again"


async def test_a_process_that_stood_still_gives_its_threads_their_time(survey: Survey, tmp_path: Path) -> None:
    """As in a session that is throttled: the loop finds that long is over, and no thread has done anything."""
    [path] = files(tmp_path / "a", 1)

    def stands_still(path: str) -> int:
        asyncio.run_coroutine_threadsafe(_stand_still(), loop).result()
        return size(path)

    async def _stand_still() -> None:
        time.sleep(2 * TIMEOUT_S)

    loop = asyncio.get_running_loop()
    assert await survey.ask([(stands_still, path)]) == {(stands_still, path): 0}


async def test_a_link_into_a_hung_file_system_costs_only_what_lies_beside_it(
    survey: Survey, hung: Path, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    (links / "scratch").symlink_to(hung)
    paths = files(tmp_path / "a", 5)
    answers = await survey.ask([(size, path) for path in [str(links / "scratch"), *paths]])
    assert set(answers) == {(size, path) for path in paths}


async def test_a_file_system_that_is_back_is_asked_again(survey: Survey, tmp_path: Path) -> None:
    (tmp_path / "hung").mkdir()
    path = str(tmp_path / "hung/a/x")
    with hung_file_system(tmp_path / "hung"):
        assert await survey.ask([(size, path)]) == {}
    deadline = time.monotonic() + 5
    answers = await survey.ask([(size, path)])
    while not answers and time.monotonic() < deadline:
        answers = await survey.ask([(size, path)])
    assert answers[size, path].errno == errno.ENOENT


async def test_when_every_thread_is_stuck_the_rest_is_unknown_and_nothing_hangs(tmp_path: Path) -> None:
    release = threading.Event()
    patience = Patience(threads=1)
    survey = Survey(patience, TIMEOUT_S)

    def wait(_path: str) -> bool:
        return release.wait(20)

    [path] = files(tmp_path / "a", 1)
    assert await survey.ask([(wait, str(tmp_path / "b/x"))]) == {}
    begin = time.monotonic()
    assert await survey.ask([(size, path)]) == {}
    assert time.monotonic() - begin < 3 * TIMEOUT_S
    release.set()
    deadline = time.monotonic() + 5
    while not (answers := await survey.ask([(size, path)])) and time.monotonic() < deadline:
        pass
    assert answers == {(size, path): 0}
    patience.close()


async def test_a_slow_file_system_has_time_for_each_path(survey: Survey, tmp_path: Path) -> None:
    def slowly(path: str) -> int:
        time.sleep(TIMEOUT_S / 4)
        return size(path)

    paths = files(tmp_path / "a", 8)
    answers = await survey.ask([(slowly, path) for path in paths])
    assert len(answers) == 8, "together they take longer than one may"
