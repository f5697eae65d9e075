"""``jupyter container-kernels`` as a script and a person use it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .bed import Bed
from .kernels import printed, started


def test_a_kernel_is_added_listed_and_removed_from_a_terminal(bed: Bed, ipykernel_sif: Path) -> None:
    added = bed.cli("add", str(ipykernel_sif), "--name", "From a terminal", "--gpu")
    assert added.returncode == 0, added.stderr
    assert "From a terminal is ready" in added.stdout
    assert "verify: Starting the kernel once" in added.stderr

    listed = bed.cli("list", "--json")
    (kernel,) = json.loads(listed.stdout)["kernels"]
    assert (kernel["slug"], kernel["gpu"], kernel["status"]["code"]) == ("from-a-terminal", "on", "ok")
    assert "From a terminal" in bed.cli("list").stdout

    removed = bed.cli("remove", "From a terminal", "--yes", "--json", "--purge")
    assert removed.returncode == 0, removed.stderr
    assert json.loads(removed.stdout)["freed_bytes"] > 0
    assert json.loads(bed.cli("list", "--json").stdout) == {"kernels": []}
    bed.assert_nothing_is_left()
    assert ipykernel_sif.exists()


def test_a_kernel_is_checked_changed_doubled_cleaned_up_and_brought_back_from_a_terminal(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(ipykernel_sif, "here.sif")
    assert bed.cli("add", str(image), "--name", "First").returncode == 0

    checked = bed.cli("check", "First", "--no-updates")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("First: ")
    edited = bed.cli("edit", "First", "--name", "Changed", "--env", "GREETING=hello")
    assert edited.returncode == 0, edited.stderr
    doubled = bed.cli("duplicate", "first", "--name", "Twin", "--gpu", "--json")
    assert doubled.returncode == 0, doubled.stderr
    assert json.loads(doubled.stdout)["slug"] == "twin"
    kernels = {each["slug"]: each for each in json.loads(bed.cli("list", "--json").stdout)["kernels"]}
    assert {slug: (each["display_name"], each["gpu"]) for slug, each in kernels.items()} == {
        "first": ("Changed", "auto"), "twin": ("Twin", "on"),
    }  # fmt: skip
    assert kernels["first"]["environment"] == kernels["twin"]["environment"] == {"GREETING": "hello"}
    with started("twin", bed.path) as client:
        assert printed(client, "import os; print(os.environ['GREETING'])") == "hello"

    assert bed.cli("list", "--stale").stdout.startswith("All container kernels can start")
    moved = image.rename(image.with_name("moved.sif"))
    said = bed.cli("check", "twin", "--no-updates")
    assert said.returncode == 1
    assert str(image) in said.stdout
    assert "no longer" in bed.cli("list", "--stale").stdout
    assert "Twin" in bed.cli("clean", "--dry-run").stderr
    assert {each.name for each in bed.kernels.iterdir()} == {"first", "twin"}
    cleaned = bed.cli("clean", "--yes")
    assert cleaned.returncode == 0, cleaned.stderr
    assert list(bed.kernels.iterdir()) == []
    trash = [each for each in json.loads(bed.cli("images", "--json").stdout)["items"] if each["kind"] == "trash"]
    assert sorted(each["title"] for each in trash) == ["Changed", "Twin"]
    assert "Twin" in bed.cli("images").stdout

    back = bed.cli("undo", "Twin")
    assert back.returncode == 0, back.stderr
    moved.rename(image)
    with started("twin", bed.path) as client:
        assert printed(client, "print(1 + 1)") == "2"
    [left] = [each["id"] for each in trash if each["title"] == "Changed"]
    assert bed.cli("images", "--free", left).returncode == 0
    assert bed.cli("undo").returncode == 3
    assert bed.cli("remove", "twin", "--yes", "--purge").returncode == 0
    bed.assert_nothing_is_left()


def test_a_kernel_that_does_not_start_says_why_and_is_mended_from_a_terminal(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(ipykernel_sif, "before.sif")
    added = bed.cli(
        "add", str(image), "--name", "Mended", "--interpreter", "/usr/bin/python3", "--env", "GREETING=hello = you",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    moved = image.rename(image.with_name("after.sif"))
    with pytest.raises(RuntimeError), started("mended", bed.path):
        pass
    said = bed.cli("log", "Mended")
    assert said.returncode == 0
    assert f"The image {image} is not there" in said.stdout
    assert "no longer" in said.stderr
    assert json.loads(bed.cli("log", "mended", "--json").stdout)["start"]["diagnosis"]["cause"] == "image_missing"
    repaired = bed.cli("repair", "mended", "--image", str(moved))
    assert repaired.returncode == 0, repaired.stderr
    with started("mended", bed.path) as client:
        assert printed(client, "import os; print(os.environ['GREETING'])") == "hello = you"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["add", "Not An Image"], 2),
        (["add", "/nowhere/x.sif"], 1),
        (["add", "debian", "--kernel-name", "python3"], 4),
        (["add", "debian", "--kernel-name", "A/../B"], 2),
        (["add", "debian", "--bind", "/nowhere"], 2),
        (["add", "debian", "--env", "A"], 2),
        (["add", "debian", "--env", "A B=1"], 2),
        (["remove", "nothing", "--yes"], 3),
        (["log", "nothing"], 3),
        (["repair", "nothing", "--pull"], 3),
        (["repair", "nothing"], 2),
        (["check", "nothing"], 3),
        (["edit", "nothing", "--name", "x"], 3),
        (["duplicate", "nothing"], 3),
        (["undo"], 3),
        (["undo", "nothing"], 3),
        (["images", "--free", "0" * 16], 3),
        (["add"], 2),
        (["frobnicate"], 2),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_says_why(bed: Bed, arguments: list[str], code: int) -> None:
    done = bed.cli(*arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.strip() != ""
    bed.assert_nothing_is_left()


def test_no_runtime_is_told_by_exit_code_and_by_info(bed: Bed) -> None:
    empty = bed.path / "empty"
    empty.mkdir()
    done = bed.cli("add", "debian", PATH=str(empty))
    assert done.returncode == 5
    assert "Apptainer" in done.stderr
    info = bed.cli("info", "--json", PATH=str(empty))
    assert json.loads(info.stdout)["runtimes"][0]["available"] is False
    bed.assert_nothing_is_left()


def test_doctor_tells_all_findings_and_fails_if_one_is_a_problem(bed: Bed) -> None:
    done = bed.cli("doctor", "--json")
    states = {each["title"]: each["state"] for each in json.loads(done.stdout)["findings"]}
    assert states["Container runtime"] == "ok"
    assert done.returncode == int("problem" in states.values())

    empty = bed.path / "empty"
    empty.mkdir()
    done = bed.cli("doctor", PATH=str(empty))
    assert done.returncode == 1
    assert [title for title in states if title not in done.stdout] == []
    assert "No kernel can be added" in done.stdout


def test_an_error_is_json_for_a_script(bed: Bed) -> None:
    done = bed.cli("add", "Not An Image", "--json")
    assert set(json.loads(done.stdout)) == {"code", "message", "hint"}


def test_a_deletion_that_nobody_can_confirm_deletes_nothing(bed: Bed, ipykernel_sif: Path) -> None:
    assert bed.cli("add", str(ipykernel_sif), "--name", "Kept").returncode == 0
    done = bed.cli("remove", "kept")
    assert done.returncode == 130
    assert (bed.kernels / "kept").is_dir()


def test_a_kernel_that_runs_is_not_removed_under_its_feet(bed: Bed, ipykernel_sif: Path) -> None:
    assert bed.cli("add", str(ipykernel_sif), "--name", "Busy").returncode == 0
    with started("busy", Path.home()):
        done = bed.cli("remove", "busy", "--yes")
        assert done.returncode == 4
        assert "in use" in done.stderr
    assert bed.cli("remove", "busy", "--yes").returncode == 0


def test_ctrl_c_cancels_and_leaves_nothing(bed: Bed, registry: str) -> None:
    command = [sys.executable, "-m", "jupyterlab_container_kernels.cli", "add", f"{registry}/demo/python:1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not bed.has_begun_to_pull():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    bed.assert_nothing_is_left()
