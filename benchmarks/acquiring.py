#!/usr/bin/env python3
"""Measure how long an image takes to become a SIF: by our worker, and by ``apptainer pull``.

``scripts/with-registry.sh python benchmarks/acquiring.py [--image NAME] [--rounds N] [--json FILE]``

The ways take turns, each time without any cache. CPU seconds are those of all processes, ours and what they start; on
a machine where others work they are what can be compared, and wall time is what a person waits. Needs what
``make testbed`` sets up.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jupyterlab_container_kernels.acquire.compressors import has_zstd
from jupyterlab_container_kernels.system import machine

#: The largest of the test-bed: R with Jupyter's kernel for it, 93 MB compressed.
IMAGE = "test/r-irkernel:1"


@dataclass
class Way:
    """One way to make the SIF, and what each round of it took."""

    name: str
    make: Callable[[Path], None]
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    bytes_written: int = 0

    def measure(self, directory: Path) -> None:
        """Do it once in an empty directory."""
        before, start = _cpu(), time.monotonic()
        self.make(directory)
        self.wall_s.append(time.monotonic() - start)
        self.cpu_s.append(_cpu() - before)
        self.bytes_written = (directory / "image.sif").stat().st_size


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(reference: str, compression: str) -> Callable[[Path], None]:
    """Return how our worker makes an image with a compression."""

    def make(directory: Path) -> None:
        job = {
            "reference": reference,
            "architecture": machine.architecture(),
            "runtime": shutil.which("apptainer"),
            "target": str(directory / "image.sif"),
            "spool": str(directory),
            "compression": compression,
        }
        command = [sys.executable, "-m", "jupyterlab_container_kernels.acquire.worker"]
        subprocess.run(command, input=json.dumps(job), text=True, check=True, stdout=subprocess.DEVNULL)

    return make


def pull(reference: str) -> Callable[[Path], None]:
    """Return how Apptainer pulls an image."""

    def make(directory: Path) -> None:
        env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(directory)}
        command = ["apptainer", "-q", "pull", "--disable-cache", str(directory / "image.sif"), reference]
        subprocess.run(command, env=env, check=True, capture_output=True)

    return make


def main() -> int:
    """Measure, print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", default=IMAGE, help="an image of the test-bed's registry")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    reference = f"docker://{os.environ['CK_TEST_REGISTRY']}/{options.image}"
    ways = [Way("apptainer pull", pull(reference)), Way("ours, zlib", ours(reference, "gzip"))]
    if has_zstd():
        ways.append(Way("ours, zstd", ours(reference, "zstd")))
    for _ in range(options.rounds):
        for way in ways:
            with tempfile.TemporaryDirectory(prefix="acquiring-") as directory:
                way.measure(Path(directory))
    print(f"{options.image}, medians of {options.rounds}, {len(os.sched_getaffinity(0))} cores")
    base_wall, base_cpu = statistics.median(ways[0].wall_s), statistics.median(ways[0].cpu_s)
    for way in ways:
        wall, cpu = statistics.median(way.wall_s), statistics.median(way.cpu_s)
        print(
            f"{way.name:<16} {wall:7.1f} s wall ({base_wall / wall:4.1f} × less)  {cpu:7.1f} s CPU "
            f"({base_cpu / cpu:4.1f} × less)  {way.bytes_written / 1e6:7.1f} MB"
        )
    if options.json:
        rows = [{key: value for key, value in asdict(way).items() if key != "make"} for way in ways]
        options.json.write_text(json.dumps({"image": options.image, "ways": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
