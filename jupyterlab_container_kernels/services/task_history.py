"""The tasks on disk, of this server and of all others: read quickly, and ended where nobody is at them any more."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path

import dacite

from ..models import Error, Job, Task, now
from ..system import paths
from ..system.paths import Roots
from . import image_lock, sets, shared_places
from .task_files import StoredTask, alive, write

#: So many tasks that have ended are kept and listed, the newest.
MOST_ENDED = 100
#: A directory that has been without a task for so long was left by a server that was killed right then, in seconds.
_BEGUN_S = 300.0

#: What a task is doing, and what it has done in the end.
DEEDS: dict[Job, tuple[str, str]] = {
    "add": ("adding", "added"),
    "repair": ("mending", "mended"),
    "edit": ("changing", "changed"),
    "duplicate": ("making", "made"),
    "check": ("checking", "checked"),
    "share": ("sharing", "shared"),
}


class TaskHistory:
    """What is read of tasks on disk. All methods read the file system: call them in a thread.

    Parameters
    ----------
    roots : Roots
    mine : container of str
        The ids of tasks that this process is at work with, at any moment.
    remove : callable
        Removes what a task left behind.
    """

    def __init__(self, roots: Roots, mine: Container[str], remove: Callable[[list[str]], None]) -> None:
        self._roots = roots
        self._mine = mine
        self._remove = remove
        #: Those that have ended, with inode, time and size of the file: a list of them is asked for once a second.
        self._ended: dict[str, tuple[tuple[int, int, int], Task]] = {}

    def directory(self, task_id: str) -> Path:
        """Return where a task is kept."""
        return self._roots.tasks / task_id

    def read_all(self) -> list[Task]:
        """Return all tasks on disk, newest first. One that cannot be read hides no other."""
        try:
            names = [entry.name for entry in os.scandir(self._roots.tasks) if re.fullmatch(r"[0-9a-f]{32}", entry.name)]
        except OSError:
            return []
        for gone in self._ended.keys() - set(names):
            self._ended.pop(gone, None)
        tasks = [task for task in map(self.read, names) if task]
        return sorted(tasks, key=lambda task: task.created, reverse=True)

    def read(self, task_id: str) -> Task | None:
        """Return a task; if nobody is at it any more, say so on disk and remove what it left."""
        path = self.directory(task_id) / "task.json"
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            known = self._ended.get(task_id)
            if known is not None and known[0] == stamp:
                return known[1]
            stored = dacite.from_dict(StoredTask, paths.read_json(path) or {})
        except FileNotFoundError:
            self._forget_begun(path.parent)
            return None
        except (OSError, dacite.DaciteError):
            return None
        if stored.task.ended is not None:
            self._ended[task_id] = (stamp, stored.task)
        elif task_id not in self._mine and not stored.owner.is_alive(time.time() - status.st_mtime):
            return self._interrupt(stored)
        return stored.task

    def _forget_begun(self, directory: Path) -> None:
        """Remove a directory of a task that never came to be."""
        with contextlib.suppress(OSError):
            if directory.name not in self._mine and time.time() - directory.stat().st_mtime > _BEGUN_S:
                paths.remove_begun(directory, self._roots.tasks)

    def _interrupt(self, stored: StoredTask) -> Task:
        """Say what became of a task whose owner is gone, and remove what it left."""
        task = stored.task
        # of a name that two servers wanted at once, one has noted what the other one made
        claimed = {path for other in alive(self._roots.tasks, {task.id}) for path in other.leftovers}
        leftovers = [path for path in stored.leftovers if path not in claimed]
        if self._was_published(task):
            # its packages and its log are the kernel's now, unless it is shared: then they lie elsewhere
            kept = () if task.share else (self._roots.packages, self._roots.logs)
            self._remove([each for each in leftovers if Path(each).parent not in kept])
            became = f"shared from {task.share.directory}" if task.share else "ready"
            ended = replace(task, state="done", message=f"{task.display_name} is {became}", phase=None)
        else:
            self._remove(leftovers)
            sets.remove_free_locks(self._roots)
            if stored.image is not None:
                with contextlib.suppress(OSError):
                    image_lock.remove_begun(Path(stored.image))
            error = interruption(task, stored.resumable)
            phases = [replace(each, state="failed") if each.state == "running" else each for each in task.phases]
            ended = replace(task, state="interrupted", message=error.message, error=error, phases=phases)
        ended = replace(ended, seq=task.seq + 1, progress=None, ended=now())
        with contextlib.suppress(OSError):
            write(self.directory(task.id), replace(stored, task=ended, leftovers=[]), "")
        return ended

    def _was_published(self, task: Task) -> bool:
        """Tell whether a task got as far as the kernel, which says by which task it was made."""
        kernels = shared_places.path_of(task.share.directory) / shared_places.KERNELS if task.share else None
        spec = paths.read_json((kernels or self._roots.kernels) / task.slug / "kernel.json")
        try:
            return bool(spec["metadata"]["container_kernels"]["task"] == task.id)
        except (TypeError, KeyError):
            return False


def interruption(task: Task, resumable: list[str]) -> Error:
    """Say what became of a task whose server has ended; reads the file system."""
    return Error(
        "interrupted",
        f"{task.display_name} was not {DEEDS[task.job][1]}: the Jupyter server ended while it was at work.",
        "What was downloaded is kept. Click Continue to go on."
        if any(map(os.path.lexists, resumable))
        else "Nothing was left behind. Click Continue to start again.",
    )
