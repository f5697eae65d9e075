"""An image that lies unpacked in a folder, through the routes: used where it lies, never measured, never removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyterlab_container_kernels.services import deletion
from jupyterlab_container_kernels.system.paths import Roots, disk_usage
from tests.builders import unpack_image, write_sif

from .conftest import Client
from .test_adding import ended
from .test_changing import added


@pytest.fixture
def folder(public_dir: Path) -> Path:
    made = unpack_image(public_dir / "demo:1")
    (made / "large").write_bytes(bytes(100_000))
    return made


async def test_a_folder_is_told_of_added_and_kept(
    client: Client, roots: Roots, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = (await client("post", "resolve", {"image": f"{folder}/"})).holds("Resolution")
    assert (told["reference"], told["stored"], told["unpacked"]) == (str(folder), True, True)
    assert (told["architecture"], told["download_bytes"], told["verdict"]) == (None, 0, "fits")

    await added(client, folder, display_name="Demo", gpu="off")
    assert f"image={folder}\n" in (roots.kernels / "demo" / "init.sh").read_text()
    record = json.loads((roots.kernels / "demo" / "kernel.json").read_text())["metadata"]["container_kernels"]["image"]
    assert (record["unpacked"], record["stored"], record["sif_id"], record["size_bytes"]) == (True, False, None, 0)

    def measure(path: Path) -> int:
        assert path != folder, "nobody walks through an image"
        return disk_usage(path)

    monkeypatch.setattr(deletion.paths, "disk_usage", measure)
    details = (await client("get", "kernels/demo")).holds("KernelDetails")
    image = details["kernel"]["image"]
    assert (image["unpacked"], image["size_bytes"], image["path"]) == (True, None, str(folder))
    assert details["kernel"]["status"]["code"] == "ok"
    [item] = [each for each in details["removal"] if each["what"] == "image"]
    assert (item["goes"], item["size_bytes"]) == (False, 0)
    (await client("delete", "kernels/demo", {"purge": True})).holds("Removal")
    assert (folder / "large").exists()


async def test_a_folder_without_an_image_is_refused_before_anything_begins(client: Client, tmp_path: Path) -> None:
    for path in ("resolve", "kernels", "inspect"):
        message = (await client("post", path, {"image": str(tmp_path)})).refused("image_unusable")
        assert str(tmp_path) in message


async def test_a_kernel_goes_from_a_folder_to_a_file_and_back(
    client: Client, roots: Roots, folder: Path, tmp_path: Path
) -> None:
    await added(client, folder, display_name="Demo", gpu="off")
    file = write_sif(tmp_path / "demo.sif")
    for image, unpacked in ((file, False), (folder, True)):
        wish = {"action": "relink", "image": str(image)}
        task = await ended(client, (await client("post", "kernels/demo/repair", wish)).holds("Task"))
        assert task["error"] is None
        found = (await client("get", "kernels/demo")).holds("KernelDetails")["kernel"]["image"]
        assert (found["path"], found["source"], found["unpacked"]) == (str(image), str(image), unpacked)


async def test_a_kernel_of_a_folder_is_shared_if_others_can_read_that(
    client: Client, folder: Path, public_dir: Path
) -> None:
    folder.chmod(0o755)
    await added(client, folder, display_name="Demo", gpu="off")
    lab = {"directory": str(public_dir / "lab")}
    plan = (await client("post", "kernels/demo/share/plan", lab)).holds("SharePlan")
    assert plan["items"][0] == {"what": "image", "path": str(folder), "size_bytes": 0, "copied": False}
    task = await ended(client, (await client("post", "kernels/demo/share", lab)).holds("Task"))
    assert task["error"] is None
    assert f"image={folder}\n" in (public_dir / "lab/kernels/demo/init.sh").read_text()
    withdrawal = {"resource_dir": str(public_dir / "lab/kernels/demo")}
    (await client("post", "kernels/demo/withdraw", withdrawal)).holds("Freed")
    folder.chmod(0o700)
    message = (await client("post", "kernels/demo/share/plan", lab)).refused("image_unusable")
    assert str(folder) in message
