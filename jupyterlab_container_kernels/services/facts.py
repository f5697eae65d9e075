"""What a quick look at the files of a kernel tells: a few calls and a few bytes for each, and nothing is judged here.

Each function takes a path, so that it can be a question of a survey; what has not changed is read once.
"""

# Of thousands of paths, pathlib takes longer than the calls.
# ruff: noqa: PTH110, PTH116, PTH120, PTH123

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ..acquire import local_image, sif
from ..errors import ContainerKernelsError
from ..system import process
from ..system.kept import MOST_KEPT, Kept, stamp_of
from ..system.paths import read_json

_Value = TypeVar("_Value")

_HEAD_BYTES, _TAIL_BYTES = 512, 256
_STARTED = re.compile(rb"^# started: (\S+)$", re.MULTILINE)
_ENDED = re.compile(rb"^# ended: \S+ ([\w-]+)", re.MULTILINE)


@dataclass(frozen=True)
class ImageFacts:
    """An image file (or folder) that is there.

    Parameters
    ----------
    sif_id : str or None
        ``None`` when it is not a SIF, or damaged.
    damage : str or None
        What is wrong with its header, or why a folder is no image, as a sentence.
    writable_by_others : str or None
        The file, or a folder above it, if others than the user may write to it and so put another file there.
    """

    size_bytes: int
    mtime_ns: int
    is_directory: bool
    is_readable: bool
    sif_id: str | None = None
    damage: str | None = None
    writable_by_others: str | None = None


@dataclass(frozen=True)
class StartFacts:
    """The log of the last start.

    Parameters
    ----------
    started : datetime or None
        ``None`` when there was no start.
    has_failed : bool
    is_first : bool
        There is no log of a start before.
    """

    started: datetime | None
    has_failed: bool = False
    is_first: bool = True


@dataclass(frozen=True)
class Checked:
    """What the last deep check found; ``known`` is what the quick look had against the kernel when it was started."""

    at: datetime
    ok: bool
    message: str
    hint: str
    digest: str | None
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Owner:
    """To whom a folder belongs."""

    uid: int
    name: str


_headers: Kept[tuple[str | None, str | None]] = Kept()
_heads: Kept[tuple[datetime, bool]] = Kept()
_documents: Kept[Checked | None] = Kept()
_last: dict[object, Any] = {}


def same(key: object, value: _Value) -> _Value:
    """Return the object that was returned for a key before if it is equal.

    Thousands of new ones in each listing would let Python collect garbage for longer than the event loop may be kept.
    """
    before = _last.get(key)
    if before == value:
        kept: _Value = before
        return kept
    if len(_last) > MOST_KEPT:
        _last.clear()
    _last[key] = value
    return value


def image(path: str) -> ImageFacts:
    """Look at an image.

    Raises
    ------
    OSError
        As ``stat`` raises it.
    """
    status = os.stat(path)
    is_directory = stat.S_ISDIR(status.st_mode)
    is_readable = os.access(path, os.R_OK | os.X_OK if is_directory else os.R_OK)
    header: tuple[str | None, str | None] = (None, None)
    if is_readable:
        read = _folder if is_directory else _header
        header = _headers.get(path, stamp_of(status), lambda: read(path))
    found = ImageFacts(
        status.st_size, status.st_mtime_ns, is_directory, is_readable, *header, _writable_by_others(path, status)
    )
    return same(path, found)


def _header(path: str) -> tuple[str | None, str | None]:
    try:
        return sif.read_header(Path(path)).id, None
    except ContainerKernelsError as error:
        return None, error.message


def _folder(path: str) -> tuple[None, str | None]:
    return None, local_image.why_none(path)


def _writable_by_others(path: str, status: os.stat_result) -> str | None:
    if others_may_write(status):
        return path
    above = path
    while above != (above := os.path.dirname(above)):
        status = os.stat(above)
        # in a folder as /tmp, only the owner of what lies in it may replace that
        if others_may_write(status) and not status.st_mode & stat.S_ISVTX:
            return above
    return None


def others_may_write(status: os.stat_result) -> bool:
    """Tell whether others than this user may write to what has such a status."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not is_private_group(status.st_gid)


@lru_cache(maxsize=64)
def is_private_group(gid: int) -> bool:
    """Tell whether a group has this user alone, as most distributions give one to each user."""
    if gid == 0:
        return True  # who is in root's group needs no permission
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def owner(path: str) -> Owner:
    """Tell to whom a folder belongs.

    Raises
    ------
    OSError
        It is not there, or nobody can tell.
    """
    uid = os.stat(path).st_uid
    return same(("owner", path), Owner(uid, user_name(uid)))


@lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """Return the name of a user, or the number where nobody knows it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def top(path: str) -> str:
    """Return the folder of a path without which a file system is missing: the first one, or a repository of CVMFS."""
    parts = PurePosixPath(path).parts
    return str(PurePosixPath(*parts[: 3 if parts[1:2] == ("cvmfs",) else 2]))


def executable(path: str) -> int | None:
    """Return when a program was changed, in nanoseconds, or ``None`` if it may not be executed."""
    return os.stat(path).st_mtime_ns if os.access(path, os.X_OK) else None


def program(name: str) -> str | None:
    """Return the full path of a program on ``PATH``, or ``None``."""
    return process.find_program(name)


def may_write(path: str) -> bool:
    """Tell whether this user may add to and remove from a folder."""
    return os.access(path, os.W_OK | os.X_OK)


def exists(path: str) -> bool:
    """Tell that a file or folder is there.

    Raises
    ------
    OSError
        It is not, or nobody can tell.
    """
    os.stat(path)
    return True


def start(path: str) -> StartFacts:
    """Read when a kernel was last started, from the head of its log."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return StartFacts(None)
    if status.st_size == 0:
        return StartFacts(None)
    started, has_failed = _heads.get(path, stamp_of(status), lambda: _read_log(path, status))
    return same(path, StartFacts(started, has_failed, not os.path.exists(f"{path}.before")))


def _read_log(path: str, status: os.stat_result) -> tuple[datetime, bool]:
    with open(path, "rb") as stream:
        head = _STARTED.search(stream.read(_HEAD_BYTES))
        stream.seek(max(0, status.st_size - _TAIL_BYTES))
        ends = _ENDED.findall(stream.read())
    started = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    if head is not None:
        with contextlib.suppress(ValueError):
            started = datetime.strptime(head[1].decode(), "%Y-%m-%dT%H:%M:%S%z").astimezone(timezone.utc)
    return started, ends[-1:] == [b"failed"]


def checked(path: str) -> Checked | None:
    """Read what the last deep check found."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _documents.get(path, stamp_of(status), lambda: _read_checked(read_json(Path(path))))


def _read_checked(data: Any) -> Checked | None:
    try:
        at = datetime.fromisoformat(str(data["at"]).replace("Z", "+00:00"))
        digest = data.get("digest")
        known = tuple(map(str, data.get("known", ())))
        return Checked(at, bool(data["ok"]), str(data["message"]), str(data["hint"]), digest and str(digest), known)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def files(path: str) -> list[tuple[str, int]]:
    """Return the paths and sizes of the files in a folder.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with os.scandir(path) as entries:
        return sorted((entry.path, entry.stat(follow_symlinks=False).st_size) for entry in entries if entry.is_file())
