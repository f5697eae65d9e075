"""Kernels are deleted with all that was made for them, come back from the trash, and nothing else is touched."""

from __future__ import annotations

import asyncio
import errno
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.routes import KERNEL_EVENT_SCHEMA
from jupyterlab_container_kernels.services import burial
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.patience import Patience
from tests.builders import add_kernel, store_image, tree

from .conftest import Client, until

#: In the place of the start script of a container: this machine's own kernel.
NATIVE = f'exec {sys.executable} -m ipykernel_launcher -f "$1"\n'
#: A kernel that somebody wrote by hand.
BY_HAND = {"argv": ["apptainer", "exec", "/data/demo.sif", "python3"], "display_name": "By hand", "language": "python"}


async def listed(client: Client) -> set[str]:
    return {kernel["slug"] for kernel in (await client("get", "kernels")).holds("KernelList")["kernels"]}


def write_kernel(directory: Path, spec: object = BY_HAND) -> Path:
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(spec if isinstance(spec, str) else json.dumps(spec))
    return directory


async def test_what_was_made_for_a_kernel_goes_with_it_at_once_if_that_is_asked_for(
    client: Client, roots: Roots
) -> None:
    add_kernel(roots, "demo", store_image(roots))
    promised = (await client("get", "kernels/demo")).holds("KernelDetails")
    removal = (await client("delete", "kernels/demo", {"purge": True})).holds("Removal")
    assert (removal["slug"], removal["undo"]) == ("demo", None)
    assert removal["removal"] == promised["removal"]
    assert removal["freed_bytes"] == promised["frees_bytes"] > 0
    assert await listed(client) == set()
    for directory in (roots.packages, roots.logs, roots.images, roots.trash, roots.staging):
        await until(lambda directory=directory: tree(directory) == [])
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
    assert await listed(client) == {"other"}
    (await client("delete", "kernels/other")).holds("Removal")
    assert tree(roots.images) == [], "the last one takes it along, with its side file"


async def test_one_look_at_all_kernels_for_many_deletions_takes_nothing_that_was_taken_into_use_since(
    client: Client, roots: Roots
) -> None:
    images = [store_image(roots, f"sha256-{number}") for number in range(4)]
    for number, image in enumerate(images):
        add_kernel(roots, f"k{number}", image)
    (await client("delete", "kernels/k0")).holds("Removal")
    add_kernel(roots, "late", images[1], display_name="Late")
    write_kernel(roots.kernels / "foreign", {**BY_HAND, "argv": ["apptainer", "exec", str(images[2]), "python3"]})
    for slug, user in (("k1", "Late"), ("k2", "By hand")):
        removal = (await client("delete", f"kernels/{slug}")).holds("Removal")
        [item] = [each for each in removal["removal"] if each["what"] == "image"]
        assert (item["goes"], item["used_by"]) == (False, [user])
    file = roots.kernels / "late/kernel.json"
    file.write_text(file.read_text().replace(str(images[1]), str(images[3])))  # as a repair in a terminal does
    removal = (await client("delete", "kernels/k3")).holds("Removal")
    [item] = [each for each in removal["removal"] if each["what"] == "image"]
    assert (item["goes"], item["reason"]) == (False, "It was taken into use at this moment.")
    assert [image.exists() for image in images] == [False, True, True, True]


async def test_what_a_killed_deletion_left_and_cannot_be_removed_keeps_no_list_from_being_shown(
    client: Client, roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_of_what: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/data/.a.removing")

    add_kernel(roots, "demo", store_image(roots))
    monkeypatch.setattr(burial, "resume", fails)
    assert await listed(client) == {"demo"}


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


async def test_a_kernel_whose_image_is_on_a_dead_file_system_can_be_deleted(
    client: Client, roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "dead" / "image.sif"
    add_kernel(roots, "demo", dead)
    release = threading.Event()
    ask = Patience.ask

    async def ask_dead_file_system(self: Patience, key: Any, question: Any, timeout_s: float = 0.3) -> Any:
        hangs = any(str(dead.parent) in str(part) for part in (key if isinstance(key, tuple) else (key,)))
        return await ask(self, key, (lambda: release.wait(20)) if hangs else question, timeout_s)

    monkeypatch.setattr(Patience, "ask", ask_dead_file_system)
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    release.set()
    [item] = [item for item in removal["removal"] if item["what"] == "image"]
    assert not item["goes"] and "does not answer" in item["reason"]
    assert not (roots.kernels / "demo").exists() and not (roots.packages / "demo").exists()


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
    kernel_id: str = json.loads(answer.body)["kernel"]["id"]
    return kernel_id


async def test_a_kernel_that_runs_is_deleted_only_when_it_may_be_shut_down(
    client: Client, roots: Roots, image: Path, jp_fetch: Any, jp_serverapp: Any
) -> None:
    add_kernel(roots, "demo", image, display_name="Demo", script=NATIVE)
    kernel_id = await start(client, jp_fetch, "folder/a.ipynb")
    details = (await client("get", "kernels/demo")).holds("KernelDetails")
    assert details["running"] == [{"id": kernel_id, "title": "folder/a.ipynb"}]

    message = (await client("delete", "kernels/demo")).refused("kernel_running")
    assert "folder/a.ipynb" in message and "Demo" in message
    assert await listed(client) == {"demo"}
    assert kernel_id in jp_serverapp.kernel_manager

    (await client("delete", "kernels/demo", {"shut_down": True})).holds("Removal")
    assert await listed(client) == set()
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


async def test_two_who_delete_one_kernel_at_once_both_get_an_answer(client: Client, roots: Roots) -> None:
    add_kernel(roots, "demo", store_image(roots))
    answers = await asyncio.gather(*(client("delete", "kernels/demo", {"purge": True}) for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 404}
    assert 200 in {answer.status for answer in answers}
    for directory in (roots.packages, roots.logs, roots.images, roots.trash):
        await until(lambda directory=directory: tree(directory) == [])


async def test_two_who_delete_at_once_leave_one_entry_that_can_be_restored(client: Client, roots: Roots) -> None:
    directory = add_kernel(roots, "demo", store_image(roots))
    before = tree(roots.state.parent)
    answers = await asyncio.gather(*(client("delete", "kernels/demo") for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    [undo] = [answer.body["undo"] for answer in answers if answer.status == 200]
    assert not directory.exists()
    assert [path.name for path in roots.trash.iterdir()] == [undo]
    (await client("post", f"trash/{undo}/restore")).holds("Restored")
    assert [path for path in tree(roots.state.parent) if not path.endswith("trash")] == before


async def test_every_page_is_told_what_was_deleted_and_put_back_and_nothing_of_what_was_refused(
    client: Client, roots: Roots, jp_serverapp: Any
) -> None:
    told: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data)

    jp_serverapp.event_logger.add_listener(schema_id=KERNEL_EVENT_SCHEMA, listener=listen)
    add_kernel(roots, "demo", store_image(roots))
    (await client("delete", "kernels/other")).refused("not_found")
    undo = (await client("delete", "kernels/demo")).holds("Removal")["undo"]
    (await client("post", f"trash/{undo}/restore")).holds("Restored")
    (await client("post", f"trash/{undo}/restore")).refused("not_found")
    assert told == [{"slug": "demo", "present": False}, {"slug": "demo", "present": True}]


async def test_what_was_deleted_comes_back_as_it_was(client: Client, roots: Roots) -> None:
    image = store_image(roots)
    directory = add_kernel(roots, "demo", image, display_name="Demo")
    files = {path.name: path.read_bytes() for path in directory.iterdir()}
    undo = (await client("delete", "kernels/demo")).holds("Removal")["undo"]
    assert await listed(client) == set()
    assert not image.exists() and tree(roots.packages) == tree(roots.logs) == []
    answer = (await client("post", f"trash/{undo}/restore")).holds("Restored")
    assert answer == {"slug": "demo", "display_name": "Demo"}
    assert await listed(client) == {"demo"}
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == files
    assert image.exists() and (roots.packages / "demo" / "package.py").exists()
    assert tree(roots.trash) == []
    (await client("post", f"trash/{undo}/restore")).refused("not_found")
    assert (await client("get", "kernels/demo")).holds("KernelDetails")["kernel"]["status"]["level"] != "stale"


async def test_a_kernel_comes_not_back_in_the_place_of_another(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "demo", image)
    undo = (await client("delete", "kernels/demo")).holds("Removal")["undo"]
    add_kernel(roots, "demo", image, display_name="The newer one")
    before = tree(roots.state.parent)
    assert "demo" in (await client("post", f"trash/{undo}/restore")).refused("slug_taken")
    assert tree(roots.state.parent) == before


@pytest.mark.parametrize("item", ["0" * 16, "f" * 16])
async def test_what_is_not_in_the_trash_cannot_be_restored(client: Client, item: str) -> None:
    (await client("post", f"trash/{item}/restore")).refused("not_found")


async def test_of_a_kernel_that_we_did_not_make_the_named_folder_goes_and_comes_back(
    client: Client, roots: Roots, image: Path
) -> None:
    directory = write_kernel(roots.kernels / "foreign")
    other = add_kernel(roots, "other", image)
    (await client("delete", "kernels/foreign")).refused("not_ours")
    (await client("delete", "kernels/foreign", {"resource_dir": str(other)})).refused("not_ours")
    assert directory.is_dir() and other.is_dir()
    removal = (await client("delete", "kernels/foreign", {"resource_dir": str(directory)})).holds("Removal")
    assert [item["path"] for item in removal["removal"]] == [str(directory)]
    assert not directory.exists()
    answer = (await client("post", f"trash/{removal['undo']}/restore")).holds("Restored")
    assert answer == {"slug": "foreign", "display_name": "By hand"}
    assert json.loads((directory / "kernel.json").read_text()) == BY_HAND


async def test_a_kernel_whose_file_is_damaged_can_be_deleted_by_its_folder(client: Client, roots: Roots) -> None:
    directory = write_kernel(roots.kernels / "damaged", '{"argv": ["apptainer",')
    assert "damaged" in (await client("delete", "kernels/damaged")).refused("not_ours")
    (await client("delete", "kernels/damaged", {"resource_dir": str(directory)})).holds("Removal")
    assert not directory.exists()


async def refused(client: Client, slug: str, directory: Path) -> str:
    answer = await client("delete", f"kernels/{slug}", {"resource_dir": str(directory)})
    message: str = answer.refused("not_ours")
    return message


async def test_kernels_that_are_nobodys_to_delete_here_stay(
    client: Client, roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = write_kernel(tmp_path / "site" / "kernels" / "project")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "site"))
    native = write_kernel(roots.kernels / "mine", {**BY_HAND, "argv": ["/usr/bin/python3", "-m", "ipykernel_launcher"]})
    python3 = write_kernel(roots.kernels / "python3")
    elsewhere = write_kernel(tmp_path / "elsewhere" / "linked")
    link = roots.kernels / "linked"
    link.symlink_to(elsewhere)
    before = [tree(each) for each in (roots.kernels, site, elsewhere)]
    assert "not your own" in await refused(client, "project", site)
    assert "not a container kernel" in await refused(client, "mine", native)
    assert "Jupyter's own" in await refused(client, "python3", python3)
    assert "is a link" in await refused(client, "linked", link)
    assert "not your own" in await refused(client, "linked", elsewhere)
    assert "not a full path" in await refused(client, "mine", roots.kernels / "x" / ".." / "mine")
    assert "not a full path" in await refused(client, "mine", Path("mine"))
    assert "not its folder" in await refused(client, "mine", tmp_path)
    (await client("delete", "kernels/echo")).refused("not_ours")
    (await client("delete", "kernels/nothing")).refused("not_found")
    (await client("delete", "kernels/nothing", {"resource_dir": str(roots.kernels / "nothing")})).refused("not_found")
    assert [tree(each) for each in (roots.kernels, site, elsewhere)] == before


async def test_a_record_that_names_what_another_kernel_uses_takes_nothing_from_it(
    client: Client, roots: Roots, image: Path
) -> None:
    add_kernel(roots, "other", image, display_name="The Other")
    theirs = PackagesRecord(str(roots.packages / "other"), None, 1, [])
    add_kernel(roots, "demo", image, packages=theirs, log=str(roots.logs / "demo" / ".." / "other" / "last-start"))
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    assert {item["what"] for item in removal["removal"] if item["goes"]} == {"kernelspec"}
    assert (roots.packages / "other" / "package.py").exists() and (roots.logs / "other" / "last-start").exists()


async def test_an_image_that_somebody_elses_kernel_starts_stays(client: Client, roots: Roots) -> None:
    image = store_image(roots)
    add_kernel(roots, "demo", image)
    write_kernel(roots.kernels / "foreign", {**BY_HAND, "argv": ["apptainer", "exec", str(image), "python3"]})
    removal = (await client("delete", "kernels/demo")).holds("Removal")
    [item] = [item for item in removal["removal"] if item["what"] == "image"]
    assert (item["goes"], item["used_by"]) == (False, ["By hand"])
    assert image.exists()


async def test_an_image_that_another_kernel_uses_by_another_path_stays(
    client: Client, roots: Roots, tmp_path: Path
) -> None:
    image = store_image(roots)
    add_kernel(roots, "demo", image)
    link = tmp_path / "by another way.sif"
    link.symlink_to(image)
    add_kernel(roots, "other", link)
    (await client("delete", "kernels/demo")).holds("Removal")
    assert image.exists()
