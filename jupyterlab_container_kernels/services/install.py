"""Finds out what an image holds, and installs the kernel package where it is missing."""

from __future__ import annotations

import os
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


class InstallService:
    """Looks into images, and installs beside them."""

    def __init__(self, session: SessionService) -> None:
        self._session = session

    async def inspect(self, running: RunningTask, runtime: FoundRuntime, image: Path) -> Interpreter:
        """Return the interpreter of an image that its kernel will use.

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
            running.say(finished.output)
            raise failures.explain(finished.output, "looking into the image", "runtime_failed")
        found = [each for language in languages.values() for each in language.read_probe(finished.output)]
        for each in found:
            kernel = languages[each.language].kernel_package
            holds = f"with {kernel} {each.kernel_version}" if each.kernel_version else f"without {kernel}"
            running.say(f"Found {languages[each.language].title} {each.version} at {each.path}, {holds}.")
        if not found:
            titles = " or ".join(language.title for language in languages.values())
            raise ContainerKernelsError(
                "language_missing",
                f"The image holds no {titles} that a kernel could use; looked for python3 and python on its PATH and "
                "in /opt and /usr.",
                "Take an image with Python 3.8 or newer.",
            )
        return found[0]

    async def install(
        self,
        running: RunningTask,
        runtime: FoundRuntime,
        interpreter: Interpreter,
        image: Path,
        packages: Path,
        workspace: Path,
    ) -> None:
        """Install the kernel package into the kernel's own directory, if the image has none.

        Raises
        ------
        ContainerKernelsError
            ``install_failed``, or a better known reason.
        """
        language: Language = self._session.languages[interpreter.language]
        step = language.install(interpreter, image, packages, workspace)
        if step is None:
            running.skip("install", f"The image holds {language.kernel_package} {interpreter.kernel_version}.")
            return
        async with running.phase("install", f"Installing {language.kernel_package} beside the image"):
            command = self._session.runtimes[runtime.name].run_isolated(runtime, step, os.environ)
            timeout_s = self._session.settings.install_timeout_s
            finished = await process.run(command, timeout_s=timeout_s, on_line=running.say)
            if finished.returncode != 0 or not language.has_kernel(interpreter, packages):
                raise failures.explain(finished.output, f"installing {language.kernel_package}", "install_failed")
