"""Of several servers that want one image, one fetches it; a dead one keeps nobody waiting."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire.manifests import Manifest
from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.services import image_lock
from jupyterlab_container_kernels.services.store import find, side_file, stored_path
from jupyterlab_container_kernels.services.task_files import Owner
from tests.builders import write_sif

DIGEST = "sha256:" + "ab" * 32
ME = Owner.this_process()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    found = image_lock.lock_path(tmp_path, DIGEST)
    assert image_lock.is_lock(found) and found.parent == tmp_path
    return found


#: Who holds the lock, how long nothing was heard of it in seconds, and whether it is still held.
OWNERS = [
    (ME, 0, True),
    (ME, 10_000, True),  # this machine knows that it lives
    (replace(ME, start_ticks=1), 0, False),  # another process has its number now
    (replace(ME, boot_id="before"), 0, False),
    (replace(ME, hostname="another"), 20, True),
    (replace(ME, hostname="another"), 1000, False),
    (None, 0, True),  # it is just being written
    (None, 1000, False),
]


@pytest.mark.parametrize(("owner", "silent_s", "holds"), OWNERS)
def test_only_the_lock_of_a_dead_owner_is_taken_over(
    owner: Owner | None, silent_s: float, holds: bool, lock: Path
) -> None:
    text = json.dumps(asdict(owner)) if owner else ""
    lock.write_text(text)
    os.utime(lock, (time.time() - silent_s,) * 2)
    assert image_lock.take(lock, ME) is not holds
    assert lock.read_text() == (text if holds else json.dumps(asdict(ME)))
    assert [path.name for path in lock.parent.iterdir()] == [lock.name]


def test_one_of_many_gets_it_and_the_others_find_the_image(lock: Path) -> None:
    made: list[str] = []
    waited: list[str] = []

    async def one(name: str) -> None:
        async with image_lock.held(lock, lambda: bool(made), lambda: waited.append(name)) as mine:
            if mine:
                assert lock.stat().st_mode & 0o777 == 0o600
                await asyncio.sleep(0.2)
                made.append(name)

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, "abcd"))

    asyncio.run(all_of_them())
    assert len(made) == 1
    assert sorted(made + waited) == list("abcd")
    assert not lock.exists()


@pytest.mark.parametrize("patience_s", [0, 0.001, 0.01, 0.1])
def test_whoever_is_cancelled_holds_nothing(lock: Path, patience_s: float) -> None:
    async def one() -> None:
        async with image_lock.held(lock, lambda: False, lambda: None):
            await asyncio.sleep(60)

    async def cancelled() -> None:
        task = asyncio.create_task(one())
        await asyncio.sleep(patience_s)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(cancelled())
    assert not lock.exists()


def test_an_image_of_the_site_is_found_by_its_name_or_by_what_stands_beside_it(tmp_path: Path) -> None:
    other = "sha256:" + "cd" * 32
    debian = parse("debian", tmp_path)

    def manifest(digest: str) -> Manifest:
        return Manifest(digest, "amd64", [1])

    assert find(tmp_path / "none", debian, manifest(DIGEST)) is None
    plain = write_sif(tmp_path / "pytorch-2.5.sif")
    assert find(tmp_path, debian, manifest(DIGEST)) is None
    side_file(plain).write_text(json.dumps({"digest": DIGEST}))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "alone.json").write_text(json.dumps({"digest": other}))
    assert find(tmp_path, debian, manifest(DIGEST)) == plain
    assert find(tmp_path, debian, manifest(other)) is None, "there is no image beside it"
    named = write_sif(stored_path(tmp_path, DIGEST))
    assert find(tmp_path, debian, manifest(DIGEST)) == plain, "without its side file it may be half copied"
    side_file(named).write_text("{}")
    assert find(tmp_path, debian, manifest(DIGEST)) == named
