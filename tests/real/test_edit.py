"""Kernels are changed, doubled, checked and updated with a real runtime and a real registry."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import AddRequest, Bind, CheckRequest, EditRequest, RepairRequest, Task
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import printed, started

_MANIFEST = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def done(bed: Bed, begin: Callable[[Services], Any]) -> Task:
    """Begin a task and return it as it ended."""

    async def work(services: Services) -> Task:
        task = await begin(services)
        return await services.tasks.wait(task.id)

    task: Task = bed.run(work)
    return task


def edited(bed: Bed, slug: str, **changes: Any) -> Task:
    return done(bed, lambda services: services.edit.edit(slug, EditRequest(**changes)))


def checked(bed: Bed, slug: str, updates: bool = True) -> tuple[Task, dict[str, Any]]:
    task = done(bed, lambda services: services.edit.check(slug, CheckRequest(updates)))
    return task, json.loads((bed.state / "logs" / slug / "checked.json").read_text())


def said(bed: Bed) -> list[str]:
    """Return the codes of all that the quick look says of the only kernel."""

    async def look(services: Services) -> Any:
        return (await services.kernels.list_kernels()).kernels

    [kernel] = bed.run(look)
    return [kernel.status.code, *(note.code for note in kernel.notes)]


def record(bed: Bed, slug: str) -> dict[str, Any]:
    text = (bed.kernels / slug / "kernel.json").read_text()
    return dict(json.loads(text)["metadata"]["container_kernels"])


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_a_kernel_is_changed_while_another_of_it_runs_and_stays_as_it_is_when_that_fails(
    bed: Bed, ipykernel_sif: Path, tmp_path: Path
) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "file").write_text("x")
    assert bed.add(AddRequest(str(ipykernel_sif), "Demo", environment={"GREETING": "before"}, gpu="off")).error is None
    with started("demo", bed.path) as client:
        binds = [Bind(str(tmp_path / "mounted"), "/data", True)]
        task = edited(bed, "demo", display_name="Changed", environment={"GREETING": "after"}, binds=binds)
        assert task.error is None
        assert "runs as before" in task.message
        assert printed(client, "import os; print(os.environ['GREETING'])") == "before"
    with started("demo", bed.path) as client:
        assert printed(client, "import os; print(os.environ['GREETING'], os.listdir('/data'))") == "after ['file']"
    spec = json.loads((bed.kernels / "demo" / "kernel.json").read_text())
    assert spec["display_name"] == "Changed"

    before = files(bed.kernels / "demo")
    task = edited(bed, "demo", display_name="Broken", environment={"PYTHONHOME": "/nowhere"})
    assert task.error is not None and task.state == "failed"
    assert files(bed.kernels / "demo") == before
    with started("demo", bed.path) as client:
        assert printed(client, "print(6 * 7)") == "42"


def test_a_twin_of_a_kernel_shares_its_image_and_its_packages(bed: Bed, registry: str, stored_python: Path) -> None:
    bed.seed(stored_python)
    assert bed.add(AddRequest(f"{registry}/demo/python:1", "Demo", gpu="off")).error is None
    images, sets = list((bed.state / "images").iterdir()), list((bed.state / "packages/shared").iterdir())
    task = done(bed, lambda services: services.edit.duplicate("demo", EditRequest("Demo with GPU", gpu="on")))
    assert task.error is None
    assert {phase.name: phase.state for phase in task.phases}["install"] == "skipped"
    assert list((bed.state / "images").iterdir()) == images
    assert list((bed.state / "packages/shared").iterdir()) == sets
    one, other = record(bed, "demo"), record(bed, "demo-with-gpu")
    assert (one["image"], one["packages"]["shared"]) == (other["image"], other["packages"]["shared"])
    assert (one["gpu"], other["gpu"]) == ("off", "on")
    with started("demo-with-gpu", bed.path) as client:
        assert printed(client, "import ipykernel; print(ipykernel.__file__)").startswith(str(sets[0]))


def test_a_check_tells_whether_a_kernel_starts_and_leaves_all_as_it_is(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(ipykernel_sif, "here.sif")
    assert bed.add(AddRequest(str(image), "Demo")).error is None
    with started("demo", bed.path):
        pass
    before = files(bed.kernels / "demo"), files(bed.state / "logs" / "demo")
    task, found = checked(bed, "demo")
    assert task.error is None and task.message == "Demo works"
    assert (found["ok"], found["digest"]) == (True, None)
    (bed.state / "logs" / "demo" / "checked.json").unlink()
    assert (files(bed.kernels / "demo"), files(bed.state / "logs" / "demo")) == before

    with image.open("r+b") as stream:  # the quick look sees no difference in time and size
        size = stream.seek(0, 2)
        stream.seek(size // 2)
        stream.write(bytes(size - size // 2))
    task, found = checked(bed, "demo", updates=False)
    assert task.state == "failed" and task.error is not None
    assert (found["ok"], found["message"]) == (False, task.error.message)
    assert said(bed) == ["does_not_start"]

    os.truncate(image, size // 2)
    assert said(bed) == ["image_damaged", "does_not_start"]
    task, found = checked(bed, "demo", updates=False)
    assert task.state == "failed"
    assert said(bed) == ["image_damaged"], "one cause is said once"
    copied(ipykernel_sif, "here.sif")
    assert said(bed) == ["ok"], "and when it is gone, no longer"
    assert list((bed.state / "staging").iterdir()) == []


def put_manifest(registry: str, repository: str, tag: str, manifest: bytes, kind: str) -> None:
    url = f"http://{registry}/v2/{repository}/manifests/{tag}"
    request = urllib.request.Request(url, manifest, {"Content-Type": kind}, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def test_an_image_whose_tag_has_moved_is_pulled_and_taken_when_it_works(
    bed: Bed, registry: str, stored_python: Path
) -> None:
    url = f"http://{registry}/v2/demo/python/manifests/1"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": _MANIFEST}), timeout=10) as answer:
        manifest, kind = answer.read(), answer.headers["Content-Type"]
    put_manifest(registry, "demo/python", "moving", manifest, kind)
    bed.seed(stored_python)
    reference = f"{registry}/demo/python:moving"
    assert bed.add(AddRequest(reference, "Demo")).error is None
    old = record(bed, "demo")["image"]
    task, found = checked(bed, "demo")
    assert task.error is None and found["digest"] == old["digest"]

    put_manifest(registry, "demo/python", "moving", manifest + b"\n", kind)
    task, found = checked(bed, "demo")
    assert task.error is None and "another image" in task.message
    assert found["ok"] is True and found["digest"] not in (None, old["digest"])

    task = done(bed, lambda services: services.repair.repair("demo", RepairRequest("update")))
    assert task.error is None
    new = record(bed, "demo")["image"]
    assert new["digest"] == found["digest"] and new["path"] != old["path"]
    assert (new["reference"], new["source"]) == (reference, old["source"])
    assert Path(old["path"]).exists(), "it goes when somebody says so"
    with started("demo", bed.path) as client:
        assert printed(client, "print(6 * 7)") == "42"

    async def space(services: Services) -> Any:
        return (await services.space.get()).items

    images = {item.path: item for item in bed.run(space) if item.kind == "image"}
    assert (images[old["path"]].removable, images[new["path"]].used_by) == (True, ["Demo"])


@pytest.mark.parametrize("action", ["relink", "find_runtime"])
def test_what_has_moved_is_found_without_being_named(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path], action: str
) -> None:
    image = copied(ipykernel_sif, "here.sif")
    assert bed.add(AddRequest(str(image), "Demo")).error is None
    if action == "relink":
        image = image.rename(image.with_name("there.sif"))
    else:
        path = bed.kernels / "demo" / "kernel.json"
        spec = json.loads(path.read_text())
        spec["metadata"]["container_kernels"]["runtime"]["path"] = "/gone/apptainer"
        path.write_text(json.dumps(spec))
    task = done(bed, lambda services: services.repair.repair("demo", RepairRequest(action)))  # type: ignore[arg-type]
    assert task.error is None
    assert record(bed, "demo")["image"]["path"] == str(image)
    assert Path(record(bed, "demo")["runtime"]["path"]).is_file()
    with started("demo", bed.path) as client:
        assert printed(client, "print(6 * 7)") == "42"
