"""What a language has to tell us about its kernels. Like a runtime it returns data and starts nothing.

A new language is one module in this package with a subclass of :class:`Language`, or an entry point in the group
``jupyterlab_container_kernels.languages``.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..containers import Isolated
from ..models import Bind


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
class KernelStart:
    """How a kernel of a language is started inside the container, and what its kernelspec says.

    ``argv`` holds ``{connection_file}`` where the connection file belongs; ``metadata`` goes into ``kernel.json``.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    metadata: Mapping[str, Any]


class Language(abc.ABC):
    """One language."""

    #: Its key, as in kernelspecs: ``python``, ``R``, ``julia``.
    name: str
    #: What people call it.
    title: str
    #: POSIX shell commands that print one line for each interpreter they find.
    probe_script: str
    #: Shell patterns of names of host variables that must not reach a kernel of this language.
    unset: Sequence[str]
    #: A cell and the text of its result, run before the kernel is published.
    test_cell: tuple[str, str]
    #: The mark on the tile: SVG elements in a box of 44 × 44.
    logo: str

    @abc.abstractmethod
    def read_probe(self, output: str) -> list[Interpreter]:
        """Return the interpreters that the probe's output names, best first; other languages' lines are passed over."""

    @abc.abstractmethod
    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        """Return what installs the kernel package, or ``None`` when the image holds one.

        Parameters
        ----------
        packages : Path
            An existing directory of this kernel's own that takes the packages. It appears inside at the same path.
        workspace : Path
            An existing temporary directory, likewise.

        Raises
        ------
        ContainerKernelsError
            ``install_failed``: it is known beforehand that it cannot work.
        """

    @abc.abstractmethod
    def installed(self, packages: Path) -> list[str]:
        """Return what lies in a directory of packages, as ``name==version``."""

    @abc.abstractmethod
    def start(self, interpreter: Interpreter, packages: Path) -> KernelStart:
        """Return how the kernel is started."""

    def has_kernel(self, interpreter: Interpreter, packages: Path) -> bool:
        """Tell whether a kernel package is there, in the image or among the packages."""
        return interpreter.kernel_version is not None or self.kernel_package in {
            each.partition("==")[0] for each in self.installed(packages)
        }

    #: Name of the package that makes it a Jupyter kernel.
    kernel_package: str


def bind_at_same_path(*paths: Path) -> list[Bind]:
    """Return binds that show directories inside where they lie outside."""
    return [Bind(str(path), None, False) for path in paths]
