"""A task that somebody at a terminal waits for."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from ..errors import ContainerKernelsError
from ..models import Task, to_json
from ..terminal import watch
from . import CANCELLED, DONE

if TYPE_CHECKING:
    from ..services.wiring import Services


async def ended(
    services: Services, task: Task, stop: Callable[[], Coroutine[None, None, object]] | None = None
) -> Task:
    """Show the progress of a task and return it as it ended; signals cancel it, or do what ``stop`` does."""
    loop = asyncio.get_running_loop()
    end = stop or (lambda: services.tasks.end(task.id))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(end()))
    watching = asyncio.create_task(watch(services, task.id, sys.stderr))
    task = await services.tasks.wait(task.id)
    with contextlib.suppress(ContainerKernelsError):  # whoever ordered an image removes the task when it is there
        await watching
    return task


async def follow(services: Services, task: Task, arguments: argparse.Namespace) -> int:
    """Show the progress of a task to its end, and what became of it."""
    task = await ended(services, task)
    if task.state == "done":
        # in a terminal somebody saw it; nothing is left to tell in the panel
        await services.tasks.end(task.id)
    if arguments.json:
        print(json.dumps(to_json(task)))
    elif task.state == "done":
        ready = f"{task.display_name} is ready; its kernel name is {task.slug}."
        print(f"{task.message}." if task.job == "share" else ready)
    if task.error is not None:
        if not arguments.json:
            await print_log_end(services, task)
        raise ContainerKernelsError(task.error.code, task.error.message, task.error.hint)
    return DONE if task.state == "done" else CANCELLED


async def print_log_end(services: Services, task: Task) -> None:
    """Show the tools' own last lines before the error that sums them up."""
    lines = (await services.tasks.log(task.id, max(0, task.log_bytes - 4096))).text.splitlines()
    for line in lines[-12:]:
        print(f"  | {line}", file=sys.stderr)
