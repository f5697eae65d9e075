"""Who uses an image, a set of packages, a directory of packages: kernels of ours, of others, and tasks at work."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..models import RemovalKind
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from ..system.paths import Patience, Roots
from .tasks import TaskService

#: What is read of a file that a kernel of another maker starts; scripts are shorter.
_SCRIPT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Stranger:
    """A kernel that we did not make: its name, the text of all that may name an image, and the scripts it starts."""

    display_name: str
    directory: Path
    text: str
    scripts: list[Path]


@dataclass(frozen=True)
class Users:
    """The kernels of this user at one moment, and what their files really are.

    Parameters
    ----------
    specs : list of Spec
        Of ours.
    strangers : list of Stranger
    real : mapping of str to str
        The real path of each path that a record names, where its file system told it in time.
    """

    specs: list[Spec]
    strangers: list[Stranger]
    real: Mapping[str, str]
    tasks: TaskService

    def of(self, what: RemovalKind, path: Path, but: str = "") -> list[str]:
        """Return the display names of the kernels, except ``but`` (a slug), and of tasks that use a path."""
        wanted = self.real.get(str(path), str(path))
        found = [
            spec.display_name
            for spec in self.specs
            if spec.slug != but and wanted in {self.real.get(each, each) for each in named(spec, what)}
        ]
        if what == "image":
            found += [each.display_name for each in self.strangers if path.name in each.text]
        return [*found, *(name for name in self.tasks.users_of(path) if name not in found)]


def named(spec: Spec, what: RemovalKind) -> list[str]:
    """Return the paths of a kind that a kernel's record names."""
    record = spec.record
    if what == "image":
        return [record.image.path]
    if what == "log":
        return [str(Path(record.log).parent)]
    return [each for each in (record.packages.path, record.packages.shared) if each]


async def read(roots: Roots, patience: Patience, tasks: TaskService) -> Users:
    """Look at all kernels; a file system that does not answer only keeps links on it from being followed."""
    specs = await asyncio.to_thread(kernelspecs.read_all, roots.kernels)
    strangers = [await _with_scripts(each, patience) for each in await asyncio.to_thread(_strangers, roots.kernels)]
    by_directory: defaultdict[str, set[str]] = defaultdict(set)
    for spec in specs:
        for what in ("image", "packages", "log"):
            for path in named(spec, what):
                by_directory[os.path.dirname(path)].add(path)  # noqa: PTH120

    async def ask(directory: str, below: set[str]) -> dict[str, str]:
        try:
            return await patience.ask(("real", directory), lambda: {each: os.path.realpath(each) for each in below})
        except TimeoutError:
            return {}

    answers = await asyncio.gather(*(ask(*each) for each in by_directory.items()))
    return Users(specs, strangers, {path: real for answer in answers for path, real in answer.items()}, tasks)


def _strangers(kernels: Path) -> list[Stranger]:
    """Return the kernels of others wherever Jupyter looks for kernels."""
    from jupyter_core.paths import jupyter_path

    found = []
    for root in dict.fromkeys([kernels, *map(Path, jupyter_path("kernels"))]):
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
