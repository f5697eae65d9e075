"""Kernels that are there: listed with what is wrong with them, and deleted with all that was made for them."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Bind, KernelRuntime, RemovalItem
from jupyterlab_container_kernels.services import removal
from jupyterlab_container_kernels.system import kernelspecs
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Patience, Roots
from tests.builders import add_kernel, store_image, tree

from .conftest import Client

#: In the place of the start script of a container: this machine's own kernel.
NATIVE = f'exec {sys.executable} -m ipykernel_launcher -f "$1"\n'


async def listed(client: Client) -> dict[str, dict[str, Any]]:
    kernels = (await client("get", "kernels")).holds("KernelList")["kernels"]
    return {kernel["slug"]: kernel for kernel in kernels}


async def test_without_kernels_the_list_is_empty(client: Client) -> None:
    assert await listed(client) == {}


async def test_a_kernel_is_listed_with_all_that_is_known(client: Client, roots: Roots, image: Path) -> None:
    bind = Bind("/data", "/in", True)
    add_kernel(roots, "demo", image, display_name="Demo <b>1</b>", gpu="on", binds=[bind])
    kernel = (await listed(client))["demo"]
    assert kernel["display_name"] == "Demo <b>1</b>"
    assert kernel["status"]["code"] == "ok"
    assert kernel["image"]["path"] == str(image)
    assert kernel["image"]["size_bytes"] == image.stat().st_size
    assert kernel["image"]["stored"] is False
    assert (kernel["gpu"], kernel["language"], kernel["language_version"]) == ("on", "python", "3.11.2")
    assert kernel["binds"] == [{"source": "/data", "destination": "/in", "read_only": True}]
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
    (await client("delete", "kernels/damaged")).refused("not_found")
    (await client("get", "kernels/echo")).refused("not_found")
    (await client("delete", "kernels/echo")).refused("not_found")
    assert (roots.kernels / "echo").is_dir()


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


async def test_a_file_system_that_hangs_makes_one_kernel_unknown_and_hides_none(
    client: Client, roots: Roots, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "dead.sif"
    add_kernel(roots, "good", image)
    add_kernel(roots, "hangs", dead)
    release = threading.Event()
    ask = Patience.ask

    async def ask_dead_file_system(self: Patience, key: Any, question: Any, timeout_s: float = 0.3) -> Any:
        hangs = str(dead) in map(str, key)
        return await ask(self, key, (lambda: release.wait(20)) if hangs else question, timeout_s)

    monkeypatch.setattr(Patience, "ask", ask_dead_file_system)
    found = await listed(client)
    release.set()
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


async def test_deleting_removes_all_that_was_made_for_a_kernel(client: Client, roots: Roots) -> None:
    add_kernel(roots, "demo", store_image(roots))
    promised = (await client("get", "kernels/demo")).holds("KernelDetails")
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    assert removal["slug"] == "demo"
    assert removal["removal"] == promised["removal"]
    assert removal["freed_bytes"] == promised["frees_bytes"] > 0
    assert await listed(client) == {}
    for directory in (roots.packages, roots.logs, roots.images, roots.trash, roots.staging):
        assert tree(directory) == []
    (await client("get", "kernels/demo")).refused("not_found")
    (await client("delete", "kernels/demo")).refused("not_found")


async def test_an_image_that_another_kernel_uses_stays_and_that_kernel_is_named(client: Client, roots: Roots) -> None:
    image = store_image(roots)
    add_kernel(roots, "demo", image)
    add_kernel(roots, "other", image, display_name="The Other")
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    [item] = [item for item in removal["removal"] if item["what"] == "image"]
    assert (item["goes"], item["used_by"]) == (False, ["The Other"])
    assert "The Other" in item["reason"]
    assert image.exists()
    assert removal["freed_bytes"] == sum(each["size_bytes"] for each in removal["removal"] if each["goes"])
    assert set(await listed(client)) == {"other"}
    (await client("delete", "kernels/other")).holds("Removal")
    assert tree(roots.images) == [], "the last one takes it along, with its side file"


async def test_an_image_can_be_kept(client: Client, roots: Roots) -> None:
    image = store_image(roots)
    add_kernel(roots, "demo", image)
    removal = (await client("delete", "kernels/demo", {"delete_image": False})).holds("Removal")
    [item] = [item for item in removal["removal"] if item["what"] == "image"]
    assert (item["goes"], item["reason"]) == (False, "You chose to keep it.")
    assert image.exists()


@pytest.mark.parametrize("kind", ["own file", "no side file", "link in the store"])
async def test_an_image_that_we_did_not_store_is_never_deleted(
    client: Client, roots: Roots, image: Path, kind: str
) -> None:
    used = image
    if kind == "no side file":
        used = store_image(roots)
        used.with_suffix(".json").unlink()
    elif kind == "link in the store":
        used = store_image(roots)
        used.unlink()
        used.symlink_to(image)
    add_kernel(roots, "demo", used)
    removal = (await client("delete", "kernels/demo", {"delete_image": True})).holds("Removal")
    assert used.exists() and image.exists()
    [item] = [item for item in removal["removal"] if item["what"] == "image"]
    assert (item["goes"], item["reason"]) == (False, "It is your own file.")


async def test_a_kernel_without_its_image_can_be_deleted(client: Client, roots: Roots, tmp_path: Path) -> None:
    add_kernel(roots, "demo", tmp_path / "gone.sif")
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    assert [item["what"] for item in removal["removal"]] == ["kernelspec", "packages", "log"]


async def test_a_folder_that_a_record_names_and_we_did_not_make_stays(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    """A kernel.json is a file that anybody may edit."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    packages = PackagesRecord(str(precious), None, 1, [])
    add_kernel(roots, "demo", image, packages=packages, log=str(precious / "data"))
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    assert {item["what"] for item in removal["removal"] if item["goes"]} == {"kernelspec"}
    assert (precious / "data").exists()


async def test_a_kernel_that_is_a_link_is_not_deleted(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    directory = add_kernel(roots, "demo", image)
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    before = tree(roots.kernels.parent)
    (await client("delete", "kernels/demo")).refused("not_ours")
    assert (tmp_path / "elsewhere" / "kernel.json").exists()
    assert [path for path in tree(roots.kernels.parent) if "trash" not in path] == before


async def start(client: Client, jp_fetch: Any, path: str) -> str:
    body = {"path": path, "type": "notebook", "name": "", "kernel": {"name": "demo"}}
    answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))
    return json.loads(answer.body)["kernel"]["id"]


async def test_a_kernel_that_runs_is_deleted_only_when_it_may_be_shut_down(
    client: Client, roots: Roots, image: Path, jp_fetch: Any, jp_serverapp: Any
) -> None:
    add_kernel(roots, "demo", image, display_name="Demo", script=NATIVE)
    kernel_id = await start(client, jp_fetch, "folder/a.ipynb")
    assert (await listed(client))["demo"]["running"] == 1
    details = (await client("get", "kernels/demo")).holds("KernelDetails")
    assert details["running"] == [{"id": kernel_id, "title": "folder/a.ipynb"}]

    message = (await client("delete", "kernels/demo")).refused("kernel_running")
    assert "folder/a.ipynb" in message and "Demo" in message
    assert set(await listed(client)) == {"demo"}
    assert kernel_id in jp_serverapp.kernel_manager

    (await client("delete", "kernels/demo", {"shut_down": True})).holds("Removal")
    assert await listed(client) == {}
    assert kernel_id not in jp_serverapp.kernel_manager
    assert await jp_serverapp.session_manager.list_sessions() == []


async def test_a_kernel_that_is_not_deleted_is_not_shut_down_either(
    client: Client, roots: Roots, image: Path, jp_fetch: Any, jp_serverapp: Any, tmp_path: Path
) -> None:
    directory = add_kernel(roots, "demo", image, script=NATIVE)
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    kernel_id = await start(client, jp_fetch, "a.ipynb")
    (await client("delete", "kernels/demo", {"shut_down": True})).refused("not_ours")
    assert kernel_id in jp_serverapp.kernel_manager
    await jp_serverapp.kernel_manager.shutdown_all(now=True)


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


async def test_two_who_delete_one_kernel_at_once_both_get_an_answer(client: Client, roots: Roots) -> None:
    import asyncio

    add_kernel(roots, "demo", store_image(roots))
    answers = await asyncio.gather(*(client("delete", "kernels/demo") for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 404}
    assert 200 in {answer.status for answer in answers}
    for directory in (roots.packages, roots.logs, roots.images, roots.trash):
        assert tree(directory) == []


async def test_what_a_server_had_no_time_to_remove_is_removed_by_the_next(client: Client, roots: Roots) -> None:
    add_kernel(roots, "demo", store_image(roots))
    add_kernel(roots, "other", store_image(roots, "sha256-0001"))
    spec = kernelspecs.read(roots.kernels / "demo")
    assert spec is not None
    doomed = kernelspecs.withdraw(spec, roots)
    assert doomed is not None
    items = [
        RemovalItem("packages", str(roots.packages / "demo"), 1, True, "", []),
        RemovalItem("log", str(roots.logs / "demo"), 1, True, "", []),
        RemovalItem("image", str(roots.images / "sha256-0000.sif"), 1, True, "", []),
        # taken by another kernel since
        RemovalItem("packages", str(roots.packages / "other"), 1, True, "", []),
        RemovalItem("image", str(roots.images / "sha256-0001.sif"), 1, True, "", []),
    ]
    removal.note(doomed, items)
    assert set(await listed(client)) == {"other"}
    assert tree(roots.trash) == []
    assert [path for path in tree(roots.packages) if "demo" in path] == []
    assert [path for path in tree(roots.logs) if "demo" in path] == []
    assert sorted(path.name for path in roots.images.iterdir()) == ["sha256-0001.json", "sha256-0001.sif"]
    assert (roots.packages / "other" / "package.py").exists()
