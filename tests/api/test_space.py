"""What takes room is shown with who uses it; what nobody uses can be removed, and nothing else."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.services import inventory, sets, trash
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image, tree

from .conftest import Client, until


async def space(client: Client) -> dict[str, dict[str, Any]]:
    """Return what takes room, by path."""
    items = (await client("get", "space")).holds("Space")["items"]
    assert len({item["id"] for item in items}) == len(items)
    return {item["path"]: item for item in items}


def with_side(roots: Roots, name: str, **side: str) -> Path:
    image = store_image(roots, name)
    image.with_suffix(".json").write_text(json.dumps(side))
    return image


async def test_where_nothing_is_nothing_is_shown_but_the_room_on_the_disks(client: Client) -> None:
    answer = (await client("get", "space")).holds("Space")
    assert answer["items"] == []
    assert {disk["purpose"] for disk in answer["disks"]} == {"kernels", "images", "packages", "temporary"}
    assert all(disk["total_bytes"] for disk in answer["disks"])


async def test_a_file_system_that_does_not_answer_is_not_an_empty_one(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()
    monkeypatch.setattr(inventory, "list_entries", lambda *_places: waiting.wait(20))
    monkeypatch.setattr("jupyterlab_container_kernels.services.space._WALK_TIMEOUT_S", 0.1)
    try:
        assert "does not answer" in (await client("get", "space")).refused("timed_out")
    finally:
        waiting.set()


async def test_each_image_is_shown_with_who_uses_it(client: Client, roots: Roots, image: Path) -> None:
    used = with_side(roots, "sha256-1", reference="docker://demo:1", digest="sha256:1", created="2026-01-01T00:00:00Z")
    unused = with_side(roots, "sha256-2", reference="docker://demo:2", digest="sha256:2")
    (roots.images / "of somebody.sif").write_text("x")
    add_kernel(roots, "a", used, display_name="A")
    add_kernel(roots, "b", used, display_name="B")
    add_kernel(roots, "own", image)
    found = await space(client)
    item = found[str(used)]
    assert (item["kind"], item["title"], item["detail"]) == ("image", "docker://demo:1", "sha256:1")
    assert (sorted(item["used_by"]), item["removable"]) == (["A", "B"], False)
    assert item["size_bytes"] == used.stat().st_size
    assert (found[str(unused)]["used_by"], found[str(unused)]["removable"]) == ([], True)
    assert {path for path, each in found.items() if each["kind"] == "image"} == {str(used), str(unused)}

    message = (await client("delete", f"space/{item['id']}")).refused("kernel_running")
    assert "A, B" in message and used.exists()
    freed = (await client("delete", f"space/{found[str(unused)]['id']}")).holds("Freed")
    assert freed["freed_bytes"] > 0
    assert not unused.exists() and not unused.with_suffix(".json").exists()
    (await client("delete", f"space/{found[str(unused)]['id']}")).refused("not_found")
    assert used.exists() and (roots.images / "of somebody.sif").exists() and image.exists()


async def test_packages_and_leftovers_are_told_apart(client: Client, roots: Roots, image: Path) -> None:
    shared = paths.make_marked(roots.packages / sets.NAME / "python-1")
    lonely = paths.make_marked(roots.packages / sets.NAME / "python-2")
    record = PackagesRecord(str(roots.packages / "demo"), str(shared), 1, [])
    add_kernel(roots, "demo", image, display_name="Demo", packages=record)
    gone, log = paths.make_marked(roots.packages / "gone"), paths.make_marked(roots.logs / "gone")
    (gone / "file").write_text("x" * 5000)
    staged, cut = paths.make_marked(roots.staging / ("a" * 32)), roots.images / ".task.partial.sif"
    spool = paths.make_marked(roots.images / "spool-0-sha256-0")
    cut.write_text("x")
    strange = roots.packages / "without our marker"
    strange.mkdir()
    found = await space(client)
    kinds = {path: item["kind"] for path, item in found.items()}
    assert kinds == {
        str(shared): "packages", str(roots.packages / "demo"): "packages", str(lonely): "leftover",
        str(gone): "leftover", str(log): "leftover", str(staged): "leftover", str(cut): "leftover",
        str(spool): "leftover",
    }  # fmt: skip
    assert found[str(shared)]["used_by"] == ["Demo"]
    assert found[str(gone)]["size_bytes"] > 5000
    for path in (lonely, gone, log, staged, cut, spool):
        assert found[str(path)]["detail"] and found[str(path)]["removable"]
        (await client("delete", f"space/{found[str(path)]['id']}")).holds("Freed")
        assert not path.exists()
    (await client("delete", f"space/{found[str(shared)]['id']}")).refused("kernel_running")
    assert set(await space(client)) == {str(shared), str(roots.packages / "demo")}
    assert strange.is_dir()


async def test_what_a_kernel_needs_whose_file_is_damaged_is_no_leftover(client: Client, roots: Roots) -> None:
    shared = paths.make_marked(roots.packages / sets.NAME / "python-1")
    record = PackagesRecord(str(roots.packages / "demo"), str(shared), 1, [])
    script = "# Written by Container Kernels\n"
    script += f"packages=({roots.packages}/demo {shared})\nlog={roots.logs}/demo/last-start\n"
    directory = add_kernel(roots, "demo", store_image(roots), packages=record, script=script)
    text = (directory / "kernel.json").read_text()
    (directory / "kernel.json").write_text(text[: len(text) - 20])
    found = await space(client)
    assert {item["kind"] for item in found.values()} == {"packages", "image"}
    assert all(item["used_by"] and not item["removable"] for item in found.values())


async def test_what_a_task_is_at_work_with_is_no_leftover(client: Client, roots: Roots, image: Path) -> None:
    task = (await client("post", "kernels", {"image": str(image), "display_name": "Demo"})).holds("Task")
    seen = 0
    while (await client("get", f"tasks/{task['id']}")).holds("Task")["ended"] is None:
        assert [item for item in (await space(client)).values() if item["kind"] == "leftover"] == []
        seen += 1
    assert seen > 1
    assert {item["kind"] for item in (await space(client)).values()} == {"packages"}


async def test_the_trash_is_shown_restored_from_and_emptied(client: Client, roots: Roots) -> None:
    for slug in ("a", "b"):
        add_kernel(roots, slug, store_image(roots, f"sha256-{slug}"), display_name=slug.upper())
        (await client("delete", f"kernels/{slug}")).holds("Removal")
    found = {item["title"]: item for item in (await space(client)).values()}
    assert {title: (item["kind"], item["restorable"]) for title, item in found.items()} == {
        "A": ("trash", True), "B": ("trash", True),
    }  # fmt: skip
    assert found["A"]["size_bytes"] > 32 * 1024 and found["A"]["created"]
    (await client("post", f"trash/{found['A']['id']}/restore")).holds("Restored")
    freed = (await client("delete", f"space/{found['B']['id']}")).holds("Freed")
    assert freed["freed_bytes"] == found["B"]["size_bytes"]
    await until(lambda: tree(roots.trash) == [])
    assert {item["kind"] for item in (await space(client)).values()} == {"image", "packages"}


async def test_what_was_in_the_trash_for_too_long_is_removed(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "old", image)
    add_kernel(roots, "new", image)
    old = (await client("delete", "kernels/old")).holds("Removal")["undo"]
    note = roots.trash / old / "trash.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "deleted": "2026-01-01T00:00:00.000Z"}))
    new = (await client("delete", "kernels/new")).holds("Removal")["undo"]
    await space(client)
    await until(lambda: not (roots.trash / old).exists())
    assert [entry.id for entry in trash.entries(roots)] == [new]
    (await client("post", f"trash/{old}/restore")).refused("not_found")


class TestWithoutTrash:
    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {**settings, "trash_days": 0}

    async def test_what_is_deleted_is_gone_at_once(self, client: Client, roots: Roots) -> None:
        add_kernel(roots, "demo", store_image(roots))
        assert (await client("delete", "kernels/demo")).holds("Removal")["undo"] is None
        await until(lambda: tree(roots.trash) == tree(roots.images) == tree(roots.packages) == [])


async def test_ids_of_nothing_are_not_found(client: Client) -> None:
    (await client("delete", f"space/{'0' * 16}")).refused("not_found")
    (await client("delete", "space/..%2Fx")).refused("not_found")


async def test_the_runtimes_cache_is_shown_and_emptied_by_the_runtime(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPTAINER_CACHEDIR", str(tmp_path / "cachedir"))
    blob = tmp_path / "cachedir" / "cache" / "blob" / "x"
    blob.parent.mkdir(parents=True)
    blob.write_text("x" * 9000)
    [item] = (await space(client)).values()
    assert (item["kind"], item["path"], item["size_bytes"]) == ("runtime_cache", str(blob.parents[1]), 9000)
    assert "Apptainer" in item["title"]
    # the stand-in knows no `cache clean`: what fails is not shown as done
    (await client("delete", f"space/{item['id']}")).refused("runtime_failed")
    assert blob.exists()
