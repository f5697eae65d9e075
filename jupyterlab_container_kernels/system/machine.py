"""What this machine is: its name, its processor, its GPUs."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import GpuInfo
from .patience import Patience
from .process import Command, look_for, run

_OCI_NAMES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "ppc64le": "ppc64le", "s390x": "s390x"}
#: What ``CUDA_VISIBLE_DEVICES`` begins with where CUDA sees no card, though the driver's tool lists those of the node.
_NO_CARD = ("", "-1", "NoDevFiles")


def hostname() -> str:
    """Return this machine's name as it calls itself."""
    return socket.gethostname()


def boot_id() -> str:
    """Return what tells one boot of this machine from another (random(4))."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def architecture() -> str:
    """Return the processor's architecture in OCI's terms, as ``amd64``."""
    return _OCI_NAMES.get(platform.machine(), platform.machine())


async def gpu(environment: Mapping[str, str], patience: Patience) -> GpuInfo:
    """Return the GPUs that this session sees: NVIDIA's by name where its driver's tool is there, AMD's by presence."""
    hides_nvidia = environment.get("CUDA_VISIBLE_DEVICES", "all").split(",")[0].strip() in _NO_CARD
    if not hides_nvidia and os.path.exists("/dev/nvidiactl"):  # noqa: PTH110, ASYNC240 (devices answer at once)
        tool = await look_for("nvidia-smi", patience)
        names: list[str] = []
        if tool:
            query = Command([tool, "--query-gpu=name", "--format=csv,noheader"], environment)
            try:
                finished = await run(query, timeout_s=10)
            except (ContainerKernelsError, OSError):  # a node may have no process left for us
                finished = None
            if finished and finished.returncode == 0:
                names = [line.strip() for line in finished.output.splitlines() if line.strip()]
        return GpuInfo("nvidia", names)
    if os.path.exists("/dev/kfd"):  # noqa: PTH110, ASYNC240
        return GpuInfo("amd", [])
    return GpuInfo(None, [])
