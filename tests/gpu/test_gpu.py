"""On a machine with an NVIDIA card: the launcher with ``--nv``, and what a kernel sees of the card (``make test-gpu``).

Elsewhere each test is skipped, and says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from jupyterlab_container_kernels.containers import LaunchSpec
from jupyterlab_container_kernels.languages.python_gpu import CELL
from jupyterlab_container_kernels.models import AddRequest, GpuMode
from jupyterlab_container_kernels.runtimes.apptainer import Apptainer
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from tests.real.bed import Bed
from tests.real.conftest import *  # noqa: F403 (the test-bed's fixtures)

needs_card = pytest.mark.skipif(
    not os.path.exists("/dev/nvidiactl"), reason="there is no NVIDIA card here: no /dev/nvidiactl"
)


@pytest.fixture(scope="session")
def sif(pulled) -> Path:
    """A small image with Python and nothing of CUDA; CK_GPU_SIF names one where no registry can be had."""
    named = os.environ.get("CK_GPU_SIF")
    return Path(named) if named else pulled("demo/python:1")


def started(sif: Path, gpu: GpuMode, directory: Path) -> str:
    """Run the cell that looks for GPUs through a start script, and return what it printed."""
    program = shutil.which("apptainer")
    assert program
    connection = directory / "kernel-1.json"
    connection.write_text("{}")
    launch = LaunchSpec("GPU", sif, ["/usr/bin/python3", "-c", CELL], {}, ["PYTHON*"], [], gpu, directory / "log")
    script = directory / "init.sh"
    script.write_text(Apptainer().start_script(FoundRuntime("apptainer", "Apptainer", program, (1, 4, 5)), launch))
    finished = subprocess.run(
        ["/bin/bash", script, connection], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, (directory / "log").read_text()
    return finished.stdout


def names_of_cards() -> list[str]:
    """Return what the driver's own tool says."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


@needs_card
@pytest.mark.parametrize("gpu", ["on", "auto"])
def test_a_kernel_with_gpu_sees_every_card_by_its_name(sif: Path, gpu: GpuMode, tmp_path: Path) -> None:
    told = re.findall(r"CONTAINER_KERNELS_GPU (.*) \((\d+) GB\)", started(sif, gpu, tmp_path))
    assert [name for name, _ in told] == names_of_cards()
    assert all(int(size) > 1 for _, size in told)


@needs_card
def test_a_kernel_without_gpu_sees_none(sif: Path, tmp_path: Path) -> None:
    assert "CONTAINER_KERNELS_GPU" not in started(sif, "off", tmp_path)


@needs_card
def test_a_card_that_the_session_does_not_have_is_not_seen(
    sif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CONTAINER_KERNELS_GPU" not in started(sif, "on", tmp_path)


@needs_card
@pytest.mark.skipif("CK_GPU_SIF" in os.environ, reason="CK_GPU_SIF: without a registry there is no ipykernel either")
def test_adding_a_kernel_shows_which_card_it_sees(bed: Bed, ipykernel_sif: Path) -> None:
    assert bed.add(AddRequest(str(ipykernel_sif), "GPU", gpu="on")).error is None
    record = json.loads((bed.kernels / "gpu" / "kernel.json").read_text())["metadata"]["container_kernels"]
    assert record["gpu_name"].startswith(names_of_cards()[0])
