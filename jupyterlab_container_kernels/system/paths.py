"""Where things are kept, and how they are written, measured and removed.

What we make is private (files 0600, directories 0700, whatever the umask) and carries a marker; only what carries it
and really lies below a root of ours is ever removed.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ContainerKernelsError

#: The file that says that a directory was made by us.
MARKER = ".container-kernels"

_MARKER_BEGUN = re.compile(rf"\.{re.escape(MARKER)}\.[0-9a-f]{{12}}")


@dataclass(frozen=True)
class Roots:
    """The directories that we write to; each is made when first needed.

    Parameters
    ----------
    kernels : Path
        Where Jupyter looks for this user's kernels.
    images, packages : Path
        The large ones: SIF files by digest, and what was installed for images that lack a kernel package.
    state : Path
        Tasks, logs, staging and trash. On the same file system as ``kernels``, so that a rename publishes.
    """

    kernels: Path
    images: Path
    packages: Path
    state: Path

    @property
    def tasks(self) -> Path:
        return self.state / "tasks"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def staging(self) -> Path:
        return self.state / "staging"

    @property
    def trash(self) -> Path:
        return self.state / "trash"


def unused(directory: Path) -> Path:
    """Return a path of that name that does not exist; what was there before may have left one behind."""
    number, path = 1, directory
    while os.path.lexists(path):
        number += 1
        path = directory.with_name(f"{directory.name}-{number}")
    return path


def make_private(directory: Path) -> Path:
    """Make a directory, and those above it, readable by this user alone. Existing ones are left as they are."""
    missing = []
    path = directory
    while not path.exists():
        missing.append(path)
        path = path.parent
    for path in reversed(missing):
        # what has come there meanwhile may be a link of somebody else, in a directory that all may write to
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            path.chmod(0o700)
    return directory


def make_marked(directory: Path) -> Path:
    """Make a new private directory that carries our marker.

    Raises
    ------
    FileExistsError
        There is something of that name already.
    """
    make_private(directory.parent)
    directory.mkdir(mode=0o700)
    directory.chmod(0o700)
    text = "Made by Container Kernels, which removes it when the kernel is deleted.\n"
    write_private(directory / MARKER, text, durable=False)  # that it is there is all that matters
    return directory


def make_temporary(parent: Path) -> Path:
    """Make a marked directory with an unpredictable name below a directory that strangers may write to."""
    directory = Path(tempfile.mkdtemp(prefix="container-kernels-", dir=parent))
    write_private(directory / MARKER, "Made by Container Kernels for one task.\n")
    return directory


def write_private(path: Path, text: str, mode: int = 0o600, *, durable: bool = True) -> None:
    """Write a text file atomically with exactly that mode, and unless it is not needed then, as a power cut keeps it.

    The latter takes a disk milliseconds, or a busy one much longer.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Return what a JSON file holds, or ``None`` if it is missing, unreadable or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def is_ours(directory: Path, *roots: Path) -> bool:
    """Tell whether a directory carries our marker and really lies below one of the roots."""
    real = Path(os.path.realpath(directory))
    below = any(real.is_relative_to(os.path.realpath(root)) and real != Path(os.path.realpath(root)) for root in roots)
    return below and not directory.is_symlink() and (real / MARKER).is_file()


def remove_marked(directory: Path, *roots: Path) -> int:
    """Remove a directory of ours and return the bytes that it took; do nothing if it is gone already.

    What a removal that was killed has left of it goes as well.

    Raises
    ------
    ContainerKernelsError
        ``not_ours``: it has no marker or lies elsewhere, or became something else at this moment.
    """
    parent = Path(os.path.realpath(directory.parent))
    if any(parent.is_relative_to(os.path.realpath(root)) for root in roots):
        for rest in parent.glob(f".{glob.escape(directory.name)}.{'[0-9a-f]' * 12}.removing"):
            if rest.is_dir() and not rest.is_symlink():
                remove_tree(rest)
    if not os.path.lexists(directory):
        return 0
    if not is_ours(directory, *roots):
        raise _not_ours(directory)
    size = disk_usage(directory)
    # renamed first: nobody finds it half removed, and a second remover finds nothing
    doomed = directory.with_name(f".{directory.name}.{secrets.token_hex(6)}.removing")
    try:
        directory.rename(doomed)
    except FileNotFoundError:
        return 0
    if not is_ours(doomed, *roots):  # something else was put into its place after we had looked
        doomed.rename(directory)
        raise _not_ours(directory)
    remove_tree(doomed)
    return size


def _not_ours(directory: Path) -> ContainerKernelsError:
    return ContainerKernelsError(
        "not_ours",
        f"{directory} was not removed: it does not carry Container Kernels' marker.",
        "Look at it, and remove it by hand if it is no longer needed.",
    )


def remove_begun(directory: Path, *roots: Path) -> bool:
    """Remove a directory as :func:`make_marked` leaves it when it is killed, and tell whether it was one.

    It is empty, or holds the marker under the name that this has before it is complete.

    Raises
    ------
    OSError
    """
    parent = Path(os.path.realpath(directory.parent))
    if not any(parent.is_relative_to(os.path.realpath(root)) for root in roots) or directory.is_symlink():
        return False
    if not directory.is_dir() or (directory / MARKER).exists():
        return False
    begun = [each for each in directory.iterdir() if _MARKER_BEGUN.fullmatch(each.name)]
    if len(begun) != len(list(directory.iterdir())):
        return False
    for each in begun:
        each.unlink(missing_ok=True)
    directory.rmdir()
    return True


def remove_tree(directory: Path) -> None:
    """Remove a tree of our own; directories inside that forbid it (images hold such) are opened first.

    Nothing is followed and nothing changed above or outside it, also when a directory becomes a link meanwhile; that
    link stays.
    """
    top = os.fspath(directory)

    def open_up(function: Callable[[str], object], path: str, _error: object) -> None:
        if not os.path.lexists(path):
            return  # another process removes the same
        for each in (os.path.dirname(path), path):  # noqa: PTH120
            if each == top or each.startswith(f"{top}/"):
                with contextlib.suppress(OSError):
                    _open_directory(each)
        with contextlib.suppress(OSError):
            if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
                shutil.rmtree(path, ignore_errors=True)
            elif function in (os.unlink, os.rmdir):
                function(path)

    shutil.rmtree(top, onerror=open_up)


def _open_directory(path: str) -> None:
    """Let the user change a directory; nothing else, and no link is followed."""
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.chmod(f"/proc/self/fd/{descriptor}", 0o700)  # noqa: PTH101 (fchmod takes no such descriptor)
    finally:
        os.close(descriptor)


def disk_usage(path: Path) -> int:
    """Return the bytes that a file, or all files below a directory, hold; hard links count once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    queue = [os.fspath(path)]
    while queue:
        each = queue.pop()
        try:
            status = os.lstat(each)
            if stat.S_ISDIR(status.st_mode):
                with os.scandir(each) as entries:
                    queue += [entry.path for entry in entries]
                continue
        except OSError:
            continue
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_size
    return total


def disk_room(path: Path) -> tuple[int | None, int | None]:
    """Return the free and total bytes of the file system on which a path lies or will lie."""
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        status = os.statvfs(path)
    except OSError:
        return None, None
    return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
