"""Starts a staged kernel as Jupyter will start it, and sees whether it answers."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..diagnosis import explain, port_was_taken
from ..errors import ContainerKernelsError
from ..languages.base import Language
from ..models import GpuMode
from ..system import process
from ..system.paths import make_private
from . import starts
from .running_task import RunningTask
from .task_files import read_log

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

_CELL_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 10.0
_BEFORE_INTERRUPT_S = 0.3
_INTERRUPT_TIMEOUT_S = 10.0
#: A kernel that is slow to begin with a cell may swallow an interrupt; after so many seconds it gets another.
_INTERRUPT_AGAIN_S = 2.5
#: How often a kernel is started whose ports others take between Jupyter's choice and its own start.
_TRIES = 3
#: How often is looked whether that has happened, and how long such a kernel may take to answer all the same (it does if
#: only its heartbeat's port is taken), in seconds.
_LOOK_S = 1.0
_ALL_THE_SAME_S = 5.0
#: What begins a line of a language's ``gpu_cell`` that names a GPU.
GPU_MARK = "CONTAINER_KERNELS_GPU "


@dataclass(frozen=True)
class Seen:
    """What a verification has shown: the seconds from the start to the first answer, and the GPUs in one line."""

    start_s: float
    gpu_name: str | None


class PortTaken(ContainerKernelsError):
    """``verify_failed``, but not by the kernel's fault: another program took a port that Jupyter had chosen for it."""

    def __init__(self) -> None:
        super().__init__(
            "verify_failed",
            "A port that Jupyter had chosen for the kernel was taken by another program before the kernel could use "
            f"it, {_TRIES} times in a row.",
            "Try again; the kernel gets other ports then.",
        )


async def verify(
    running: RunningTask, staged: Path, language: Language, log: Path, timeout_s: float, gpu: GpuMode
) -> Seen:
    """Start a staged kernel as Jupyter will, let it answer, run a cell, interrupt one, look for the GPU, shut it down.

    One that finds a port taken by another program is started again, with other ports.

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
    PortTaken
        Each start found a port taken; the kernel itself may be good.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(PortTaken):
            return await _verify(running, staged, language, log, timeout_s, gpu)
        running.say("Another program took a port that was chosen for the kernel; it is started again with others.")
        await asyncio.to_thread(log.unlink, missing_ok=True)  # it is no start of the user's
    return await _verify(running, staged, language, log, timeout_s, gpu)


async def _verify(
    running: RunningTask, staged: Path, language: Language, log: Path, timeout_s: float, gpu: GpuMode
) -> Seen:
    manager = _manager(staged)
    clean = False
    try:
        connection_file = Path(manager.connection_file)
        await running.owns(connection_file)
        await asyncio.to_thread(make_private, connection_file.parent)
        await asyncio.to_thread(_put_away, log)
        began = time.monotonic()
        await manager.start_kernel(cwd=str(Path.home()))
        client = manager.client()
        client.start_channels()
        try:
            await _wait_for_ready(client, log, timeout_s)
            start_s = round(time.monotonic() - began, 2)
            running.say(f"The kernel answers, {start_s:.1f} s after its start.")
            await _hear(client)
            await _run_test_cell(running, client, language)
            if language.sleep_cell is not None:
                await _interrupt(client, manager, language, language.sleep_cell)
                running.say("A cell that runs can be interrupted.")
                await _run_test_cell(running, client, language)
            gpu_name = None if gpu == "off" else await _look_for_gpu(running, client, language, gpu)
        finally:
            client.stop_channels()
        clean = True
    except RuntimeError as error:  # what jupyter_client raises when a kernel dies or stays silent
        said = starts.said((await asyncio.to_thread(read_log, log, 0)).text)
        running.say(f"{error}\n{said}".rstrip())
        if port_was_taken(said):
            raise PortTaken from error
        raise _explain(said, str(error), timeout_s) from error
    finally:
        ended = await asyncio.shield(_shut_down(manager, clean))
    if not ended:
        raise ContainerKernelsError(
            "verify_failed",
            f"The kernel answered, but did not end within {_END_TIMEOUT_S:.0f} seconds after its shutdown.",
            "Try again; if it happens again, tell your site's support that a container of yours hangs at its end.",
        )
    return Seen(start_s, gpu_name)


def _put_away(log: Path) -> None:
    """Do with the log of the start before what the start script would: nobody may take it for that of this start."""
    with contextlib.suppress(OSError):
        if log.stat().st_size:
            log.replace(log.with_name(f"{log.name}.before"))


async def _wait_for_ready(client: Any, log: Path, timeout_s: float) -> None:
    """Wait until the kernel answers.

    Raises
    ------
    RuntimeError
        It died, or stays silent: for so long, or because a port was taken, with which ipykernel's process may live on.
    """
    ready = asyncio.ensure_future(client.wait_for_ready(timeout=timeout_s))
    taken = asyncio.ensure_future(_wait_for_taken_port(log))
    try:
        await asyncio.wait({ready, taken}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise RuntimeError("A port was taken, and the kernel stays silent")
        ready.result()
    finally:
        for waiting in (ready, taken):
            waiting.cancel()
        await asyncio.wait({ready, taken})


async def _wait_for_taken_port(log: Path) -> None:
    """Return when a kernel has said that a port is taken, and had the time to answer all the same."""
    taken = False
    while not taken:
        await asyncio.sleep(_LOOK_S)
        taken = port_was_taken(starts.said((await asyncio.to_thread(read_log, log, 0)).text))
    await asyncio.sleep(_ALL_THE_SAME_S)


async def _hear(client: Any) -> None:
    """Wait until what the kernel broadcasts is heard: a subscription takes effect at a moment that nobody tells."""
    deadline = time.monotonic() + _CELL_TIMEOUT_S
    while time.monotonic() < deadline:
        client.kernel_info()
        with contextlib.suppress(queue.Empty):
            await client.get_iopub_msg(timeout=0.5)
            return


async def _run_test_cell(running: RunningTask, client: Any, language: Language) -> None:
    if language.test_cell is None:
        return
    code, wanted = language.test_cell
    got = (await _run_cell(client, code)).result
    if got != wanted:
        raise ContainerKernelsError(
            "verify_failed",
            f"The kernel started, but {code} gave {got or 'nothing'} instead of {wanted}.",
            "The image's installation of the kernel is damaged. Try another tag of the image.",
        )
    running.say(f"{code} is {got}.")


async def _interrupt(client: Any, manager: AsyncKernelManager, language: Language, code: str) -> None:
    """Interrupt a cell that sleeps; it has to end with an error, and soon."""
    begun = asyncio.Event()
    sleeping = asyncio.ensure_future(_run_cell(client, code, begun))
    waiting = asyncio.ensure_future(begun.wait())
    try:
        await asyncio.wait({sleeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(_BEFORE_INTERRUPT_S)  # it has begun with the cell, and a moment later it sleeps
        deadline = time.monotonic() + _INTERRUPT_TIMEOUT_S
        sent = 0
        while not sleeping.done() and time.monotonic() < deadline:
            sent += 1
            await manager.interrupt_kernel()
            await asyncio.wait({sleeping}, timeout=_INTERRUPT_AGAIN_S)
        if not sleeping.done() or sleeping.result().ok:
            raise ContainerKernelsError(
                "verify_failed",
                "The kernel started, but a cell that runs in it cannot be interrupted.",
                "The image's version of the kernel package may be very old. Try a newer tag of the image.",
            )
        if sent > 1 and language.test_cell is not None:  # R keeps the one that came too late for what comes next
            await _run_cell(client, language.test_cell[0])
    finally:
        sleeping.cancel()
        waiting.cancel()


async def _look_for_gpu(running: RunningTask, client: Any, language: Language, gpu: GpuMode) -> str | None:
    """Return the names of the GPUs that the kernel sees; none on this node is a warning, not a failure."""
    if language.gpu_cell is None:
        return None
    told = (await _run_cell(client, language.gpu_cell)).printed
    names = [line.removeprefix(GPU_MARK).strip() for line in told.splitlines() if line.startswith(GPU_MARK)]
    if names:
        running.say(f"The kernel sees {', '.join(names)}.")
        return ", ".join(names)
    if gpu == "on":
        running.say("Warning: the kernel sees no GPU on this machine; it will use one where a session has one.")
        for line in told.splitlines():
            running.say(line)
    return None


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


async def _shut_down(manager: AsyncKernelManager, clean: bool) -> bool:
    """End a kernel; tells whether nothing of it is left."""
    if not manager.has_kernel:
        manager.cleanup_connection_file()
        return True
    leader = getattr(manager.provisioner, "pid", None)
    await manager.shutdown_kernel(now=not clean)
    # the start script's guard ends the container; what is removed next must not be written to any more
    return leader is None or await process.session_end(leader, _END_TIMEOUT_S)


@dataclass
class _Cell:
    """What came of a cell: the text of its result, what it printed, whether it ended well."""

    result: str | None = None
    printed: str = ""
    ok: bool = True


async def _run_cell(client: Any, code: str, begun: asyncio.Event | None = None) -> _Cell:
    """Run a cell; ``begun`` is set when the kernel has begun with it."""
    cell = _Cell()

    def on_output(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] in ("execute_result", "display_data"):  # the latter is IRkernel's way to say it
            cell.result = content["data"].get("text/plain", "")
        elif message["msg_type"] == "stream":
            cell.printed += content["text"]
        elif begun is not None:
            begun.set()  # busy, or the echo of its input

    try:
        reply = await client.execute_interactive(
            code,
            store_history=False,
            allow_stdin=False,
            # else ipykernel answers "aborted" to what comes soon after a cell that was interrupted
            stop_on_error=False,
            timeout=_CELL_TIMEOUT_S,
            output_hook=on_output,
        )
    except TimeoutError as error:
        raise ContainerKernelsError(
            "verify_failed",
            f"The kernel started, but did not run a cell within {_CELL_TIMEOUT_S:.0f} seconds.",
            "Try again when the machine is less busy.",
        ) from error
    cell.ok = reply["content"]["status"] == "ok"
    return cell


def _explain(said: str, error: str, timeout_s: float) -> ContainerKernelsError:
    if "respond" in error:
        known = explain(said, "starting the kernel", "verify_failed")
        if known.code != "verify_failed":
            return known
        return ContainerKernelsError(
            "verify_failed",
            f"The kernel did not answer within {timeout_s:.0f} seconds.",
            "The log tells what it said. A site can allow it more time by ContainerKernelsApp.start_timeout_s.",
        )
    return explain(said or error, "starting the kernel", "verify_failed")
