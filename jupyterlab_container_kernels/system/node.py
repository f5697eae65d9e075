"""What this node lets containers do: user namespaces, FUSE, the programs that mount images."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .mounts import mount_of, mounts
from .process import find_program

#: What limits user namespaces, and the value that forbids them (namespaces(7), user_namespaces(7), Debian, Ubuntu).
_SWITCHES = (
    ("proc/sys/user/max_user_namespaces", "0"),
    ("proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
)
#: Kinds of file systems that are memory.
_OF_MEMORY = ("tmpfs", "ramfs")
_MOUNTERS = ("squashfuse_ll", "squashfuse")


@dataclass(frozen=True)
class Switch:
    """A setting of the Linux kernel, as ``user.max_user_namespaces``."""

    name: str
    value: str
    forbids: bool


def switches(root: Path = Path("/")) -> list[Switch]:
    """Return what is set about user namespaces; settings that this Linux does not have are left out."""
    found = []
    for path, forbidding in _SWITCHES:
        try:
            value = (root / path).read_text().strip()
        except OSError:
            continue
        name = path.removeprefix("proc/sys/").replace("/", ".")
        found.append(Switch(name, value, value == forbidding))
    return found


def may_use_fuse(path: Path = Path("/dev/fuse")) -> bool:
    """Tell whether this user may mount with FUSE.

    Raises
    ------
    FileNotFoundError
        This node has no FUSE.
    """
    path.stat()
    return os.access(path, os.R_OK | os.W_OK)


def setuid_starter(folders: Sequence[Path]) -> Path | None:
    """Return Apptainer's or Singularity's starter that runs as root, if it is installed and may do so."""
    for folder in folders:
        for name in ("apptainer", "singularity"):
            path = folder / name / "bin" / "starter-suid"
            try:
                status = path.stat()
            except OSError:
                continue
            if status.st_uid == 0 and status.st_mode & stat.S_ISUID:
                return path
    return None


def image_mounter(folders: Sequence[Path]) -> str | None:
    """Return the program that mounts images without root: the runtime's own, or one on ``PATH``."""
    for folder in folders:
        for name in _MOUNTERS:
            path = folder / "apptainer" / "bin" / name
            if os.access(path, os.X_OK):
                return str(path)
    return next(filter(None, map(find_program, _MOUNTERS)), None)


def compressions(program: str) -> list[str]:
    """Return the compressions that a program can read, as far as the libraries tell that it is linked with.

    The names are squashfs' own. Empty: nobody can tell, as with a program that is linked statically.
    """
    try:
        content = Path(program).read_bytes()
        linked = content + b"".join(library.read_bytes() for library in _own_libraries(program))
    except OSError:
        return []
    known = {"gzip": b"libz.so", "zstd": b"libzstd.so", "xz": b"liblzma.so", "lz4": b"liblz4.so", "lzo": b"liblzo2.so"}
    return [name for name, library in known.items() if library in linked]


def _own_libraries(program: str) -> list[Path]:
    """Return libsquashfuse itself: some distributions link the program with it, and it with the compressions."""
    prefix = Path(program).resolve().parent.parent
    names = ("lib*/libsquashfuse*.so.0", "lib/*-linux-gnu/libsquashfuse*.so.0")
    return [path for name in names for path in sorted(prefix.glob(name)) if path.is_file()]


def is_memory(path: Path) -> bool:
    """Tell whether what is written to a folder takes memory."""
    mount = mount_of(str(path), mounts())
    return mount is not None and mount.kind in _OF_MEMORY
