"""What this host's runtime can start: an image that was just made, and images of a compression."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from pathlib import Path

from ..acquire.compressors import has_zstd
from ..acquire.filetree import NotUnderstood
from ..acquire.proof import make_nothing
from ..containers import Isolated
from ..diagnosis import last_words
from ..errors import ContainerKernelsError
from ..runtimes.base import FoundRuntime
from ..system import paths, process
from .session import SessionService

_TIMEOUT_S = 120.0
#: A program that every image has, unless it has none; then this is said by the runtime when all is mounted.
_PROGRAM, _NO_PROGRAM = "true", "executable file not found in $PATH"


async def why_not(session: SessionService, runtime: FoundRuntime, image: Path) -> str | None:
    """Start a program in an image and return why that does not work, or ``None``.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``
    """
    command = session.runtimes[runtime.name].run_isolated(runtime, Isolated(image, [_PROGRAM]), os.environ)
    finished = await process.run(command, timeout_s=_TIMEOUT_S)
    if finished.returncode == 0 or _NO_PROGRAM in finished.output:
        return None
    return last_words(finished.output)


async def compression(session: SessionService, runtime: FoundRuntime, directory: Path) -> str:
    """Return what images are compressed with: zstd where this host starts such images, else gzip.

    That is tried once, and tried again when the program or the Linux kernel has changed. A try that did not come to
    its end tells nothing for the next time.

    Parameters
    ----------
    session : SessionService
    runtime : FoundRuntime
    directory : Path
        A directory of the task.

    Raises
    ------
    OSError
        The directory cannot be written.
    """
    if session.settings.squashfs_compression != "auto":
        return session.settings.squashfs_compression
    if not has_zstd():
        return "gzip"
    known = session.roots.state / "zstd.json"
    key = await asyncio.to_thread(_key, runtime)
    answers = await asyncio.to_thread(paths.read_json, known)
    answers = answers if isinstance(answers, dict) else {}
    if not isinstance(answers.get(key), bool):
        starts = await _starts_zstd(session, runtime, directory / "proof")
        if starts is None:
            return "gzip"
        answers[key] = starts
        await asyncio.to_thread(_remember, known, answers)
    return "zstd" if answers[key] else "gzip"


async def _starts_zstd(session: SessionService, runtime: FoundRuntime, directory: Path) -> bool | None:
    """Tell whether such an image starts; ``None`` if it could not be made, or took too long."""
    await asyncio.to_thread(_make_anew, directory)
    try:
        image = await make_nothing(runtime.path, "zstd", directory, runtime.difference.applied(os.environ))
        return await why_not(session, runtime, image) is None
    except (NotUnderstood, ContainerKernelsError):
        return None
    finally:
        await asyncio.shield(asyncio.to_thread(paths.remove_tree, directory))


def _make_anew(directory: Path) -> None:
    if directory.exists():  # left by a try that was killed
        paths.remove_tree(directory)
    directory.mkdir(mode=0o700)


def _remember(known: Path, answers: dict[str, bool]) -> None:
    paths.make_private(known.parent)
    paths.write_private(known, json.dumps(answers, indent=1))


def _key(runtime: FoundRuntime) -> str:
    return f"{runtime.path} {Path(runtime.path).stat().st_mtime_ns} {platform.release()}"
