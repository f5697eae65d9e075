"""What the services ask of the Jupyter around them: a server with kernels that run, or a terminal without one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..models import RunningKernel


class Jupyter(Protocol):
    """A Jupyter server, or what a terminal knows of one."""

    @property
    def root_dir(self) -> Path | None:
        """The directory that the file browser shows, if it is one."""

    @property
    def kernel_dirs(self) -> list[str]:
        """The directories in which Jupyter looks for kernels, the first one first. They need not exist."""

    def find_kernels(self) -> dict[str, str]:
        """Return where Jupyter finds the kernels that it shows, by name. Reads directories, so ask in a thread."""

    async def kernel_names(self) -> set[str]:
        """Return the names of all kernels that Jupyter finds, ours or not."""

    async def resource_dir(self, slug: str) -> Path | None:
        """Return where Jupyter finds a kernel, or ``None`` if it does not (or may not) show it."""

    async def running(self) -> dict[str, list[RunningKernel]]:
        """Return the kernels that run, by kernel name."""

    async def shut_down(self, slug: str) -> None:
        """Shut down all kernels of a name, and forget their sessions.

        Raises
        ------
        ContainerKernelsError
            ``kernel_running``: it cannot be done from here.
        """
