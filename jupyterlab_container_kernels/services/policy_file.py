"""A site's policy file: read strictly, each mistake with its line. What is right in a wrong file holds.

A mistake where images are restricted must not open what was meant to be closed: it *closes* registries, files or
both until it is mended. See :mod:`.policy` for what that means.
"""

from __future__ import annotations

import difflib
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..settings import Closes, PolicyFile, PolicyProblem
from . import policy_values as values

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

_MOST_BYTES = 1_000_000
_ALL: tuple[Closes, ...] = ("registries", "files")
#: Words of what restricts images, also where it was written wrongly.
_RESTRICTS = re.compile(r"allow|den[iy]|block|forbid|permit|restrict|digest|registr", re.IGNORECASE)


@dataclass(frozen=True)
class Key:
    """A key of the file.

    Parameters
    ----------
    name : str
        Table and key, as ``folders.images``.
    trait : str
        The setting of :class:`~.app.ContainerKernelsApp` that has the same meaning.
    kind : str
        What it has to be, as the document says it.
    check : Check
    closes : tuple of Closes
        What is closed while it is wrong.
    """

    name: str
    trait: str
    kind: str
    check: values.Check
    closes: tuple[Closes, ...] = ()


_FOLDERS = values.entries(values.folder)
_REGISTRIES = values.entries(values.registry)

#: All keys, in the order of the document.
KEYS = (
    Key("support.text", "support_text", "text", values.text),
    Key("support.link", "support_link", "https:// or mailto: address", values.link),
    Key("folders.images", "images_dir", "folder", values.folder),
    Key("folders.site_images", "site_images", "list of folders", _FOLDERS),
    Key("folders.packages", "packages_dir", "folder", values.folder),
    Key("folders.temporary", "temporary_dir", "folder", values.folder),
    Key("folders.scratch", "scratch_dirs", "list of folders", _FOLDERS),
    Key("folders.shared_kernels", "shared_kernel_dirs", "list of folders", _FOLDERS),
    Key("folders.wheelhouse", "wheelhouse", "folder", values.folder),
    Key("runtime.path", "runtime_path", "full path", values.folder),
    Key("runtime.module", "runtime_module", "text", values.text),
    Key("pull.from", "pull_from", "auto, here, job or login", values.one_of("auto", "here", "job", "login")),
    Key("pull.job_options", "pull_job_options", "list of options", values.entries(values.option)),
    Key("kernels.binds", "default_binds", "list of folders", _FOLDERS),
    Key("kernels.environment", "default_environment", "table of texts", values.variables),
    Key("registries.allow", "allowed_registries", "list of registries", _REGISTRIES, ("registries",)),
    Key("registries.deny", "denied_registries", "list of registries", _REGISTRIES, ("registries",)),
    Key("registries.digest_required", "digest_required", "true or false", values.flag, ("registries",)),
    Key("registries.insecure", "insecure_registries", "list of texts", values.entries(values.text)),
    Key("files.allow", "allowed_paths", "list of folders", _FOLDERS, ("files",)),
    Key("files.deny", "denied_paths", "list of folders", _FOLDERS, ("files",)),
    Key("catalogue", "catalogue", "tables", values.catalogue),
)
_BY_NAME = {key.name: key for key in KEYS}
_BY_TRAIT = {key.trait: key for key in KEYS}
_TABLES = {key.name.partition(".")[0] for key in KEYS if "." in key.name}


def checked(trait: str, value: Any) -> Any:
    """Return the value of a setting as the policy file would have it.

    Raises
    ------
    ValueError
        The first thing that is wrong with it.
    """

    def complain(at: tuple[str | int, ...], reason: str) -> None:
        raise ValueError(f"{_written(at)} {reason}" if at else reason)

    return _BY_TRAIT[trait].check(value, complain)


def read(path: Path) -> PolicyFile:
    """Read a policy file. Never raises: what is wrong with it is told."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            text = file.read(_MOST_BYTES).decode()
    except UnicodeDecodeError:
        return PolicyFile(path, problems=[PolicyProblem("", None, "is not text in UTF-8", _ALL)])
    except OSError as error:
        return PolicyFile(
            path, problems=[PolicyProblem("", None, f"cannot be read: {error.strerror}", _ALL)], is_read=False
        )
    closes = _ALL if _RESTRICTS.search(text) else ()
    if mode & 0o022:
        who = "everybody" if mode & 0o002 else "a group"
        reason = f"may be written by {who} (mode {mode:04o}), so nothing of it holds: chmod go-w"
        return PolicyFile(path, problems=[PolicyProblem("", None, reason, closes)])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        line = int(found[1]) if found and found[1] else len(text.splitlines())
        reason = str(error)[: found.start()] if found else str(error)
        return PolicyFile(path, problems=[PolicyProblem("", line, f"is no TOML: {reason}", closes)])
    return _Reader(path, text).read(document)


class _Reader:
    """Reads a document, and keeps what is wrong with it."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines(keepends=True)
        self._values: dict[str, Any] = {}
        self._problems: list[PolicyProblem] = []

    def read(self, document: Mapping[str, Any]) -> PolicyFile:
        for name, value in document.items():
            if name in _BY_NAME:
                self._take(_BY_NAME[name], value)
            elif name not in _TABLES:
                self._unknown((name,), value, [*_TABLES, "catalogue"])
            elif not isinstance(value, dict):
                self._complain((name,), f"has to be a table: [{name}]", (name,) if name in _ALL else ())
            else:
                for key, each in value.items():
                    known = _BY_NAME.get(f"{name}.{key}")
                    if known is not None:
                        self._take(known, each)
                    else:
                        keys = [other.partition(".")[2] for other in _BY_NAME if other.startswith(f"{name}.")]
                        self._unknown((name, key), each, keys)
        problems = sorted(self._problems, key=lambda problem: problem.line or 0)
        return PolicyFile(self._path, self._values, problems)

    def _take(self, key: Key, value: Any) -> None:
        at = tuple(key.name.split("."))
        # the other entries of a list of what is allowed hold; a wrong one allows nothing
        closes = () if key.name.endswith(".allow") else key.closes
        try:
            self._values[key.trait] = key.check(
                value, lambda inside, reason: self._complain((*at, *inside), reason, closes)
            )
        except ValueError as error:
            self._complain(at, str(error), key.closes)

    def _unknown(self, at: tuple[str, ...], value: Any, known: list[str]) -> None:
        near = difflib.get_close_matches(at[-1], known, 1)
        hint = f"is it {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        closes: tuple[Closes, ...] = ()
        if at[0] in _ALL:
            closes = (at[0],)
        elif any(_RESTRICTS.search(name) for name in _names(at[-1], value)):
            closes = _ALL
        self._complain(at, f"is unknown; {hint}", closes)

    def _complain(self, at: tuple[str | int, ...], reason: str, closes: tuple[Closes, ...]) -> None:
        self._problems.append(PolicyProblem(_written(at), self._line(at), reason, closes))

    def _line(self, at: tuple[str | int, ...]) -> int:
        """Return the line in which a key is set, the first one being 1.

        A parser that tells lines is not at hand. The shortest beginning of the file that is TOML and has the key ends
        where the key is set; what is set begins behind the longest one that is TOML before that.
        """
        low, high = 0, len(self._lines)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if _has(self._beginning(middle)[1], at) else (middle + 1, high)
        return self._beginning(low - 1)[0] + 1

    def _beginning(self, lines: int) -> tuple[int, dict[str, Any]]:
        """Return the longest beginning of at most so many lines that is TOML, and how many it has."""
        while True:
            try:
                return lines, tomllib.loads("".join(self._lines[:lines]))
            except tomllib.TOMLDecodeError:
                lines -= 1


def _has(document: Any, at: tuple[str | int, ...]) -> bool:
    for step in at:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _names(name: str, value: Any) -> list[str]:
    """Return a name and all that stand below it."""
    found = [name]
    for key, each in value.items() if isinstance(value, dict) else ():
        found += _names(key, each)
    return found


def _written(at: tuple[str | int, ...]) -> str:
    """Write the place of a value, as ``catalogue[2].image``; the first entry is 1, as people count."""
    text = ""
    for step in at:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text
