"""Kernels are shared from a folder: used by colleagues, changed by nobody, withdrawn by their owner."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import (
    AddRequest,
    EditRequest,
    Kernel,
    RemoveRequest,
    ShareRequest,
    Task,
)
from jupyterlab_container_kernels.services import shared_places
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system import kernelspecs
from tests.builders import tree

from .bed import Bed
from .kernels import printed, started

_SECRET = "hf_abcdefghijklmnop"


@pytest.fixture
def lab(public_dir: Path) -> Path:
    """A folder of a project that does not exist yet, where everybody may look."""
    return public_dir / "lab"


@pytest.fixture
def colleague(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Bed]:
    """Become another user of Jupyter, who is told of a shared folder."""

    def become(place: Path) -> Bed:
        bed = Bed(tmp_path / "colleague")
        bed.data.mkdir(parents=True)
        bed.temporary.mkdir()
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(bed.data))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(bed.path / "runtime"))
        monkeypatch.setenv("JUPYTER_PATH", str(place))
        return bed

    return become


@pytest.fixture
def loose_umask() -> Iterator[None]:
    """What sites set that want groups to write each other's files."""
    before = os.umask(0o002)
    yield
    os.umask(before)


def kernels(bed: Bed) -> list[Kernel]:
    async def work(services: Services) -> list[Kernel]:
        return (await services.kernels.list_kernels()).kernels

    found: list[Kernel] = bed.run(work)
    return found


def share(bed: Bed, slug: str, place: Path) -> Task:
    async def work(services: Services) -> Task:
        task = await services.publishing.publish(slug, ShareRequest(str(place)))
        return await services.tasks.wait(task.id)

    task: Task = bed.run(work)
    return task


def files(lab: Path) -> dict[Path, int]:
    """Return the files and when they were written, but for what Python keeps where its user is their owner."""
    found = [path for path in lab.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path: path.stat().st_mtime_ns for path in found}


def add(bed: Bed, image: Path) -> str:
    """Add a kernel with a secret, and with a package that its user has installed from it."""
    environment = {"HF_TOKEN": _SECRET, "GREETING": "hello"}
    task = bed.add(AddRequest(str(image), "Demo", environment=environment))
    assert task.state == "done", task.error
    spec = kernelspecs.read(bed.kernels / task.slug)
    assert spec is not None
    for site in Path(spec.record.packages.path).glob("**/*-packages"):
        (site / "extra.py").write_text("name = 'an extra package'\n")
    return task.slug


@pytest.mark.usefixtures("loose_umask")
def test_a_colleague_uses_a_kernel_and_cannot_change_it(
    bed: Bed, lab: Path, ipykernel_sif: Path, colleague: Callable[[Path], Bed], tmp_path: Path
) -> None:
    slug = add(bed, ipykernel_sif)

    async def plan(services: Services) -> None:
        planned = await services.publishing.plan(slug, ShareRequest(str(lab)))
        assert (planned.directory, planned.readers) == (str(lab), None)
        assert planned.left_out == ["HF_TOKEN"]
        assert [(item.what, item.copied) for item in planned.items] == [("image", True), ("packages", True)]
        assert planned.items[0].size_bytes == ipykernel_sif.stat().st_size
        assert planned.line is not None
        assert str(lab) in planned.line

    bed.run(plan)
    assert not lab.exists(), "a plan changes nothing"
    task = share(bed, slug, lab)
    assert task.state == "done", task.error
    assert task.message == f"Demo is shared from {lab}"

    # everybody can read all of it, and nobody else can write
    paths = [lab, *lab.rglob("*")]
    for path in paths:
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            assert mode & 0o022 == 0, path
            assert mode & 0o044 == 0o044, path
            assert not stat.S_ISDIR(mode) or mode & 0o011 == 0o011, path
    for name in ("kernel.json", "init.sh"):
        text = (lab / "kernels" / slug / name).read_text()
        assert _SECRET not in text
        assert "hello" in text
        assert str(bed.path) not in text, "nothing of it lies in its owner's directories"

    (mine,) = [each for each in kernels(bed) if each.withdrawable]
    assert (mine.resource_dir, mine.read_only) == (str(lab / "kernels" / slug), True)

    # the owner's own may go; what is shared stays
    bed.run(lambda services: services.deletion.remove(slug, RemoveRequest(purge=True)))
    before = files(lab)
    other = colleague(lab)
    (seen,) = kernels(other)
    assert (seen.slug, seen.ours, seen.read_only, seen.status.code) == (slug, True, True, "ok")
    assert seen.owner is not None
    (tmp_path / "work").mkdir()
    with started(slug, tmp_path / "work") as client:
        assert (
            printed(client, "import os, extra; print(os.environ['GREETING'], extra.name)") == "hello an extra package"
        )
    assert files(lab) == before
    (log,) = other.state.glob("logs/*/last-start")
    assert "# ended:" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600

    async def change(services: Services) -> Task:
        for deed in (
            services.edit.edit(slug, EditRequest(display_name="x")),
            services.deletion.remove(slug, RemoveRequest(resource_dir=seen.resource_dir)),
        ):
            with pytest.raises(ContainerKernelsError) as refusal:
                await deed
            assert refusal.value.code in ("not_found", "not_ours")
        task = await services.edit.duplicate(slug, EditRequest(display_name="Mine"))
        return await services.tasks.wait(task.id)

    doubled = other.run(change)
    assert doubled.state == "done", doubled.error
    (own,) = [each for each in kernels(other) if each.slug == doubled.slug]
    assert (own.read_only, own.image.path) == (False, seen.image.path)


def test_its_owner_withdraws_it_from_a_terminal(bed: Bed, lab: Path, ipykernel_sif: Path) -> None:
    slug = add(bed, ipykernel_sif)
    published = bed.cli("publish", slug, "--prefix", str(lab))
    assert published.returncode == 0, published.stderr
    place = lab / "share" / "jupyter"
    assert f"Demo is shared from {place}" in published.stdout
    again = bed.cli("publish", slug, "--to", str(place))
    assert again.returncode == 4
    assert "is shared from" in again.stderr
    assert bed.cli("list").stdout.count(f"\n{slug}") == 2
    withdrawn = bed.cli("withdraw", slug, "--yes", "--json")
    assert withdrawn.returncode == 0, withdrawn.stderr
    assert json.loads(withdrawn.stdout)["freed_bytes"] > ipykernel_sif.stat().st_size
    assert tree(place) == ["container-kernels", "kernels"]
    assert [path.name for path in (bed.state / "logs").iterdir()] == [slug]
    assert shared_places.noted(str(bed.state / shared_places.NOTE)) == []


def test_an_image_that_all_can_read_is_not_copied(bed: Bed, lab: Path, ipykernel_sif: Path, public_dir: Path) -> None:
    image = public_dir / "image.sif"
    os.link(ipykernel_sif, image)
    image.chmod(0o644)
    slug = add(bed, image)
    task = share(bed, slug, lab)
    assert task.state == "done", task.error
    assert [path for path in lab.rglob("*.sif")] == []
    shared = kernelspecs.read(lab / "kernels" / slug)
    assert shared is not None
    assert shared.record.image.path == str(image)


def test_a_kernel_that_does_not_start_there_is_not_shared(
    bed: Bed, lab: Path, ipykernel_sif: Path, copied: Callable[[Path, str], Path]
) -> None:
    image = copied(ipykernel_sif, "image.sif")
    slug = add(bed, image)
    with image.open("r+b") as file:
        file.truncate(image.stat().st_size // 2)
    task = share(bed, slug, lab)
    assert task.state == "failed"
    assert task.error is not None
    assert tree(lab) in (["container-kernels", "kernels"], [])
    assert [path.name for path in (bed.state / "logs").iterdir()] == [slug]
