"""A task while it runs, as its work sees it: phases, progress, lines of log, and what is removed if it ends badly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models import Error, Phase, PhaseName, PhaseState, Progress, Task, TaskState, now
from .task_files import StoredTask, write

if TYPE_CHECKING:
    from .tasks import TaskService

_log = logging.getLogger(__name__)

#: A log stops growing here; a tool that says more has gone mad.
LOG_LIMIT_BYTES = 8 * 1024 * 1024
#: At most this often changes are written and told, in seconds.
SAVE_INTERVAL_S = 0.25
#: At least this often, so that other servers of the user see that it lives.
_HEARTBEAT_S = 15.0


class RunningTask:
    """The handle that a task's work reports through. All methods are for the event loop and return at once."""

    def __init__(self, service: TaskService, task: Task) -> None:
        self._service = service
        self._directory = service.directory(task.id)
        self._log_parts: list[str] = []
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()
        self._phase_began = time.monotonic()
        self._log_full = False
        self.task = task
        self.leftovers: list[str] = []
        self.resumable: list[str] = []
        #: What is said at its good end, if it is more than that the kernel is ready.
        self.outcome: str | None = None
        #: The stored image that the kernel will use; it must not be deleted meanwhile, see :meth:`uses`.
        self.image: Path | None = None
        #: What is cancelled, and what sees to its end whatever comes.
        self.work: asyncio.Future[None] | None = None
        self.ending: asyncio.Task[None] | None = None

    def update(self, **changes: Any) -> None:
        """Change fields of the task; readers see it from the next moment on."""
        self.task = replace(self.task, seq=self.task.seq + 1, **changes)
        self._changed.set()

    @contextlib.asynccontextmanager
    async def phase(self, name: PhaseName, message: str) -> AsyncIterator[None]:
        """Do what is inside as a named phase; the state is on disk before it begins."""
        self._phase_began = time.monotonic()
        self.update(phases=self._phases(name, "running"), phase=name, message=message, progress=None)
        self.say(f"== {name}: {message}")
        await self.save()
        yield
        if self._state_of(name) == "running":
            self.update(phases=self._phases(name, "done"), progress=None)

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Let other tasks work while this one only waits for somebody else; after that it waits for its turn again."""
        return self._service.aside(self)

    def skip(self, name: PhaseName, why: str) -> None:
        """Mark a phase as not needed."""
        self.update(phases=self._phases(name, "skipped"), message=why)
        self.say(why)

    def say(self, line: str) -> None:
        """Add a line to the log."""
        if self._log_full:
            return
        size = self.task.log_bytes + len(line.encode()) + 1
        if size > LOG_LIMIT_BYTES:
            line, self._log_full = "(The log is cut here.)", True
            size = self.task.log_bytes + len(line) + 1
        self._log_parts.append(line + "\n")
        self.update(log_bytes=size)

    def progress(self, done_bytes: int, total_bytes: int | None) -> None:
        """Tell how far it is."""
        self.update(progress=Progress(done_bytes, total_bytes))

    async def owns(self, path: Path) -> None:
        """Note on disk, before it is made, that ``path`` is removed when the task ends badly, even by a kill."""
        self.leftovers.append(str(path))
        await self.save()

    async def may_resume(self, path: Path) -> None:
        """Note on disk, before it is made, that another try goes on with ``path`` if this one is interrupted."""
        if str(path) not in self.resumable:
            self.resumable.append(str(path))
        await self.save()

    async def others_claim(self, path: Path) -> bool:
        """Tell whether another task, of any process, has noted that it is at work with ``path``."""
        return str(path) in await asyncio.to_thread(self._service.claimed, self.task.id)

    async def uses(self, image: Path) -> None:
        """Note on disk that nobody may delete a stored image; whoever uses it looks after that whether it is there."""
        self.image = image
        await self.save()

    def keeps(self, path: Path) -> None:
        """Take back :meth:`owns` or :meth:`may_resume`: the path is the published kernel's now, or gone."""
        for paths_of_mine in (self.leftovers, self.resumable):
            if str(path) in paths_of_mine:  # that of a kernel that is mended was never the task's
                paths_of_mine.remove(str(path))

    async def save(self) -> None:
        """Write the task and its new lines of log, now. One that is cancelled is finished before the next begins."""
        await asyncio.shield(self._save())

    async def _save(self) -> None:
        async with self._writing:
            self._changed.clear()
            image = str(self.image) if self.image is not None else None
            stored = StoredTask(self.task, self._service.owner, list(self.leftovers), list(self.resumable), image)
            text, self._log_parts = "".join(self._log_parts), []
            await asyncio.to_thread(write, self._directory, stored, text)
        self._service.tell(self.task)

    async def save_changes(self) -> None:
        """Write changes as they come, not too often, until cancelled."""
        while True:
            # not wait_for: until Python 3.12 it loses a cancellation that comes together with a change
            heartbeat = asyncio.get_running_loop().call_later(_HEARTBEAT_S, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                heartbeat.cancel()
            try:
                await self.save()
            except OSError as error:  # a full disk must not stop the work that may free it, or that says so
                _log.warning("The state of task %s was not written: %s", self.task.id, error)
            await asyncio.sleep(SAVE_INTERVAL_S)

    def end(self, state: TaskState, message: str, error: Error | None) -> None:
        """Set the final state."""
        phases = self.task.phases
        if self.task.phase is not None and state != "done" and self._state_of(self.task.phase) == "running":
            phases = self._phases(self.task.phase, "failed")
        self.update(state=state, message=message, error=error, phases=phases, progress=None, command=None, ended=now())
        if state == "done":
            self.update(phase=None)

    def _state_of(self, name: PhaseName) -> PhaseState:
        return next(phase.state for phase in self.task.phases if phase.name == name)

    def _phases(self, name: PhaseName, state: PhaseState) -> list[Phase]:
        duration_s = round(time.monotonic() - self._phase_began, 3) if state in ("done", "failed") else None
        return [Phase(name, state, duration_s) if each.name == name else each for each in self.task.phases]
