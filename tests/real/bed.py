"""One user's Jupyter in a directory of its own, and what is looked for in it afterwards."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.models import AddRequest, Task
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.settings import Settings


@dataclass
class Bed:
    """One user's Jupyter, empty, below a directory of its own."""

    path: Path
    changes: dict[str, Any] = field(default_factory=dict)
    #: Called with each change of a task: id, seq, state.
    heard: Callable[[str, int, str], None] = lambda *_: None

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def kernels(self) -> Path:
        return self.data / "kernels"

    @property
    def state(self) -> Path:
        return self.data / "container-kernels"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    def seed(self, store: Path) -> None:
        """Put images of another store into this one, as if they had been pulled before."""
        images = self.state / "images"
        images.mkdir(parents=True, exist_ok=True)
        for file in store.iterdir():
            os.link(file, images / file.name)

    def unseed(self) -> None:
        """Remove stored images; a whole image stays in the store for the next try, also when a task fails later."""
        for file in (self.state / "images").glob("sha256-*"):
            file.unlink()

    def settings(self) -> Settings:
        plain = Settings(
            runtime_path="",
            images_dir=self.state / "images",
            packages_dir=self.state / "packages",
            temporary_dir=self.temporary,
            insecure_registries=(),
            registry_timeout_s=5,
            start_timeout_s=60,
            pull_timeout_s=600,
            install_timeout_s=300,
        )
        return replace(plain, **self.changes)

    def run(self, work: Callable[[Services], Coroutine[Any, Any, Any]]) -> Any:
        """Run a coroutine with services of this bed, on a loop of its own."""

        async def main() -> Any:
            services = connect(self.settings(), self.data, TerminalJupyter(), self.heard)
            try:
                return await work(services)
            finally:
                await services.stop()

        return asyncio.run(main())

    def add(self, request: AddRequest) -> Task:
        """Add a kernel and return the task as it ended."""

        async def work(services: Services) -> Task:
            task = await services.add.add(request)
            return await services.tasks.wait(task.id)

        return self.run(work)

    def cli(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run ``jupyter container-kernels``."""
        return subprocess.run(
            [sys.executable, "-m", "jupyterlab_container_kernels.cli", *arguments],
            env={**os.environ, **changes},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def leftovers(self) -> list[str]:
        """Return the files and directories that a kernel or a task of ours left, tasks' own records apart."""
        found = []
        for root in (self.kernels, self.state, self.temporary):
            for folder, folders, files in os.walk(root):  # unlike rglob, it forgives what goes meanwhile
                for path in (Path(folder, name) for name in (*folders, *files)):
                    kept = path.relative_to(self.path)
                    if kept.parts[:3] == ("data", "container-kernels", "tasks") or path.parent == self.state:
                        continue
                    found.append(str(kept))
        return found

    def has_begun_to_pull(self) -> bool:
        """Tell whether a layer of an image is on its way."""
        return any(
            Path(folder).name.startswith("spool-") and any(name.startswith("sha256-") for name in files)
            for folder, _, files in os.walk(self.path)
        )

    def processes(self) -> list[str]:
        """Return the command lines of processes that name a path of this bed."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(self.path) in words and int(process.name) != os.getpid():
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        return found

    def assert_no_process_is_left(self, within_s: float = 15) -> None:
        """No process; given a moment, because what was killed has to end."""
        deadline = time.monotonic() + within_s
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.processes() == []

    def assert_nothing_is_left(self, within_s: float = 15) -> None:
        """No kernel, no directory, no process; given a moment, because what was killed has to end."""
        deadline = time.monotonic() + within_s
        while (self.leftovers() or self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.leftovers() == []
        assert self.processes() == []
