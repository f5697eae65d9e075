"""Finds out what an image holds, and installs the kernel package where it is missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .. import failures
from ..containers import Isolated
from ..errors import ContainerKernelsError
from ..languages.base import Interpreter, Language
from ..runtimes.base import FoundRuntime
from ..system import process
from .session import SessionService
from .tasks import RunningTask

#: A probe that prints no end was cut off, and proves nothing.
_END = "CONTAINER_KERNELS_PROBE_END"
_PROBE_TIMEOUT_S = 120.0


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
        script = "".join(language.probe_script for language in languages.values()) + f"echo {_END}\n"
        probe = Isolated(image, ["/bin/sh", "-c", script])
        command = self._session.runtimes[runtime.name].run_isolated(runtime, probe, os.environ)
        finished = await process.run(command, timeout_s=_PROBE_TIMEOUT_S)
        if _END not in finished.output:
            say(finished.output)
            raise failures.explain(finished.output, "looking into the image", "runtime_failed")
        found = [each for language in languages.values() for each in language.read_probe(finished.output)]
        found.sort(key=lambda each: languages[each.language].order(each))
        for each in found:
            kernel = languages[each.language].kernel_package
            holds = f"with {kernel} {each.kernel_version}" if each.kernel_version else f"without {kernel}"
            say(f"Found {languages[each.language].title_of(each)} at {each.path}, {holds}.")
        if not found:
            titles = " or ".join(language.title for language in languages.values())
            raise ContainerKernelsError(
                "language_missing",
                f"The image holds no {titles} that a kernel could use; looked for python3 and python on its PATH and "
                "in /opt and /usr.",
                "Take an image with Python 3.8 or newer.",
            )
        return Inspected(found, None)

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

        Returns
        -------
        Path or None
            The set of packages that the kernel shares with others.

        Raises
        ------
        ContainerKernelsError
            ``install_failed``, or a better known reason.
        """
        language: Language = self._session.languages[interpreter.language]
        step = language.install(interpreter, image, own, workspace)
        if step is None:
            running.skip("install", f"The image holds {language.kernel_package} {interpreter.kernel_version}.")
            return None
        async with running.phase("install", f"Installing {language.kernel_package} beside the image"):
            command = self._session.runtimes[runtime.name].run_isolated(runtime, step, os.environ)
            timeout_s = self._session.settings.install_timeout_s
            finished = await process.run(command, timeout_s=timeout_s, on_line=running.say)
            if finished.returncode != 0 or not language.has_kernel(interpreter, own):
                raise failures.explain(finished.output, f"installing {language.kernel_package}", "install_failed")
        return None
