"""Reads the directories in which Jupyter looks for kernels: every kernel that may start a container, whoever made it.

What cannot be read is kept with the reason, because Jupyter passes over it without a word. What has not changed is read
once.
"""

# Of thousands of paths, pathlib takes longer than the calls.
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import container_argv, foreign, kernelspecs
from .kept import Kept, stamp_of
from .kernelspecs import Spec

_LIMIT_BYTES = 256 * 1024
#: What Jupyter wants of a kernel.json beside ``argv`` (``jupyter_client.kernelspec.KernelSpec``).
_KINDS: Mapping[str, type] = {"display_name": str, "language": str, "metadata": dict, "env": dict}


@dataclass(frozen=True, eq=False)
class Entry:
    """One kernel directory with a ``kernel.json``.

    Parameters
    ----------
    slug : str
        Its name in Jupyter, which knows no capitals.
    directory : str
    spec : Spec or None
        With our record, if it is ours.
    problem : str or None
        Why Jupyter cannot read it, or why we cannot read our record in it.
    is_hidden : bool
        The problem is one with which Jupyter does not show the kernel.
    argv, environment, interrupt_mode, display_name, language
        From ``kernel.json``.
    written_s : float
        When ``kernel.json`` was written, in seconds since 1970.
    """

    slug: str
    directory: str
    spec: Spec | None = None
    problem: str | None = None
    is_hidden: bool = False
    argv: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    display_name: str = ""
    language: str = ""
    written_s: float = 0.0


@dataclass(frozen=True)
class Script:
    """A start script: its text, and whether it may be executed."""

    text: str
    is_executable: bool


_entries: Kept[Entry | None] = Kept()
_scripts: Kept[Script] = Kept()


def real_path(directory: str) -> str:
    """Return where a directory really lies."""
    return os.path.realpath(directory)


def subdirectories(directory: str) -> list[str]:
    """Return the paths of what may be kernels in a directory. It need not exist.

    Raises
    ------
    OSError
        It cannot be read.
    """
    try:
        with os.scandir(directory) as entries:
            return [entry.path for entry in entries if entry.is_symlink() or entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(directory: str) -> Entry | None:
    """Return a kernel, or ``None`` if there is none, or a readable one that plainly starts no container.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    path = f"{directory}/kernel.json"
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = _entries.get(directory, stamp_of(status), lambda: _parse(directory, path, status.st_mtime))
    if found is not None and found.is_hidden:
        _entries.forget(directory)  # one that cannot be read is judged by what lies beside it, too
    return found


def read_script(path: str) -> Script:
    """Return the beginning of a start script.

    Raises
    ------
    OSError
        It cannot be read, or is no plain file.
    """
    try:
        status = os.stat(path)
    except ValueError as error:  # a null byte, or half a character
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
    return _scripts.get(path, stamp_of(status), lambda: _read_script(path))


def _read_script(path: str) -> Script:
    text = _text(path, foreign.SCRIPT_LIMIT_BYTES)
    return Script("" if "\0" in text else text, os.access(path, os.X_OK))


def _parse(directory: str, path: str, written_s: float) -> Entry | None:
    slug = os.path.basename(directory).lower()
    try:
        text = _bytes(path, _LIMIT_BYTES)
        data = json.loads(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno}, column {error.colno}: {error.msg}"
        return _unreadable(slug, directory, problem, text.decode("utf-8", "replace"), written_s)
    except (UnicodeDecodeError, RecursionError) as error:
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else "it is not UTF-8"
        return _unreadable(slug, directory, problem, text.decode("utf-8", "replace"), written_s)
    except PermissionError:
        return _unreadable(slug, directory, "you may not read it", "", written_s)
    wrong = _problem(data)
    if wrong is not None:
        return _unreadable(slug, directory, wrong, text.decode("utf-8"), written_s, data)
    spec = kernelspecs.parse(Path(directory), data)
    argv = data["argv"]
    made_by_us = kernelspecs.KEY in data.get("metadata", {})
    if spec is None and not made_by_us and foreign.script_of(argv, directory) is None and not _mentions(argv):
        return None
    return Entry(
        slug=slug,
        directory=directory,
        spec=spec,
        problem=kernelspecs.why_unreadable(data) if spec is None and made_by_us else None,
        argv=argv,
        environment={name: str(value) for name, value in data.get("env", {}).items()},
        interrupt_mode=str(data.get("interrupt_mode", "signal")),
        display_name=data.get("display_name") or slug,
        language=data.get("language", ""),
        written_s=written_s,
    )


def _problem(data: Any) -> str | None:
    """Return why Jupyter cannot use what a kernel.json says, or ``None``."""
    if not isinstance(data, dict):
        return "it is no JSON object"
    if "argv" not in data:
        return "argv, the command that starts the kernel, is missing"
    argv = data["argv"]
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return "argv has to be a list of texts, and not empty"
    for name, kind in _KINDS.items():
        if name in data and not isinstance(data[name], kind):
            return f"{name} has to be {'a text' if kind is str else 'an object'}"
    if data.get("interrupt_mode", "signal") not in ("signal", "message"):
        return "interrupt_mode has to be signal or message"
    return None


def _unreadable(slug: str, directory: str, problem: str, text: str, written_s: float, data: Any = None) -> Entry | None:
    """Return a kernel that Jupyter cannot read if it, or a script beside it, speaks of containers."""
    if not (container_argv.MENTIONED.search(text) or kernelspecs.KEY in text or _script_mentions(directory)):
        return None
    data = data if isinstance(data, dict) else {}
    name, language = data.get("display_name"), data.get("language")
    return Entry(
        slug=slug,
        directory=directory,
        problem=problem,
        is_hidden=True,
        display_name=name if isinstance(name, str) and name else slug,
        language=language if isinstance(language, str) else "",
        written_s=written_s,
    )


def _script_mentions(directory: str) -> bool:
    for name in ("init.sh", "wrapper.bash"):
        try:
            if container_argv.MENTIONED.search(_text(f"{directory}/{name}", foreign.SCRIPT_LIMIT_BYTES)):
                return True
        except OSError:
            continue
    return False


def _mentions(argv: list[str]) -> bool:
    return any(container_argv.MENTIONED.search(word) or word.endswith("envkernel") for word in argv)


def _text(path: str, limit: int) -> str:
    return _bytes(path, limit).decode("utf-8", "replace")


def _bytes(path: str, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not keep us
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(limit)
