"""All long work of a user: begun, listed, cancelled, and brought to an end whatever comes.

A task lives in ``tasks/<id>/``: ``task.json`` (state, written at most a few times a second and at each change of
phase) and ``log`` (the tools' own lines). A task whose owner is gone is *interrupted*: whoever looks next says so and
removes what it left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import dacite

from ..errors import ContainerKernelsError, internal
from ..models import (
    PHASES,
    AddRequest,
    EditRequest,
    Error,
    Job,
    LogChunk,
    Phase,
    RepairRequest,
    ShareRequest,
    Task,
    now,
)
from ..system import kernelspecs, paths
from ..system.paths import Roots
from . import leftovers, sets
from .running_task import SAVE_INTERVAL_S, RunningTask
from .task_files import Owner, StoredTask, alive, promised, read_log
from .task_history import DEEDS, MOST_ENDED, TaskHistory, interruption
from .turns import Turns

_log = logging.getLogger(__name__)

#: After these errors another try goes on where this one ended.
_INTERRUPTIONS = ("registry_unreachable", "timed_out", "rate_limited")

#: What makes a kernel that is not there yet.
_NEW: tuple[Job, ...] = ("add", "duplicate")
#: What is called with each change: id, seq, state.
Listener = Callable[[str, int, str], None]


class TaskService:
    """All tasks of this user, those of this process and those that others left on disk.

    Parameters
    ----------
    temporary_roots : callable
        Returns the directories below which temporary files of tasks may lie.
    listener : callable, optional
    limit : int
        How many tasks of this process work at a time.
    """

    def __init__(
        self,
        roots: Roots,
        temporary_roots: Callable[[], list[Path]],
        listener: Listener | None = None,
        limit: int = 3,
    ) -> None:
        self._roots = roots
        self._temporary_roots = temporary_roots
        self._listener = listener
        self._running: dict[str, RunningTask] = {}
        self._is_interrupted = False
        self._turns = Turns(limit)
        self._history = TaskHistory(roots, self._running, self._remove)
        self.owner = Owner.this_process()

    def directory(self, task_id: str) -> Path:
        """Return where a task is kept."""
        return self._roots.tasks / task_id

    def tell(self, task: Task) -> None:
        """Let the listener know of a change."""
        if self._listener is not None:
            self._listener(task.id, task.seq, task.state)

    def users_of(self, path: Path) -> list[str]:
        """Return the display names of kernels that tasks add with an image, a set of packages or a directory.

        Of what kernels share, tasks of any process count, which reads files: ask in a thread.
        """
        mine = [
            running.task.display_name
            for running in list(self._running.values())
            if running.image == path or str(path) in running.leftovers
        ]
        if path.suffix != ".sif" and not sets.is_set(path, self._roots):
            return mine
        others = alive(self._roots.tasks, self._running)
        return mine + [each.task.display_name for each in others if str(path) in (each.image, *each.leftovers)]

    def claimed(self, but: str = "") -> set[str]:
        """Return what tasks of any process, except the one of id ``but``, are at work with; ask in a thread."""
        running = [each for each in list(self._running.values()) if each.task.id != but]
        found = {path for each in running for path in each.leftovers + each.resumable}
        found |= {str(each.image) for each in running if each.image is not None}
        others = alive(self._roots.tasks, self._running)
        found |= {stored.image for stored in others if stored.image is not None}
        return found.union(*(stored.leftovers + stored.resumable for stored in others))

    def in_use(self) -> set[str]:
        """Return what our kernels use, and the images and sets that tasks of any process do; ask in a thread.

        Tasks are asked first: one publishes its kernel before it ends, so what it takes into use is never overlooked.
        """
        common = {path for path in self.claimed() if path.endswith(".sif") or sets.is_set(Path(path), self._roots)}
        return common | kernelspecs.places_of_all(self._roots.kernels)

    def slugs(self) -> set[str]:
        """Return the kernel names that tasks of this process will publish."""
        # one that has ended is still being written, and whoever saw its end may begin the next
        return {running.task.slug for running in self._running.values() if running.task.ended is None}

    async def slugs_anywhere(self) -> set[str]:
        """Return the kernel names that tasks of any process will publish."""
        others = await asyncio.to_thread(alive, self._roots.tasks, self._running)
        return self.slugs() | {stored.task.slug for stored in others}

    async def is_at_elsewhere(self, slug: str) -> bool:
        """Tell whether a task of another process mends, changes or checks a kernel."""
        others = await asyncio.to_thread(alive, self._roots.tasks, self._running)
        return any(stored.task.slug == slug and stored.task.job not in _NEW for stored in others)

    def require_idle(self, slug: str, display_name: str) -> None:
        """Raise unless no task of this process is at a kernel.

        Raises
        ------
        ContainerKernelsError
            ``slug_taken``
        """
        if slug in self.slugs():
            raise ContainerKernelsError(
                "slug_taken",
                f"{display_name} is being mended, changed or checked already.",
                "Wait until that has ended, or cancel it.",
            )

    def running(self) -> list[Task]:
        """Return the tasks that this process does at this moment."""
        return [running.task for running in self._running.values()]

    async def start(
        self,
        request: AddRequest,
        display_name: str,
        slug: str,
        work: Callable[[RunningTask], Awaitable[None]],
        repair: RepairRequest | None = None,
        *,
        job: Job = "add",
        edit: EditRequest | None = None,
        original: str | None = None,
        share: ShareRequest | None = None,
    ) -> Task:
        """Begin a task and return it as it stands; ``work`` goes on by itself, when it is its turn.

        Raises
        ------
        ContainerKernelsError
            ``slug_taken``: a task of another process is at the same kernel; ``disk_full``, ``internal``: the task
            cannot be written.
        """
        phases = [Phase(name, "waiting", None) for name in PHASES]
        task = Task(
            id=uuid.uuid4().hex,
            seq=1,
            state="running",
            display_name=display_name,
            slug=slug,
            request=request,
            job="repair" if repair else job,
            repair=repair,
            edit=edit,
            phases=phases,
            phase=None,
            message="Starting",
            progress=None,
            error=None,
            created=now(),
            ended=None,
            log_bytes=0,
            original=original,
            share=share,
        )
        running = RunningTask(self, task)
        self._running[task.id] = running  # before anything is awaited: it holds the name
        try:
            await asyncio.to_thread(paths.make_marked, self.directory(task.id))
            await running.save()
            if task.job not in _NEW and await self.is_at_elsewhere(slug):  # looked after it was told to the others
                raise _busy_elsewhere(display_name)
        except BaseException as error:
            del self._running[task.id]
            if isinstance(error, ContainerKernelsError):
                await asyncio.to_thread(paths.remove_marked, self.directory(task.id), self._roots.tasks)
            if isinstance(error, OSError):
                raise _not_writable(self.directory(task.id), error) from error
            raise
        self._turns.join(running)
        running.work = asyncio.ensure_future(self._in_turn(running, work))
        running.ending = asyncio.create_task(self._run(running, running.work))
        return running.task

    @contextlib.asynccontextmanager
    async def aside(self, running: RunningTask) -> AsyncIterator[None]:
        """Let others have the turn of a task; see :meth:`.RunningTask.aside`."""
        self._turns.leave(running)
        yield
        self._turns.join(running)
        await self._turns.come(running)

    async def _in_turn(self, running: RunningTask, work: Callable[[RunningTask], Awaitable[None]]) -> None:
        await self._turns.come(running)
        await work(running)

    async def _run(self, running: RunningTask, work: asyncio.Future[None]) -> None:
        saving = asyncio.create_task(running.save_changes())
        name = running.task.display_name
        try:
            await work
            await self._clean_up(running)  # what the kernel does not need
            running.end("done", running.outcome or f"{name} is ready", None)
        except asyncio.CancelledError:
            if self._is_interrupted and running.task.state != "cancelling":
                await self._clean_up(running, interrupted=True)
                error = await asyncio.to_thread(interruption, running.task, running.resumable)
                running.end("interrupted", error.message, error)
            else:
                await self._clean_up(running)
                running.end("cancelled", "Cancelled; nothing was left behind", None)
        except ContainerKernelsError as error:
            running.say(f"{error.message} {error.hint}".strip())
            await self._clean_up(running, interrupted=error.code in _INTERRUPTIONS)
            running.end("failed", error.message, Error(error.code, error.message, error.hint))
        except Exception:  # the one place that has to outlive every mistake: it says what became of the task
            _log.exception("Task %s failed", running.task.id)
            await self._clean_up(running)
            mistake = internal(f"{DEEDS[running.task.job][0]} {name}")
            running.end("failed", mistake.message, Error(mistake.code, mistake.message, mistake.hint))
        finally:
            self._turns.leave(running)
            saving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await saving
            # the running one is gone only when the disk has the end of it; a full disk is tried for a while
            for _ in range(3):
                try:
                    await running.save()
                    break
                except OSError as error:
                    _log.warning("The end of task %s was not written: %s", running.task.id, error)
                    await asyncio.sleep(SAVE_INTERVAL_S)
            self._running.pop(running.task.id, None)
        await asyncio.to_thread(self._forget_old)

    def _forget_old(self) -> None:
        """Dismiss what has ended so long ago that nobody is shown it."""
        ended = [task for task in self._history.read_all() if task.ended is not None]
        for task in ended[MOST_ENDED:]:
            self._dismiss(task.id)

    async def _clean_up(self, running: RunningTask, *, interrupted: bool = False) -> None:
        left, running.leftovers = running.leftovers, []
        resumable: list[str] = []
        if not interrupted:
            resumable, running.resumable = running.resumable, []

        def work() -> None:
            claimed = self.claimed() if resumable else set()  # the next task may go on with it already
            self._remove(left + [path for path in resumable if path not in claimed])

        await asyncio.shield(asyncio.to_thread(work))

    def _remove(self, left: list[str]) -> None:
        leftovers.remove(left, self._roots, self._temporary_roots(), self.in_use)

    async def list_tasks(self) -> list[Task]:
        """Return all tasks that have not ended, and the newest that have; newest first."""
        mine = dict(self._running)  # one that ends while the disk is read is told as it ended
        stored = await asyncio.to_thread(self._history.read_all)
        found = {task.id: task for task in stored}
        found |= {task_id: running.task for task_id, running in (mine | self._running).items()}
        tasks = sorted(found.values(), key=lambda task: task.created, reverse=True)
        old = {task.id for task in [task for task in tasks if task.ended is not None][MOST_ENDED:]}
        return [task for task in tasks if task.id not in old]

    async def get(self, task_id: str) -> Task:
        """Return one task.

        Raises
        ------
        ContainerKernelsError
            ``not_found``
        """
        running = self._running.get(task_id)
        task = running.task if running else await asyncio.to_thread(self._history.read, task_id)
        if task is None:
            raise ContainerKernelsError(
                "not_found", "There is no such task.", "It was dismissed, maybe in another tab. Refresh the panel."
            )
        return task

    async def end(self, task_id: str) -> Task:
        """Cancel a task that runs, or dismiss one that has ended.

        Raises
        ------
        ContainerKernelsError
            ``not_found``, ``forbidden``: it runs in another server.
        """
        task = await self.get(task_id)
        running = self._running.get(task_id)
        if running is not None and running.task.ended is not None:
            task, running = await self.wait(task_id), None  # its end is being written
        if running is None:
            if task.state in ("running", "cancelling"):
                raise ContainerKernelsError(
                    "forbidden",
                    f"Another Jupyter server or terminal of yours is {DEEDS[task.job][0]} {task.display_name}.",
                    "Cancel it there.",
                )
            await asyncio.to_thread(self._dismiss, task_id)
            return task
        if running.work is not None and task.state == "running":
            running.update(state="cancelling", message="Cancelling")
            running.work.cancel()
        return running.task

    async def log(self, task_id: str, offset: int) -> LogChunk:
        """Return a piece of a task's log from a byte offset."""
        await self.get(task_id)
        return await asyncio.to_thread(read_log, self.directory(task_id) / "log", offset)

    async def wait(self, task_id: str) -> Task:
        """Return a task of this process when it has ended."""
        running = self._running.get(task_id)
        if running is not None and running.ending is not None:
            await asyncio.shield(running.ending)
            return running.task
        return await self.get(task_id)

    async def stop(self, *, interrupt: bool = False) -> None:
        """Cancel everything that runs and wait for it.

        Parameters
        ----------
        interrupt : bool
            Nobody wants it to end, as when a session is over: what was downloaded is kept for the next try.
        """
        self._is_interrupted = interrupt
        running = list(self._running.values())
        for each in running:
            if each.work is not None:
                each.work.cancel()
        await asyncio.gather(*(each.ending for each in running if each.ending is not None), return_exceptions=True)

    def _dismiss(self, task_id: str) -> None:
        with contextlib.suppress(OSError, dacite.DaciteError):
            stored = dacite.from_dict(StoredTask, paths.read_json(self.directory(task_id) / "task.json") or {})
            image = stored.task.request.image
            for each in list(self._running.values()):
                if each.task.request.image == image:  # the next try, which has not come so far yet
                    each.resumable += [path for path in stored.resumable if path not in each.resumable]
            claimed = self.claimed() | promised(self._roots.tasks, task_id) if stored.resumable else set()
            self._remove([path for path in stored.resumable if path not in claimed])
        with contextlib.suppress(ContainerKernelsError):
            paths.remove_marked(self.directory(task_id), self._roots.tasks)


def _busy_elsewhere(display_name: str) -> ContainerKernelsError:
    return ContainerKernelsError(
        "slug_taken",
        f"Another Jupyter server or terminal of yours is mending, changing or checking {display_name}.",
        "Wait until that has ended, or cancel it there.",
    )


def _not_writable(path: Path, error: OSError) -> ContainerKernelsError:
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return ContainerKernelsError("disk_full", f"There is no room left for {path}.", "Free some room and try again.")
    return ContainerKernelsError("internal", f"{path} cannot be written: {error.strerror}.", "Check its permissions.")
