"""What of this node and this session matters to containers, and what it means for the user.

Each finding is looked for by itself, all at the same time, within its time: one that does not answer is *unknown*.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

from .. import __version__
from ..errors import ContainerKernelsError
from ..models import Diagnostics, DiskRoom, Finding, FindingArea, FindingState, now
from ..system import machine, node, process
from . import report
from .session import SessionService

_Value = TypeVar("_Value")

_log = logging.getLogger(__name__)

#: How long a look may take beside the search for the runtime, which has a time of its own, in seconds.
_TIMEOUT_S = 12.0
#: How long one question of a look may take.
_ASK_TIMEOUT_S = 4.0
#: Too little for an image of a few GB and what it takes to make it.
_LITTLE_ROOM_BYTES = 5_000_000_000
_LITTLE_TIME_S = 30 * 60
_GB = 1e9
#: Variables that move folders.
_FOLDER = re.compile(r"(JUPYTER|XDG)_\w+_(DIR|HOME|PATH)|PYTHONNOUSERSITE|TMPDIR|APPTAINER_(CACHE|TMP)DIR")
_SUPPORT = "Ask your site's support."
_RUNGS = {
    "configured": "as configured",
    "path": "on PATH",
    "module": "as a module",
    "profile": "by a shell",
    "login": "by your login shell",
    "usual": "in usual folders",
}


@dataclass(frozen=True)
class _Found:
    """What one look has to say."""

    state: FindingState
    found: str
    meaning: str = ""
    action: str = ""


class DiagnosticsService:
    """Looks at everything and explains it."""

    def __init__(self, session: SessionService) -> None:
        self._session = session

    async def get(self) -> Diagnostics:
        """Return all findings. Never raises for what it finds."""
        libexec = asyncio.ensure_future(self._libexec())
        home = asyncio.ensure_future(self._ask("home", lambda: Path.home().resolve(strict=True)))
        looks: list[tuple[FindingArea, str, Awaitable[_Found]]] = [
            ("software", "Versions", self._versions()),
            ("software", "Site policy", self._policy()),
            ("runtime", "Container runtime", self._runtime()),
            ("runtime", "Start without root", self._privileges(libexec)),
            ("node", "Mounting images", self._mounting(libexec)),
            ("node", "GPU", self._gpu()),
            ("session", "Slurm job", self._job()),
            ("disks", "Room for kernels, images and packages", self._disks()),
            ("disks", "Temporary files", self._temporary()),
            ("folders", "Home directory", self._home(home)),
            ("folders", "Jupyter's folders", self._jupyter_dirs()),
            ("folders", "File permissions", self._umask()),
        ]
        timeout_s = self._session.ladder.wait_s + _TIMEOUT_S
        homes = {str(Path.home())}
        try:
            findings = await asyncio.gather(*(_look(*each, timeout_s) for each in looks))
            findings = [replace(each, action=each.action.replace(_SUPPORT, self._support)) for each in findings]
            with contextlib.suppress(TimeoutError, OSError):
                homes.add(str(await home))
        finally:
            libexec.cancel()  # each look has had its time
            home.cancel()
        created = now()
        return Diagnostics(created, findings, report.write(created, findings, homes))

    @property
    def _support(self) -> str:
        return self._session.policy.support

    # ---- software, runtime

    async def _policy(self) -> _Found:
        """What the site says, as far as it can be understood."""
        policy = self._session.settings.policy
        if policy.path is None and not policy.problems:
            return _Found("ok", "none", "Your site sets no rules for images and offers none.")
        lines = [f"{policy.path}", *map(str, policy.problems)]
        closed = [each for each in policy.problems if each.closes]
        if closed:
            meaning = "It is wrong where it says which images may be added, so only those of its catalogue can be."
            return _Found("problem", "\n".join(lines), meaning, f"An administrator has to mend it. {_SUPPORT}")
        if policy.problems:
            meaning = "What is wrong in it does not hold; all else does."
            return _Found("warning", "\n".join(lines), meaning, f"An administrator has to mend it. {_SUPPORT}")
        return _Found("ok", "\n".join(lines), f"For help: {self._support}")

    async def _versions(self) -> _Found:
        names = ("jupyterlab", "notebook", "jupyter_server", "jupyter_client")
        versions = await asyncio.to_thread(lambda: [(name, _version(name)) for name in names])
        lines = [f"Container Kernels {__version__}", *(f"{name} {number}" for name, number in versions if number)]
        system = f"Linux {platform.release()}, {machine.architecture()}"
        return _Found("ok", "\n".join([*lines, f"Python {platform.python_version()}", system]))

    async def _libexec(self) -> list[Path]:
        """Return where the runtime has its own programs, if there is a runtime and it tells."""
        try:
            found = await self._session.ladder.find()
            command = process.Command([found.path, "buildcfg", "LIBEXECDIR"], found.difference.applied(os.environ))
            told = (await process.run(command, timeout_s=_ASK_TIMEOUT_S)).output.strip().rpartition("=")[2]
        except (ContainerKernelsError, OSError):
            return []
        return [Path(told)] if told.startswith("/") else []

    async def _starter(self, libexec: asyncio.Future[list[Path]]) -> Path | None:
        folders = await asyncio.shield(libexec)
        return await self._ask("starter", lambda: node.setuid_starter(folders))

    async def _mounter(self, libexec: asyncio.Future[list[Path]]) -> str | None:
        folders = await asyncio.shield(libexec)
        return await self._ask("mounter", lambda: node.image_mounter(folders))

    async def _runtime(self) -> _Found:
        error: ContainerKernelsError | None = None
        try:
            found = await self._session.ladder.find()
        except ContainerKernelsError as refused:
            error = refused
        lines = [f"{_RUNGS[step.rung]}: {step.text}" for step in self._session.ladder.steps]
        if error is not None:
            state: FindingState = "unknown" if error.code == "timed_out" else "problem"
            meaning = f"{error.message} No kernel can be added, and none starts, unless it is found."
            return _Found(state, "\n".join(lines or [error.message]), meaning, error.hint)
        return _Found("ok", "\n".join(lines), f"Kernels run with {found.title} {found.version_text}.")

    async def _privileges(self, libexec: asyncio.Future[list[Path]]) -> _Found:
        """User namespaces, or a starter that runs as root: without one of them no container starts."""
        starter, switches = await asyncio.gather(self._starter(libexec), self._ask("switches", node.switches))
        lines = [f"{each.name} = {each.value}" for each in switches]
        text = "\n".join([*lines, f"starter with root's rights: {starter or 'none'}"])
        forbidding = [each.name for each in switches if each.forbids]
        if not forbidding:
            return _Found("ok", text, "Containers start in a user namespace of yours.")
        named = " and ".join(forbidding)
        if starter:
            return _Found("ok", text, f"{named} forbids user namespaces; the starter does without.")
        if all(each.startswith("kernel.apparmor") for each in forbidding):
            meaning = f"With {named}, containers start only if AppArmor has a profile for the runtime."
            return _Found("warning", text, meaning, f"If kernels do not start: {_SUPPORT}")
        return _Found("problem", text, f"{named} forbids containers without root on this node.", _SUPPORT)

    # ---- the node

    async def _mounting(self, libexec: asyncio.Future[list[Path]]) -> _Found:
        """FUSE and the program that mounts images with it."""

        def look_at_fuse() -> tuple[bool, str]:
            try:
                may_use = node.may_use_fuse()
            except FileNotFoundError:
                return False, "not there"
            return may_use, "you may use it" if may_use else "you may not use it"

        starter, mounter, (may_use, fuse) = await asyncio.gather(
            self._starter(libexec), self._mounter(libexec), self._ask("fuse", look_at_fuse)
        )
        lines = [f"/dev/fuse: {fuse}", f"squashfuse: {mounter or 'not found'}"]
        if mounter:
            reads = await self._ask("compressions", lambda: node.compressions(mounter))
            lines.append(f"it reads images compressed with: {', '.join(reads) if reads else 'unknown'}")
        if starter:
            return _Found("ok", "\n".join(lines), f"Images are mounted by Linux itself ({starter}).")
        if may_use and mounter:
            return _Found("ok", "\n".join(lines), "Images are mounted without being unpacked.")
        missing = "squashfuse" if may_use else "/dev/fuse"
        meaning = f"Without {missing}, each start of a kernel unpacks its whole image first, which takes long."
        return _Found("warning", "\n".join(lines), meaning, f"{_SUPPORT} Small images start sooner.")

    async def _gpu(self) -> _Found:
        gpu = await machine.gpu(os.environ, self._session.patience)
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        lines = [f"{gpu.vendor or 'none'} {', '.join(gpu.names)}".strip()]
        if seen is not None:
            lines.append(f"CUDA_VISIBLE_DEVICES = {seen}")
        if gpu.vendor is None:
            meaning = "No GPU is visible in this session; kernels run without one."
            return _Found("ok", "\n".join(lines), meaning, "Start a session with a GPU if you need one.")
        if gpu.vendor == "nvidia" and not gpu.names:
            meaning = "There is a card, but its driver does not answer (nvidia-smi)."
            return _Found("warning", "\n".join(lines), meaning, _SUPPORT)
        return _Found("ok", "\n".join(lines), "Kernels whose GPU is set to automatic use it.")

    # ---- the session

    async def _job(self) -> _Found:
        job = await self._session.job()
        if job is None:
            return _Found("ok", "none", "This session is no Slurm job; nothing ends it by a time limit of Slurm.")
        left_s = report.seconds_until(job.ends)
        left = "no time limit is known" if left_s is None else f"{report.duration(left_s)} left, until {job.ends}"
        lines = [
            f"job {job.id}: {left}",
            f"{job.memory_bytes / _GB:.1f} GB of memory, {job.cores} core{'s' if job.cores > 1 else ''}",
        ]
        meaning = "When the job ends, kernels end, and what is being added stops."
        if left_s is not None and left_s < _LITTLE_TIME_S:
            action = "Save your notebooks, and start a new session for what takes longer."
            return _Found("warning", "\n".join(lines), meaning, action)
        return _Found("ok", "\n".join(lines), meaning)

    # ---- disks

    async def _disks(self) -> _Found:
        disks = [each for each in await self._session.limited_disks() if each.purpose != "temporary"]
        lines, little, unknown = [], [], []
        for each in disks:
            limit, free = each.quota, each.free_bytes
            if limit:
                left = max(0, limit.limit_bytes - limit.used_bytes)
                free = left if free is None else min(free, left)
            told = f", {limit.used_bytes / _GB:.1f} of your {limit.limit_bytes / _GB:.1f} GB used" if limit else ""
            lines.append(f"{each.purpose}: {each.path}: {_room(each)}{told}")
            if free is None:
                unknown.append(each.path)
            elif free < _LITTLE_ROOM_BYTES:
                little.append(each.path)
        if unknown:
            return _Found("unknown", "\n".join(lines), f"{unknown[0]} does not answer.", f"Try again later. {_SUPPORT}")
        if little:
            meaning = f"There is little room in {little[0]}: a large image does not fit."
            return _Found("warning", "\n".join(lines), meaning, "Free some in Images & space.")
        return _Found("ok", "\n".join(lines))

    async def _temporary(self) -> _Found:
        path = await self._session.temporary_dir(_LITTLE_ROOM_BYTES)
        free, _ = await self._session.room(path)
        told = "does not answer" if free is None else f"{free / _GB:.1f} GB free"
        if free is None:
            return _Found("unknown", f"{path}: {told}", "Pulls may not find room for temporary files.", _SUPPORT)
        if await self._ask("memory", lambda: node.is_memory(path)):
            meaning = "It lies in memory: what a pull writes there counts against the memory of the session."
            return _Found("warning", f"{path}: {told}, in memory", meaning, "Set TMPDIR to a disk, if there is one.")
        if free < _LITTLE_ROOM_BYTES:
            meaning = "There is little room: the pull of a large image may fail."
            return _Found("warning", f"{path}: {told}", meaning, "Set APPTAINER_TMPDIR to a folder with more.")
        return _Found("ok", f"{path}: {told}")

    # ---- folders

    async def _home(self, resolved: asyncio.Future[Path]) -> _Found:
        home, real = Path.home(), await asyncio.shield(resolved)
        if real != home:
            meaning = "Your home directory is a link. Kernels see it under the name that HOME has."
            return _Found("ok", f"{home} → {real}", meaning)
        return _Found("ok", str(home))

    async def _jupyter_dirs(self) -> _Found:
        def look() -> tuple[list[str], list[str]]:
            named = [name for name in sorted(os.environ) if _FOLDER.fullmatch(name)]
            folders = {"data": jupyter_data_dir(), "runtime": jupyter_runtime_dir(), "config": jupyter_config_dir()}
            lines = [f"{purpose}: {path}" for purpose, path in folders.items()]
            lines += [f"{name} = {os.environ[name]}" for name in named]
            closed = [path for path in (folders["data"], folders["runtime"]) if not _may_write(Path(path))]
            return lines, closed

        lines, closed = await self._ask("jupyter", look)
        if closed:
            return _Found("problem", "\n".join(lines), f"You may not write to {closed[0]}.", _SUPPORT)
        return _Found("ok", "\n".join(lines))

    async def _umask(self) -> _Found:
        text = await asyncio.to_thread(Path("/proc/self/status").read_text)
        found = re.search(r"^Umask:\s*(\d+)", text, re.MULTILINE)
        mask = int(found[1], 8) if found else 0o022
        if mask & 0o022 != 0o022:
            meaning = (
                "Others may write to new files of yours. What Container Kernels writes is for you alone all the same."
            )
            return _Found("ok", f"umask {mask:03o}", meaning)
        return _Found("ok", f"umask {mask:03o}")

    async def _ask(self, key: str, question: Callable[[], _Value]) -> _Value:
        return await self._session.patience.ask(("diagnostics", key), question, _ASK_TIMEOUT_S)


async def _look(area: FindingArea, title: str, looking: Awaitable[_Found], timeout_s: float) -> Finding:
    try:
        found = await asyncio.wait_for(looking, timeout_s)
    except (TimeoutError, asyncio.TimeoutError):
        found = _Found(
            "unknown", "no answer in time", "A program or a file system does not answer.", "Try again later."
        )
    except (OSError, ContainerKernelsError) as error:
        found = _Found("unknown", str(error), "", "Try again later.")
    except Exception as error:
        # one look that fails by a mistake of ours must not hide the others, which may be why somebody looks
        _log.exception("Looking at %s failed", title)
        found = _Found("unknown", f"{type(error).__name__}: {error}", "This is a mistake of Container Kernels.")
    return Finding(area, title, found.state, found.found, found.meaning, found.action)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _room(disk: DiskRoom) -> str:
    return "does not answer" if disk.free_bytes is None else f"{disk.free_bytes / _GB:.1f} GB free"


def _may_write(path: Path) -> bool:
    """Tell whether a folder is writable, or can be made."""
    existing = next(each for each in (path, *path.parents) if each.exists())
    return os.access(existing, os.W_OK | os.X_OK)
