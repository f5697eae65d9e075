"""Deleting real kernels: all of it goes, all of it comes back, and nothing else is touched."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest, EditRequest, Removal, RemoveRequest, Restored
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .jupyter import JupyterServer
from .kernels import printed, started


def removed(bed: Bed, slug: str, **choices: Any) -> Removal:
    async def work(services: Services) -> Removal:
        return await services.deletion.remove(slug, RemoveRequest(**choices))

    removal: Removal = bed.run(work)
    return removal


def restored(bed: Bed, entry_id: str) -> Restored:
    async def work(services: Services) -> Restored:
        return await services.deletion.restore(entry_id)

    answer: Restored = bed.run(work)
    return answer


def doubled(bed: Bed, slug: str, name: str) -> None:
    async def work(services: Services) -> None:
        task = await services.edit.duplicate(slug, EditRequest(name))
        assert (await services.tasks.wait(task.id)).error is None

    bed.run(work)


def answers(bed: Bed, slug: str) -> bool:
    with started(slug, bed.path) as client:
        return printed(client, "print(6 * 7)") == "42"


def snapshot(bed: Bed) -> dict[str, tuple[int, int]]:
    """Return inode and size of each file of the user; tasks and the trash keep their own books."""
    found = {}
    for path in bed.data.rglob("*"):
        kept = path.relative_to(bed.data)
        if {"tasks", "trash", "runtime", "last-start", "last-start.before"} & set(kept.parts) or path.is_dir():
            continue
        if "__pycache__" not in kept.parts and "bytecode" not in str(kept) and path.suffix != ".pyc":
            found[str(kept)] = (path.lstat().st_ino, path.lstat().st_size)
    return found


def rewrite(bed: Bed, slug: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a kernel's record, as anybody may."""
    path = bed.kernels / slug / "kernel.json"
    spec = json.loads(path.read_text())
    change(spec["metadata"]["container_kernels"])
    path.write_text(json.dumps(spec))


def test_a_kernel_comes_back_after_the_server_was_killed_and_started_again(
    bed: Bed, registry: str, stored_python: Path, tmp_path: Path
) -> None:
    bed.seed(stored_python)
    assert bed.add(AddRequest(f"{registry}/demo/python:1", "Demo")).error is None
    assert answers(bed, "demo")
    before = snapshot(bed)
    server = JupyterServer(tmp_path)
    removal = server.ask("DELETE", "kernels/demo", {})
    assert {item["what"] for item in removal["removal"] if item["goes"]} == {
        "kernelspec", "packages", "shared_packages", "log", "image",
    }  # fmt: skip
    server.kill()
    assert snapshot(bed) == {}, "nothing is left where it was"
    server = JupyterServer(tmp_path)
    try:
        assert server.ask("GET", "kernels") == {"kernels": []}
        [item] = [each for each in server.ask("GET", "space")["items"] if each["kind"] == "trash"]
        assert (item["title"], item["id"], item["restorable"]) == ("Demo", removal["undo"], True)
        answer = server.ask("POST", f"trash/{removal['undo']}/restore", {})
        assert answer == {"slug": "demo", "display_name": "Demo"}
        assert snapshot(bed) == before
        assert answers(bed, "demo")
        removal = server.ask("DELETE", "kernels/demo", {})
        server.ask("DELETE", f"space/{removal['undo']}", {})
    finally:
        server.stop()
    bed.assert_nothing_is_left()


def test_an_image_shared_by_three_goes_with_the_last_and_comes_back_with_the_first(
    bed: Bed, registry: str, stored_python: Path
) -> None:
    bed.seed(stored_python)
    assert bed.add(AddRequest(f"{registry}/demo/python:1", "One")).error is None
    doubled(bed, "one", "Two")
    doubled(bed, "one", "Three")
    [image] = (bed.state / "images").glob("*.sif")
    undo = {}
    for slug, others in (("one", {"Two", "Three"}), ("two", {"Three"}), ("three", set())):
        removal = removed(bed, slug)
        undo[slug] = str(removal.undo)
        items = {item.what: item for item in removal.removal}
        for what in ("image", "shared_packages"):
            assert set(items[what].used_by) == others
            assert items[what].goes == (not others)
        assert image.exists() == bool(others)
    restored(bed, undo["one"])
    assert image.exists()
    assert answers(bed, "one")
    restored(bed, undo["three"])
    restored(bed, undo["two"])
    assert answers(bed, "two") and answers(bed, "three")


@pytest.mark.parametrize(
    "tampering", ["another's packages", "..", "home", "root", "image of somebody", "shared of all"]
)
def test_a_record_that_was_tampered_with_takes_nothing_along(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path], tampering: str
) -> None:
    own = copied(ipykernel_sif, "own.sif")
    for name in ("Stays", "Goes"):
        assert bed.add(AddRequest(str(own), name)).error is None
    precious = bed.path / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    packages, logs = bed.state / "packages", bed.state / "logs"

    def change(record: dict[str, Any]) -> None:
        match = {
            "another's packages": (packages / "stays", logs / "stays" / "last-start", own, None),
            "..": (packages / "goes" / ".." / "stays", logs / "goes" / ".." / "stays" / "x", own, None),
            "home": (precious, precious / "data", precious / "data", str(precious)),
            "root": (packages, logs / "x", bed.state / "images", str(packages / "shared")),
            "image of somebody": (Path("/"), Path("/etc/passwd"), Path("/etc/passwd"), "/etc"),
            "shared of all": (packages / "shared", logs / "stays" / "x", own, str(packages / "stays")),
        }[tampering]
        record["packages"] |= {"path": str(match[0]), "shared": match[3]}
        record |= {"log": str(match[1])}
        record["image"] |= {"path": str(match[2]), "stored": True}

    rewrite(bed, "goes", change)
    before = snapshot(bed)
    removed(bed, "goes", purge=True)
    after = snapshot(bed)
    assert {path: each for path, each in before.items() if "kernels/goes" not in path} == after
    assert own.exists() and (precious / "data").exists()
    assert answers(bed, "stays")


def test_what_is_a_link_or_not_in_the_users_kernels_stays(
    bed: Bed, ipykernel_sif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Linked")).error is None
    elsewhere = (bed.kernels / "linked").rename(bed.path / "elsewhere")
    (bed.kernels / "linked").symlink_to(elsewhere)
    site = tmp_path / "site" / "kernels" / "project"
    site.mkdir(parents=True)
    argv = ["apptainer", "exec", str(ipykernel_sif), "python3"]
    (site / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Project", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "site"))
    before = snapshot(bed)
    cases: list[tuple[str, str | None]] = [
        ("linked", None), ("linked", str(bed.kernels / "linked")), ("linked", str(elsewhere)),
        ("project", None), ("project", str(site)), ("python3", None), ("python3", str(bed.kernels / "linked")),
    ]  # fmt: skip
    for slug, directory in cases:
        with pytest.raises(ContainerKernelsError) as error:
            removed(bed, slug, resource_dir=directory, purge=True)
        assert error.value.code == "not_ours" and error.value.hint, (slug, directory)
    assert snapshot(bed) == before
    assert (site / "kernel.json").exists() and (elsewhere / "kernel.json").exists()


def test_two_terminals_that_delete_at_once_do_the_work_of_one(bed: Bed, ipykernel_sif: Path) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Demo")).error is None
    before = snapshot(bed)
    command = [sys.executable, "-m", "jupyterlab_container_kernels.cli", "remove", "demo", "--yes", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    told = [each.communicate(timeout=120) for each in both]
    codes = sorted(each.returncode for each in both)
    assert codes == [0, 3, 3], told
    [entry] = (bed.state / "trash").iterdir()
    restored(bed, entry.name)
    assert snapshot(bed) == before
    assert answers(bed, "demo")


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.02])
def test_a_server_that_is_killed_while_it_deletes_leaves_the_kernel_or_a_whole_entry(
    bed: Bed, ipykernel_sif: Path, tmp_path: Path, after_s: float
) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Demo")).error is None
    before = snapshot(bed)
    server = JupyterServer(tmp_path)
    url = f"http://127.0.0.1:{server.port}/container-kernels/kernels/demo?token={server.token}"
    client = subprocess.Popen(["curl", "-s", "-X", "DELETE", "-H", "Content-Type: application/json", "-d", "{}", url])
    kernel = bed.kernels / "demo"
    deadline = time.monotonic() + 5
    while not any((bed.state / "trash").glob("*/trash.json")) and kernel.exists() and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(after_s)
    server.kill()
    client.wait(30)

    async def listed(services: Services) -> list[str]:
        return [each.slug for each in (await services.kernels.list_kernels()).kernels]

    slugs = bed.run(listed)
    # a directory without a note is of a deletion that had not begun to move anything
    entries = [path.parent.name for path in (bed.state / "trash").glob("*/trash.json")]
    assert (slugs == ["demo"]) != (len(entries) == 1), (slugs, entries)
    if entries:
        assert snapshot(bed) == {}
        restored(bed, entries[0])
    assert snapshot(bed) == before
    assert answers(bed, "demo")


@pytest.mark.root("root mounts a small file system")
def test_a_kernel_on_a_full_disk_can_be_deleted_for_good(bed: Bed, ipykernel_sif: Path) -> None:
    """Somebody whose home is full deletes kernels to get room."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(bed.data)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        assert bed.add(AddRequest(str(ipykernel_sif), "Demo")).error is None
        before = snapshot(bed)
        with (bed.data / "everything else").open("wb") as stream:
            for size in (2**20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(stream.fileno(), bytes(size))
        with pytest.raises(ContainerKernelsError) as error:
            removed(bed, "demo")
        assert error.value.code == "disk_full" and "for good" in error.value.hint
        assert set(before) <= set(snapshot(bed))
        removed(bed, "demo", purge=True)
        assert [path for path in snapshot(bed) if "everything" not in path] == []
    finally:
        subprocess.run(["umount", bed.data], check=True)


@pytest.mark.root("root mounts a read-only file system; others show it by permissions")
def test_a_read_only_home_keeps_its_kernels_and_says_so(bed: Bed, ipykernel_sif: Path) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Demo")).error is None
    before = snapshot(bed)
    mounted = subprocess.run(["mount", "--bind", bed.data, bed.data], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", bed.data], check=True)
        with pytest.raises(ContainerKernelsError) as error:
            removed(bed, "demo")
        assert error.value.code == "forbidden"
        assert "Read-only" in error.value.message and error.value.hint
    finally:
        subprocess.run(["umount", bed.data], check=True)
    assert snapshot(bed) == before
    assert answers(bed, "demo")
