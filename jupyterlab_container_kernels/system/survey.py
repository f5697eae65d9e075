"""Looks at thousands of paths in few threads, so that a file system that does not answer delays nothing but its own.

Questions about one file system are asked one after the other in one thread: a thread for each would take longer than
the questions. Where one gets no answer in time, the folder of its path counts as stuck; the others of that file system
are asked in another thread (a link may have led the first one elsewhere), and the stuck folder is not asked again until
the thread that waits for it returns.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable
from typing import Any

from .mounts import mounts
from .patience import Patience

#: A function of a path, and the path. Its answer is what it returns, or the OSError that it raises.
Question = tuple[Callable[[str], Any], str]

#: How long one path may take, in seconds.
PATH_TIMEOUT_S = 1.0
#: How many threads may get stuck in one file system in one round.
_ATTEMPTS = 3


class Survey:
    """Asks questions about paths."""

    def __init__(self, patience: Patience, timeout_s: float = PATH_TIMEOUT_S) -> None:
        self._patience = patience
        self._timeout_s = timeout_s
        self._stuck: dict[str, _Round] = {}

    async def ask(self, questions: Iterable[Question]) -> dict[Question, Any]:
        """Return the answers; a question that got none in time is absent."""
        self._stuck = {folder: each for folder, each in self._stuck.items() if not each.has_ended}
        groups = await asyncio.to_thread(_by_file_system, questions)
        answers: dict[Question, Any] = {}
        for found in await asyncio.gather(*(self._ask_one(group) for group in groups)):
            answers.update(found)
        return answers

    async def _ask_one(self, questions: list[Question]) -> dict[Question, Any]:
        answers: dict[Question, Any] = {}
        for _ in range(_ATTEMPTS):
            if self._stuck:
                questions = [each for each in questions if _folder(each[1]) not in self._stuck]
            if not questions:
                break
            current = _Round(questions)
            await self._watch(current)
            answers.update(current.answers.copy())
            if current.has_ended or current.at is None:  # all threads are stuck elsewhere
                break
            self._stuck[_folder(current.at[1])] = current
            questions = [each for each in questions if each not in answers]
        return answers

    async def _watch(self, current: _Round) -> None:
        """Wait until a round has ended, or one of its questions has had its time."""
        quarters, seen = 0, 0
        while quarters < 4:  # not by the clock: if this process stood still, its thread had no time either
            try:
                await self._patience.ask(("survey", id(current)), current.run, self._timeout_s / 4)
                return
            except TimeoutError:
                quarters = quarters + 1 if len(current.answers) == seen else 1
                seen = len(current.answers)
        current.is_abandoned = True


class _Round:
    """Questions, answered one after the other in a thread; others read how far it has come."""

    def __init__(self, questions: list[Question]) -> None:
        self._questions = questions
        self.answers: dict[Question, Any] = {}
        self.at: Question | None = None
        self.has_ended = False
        self.is_abandoned = False

    def run(self) -> None:
        for question in self._questions:
            if self.is_abandoned:
                break
            self.at = question
            try:
                self.answers[question] = question[0](question[1])
            except OSError as error:
                self.answers[question] = error
            except ValueError:  # a null byte or half a character, as JSON can write them, is in no path
                self.answers[question] = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), question[1])
        self.has_ended = True


def _by_file_system(questions: Iterable[Question]) -> list[list[Question]]:
    """Group questions by where their paths are mounted, by name alone: looking might hang."""
    points = {each.at for each in mounts()}
    known: dict[str, str] = {"": "", "/": "/"}

    def mount_of(folder: str) -> str:
        if folder not in known:
            known[folder] = folder if folder in points else mount_of(folder.rpartition("/")[0] or "/")
        return known[folder]

    groups: dict[str, list[Question]] = {}
    for question in dict.fromkeys(questions):
        path = question[1]
        mount = path if path in points else mount_of(_folder(path)) if path.startswith("/") else ""
        groups.setdefault(mount, []).append(question)
    return list(groups.values())


def _folder(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0] or ("/" if path.startswith("/") else "")
