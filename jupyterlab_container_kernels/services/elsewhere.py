"""Has an image brought where it is allowed: by a Slurm job, or by a line that the user runs on a login node.

Either runs ``jupyter container-kernels pull`` for an order (:mod:`.orders`), whose task is shown here as if it were
ours. What it says is not believed: the image is looked at when it is in the store, as any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from pathlib import Path

from .. import __version__
from ..diagnosis import explain
from ..errors import STATUS, ContainerKernelsError
from ..models import PullWay, Task
from ..system import paths, slurm_jobs
from ..system.kernelspecs import ImageRecord
from ..system.paths import Roots
from ..system.scripts import fill
from . import image_lock
from .orders import Order, OrderFolder
from .resolution import ResolutionService, Resolved
from .running_task import RunningTask
from .session import SessionService
from .task_files import read_log
from .tasks import TaskService

_LOOK_S = 1.0
#: How often Slurm is asked for a job, at most; it serves everybody.
_ASK_S = 5.0
#: A task that runs changes at least this often (its heartbeat); one that is silent may have lost its job.
_SILENCE_S = 20.0
#: How long what is written elsewhere may take to be seen on this node (nfs(5), acdirmax), if all went well.
_ARRIVAL_S, _LAST_WORDS_S = 75.0, 5.0
#: How long whoever brings the image has to clean up when nobody wants it any more.
_FAREWELL_S = 20.0
#: How long whoever has brought the image has to say so in its task, which goes with the order.
_END_S = 5.0


async def look_up(resolution: ResolutionService, image: str, way: PullWay, *, shown: bool = False) -> Resolved:
    """Find out what a reference stands for; a registry that cannot be reached from here is asked by whoever pulls.

    ``shown`` is that of :meth:`.ResolutionService.look_up`.

    Raises
    ------
    ContainerKernelsError
        As :meth:`.ResolutionService.look_up`.
    """
    try:
        return await resolution.look_up(image, shown=shown)
    except ContainerKernelsError as error:
        if way == "here" or error.code not in ("registry_unreachable", "timed_out"):
            raise
        return Resolved(image, resolution.parse(image))


async def fetch(session: SessionService, running: RunningTask, order: Order, way: PullWay) -> ImageRecord:
    """Have an image brought into its store, or found there, and return what is said of it.

    Tasks of any process that want the same one wait for each other, and take what came for the first.

    Parameters
    ----------
    order : Order
        What is wanted.
    way : {"job", "login"}

    Raises
    ------
    ContainerKernelsError
        What went wrong there; ``runtime_failed``: the order cannot be written, Slurm does not take the job, or it ended
        without the image; ``disk_full``; ``timed_out``: the job has reached its time limit, and the next try goes on.
    """
    folder = OrderFolder.of(session.roots, order.image)
    try:
        return await _fetch(session, running, order, folder, _JobPull if way == "job" else _LoginPull)
    except OSError as error:
        raise _not_written(order, folder, error) from error


async def _fetch(
    session: SessionService, running: RunningTask, order: Order, folder: OrderFolder, pull: type[_Pull]
) -> ImageRecord:
    lock = image_lock.lock_path(session.roots.staging, f"sha256:{folder.path.name}")
    await asyncio.to_thread(paths.make_private, session.roots.staging)
    await running.owns(lock)
    await running.may_resume(folder.path)  # before it waits, so that what comes for another is left for it

    def waiting() -> None:
        running.update(message="Waiting for another task of yours, which has the same image pulled")

    # a job may wait for hours, and takes nothing of this session; nobody waits for a turn while holding the lock
    async with running.aside(), image_lock.held(lock, lambda: False, waiting):
        await asyncio.to_thread(folder.place, order)
        brought = await pull(session, running, folder, order.image).wait()
        if not await running.others_claim(folder.path):
            await asyncio.to_thread(paths.remove_marked, folder.path, session.roots.staging)
        running.keeps(folder.path)
        await running.save()  # before the next one asks the same
    running.keeps(lock)
    return brought


def _not_written(order: Order, folder: OrderFolder, error: OSError) -> ContainerKernelsError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return explain(str(error), f"ordering {order.image}", "disk_full")
    where = Path(error.filename).parent if error.filename else folder.path
    return ContainerKernelsError(
        "runtime_failed", f"{order.image} cannot be ordered: {where} cannot be written ({error.strerror}).",
        "Check that you may write there, or pull the image in another way.",
    )  # fmt: skip


class _Pull:
    """Watches an order until it is fulfilled."""

    def __init__(self, session: SessionService, running: RunningTask, folder: OrderFolder, image: str) -> None:
        self._session = session
        self._running = running
        self._folder = folder
        self._image = image
        roots = Roots(folder.path, session.roots.images, session.roots.packages, folder.tasks.parent)
        self._theirs = TaskService(roots, session.temporary_candidates)
        #: Tasks of earlier tries, which have ended without the image.
        self._past: set[str] = set()
        self._shown: tuple[str, int, int] = ("", 0, 0)
        self._heard = time.monotonic()
        #: Since when it is told that the image is there.
        self._told = 0.0

    async def wait(self) -> ImageRecord:
        """Return what is said of the image when it is there."""
        try:
            if (image := await self._arrived()) is None:
                self._past = {task.id for task in await self._theirs.list_tasks() if task.ended}
                await self.begin()
                while (image := await self._arrived()) is None:
                    await self.look(await self._latest())
                    await asyncio.sleep(_LOOK_S)
            self._running.update(command=None, progress=None)
            await self._ending(_END_S)
            return image
        except asyncio.CancelledError:
            if self._running.task.state == "cancelling":
                await self._withdraw()
            raise

    async def begin(self) -> None:
        """Set it going, unless it still goes."""
        raise NotImplementedError

    async def look(self, task: Task | None) -> None:
        """Tell how far it is; raises when it has ended badly."""
        raise NotImplementedError

    async def end(self) -> None:
        """End it, for nobody wants it."""

    async def _arrived(self) -> ImageRecord | None:
        """Return what came, when it is seen on this node, too, or was waited for long enough."""
        image = await asyncio.to_thread(self._folder.image)
        if image is None or await asyncio.to_thread(Path(image.path).exists):
            return image
        self._told = self._told or time.monotonic()
        return image if time.monotonic() - self._told > _ARRIVAL_S else None

    async def _latest(self) -> Task | None:
        tasks = [task for task in await self._theirs.list_tasks() if task.id not in self._past]
        return tasks[0] if tasks else None

    async def _show(self, task: Task) -> None:
        """Let our task say what that one says."""
        task_id, seq, offset = self._shown if self._shown[0] == task.id else (task.id, 0, 0)
        if task.seq == seq:
            return
        self._heard = time.monotonic()
        while offset < task.log_bytes:
            chunk = await asyncio.to_thread(read_log, self._folder.tasks / task.id / "log", offset)
            if chunk.next_offset == offset:
                break
            for line in chunk.text.splitlines():
                self._running.say(line)
            offset = chunk.next_offset
        self._shown = (task_id, task.seq, offset)
        self._running.update(message=task.message, progress=task.progress, command=None)

    def _fail(self, task: Task, where: str) -> ContainerKernelsError:
        error = task.error
        if error is None or error.code not in STATUS:
            return ContainerKernelsError("runtime_failed", f"The image was not pulled {where}: {task.message}.")
        return ContainerKernelsError(error.code, f"{error.message} (This was {where}.)", error.hint)

    async def _withdraw(self) -> None:
        """Have it ended, and what it has left removed."""

        async def tell() -> None:
            await asyncio.to_thread(self._folder.withdraw)

        for step in (tell, self.end):
            try:
                await step()
            except (ContainerKernelsError, OSError) as error:  # whatever it was, the other step may still end it
                self._running.say(f"{error} It ends by itself.")
        tasks = await self._ending(_FAREWELL_S)
        if not all(task.ended for task in tasks):
            self._running.say("Whoever pulls it has not ended yet; it ends by itself.")
        for task in tasks:
            if task.ended:
                await self._theirs.end(task.id)  # with what it has kept for another try

    async def _ending(self, within_s: float) -> list[Task]:
        """Return the tasks of whoever brings it when all have ended, or after that time."""
        until = time.monotonic() + within_s
        while True:
            tasks = await self._theirs.list_tasks()
            if all(task.ended for task in tasks) or time.monotonic() > until:
                return tasks
            await asyncio.sleep(_LOOK_S / 4)


class _LoginPull(_Pull):
    """By a line that the user runs on a login node."""

    async def begin(self) -> None:
        await self._ask("Waiting for you to run this line in a terminal of a login node")

    async def _ask(self, message: str) -> None:
        self._running.say(f"{message}:")
        self._running.say(self._folder.line(self._image))
        self._running.update(message=message, command=self._folder.line(self._image), progress=None)

    async def look(self, task: Task | None) -> None:
        if task is None:
            return
        if task.state in ("cancelled", "interrupted"):
            self._past.add(task.id)
            await self._ask("It was stopped there. Run the line again, and it goes on")
        elif task.error is not None:
            raise self._fail(task, "on the login node")
        else:
            await self._show(task)


class _JobPull(_Pull):
    """By a job of Slurm."""

    _job = ""
    _asked = float("-inf")
    #: Since when Slurm no longer knows it as one that waits or runs.
    _gone: float | None = None

    async def begin(self) -> None:
        state = await slurm_jobs.queued(self._folder.name, os.environ)
        if state is not None:
            self._job = state.id
            self._running.say(f"Slurm job {state.id} of an earlier try is still there.")
            return
        script = self._folder.path / "job.sh"
        text = fill("pull-job.sh.j2", version=__version__, folder=self._folder.path,
                    command=self._folder.command(self._image))  # fmt: skip
        await asyncio.to_thread(paths.write_private, script, text, 0o700)
        options = self._session.settings.pull_job_options
        self._job = await slurm_jobs.submit(script, self._folder.name, self._folder.log, options, os.environ)
        self._running.say(f"Slurm job {self._job} was submitted.")
        self._running.update(message=f"Slurm job {self._job} waits in the queue", progress=None)

    async def look(self, task: Task | None) -> None:
        if task is not None and not task.ended:
            await self._show(task)
            if time.monotonic() - self._heard < _SILENCE_S:
                return
        if task is not None and task.state in ("failed", "done"):
            if task.state == "failed":
                raise self._fail(task, f"in Slurm job {self._job}")
            return
        if time.monotonic() - self._asked < _ASK_S:
            return
        if self._gone is None:
            await self._ask()
        if self._gone is not None:
            await self._ask_for_end(task, self._gone)
        self._asked = time.monotonic()

    async def _ask(self) -> None:
        try:
            state = await slurm_jobs.queued(self._folder.name, os.environ)
        except ContainerKernelsError as error:  # nobody knows, so it may well go on
            self._running.update(message=f"Slurm job {self._job}: {error.message}")
            return
        if state is None:
            self._gone = time.monotonic()
            return
        self._job = state.id
        if state.is_stuck:
            message = f"Slurm job {state.id} waits, and may never start as it is: {state.reason}"
        elif state.waits:
            message = f"Slurm job {state.id} waits in the queue: {state.reason or state.state.lower()}"
        else:
            message = f"Slurm job {state.id} starts"
        if self._shown[1] == 0 and message != self._running.task.message:
            self._running.say(message)
            self._running.update(message=message)

    async def _ask_for_end(self, task: Task | None, gone: float) -> None:
        """Ask how a job ended that the queue does not show; raises when nothing more can come of it."""
        state = await slurm_jobs.ended(self._job, os.environ)
        if state is not None and state.is_alive:  # the queue was wrong
            self._gone = None
            return
        went_well = state is None or state.state == "COMPLETED"
        if time.monotonic() - gone > (_ARRIVAL_S if went_well else _LAST_WORDS_S):
            await self._forsake(task)
            raise await asyncio.to_thread(self._why, state)

    async def _forsake(self, task: Task | None) -> None:
        """Have what a killed job has left removed; of a process on another node only its silence is known."""
        if task is None or task.ended:
            return

        def silence() -> None:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._folder.tasks / task.id / "task.json", (0, 0))

        await asyncio.to_thread(silence)
        await self._theirs.list_tasks()

    def _why(self, state: slurm_jobs.JobState | None) -> ContainerKernelsError:
        """Say why a job ended without the image; reads its log."""
        named = f"Slurm job {self._job}"
        if state is None:
            return ContainerKernelsError(
                "runtime_failed", f"{named} is gone, and the image is not there.", "Retry submits another one."
            )
        if state.state == "TIMEOUT":
            return ContainerKernelsError(
                "timed_out", f"{named} reached its time limit before the image was there.",
                "What was downloaded is kept: Retry goes on. Your site can give such jobs more time.",
            )  # fmt: skip
        if state.state == "OUT_OF_MEMORY":
            return ContainerKernelsError(
                "runtime_failed", f"{named} was killed: it needed more memory than it had.",
                "Ask your site to give such jobs more memory (ContainerKernelsApp.pull_job_options).",
            )  # fmt: skip
        if state.state == "CANCELLED":
            return ContainerKernelsError(
                "runtime_failed", f"{named} was cancelled before the image was there.", "Retry submits another one."
            )
        said = [line for line in read_log(self._folder.log, 0).text.splitlines() if line.strip()]
        for line in said[-20:]:
            self._running.say(line)
        why = said[-1] if said else f"{state.state.lower().replace('_', ' ')}, {state.reason}"
        return ContainerKernelsError(
            "runtime_failed", f"{named} ended without the image: {why}", "Its log holds more. Pull it in another way."
        )

    async def end(self) -> None:
        state = await slurm_jobs.queued(self._folder.name, os.environ)
        if state is None:
            return
        await slurm_jobs.cancel(state.id, os.environ)
        for _ in range(int(_FAREWELL_S / _LOOK_S)):
            if await slurm_jobs.queued(self._folder.name, os.environ) is None:
                return
            await asyncio.sleep(_LOOK_S)
