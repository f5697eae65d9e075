"""Kernels that are there: listed with what is wrong with them."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Bind, KernelRuntime
from jupyterlab_container_kernels.services import deletion
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image

from .conftest import Client


async def listed(client: Client) -> dict[str, dict[str, Any]]:
    kernels = (await client("get", "kernels")).holds("KernelList")["kernels"]
    return {kernel["slug"]: kernel for kernel in kernels}


async def test_without_kernels_the_list_is_empty(client: Client) -> None:
    assert await listed(client) == {}


async def test_a_kernel_is_listed_with_all_that_is_known(client: Client, roots: Roots, image: Path) -> None:
    (image.parent / "data").mkdir()
    bind = Bind(str(image.parent / "data"), "/in", True)
    add_kernel(roots, "demo", image, display_name="Demo <b>1</b>", gpu="on", binds=[bind])
    kernel = (await listed(client))["demo"]
    assert kernel["display_name"] == "Demo <b>1</b>"
    assert kernel["status"]["code"] == "ok"
    assert kernel["image"]["path"] == str(image)
    assert kernel["image"]["size_bytes"] == image.stat().st_size
    assert kernel["image"]["stored"] is False
    assert (kernel["gpu"], kernel["language"], kernel["language_version"]) == ("on", "python", "3.11.2")
    assert kernel["binds"] == [{"source": bind.source, "destination": "/in", "read_only": True}]
    assert kernel["packages"]["installed"] == ["ipykernel==6.29.5"]
    assert kernel["running"] == 0
    assert kernel["resource_dir"] == str(roots.kernels / "demo")


async def test_kernels_of_others_and_damaged_ones_hide_none_of_ours(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "good", image)
    damaged = add_kernel(roots, "damaged", image)
    (damaged / "kernel.json").write_text((damaged / "kernel.json").read_text()[:200])
    (roots.kernels / "empty").mkdir()
    (roots.kernels / "file").write_text("x")
    assert set(await listed(client)) == {"good"}
    (await client("get", "kernels/damaged")).refused("not_found")
    (await client("get", "kernels/echo")).refused("not_found")


async def test_what_is_missing_is_said_of_each_kernel(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    add_kernel(roots, "good", image)
    add_kernel(roots, "no-image", tmp_path / "gone.sif")
    add_kernel(roots, "no-runtime", image, runtime=KernelRuntime("apptainer", "/no/such/apptainer", None))
    found = await listed(client)
    codes = {slug: kernel["status"]["code"] for slug, kernel in found.items()}
    assert codes == {"good": "ok", "no-image": "image_missing", "no-runtime": "runtime_missing"}
    assert str(tmp_path / "gone.sif") in found["no-image"]["status"]["message"]
    assert found["no-image"]["image"]["size_bytes"] is None
    assert "/no/such/apptainer" in found["no-runtime"]["status"]["message"]
    assert all(kernel["status"]["hint"] for slug, kernel in found.items() if slug != "good")


async def test_a_kernel_whose_packages_take_long_to_count_is_shown_all_the_same(
    client: Client, roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = threading.Event()

    def slowly(_path: Path) -> int:
        counted.wait(60)
        return 0

    add_kernel(roots, "demo", store_image(roots))
    monkeypatch.setattr(paths, "disk_usage", slowly)
    monkeypatch.setattr(deletion, "_WALK_TIMEOUT_S", 0.2)
    try:
        details = (await client("get", "kernels/demo")).holds("KernelDetails")
    finally:
        counted.set()
    assert (details["kernel"]["slug"], details["removal"]) == ("demo", [])


async def test_a_file_system_that_hangs_makes_one_kernel_unknown_and_hides_none(
    client: Client, roots: Roots, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "dead" / "a.sif"
    add_kernel(roots, "good", image)
    add_kernel(roots, "hangs", dead)
    release = threading.Event()
    stat = os.stat

    asked: list[str] = []

    def stat_of_a_dead_file_system(path: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(str(dead.parent)):
            asked.append(str(path))
            release.wait(20)
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", stat_of_a_dead_file_system)
    found = await listed(client)
    before = len(asked)
    again = await listed(client)
    hung = len(asked) - before
    release.set()
    assert again.keys() == found.keys()
    assert (before > 0, hung) == (True, 0), "what hangs is not asked again"
    assert found["good"]["status"]["code"] == "ok"
    assert found["hangs"]["status"]["code"] == "unknown"
    assert found["hangs"]["image"]["size_bytes"] is None


async def test_one_kernel_says_what_deleting_it_would_remove(client: Client, roots: Roots) -> None:
    image = store_image(roots)
    directory = add_kernel(roots, "demo", image)
    details = (await client("get", "kernels/demo")).holds("KernelDetails")
    items = {item["what"]: item for item in details["removal"]}
    assert {what: item["path"] for what, item in items.items()} == {
        "kernelspec": str(directory),
        "packages": str(roots.packages / "demo"),
        "log": str(roots.logs / "demo"),
        "image": str(image),
    }
    assert all(item["goes"] and item["reason"] == "" and item["used_by"] == [] for item in items.values())
    assert items["image"]["size_bytes"] == image.stat().st_size
    assert details["frees_bytes"] == sum(item["size_bytes"] for item in items.values())
    assert directory.is_dir(), "looking removes nothing"


async def test_the_log_of_the_last_start_is_shown(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "demo", image)
    chunk = (await client("get", "kernels/demo/log")).holds("LogChunk")
    assert chunk["text"] == "a line\n"
    assert chunk["path"] == str(roots.logs / "demo" / "last-start")
    (roots.logs / "demo" / "last-start").unlink()
    assert (await client("get", "kernels/demo/log")).holds("LogChunk")["text"] == ""


async def test_of_a_long_log_the_end_is_shown(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "demo", image)
    lines = [f"line {number} ü" for number in range(60_000)]
    (roots.logs / "demo" / "last-start").write_text("\n".join(lines) + "\n")
    chunk = (await client("get", "kernels/demo/log")).holds("LogChunk")
    assert chunk["text"].endswith(f"{lines[-1]}\n")
    assert chunk["next_offset"] == chunk["size_bytes"]
    assert chunk["next_offset"] - chunk["offset"] <= 256 * 1024
