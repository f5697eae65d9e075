"""A server that is killed in mid-task: nothing of it lives on, and the next one says what became of the task."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import PHASES

from .bed import Bed
from .jupyter import JupyterServer


@pytest.mark.parametrize("phase", PHASES)
def test_a_server_killed_in_any_phase_leaves_no_process_and_the_next_one_cleans_up(
    bed: Bed, registry: str, stored_python: Path, tmp_path: Path, phase: str
) -> None:
    if phase not in ("resolve", "acquire"):
        bed.seed(stored_python)
    server = JupyterServer(tmp_path)
    task = server.ask("POST", "kernels", {"image": f"{registry}/demo/python:1", "display_name": "Killed"})
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        task = server.ask("GET", f"tasks/{task['id']}")
        reached = task["phase"]
        if task["ended"] or (reached and PHASES.index(reached) >= PHASES.index(phase)):
            break  # a short one may have gone by between two looks
        time.sleep(0.005)
    server.kill()

    bed.assert_no_process_is_left()

    server = JupyterServer(tmp_path)
    try:
        (task,) = server.ask("GET", "tasks")["tasks"]
        names = [kernel["slug"] for kernel in server.ask("GET", "kernels")["kernels"]]
        if reached in ("publish", None):  # of one that has ended, no phase is said
            assert (task["state"], names) in (("done", ["killed"]), ("interrupted", []))
        else:
            assert (task["state"], names) == ("interrupted", [])
        if names:
            server.ask("DELETE", "kernels/killed", {"purge": True})
        if task["state"] == "interrupted":
            assert task["error"]["code"] == "interrupted"
            assert task["request"]["image"].endswith("/demo/python:1")
        server.ask("DELETE", f"tasks/{task['id']}", {})
        assert server.ask("GET", "tasks") == {"tasks": []}
    finally:
        server.stop()
    if phase not in ("resolve", "acquire"):
        bed.unseed()
    bed.assert_nothing_is_left()


def test_a_server_that_is_stopped_keeps_only_what_another_try_goes_on_with(
    bed: Bed, registry: str, tmp_path: Path
) -> None:
    server = JupyterServer(tmp_path)
    task = server.ask("POST", "kernels", {"image": f"{registry}/demo/python:1", "display_name": "Stopped"})
    while not bed.has_begun_to_pull():
        assert not server.ask("GET", f"tasks/{task['id']}")["ended"]
        time.sleep(0.02)
    server.stop()
    assert bed.processes() == []
    assert {Path(path).parts[3][:6] for path in bed.leftovers()} <= {"spool-"}

    server = JupyterServer(tmp_path)
    try:
        assert server.ask("GET", f"tasks/{task['id']}")["state"] == "interrupted"
        server.ask("DELETE", f"tasks/{task['id']}", {})
    finally:
        server.stop()
    bed.assert_nothing_is_left()
