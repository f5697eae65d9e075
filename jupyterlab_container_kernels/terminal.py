"""What a person at a terminal sees: tables that fit it, progress, sizes, questions."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from .models import DiskRoom, Task
    from .services.wiring import Services

_BAR_WIDTH = 24
#: A column is never cut shorter than this, in characters.
_LEAST_WIDTH = 8


def print_table(rows: Sequence[Sequence[str]], stream: TextIO | None = None) -> None:
    """Print rows with their columns aligned; on a terminal the widest columns are cut until a line fits."""
    stream = stream or sys.stdout
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if stream.isatty():
        room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1)
        while sum(widths) > room and max(widths) > _LEAST_WIDTH:
            widths[widths.index(max(widths))] -= 1
    for row in rows:
        cells = (_cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip(), file=stream)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


async def watch(services: Services, task_id: str, stream: TextIO) -> None:
    """Draw the progress of a task: one line that changes on a terminal, one line a step elsewhere."""
    terminal = stream.isatty()
    shown = told = ""
    while True:
        task = await services.tasks.get(task_id)
        line = _progress_line(task) if terminal else f"{task.phase or task.state}: {task.message}"
        if line != shown:
            if terminal:
                width = shutil.get_terminal_size().columns - 1
                stream.write(f"\r\x1b[K{line[:width]}")
            else:
                stream.write(line + "\n")
            stream.flush()
            shown = line
        if task.command is not None and task.command != told:
            told = task.command
            stream.write(f"\n{told}\n")
            stream.flush()
        if task.ended is not None:
            if terminal:
                stream.write("\n")
            return
        await asyncio.sleep(0.2)


def _progress_line(task: Task) -> str:
    at, progress = f"{task.phase or task.state:8}", task.progress
    if progress is None:
        return f"{at} {task.message}"
    if not progress.total_bytes:
        return f"{at} {task.message}  {size(progress.done_bytes)}"
    filled = round(_BAR_WIDTH * min(1.0, progress.done_bytes / progress.total_bytes))
    bar = "▓" * filled + "░" * (_BAR_WIDTH - filled)
    return f"{at} {bar} {size(progress.done_bytes)} of {size(progress.total_bytes)}  {task.message}"


def size(size_bytes: int | None) -> str:
    """Return a size as people read it, in decimal units as the panel shows it; what nobody knows is ``?``."""
    if size_bytes is None:
        return "?"
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


def print_rooms(disks: Iterable[DiskRoom]) -> None:
    """Print the room on the disks that we write to."""
    for disk in disks:
        room = f"{size(disk.free_bytes)} free" if disk.free_bytes is not None else "does not answer"
        if disk.quota:
            room += f", {size(disk.quota.used_bytes)} of your {size(disk.quota.limit_bytes)} used"
        print(f"{disk.purpose:10} {disk.path}  ({room})")


def confirmed(question: str) -> bool:
    """Ask on a terminal; where nobody can answer, say how to do without."""
    if not sys.stdin.isatty():
        print("Add --yes to delete without being asked.", file=sys.stderr)
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
