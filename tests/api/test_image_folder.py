"""A folder for one image, over the wire: judged before the download, shown and freed afterwards."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from jupyterlab_container_kernels.services import store
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, write_sif
from tests.unit.fake_registry import FakeRegistry

from .conftest import Client

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scratch"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def image(folder: Path, roots: Roots) -> Path:
    """An image in a folder that somebody chose."""
    place = store.store_in(folder)
    store.open_chosen(place, roots)
    made = write_sif(store.stored_path(place, DIGEST))
    store.side_file(made).write_text(json.dumps({"reference": "demo:1", "digest": DIGEST}))
    return made


async def test_an_image_there_is_shown_with_who_uses_it_and_freed_when_nobody_does(
    client: Client, roots: Roots, image: Path
) -> None:
    add_kernel(roots, "demo", image, display_name="Demo")
    item = (await client("get", "space")).holds("Space")["items"][0]
    assert (item["path"], item["kind"], item["used_by"]) == (str(image), "image", ["Demo"])
    removal = (await client("delete", "kernels/demo", {"purge": True})).holds("Removal")
    assert str(image) in {each["path"] for each in removal["removal"] if each["goes"]}
    assert not image.exists()


async def test_what_cannot_be_removed_as_its_disk_is_away_is_not_called_freed(
    client: Client, roots: Roots, image: Path, folder: Path
) -> None:
    add_kernel(roots, "demo", image, display_name="Demo")
    undo = (await client("delete", "kernels/demo")).holds("Removal")["undo"]
    away = folder.rename(folder.with_name("away"))
    message = (await client("delete", f"space/{undo}")).refused("timed_out")
    assert "Demo" in message and str(folder) in message
    away.rename(folder)
    (await client("delete", f"space/{undo}")).holds("Freed")
    assert list(image.parent.rglob("*.sif")) == []


async def test_what_nobody_uses_there_is_freed(client: Client, image: Path) -> None:
    item = (await client("get", "space")).holds("Space")["items"][0]
    (await client("delete", f"space/{item['id']}")).holds("Freed")
    assert not image.exists() and not store.side_file(image).exists()


async def test_one_that_does_not_answer_hides_nothing_else(
    client: Client, image: Path, roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_sif(store.stored_path(roots.images, DIGEST))
    store.side_file(other).write_text("{}")
    waiting, is_chosen = threading.Event(), store.is_chosen
    monkeypatch.setattr(
        "jupyterlab_container_kernels.services.space.is_chosen",
        lambda path: waiting.wait(20) if path == image.parent else is_chosen(path),
    )
    try:
        items = (await client("get", "space")).holds("Space")["items"]
        assert [item["path"] for item in items] == [str(other)]
    finally:
        waiting.set()


async def test_whether_it_fits_there_is_told_with_what_to_know_of_the_folder(client: Client, folder: Path) -> None:
    folder.chmod(0o1777)
    registry = FakeRegistry()
    registry.add_image("1", "amd64", (3 * 10**9,))
    try:
        asked = {"image": f"{registry.name}/org/demo:1", "image_dir": str(folder), "by_runtime": True}
        told = (await client("post", "resolve", asked)).holds("Resolution")
    finally:
        registry.close()
    assert "may be emptied" in told["caution"]
    (await client("post", "resolve", asked | {"image_dir": "/no/such"})).refused("invalid_image_dir")


async def test_no_task_begins_for_a_folder_that_is_not_there(client: Client) -> None:
    body = {"image": "debian:12", "image_dir": "/no/such"}
    assert "/no/such" in (await client("post", "kernels", body)).refused("invalid_image_dir")
    assert (await client("get", "tasks")).body["tasks"] == []
