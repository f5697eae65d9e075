"""What a language has to tell us about its kernels. Like a runtime it returns data and starts nothing.

A new language is one module in this package with a subclass of :class:`Language`, or an entry point in the group
``jupyterlab_container_kernels.languages``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..containers import Isolated
from ..models import Bind
from ..system.process import Command


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that the probe found in an image.

    Parameters
    ----------
    language : str
        Key of the language.
    path : str
        Absolute, inside the image.
    version : str
        As ``3.11.2``.
    kernel_version : str or None
        Version of the kernel package that the image holds for it.
    details : mapping
        What else the language's probe told, as JSON.
    """

    language: str
    path: str
    version: str
    kernel_version: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Packages:
    """Where the packages of a kernel lie; both appear inside the container at the same paths.

    Parameters
    ----------
    own : Path
        The kernel's own directory: what a user installs from a notebook lands there.
    shared : Path or None
        A set that kernels with interpreters of one kind share: the kernel package and what it needs. ``None`` when
        the image holds them.
    """

    own: Path
    shared: Path | None


@dataclass(frozen=True)
class KernelStart:
    """How a kernel of a language is started inside the container, and what its kernelspec says.

    Parameters
    ----------
    argv : sequence of str
        ``{connection_file}`` stands where the connection file belongs.
    environment : mapping of str to str
        Variables that have to have these values inside.
    metadata : mapping
        Goes into ``kernel.json``, as ``debugger`` and ``supported_encryption``.
    interrupt_mode : {"signal", "message"}
        How the kernel wants to be interrupted.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    metadata: Mapping[str, Any]
    interrupt_mode: Literal["signal", "message"] = "signal"


class Language(abc.ABC):
    """One language."""

    #: Its key in our records. Of most it is the key in kernelspecs as well: ``python``, ``R``, ``julia``.
    name: str
    #: What people call it.
    title: str
    #: POSIX shell commands that print one line for each interpreter they find.
    probe_script: str
    #: Commands, one of which prints the same where an image has no shell. They are tried in turn.
    direct_probes: Sequence[Sequence[str]] = ()
    #: Shell patterns of names of host variables that must not reach an isolated kernel of any language.
    unset: Sequence[str]
    #: A cell and the text of its result, run before the kernel is published; ``None``: that it answers has to do.
    test_cell: tuple[str, str] | None
    #: A cell that sleeps for a minute, to be interrupted before the kernel is published; ``None``: not tried.
    sleep_cell: str | None = None
    #: A cell that prints a line ``CONTAINER_KERNELS_GPU NAME`` for each GPU that it sees; ``None``: it cannot look.
    gpu_cell: str | None = None
    #: The mark on the tile: SVG elements in a box of 44 × 44.
    logo: str
    #: Name of the package that makes it a Jupyter kernel.
    kernel_package: str
    #: Of an image's interpreters that hold a kernel package equally well, those of the lowest rank come first.
    rank: int = 0

    @abc.abstractmethod
    def read_probe(self, output: str) -> list[Interpreter]:
        """Return the interpreters that the probe's output names, best first; other languages' lines are passed over."""

    def order(self, interpreter: Interpreter) -> tuple[int, int]:
        """Return what sorts interpreters of all languages in an image: the least one is preselected."""
        return int(interpreter.kernel_version is None), self.rank

    def title_of(self, interpreter: Interpreter) -> str:
        """Return what an interpreter is called, as ``Python 3.11.2``."""
        return f"{self.title} {interpreter.version}"

    def notes(self, interpreter: Interpreter) -> list[str]:
        """Return what tells an interpreter from others in the same image, in a word or two each."""
        return []

    def kernelspec_language(self, interpreter: Interpreter) -> str:
        """Return what ``kernel.json`` says as its language."""
        return self.name

    @abc.abstractmethod
    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        """Return what installs the kernel package, or ``None`` when the image holds one.

        Parameters
        ----------
        interpreter : Interpreter
            For which it is.
        image : Path
            The SIF, or the folder, in which that is.
        packages : Path
            An existing directory that takes the packages. It appears inside at the same path.
        workspace : Path
            An existing temporary directory, likewise.

        Raises
        ------
        ContainerKernelsError
            ``install_failed``: it is known beforehand that it cannot work.
        """

    def before_install(self, interpreter: Interpreter, workspace: Path, wheelhouse: Path | None) -> Command | None:
        """Return what has to be run on this machine before :meth:`install`, or ``None``.

        Parameters
        ----------
        interpreter : Interpreter
            The same as that of :meth:`install`.
        workspace : Path
            The same as that of :meth:`install`; what is fetched goes there.
        wheelhouse : Path or None
            A directory to fetch from, instead of the network.
        """
        return None

    def from_wheelhouse(self, step: Isolated, wheelhouse: Path) -> Isolated | None:
        """Return what :meth:`install` returned so that it takes packages from a site's directory, not the network.

        ``None``: the language knows no such directories.
        """
        return None

    def kind(self, interpreter: Interpreter) -> str:
        """Return what names the sets of packages that may fit an interpreter: words of its version and machine."""
        return interpreter.version

    def describe(self, interpreter: Interpreter, packages: Path) -> dict[str, Any]:
        """Return, as JSON, what :meth:`fits` wants to know of a set that was just installed for an interpreter."""
        return {}

    def fits(self, described: Mapping[str, Any], interpreter: Interpreter) -> bool:
        """Tell whether a set of packages that was installed for one interpreter works with another, maybe elsewhere.

        Where a language cannot tell, each kernel gets a set of its own.
        """
        return False

    @abc.abstractmethod
    def installed(self, packages: Path) -> list[str]:
        """Return what lies in a directory of packages, as ``name==version``."""

    @abc.abstractmethod
    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        """Return how the kernel is started.

        Parameters
        ----------
        interpreter : Interpreter
            Which runs it.
        packages : Packages
            What it has beside the image.
        isolated : bool
            Whether what the user has installed on the host for this language is kept out.
        """

    def prepare(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> None:  # noqa: B027 (optional)
        """Write what a start needs into the kernel's own directory of packages."""

    def has_kernel(self, interpreter: Interpreter, packages: Path) -> bool:
        """Tell whether a kernel package is there, in the image or among the packages."""
        return interpreter.kernel_version is not None or self.kernel_package in {
            each.partition("==")[0] for each in self.installed(packages)
        }


def ask_each(candidates: str, arguments: str) -> str:
    """Return the shell commands of a probe that runs each of some programs once, if it is there.

    Parameters
    ----------
    candidates : str
        Words of a shell, best first. Each program finds its own in the variable ``CONTAINER_KERNELS_CANDIDATE``.
    arguments : str
        What it gets, quoted.
    """
    return (
        f'seen=\nfor program in {candidates}; do\n  case $seen in *"|$program|"*) continue ;; esac\n'
        f'  seen="$seen|$program|"\n  if [ -x "$program" ]; then\n'
        f'    CONTAINER_KERNELS_CANDIDATE=$program "$program" {arguments}\n  fi\ndone\n'
    )


def bind_at_same_path(*paths: Path) -> list[Bind]:
    """Return binds that show directories inside where they lie outside."""
    return [Bind(str(path), None, False) for path in paths]
