"""Who uses an image, a set of packages, a directory of packages: kernels of ours, of others, and tasks at work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jupyter_core.paths import jupyter_path

from ..models import RemovalKind
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from ..system.paths import Roots
from ..system.patience import Patience
from .tasks import TaskService

_KINDS: tuple[RemovalKind, ...] = ("image", "packages", "log")
#: What is read of a file that a kernel of another maker starts; scripts are shorter.
_SCRIPT_BYTES = 64 * 1024
#: For so long deletions that follow each other share one look at all kernels, in seconds.
_FRESH_S = 5.0


@dataclass(frozen=True)
class Stranger:
    """A kernel that we did not make: its name, the text of all that may name an image, and the scripts it starts."""

    display_name: str
    directory: Path
    text: str
    scripts: list[Path]

    @property
    def is_kin(self) -> bool:
        """Tell whether it may be one of ours whose record cannot be read."""
        return "Container Kernels" in self.text or "container_kernels" in self.text


@dataclass(frozen=True)
class Users:
    """The kernels of this user at one moment, and what their files really are.

    Parameters
    ----------
    ours : mapping of (str, str) to list of (str, str)
        Slug and display name of our kernels, by what they use (all packages are one kind) and its real path.
    strangers : list of Stranger
    real : mapping of str to str
        The real path of each path that a record names, where its file system told it in time.
    gone : set of str
        The directories of kernels that have been deleted since.
    """

    ours: Mapping[tuple[str, str], list[tuple[str, str]]]
    strangers: list[Stranger]
    real: Mapping[str, str]
    tasks: TaskService
    gone: frozenset[str] = frozenset()

    def of(self, what: RemovalKind, path: Path, but: str = "") -> list[str]:
        """Return the display names of the kernels, except ``but`` (a slug), and of tasks that use a path."""
        wanted = self.real.get(str(path), str(path))
        gone = {os.path.basename(each) for each in self.gone} | {but}  # noqa: PTH119 (ours are in one directory)
        found = [name for slug, name in self.ours.get((_kind(what), wanted), ()) if slug not in gone]
        strangers = [each for each in self.strangers if str(each.directory) not in self.gone]
        if what == "image":
            found += [each.display_name for each in strangers if path.name in each.text]
        else:  # a kernel of ours with a damaged kernel.json still names in its script what it needs
            found += [each.display_name for each in strangers if each.is_kin and str(path) in each.text]
        return [*found, *(name for name in self.tasks.users_of(path) if name not in found)]


class Census:
    """Tells who uses what, with one look at all kernels for several deletions that follow each other.

    Following the links of all kernels before each of some hundred would take minutes. A kernel that came meanwhile lets
    it look anew; what one that was there has taken into use is seen by :meth:`.TaskService.in_use`, before it moves
    and after that.
    """

    def __init__(self, roots: Roots, patience: Patience, tasks: TaskService) -> None:
        self._roots = roots
        self._patience = patience
        self._tasks = tasks
        self._before: tuple[float, set[tuple[str, int]], Users] | None = None

    async def take(self) -> Users:
        """Return who uses what; see :func:`read`."""
        there = await asyncio.to_thread(_directories, self._roots.kernels)
        moment = time.monotonic()
        if self._before is None or moment - self._before[0] > _FRESH_S or not there <= self._before[1]:
            self._before = moment, there, await read(self._roots, self._patience, self._tasks)
        _, known, users = self._before
        return replace(users, gone=frozenset(path for path, _ in known - there))


def named(spec: Spec, what: RemovalKind) -> list[str]:
    """Return the paths of a kind that a kernel's record names."""
    record = spec.record
    if what == "image":
        return [record.image.path]
    if what == "log":
        return [os.path.dirname(record.log)]  # noqa: PTH120 (of a thousand kernels)
    return [each for each in (record.packages.path, record.packages.shared) if each]


def _kind(what: RemovalKind) -> str:
    return "packages" if what == "shared_packages" else what


def _index(specs: list[Spec], real: Mapping[str, str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    ours: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for spec in specs:
        for what in _KINDS:
            for path in {real.get(each, each) for each in named(spec, what)}:
                ours[what, path].append((spec.slug, spec.display_name))
    return dict(ours)


async def read(roots: Roots, patience: Patience, tasks: TaskService) -> Users:
    """Look at all kernels; a file system that does not answer only keeps links on it from being followed."""
    specs = await asyncio.to_thread(kernelspecs.read_all, roots.kernels)
    strangers = [await _with_scripts(each, patience) for each in await asyncio.to_thread(_strangers, roots.kernels)]
    by_directory = await asyncio.to_thread(_by_directory, specs)

    async def ask(directory: str, below: set[str]) -> dict[str, str]:
        try:
            return await patience.ask(("real", directory), lambda: _real(directory, below))
        except TimeoutError:
            return {}

    answers = await asyncio.gather(*(ask(*each) for each in by_directory.items()))
    real = {path: real for answer in answers for path, real in answer.items()}
    return Users(await asyncio.to_thread(_index, specs, real), strangers, real, tasks)


def _by_directory(specs: list[Spec]) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for spec in specs:
        for what in _KINDS:
            for path in named(spec, what):
                found[os.path.dirname(path)].add(path)  # noqa: PTH120
    return dict(found)


def _real(directory: str, below: set[str]) -> dict[str, str]:
    """Return the real paths of what lies in a directory, which itself is followed only once."""
    real = os.path.realpath(directory)
    found = {}
    for path in below:
        name = os.path.basename(path)  # noqa: PTH119 (there may be thousands)
        is_plain = name not in ("", ".", "..") and not os.path.islink(path)  # noqa: PTH114
        found[path] = f"{real.rstrip('/')}/{name}" if is_plain else os.path.realpath(path)
    return found


def _places(kernels: Path) -> list[Path]:
    """Return the directories in which Jupyter looks for kernels, the user's own first."""
    return list(dict.fromkeys([kernels, *map(Path, jupyter_path("kernels"))]))


def _directories(kernels: Path) -> set[tuple[str, int]]:
    """Return all that may be kernels, with their inodes: another one of the same name is another one."""
    found: set[tuple[str, int]] = set()
    for root in _places(kernels):
        with contextlib.suppress(OSError), os.scandir(root) as entries:
            found.update((entry.path, entry.inode()) for entry in entries)
    return found


def _strangers(kernels: Path) -> list[Stranger]:
    """Return the kernels of others wherever Jupyter looks for kernels."""
    found = []
    for root in _places(kernels):
        with contextlib.suppress(OSError):
            for directory in root.iterdir():
                if (directory / "kernel.json").is_file() and not (root == kernels and kernelspecs.read(directory)):
                    found.append(stranger(directory))
    return found


def stranger(directory: Path) -> Stranger:
    """Read a kernel that we did not make; what cannot be read is left out."""
    data = paths.read_json(directory / "kernel.json")
    data = data if isinstance(data, dict) else {}
    argv = data.get("argv")
    words = [word for word in argv if isinstance(word, str)] if isinstance(argv, list) else []
    text = "\n".join([*words, *(_text(file) for file in sorted(directory.iterdir()))])
    scripts = [Path(word) for word in words if word.startswith("/") and Path(word).suffix in ("", ".sh", ".bash")]
    return Stranger(str(data.get("display_name") or directory.name), directory, text, scripts)


async def _with_scripts(stranger: Stranger, patience: Patience) -> Stranger:
    """Read also the scripts elsewhere that a kernel starts, where their file system answers."""
    text = stranger.text
    for script in stranger.scripts:
        with contextlib.suppress(TimeoutError):
            text += await patience.ask(("text", script), lambda script=script: _text(script))  # type: ignore[misc]
    return replace(stranger, text=text)


def _text(file: Path) -> str:
    """Return the text of a file that may be a script, or nothing."""
    try:
        return file.read_text(errors="replace") if file.is_file() and file.stat().st_size <= _SCRIPT_BYTES else ""
    except OSError:
        return ""
