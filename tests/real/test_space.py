"""The runtime's own cache is shown with its size and emptied by the runtime itself, and nothing beside it goes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Freed, SpaceItem
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed


def _cache(bed: Bed) -> SpaceItem:
    async def work(services: Services) -> Any:
        return (await services.space.get()).items

    [item] = [each for each in bed.run(work) if each.kind == "runtime_cache"]
    assert isinstance(item, SpaceItem)
    return item


def test_the_runtimes_cache_is_emptied_by_the_runtime(
    bed: Bed, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache of mine"
    monkeypatch.setenv("APPTAINER_CACHEDIR", str(folder))
    image, beside = tmp_path / "pulled.sif", folder / "notes.txt"
    env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(bed.temporary)}
    command = ["apptainer", "pull", str(image), f"docker://{registry}/test/no-python:1"]
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    beside.write_text("not the runtime's")
    item = _cache(bed)
    assert (item.path, item.title) == (str(folder / "cache"), "Apptainer's cache")
    assert item.size_bytes is not None and item.size_bytes >= image.stat().st_size

    async def free(services: Services) -> Freed:
        return await services.space.free(item.id)

    freed = bed.run(free).freed_bytes
    after = _cache(bed).size_bytes
    assert after is not None and after < 64 * 1024
    assert freed == item.size_bytes - after
    assert image.exists() and beside.read_text() == "not the runtime's"
