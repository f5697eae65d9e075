"""Starts published kernels as any Jupyter front end does, by jupyter_client."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir


@contextmanager
def started(slug: str, cwd: Path, handler: signal.Handlers = signal.SIG_DFL) -> Iterator[Any]:
    """Start a kernel, which inherits a handler of SIGINT, and yield a client that is ready, with ``client.manager``."""
    manager = KernelManager(kernel_name=slug)
    runtime = Path(jupyter_runtime_dir())
    runtime.mkdir(parents=True, exist_ok=True)
    manager.connection_file = os.path.join(runtime, f"kernel-{uuid.uuid4()}.json")
    before = signal.signal(signal.SIGINT, handler)
    try:
        manager.start_kernel(cwd=str(cwd))
    finally:
        signal.signal(signal.SIGINT, before)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.manager = manager
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def printed(client: Any, code: str) -> str:
    """Run a cell and return what it printed, or the name of its error."""
    parts: list[str] = []

    def on_output(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            parts.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            parts.append(message["content"]["ename"])

    client.execute_interactive(code, timeout=60, output_hook=on_output)
    return "".join(parts).strip()
