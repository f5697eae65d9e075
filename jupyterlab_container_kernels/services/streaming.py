"""Fetches an image by our own worker, which makes the SIF from the layers in one stream."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from ..acquire.filetree import NotUnderstood
from ..errors import STATUS, ContainerKernelsError
from ..runtimes.base import FoundRuntime
from ..system import machine, paths, process
from . import proofs
from .resolution import Resolved
from .room import STORED_FACTOR, STREAMED_FACTOR
from .running_task import RunningTask
from .session import SessionService
from .store import layers_in, stored_path

_WORKER = "jupyterlab_container_kernels.acquire.worker"


def spool_name(store: Path, digest: str) -> str:
    """Return the name of the directory that holds the layers of an image while it is fetched."""
    return f"spool-{os.getuid()}-{stored_path(store, digest).stem}"


async def fetch(
    session: SessionService, running: RunningTask, resolved: Resolved, runtime: FoundRuntime, target: Path
) -> None:
    """Make the SIF of an image that its registry describes.

    An interrupted fetch goes on in the next task, with the layers that this one has left in its spool.

    Raises
    ------
    NotUnderstood
        The runtime has to pull the image. The target may be there.
    ContainerKernelsError
        ``disk_full``, ``registry_unreachable``, ``timed_out`` and whatever else the worker says.
    """
    spool = await _spool(session, running, resolved, target.parent)
    try:
        await _make(session, running, resolved, runtime, target, spool)
    except NotUnderstood:
        await _drop(session, running, spool)
        raise
    await _drop(session, running, spool)


async def _make(
    session: SessionService,
    running: RunningTask,
    resolved: Resolved,
    runtime: FoundRuntime,
    target: Path,
    spool: Path,
) -> None:
    manifest = resolved.manifest
    assert manifest is not None  # noqa: S101 (whoever calls has looked)
    job = {
        "reference": str(resolved.reference.pinned(manifest.digest)),
        "architecture": machine.architecture(),
        "runtime": runtime.path,
        "target": str(target),
        "spool": str(spool),
        "compression": await proofs.compression(session, runtime, spool),
        # also where a mirror has answered by now, for it may be gone by then
        "insecure": resolved.insecure or resolved.reference.registry in session.settings.insecure_registries,
        "timeout_s": session.settings.registry_timeout_s,
        "layers": await _layers(session, running, target),
    }
    running.say(f"Compressed with {job['compression']}.")
    # in a file, for everybody may read a command line
    file = spool / "job.json"
    await asyncio.to_thread(paths.write_private, file, json.dumps(job))
    heard = _Heard(running)
    environment = runtime.difference.applied(os.environ)
    command = process.Command([sys.executable, "-m", _WORKER, str(file)], environment)
    finished = await process.run(command, timeout_s=session.settings.pull_timeout_s, on_line=heard.line)
    heard.check(finished)
    if heard.last.get("digest") != manifest.digest:
        raise NotUnderstood("another image came than was looked for")
    running.update(message="Starting the image once", progress=None)
    if why := await proofs.why_not(session, runtime, target):
        raise NotUnderstood(f"what was made does not start ({why})")


async def _layers(session: SessionService, running: RunningTask, target: Path) -> str | None:
    """Return the directory in which layers are kept, made if it is not there, or ``None`` if they are not."""
    store = session.roots.images
    if not session.settings.keep_layers or target.parent != store:  # a folder that is chosen gets its image alone
        return None
    folder = layers_in(store)
    try:
        await asyncio.to_thread(_open_layers, folder)
    except OSError as error:
        running.say(f"The layers are not kept in {folder}: {error.strerror}.")
        return None
    return str(folder)


def _open_layers(folder: Path) -> None:
    try:
        paths.make_marked(folder)
    except FileExistsError:
        if paths.is_ours(folder, folder.parent):
            return
        if not paths.remove_begun(folder, folder.parent):  # what a kill has left; what holds anything is not ours
            raise
        paths.make_marked(folder)


class _Heard:
    """What the worker says: lines of JSON for us, and whatever else for the log."""

    def __init__(self, running: RunningTask) -> None:
        self._running = running
        #: The last event.
        self.last: dict[str, Any] = {}

    def line(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or "event" not in event:
            self._running.say(line)
            return
        self.last = event
        if event["event"] == "progress":
            done, total = int(event["done_bytes"]), int(event["total_bytes"])
            self._running.progress(done, total)
            if done >= total:
                self._running.update(message="Writing the image file", progress=None)

    def check(self, finished: process.Finished) -> None:
        """Raise unless the worker has said that it is done."""
        event = self.last.get("event")
        if finished.returncode == 0 and event == "done":
            return
        if event == "not_understood":
            raise NotUnderstood(str(self.last.get("reason")))
        if event == "failed" and self.last.get("code") in STATUS and self.last["code"] != "internal":
            raise ContainerKernelsError(self.last["code"], self.last["message"], self.last["hint"])
        if finished.returncode > 128:
            raise ContainerKernelsError(
                "runtime_failed",
                "The process that makes the image was killed; most probably the memory of this session was not enough.",
                "Start a session with more memory and try again.",
            )
        said = (line for line in reversed(finished.output.splitlines()) if line and not line.startswith("{"))
        mistake = self.last.get("message") or next(said, "it said nothing")
        raise NotUnderstood(f"our own way ended with a mistake of ours: {mistake}")


async def _spool(session: SessionService, running: RunningTask, resolved: Resolved, store: Path) -> Path:
    """Return the directory for the layers, with those that an earlier try has left.

    It lies in the store, so that another node goes on with it too, and because ``/tmp`` may be memory.
    """
    assert resolved.manifest is not None  # noqa: S101
    needed = int(resolved.manifest.download_bytes * (STORED_FACTOR + STREAMED_FACTOR))
    free, _ = await session.room(store)
    parent = store
    if session.settings.temporary_dir is not None:
        parent = session.settings.temporary_dir
    elif free is not None and free < needed:
        parent = await session.temporary_dir(resolved.manifest.download_bytes)
    spool = parent / spool_name(store, resolved.manifest.digest)
    await asyncio.to_thread(paths.make_private, parent)
    if not await asyncio.to_thread(_is_mine, spool, parent):
        spool = await asyncio.to_thread(paths.unused, spool)
    await running.may_resume(spool)
    if not await asyncio.to_thread(spool.exists):
        await asyncio.to_thread(paths.make_marked, spool)
    return spool


def _is_mine(directory: Path, parent: Path) -> bool:
    """Tell whether a directory was made by us; others may write beside it."""
    try:
        status = directory.lstat()
    except OSError:
        return False
    private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return private and paths.is_ours(directory, parent)


async def _drop(session: SessionService, running: RunningTask, spool: Path) -> None:
    await asyncio.to_thread(paths.remove_marked, spool, session.roots.images, spool.parent)
    running.keeps(spool)
