"""Images that come from a registry on this machine: by a program in the place of Apptainer, its cache, a login node."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.services import elsewhere, pull_task
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system import kernelspecs, machine
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import FAKE_APPTAINER, tree, write_sif
from tests.unit.fake_registry import FakeRegistry

from .conftest import Client
from .test_adding import ended, leftovers, reach

#: What Apptainer says before it writes the file.
SAYS = "INFO:    Starting build...\nINFO:    Fetching OCI image...\nINFO:    Creating SIF file..."


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A program in the place of Apptainer that pulls, too: it copies a file, and runs the script ``on-pull`` before."""
    write_sif(tmp_path / "what-comes.sif")
    (tmp_path / "on-pull").write_text("")
    program = tmp_path / "fake-apptainer-that-pulls"
    program.write_text(
        f"""#!/bin/bash
case $1 in
pull | build)
  [[ $* == *docker://* ]] || exit 255 # the image of nothing, with which it is tried what this host can mount
  echo "$@" >> "{tmp_path}/pulls"
  printf '%s\\n' {json.dumps(SAYS)}
  . "{tmp_path}/on-pull"
  cp "{tmp_path}/what-comes.sif" "${{@: -2:1}}" ;;
*) exec "{FAKE_APPTAINER}" "$@" ;;
esac
"""
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def settings(runtime: Path) -> dict[str, Any]:
    return {"runtime_path": str(runtime), "acquire": "runtime"}


def pulls(tmp_path: Path) -> list[str]:
    """What the program was asked to pull, pull by pull."""
    asked = tmp_path / "pulls"
    return asked.read_text().splitlines() if asked.exists() else []


async def added(client: Client, image: str, **more: object) -> dict[str, Any]:
    """Add a kernel and return the task when it has ended."""
    body = {"image": image, "display_name": "Demo", "gpu": "off"} | more
    return await ended(client, (await client("post", "kernels", body)).holds("Task"))


def phases(task: dict[str, Any]) -> dict[str, str]:
    return {phase["name"]: phase["state"] for phase in task["phases"]}


async def log_of(client: Client, task: dict[str, Any]) -> str:
    return str((await client("get", f"tasks/{task['id']}/log")).holds("LogChunk")["text"])


async def test_an_image_is_pulled_by_its_digest_once_and_used_again(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path
) -> None:
    digest = registry.add_image("1", machine.architecture())
    image = f"{registry.name}/org/demo:1"
    task = await added(client, image)
    assert (task["state"], task["error"]) == ("done", None)
    [asked] = pulls(tmp_path)
    assert asked.endswith(f"docker://{registry.name}/org/demo@{digest}"), "also if the tag moves meanwhile"
    spec = kernelspecs.read(roots.kernels / task["slug"])
    assert spec is not None and spec.record.image.digest == digest and spec.record.image.stored
    assert Path(spec.record.image.path).stat().st_mode & 0o777 == 0o600

    again = await added(client, image)
    assert phases(again)["acquire"] == "skipped"
    assert len(pulls(tmp_path)) == 1
    assert "is here already" in await log_of(client, again)
    assert tree(roots.staging) == []


async def test_what_the_runtime_says_of_a_pull_that_fails_is_said_and_nothing_stays(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.add_image("1", machine.architecture())
    (tmp_path / "on-pull").write_text(
        "echo 'FATAL:   While making image from oci registry: write /x: no space left on device' >&2; exit 255"
    )
    task = await added(client, f"{registry.name}/org/demo:1")
    assert (task["state"], task["phase"], task["error"]["code"]) == ("failed", "acquire", "disk_full")
    assert task["error"]["hint"]
    assert leftovers(roots) == {}


async def test_a_runtime_that_says_that_all_went_well_but_made_no_file_has_failed(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.add_image("1", machine.architecture())
    (tmp_path / "on-pull").write_text("exit 0")
    task = await added(client, f"{registry.name}/org/demo:1")
    assert (task["state"], task["error"]["code"]) == ("failed", "runtime_failed")
    assert leftovers(roots) == {}


@pytest.mark.parametrize(
    ("architecture", "code"), [(b"99", "image_unusable"), (b"11", "wrong_architecture")], ids=["unknown", "s390x"]
)
async def test_what_came_is_looked_at_before_it_gets_its_place(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path, architecture: bytes, code: str
) -> None:
    registry.add_image("1", machine.architecture())
    what = tmp_path / "what-comes.sif"
    if code == "image_unusable":
        what.write_bytes(b"<html>log in to this hotel's network</html>")
    else:
        write_sif(what, architecture=architecture)
    task = await added(client, f"{registry.name}/org/demo:1")
    assert (task["state"], task["error"]["code"]) == ("failed", code)
    assert leftovers(roots) == {}


async def test_a_pull_that_is_cancelled_leaves_nothing(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.add_image("1", machine.architecture())
    (tmp_path / "on-pull").write_text(f'echo half > "${{@: -2:1}}"; touch "{tmp_path}/begun"; sleep 300')
    body = {"image": f"{registry.name}/org/demo:1", "display_name": "Demo"}
    task = (await client("post", "kernels", body)).holds("Task")
    await reach(client, task, lambda _read: (tmp_path / "begun").exists())
    await client("delete", f"tasks/{task['id']}")
    task = await ended(client, task)
    assert (task["state"], task["error"]) == ("cancelled", None)
    assert leftovers(roots) == {}


async def test_an_image_in_the_runtimes_cache_is_copied_and_not_pulled(
    client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = registry.add_image("1", machine.architecture())
    monkeypatch.setenv("APPTAINER_CACHEDIR", str(tmp_path / "theirs"))
    name = hashlib.sha256(f"{digest.removeprefix('sha256:')}{machine.architecture()}".encode()).hexdigest()
    cached = write_sif(tmp_path / "theirs" / "cache" / "oci-tmp" / name, payload=999)
    task = await added(client, f"{registry.name}/org/demo:1")
    assert (task["state"], task["error"]) == ("done", None)
    assert f"has the image in its cache: {cached}" in await log_of(client, task)
    assert pulls(tmp_path) == []
    spec = kernelspecs.read(roots.kernels / task["slug"])
    assert spec is not None and spec.record.image.stored
    assert Path(spec.record.image.path).read_bytes() == cached.read_bytes()
    assert cached.exists(), "it is not ours"


class TestInOurOwnWay:
    """What our own way does not understand is pulled by the runtime, and that is said."""

    @pytest.fixture
    def settings(self, runtime: Path) -> dict[str, Any]:
        return {"runtime_path": str(runtime)}

    async def test_the_runtime_takes_over_and_it_is_said_why(
        self, client: Client, roots: Roots, registry: FakeRegistry, tmp_path: Path
    ) -> None:
        registry.add_image("1", machine.architecture())  # its layers are of a type that nobody knows
        task = await added(client, f"{registry.name}/org/demo:1")
        assert (task["state"], task["error"]) == ("done", None)
        log = await log_of(client, task)
        assert "makes this image itself, which takes longer: a layer is of the type x" in log
        assert len(pulls(tmp_path)) == 1
        left = [name for name in tree(roots.images) if "spool" in name or name.endswith(".part")]
        assert left == []

    async def test_a_user_may_have_the_runtime_do_it_from_the_beginning(
        self, client: Client, registry: FakeRegistry
    ) -> None:
        registry.add_image("1", machine.architecture())
        task = await added(client, f"{registry.name}/org/demo:1", by_runtime=True)
        assert task["state"] == "done"
        assert "makes the image file itself, as you chose" in await log_of(client, task)


class TestByALoginNode:
    """A line that the user runs elsewhere brings the image; whatever happens there is shown here."""

    @pytest.fixture
    def settings(self, runtime: Path) -> dict[str, Any]:
        return {"runtime_path": str(runtime), "acquire": "runtime", "pull_from": "login"}

    @pytest.fixture
    def digest(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> str:
        for module in (elsewhere, pull_task):
            monkeypatch.setattr(module, "_LOOK_S", 0.05)
        return registry.add_image("1", machine.architecture())

    @staticmethod
    async def ordered(client: Client, registry: FakeRegistry) -> dict[str, Any]:
        """Return a task that waits for somebody to run its line."""
        body = {"image": f"{registry.name}/org/demo:1", "display_name": "Demo", "gpu": "off"}
        task = (await client("post", "kernels", body)).holds("Task")
        await reach(client, task, lambda read: bool(read.get("command")))
        shown: dict[str, Any] = (await client("get", f"tasks/{task['id']}")).holds("Task")
        return shown

    async def test_it_goes_on_when_the_line_has_brought_the_image(
        self, client: Client, roots: Roots, services: Services, registry: FakeRegistry, digest: str
    ) -> None:
        task = await self.ordered(client, registry)
        [folder] = roots.staging.glob("pull-*")
        assert str(folder) in task["command"] and digest in task["command"]
        async with pull_task.of(services, f"{registry.name}/org/demo@{digest}", str(folder)) as (theirs, pulling):
            assert (await theirs.tasks.wait(pulling.id)).state == "done"
        task = await ended(client, task)
        assert (task["state"], task["error"], task.get("command")) == ("done", None, None)
        spec = kernelspecs.read(roots.kernels / task["slug"])
        assert spec is not None and spec.record.image.digest == digest and spec.record.image.stored
        assert tree(roots.staging) == []

    async def test_a_pull_that_fails_there_fails_here_and_says_where(
        self, client: Client, roots: Roots, services: Services, registry: FakeRegistry, digest: str, tmp_path: Path
    ) -> None:
        task = await self.ordered(client, registry)
        (tmp_path / "on-pull").write_text("echo 'FATAL:   write /x: no space left on device' >&2; exit 255")
        [folder] = roots.staging.glob("pull-*")
        async with pull_task.of(services, f"{registry.name}/org/demo@{digest}", str(folder)) as (theirs, pulling):
            assert (await theirs.tasks.wait(pulling.id)).state == "failed"
            task = await ended(client, task)
        assert (task["state"], task["error"]["code"]) == ("failed", "disk_full")
        assert "on the login node" in task["error"]["message"]

    async def test_a_line_that_was_stopped_is_shown_again(
        self, client: Client, roots: Roots, services: Services, registry: FakeRegistry, digest: str, tmp_path: Path
    ) -> None:
        task = await self.ordered(client, registry)
        (tmp_path / "on-pull").write_text(f'touch "{tmp_path}/begun"; sleep 300')
        [folder] = roots.staging.glob("pull-*")
        async with pull_task.of(services, f"{registry.name}/org/demo@{digest}", str(folder)) as (theirs, pulling):
            await reach(client, task, lambda read: (tmp_path / "begun").exists() and not read.get("command"))
            await pull_task.stop(theirs, pulling, str(folder))
        await reach(client, task, lambda read: "It was stopped there" in read["message"] and bool(read.get("command")))
        (tmp_path / "on-pull").write_text("")
        async with pull_task.of(services, f"{registry.name}/org/demo@{digest}", str(folder)) as (theirs, pulling):
            assert (await theirs.tasks.wait(pulling.id)).state == "done"
        assert (await ended(client, task))["state"] == "done"

    async def test_whoever_brings_it_ends_when_nobody_wants_it_any_more(
        self, client: Client, roots: Roots, services: Services, registry: FakeRegistry, digest: str, tmp_path: Path
    ) -> None:
        task = await self.ordered(client, registry)
        (tmp_path / "on-pull").write_text(f'touch "{tmp_path}/begun"; sleep 300')
        [folder] = roots.staging.glob("pull-*")
        async with pull_task.of(services, f"{registry.name}/org/demo@{digest}", str(folder)) as (theirs, pulling):
            await reach(client, task, lambda _read: (tmp_path / "begun").exists())
            await client("delete", f"tasks/{task['id']}")
            assert (await theirs.tasks.wait(pulling.id)).state == "cancelled"
            assert (await ended(client, task))["state"] == "cancelled"
        assert leftovers(roots) == {}

    async def test_another_image_than_was_ordered_is_not_taken(
        self, client: Client, roots: Roots, services: Services, registry: FakeRegistry, digest: str
    ) -> None:
        task = await self.ordered(client, registry)
        other = registry.add_image("2", machine.architecture(), (77,))
        [folder] = roots.staging.glob("pull-*")
        order = json.loads((folder / "order.json").read_text())
        (folder / "order.json").write_text(json.dumps(order | {"image": order["image"].replace(digest, other)}))
        async with pull_task.of(services, f"{registry.name}/org/demo@{other}", str(folder)) as (theirs, pulling):
            assert (await theirs.tasks.wait(pulling.id)).state == "done"
        task = await ended(client, task)
        assert (task["state"], task["error"]["code"]) == ("failed", "image_unusable")
        assert "Another image came" in task["error"]["message"]


async def test_an_image_that_is_pulled_for_later_makes_no_kernel(
    client: Client, roots: Roots, services: Services, registry: FakeRegistry
) -> None:
    digest = registry.add_image("1", machine.architecture())
    async with pull_task.of(services, f"{registry.name}/org/demo:1", None) as (theirs, task):
        assert (await theirs.tasks.wait(task.id)).state == "done"
    assert tree(roots.staging) == []
    told = (await client("post", "resolve", {"image": f"{registry.name}/org/demo:1"})).holds("Resolution")
    assert (told["stored"], told["digest"]) == (True, digest)
    assert (await client("get", "kernels")).holds("KernelList")["kernels"] == []
