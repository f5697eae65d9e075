"""What a container runtime has to tell us. It returns data; it starts no process and touches no kernel.

A new runtime is one module in this package with a subclass of :class:`Runtime`, or an entry point in the group
``jupyterlab_container_kernels.runtimes``. The contract tests run over every runtime that is registered.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..containers import Isolated, LaunchSpec
from ..system.modules import Difference
from ..system.process import Command

#: Where runtimes are installed at sites that tell no shell about it.
USUAL_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/opt/apptainer/bin",
    "/opt/singularity/bin",
    "/cvmfs/oasis.opensciencegrid.org/mis/apptainer/bin",
)


@dataclass(frozen=True)
class FoundRuntime:
    """A runtime on this machine.

    Parameters
    ----------
    name : str
        The key of the runtime, as ``apptainer``.
    title : str
        What its makers call it, as ``SingularityCE``.
    path : str
        Absolute path of the program.
    version : tuple of int
        As ``(1, 4, 5)``.
    module : str or None
        The environment module that it came with, as ``apptainer/1.4.5``.
    difference : Difference
        What it needs beyond the session's environment.
    """

    name: str
    title: str
    path: str
    version: tuple[int, ...]
    module: str | None = None
    difference: Difference = field(default_factory=Difference)

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True)
class PullPlan:
    """How an image is pulled: the command, and the glob patterns below ``temporary`` of what it downloads."""

    command: Command
    downloads: Sequence[str]


@dataclass(frozen=True)
class Squashfs:
    """How a runtime shall write a squashfs, where it lets itself be told.

    Parameters
    ----------
    compression : {"zstd", "gzip"}
        At its fastest.
    memory_bytes, threads : int
        What it may use.
    """

    compression: str
    memory_bytes: int
    threads: int


class Runtime(abc.ABC):
    """One container runtime."""

    #: Its key, as stored in kernels.
    name: str
    #: What it is called where no program was found.
    title: str
    #: Names of the program, best first.
    programs: Sequence[str]

    @abc.abstractmethod
    def version_command(self, program: str, environment: Mapping[str, str]) -> Command:
        """Return the command that prints the program's version."""

    @abc.abstractmethod
    def identify(self, program: str, output: str) -> FoundRuntime | None:
        """Read what :meth:`version_command` printed; ``None`` if this is another program.

        Raises
        ------
        ContainerKernelsError
            ``runtime_missing``: it is too old.
        """

    @abc.abstractmethod
    def pull(
        self,
        found: FoundRuntime,
        source: str,
        target: Path,
        temporary: Path,
        insecure: bool,
        environment: Mapping[str, str],
        squashfs: Squashfs | None = None,
    ) -> PullPlan:
        """Return how an image is pulled to a file that does not exist yet.

        Parameters
        ----------
        found : FoundRuntime
            Which pulls it.
        source : str
            A full reference, as ``docker://docker.io/library/debian@sha256:…``.
        target : Path
            That file.
        temporary : Path
            A private directory that takes everything else that is written.
        insecure : bool
            The registry speaks plain HTTP.
        environment : mapping
            The server's environment.
        squashfs : Squashfs, optional
            How layers become a squashfs; without it, as the runtime has it.
        """

    @abc.abstractmethod
    def run_isolated(self, found: FoundRuntime, run: Isolated, environment: Mapping[str, str]) -> Command:
        """Return the command that runs one program in a container."""

    def cached_image(
        self, found: FoundRuntime, digest: str, architecture: str, environment: Mapping[str, str], home: Path
    ) -> Path | None:
        """Return where the runtime's cache has the file of an image of a registry, if it has it."""
        return None

    def cache_dir(self, found: FoundRuntime, environment: Mapping[str, str], home: Path) -> Path | None:
        """Return where the runtime keeps what it has downloaded, if it does."""
        return None

    def clean_cache(self, found: FoundRuntime, environment: Mapping[str, str]) -> Command | None:
        """Return the command that empties :meth:`cache_dir` without asking."""
        return None

    @abc.abstractmethod
    def start_script(self, found: FoundRuntime, launch: LaunchSpec) -> str:
        """Return the text of a kernel's ``init.sh``."""
