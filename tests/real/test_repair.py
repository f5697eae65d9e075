"""Kernels that no longer start are mended, and stay as they are when that fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest, LastStart, RepairRequest, Task
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import printed, started


def repaired(bed: Bed, slug: str, action: str, image: str | None = None) -> Task:
    """Mend a kernel and return the task as it ended."""

    async def work(services: Services) -> Task:
        task = await services.repair.repair(slug, RepairRequest(action, image))  # type: ignore[arg-type]
        return await services.tasks.wait(task.id)

    return bed.run(work)


def last_start(bed: Bed, slug: str) -> LastStart:
    async def work(services: Services) -> LastStart:
        return (await services.kernels.log(slug)).start

    return bed.run(work)


def record(bed: Bed, slug: str) -> dict[str, Any]:
    text = (bed.kernels / slug / "kernel.json").read_text()
    return dict(json.loads(text)["metadata"]["container_kernels"])


def files(bed: Bed, slug: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (bed.kernels / slug).iterdir()}


def starts(bed: Bed, slug: str) -> bool:
    try:
        with started(slug, bed.path) as client:
            return printed(client, "print(6 * 7)") == "42"
    except RuntimeError:
        return False


def test_an_image_that_was_moved_is_found_at_its_new_place(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    image = copied(ipykernel_sif, "before.sif")
    request = AddRequest(str(image), "Moved", environment={"KEPT": "yes"}, gpu="off")
    assert bed.add(request).error is None
    before = record(bed, "moved")
    moved = image.rename(tmp_path / "after, with: odd name.sif")
    assert not starts(bed, "moved")
    start = last_start(bed, "moved")
    assert start.state == "failed"
    assert start.diagnosis is not None
    assert start.diagnosis.cause == "image_missing"
    assert start.diagnosis.remedies[0] == "relink"

    task = repaired(bed, "moved", "relink", str(moved))
    assert task.error is None
    assert task.repair == RepairRequest("relink", str(moved))
    after = record(bed, "moved")
    assert after["image"]["path"] == str(moved)
    assert {name: after[name] for name in ("environment", "gpu", "created")} == {
        name: before[name] for name in ("environment", "gpu", "created")
    }
    with started("moved", bed.path) as client:
        assert printed(client, "import os; print(os.environ['KEPT'])") == "yes"
    assert last_start(bed, "moved").state == "ended"


def test_a_stored_image_that_is_damaged_is_pulled_again(bed: Bed, registry: str, stored_python: Path) -> None:
    bed.seed(stored_python)
    reference = f"{registry}/demo/python:1"
    assert bed.add(AddRequest(reference, "Damaged")).error is None
    image = Path(record(bed, "damaged")["image"]["path"])
    whole = image.stat().st_size
    damaged = image.read_bytes()[:-1_000_000]
    image.unlink()  # the store shares its files with other tests
    image.write_bytes(damaged)
    packages = record(bed, "damaged")["packages"]
    own = Path(packages["path"]) / "of the user"
    own.write_text("kept")

    task = repaired(bed, "damaged", "pull")
    assert task.error is None
    states = {phase.name: phase.state for phase in task.phases}
    assert (states["acquire"], states["install"]) == ("done", "skipped")
    assert image.stat().st_size == pytest.approx(whole, rel=0.01)
    assert record(bed, "damaged")["image"]["reference"] == reference, "what the user called it"
    assert record(bed, "damaged")["packages"]["shared"] == packages["shared"]
    assert own.read_text() == "kept"
    assert starts(bed, "damaged")


def test_packages_that_are_gone_are_installed_again(bed: Bed, python_sif: Path) -> None:
    assert bed.add(AddRequest(str(python_sif), "Purged")).error is None
    packages = record(bed, "purged")["packages"]
    for path in (packages["path"], packages["shared"]):
        assert path
        for each in Path(path).rglob("*"):
            if each.is_dir():
                each.chmod(0o700)
        shutil.rmtree(path)
    assert not starts(bed, "purged")
    start = last_start(bed, "purged")
    assert start.diagnosis is not None
    assert (start.diagnosis.cause, start.diagnosis.remedies[0]) == ("packages_missing", "reinstall")
    assert repaired(bed, "purged", "reinstall").error is None
    assert starts(bed, "purged")
    first = record(bed, "purged")["packages"]["shared"]
    assert repaired(bed, "purged", "reinstall").error is None
    assert record(bed, "purged")["packages"]["shared"] != first
    assert not Path(first).exists(), "nobody uses it any more"
    assert starts(bed, "purged")


def test_a_folder_that_a_record_names_and_we_did_not_make_is_not_written_to(bed: Bed, ipykernel_sif: Path) -> None:
    """A kernel.json is a file that anybody may edit."""
    assert bed.add(AddRequest(str(ipykernel_sif), "Edited")).error is None
    precious = bed.path / "precious"
    precious.mkdir()
    path = bed.kernels / "edited" / "kernel.json"
    spec = json.loads(path.read_text())
    spec["metadata"]["container_kernels"]["packages"]["path"] = str(precious)
    path.write_text(json.dumps(spec))
    assert repaired(bed, "edited", "reinstall").error is None
    assert list(precious.iterdir()) == []
    assert record(bed, "edited")["packages"]["path"] != str(precious)
    assert starts(bed, "edited")


def test_a_repair_that_fails_changes_nothing(bed: Bed, ipykernel_sif: Path, pulled: Callable[[str], Path]) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Stays")).error is None
    before = files(bed, "stays")
    task = repaired(bed, "stays", "relink", str(pulled("test/no-python:1")))
    assert task.error is not None
    assert task.error.code == "language_missing"
    assert files(bed, "stays") == before
    assert starts(bed, "stays")


#: The action, what is named, the error code.
REFUSED = [
    ("relink", "docker://debian:12", "invalid_reference"),  # not a file
    ("relink", "/no/such/file.sif", "image_not_found"),
    ("pull", None, "invalid_reference"),  # a file of the user's own
]


@pytest.mark.parametrize(("action", "image", "code"), REFUSED)
def test_what_cannot_be_done_is_said_at_once(
    bed: Bed, ipykernel_sif: Path, action: str, image: str | None, code: str
) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "Own")).error is None
    with pytest.raises(ContainerKernelsError) as error:
        repaired(bed, "own", action, image)
    assert error.value.code == code
    assert error.value.hint
