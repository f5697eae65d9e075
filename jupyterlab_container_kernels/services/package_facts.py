"""What a quick look at the packages of a kernel tells: whether all files are there, and what the user has added."""

# Of thousands of paths, pathlib takes longer than the calls.
# ruff: noqa: PTH116, PTH123

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..languages.base import Language
from ..system.kept import MOST_KEPT, Kept, stamp_of
from ..system.paths import read_json
from .facts import same
from .install import INTERPRETER_FILE

_Value = TypeVar("_Value")

#: More directories than these are looked through again each time.
_MOST_DIRECTORIES = 64
_documents: Kept[tuple[str, str] | None] = Kept()
_trees: dict[object, tuple[list[tuple[str, int]], Any]] = {}


@dataclass(frozen=True)
class OwnFacts:
    """A kernel's own directory of packages: whether it is there, what the probe told, what the user added."""

    interpreter: tuple[str, str] | None
    added: list[str]


@dataclass(frozen=True)
class SetFacts:
    """A set of packages that kernels share."""

    missing: list[str]
    installed: list[str]


@dataclass(frozen=True)
class PackageFacts:
    """Looks at packages of one language."""

    language: Language | None = field(compare=False)
    name: str

    def own(self, path: str) -> OwnFacts:
        """Look at a kernel's own directory of packages.

        Raises
        ------
        OSError
            It is not there, or nobody can tell.
        """
        os.stat(path)
        added = _unchanged(("own", self.name, path), path, lambda: self._installed(path))
        return same(path, OwnFacts(_interpreter(f"{path}/{INTERPRETER_FILE}"), added))

    def shared(self, path: str) -> SetFacts:
        """Look whether all files of a set of packages are there.

        Raises
        ------
        OSError
            It is not there, or nobody can tell.
        """
        os.stat(path)
        return _unchanged(
            ("set", self.name, path), path, lambda: SetFacts(_missing_files(path), self._installed(path)), whole=True
        )

    def _installed(self, path: str) -> list[str]:
        return self.language.installed(Path(path)) if self.language else []


def _interpreter(path: str) -> tuple[str, str] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None

    def read() -> tuple[str, str] | None:
        data = read_json(Path(path))
        try:
            return str(data["path"]), str(data["version"])
        except (TypeError, KeyError):
            return None

    return _documents.get(path, stamp_of(status), read)


def _unchanged(key: object, root: str, read: Callable[[], _Value], *, whole: bool = False) -> _Value:
    """Return what was read from a tree, again only if a directory of it has changed since."""
    known = _trees.get(key)
    if known is not None and all(_mtime(directory) == mtime for directory, mtime in known[0]):
        value: _Value = known[1]
        return value
    directories = [(each, _mtime(each)) for each in _directories(root, whole)]
    value = read()
    if whole or len(directories) <= _MOST_DIRECTORIES:
        if len(_trees) > MOST_KEPT:
            _trees.clear()
        _trees[key] = (directories, value)
    return value


def _directories(root: str, whole: bool) -> list[str]:
    """Return a tree's directories; of packages themselves only if the whole tree is wanted."""
    found, level = [root], [(root, 0)]
    while level:
        directory, depth = level.pop()
        if not whole and (depth == 3 or directory.endswith("-packages") or "/target-" in directory):
            continue
        try:
            with os.scandir(directory) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        found += below
        if not whole and len(found) > _MOST_DIRECTORIES:
            break
        level += [(each, depth + 1) for each in below]
    return found


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1


def _missing_files(root: str) -> list[str]:
    """Return files that the RECORD of an installed distribution names and that are not there, some of them.

    The format: https://packaging.python.org/en/latest/specifications/recording-installed-packages/. Compiled files
    may be missing; what lies outside of the packages, as scripts do, is not needed.
    """
    there: set[str] = set()
    infos: list[tuple[str, str]] = []
    for directory, folders, files in os.walk(root):
        folders[:] = [each for each in folders if each != "__pycache__"]
        infos += [(directory, each) for each in folders if each.endswith(".dist-info")]
        there.update(f"{directory}/{each}" for each in files)
    missing: list[str] = []
    for directory, folder in infos:
        try:
            with open(f"{directory}/{folder}/RECORD", encoding="utf-8", newline="") as stream:
                names = [row[0] for row in csv.reader(stream) if row]
        except (FileNotFoundError, UnicodeDecodeError, csv.Error):
            missing.append(f"{folder}/RECORD")
            continue
        wanted = [name for name in names if not name.startswith(("../", "/")) and not name.endswith(".pyc")]
        missing += [name for name in wanted if f"{directory}/{name}" not in there]
    return missing
