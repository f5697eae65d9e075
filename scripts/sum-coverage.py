#!/usr/bin/env python3
"""Say how much of the code the tests ran: ``sum-coverage.py FOLDER``.

Reads ``python.json`` (coverage.py's JSON report) and ``coverage-summary.json`` (jest's) in the folder. Prints one line
for each part of the code. The exit code is 1 if a part that has a limit has less, of statements and branches taken
together (as coverage.py counts), or if nothing was measured of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# the whole of what a suite may run, and those parts of it that have a limit (per cent)
PARTS = {
    "jupyterlab_container_kernels/": 0,
    "jupyterlab_container_kernels/services/": 90,
    "src/": 0,
    "src/model/": 90,
}


class Covered(NamedTuple):
    """Numbers of statements and branches."""

    run: int
    statements: int
    taken: int
    branches: int


def read_python(path: Path) -> dict[str, Covered]:
    """Read coverage.py's report: file by file, relative to the checkout."""
    found = {}
    for name, file in json.loads(path.read_text())["files"].items():
        sums = file["summary"]
        found[relative(name)] = Covered(
            sums["covered_lines"], sums["num_statements"], sums["covered_branches"], sums["num_branches"]
        )
    return found


def read_jest(path: Path) -> dict[str, Covered]:
    """Read jest's report: file by file, relative to the checkout."""
    found = {}
    for name, sums in json.loads(path.read_text()).items():
        if name != "total":
            statements, branches = sums["statements"], sums["branches"]
            found[relative(name)] = Covered(
                statements["covered"], statements["total"], branches["covered"], branches["total"]
            )
    return found


def relative(name: str) -> str:
    """Write a file's name as one in the checkout."""
    path = PurePosixPath(name)
    return str(path.relative_to(ROOT) if path.is_absolute() else path)


def share(part: int, whole: int) -> float:
    """Return per cent, rounded down to a tenth so that the limit is never met by rounding."""
    return 1000 * part // whole / 10 if whole else 0.0


def main() -> int:
    """Print the figures."""
    folder = Path(sys.argv[1])
    files = read_python(folder / "python.json") | read_jest(folder / "coverage-summary.json")
    enough = True
    for part, limit in PARTS.items():
        sums = Covered(*(sum(column) for column in zip(*inside(files, part), strict=True)))
        statements, branches = share(sums.run, sums.statements), share(sums.taken, sums.branches)
        whole = share(sums.run + sums.taken, sums.statements + sums.branches)
        met = sums.statements > 0 and whole >= limit
        enough = enough and met
        print(
            f"{part:40} {whole:5.1f} %: {statements:5.1f} % of {sums.statements:5} statements,"
            f" {branches:5.1f} % of {sums.branches:4} branches{'' if met else f'; less than {limit} %'}"
        )
    return 0 if enough else 1


def inside(files: dict[str, Covered], part: str) -> list[Covered]:
    """Return what was measured below a folder."""
    return [Covered(0, 0, 0, 0), *(found for name, found in files.items() if name.startswith(part))]


if __name__ == "__main__":
    sys.exit(main())
