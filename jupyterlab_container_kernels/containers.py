"""What is to run in a container, in no runtime's terms: languages and services ask for it, runtimes make argv of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .models import Bind, GpuMode


@dataclass(frozen=True)
class LaunchSpec:
    """All that the start script of a kernel is generated from.

    Parameters
    ----------
    display_name : str
        For the lines that the script prints.
    image : Path
        The image file.
    argv : sequence of str
        The kernel's command inside the container; ``{connection_file}`` stands for the connection file.
    environment : mapping of str to str
        Variables that have to have these values inside, literally.
    unset : sequence of str
        Shell patterns of names of variables that must not reach the container.
    binds : sequence of Bind
        Folders to mount beside those that every kernel gets. Missing ones are skipped at start, with a line in the log.
    gpu : {"auto", "on", "off"}
    log : Path
        Where standard error of the last start goes; one that is no full path lies below our state in the data directory
        of whoever starts the kernel.
    needed : sequence of Path
        Directories without which the kernel cannot start: packages that were installed for it. They are mounted.
    isolated : bool
        Only says in the script what ``unset`` does.
    locales : sequence of str or None
        Locales that the image has, in lower case, as ``en_us.utf8``; ``None`` when nobody knows.
    """

    display_name: str
    image: Path
    argv: Sequence[str]
    environment: Mapping[str, str]
    unset: Sequence[str]
    binds: Sequence[Bind]
    gpu: GpuMode
    log: Path
    needed: Sequence[Path] = ()
    isolated: bool = True
    locales: Sequence[str] | None = None


@dataclass(frozen=True)
class Isolated:
    """One command in a container that sees nothing of the user's home and environment but what is named here."""

    image: Path
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    binds: Sequence[Bind] = ()
