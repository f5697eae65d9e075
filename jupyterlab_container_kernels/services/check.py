"""Starts a staged kernel as Jupyter will start it, and sees whether it answers."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import failures
from ..errors import ContainerKernelsError
from ..languages.base import Language
from ..system import process
from ..system.paths import make_private
from .task_files import read_log
from .tasks import RunningTask

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

_CELL_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 10.0


async def answers(running: RunningTask, staged: Path, language: Language, log: Path, timeout_s: float) -> None:
    """Start a staged kernel, wait for its answer, run one cell, shut it down.

    Parameters
    ----------
    staged : Path
        A complete kernel directory, anywhere.
    log : Path
        Where the kernel's start script writes its standard error.
    timeout_s : float
        Seconds within which it has to answer.

    Raises
    ------
    ContainerKernelsError
        ``verify_failed``, or a better known reason.
    """
    manager = _manager(staged)
    clean = False
    try:
        await asyncio.to_thread(make_private, Path(manager.connection_file).parent)
        await manager.start_kernel(cwd=str(Path.home()))
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=timeout_s)
            running.say("The kernel answers.")
            code, wanted = language.test_cell
            got = await _run_cell(client, code)
            if got != wanted:
                raise ContainerKernelsError(
                    "verify_failed",
                    f"The kernel started, but {code} gave {got or 'nothing'} instead of {wanted}.",
                    "The image's installation of the kernel is damaged. Try another tag of the image.",
                )
            running.say(f"{code} is {got}.")
        finally:
            client.stop_channels()
        clean = True
    except RuntimeError as error:  # what jupyter_client raises when a kernel dies or stays silent
        said = (await asyncio.to_thread(read_log, log, 0)).text
        running.say(f"{error}\n{said}".rstrip())
        raise _explain(said, str(error), timeout_s) from error
    finally:
        await asyncio.shield(_shut_down(manager, clean))


def _manager(staged: Path) -> AsyncKernelManager:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.paths import jupyter_runtime_dir

    specs = KernelSpecManager(ensure_native_kernel=False)
    specs.kernel_dirs = [str(staged.parent)]
    manager = AsyncKernelManager(kernel_name=staged.name, kernel_spec_manager=specs)
    # where a server puts it: what is not visible from inside there must not pass here
    manager.connection_file = str(Path(jupyter_runtime_dir()) / f"kernel-{uuid.uuid4()}.json")
    return manager


async def _shut_down(manager: AsyncKernelManager, clean: bool) -> None:
    if manager.has_kernel:
        leader = getattr(manager.provisioner, "pid", None)
        await manager.shutdown_kernel(now=not clean)
        if leader is not None:
            # the start script's guard ends the container; what is removed next must not be written to any more
            await process.session_end(leader, _END_TIMEOUT_S)
    else:
        manager.cleanup_connection_file()


async def _run_cell(client: Any, code: str) -> str | None:
    """Return the text of a cell's result."""
    results: list[str] = []

    def on_output(message: dict[str, Any]) -> None:
        if message["msg_type"] == "execute_result":
            results.append(message["content"]["data"].get("text/plain", ""))

    try:
        await client.execute_interactive(
            code, store_history=False, allow_stdin=False, timeout=_CELL_TIMEOUT_S, output_hook=on_output
        )
    except TimeoutError as error:
        raise ContainerKernelsError(
            "verify_failed",
            f"The kernel started, but did not run a cell within {_CELL_TIMEOUT_S:.0f} seconds.",
            "Try again when the machine is less busy.",
        ) from error
    return results[0] if results else None


def _explain(said: str, error: str, timeout_s: float) -> ContainerKernelsError:
    if "respond" in error:
        known = failures.explain(said, "starting the kernel", "verify_failed")
        if known.code != "verify_failed":
            return known
        return ContainerKernelsError(
            "verify_failed",
            f"The kernel did not answer within {timeout_s:.0f} seconds.",
            "The log tells what it said. A site can allow it more time by ContainerKernelsApp.start_timeout_s.",
        )
    return failures.explain(said or error, "starting the kernel", "verify_failed")
