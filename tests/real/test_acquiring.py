"""From a registry into the store: in one stream, with whatever registries, networks, disks and sessions can have."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.compressors import has_zstd
from jupyterlab_container_kernels.models import AddRequest, SpaceItem, Task
from jupyterlab_container_kernels.services.images import Wish
from jupyterlab_container_kernels.services.running_task import RunningTask
from jupyterlab_container_kernels.services.wiring import Services
from tests.hard_layers import file, folder, layer, write_image

from .bed import Bed
from .ill_registry import Illness, IllRegistry

NOISE = random.Random(5)
#: Two layers of noise, 3 MB and 2 MB, with which nothing can be run.
LAYERS = [layer(folder("a"), file("a/noise", NOISE.randbytes(3_000_000))), layer(file("b", NOISE.randbytes(2_000_000)))]


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("layout")
    write_image(LAYERS, made)
    return made


@pytest.fixture
def ill(layout: Path) -> Iterator[IllRegistry]:
    registry = IllRegistry(layout)
    yield registry
    registry.close()


async def begun(services: Services, reference: str) -> Task:
    """Begin a task that only brings an image."""

    async def bring(running: RunningTask) -> None:
        resolved = await services.images.resolution.look_up(reference)
        await services.images.acquire(running, resolved, await services.session.find_runtime())

    return await services.tasks.start(AddRequest(reference), "Image", "image", bring)


def bring(bed: Bed, reference: str) -> Task:
    """Bring an image and return the task as it ended."""

    async def work(services: Services) -> Task:
        return await services.tasks.wait((await begun(services, reference)).id)

    task: Task = bed.run(work)
    return task


def dismiss(bed: Bed, task: Task) -> None:
    bed.run(lambda services: services.tasks.end(task.id))


def log(bed: Bed, task: Task) -> str:
    return (bed.state / "tasks" / task.id / "log").read_text()


def failed(bed: Bed, reference: str, code: str) -> str:
    """Bring an image, which fails and leaves nothing, and return what is said."""
    task = bring(bed, reference)
    assert task.error is not None and (task.state, task.error.code) == ("failed", code), task
    bed.assert_nothing_is_left()
    return task.error.message


def stored(bed: Bed) -> Path:
    """Return the one stored image; there is nothing beside it but its side file."""
    found = sorted((bed.state / "images").iterdir())
    assert [path.suffix for path in found] == [".json", ".sif"]
    assert json.loads(found[0].read_text())["digest"] == found[1].stem.replace("-", ":")
    for path in found:
        assert path.stat().st_mode & 0o777 == 0o600
    return found[1]


def compression_of(sif: Path) -> int:
    """Return the number that squashfs has for its compression: 1 is gzip, 6 is zstd."""
    data = sif.read_bytes()
    return int(struct.unpack_from("<H", data, data.index(b"hsqs", 4096) + 20)[0])


def test_an_image_comes_in_one_stream_and_only_once(bed: Bed, ill: IllRegistry) -> None:
    told: list[tuple[str, Any]] = []

    async def work(services: Services) -> Task:
        task = await begun(services, ill.reference)
        while not (task := await services.tasks.get(task.id)).ended:
            told.append((task.message, task.progress))
            await asyncio.sleep(0.01)
        return task

    ill.illness = Illness(rate=3e6)
    os.umask(umask := os.umask(0o002))
    os.umask(0o002)
    try:
        task = bed.run(work)
    finally:
        os.umask(umask)
    assert task.error is None
    assert "itself" not in log(bed, task)
    assert compression_of(stored(bed)) == (6 if has_zstd() else 1)
    total = sum(ill.layers.values())
    assert {progress.total_bytes for _, progress in told if progress} == {total}
    done = [progress.done_bytes for _, progress in told if progress]
    assert done == sorted(done) and 0 < max(done) <= total
    assert "Starting the image once" in [message for message, _ in told]
    assert len(ill.asked) == 2

    again = bring(bed, ill.reference)
    assert again.phases[1].state == "skipped"
    assert len(ill.asked) == 2


def test_a_site_can_have_gzip_and_the_runtimes_own_way(bed: Bed, ill: IllRegistry) -> None:
    bed.changes = {"squashfs_compression": "gzip"}
    assert bring(bed, ill.reference).error is None
    assert compression_of(stored(bed)) == 1
    assert not (bed.state / "zstd.json").exists()
    bed.unseed()

    bed.changes["acquire"] = "runtime"
    task = bring(bed, ill.reference)
    assert task.error is None
    assert "Creating SIF file" in log(bed, task)
    assert compression_of(stored(bed)) == 1


def test_an_image_of_the_site_is_used_where_it_lies(bed: Bed, ill: IllRegistry, tmp_path: Path) -> None:
    assert bring(bed, ill.reference).error is None
    site = tmp_path / "site"
    (bed.state / "images").rename(site)
    site.chmod(0o500)
    bed.changes = {"site_images": [tmp_path / "none", site]}
    task = bring(bed, ill.reference)
    assert (task.error, task.phases[1].state) == (None, "skipped")
    assert str(site) in log(bed, task)
    assert not (bed.state / "images").exists()
    site.chmod(0o700)


def test_layers_that_are_kept_are_not_downloaded_again(bed: Bed, ill: IllRegistry, tmp_path: Path) -> None:
    bed.changes["keep_layers"] = True
    assert bring(bed, ill.reference).error is None
    kept = bed.state / "images/layers"
    first, second = (kept / "blobs/sha256" / digest.removeprefix("sha256:") for digest in ill.layers)
    assert first.stat().st_size + second.stat().st_size == sum(ill.layers.values())
    command = ["apptainer", "build", "--sandbox", str(tmp_path / "read"), f"oci:{kept}"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)  # others can read it
    assert (tmp_path / "read/b").stat().st_size == 2_000_000

    bed.unseed()
    second.write_bytes(bytes(second.stat().st_size))  # the disk has damaged it
    ill.asked.clear()
    task = bring(bed, ill.reference)
    assert task.error is None and "not kept" not in log(bed, task)
    assert [digest.removeprefix("sha256:") for digest, _ in ill.asked] == [second.name]
    assert second.read_bytes().count(0) < second.stat().st_size

    async def free(services: Services) -> tuple[list[SpaceItem], int]:
        items = [each for each in (await services.space.get()).items if each.kind == "layers"]
        return items, (await services.space.free(items[0].id)).freed_bytes

    [item], freed = bed.run(free)
    assert (item.path, item.removable, item.used_by) == (str(kept), True, [])
    assert freed == item.size_bytes and freed > sum(ill.layers.values())
    assert not kept.exists()
    assert stored(bed).exists()


def test_what_the_stream_does_not_understand_the_runtime_does_and_that_is_said(
    bed: Bed, ill: IllRegistry, tmp_path: Path
) -> None:
    own = tmp_path / "made-by-apptainer"
    write_image(
        [*LAYERS, layer(folder(".singularity.d"), file(".singularity.d/startscript", b"#!/bin/sh\n", 0o755))], own
    )
    registry = IllRegistry(own)
    said: list[str] = []

    async def work(services: Services) -> Task:
        task = await begun(services, registry.reference)
        while not (task := await services.tasks.get(task.id)).ended:
            said.append(task.message)
            await asyncio.sleep(0.01)
        return task

    task = bed.run(work)
    registry.close()
    assert task.error is None
    why = "Apptainer makes this image itself, which takes longer: the image was made from an image of Apptainer"
    assert why in log(bed, task)
    assert any(why in each for each in said), set(said)
    stored(bed)


def test_what_does_not_start_is_made_by_the_runtime(bed: Bed, ill: IllRegistry, tmp_path: Path) -> None:
    real = shutil.which("apptainer")
    program = tmp_path / "apptainer"
    # it starts no image of the store that is half, once
    program.write_text(
        f'#!/bin/bash\ncase "$*" in exec*partial.sif*) if mkdir {tmp_path}/once 2> /dev/null; then '
        f'echo "FATAL:   container creation failed: no"; exit 255; fi; esac\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    bed.changes = {"runtime_path": str(program)}
    task = bring(bed, ill.reference)
    assert task.error is None
    assert "what was made does not start (FATAL:   container creation failed: no)" in log(bed, task)
    stored(bed)


def test_resets_in_mid_layer_cost_nothing_but_time(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(resets_after=1_200_000)
    assert bring(bed, ill.reference).error is None
    stored(bed)
    assert any(start > 0 for _, start in ill.asked)


def test_an_interrupted_download_goes_on_where_it_was(bed: Bed, ill: IllRegistry) -> None:
    async def interrupted(services: Services) -> Task:
        task = await begun(services, ill.reference)
        while len(ill.asked) < 2 or not (await services.tasks.get(task.id)).progress:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        ill.illness.is_gone = True
        return await services.tasks.wait(task.id)

    ill.illness = Illness(rate=1e6)
    before = bed.run(interrupted)
    assert before.error is not None and before.error.code == "registry_unreachable"
    (spool,) = bed.temporary.iterdir()
    assert sum(each.stat().st_size for each in spool.glob("sha256-*")) > 0
    ill.asked.clear()
    ill.illness = Illness()
    assert bring(bed, ill.reference).error is None
    assert any(start > 0 for _, start in ill.asked), "it began anew"
    dismiss(bed, before)
    stored(bed)
    assert list(bed.temporary.iterdir()) == []


def test_another_layer_than_was_named_is_not_kept(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(changed=lambda data: data[:-9] + b"?" * 9)
    said = failed(bed, ill.reference, "registry_unreachable")
    assert "not what it announced" in said


def test_a_layer_without_end_fills_no_disk(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(is_endless=True)
    task = bring(bed, ill.reference)
    assert "sent another layer than the image names" in log(bed, task)
    # Apptainer reads as much as was announced, and that is right
    assert task.error is None
    stored(bed)


def worker_of(bed: Bed) -> int | None:
    for each in Path("/proc").glob("[0-9]*"):
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        # below its guard, whose words are the same and some more
        if words[1:2] == [b"-m"] and b"acquire.worker" in words[2] and os.fsencode(bed.path) in words[3]:
            return int(each.name)
    return None


def test_a_worker_that_is_killed_says_why_that_may_be_and_leaves_nothing(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(rate=1e6)

    async def work(services: Services) -> Task:
        task = await begun(services, ill.reference)
        while not ill.asked:
            await asyncio.sleep(0.01)
        worker = worker_of(bed)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        return await services.tasks.wait(task.id)

    task = bed.run(work)
    assert task.error is not None and task.error.code == "runtime_failed"
    assert "was killed" in task.error.message
    bed.assert_nothing_is_left()


def test_a_cancelled_download_leaves_nothing(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(rate=1e6)

    async def work(services: Services) -> Task:
        task = await begun(services, ill.reference)
        while not ill.asked:
            await asyncio.sleep(0.01)
        await services.tasks.end(task.id)
        return await services.tasks.wait(task.id)

    assert bed.run(work).state == "cancelled"
    bed.assert_nothing_is_left()


def test_a_store_that_cannot_be_written_is_named(bed: Bed, ill: IllRegistry, ordinary_user: Callable[[], Any]) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    images = bed.state / "images"
    images.mkdir(parents=True)
    images.chmod(0o500)
    task = bring(bed, ill.reference)
    images.chmod(0o700)
    assert task.error is not None and str(images) in task.error.message
    bed.assert_nothing_is_left()


def test_a_full_disk_of_the_store_is_named(bed: Bed, ill: IllRegistry) -> None:
    """The store is a small tmpfs in a mount namespace of its own, in which the layers find room, and the SIF none."""
    inside = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let ordinary users mount a tmpfs in a namespace")
    images = bed.state / "images"
    images.mkdir(parents=True)
    script = 'mount -t tmpfs -o size=3m none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    command = [
        *inside,
        "sh",
        "-c",
        script,
        str(images),
        sys.executable,
        "-m",
        "jupyterlab_container_kernels.cli",
        "add",
    ]
    env = {**os.environ, "APPTAINER_USERNS": "1"}
    done = subprocess.run([*command, ill.reference], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert f"no room left on the disk of {images}" in done.stderr
    assert done.stdout == "", "something was left in the store"


def test_two_servers_of_one_user_fetch_one_image_once(bed: Bed, ill: IllRegistry) -> None:
    ill.illness = Illness(rate=3e6)
    script = (
        "import sys; from tests.real.bed import *; from tests.real.test_acquiring import bring; "
        "task = bring(Bed(Path(sys.argv[1])), sys.argv[2]); print(task.state, task.error)"
    )
    command = [sys.executable, "-c", script, str(bed.path), ill.reference]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) for _ in range(2)
    ]
    assert [each.communicate(timeout=120)[0] for each in both] == ["done None\n"] * 2
    assert len(ill.asked) == 2
    stored(bed)


def test_a_job_of_256_mb_is_enough(bed: Bed, registry: str) -> None:
    group = os.environ.get("CK_TEST_MEMORY_CGROUP")
    own = Path(group) / "acquiring" if group else None
    if own is None:
        pytest.skip("CK_TEST_MEMORY_CGROUP is not set: this machine has no control group to give")
    own.mkdir()
    limit = own / ("memory.limit_in_bytes" if (own / "memory.limit_in_bytes").exists() else "memory.max")
    limit.write_text(str(256 << 20))
    command = [
        "sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(own),
        sys.executable, "-m", "jupyterlab_container_kernels.cli", "add", f"{registry}/demo/python-ipykernel:1",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    finally:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                own.rmdir()
                break
            except OSError:
                time.sleep(0.1)
    assert done.returncode == 0, done.stderr


def test_one_image_lies_where_its_user_chose_and_comes_as_chosen(bed: Bed, ill: IllRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir(mode=0o700)

    async def work(services: Services) -> Task:
        async def bring(running: RunningTask) -> None:
            resolved = await services.images.resolution.look_up(ill.reference)
            wish = Wish(str(folder))
            await services.images.acquire(running, resolved, await services.session.find_runtime(), wish)

        task = await services.tasks.start(AddRequest("noise"), "Image", "image", bring)
        return await services.tasks.wait(task.id)

    task = bed.run(work)
    assert task.state == "done", task.error
    assert [path.suffix for path in sorted((folder / "container-kernels-images").glob("[!.]*"))] == [".json", ".sif"]
    assert "in one stream" in log(bed, task)
    again = bring(bed, ill.reference)
    assert again.state == "done" and f"The image is here already: {folder}" in log(bed, again)


def test_an_image_that_is_deleted_right_after_it_was_found_comes_again(bed: Bed, ill: IllRegistry) -> None:
    """Another server of the same user does that: nothing said yet that this one wants it."""
    assert bring(bed, ill.reference).state == "done"

    async def work(services: Services) -> Task:
        async def bring(running: RunningTask) -> None:
            resolved = await services.images.resolution.look_up(ill.reference)
            assert resolved.stored is not None
            resolved.stored.unlink()
            resolved.stored.with_suffix(".json").unlink()
            record = await services.images.acquire(running, resolved, await services.session.find_runtime())
            assert Path(record.path).is_file() and record.digest == resolved.manifest.digest  # type: ignore[union-attr]

        task = await services.tasks.start(AddRequest("noise"), "Image", "image", bring)
        return await services.tasks.wait(task.id)

    task = bed.run(work)
    assert task.state == "done", task.error
    assert "comes again" in log(bed, task)
