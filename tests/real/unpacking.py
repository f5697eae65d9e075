"""Unpacks an image file and describes every entry of it, as root or as what a user namespace calls so.

``python -m tests.real.unpacking IMAGE OFFSET DIRECTORY FILE``: the squashfs from a byte of the image on, into a
directory that is gone afterwards; what was found is in the file.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """One entry of an unpacked image."""

    kind: int
    mode: int
    owner: tuple[int, int]
    size: int
    mtime: int
    content: str
    xattrs: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]


def namespace() -> list[str] | None:
    """Return the words before a command that make it root, none for root itself, or ``None`` where nobody can be it."""
    if shutil.which("unsquashfs") is None:
        return None
    if os.geteuid() == 0:
        return []
    words = ["unshare", "--map-root-user"]
    try:
        return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else None
    except FileNotFoundError:
        return None


def unpack(sif: Path, target: Path) -> dict[str, Found]:
    """Unpack an image and describe every entry by its name."""
    words, file = namespace(), target.with_suffix(".found")
    assert words is not None
    command = [*words, sys.executable, "-m", __name__, str(sif), str(partition_offset(sif)), str(target), str(file)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Found] = {name: Found(*fields) for name, fields in pickle.loads(file.read_bytes()).items()}
    file.unlink()
    return found


def partition_offset(sif: Path) -> int:
    lines = subprocess.run(["apptainer", "sif", "list", sif], check=True, capture_output=True, text=True).stdout
    place = next(line for line in lines.splitlines() if "Squashfs" in line).split("|")[3]
    return int(place.partition("-")[0])


def described(target: Path) -> dict[str, Found]:
    """Describe what lies in a directory."""
    root = os.fsencode(target)
    names: dict[tuple[int, int], list[str]] = {}
    paths = [root]
    for at, folders, files in os.walk(root):
        paths += [os.path.join(at, name) for name in folders + files]
    for path in paths:
        status = os.lstat(path)
        names.setdefault((status.st_dev, status.st_ino), []).append(os.fsdecode(path[len(root) + 1 :]))
    found = {}
    for path in paths:
        status = os.lstat(path)
        name = os.fsdecode(path[len(root) + 1 :])
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.fsdecode(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while data := file.read(1 << 20):
                    digest.update(data)
            content = digest.hexdigest()
        attributes = [] if stat.S_ISLNK(status.st_mode) else sorted(os.listxattr(path))
        xattrs = tuple((key, os.getxattr(path, key)) for key in attributes)
        is_plain = stat.S_ISREG(status.st_mode)
        found[name] = Found(
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            status.st_size if is_plain else 0,
            int(status.st_mtime),
            content,
            tuple(pair for pair in xattrs if not pair[0].startswith("user.rootlesscontainers")),
            tuple(sorted(names[status.st_dev, status.st_ino])) if is_plain else (),
        )
    return found


def main(sif: str, offset: str, target: str, file: str) -> int:
    command = ["unsquashfs", "-no-progress", "-quiet", "-xattrs", "-o", offset, "-d", target, sif]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        return done.returncode
    found = described(Path(target))
    Path(file).write_bytes(pickle.dumps({name: tuple(vars(each).values()) for name, each in found.items()}))
    shutil.rmtree(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
