"""A server that is killed at any moment of the main job leaves nothing, and the next one says what became of it.

``CK_KILLS`` says how many moments are tried in ``make test-slow``, ``CK_KILLS_SEED`` which ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.real.bed import Bed
from tests.real.jupyter import JupyterServer

KILLS = int(os.environ.get("CK_KILLS", "100"))
SEED = int(os.environ.get("CK_KILLS_SEED", "7"))
#: What is added in turn: an image that holds ipykernel, and one beside which it is installed, which takes longer.
IMAGES = ("demo/python-ipykernel:1",) * 4 + ("demo/python:1",)


def processes_of(bed: Bed) -> list[str]:
    """Return the command lines of all processes that began below a server of this bed: its environment tells."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(bed.path) in (process / "environ").read_bytes() and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if line]


def what_is_left(bed: Bed) -> list[str]:
    """Return all that is left of tasks, except whole images, which are there for the next try."""
    found = [path for path in bed.leftovers() if not path.startswith("data/container-kernels/images/sha256-")]
    for image in (bed.state / "images").glob("sha256-*"):
        if not (image.with_suffix(".sif").exists() and image.with_suffix(".json").exists()):
            found.append(f"half of an image: {image}")
    found += [str(path) for path in bed.state.iterdir() if path.name.startswith(".")]  # locks, unfinished files
    found += [str(path) for path in (bed.state / "tasks").glob("*")]
    found += [str(path) for path in (bed.path / "runtime").glob("kernel-*")]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(bed.path) in line]
    return found


class Job:
    """The main job, again and again, on one bed."""

    def __init__(self, bed: Bed, registry: str, root_dir: Path) -> None:
        self.bed = bed
        self.registry = registry
        self.root_dir = root_dir
        self.server = JupyterServer(root_dir)

    def body(self, image: str) -> dict[str, str]:
        return {"image": f"{self.registry}/{image}", "display_name": "Killed"}

    def duration(self, image: str) -> float:
        """Do the job undisturbed once, and return the seconds that it takes."""
        began = time.monotonic()
        task = self.server.ask("POST", "kernels", self.body(image))
        while not (task := self.server.ask("GET", f"tasks/{task['id']}"))["ended"]:
            time.sleep(0.05)
        assert task["error"] is None, task["error"]
        took = time.monotonic() - began
        self.clean(task)
        return took

    def kill_after(self, image: str, seconds: float) -> None:
        """Begin the job, and kill the server, only the server, so many seconds later; then start another one."""

        def add() -> None:
            with contextlib.suppress(OSError, json.JSONDecodeError):  # it may be killed before it answers
                self.server.ask("POST", "kernels", self.body(image))

        asking = threading.Thread(target=add)
        asking.start()
        time.sleep(seconds)
        self.server.kill()
        asking.join()
        deadline = time.monotonic() + 60
        while processes_of(self.bed) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_of(self.bed) == []
        self.server = JupyterServer(self.root_dir)

    def what_became(self) -> str:
        """Return how the task ended, where the new server says all that it should, and nothing is half done."""
        tasks = self.server.ask("GET", "tasks")["tasks"]
        kernels = self.server.ask("GET", "kernels")["kernels"]
        if not tasks:
            assert kernels == []
            self.clean()
            return "it had not begun"
        (task,) = tasks
        if task["state"] == "interrupted":
            assert kernels == []
            assert (task["error"]["code"], task["request"]["display_name"]) == ("interrupted", "Killed")
            running = [phase["name"] for phase in task["phases"] if phase["state"] == "failed"]
            self.clean(task)
            return f"interrupted in {', '.join(running) or 'no phase'}"
        assert (task["state"], task["error"]) == ("done", None)
        (kernel,) = kernels
        assert (kernel["slug"], kernel["status"]["level"]) == ("killed", "ok"), kernel["status"]
        self.clean(task)
        return "done"

    def clean(self, task: dict[str, Any] | None = None) -> None:
        """Do what a user can do, and look whether that leaves nothing."""
        if task is not None:
            if task["state"] == "done":
                self.server.ask("DELETE", "kernels/killed", {"purge": True, "delete_image": True})
            self.server.ask("DELETE", f"tasks/{task['id']}", {})
        for begun in (self.bed.state / "tasks").glob("*"):  # killed before it was noted, it stays for some minutes
            with contextlib.suppress(FileNotFoundError):
                if not (begun / "task.json").exists():
                    os.utime(begun, (0, 0))
        self.server.ask("GET", "tasks")
        deadline = time.monotonic() + 60
        left = ["not looked yet"]
        while left and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):  # it is being removed at this moment
                left = what_is_left(self.bed)
            time.sleep(0.05)
        assert left == []
        self.bed.unseed()


def storm(bed: Bed, registry: str, root_dir: Path, kills: int, images: tuple[str, ...] = IMAGES) -> Counter[str]:
    """Kill a server so many times, and count what became of the tasks."""
    moments = random.Random(SEED)
    job = Job(bed, registry, root_dir)
    became: Counter[str] = Counter()
    try:
        durations = {image: job.duration(image) for image in dict.fromkeys(images)}
        print(f"undisturbed: { {image: round(seconds, 1) for image, seconds in durations.items()} }")
        for number in range(kills):
            image = images[number % len(images)]
            seconds = moments.uniform(0, durations[image] * 1.05)
            job.kill_after(image, seconds)
            end = job.what_became()
            became[end] += 1
            print(f"{number + 1}: {image}, after {seconds:.2f} s: {end}", flush=True)
    finally:
        job.server.stop()
    return became


@pytest.fixture
def private_tmp(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all temporary files lie where they are looked for."""
    monkeypatch.setenv("TMPDIR", str(bed.temporary))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("private_tmp")
def test_a_server_killed_at_random_moments_leaves_nothing_half_done(bed: Bed, registry: str, tmp_path: Path) -> None:
    became = storm(bed, registry, tmp_path, KILLS)
    print(f"{KILLS} kills: {dict(became)}")
    assert sum(became.values()) == KILLS
