"""``jupyter container-kernels``: the same services from a terminal.

Progress and errors go to standard error, results to standard output; ``--json`` prints what REST would answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .commands import CANCELLED, CONFLICT, DONE, FAILED, NO_RUNTIME, NOT_FOUND, USAGE, kernels, sharing, site, space
from .errors import ContainerKernelsError
from .models import RepairAction, RunningKernel

if TYPE_CHECKING:
    from .services.wiring import Services

_KERNEL = "the kernel's name, or what its tile says"
#: How long somebody at a terminal waits for the runtime to be found, in seconds: until the search is over.
_PATIENCE_S = 60.0
#: What can be mended, and how it is asked for.
_REPAIRS: dict[RepairAction, str] = {
    "relink": "look for its image where it may have gone",
    "pull": "pull its image again",
    "update": "pull what its tag names now; the old image stays until the kernel has answered",
    "reinstall": "install its packages again",
    "find_runtime": "take the Apptainer that is here now",
}
_EXIT_CODES = {
    "not_found": NOT_FOUND,
    "slug_taken": CONFLICT,
    "kernel_running": CONFLICT,
    "not_ours": CONFLICT,
    "runtime_missing": NO_RUNTIME,
    "unreadable": USAGE,
    "not_allowed": USAGE,
    "invalid_reference": USAGE,
    "invalid_display_name": USAGE,
    "invalid_slug": USAGE,
    "invalid_bind": USAGE,
    "invalid_environment": USAGE,
    "invalid_directory": USAGE,
    "invalid_image_dir": USAGE,
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
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: Callable[..., Coroutine[Any, Any, int]], text: str) -> argparse.ArgumentParser:
        added = subparsers.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.add_argument("--json", action="store_true", help="print JSON for scripts")
        added.set_defaults(work=work)
        return added

    add = command("add", kernels.add, "add a kernel from an image")
    add.add_argument("image", help="docker://…, oras://…, library://…, a bare name, or the path of a .sif file")
    add.add_argument("--name", help="what the tile says (default: made from the image)")
    add.add_argument("--kernel-name", metavar="SLUG", help="the kernel's name in Jupyter (default: made from --name)")
    add.add_argument(
        "--interpreter", metavar="PATH", help="the Python (or R, Julia, kernel) in the image (default: the best one)"
    )
    _add_coming(add)
    _add_properties(add)
    _add_pull(add, command)
    listed = command("list", kernels.list_kernels, "list container kernels, whoever made them")
    listed.add_argument("--stale", action="store_true", help="only those that cannot start, each with its reason")
    log = command("log", kernels.log, "show what the last start of a kernel said, and why it failed")
    log.add_argument("kernel", help=_KERNEL)
    check = command("check", kernels.check, "start kernels once and say whether they work; nothing of them changes")
    check.add_argument("kernel", nargs="*", help=f"{_KERNEL} (default: all that we made)")
    check.add_argument("--no-updates", action="store_true", help="do not ask registries for newer images")
    _add_repair(command)
    _add_changes(command)
    _add_deletion(command)
    _add_sharing(command)
    undo = command("undo", space.undo, "put a deleted kernel back")
    undo.add_argument("kernel", nargs="?", help="the id or name that `images` shows (default: the one deleted last)")
    images = command("images", space.images, "list images, packages, the trash and leftovers, and what they take")
    images.add_argument("--free", action="append", default=[], metavar="ID", help="remove one, at once; repeatable")
    command("info", site.info, "say what was found on this machine")
    command("catalogue", site.catalogue, "list the images that your site offers")
    policy = command("policy", site.policy, "say which policy file of the site holds, and what is wrong in it")
    policy.add_argument("--check", metavar="FILE", help="look for mistakes in this one instead; nothing is changed")
    command(
        "doctor",
        site.doctor,
        "look at all that matters to containers on this node and say what it means; fails if there is a problem",
    )
    return parser


def _add_repair(command: Callable[..., argparse.ArgumentParser]) -> None:
    repair = command("repair", kernels.repair, "mend a kernel; it stays as it is until it has answered")
    repair.add_argument("kernel", help=_KERNEL)
    what = repair.add_mutually_exclusive_group(required=True)
    what.add_argument("--image", metavar="FILE", help="the image's new place")
    for action, text in _REPAIRS.items():
        flag = "--find-image" if action == "relink" else "--" + action.replace("_", "-")
        what.add_argument(flag, dest="action", action="store_const", const=action, help=text)


def _add_changes(command: Callable[..., argparse.ArgumentParser]) -> None:
    edit = command("edit", kernels.edit, "change a kernel; it stays as it is until it has answered with the change")
    twin = command("duplicate", kernels.duplicate, "add another kernel of the same image, which takes no room")
    for each in (edit, twin):
        each.add_argument("kernel", help=_KERNEL)
        each.add_argument("--name", help="what the tile says")
        _add_properties(each)
        each.add_argument("--isolation", action="store_true", help="take --no-isolation back")
        each.add_argument("--auto-gpu", action="store_const", const="auto", dest="gpu", help="a GPU where there is one")


def _add_deletion(command: Callable[..., argparse.ArgumentParser]) -> None:
    remove = command("remove", kernels.remove, "delete kernels with what was made for them")
    remove.add_argument("kernel", nargs="+", help=_KERNEL)
    remove.add_argument("--keep-image", action="store_true", help="keep the image, even if no other kernel uses it")
    clean = command("clean", kernels.clean, "delete all kernels that cannot start")
    clean.add_argument("--dry-run", action="store_true", help="only say which, why, and what that would free")
    for each in (remove, clean):
        each.add_argument("--purge", action="store_true", help="at once, not into the trash; `undo` cannot help then")
        each.add_argument("--yes", action="store_true", help="do not ask")


def _add_sharing(command: Callable[..., argparse.ArgumentParser]) -> None:
    publish = command("publish", sharing.publish, "share a kernel: a copy that others can use and only you can change")
    publish.add_argument("kernel", help=_KERNEL)
    where = publish.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="FOLDER", help="a folder that others can read; it is made if it is not there")
    where.add_argument("--prefix", metavar="FOLDER", help="the same as --to FOLDER/share/jupyter")
    where.add_argument("--sys-prefix", action="store_true", help="for all who use this Python environment")
    publish.add_argument(
        "--with-env", action="append", default=[], metavar="NAME", help="hand on a variable that looks like a password"
    )
    publish.add_argument("--dry-run", action="store_true", help="only say what that would copy, and for whom")
    withdraw = command("withdraw", sharing.withdraw, "take back a kernel that you share, at once")
    withdraw.add_argument("kernel", help="the kernel's name")
    withdraw.add_argument("--from", dest="place", metavar="FOLDER", help="from where it is shared, if from several")
    withdraw.add_argument("--yes", action="store_true", help="do not ask")


def _add_pull(add: argparse.ArgumentParser, command: Callable[..., argparse.ArgumentParser]) -> None:
    add.add_argument(
        "--pull-from",
        choices=["here", "job", "login"],
        help="pull the image on this node, by a Slurm job, or on a login node, where you run the line that is printed",
    )
    parser = command("pull", kernels.pull, "pull an image into the store, so that adding it takes seconds")
    parser.add_argument("image", help="docker://…, oras://…, library://… or a bare name")
    parser.add_argument("--order", metavar="FOLDER", help="what a session waits for: it shows the whole line")


def _add_coming(parser: argparse.ArgumentParser) -> None:
    """Add how the image of a new kernel comes."""
    parser.add_argument("--image-dir", metavar="FOLDER", help="keep the image there (default: where your site has set)")
    parser.add_argument(
        "--by-runtime", action="store_true", help="let Apptainer make the image file itself, which takes longer"
    )


def _add_properties(parser: argparse.ArgumentParser) -> None:
    """Add what a new kernel and a changed one can be given."""
    gpu = parser.add_mutually_exclusive_group()
    gpu.add_argument("--gpu", action="store_const", const="on", help="hand GPUs to the kernel, and warn without one")
    gpu.add_argument("--no-gpu", action="store_const", const="off", dest="gpu", help="never hand GPUs to the kernel")
    parser.add_argument(
        "--bind", action="append", default=[], metavar="FOLDER", help="mount a folder at its own path; repeatable"
    )
    parser.add_argument(
        "--bind-at", action="append", default=[], nargs=2, metavar=("FOLDER", "PATH"), help="mount a folder elsewhere"
    )
    parser.add_argument(
        "--bind-read-only",
        action="append",
        default=[],
        nargs=2,
        metavar=("FOLDER", "PATH"),
        help="mount a folder that the kernel cannot change",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="a variable of the kernel; repeatable"
    )
    parser.add_argument(
        "--no-isolation",
        action="store_true",
        help="let in ~/.local and what the host sets for its own Python, R, Julia",
    )


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
    services = connect(app.values(), Path(jupyter_data_dir()), TerminalJupyter())
    services.session.ladder.wait_s = _PATIENCE_S
    return services


class TerminalJupyter:
    """What can be known of Jupyter without a server: the kernels on disk, and the processes of this user."""

    root_dir: Path | None = None

    @property
    def kernel_dirs(self) -> list[str]:
        return list(_specs().kernel_dirs)

    def find_kernels(self) -> dict[str, str]:
        found: dict[str, str] = _specs().find_kernel_specs()
        return found

    async def kernel_names(self) -> set[str]:
        return set(await asyncio.to_thread(self.find_kernels))

    async def resource_dir(self, slug: str) -> Path | None:
        found = await asyncio.to_thread(self.find_kernels)
        return Path(found[slug]) if slug in found else None

    async def running(self) -> dict[str, list[RunningKernel]]:
        return await asyncio.to_thread(_running_start_scripts)

    async def shut_down(self, slug: str) -> None:
        raise ContainerKernelsError(
            "kernel_running", f"The kernel {slug} is in use.", "Shut it down in JupyterLab, then delete it."
        )


def _specs() -> Any:
    """Return Jupyter's own manager of kernels, as the server's configuration has it."""
    from jupyter_client.kernelspec import KernelSpecManager

    from .app import ContainerKernelsApp

    app = ContainerKernelsApp.configured_as_the_server()
    specs = KernelSpecManager(config=app.config)
    specs.kernel_dirs = app.with_shared(specs.kernel_dirs)
    return specs


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


if __name__ == "__main__":
    sys.exit(main())
