"""A set of packages goes with the last kernel that uses it; until then the deletion names the others."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.services import sets
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, tree

from .conftest import Client
from .test_adding import ended
from .test_changing import added
from .test_deleting import start


def use(roots: Roots, slug: str, image: Path, shared: Path, **names: str) -> None:
    """Publish a kernel that uses a set."""
    record = PackagesRecord(str(roots.packages / slug), str(shared), 1, [])
    add_kernel(roots, slug, image, packages=record, **names)


async def deleted(client: Client, slug: str, path: Path) -> dict[str, Any]:
    """Delete a kernel and return what became of a path."""
    removal = (await client("delete", f"kernels/{slug}")).holds("Removal")["removal"]
    [item] = [item for item in removal if item["path"] == str(path)]
    found: dict[str, Any] = item
    return found


async def gone(path: Path) -> bool:
    for _ in range(200):
        if not path.exists():
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_set_stays_until_its_last_kernel_goes(client: Client, roots: Roots, image: Path) -> None:
    shared = paths.make_marked(roots.packages / sets.NAME / "python-1")
    (shared / "package.py").write_text("x = 1\n")
    use(roots, "one", image, shared, display_name="One")
    use(roots, "other", image, shared, display_name="The Other")
    item = await deleted(client, "one", shared)
    assert (item["what"], item["goes"], item["used_by"]) == ("shared_packages", False, ["The Other"])
    assert "The Other" in item["reason"]
    assert await gone(roots.packages / "one")
    assert shared.is_dir()
    item = await deleted(client, "other", shared)
    assert (item["what"], item["goes"], item["used_by"]) == ("shared_packages", True, [])
    assert item["size_bytes"] > 0
    assert await gone(shared.parent)
    assert tree(roots.packages) == []


@pytest.mark.parametrize("runs", [False, True])
async def test_a_set_that_a_changed_kernel_no_longer_uses_goes_unless_one_of_it_still_runs(
    client: Client, roots: Roots, image: Path, jp_fetch: Any, jp_serverapp: Any, runs: bool
) -> None:
    await added(client, image, display_name="Demo", gpu="off")
    shared = paths.make_marked(roots.packages / sets.NAME / "python-1")
    file = roots.kernels / "demo" / "kernel.json"
    spec = json.loads(file.read_text())
    spec["metadata"]["container_kernels"]["packages"]["shared"] = str(shared)
    file.write_text(json.dumps(spec))
    if runs:
        await start(client, jp_fetch, "a.ipynb")
    # the image has the package by now, so the changed kernel needs none beside it
    task = await ended(client, (await client("patch", "kernels/demo", {"display_name": "Changed"})).holds("Task"))
    assert task["error"] is None and ("runs as before" in task["message"]) == runs
    assert shared.exists() == runs
    await jp_serverapp.kernel_manager.shutdown_all(now=True)


@pytest.mark.parametrize("place", ["elsewhere", "without our marker", "another kernel's own"])
async def test_what_is_no_set_of_ours_is_never_removed(client: Client, roots: Roots, image: Path, place: str) -> None:
    precious = {
        "elsewhere": roots.state.parent / "precious",
        "without our marker": roots.packages / sets.NAME / "precious",
        "another kernel's own": roots.packages / "precious",
    }[place]
    if place == "without our marker":
        precious.mkdir(parents=True)
    else:
        paths.make_marked(precious)
    use(roots, "demo", image, precious)
    removal = (await client("delete", "kernels/demo")).holds("Removal")["removal"]
    assert str(precious) not in [item["path"] for item in removal]
    assert await gone(roots.packages / "demo")
    assert precious.is_dir()
