"""What a session sees of its GPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import GpuInfo
from jupyterlab_container_kernels.system import machine
from jupyterlab_container_kernels.system.patience import Patience


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The devices of NVIDIA's driver."""
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path == "/dev/nvidiactl" or exists(path))


@pytest.mark.usefixtures("card")
async def test_a_card_is_named_as_the_tool_of_its_driver_does(empty_path: Path) -> None:
    assert await machine.gpu({}, Patience()) == GpuInfo("nvidia", []), "there is no such tool"
    tool = empty_path / "nvidia-smi"
    tool.write_text("#!/bin/bash\necho 'NVIDIA A100'; echo ' NVIDIA H100 '\n")
    tool.chmod(0o755)
    assert await machine.gpu({}, Patience()) == GpuInfo("nvidia", ["NVIDIA A100", "NVIDIA H100"])
    tool.write_text("#!/bin/bash\necho 'No devices were found'; exit 6\n")
    assert await machine.gpu({}, Patience()) == GpuInfo("nvidia", [])


@pytest.mark.usefixtures("card")
async def test_a_node_without_a_process_left_has_a_card_all_the_same(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_left(*_of_what: Any, **_how: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    tool = empty_path / "nvidia-smi"
    tool.touch(0o755)
    monkeypatch.setattr(machine, "run", none_left)
    assert await machine.gpu({}, Patience()) == GpuInfo("nvidia", [])


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize(("visible", "is_hidden"), [("", True), ("-1", True), ("NoDevFiles", True), ("1", False)])
async def test_a_card_that_is_hidden_from_the_session_is_none_of_its_own(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str, is_hidden: bool
) -> None:
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path != "/dev/kfd" and exists(path))
    seen = await machine.gpu({"CUDA_VISIBLE_DEVICES": visible}, Patience())
    assert seen == GpuInfo(None if is_hidden else "nvidia", [])
