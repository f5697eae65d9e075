"""Lets tasks work in the order in which they came, so many at a time; the others wait and say how long the queue is."""

from __future__ import annotations

import asyncio

from .running_task import RunningTask


class Turns:
    """A queue of tasks, of which the first ones work.

    Parameters
    ----------
    limit : int
        How many work at a time, 1 or more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line: dict[RunningTask, asyncio.Event] = {}

    def join(self, running: RunningTask) -> None:
        """Put a task at the end of the queue."""
        self._line[running] = asyncio.Event()
        self._tell()

    async def come(self, running: RunningTask) -> None:
        """Wait until it is a task's turn."""
        await self._line[running].wait()

    def leave(self, running: RunningTask) -> None:
        """Let the next one begin, or those behind move up."""
        self._line.pop(running, None)
        self._tell()

    def _tell(self) -> None:
        for before, (running, is_turn) in enumerate(self._line.items(), -self._limit):
            if before < 0:
                is_turn.set()
                continue
            message = f"Waiting: {before} before it" if before else "Waiting: it comes next"
            if running.task.state == "running" and message != running.task.message:
                running.update(message=message)
