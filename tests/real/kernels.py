"""Starts published kernels as any Jupyter front end does, by jupyter_client."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir

from .ports import free_port


def manager_of(slug: str) -> KernelManager:
    """Return what starts a kernel, with ports that are free until it takes them."""
    manager = KernelManager(kernel_name=slug, cache_ports=False)
    for name in ("shell", "iopub", "stdin", "hb", "control"):
        setattr(manager, f"{name}_port", free_port())
    runtime = Path(jupyter_runtime_dir())
    runtime.mkdir(parents=True, exist_ok=True)
    manager.connection_file = os.path.join(runtime, f"kernel-{uuid.uuid4()}.json")
    return manager


@contextmanager
def started(slug: str, cwd: Path, handler: signal.Handlers = signal.SIG_DFL) -> Iterator[Any]:
    """Start a kernel, which inherits a handler of SIGINT, and yield a client that is ready, with ``client.manager``."""
    manager = manager_of(slug)
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

    # without stop_on_error, the kernel drops what comes in the first moment after a cell that failed
    reply = client.execute_interactive(code, timeout=60, output_hook=on_output, stop_on_error=False)
    assert reply["content"]["status"] != "aborted", reply
    return "".join(parts).strip()


def interrupted(client: Any, code: str, after_s: float = 0.3) -> dict[str, Any]:
    """Run a cell that takes its time, interrupt it when it has begun, and return the content of its reply."""
    code = f"print('begun', flush=True)\n{code}"
    message_id = client.execute(code, stop_on_error=False)  # else what comes next may be aborted
    while client.get_iopub_msg(timeout=30)["msg_type"] != "stream":
        pass
    time.sleep(after_s)
    client.manager.interrupt_kernel()
    while True:
        reply = client.get_shell_msg(timeout=20)
        if reply["parent_header"].get("msg_id") == message_id:
            break
    while True:  # what belongs to the cell must not be taken for the next one's
        message = client.get_iopub_msg(timeout=20)
        ours = message["parent_header"].get("msg_id") == message_id
        if ours and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return dict(reply["content"])


def helpers_of(launcher: int) -> list[str]:
    """Return the processes that mount images for a kernel, given the launcher, which began a session as its first."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (process / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith(("squashfuse", "fuse-overlayfs")) and int(rest.split()[3]) == launcher:
            found.append(process.name)
    return found


@contextmanager
def limited_memory(limit_bytes: int) -> Iterator[Path]:
    """Yield the file to which a process writes ``0`` to join a control group with that limit (cgroups(7))."""
    parent = Path(os.environ.get("CK_TEST_MEMORY_CGROUP", "/sys/fs/cgroup/memory"))
    group = parent / f"container-kernels-limited-{os.getpid()}"
    try:
        group.mkdir()
        v2 = (group / "memory.max").exists()
        (group / ("memory.max" if v2 else "memory.limit_in_bytes")).write_text(str(limit_bytes))
    except OSError as error:
        pytest.skip(f"no control group for memory may be made here: {error}")
    try:
        yield group / "cgroup.procs"
    finally:
        for _ in range(100):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)
