"""Ask a real Jupyter server for many container kernels, each with an image of its own."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from jupyterlab_container_kernels.system.paths import Roots  # noqa: E402
from tests.builders import add_kernel, store_image  # noqa: E402
from tests.real.jupyter import JupyterServer  # noqa: E402


def time_lists(count: int, requests: int) -> list[float]:
    """Return how long each request took, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        user = Path(folder)
        for name, variable in (
            ("data", "JUPYTER_DATA_DIR"),
            ("config", "JUPYTER_CONFIG_DIR"),
            ("runtime", "JUPYTER_RUNTIME_DIR"),
        ):
            (user / name).mkdir(mode=0o700)
            os.environ[variable] = str(user / name)
        state = user / "data/container-kernels"
        roots = Roots(user / "data/kernels", state / "images", state / "packages", state)
        for number in range(count):
            image = store_image(roots, f"sha256-{number:04}")
            add_kernel(roots, f"kernel-{number:03}", image, display_name=f"Kernel {number}")
        server = JupyterServer(user)
        try:
            times = []
            for _ in range(requests + 1):
                begin = time.perf_counter()
                answer = server.ask("GET", "kernels")
                times.append((time.perf_counter() - begin) * 1000)
                found = [each["status"]["code"] for each in answer["kernels"]]
                if len(found) != count or set(found) != {"ok"}:
                    raise RuntimeError(f"{len(found)} kernels were listed, as {set(found)}")
        finally:
            server.stop()
    return times[1:]  # the first one imports
