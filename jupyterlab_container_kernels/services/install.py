"""Finds out what an image holds, and installs the kernel package where it is missing."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..containers import Isolated
from ..diagnosis import explain, last_words
from ..errors import ContainerKernelsError
from ..languages.base import Interpreter, Language
from ..runtimes.base import FoundRuntime
from ..system import paths, process
from ..system.process import Finished
from . import sets
from .locales import LOCALES_SCRIPT, read_locales
from .running_task import RunningTask
from .session import SessionService

#: A probe that prints no end was cut off, and proves nothing.
_END = "CONTAINER_KERNELS_PROBE_END"
_PROBE_TIMEOUT_S = 120.0
#: What runtimes say where an image has no shell; recorded from Apptainer 1.4.5, the last one from its older versions.
_NO_SHELL = re.compile(r"/bin/sh\S* .{0,40}(?:no such file|not found)|no such file.{0,40}/bin/sh", re.IGNORECASE)
#: What the probe told of a kernel's interpreter, in the kernel's own directory of packages.
INTERPRETER_FILE = "interpreter.json"


@dataclass(frozen=True)
class Inspected:
    """What an image holds.

    Parameters
    ----------
    interpreters : list of Interpreter
        Best first.
    locales : list of str or None
        In lower case, as ``en_us.utf8``; ``None`` when nobody knows.
    """

    interpreters: list[Interpreter]
    locales: list[str] | None


class InstallService:
    """Looks into images, and installs beside them."""

    def __init__(self, session: SessionService) -> None:
        self._session = session

    async def inspect(
        self, runtime: FoundRuntime, image: Path, say: Callable[[str], None] = lambda _line: None
    ) -> Inspected:
        """Return what an image holds; there is at least one interpreter.

        One run in the container, isolated from the user's home and environment, so that what lies in ``~/.local`` does
        not count as being in the image.

        Raises
        ------
        ContainerKernelsError
            ``language_missing``, or why the container does not run.
        """
        languages = self._session.languages
        script = "".join(language.probe_script for language in languages.values()) + LOCALES_SCRIPT + f"echo {_END}\n"
        output = (await self._run(runtime, Isolated(image, ["/bin/sh", "-c", script]))).output
        if _END not in output and _NO_SHELL.search(output):
            say("The image has no /bin/sh; its interpreters are asked one by one.")
            output = await self._ask_directly(runtime, image)
        elif _END not in output:
            say(output)
            raise explain(output, "looking into the image", "runtime_failed")
        found = [each for language in languages.values() for each in language.read_probe(output)]
        found.sort(key=lambda each: languages[each.language].order(each))
        for each in found:
            kernel = languages[each.language].kernel_package
            holds = f"with {kernel} {each.kernel_version}" if each.kernel_version else f"without {kernel}"
            say(f"Found {languages[each.language].title_of(each)} at {each.path}, {holds}.")
        if not found:
            raise ContainerKernelsError(
                "language_missing",
                "The image holds no Python, R or Julia that a kernel could use, and no kernel of its own; looked on "
                "its PATH, in /opt and in /usr.",
                "Take an image with Python 3.8 or newer, for instance.",
            )
        return Inspected(found, read_locales(output, found))

    async def _run(self, runtime: FoundRuntime, probe: Isolated) -> Finished:
        command = self._session.runtimes[runtime.name].run_isolated(runtime, probe, os.environ)
        return await process.run(command, timeout_s=_PROBE_TIMEOUT_S)

    async def _ask_directly(self, runtime: FoundRuntime, image: Path) -> str:
        """Return what the interpreters of an image without a shell tell, one of each language."""
        told = []
        for language in self._session.languages.values():
            for argv in language.direct_probes:
                output = (await self._run(runtime, Isolated(image, list(argv)))).output
                if language.read_probe(output):
                    told.append(output)
                    break
        return "\n".join(told)

    def choose(self, inspected: Inspected, wanted: str | None) -> Interpreter:
        """Return the interpreter that the user chose, by its path inside the image, or the best.

        Raises
        ------
        ContainerKernelsError
            ``language_missing``: the image does not have it.
        """
        if wanted is None:
            return inspected.interpreters[0]
        for each in inspected.interpreters:
            if each.path == wanted:
                return each
        has = ", ".join(each.path for each in inspected.interpreters)
        raise ContainerKernelsError(
            "language_missing", f"The image has no {wanted}; it has {has}.", "Click Edit and choose one of these."
        )

    async def install(
        self,
        running: RunningTask,
        runtime: FoundRuntime,
        interpreter: Interpreter,
        image: Path,
        own: Path,
        workspace: Path,
        *,
        anew: bool = False,
        keep: Path | None = None,
    ) -> Path | None:
        """Install the kernel package beside the image if the image has none.

        Parameters
        ----------
        own : Path
            The kernel's own directory of packages.
        workspace : Path
            A temporary directory of the task.
        anew : bool
            Install even if a set that fits is there.
        keep : Path, optional
            The set that is to be used if it is still there.

        Returns
        -------
        Path or None
            The set of packages that the kernel shares with others.

        Raises
        ------
        ContainerKernelsError
            ``install_failed``, or a better known reason.
        """
        language, roots = self._session.languages[interpreter.language], self._session.roots
        facts = json.dumps(asdict(interpreter), indent=1, ensure_ascii=False) + "\n"
        await asyncio.to_thread(paths.write_private, own / INTERPRETER_FILE, facts)
        if interpreter.kernel_version is not None:
            running.skip("install", f"The image holds {language.kernel_package} {interpreter.kernel_version}.")
            return None
        if keep is not None and await self._keep(running, language, interpreter, keep):
            running.skip("install", f"The packages stay: {keep}")
            return keep
        kind = sets.kind(language, interpreter)

        def waiting() -> None:
            running.update(message="Waiting for another kernel that installs the same")
            running.say("Another kernel installs the same at this moment; waiting for it.")

        async with sets.making(roots, kind, waiting):
            if not anew and (found := await self._take(running, language, interpreter)):
                what = f"{language.kernel_package} for this {language.title} is here already: {found}"
                running.skip("install", f"{what}. Nothing is downloaded.")
                return found
            async with running.phase("install", f"Installing {language.kernel_package} beside the image"):
                return await self._make(running, runtime, interpreter, image, workspace)

    async def _keep(self, running: RunningTask, language: Language, interpreter: Interpreter, keep: Path) -> bool:
        """Tell whether a set can be used further, and hold it as long as the task is at work."""
        roots = self._session.roots
        if not sets.is_set(keep, roots):
            return False
        await running.owns(keep)

        def is_good() -> bool:
            return paths.is_ours(keep, roots.packages) and language.has_kernel(interpreter, keep)

        if await asyncio.to_thread(is_good):
            return True
        running.keeps(keep)
        return False

    async def _take(self, running: RunningTask, language: Language, interpreter: Interpreter) -> Path | None:
        """Return a set that fits, which stays as long as the task is at work, or ``None``."""
        roots = self._session.roots
        found = await asyncio.to_thread(sets.fitting, roots, language, interpreter)
        if found is None:
            return None
        await running.owns(found)
        if await asyncio.to_thread(found.is_dir):
            return found
        running.keeps(found)  # its last kernel was deleted at this moment
        return None

    async def _make(
        self, running: RunningTask, runtime: FoundRuntime, interpreter: Interpreter, image: Path, workspace: Path
    ) -> Path:
        """Install into a new set, and return that when it is complete."""
        language, roots = self._session.languages[interpreter.language], self._session.roots
        made = sets.staging(roots, running.task.id)
        target = await asyncio.to_thread(sets.unused, roots, sets.kind(language, interpreter))
        await running.owns(made)
        await running.owns(target)
        await asyncio.to_thread(sets.begin, made)
        wheelhouse = self._session.settings.wheelhouse
        without = ""
        if wheelhouse is not None:
            running.say(f"Looking into the wheelhouse {wheelhouse}.")
            without = await self._install(running, runtime, interpreter, image, made, workspace, wheelhouse)
            if without:
                running.say(f"{wheelhouse} does not do; the package index is asked.")
        if wheelhouse is None or without:
            output = await self._install(running, runtime, interpreter, image, made, workspace, None)
            if output:
                error = explain(output, f"installing {language.kernel_package}", "install_failed")
                if without:
                    also = f"The site's wheelhouse {wheelhouse} did not do either: {last_words(without)}"
                    error = ContainerKernelsError(error.code, f"{error.message} {also}", error.hint)
                raise error
        await asyncio.to_thread(sets.complete, made, target, language, interpreter)
        running.keeps(made)
        return target

    async def _install(
        self,
        running: RunningTask,
        runtime: FoundRuntime,
        interpreter: Interpreter,
        image: Path,
        packages: Path,
        workspace: Path,
        wheelhouse: Path | None,
    ) -> str:
        """Install once; returns the tools' output if it failed, and else nothing."""
        language = self._session.languages[interpreter.language]
        timeout_s = self._session.settings.install_timeout_s
        first = language.before_install(interpreter, workspace, wheelhouse)
        if first is not None:
            fetched = await process.run(first, timeout_s=timeout_s, on_line=running.say)
            if fetched.returncode != 0:
                return fetched.output or "it said nothing"
        step = language.install(interpreter, image, packages, workspace)
        if step is not None and wheelhouse is not None:
            step = language.from_wheelhouse(step, wheelhouse)
        if step is None:
            return f"{language.title} takes no packages from there"
        command = self._session.runtimes[runtime.name].run_isolated(runtime, step, os.environ)
        finished = await process.run(command, timeout_s=timeout_s, on_line=running.say)
        if finished.returncode != 0 or not await asyncio.to_thread(language.has_kernel, interpreter, packages):
            return finished.output or "it said nothing"
        return ""
