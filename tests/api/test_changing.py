"""Kernels are changed, doubled and checked, each as a task; what fails leaves the kernel as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.services import check
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, tree
from tests.unit.test_upgrade import FIRST

from .conftest import Client
from .test_adding import ended, leftovers


async def added(client: Client, image: Path, **more: Any) -> dict[str, Any]:
    """Add a kernel and return its record."""
    task = await ended(client, (await client("post", "kernels", {"image": str(image), **more})).holds("Task"))
    assert task["error"] is None
    return task


def record(roots: Roots, slug: str) -> dict[str, Any]:
    spec = json.loads((roots.kernels / slug / "kernel.json").read_text())
    return {"display_name": spec["display_name"], **spec["metadata"]["container_kernels"]}


def files(roots: Roots, slug: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (roots.kernels / slug).iterdir()}


async def test_a_kernel_is_changed_in_its_place_and_keeps_its_image_and_packages(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    await added(client, image, display_name="Demo", gpu="off", environment={"A": "1"})
    before = record(roots, "demo")
    edit = {
        "display_name": "Demo, changed", "gpu": "auto", "environment": {"B": "2"}, "isolated": False,
        "binds": [{"source": str(tmp_path), "destination": "/data", "read_only": True}],
    }  # fmt: skip
    answer = await client("patch", "kernels/demo", edit)
    assert answer.status == 202 and answer.headers["Location"]
    task = answer.holds("Task")
    assert (task["job"], task["slug"], task["edit"]) == ("edit", "demo", edit)
    task = await ended(client, task)
    assert task["error"] is None
    assert {phase["name"]: phase["state"] for phase in task["phases"]} == {
        "resolve": "skipped", "acquire": "skipped", "inspect": "done", "install": "skipped", "verify": "done",
        "publish": "done",
    }  # fmt: skip
    after = record(roots, "demo")
    assert {name: after[name] for name in edit} == edit
    assert {name: after[name] for name in ("image", "packages", "log", "created")} == {
        name: before[name] for name in ("image", "packages", "log", "created")
    }
    assert "Demo, changed" in (roots.kernels / "demo" / "init.sh").read_text()
    assert tree(roots.staging) == []


#: A change, and the code of its error.
UNACCEPTABLE = [
    ({"display_name": " "}, "invalid_display_name"),
    ({"binds": [{"source": "/no/such", "destination": None, "read_only": False}]}, "invalid_bind"),
    ({"environment": {"PATH": "x"}}, "invalid_environment"),
    ({"gpu": "maybe"}, "unreadable"),
    ({"slug": "other"}, "unreadable"),
]


@pytest.mark.parametrize(("edit", "code"), UNACCEPTABLE)
@pytest.mark.parametrize(("verb", "path"), [("patch", "kernels/demo"), ("post", "kernels/demo/duplicate")])
async def test_a_change_that_is_not_acceptable_begins_nothing(
    client: Client, roots: Roots, image: Path, verb: str, path: str, edit: dict[str, Any], code: str
) -> None:
    add_kernel(roots, "demo", image)
    before = files(roots, "demo")
    assert (await client(verb, path, edit)).refused(code)
    assert files(roots, "demo") == before
    assert (await client("get", "tasks")).holds("TaskList") == {"tasks": []}


async def test_a_change_that_fails_changes_nothing(client: Client, roots: Roots, image: Path) -> None:
    await added(client, image, display_name="Demo")
    before = files(roots, "demo")
    image.unlink()
    task = await ended(client, (await client("patch", "kernels/demo", {"gpu": "off"})).holds("Task"))
    assert task["state"] == "failed"
    assert task["error"]["code"] == "image_not_found"
    assert files(roots, "demo") == before
    assert tree(roots.staging) == []


async def test_a_kernel_that_a_task_is_at_is_neither_changed_nor_deleted(
    client: Client, roots: Roots, image: Path
) -> None:
    await added(client, image, display_name="Demo")
    task = (await client("post", "kernels/demo/check")).holds("Task")
    (await client("patch", "kernels/demo", {"gpu": "off"})).refused("slug_taken")
    (await client("post", "kernels/demo/check")).refused("slug_taken")
    (await client("post", "kernels/demo/repair", {"action": "find_runtime"})).refused("slug_taken")
    (await client("delete", "kernels/demo")).refused("kernel_running")
    assert (await ended(client, task))["error"] is None
    (await client("delete", "kernels/demo")).holds("Removal")


async def test_a_kernel_is_doubled_without_taking_room(client: Client, roots: Roots, image: Path) -> None:
    await added(client, image, display_name="Demo", gpu="off", environment={"A": "1"})
    edit = {"display_name": "Demo", "gpu": "on"}
    task = (await client("post", "kernels/demo/duplicate", edit)).holds("Task")
    assert (task["job"], task["slug"]) == ("duplicate", "demo-2")
    assert (task["original"], task["edit"]["gpu"]) == ("demo", "on"), "what a page needs to ask for the same again"
    task = await ended(client, task)
    assert task["error"] is None
    before, after = record(roots, "demo"), record(roots, "demo-2")
    assert after["image"] == before["image"]
    assert after["packages"]["shared"] == before["packages"]["shared"]
    assert after["packages"]["path"] != before["packages"]["path"]
    assert (after["gpu"], after["environment"]) == ("on", {"A": "1"})
    another = (await client("post", "kernels/demo/duplicate")).holds("Task")
    assert another["display_name"] == "Demo (copy)"
    await ended(client, another)


async def test_a_check_starts_a_kernel_as_it_is_and_leaves_the_log_of_its_own_start(
    client: Client, roots: Roots, image: Path
) -> None:
    await added(client, image, display_name="Demo")
    log = roots.logs / "demo" / "last-start"
    log.write_text("of its own start\n")
    before = files(roots, "demo")
    task = await ended(client, (await client("post", "kernels/demo/check")).holds("Task"))
    assert (task["state"], task["message"]) == ("done", "Demo works")
    assert log.read_text() == "of its own start\n"
    assert files(roots, "demo") == before
    checked = json.loads((roots.logs / "demo" / "checked.json").read_text())
    assert (checked["ok"], checked["digest"]) == (True, None)
    assert tree(roots.staging) == []


async def test_a_check_of_a_kernel_that_does_not_start_fails_with_the_reason(
    client: Client, roots: Roots, image: Path
) -> None:
    await added(client, image, display_name="Demo")
    script = roots.kernels / "demo" / "init.sh"
    script.write_text(script.read_text().replace("\nimage=", "\necho the disk is haunted >&2; exit 3\nimage="))
    task = await ended(client, (await client("post", "kernels/demo/check", {"updates": False})).holds("Task"))
    assert (task["state"], task["error"]["code"]) == ("failed", "verify_failed")
    checked = json.loads((roots.logs / "demo" / "checked.json").read_text())
    assert checked["ok"] is False
    assert (checked["message"], checked["hint"]) == (task["error"]["message"], task["error"]["hint"])
    assert tree(roots.staging) == []
    assert (roots.kernels / "demo").is_dir()


async def test_a_check_that_found_ports_taken_says_nothing_of_the_kernel(
    client: Client, roots: Roots, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await added(client, image, display_name="Demo")

    async def taken(*_: object) -> None:
        raise check.PortTaken

    monkeypatch.setattr(check, "verify", taken)
    task = await ended(client, (await client("post", "kernels/demo/check", {"updates": False})).holds("Task"))
    assert (task["state"], task["error"]["code"]) == ("failed", "verify_failed")
    assert "taken by another program" in task["error"]["message"]
    assert not (roots.logs / "demo" / "checked.json").exists()


@pytest.mark.parametrize("verb_and_path", [("patch", ""), ("post", "/duplicate"), ("post", "/check")])
async def test_only_kernels_of_ours_are_changed(client: Client, roots: Roots, verb_and_path: tuple[str, str]) -> None:
    verb, path = verb_and_path
    (await client(verb, f"kernels/nothing{path}")).refused("not_found")
    directory = roots.kernels / "foreign"
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text('{"argv": ["apptainer"], "display_name": "x", "language": "python"}')
    (await client(verb, f"kernels/foreign{path}")).refused("not_found")


async def test_a_script_is_written_anew_with_the_runtime_of_today(client: Client, roots: Roots, image: Path) -> None:
    await added(client, image, display_name="Demo")
    path = roots.kernels / "demo" / "kernel.json"
    spec = json.loads(path.read_text())
    spec["metadata"]["container_kernels"]["runtime"]["path"] = "/gone/apptainer"
    path.write_text(json.dumps(spec))
    body = {"action": "find_runtime", "image": "\ud800"}  # which this does not look at, and no file can hold
    task = await ended(client, (await client("post", "kernels/demo/repair", body)).holds("Task"))
    assert task["error"] is None
    assert record(roots, "demo")["runtime"]["path"].endswith("fake-apptainer")


def only_what_is_in(model: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return data without the keys that a model lacks, at all depths of the model."""
    return {
        name: only_what_is_in(of_model, data[name]) if isinstance(of_model, dict) and of_model else data[name]
        for name, of_model in model.items()
    }


async def test_a_kernel_of_the_first_version_is_listed_repaired_changed_and_deleted(
    client: Client, roots: Roots, image: Path
) -> None:
    await added(client, image, display_name="Demo", gpu="off", environment={"A": "1"})
    path = roots.kernels / "demo" / "kernel.json"
    written = json.loads(path.read_text())
    then = only_what_is_in(FIRST, written)
    record_then = then["metadata"]["container_kernels"]
    assert {"isolated", "start_s", "gpu_name"}.isdisjoint(record_then) and "shared" not in record_then["packages"]
    path.write_text(json.dumps(then))

    [listed] = (await client("get", "kernels")).holds("KernelList")["kernels"]
    assert (listed["slug"], listed["ours"], listed["status"]["code"]) == ("demo", True, "ok")
    repair = {"action": "find_runtime"}
    repaired = await ended(client, (await client("post", "kernels/demo/repair", repair)).holds("Task"))
    assert repaired["error"] is None
    changed = await ended(client, (await client("patch", "kernels/demo", {"gpu": "auto"})).holds("Task"))
    assert changed["error"] is None
    now = record(roots, "demo")
    assert (now["gpu"], now["environment"], now["isolated"], now["created"]) == (
        "auto", {"A": "1"}, True, record_then["created"],
    )  # fmt: skip
    (await client("delete", "kernels/demo", {"purge": True})).holds("Removal")
    assert leftovers(roots) == {}


async def test_an_image_that_was_renamed_is_found_by_its_id(client: Client, roots: Roots, image: Path) -> None:
    await added(client, image, display_name="Demo")
    moved = image.rename(image.with_name("renamed.sif"))
    task = await ended(client, (await client("post", "kernels/demo/repair", {"action": "relink"})).holds("Task"))
    assert task["error"] is None
    assert record(roots, "demo")["image"]["path"] == str(moved)
    moved.unlink()
    message = (await client("post", "kernels/demo/repair", {"action": "relink"})).refused("image_not_found")
    assert str(image.parent) in message and str(roots.images) in message


async def test_an_image_named_by_its_digest_has_no_updates(client: Client, roots: Roots, image: Path) -> None:
    await added(client, image, display_name="Demo")
    (await client("post", "kernels/demo/repair", {"action": "update"})).refused("invalid_reference")
    path = roots.kernels / "demo" / "kernel.json"
    spec = json.loads(path.read_text())
    spec["metadata"]["container_kernels"]["image"]["source"] = f"docker://docker.io/library/demo@sha256:{'0' * 64}"
    path.write_text(json.dumps(spec))
    assert "no updates" in (await client("post", "kernels/demo/repair", {"action": "update"})).refused(
        "invalid_reference"
    )
