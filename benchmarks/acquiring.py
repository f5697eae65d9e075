#!/usr/bin/env python3
"""Measure how long an image takes from its registry to a kernel: in our way, by ``apptainer pull``, and by hand.

``scripts/with-registry.sh python benchmarks/acquiring.py [--image NAME] [--rounds N] [--rate MB/S] [--json FILE]``

The ways take turns, each time without any cache. CPU seconds are those of all processes that a way starts; on a machine
where others work they are what can be compared, and wall time is what a person waits. *By hand* is ``apptainer pull``,
``inspect``, a look for ipykernel and a first start; *the whole of ours* is ``jupyter container-kernels add``, which
starts the kernel and runs cells in it as well. Needs what ``make testbed`` sets up, and for the large image
``scripts/images.sh heavy``. :mod:`run` makes it part of ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jupyterlab_container_kernels.acquire.compressors import has_zstd
from jupyterlab_container_kernels.system import machine

#: What `scripts/images.sh heavy` makes, and the largest of the test-bed with Python.
HEAVY, SMALL = "bench/heavy:1", "demo/python-ipykernel:1"
#: What a first cell may import of either.
_CELLS = {HEAVY: "import scipy.stats, pandas; print(1 + 1)", SMALL: "import json; print(1 + 1)"}
#: name, value, unit, limit, note, samples
Row = tuple[str, float, str, float | None, str, list[float]]


@dataclass
class Taken:
    """What one run took."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    written_mb: float


@dataclass
class Way:
    """One way to bring an image, and what each of its runs took.

    ``command`` gets an empty directory and returns argv, variables, and what is written to standard input.
    """

    name: str
    command: Callable[[Path], tuple[list[str], dict[str, str], str]]
    taken: list[Taken] = field(default_factory=list)

    def measure(self, directory: Path) -> None:
        """Do it once."""
        argv, variables, job = self.command(directory)
        start = time.monotonic()
        with (directory / "said").open("w+") as said:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=said, stderr=said, env={**os.environ, **variables}, text=True
            )
            assert process.stdin is not None
            process.stdin.write(job)
            process.stdin.close()
            # with all that it has started and waited for
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                said.seek(0)
                raise RuntimeError(f"{self.name}: {said.read()[-2000:]}")
        wall_s = time.monotonic() - start
        written_mb = used.ru_oublock * 512 / 1e6
        self.taken.append(Taken(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, written_mb))

    def of(self, what: str) -> list[float]:
        """Return one of the fields of all runs."""
        return [getattr(each, what) for each in self.taken]


def worker(reference: str, compression: str) -> Callable[[Path], tuple[list[str], dict[str, str], str]]:
    """Return how our worker makes an image."""

    def command(directory: Path) -> tuple[list[str], dict[str, str], str]:
        job = {
            "reference": reference,
            "architecture": machine.architecture(),
            "runtime": shutil.which("apptainer"),
            "target": str(directory / "image.sif"),
            "spool": str(directory),
            "compression": compression,
        }
        return [sys.executable, "-m", "jupyterlab_container_kernels.acquire.worker"], {}, json.dumps(job)

    return command


def pull(reference: str, then: str = "") -> Callable[[Path], tuple[list[str], dict[str, str], str]]:
    """Return how Apptainer pulls an image, and what a person runs then with the image as ``$0``."""

    def command(directory: Path) -> tuple[list[str], dict[str, str], str]:
        script = f'apptainer -q pull --disable-cache "$0" {reference} {then}'
        variables = {"APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(directory)}
        return ["sh", "-c", script, str(directory / "image.sif")], variables, ""

    return command


_BY_HAND = (
    '&& apptainer inspect "$0" && apptainer -q exec "$0" python3 -c "import ipykernel" '
    '&& apptainer -q exec "$0" python3 -m ipykernel --version'
)


def add(reference: str) -> Callable[[Path], tuple[list[str], dict[str, str], str]]:
    """Return how a kernel is added from a terminal."""

    def command(directory: Path) -> tuple[list[str], dict[str, str], str]:
        names = {"JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_CONFIG_DIR": "config"}
        argv = [sys.executable, "-m", "jupyterlab_container_kernels.cli", "add", reference.removeprefix("docker://")]
        return argv, {name: str(directory / each) for name, each in names.items()}, ""

    return command


class _Link:
    """Lets so many bytes a second through, of all connections together."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._budget = 0.0
        self._moment = time.monotonic()
        self._lock = threading.Lock()

    def wait_for(self, count: int) -> None:
        """Wait until so many bytes may pass."""
        with self._lock:
            now = time.monotonic()
            self._budget = min(self._budget + (now - self._moment) * self._rate, self._rate / 20) - count
            self._moment = now
            pause_s = -self._budget / self._rate
        if pause_s > 0:
            time.sleep(pause_s)

    def pump(self, source: socket.socket, target: socket.socket, limited: bool) -> None:
        """Hand on what comes."""
        try:
            while data := source.recv(256 * 1024):
                if limited:
                    self.wait_for(len(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, target):
                each.close()


@contextmanager
def slow_link(registry: str, rate: float) -> Iterator[str]:
    """Stand before a registry with a link of so many bytes a second."""
    host, port = registry.rsplit(":", 1)
    link = _Link(rate)

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            upstream = socket.create_connection((host, int(port)))
            for source, target, limited in ((client, upstream, False), (upstream, client, True)):
                threading.Thread(target=link.pump, args=(source, target, limited), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def compressed_bytes(registry: str, image: str) -> int:
    """Return what there is to download of an image."""
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry}/{image}"]
    manifest = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return sum(layer["size"] for layer in manifest["layers"])


def first_cell(sif: Path, code: str, cold: bool) -> float:
    """Start a kernel of an image and return after how many seconds a first cell has printed."""
    from jupyter_client.manager import KernelManager

    with tempfile.TemporaryDirectory(prefix="first-cell-") as directory:
        spec = Path(directory, "kernels/first-cell/kernel.json")
        spec.parent.mkdir(parents=True)
        argv = ["apptainer", "-q", "exec", str(sif), "python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
        if cold:
            with sif.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        manager = KernelManager(kernel_name="first-cell", connection_file=str(Path(directory, "connection.json")))
        manager.kernel_spec_manager.kernel_dirs = [str(spec.parents[1])]
        manager.kernel_spec_manager.ensure_native_kernel = False
        start = time.monotonic()
        manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=120)
            answer = client.execute_interactive(code, timeout=120, output_hook=lambda _message: None)
            assert answer["content"]["status"] == "ok", answer["content"]
            return time.monotonic() - start
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def figures(image: str, rounds: int, rate: float) -> Iterator[Row]:
    """Measure everything about one image; limits hold for the large one only."""
    registry = os.environ["CK_TEST_REGISTRY"]
    reference = f"docker://{registry}/{image}"
    size = compressed_bytes(registry, image)
    is_heavy = size > 0.8e9
    by_pull, by_hand = Way("apptainer pull", pull(reference)), Way("by hand", pull(reference, _BY_HAND))
    plain, whole = Way("ours, standard library", worker(reference, "gzip")), Way("the whole of ours", add(reference))
    fast = Way("ours, zstd", worker(reference, "zstd")) if has_zstd() else plain
    ways = [by_pull, by_hand, plain, *([fast] if fast is not plain else []), whole]
    kept = Path(tempfile.mkdtemp(prefix="acquiring-"))
    try:
        for number in range(rounds):
            for way in ways if number % 2 else reversed(ways):
                with tempfile.TemporaryDirectory(prefix="acquiring-") as directory:
                    way.measure(Path(directory))
                    if way in (by_pull, fast):
                        shutil.move(Path(directory, "image.sif"), kept / f"{ways.index(way)}.sif")
        yield from _compared(
            ways, by_pull, by_hand, plain, fast, whole, size, is_heavy, kept / f"{ways.index(fast)}.sif"
        )
        yield from _through_a_slow_link(registry, image, "zstd" if has_zstd() else "gzip", size, rate, rounds, is_heavy)
        yield from _first_cells(kept / f"{ways.index(by_pull)}.sif", kept / f"{ways.index(fast)}.sif", image, rounds)
    finally:
        shutil.rmtree(kept)


def _compared(
    ways: list[Way], by_pull: Way, by_hand: Way, plain: Way, fast: Way, whole: Way, size: int, is_heavy: bool, sif: Path
) -> Iterator[Row]:
    cores = len(os.sched_getaffinity(0))
    note = f"{size / 1e6:.0f} MB compressed, {cores} cores"
    for way in ways:
        for what, unit in (("wall_s", "s"), ("cpu_s", "s"), ("peak_mb", "MB"), ("written_mb", "MB")):
            limit = None
            if way is fast and is_heavy:
                written = (sif.stat().st_size + size) / 1e6 * 1.02
                limit = {"peak_mb": 200.0, "written_mb": written}.get(what)
            name = {"wall_s": "waited", "cpu_s": "processor", "peak_mb": "peak memory", "written_mb": "written"}[what]
            yield f"{way.name}: {name}", statistics.median(way.of(what)), unit, limit, note, way.of(what)
    for mine, theirs, goal in ((fast, by_pull, 20), (plain, by_pull, 10), (whole, by_hand, 10)):
        for what, name in (("wall_s", "waited"), ("cpu_s", "processor")):
            ratios = [a / b for a, b in zip(mine.of(what), theirs.of(what), strict=True)]
            value = statistics.median(ratios)
            less = f"{1 / value:.1f} × less; the goal is {goal} ×"
            yield f"{mine.name} / {theirs.name}: {name}", value, "×", 1 / goal if is_heavy else None, less, ratios


def _through_a_slow_link(
    registry: str, image: str, compression: str, size: int, rate: float, rounds: int, is_heavy: bool
) -> Iterator[Row]:
    with slow_link(registry, rate) as slow:
        way = Way("ours", worker(f"docker://{slow}/{image}", compression))
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="acquiring-") as directory:
                way.measure(Path(directory))
    bare_s = size / rate
    note = f"the bare download takes {bare_s:.1f} s"
    limit = bare_s * 1.4 + 3 if is_heavy else None
    waited = way.of("wall_s")
    yield f"ours, through {rate / 1e6:.0f} MB/s: waited", statistics.median(waited), "s", limit, note, waited


def _first_cells(theirs: Path, ours: Path, image: str, rounds: int) -> Iterator[Row]:
    code = _CELLS.get(image, _CELLS[SMALL])
    for cold in (True, False):
        pairs = [(first_cell(theirs, code, cold), first_cell(ours, code, cold)) for _ in range(rounds)]
        medians = [statistics.median(each) for each in zip(*pairs, strict=True)]
        ratios = [mine / other for other, mine in pairs]
        note = f"ours {medians[1]:.2f} s, Apptainer's {medians[0]:.2f} s"
        name = f"first cell, {'cold' if cold else 'warm'}: our image / Apptainer's"
        yield name, statistics.median(ratios), "×", 1.1 if image == HEAVY else None, note, ratios


def main() -> int:
    """Measure, print, and write it as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", default=HEAVY, help="an image of the test-bed's registry")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=50.0, help="of the slow link, in MB/s")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for row in figures(options.image, options.rounds, options.rate * 1e6):
        name, value, unit, limit, note, samples = row
        goal = "" if limit is None else f"≤ {limit:.2f} {unit}"
        print(f"{name:<52} {value:9.2f} {unit:<3} {goal:<12} {note}", flush=True)
        rows.append({"name": name, "value": value, "unit": unit, "limit": limit, "note": note, "samples": samples})
    if options.json:
        options.json.write_text(json.dumps({"image": options.image, "figures": rows}, indent=1) + "\n")
    return 1 if any(row["limit"] is not None and row["value"] > row["limit"] for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
