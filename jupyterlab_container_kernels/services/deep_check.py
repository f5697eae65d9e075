"""Starts a kernel once as it is, from a copy, and asks its registry whether the tag names another image now."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import KernelStatus, now
from ..system import paths
from ..system.kernelspecs import Spec
from . import check
from .images import ImageService
from .running_task import RunningTask
from .session import SessionService

#: How many kernels are started at the same time when a selection is checked.
MOST_AT_ONCE = 2
#: In the directory of a kernel's log: what the last check found.
FILE = "checked.json"
#: Where a start script says where its log goes.
_LOG_LINE = re.compile(r"^log=.*$", re.MULTILINE)


@dataclass(frozen=True)
class Checked:
    """What a check found: when, whether the kernel works, why not, and what the tag names now (null: nobody knows).

    ``known`` is what a quick look at its files had against it before.
    """

    at: str
    ok: bool
    message: str
    hint: str
    digest: str | None
    known: list[str]


#: A quick look at the kernel's files.
Judge = Callable[[], Awaitable[list[KernelStatus]]]


class DeepCheck:
    """A deep check, as the work of a task."""

    def __init__(
        self,
        session: SessionService,
        images: ImageService,
        spec: Spec,
        updates: bool,
        judge: Judge,
        turn: asyncio.Semaphore,
    ) -> None:
        self._session = session
        self._roots = session.roots
        self._images = images
        self._spec = spec
        self._updates = updates
        self._judge = judge
        self._turn = turn

    async def __call__(self, running: RunningTask) -> None:
        """Check; a kernel that does not work makes the task fail with the reason.

        Raises
        ------
        ContainerKernelsError
            ``timed_out``: a file system that it needs does not answer, so nobody can tell; ``language_missing``:
            nothing here knows its language; what :func:`.check.verify` raises.
        """
        name = self._spec.display_name
        digest = await self._digest(running)
        for phase in ("acquire", "inspect", "install"):
            running.skip(phase, "Nothing is changed.")
        if self._turn.locked():
            running.update(message="Waiting for other checks")
        async with self._turn, running.phase("verify", "Starting the kernel once"):
            known = await self._known()
            try:
                start_s = await self._start(running)
            except check.PortTaken:
                raise  # it tells nothing of the kernel
            except ContainerKernelsError as error:
                await self._note(running, Checked(now(), False, error.message, error.hint, digest, known))
                raise
        running.skip("publish", "Nothing is changed.")
        moved = digest is not None and digest != self._spec.record.image.digest
        running.outcome = f"{name} works{'; its tag names another image now' if moved else ''}"
        said = f"It answers, {start_s:.1f} s after its start."
        await self._note(running, Checked(now(), True, said, "", digest, known))

    async def _known(self) -> list[str]:
        """Return what the quick look calls stale.

        A start that cannot succeed as long as a file system does not answer, and may hang with it, is not tried.
        """
        found = await self._judge()
        for each in found:
            if each.level == "unknown":
                raise ContainerKernelsError("timed_out", each.message, "Check the kernel again when it is back.")
        return [each.message for each in found if each.level == "stale" and each.code != "does_not_start"]

    async def _digest(self, running: RunningTask) -> str | None:
        """Return what the kernel's tag names now, or ``None`` where that cannot be known."""
        source = self._spec.record.image.source
        if not self._updates:
            running.skip("resolve", "Whether there is an update is not asked.")
            return await asyncio.to_thread(self._known_digest)
        async with running.phase("resolve", f"Asking what {source} is now"):
            try:
                manifest = (await self._images.resolution.look_up(source)).manifest
            except ContainerKernelsError as error:
                running.say(f"Whether there is an update is not known: {error.message}")
                return await asyncio.to_thread(self._known_digest)  # what was known before is so still
            if manifest is None:
                running.say("No registry knows whether there is an update.")
                return None
            moved = manifest.digest != self._spec.record.image.digest
            running.say(f"{source} names {'another image' if moved else 'the same image'} now: {manifest.digest}")
            return manifest.digest

    def _known_digest(self) -> str | None:
        before = paths.read_json(Path(self._spec.record.log).parent / FILE)
        digest = before.get("digest") if isinstance(before, dict) else None
        return digest if isinstance(digest, str) else None

    async def _start(self, running: RunningTask) -> float:
        record = self._spec.record
        language = self._session.languages.get(record.language)
        if language is None:
            raise ContainerKernelsError(
                "language_missing",
                f"Nothing here knows kernels of the language {record.language}.",
                "Install the extension of Container Kernels that added it.",
            )
        workspace = self._roots.staging / running.task.id
        await running.owns(workspace)
        staged = await asyncio.to_thread(self._copy, workspace)
        timeout_s = self._session.settings.start_timeout_s
        seen = await check.verify(running, staged, language, workspace / "last-start", timeout_s, record.gpu)
        return seen.start_s

    def _copy(self, workspace: Path) -> Path:
        """Copy the kernel's files as they are; only its log goes elsewhere, so that the one of its own start stays."""
        paths.make_marked(workspace)
        staged = paths.make_private(workspace / "kernels" / self._spec.slug)
        for file in self._spec.resource_dir.iterdir():
            if file.is_file():
                shutil.copyfile(file, staged / file.name)
        script = staged / "init.sh"
        if script.exists():
            line = f"log={shlex.quote(str(workspace / 'last-start'))}"
            text = script.read_text(encoding="utf-8", errors="surrogateescape")
            text = _LOG_LINE.sub(lambda _: line, text, count=1)
            script.write_text(text, encoding="utf-8", errors="surrogateescape")
        return staged

    async def _note(self, running: RunningTask, checked: Checked) -> None:
        """Keep what was found beside the kernel's log, where whoever lists kernels reads it."""
        directory = Path(self._spec.record.log).parent

        def write() -> bool:
            if not paths.is_ours(directory, self._roots.logs):
                return False
            paths.write_private(directory / FILE, json.dumps(asdict(checked), ensure_ascii=False) + "\n")
            return True

        try:
            kept = await asyncio.to_thread(write)
        except OSError as error:
            kept = False
            running.say(f"{directory} cannot be written: {error.strerror}.")
        if not kept:
            running.say("What was found is not kept for the list.")
