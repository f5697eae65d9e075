#!/usr/bin/env python3
"""Split a root file system into archives that lie over one another as layers of an image.

``split-tar.py TAR DIRECTORY PREFIX…`` writes ``DIRECTORY/part-N.tar``: into the first all folders and whatever has none
of the prefixes, and one more for each prefix.
"""

from __future__ import annotations

import contextlib
import sys
import tarfile
from pathlib import Path


def main(source: str, directory: str, *prefixes: str) -> None:
    """Split it."""
    with contextlib.ExitStack() as files:
        parts = [
            files.enter_context(tarfile.open(Path(directory, f"part-{number}.tar"), "w", format=tarfile.PAX_FORMAT))
            for number in range(len(prefixes) + 1)
        ]

        def part_of(name: str) -> int:
            path = name.removeprefix("./")
            return next((number for number, each in enumerate(prefixes, 1) if path.startswith(f"{each}/")), 0)

        with tarfile.open(source, "r|") as tar:
            for member in tar:
                # a hard link never lies below what it leads to
                number = 0 if member.isdir() else part_of(member.name)
                if member.islnk():
                    number = max(number, part_of(member.linkname))
                parts[number].addfile(member, tar.extractfile(member) if member.isreg() else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
