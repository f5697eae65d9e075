"""Kernels are shared from a folder, seen by others as read-only, and withdrawn."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterlab_container_kernels import cli
from jupyterlab_container_kernels.commands import sharing
from jupyterlab_container_kernels.routes import KERNEL_EVENT_SCHEMA
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image, tree

from .conftest import Client
from .test_adding import ended
from .test_changing import added

_PHASES = ["resolve", "acquire", "inspect", "install", "verify", "publish"]


@pytest.fixture
def lab(public_dir: Path) -> Path:
    return public_dir / "lab"


async def rows(client: Client) -> dict[str, dict[str, Any]]:
    listed = (await client("get", "kernels")).holds("KernelList")["kernels"]
    return {each["resource_dir"]: each for each in listed}


async def test_a_kernel_is_shared_listed_and_withdrawn(client: Client, roots: Roots, image: Path, lab: Path) -> None:
    await added(client, image, display_name="Demo", gpu="off", environment={"API_KEY": "verysecret", "A": "1"})
    plan = (await client("post", "kernels/demo/share/plan", {"directory": str(lab)})).holds("SharePlan")
    assert plan["left_out"] == ["API_KEY"]
    assert str(lab) in plan["line"]
    answer = await client("post", "kernels/demo/share", {"directory": str(lab)})
    assert (answer.status, bool(answer.headers["Location"])) == (202, True)
    task = answer.holds("Task")
    assert (task["job"], task["slug"], task["share"]["directory"]) == ("share", "demo", str(lab))
    task = await ended(client, task)
    assert task["error"] is None
    assert [phase["state"] for phase in task["phases"]] == ["skipped", "done", "done", "done", "done", "done"]
    shared = str(lab / "kernels" / "demo")
    for name in ("kernel.json", "init.sh"):
        assert "verysecret" not in (Path(shared) / name).read_text()
    row = (await rows(client))[shared]
    assert (row["slug"], row["ours"], row["read_only"], row["withdrawable"]) == ("demo", True, True, True)
    assert row["environment"] == {"A": "1"}
    (note,) = [each for each in row["notes"] if each["code"] == "read_only"]
    assert "You share it" in note["message"]
    (await client("post", "kernels/demo/share/plan", {"directory": str(lab)})).refused("slug_taken")

    freed = (await client("post", "kernels/demo/withdraw", {"resource_dir": shared})).holds("Freed")
    assert freed["freed_bytes"] > image.stat().st_size
    assert tree(lab) == ["container-kernels", "kernels"]
    assert list(await rows(client)) == [str(roots.kernels / "demo")]
    (await client("post", "kernels/demo/withdraw", {"resource_dir": shared})).refused("not_found")


async def test_of_two_kernels_of_one_name_no_page_is_told_that_the_name_went(
    client: Client, roots: Roots, image: Path, lab: Path, jp_serverapp: Any
) -> None:
    told: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data)

    await added(client, image, display_name="Demo", gpu="off")
    await ended(client, (await client("post", "kernels/demo/share", {"directory": str(lab)})).holds("Task"))
    jp_serverapp.event_logger.add_listener(schema_id=KERNEL_EVENT_SCHEMA, listener=listen)
    withdrawal = {"resource_dir": str(lab / "kernels" / "demo")}
    (await client("post", "kernels/demo/withdraw", withdrawal)).holds("Freed")
    (await client("delete", "kernels/demo")).holds("Removal")
    assert told == [{"slug": "demo", "present": True}, {"slug": "demo", "present": False}]


async def test_a_variable_that_is_named_is_handed_on(client: Client, roots: Roots, image: Path, lab: Path) -> None:
    await added(client, image, display_name="Demo", gpu="off", environment={"API_KEY": "notsecret"})
    request = {"directory": str(lab), "environment": ["API_KEY"]}
    assert (await client("post", "kernels/demo/share/plan", request)).holds("SharePlan")["left_out"] == []
    task = await ended(client, (await client("post", "kernels/demo/share", request)).holds("Task"))
    assert task["error"] is None
    assert "notsecret" in (lab / "kernels" / "demo" / "init.sh").read_text()


async def test_a_folder_that_will_not_do_is_refused(client: Client, roots: Roots) -> None:
    add_kernel(roots, "demo", store_image(roots))
    named = [
        "",
        "relative/path",
        "/a/../b",
        "/a\nb",
        "/a\0b",
        "~no-such-user/x",
        "/etc/passwd",
        str(roots.state),
        "/dev/full",
    ]
    for directory in [*named, "/" + "a" * 300]:
        for path in ("kernels/demo/share/plan", "kernels/demo/share"):
            (await client("post", path, {"directory": directory})).refused("invalid_directory")


async def test_only_what_this_user_shares_can_be_withdrawn(client: Client, roots: Roots, tmp_path: Path) -> None:
    add_kernel(roots, "demo", store_image(roots))
    own = roots.kernels / "demo"
    (await client("post", "kernels/demo/withdraw", {"resource_dir": str(own)})).refused("not_ours")
    for named in ("/", "relative", "/a\0b", str(tmp_path / "no"), f"{own}/../demo/"):
        answer = await client("post", "kernels/demo/withdraw", {"resource_dir": named})
        assert answer.status in (404, 409, 422), answer.body
    assert own.is_dir()


async def test_what_failed_leaves_nothing_in_the_folder(client: Client, roots: Roots, lab: Path) -> None:
    add_kernel(roots, "demo", store_image(roots), interpreter="/no/such/python")
    task = await ended(client, (await client("post", "kernels/demo/share", {"directory": str(lab)})).holds("Task"))
    assert task["state"] == "failed"
    assert tree(lab) == ["container-kernels", "kernels"]


class TestFromAFolderOfOthers:
    """A site or a user names folders from which others share."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any], public_dir: Path) -> dict[str, Any]:
        return {**settings, "shared_kernel_dirs": [str(public_dir / "lab")]}

    async def test_its_kernels_are_shown_and_can_be_doubled_but_not_changed(
        self, client: Client, roots: Roots, image: Path, lab: Path
    ) -> None:
        await added(client, image, display_name="Demo", gpu="off")
        plan = (await client("post", "kernels/demo/share/plan", {"directory": str(lab)})).holds("SharePlan")
        assert plan["line"] is None
        answer = await client("post", "kernels/demo/share", {"directory": str(lab)})
        assert (await ended(client, answer.holds("Task")))["error"] is None
        await client("delete", "kernels/demo", {"purge": True})
        row = (await rows(client))[str(lab / "kernels" / "demo")]
        assert (row["id"], row["status"]["code"]) == ("demo", "ok")
        for verb, path in (("patch", "kernels/demo"), ("post", "kernels/demo/check"), ("post", "kernels/demo/share")):
            body = {"directory": str(lab)} if path.endswith("share") else {}
            (await client(verb, path, body)).refused("not_found")
        assert (await client("delete", "kernels/demo")).status in (404, 409)
        assert (await client("get", "kernels/demo/log")).holds("KernelLog")["path"].startswith(str(roots.logs))
        doubled = await client("post", "kernels/demo/duplicate", {"display_name": "Mine"})
        assert (await ended(client, doubled.holds("Task")))["error"] is None
        made = json.loads((roots.kernels / "mine" / "kernel.json").read_text())["metadata"]["container_kernels"]
        assert Path(made["image"]["path"]).is_relative_to(lab)


async def test_a_terminal_shares_for_all_who_use_this_python_environment(
    services: Services, roots: Roots, public_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    add_kernel(roots, "demo", store_image(roots))
    monkeypatch.setattr(sharing, "sys", SimpleNamespace(prefix=str(public_dir)))
    arguments = cli._parser().parse_args(["publish", "demo", "--sys-prefix", "--dry-run", "--json"])
    assert await arguments.work(services, arguments) == 0
    assert json.loads(capsys.readouterr().out)["directory"] == f"{public_dir}/share/jupyter"
    assert tree(public_dir) == []
