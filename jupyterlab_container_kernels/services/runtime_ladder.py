"""Finds the container runtime of a session that a site has shaped: what was configured, ``PATH``, modules, shells.

The steps go from what is certain and quick to what is slow and a guess; each has its time, and none is taken again as
long as what it found is there. What each step found is kept for whoever asks why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..errors import ContainerKernelsError
from ..runtimes.base import USUAL_FOLDERS, FoundRuntime, Runtime
from ..settings import Settings
from ..system import machine, modules, process, shells
from ..system.modules import Difference
from ..system.patience import Patience

Rung = Literal["configured", "path", "module", "profile", "login", "usual"]
Outcome = Literal["found", "unusable", "nothing", "unknown"]

#: Names of modules, beside those of the programs.
_MODULES = ("singularity-ce", "singularityce")
_VERSION_TIMEOUT_S = 20.0
_MODULE_TIMEOUT_S, _PROFILE_TIMEOUT_S, _LOGIN_TIMEOUT_S = 8.0, 5.0, 8.0
#: How long whoever asks waits, for a proxy closes what is silent; the search goes on meanwhile.
_WAIT_S = 4.0
#: How long the slow steps are not taken again after they have found nothing.
_PAUSE_S = 60.0


@dataclass(frozen=True)
class Step:
    """What came of one step, in a sentence."""

    rung: Rung
    outcome: Outcome
    text: str


@dataclass(frozen=True)
class _Candidate:
    program: str
    module: str | None = None
    difference: Difference = field(default_factory=Difference)


@dataclass(frozen=True)
class _Tried:
    """What one step has to offer, and what is said if none of it can be used."""

    candidates: Sequence[_Candidate]
    text: str = ""
    outcome: Outcome = "nothing"


class RuntimeLadder:
    """Looks for the runtime, step by step.

    Parameters
    ----------
    settings : Settings
        What the site has configured.
    patience : Patience
        Asks file systems.
    runtimes : mapping of str to Runtime
        Those that are known, best first.
    """

    def __init__(self, settings: Settings, patience: Patience, runtimes: Mapping[str, Runtime]) -> None:
        self._settings = settings
        self._patience = patience
        self._runtimes = runtimes
        self._identified: dict[tuple[str, int], FoundRuntime] = {}
        self._chosen: _Candidate | None = None
        self._steps: list[Step] = []
        self._search: asyncio.Task[FoundRuntime] | None = None
        self._failed_at = -_PAUSE_S
        #: How long whoever asks waits if nothing else is said, in seconds.
        self.wait_s = _WAIT_S

    @property
    def steps(self) -> Sequence[Step]:
        """What came of the last search, in the order in which it went."""
        return tuple(self._steps)

    async def find(self, wait_s: float | None = None) -> FoundRuntime:
        """Return the runtime of this session.

        Parameters
        ----------
        wait_s : float, optional
            How long to wait, in seconds; :attr:`wait_s` by default.

        Raises
        ------
        ContainerKernelsError
            ``runtime_missing``: there is none, with what was looked at; ``timed_out``: the search takes longer.
        """
        if self._search is None or self._search.done():
            self._search = asyncio.ensure_future(self._look())
            self._search.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be nobody's news
        search = self._search
        if not (await asyncio.wait({search}, timeout=self.wait_s if wait_s is None else wait_s))[0]:
            raise ContainerKernelsError(
                "timed_out",
                f"Apptainer is still being looked for on {machine.hostname()}: modules or your shell's start-up files "
                "take long.",
                "Try again in a few seconds.",
            )
        return search.result()

    async def find_quickly(self, runtime: Runtime) -> FoundRuntime | None:
        """Return one certain runtime if it was configured or is on ``PATH``.

        Raises
        ------
        ContainerKernelsError
            ``runtime_missing``: it is too old.
        """
        named = self._settings.runtime_path
        candidates = [_Candidate(named)] if named else (await self._by_path(runtime.programs)).candidates
        for candidate in candidates:
            if found := await self._identify(candidate, [runtime]):
                return found
        return None

    def known_version(self, program: str, mtime_ns: int) -> str | None:
        """Return the version of a program if it was asked since it was changed; nothing is run."""
        found = self._identified.get((program, mtime_ns))
        return found.version_text if found else None

    async def stop(self) -> None:
        """Give up a search that is under way."""
        if self._search is not None:
            self._search.cancel()
            with contextlib.suppress(asyncio.CancelledError, ContainerKernelsError):
                await self._search

    # ---- the search

    async def _look(self) -> FoundRuntime:
        if self._chosen and (found := await self._identify(self._chosen)):
            return found
        self._chosen = None
        return await self._climb()

    async def _climb(self) -> FoundRuntime:
        refusal: ContainerKernelsError | None = None
        paused = time.monotonic() - self._failed_at < _PAUSE_S
        before, self._steps = self._steps, []
        async for rung, tried in self._rungs(quick=paused):
            outcome, text = tried.outcome, tried.text
            for candidate in tried.candidates:
                try:
                    found = await self._identify(candidate)
                except ContainerKernelsError as error:
                    refusal = refusal or error
                    outcome, text = "unusable", error.message
                    continue
                if found:
                    how = f", with the module {found.module}" if found.module else ""
                    self._steps.append(Step(rung, "found", f"{found.title} {found.version_text}: {found.path}{how}."))
                    self._chosen = candidate
                    return found
                outcome, text = "unusable", f"{candidate.program} is missing or not usable."
            self._steps.append(Step(rung, outcome, text))
        if paused:  # the others are as they were
            anew = {step.rung: step for step in self._steps}
            self._steps = [anew.get(step.rung, step) for step in before]
        else:
            self._failed_at = time.monotonic()
        raise refusal or _missing(self._settings.runtime_path)

    async def _rungs(self, *, quick: bool) -> AsyncIterator[tuple[Rung, _Tried]]:
        """Take the steps, one after the other, as long as somebody wants the next."""
        names = [name for runtime in self._runtimes.values() for name in runtime.programs]
        named, module = self._settings.runtime_path, self._settings.runtime_module
        if named:
            yield "configured", _Tried([_Candidate(named)])
            return  # a site that names one means it
        if module and not quick:
            yield "configured", await self._by_module([module], names)
        yield "path", await self._by_path(names)
        if quick:
            return
        if not module:
            yield "module", await self._by_module([*names, *_MODULES], names)
        yield "profile", await self._by_shell(names, login=False, timeout_s=_PROFILE_TIMEOUT_S)
        yield "login", await self._by_shell(names, login=True, timeout_s=_LOGIN_TIMEOUT_S)
        usual = await self._executable([f"{folder}/{name}" for name in names for folder in USUAL_FOLDERS])
        yield "usual", _Tried([_Candidate(each) for each in usual], f"None is in {', '.join(USUAL_FOLDERS)}.")

    async def _by_path(self, names: Sequence[str]) -> _Tried:
        def look() -> list[str]:
            return [*filter(None, map(process.find_program, names))]

        try:
            found = await self._patience.ask(("PATH", *names), look)
        except TimeoutError:
            return _Tried([], "A folder on this session's PATH does not answer.", "unknown")
        text = f"None of {', '.join(names)} is on this session's PATH."
        return _Tried([_Candidate(path) for path in found], text)

    async def _by_module(self, wanted: Sequence[str], names: Sequence[str]) -> _Tried:
        try:
            command = await self._patience.ask("module command", lambda: modules.find_command(os.environ))
        except TimeoutError:
            return _Tried([], "A folder in which the module command may be does not answer.", "unknown")
        if command is None:
            return _Tried([], "This session has no module command: LMOD_CMD and MODULES_CMD are not set.")
        until = time.monotonic() + _MODULE_TIMEOUT_S
        for module in wanted:
            try:
                after = await modules.load(command, module, os.environ, max(0.1, until - time.monotonic()))
            except ContainerKernelsError as error:
                if error.code != "timed_out":
                    raise
                return _Tried([], f"{command} did not answer within {_MODULE_TIMEOUT_S:.0f} seconds.", "unknown")
            if after is None:
                continue
            changes = modules.difference(os.environ, after)
            folders = changes.before.get("PATH", "").split(os.pathsep)
            found = await self._executable([f"{folder}/{name}" for name in names for folder in folders if folder])
            if found:
                full = modules.loaded([module], after) or module
                return _Tried([_Candidate(program, full, changes) for program in found])
        return _Tried([], f"{command} knows no module {' or '.join(wanted)} that has one.")

    async def _by_shell(self, names: Sequence[str], *, login: bool, timeout_s: float) -> _Tried:
        what, module = "Your login shell" if login else "A shell with /etc/profile", self._settings.runtime_module
        try:
            shell = await shells.ask(
                login=login, programs=names, module=module, environment=os.environ, timeout_s=timeout_s
            )
        except ContainerKernelsError as error:
            if error.code != "timed_out":
                raise
            return _Tried([], f"{what} did not end within {timeout_s:.0f} seconds.", "unknown")
        if not shell.has_ended:
            return _Tried([], f"{what} was ended or replaced by one of its start-up files.", "unknown")
        found = [_Candidate(program, shell.module, shell.difference) for program in shell.programs]
        return _Tried(found, f"{what} finds none of {', '.join(names)}, with or without a module of that name.")

    async def _executable(self, programs: Sequence[str]) -> list[str]:
        """Return those that may be run; a file system that does not answer has none."""

        async def may_run(program: str) -> bool:
            try:
                return await self._patience.ask(("executable", program), lambda: os.access(program, os.X_OK))
            except TimeoutError:
                return False

        answers = await asyncio.gather(*map(may_run, programs))
        return [program for program, answer in zip(programs, answers, strict=True) if answer]

    async def _identify(self, candidate: _Candidate, runtimes: Sequence[Runtime] | None = None) -> FoundRuntime | None:
        """Ask a program for its version; the answer is kept until the program changes."""
        program = candidate.program
        try:
            status = await self._patience.ask(("stat", program), Path(program).stat)
            key = (program, status.st_mtime_ns)
            if key in self._identified:
                return self._identified[key]
            for runtime in runtimes or self._runtimes.values():
                command = runtime.version_command(program, candidate.difference.applied(os.environ))
                finished = await process.run(command, timeout_s=_VERSION_TIMEOUT_S)
                if found := runtime.identify(program, finished.output):
                    found = replace(found, module=candidate.module, difference=candidate.difference)
                    self._identified[key] = found
                    return found
        except (OSError, TimeoutError):
            pass
        return None


def _missing(named: str) -> ContainerKernelsError:
    if os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER"):
        return ContainerKernelsError(
            "runtime_missing",
            "This JupyterLab itself runs in a container, in which Apptainer is not available.",
            "Start a JupyterLab that does not run in a container.",
        )
    if named:
        return ContainerKernelsError(
            "runtime_missing",
            f"{named}, which your site named as the container runtime, is missing or not usable.",
            "Ask your site's support to correct ContainerKernelsApp.runtime_path.",
        )
    return ContainerKernelsError(
        "runtime_missing",
        f"Neither Apptainer nor Singularity was found on {machine.hostname()}: not on this session's PATH, as no "
        "module, by no shell and in no usual folder.",
        "Load its module before you start JupyterLab, or ask your site's support to set "
        "ContainerKernelsApp.runtime_path or runtime_module.",
    )
