"""Asks file systems without waiting for those that hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

#: How long a file system gets to answer before what lies there counts as *unknown*, in seconds.
ANSWER_TIMEOUT_S = 2.0

_Result = TypeVar("_Result")


class Patience:
    """Asks file systems in threads and does not wait for those that hang.

    A thread that waits for a dead NFS server cannot be stopped. So there are few threads, a question that ran out of
    time is *unknown*, and while it hangs the same question is not asked again. They are daemons, unlike those of an
    executor, so that the server can end meanwhile.
    """

    def __init__(self, threads: int = 8) -> None:
        self._limit = threads
        self._threads: list[Thread] = []
        self._questions: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._asked: dict[object, asyncio.Future[Any]] = {}

    async def ask(self, key: object, question: Callable[[], _Result], timeout_s: float = ANSWER_TIMEOUT_S) -> _Result:
        """Return the answer to a question about ``key`` (a path and what is asked of it).

        Raises
        ------
        TimeoutError
            No answer within ``timeout_s`` seconds.
        """
        future = self._asked.get(key)
        if future is None:
            future = asyncio.wrap_future(self._submit(question))
            self._asked[key] = future
            future.add_done_callback(lambda done: self._forget(key, done))
        if not (await asyncio.wait({future}, timeout=timeout_s))[0]:
            raise TimeoutError
        answer: _Result = future.result()
        return answer

    def _forget(self, key: object, done: asyncio.Future[Any]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled():
            done.exception()  # a late answer that nobody waits for is no news for the log

    def _submit(self, question: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        self._questions.put((answer, question))
        if len(self._threads) < self._limit:
            thread = Thread(target=self._work, name="container-kernels-stat", daemon=True)
            self._threads.append(thread)
            thread.start()
        return answer

    def _work(self) -> None:
        while asked := self._questions.get():
            answer, question = asked
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(question())
                except BaseException as error:  # whoever asked gets it
                    answer.set_exception(error)

    def close(self) -> None:
        """Let the threads go without waiting for those that hang."""
        for _ in self._threads:
            self._questions.put(None)
