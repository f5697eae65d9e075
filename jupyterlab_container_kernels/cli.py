"""``jupyter container-kernels``: the same services from a terminal.

Progress and errors go to standard error, results to standard output; ``--json`` prints what REST would answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from . import __version__
from .errors import ContainerKernelsError
from .models import (
    AddRequest,
    Bind,
    GpuMode,
    RemoveRequest,
    RepairAction,
    RepairRequest,
    RunningKernel,
    Task,
    to_json,
)

if TYPE_CHECKING:
    from .services.wiring import Services

#: Exit codes, as ``--help`` lists them.
DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, NO_RUNTIME, CANCELLED = 0, 1, 2, 3, 4, 5, 130
_EXIT_CODES = {
    "not_found": NOT_FOUND,
    "slug_taken": CONFLICT,
    "kernel_running": CONFLICT,
    "not_ours": CONFLICT,
    "runtime_missing": NO_RUNTIME,
    "unreadable": USAGE,
    "invalid_reference": USAGE,
    "invalid_display_name": USAGE,
    "invalid_slug": USAGE,
    "invalid_bind": USAGE,
    "invalid_environment": USAGE,
}
_EPILOG = """exit codes:
  0    done
  1    it failed; standard error says why
  2    something on the command line is not acceptable
  3    there is no such kernel
  4    the name is taken, or the kernel is in use
  5    neither Apptainer nor Singularity was found
  130  cancelled
"""
_BAR_WIDTH = 24


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (the console script hands it to ``sys.exit``)."""
    arguments = _parser().parse_args(argv)
    try:
        return asyncio.run(_run(arguments))
    except ContainerKernelsError as error:
        if arguments.json:
            print(json.dumps({"code": error.code, "message": error.message, "hint": error.hint}))
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"       {error.hint}", file=sys.stderr)
        return _EXIT_CODES.get(error.code, FAILED)
    except KeyboardInterrupt:
        return CANCELLED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter container-kernels",
        description="Container images as Jupyter kernels.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[..., Coroutine[Any, Any, int]], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.add_argument("--json", action="store_true", help="print JSON for scripts")
        added.set_defaults(work=work)
        return added

    add = command("add", _add, "add a kernel from an image")
    add.add_argument("image", help="docker://…, oras://…, library://…, a bare name, or the path of a .sif file")
    add.add_argument("--name", help="what the tile says (default: made from the image)")
    add.add_argument("--kernel-name", metavar="SLUG", help="the kernel's name in Jupyter (default: made from --name)")
    gpu = add.add_mutually_exclusive_group()
    gpu.add_argument("--gpu", action="store_const", const="on", help="hand GPUs to the kernel, and warn without one")
    gpu.add_argument("--no-gpu", action="store_const", const="off", dest="gpu", help="never hand GPUs to the kernel")
    add.add_argument(
        "--bind", action="append", default=[], metavar="FOLDER", help="mount a folder at its own path; repeatable"
    )
    add.add_argument(
        "--bind-at", action="append", default=[], nargs=2, metavar=("FOLDER", "PATH"), help="mount a folder elsewhere"
    )
    add.add_argument(
        "--interpreter", metavar="PATH", help="the Python (or R, Julia, kernel) in the image (default: the best one)"
    )
    add.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the kernel; repeatable"
    )
    add.add_argument(
        "--no-isolation",
        action="store_true",
        help="let in ~/.local and what the host sets for its own Python, R, Julia",
    )
    command("list", _list, "list container kernels")
    log = command("log", _log, "show what the last start of a kernel said, and why it failed")
    log.add_argument("kernel", help="the kernel's name, or what its tile says")
    repair = command("repair", _repair, "mend a kernel; it stays as it is until it has answered")
    repair.add_argument("kernel", help="the kernel's name, or what its tile says")
    what = repair.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", metavar="FILE", help="the image's new place")
    what.add_argument("--pull", action="store_true", help="pull its image again")
    what.add_argument("--reinstall", action="store_true", help="install its packages again")
    remove = command("remove", _remove, "delete a kernel with what was made for it")
    remove.add_argument("kernel", help="the kernel's name, or what its tile says")
    remove.add_argument("--keep-image", action="store_true", help="keep the image, even if no other kernel uses it")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    command("info", _info, "say what was found on this machine")
    return parser


async def _run(arguments: argparse.Namespace) -> int:
    services = _services()
    try:
        code: int = await arguments.work(services, arguments)
        return code
    finally:
        await services.stop()


def _services() -> Services:
    """Make the services with the configuration that the Jupyter server reads."""
    from jupyter_core.paths import jupyter_data_dir

    from .app import ContainerKernelsApp
    from .services.wiring import connect

    app = ContainerKernelsApp.configured_as_the_server()
    return connect(app.values(), Path(jupyter_data_dir()), TerminalJupyter())


class TerminalJupyter:
    """What can be known of Jupyter without a server: the kernels on disk, and the processes of this user."""

    root_dir: Path | None = None

    async def kernel_names(self) -> set[str]:
        from jupyter_client.kernelspec import KernelSpecManager

        return set(await asyncio.to_thread(KernelSpecManager().find_kernel_specs))

    async def resource_dir(self, slug: str) -> Path | None:
        from jupyter_client.kernelspec import KernelSpecManager

        found = await asyncio.to_thread(KernelSpecManager().find_kernel_specs)
        return Path(found[slug]) if slug in found else None

    async def running(self) -> dict[str, list[RunningKernel]]:
        return await asyncio.to_thread(_running_start_scripts)

    async def shut_down(self, slug: str) -> None:
        raise ContainerKernelsError(
            "kernel_running", f"The kernel {slug} is in use.", "Shut it down in JupyterLab, then delete it."
        )


def _running_start_scripts() -> dict[str, list[RunningKernel]]:
    """Return the kernels of this machine whose start scripts run, from /proc."""
    from jupyter_core.paths import jupyter_data_dir

    kernels = Path(jupyter_data_dir()) / "kernels"
    found: dict[str, list[RunningKernel]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        script = Path(os.fsdecode(words[1])) if len(words) > 2 else Path()
        if script.name == "init.sh" and script.parent.parent == kernels:
            kernel = RunningKernel(process.name, f"process {process.name}")
            found.setdefault(script.parent.name, []).append(kernel)
    return found


async def _add(services: Services, arguments: argparse.Namespace) -> int:
    return await _follow(services, await services.add.add(_request(arguments)), arguments)


async def _repair(services: Services, arguments: argparse.Namespace) -> int:
    slug = await _slug_of(services, arguments.kernel)
    action: RepairAction = "relink" if arguments.image else "pull" if arguments.pull else "reinstall"
    request = RepairRequest(action, _full(arguments.image) if arguments.image else None)
    return await _follow(services, await services.repair.repair(slug, request), arguments)


async def _follow(services: Services, task: Task, arguments: argparse.Namespace) -> int:
    """Show the progress of a task to its end; signals cancel it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, lambda: asyncio.ensure_future(services.tasks.end(task.id)))
    watching = asyncio.create_task(_watch(services, task.id, sys.stderr))
    task = await services.tasks.wait(task.id)
    await watching
    if task.state == "done":
        # in a terminal somebody saw it; nothing is left to tell in the panel
        await services.tasks.end(task.id)
    if arguments.json:
        print(json.dumps(to_json(task)))
    elif task.state == "done":
        print(f"{task.display_name} is ready; its kernel name is {task.slug}.")
    if task.error is not None:
        if not arguments.json:
            await _print_log_end(services, task)
        raise ContainerKernelsError(task.error.code, task.error.message, task.error.hint)
    return DONE if task.state == "done" else CANCELLED


def _request(arguments: argparse.Namespace) -> AddRequest:
    """Read the request; paths are relative to where the user is, as everywhere in a terminal."""
    gpu: GpuMode = arguments.gpu or "auto"
    binds = [Bind(_full(each), None, False) for each in arguments.bind]
    binds += [Bind(_full(source), inside, False) for source, inside in arguments.bind_at]
    image: str = arguments.image
    if "://" not in image and image.endswith((".sif", ".simg")):
        image = _full(image)
    environment = {}
    for each in arguments.env:
        name, equals, value = each.partition("=")
        if not equals:
            raise ContainerKernelsError("invalid_environment", f"{each} sets nothing.", "Write it as NAME=VALUE.")
        environment[name] = value
    return AddRequest(
        image,
        arguments.name,
        arguments.kernel_name,
        gpu,
        binds,
        arguments.interpreter,
        environment,
        not arguments.no_isolation,
    )


def _full(path: str) -> str:
    return str(Path(path).expanduser().absolute())


async def _print_log_end(services: Services, task: Task) -> None:
    """Show the tools' own last lines before the error that sums them up."""
    lines = (await services.tasks.log(task.id, max(0, task.log_bytes - 4096))).text.splitlines()
    for line in lines[-12:]:
        print(f"  | {line}", file=sys.stderr)


async def _watch(services: Services, task_id: str, stream: TextIO) -> None:
    """Draw the progress of a task: one line that changes on a terminal, one line a step elsewhere."""
    terminal = stream.isatty()
    shown = ""
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
        if task.ended is not None:
            if terminal:
                stream.write("\n")
            return
        await asyncio.sleep(0.2)


def _progress_line(task: Task) -> str:
    line = f"{task.phase or task.state:8} {task.message}"
    progress = task.progress
    if progress is None:
        return line
    if not progress.total_bytes:
        return f"{line}  {_size(progress.done_bytes)}"
    filled = round(_BAR_WIDTH * min(1.0, progress.done_bytes / progress.total_bytes))
    bar = "▓" * filled + "░" * (_BAR_WIDTH - filled)
    return f"{task.phase:8} {bar} {_size(progress.done_bytes)} of {_size(progress.total_bytes)}  {task.message}"


async def _list(services: Services, arguments: argparse.Namespace) -> int:
    found = await services.kernels.list_kernels()
    if arguments.json:
        print(json.dumps(to_json(found)))
        return DONE
    if not found.kernels:
        print("There are no container kernels yet. Add one: jupyter container-kernels add IMAGE")
        return DONE
    rows = [("KERNEL", "NAME", "LANGUAGE", "GPU", "SIZE", "STATUS", "IMAGE")]
    for kernel in found.kernels:
        size = (kernel.image.size_bytes or 0) + (kernel.packages.size_bytes or 0)
        language = f"{kernel.language} {kernel.language_version or ''}".strip()
        status = kernel.status.message if kernel.status.code == "ok" else kernel.status.code.replace("_", " ")
        rows.append(
            (kernel.slug, kernel.display_name, language, kernel.gpu, _size(size), status, kernel.image.reference)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return DONE


async def _log(services: Services, arguments: argparse.Namespace) -> int:
    log = await services.kernels.log(await _slug_of(services, arguments.kernel))
    if arguments.json:
        print(json.dumps(to_json(log)))
        return DONE
    print(log.text, end="")
    if diagnosis := log.start.diagnosis:
        print(f"\n{diagnosis.message}\n{diagnosis.hint}".rstrip(), file=sys.stderr)
    return DONE


async def _remove(services: Services, arguments: argparse.Namespace) -> int:
    slug = await _slug_of(services, arguments.kernel)
    details = await services.kernels.get(slug)
    if not arguments.json:
        for item in details.removal:
            goes = item.goes and not (item.what == "image" and arguments.keep_image)
            reason = "" if goes else f"  stays: {item.reason or 'you keep it'}"
            print(f"{item.what:10} {_size(item.size_bytes):>9}  {item.path}{reason}", file=sys.stderr)
    if not arguments.yes and not _confirmed(f"Delete {details.kernel.display_name}?"):
        print("Nothing was deleted.", file=sys.stderr)
        return CANCELLED
    removal = await services.deletion.remove(slug, RemoveRequest(delete_image=not arguments.keep_image))
    if arguments.json:
        print(json.dumps(to_json(removal)))
    else:
        print(f"Deleted {details.kernel.display_name}; {_size(removal.freed_bytes)} are free again.")
    return DONE


async def _slug_of(services: Services, named: str) -> str:
    """Return the kernel that is meant by its name, or by what its tile says if only one says so."""
    kernels = (await services.kernels.list_kernels()).kernels
    slugs = [kernel.slug for kernel in kernels if named == kernel.slug]
    slugs = slugs or [kernel.slug for kernel in kernels if named == kernel.display_name]
    if len(slugs) == 1:
        return slugs[0]
    if slugs:
        raise ContainerKernelsError(
            "not_found", f"{len(slugs)} kernels are called {named}: {', '.join(slugs)}.", "Use one of these."
        )
    raise ContainerKernelsError(
        "not_found", f"There is no container kernel {named}.", "See `jupyter container-kernels list`."
    )


def _confirmed(question: str) -> bool:
    """Ask on a terminal; where nobody can answer, say how to do without."""
    if not sys.stdin.isatty():
        print("Add --yes to delete without being asked.", file=sys.stderr)
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _info(services: Services, arguments: argparse.Namespace) -> int:
    info = await services.session.info()
    if arguments.json:
        print(json.dumps(to_json(info)))
        return DONE
    print(f"Container Kernels {info.version} on {info.hostname} ({info.architecture})")
    for runtime in info.runtimes:
        found = f"{runtime.title} {runtime.version} at {runtime.path}" if runtime.available else runtime.reason
        print(f"runtime    {found}")
    print(f"languages  {', '.join(info.languages)}")
    gpu = info.gpu
    print(f"GPU        {gpu.vendor + ' ' + ', '.join(gpu.names) if gpu.vendor else 'none is visible in this session'}")
    for disk in info.disks:
        room = f"{_size(disk.free_bytes)} free" if disk.free_bytes is not None else "does not answer"
        print(f"{disk.purpose:10} {disk.path}  ({room})")
    return DONE


def _size(size_bytes: int) -> str:
    """Return a size as people read it, in decimal units as the panel shows it."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


if __name__ == "__main__":
    sys.exit(main())
