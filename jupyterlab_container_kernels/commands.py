"""What each command of ``jupyter container-kernels`` does. Each returns its exit code.

Progress and errors go to standard error, results to standard output; ``--json`` prints what REST would answer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ContainerKernelsError
from .models import (
    AddRequest,
    Bind,
    CheckRequest,
    DiskRoom,
    EditRequest,
    GpuMode,
    Kernel,
    RemoveRequest,
    RepairRequest,
    SharePlan,
    ShareRequest,
    SpaceItem,
    Task,
    to_json,
)
from .terminal import confirmed, print_table, size, watch

if TYPE_CHECKING:
    from .services.wiring import Services

#: Exit codes, as ``--help`` lists them.
DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, NO_RUNTIME, CANCELLED = 0, 1, 2, 3, 4, 5, 130


async def add(services: Services, arguments: argparse.Namespace) -> int:
    return await _follow(services, await services.add.add(_request(arguments)), arguments)


async def pull(services: Services, arguments: argparse.Namespace) -> int:
    """Pull an image: for a session that waits for it, or for later."""
    from .services import pull_task

    order = _full(arguments.order) if arguments.order else None
    async with pull_task.of(services, arguments.image, order) as (theirs, begun):
        task = await _done(theirs, begun, lambda: pull_task.stop(theirs, begun, order))
        if arguments.json:
            print(json.dumps(to_json(task)))
        elif task.state == "done":
            print(task.message)
        if task.error is not None and task.state == "failed":
            with contextlib.suppress(ContainerKernelsError):  # as in _done
                await _print_log_end(theirs, task)
            raise ContainerKernelsError(task.error.code, task.error.message, task.error.hint)
        return DONE if task.state == "done" else CANCELLED


async def repair(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await _kernel_of(services, arguments.kernel)).slug
    request = RepairRequest(arguments.action or "relink", _full(arguments.image) if arguments.image else None)
    return await _follow(services, await services.repair.repair(slug, request), arguments)


async def edit(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await _kernel_of(services, arguments.kernel)).slug
    return await _follow(services, await services.edit.edit(slug, _changes(arguments)), arguments)


async def duplicate(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await _kernel_of(services, arguments.kernel)).slug
    return await _follow(services, await services.edit.duplicate(slug, _changes(arguments)), arguments)


async def check(services: Services, arguments: argparse.Namespace) -> int:
    """Check one kernel after the other: each needs its memory."""
    if arguments.kernel:
        kernels = [await _kernel_of(services, named) for named in arguments.kernel]
    else:
        kernels = [each for each in (await services.kernels.list_kernels()).kernels if each.ours and not each.read_only]
    code, results = DONE, []
    for kernel in kernels:
        task = await _done(services, await services.edit.check(kernel.slug, CheckRequest(not arguments.no_updates)))
        if task.state == "cancelled":
            return CANCELLED
        results.append({"slug": kernel.slug, "works": task.state == "done", "message": task.message,
                        "error": to_json(task.error) if task.error else None})  # fmt: skip
        await services.tasks.end(task.id)
        if task.error is not None:
            code = FAILED
        if not arguments.json:
            said = f"{task.error.message} {task.error.hint}".rstrip() if task.error else task.message
            print(f"{kernel.display_name}: {said}")
    if arguments.json:
        print(json.dumps({"checks": results}))
    return code


async def _done(
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


async def _follow(services: Services, task: Task, arguments: argparse.Namespace) -> int:
    """Show the progress of a task to its end, and what became of it."""
    task = await _done(services, task)
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
            await _print_log_end(services, task)
        raise ContainerKernelsError(task.error.code, task.error.message, task.error.hint)
    return DONE if task.state == "done" else CANCELLED


def _request(arguments: argparse.Namespace) -> AddRequest:
    """Read the request; paths are relative to where the user is, as everywhere in a terminal."""
    gpu: GpuMode = arguments.gpu or "auto"
    image: str = arguments.image
    if "://" not in image and image.endswith((".sif", ".simg")):
        image = _full(image)
    return AddRequest(
        image,
        arguments.name,
        arguments.kernel_name,
        gpu,
        _binds(arguments),
        arguments.interpreter,
        _environment(arguments),
        not arguments.no_isolation,
        _full(arguments.image_dir) if arguments.image_dir else None,
        arguments.by_runtime,
        arguments.pull_from or "auto",
    )


def _changes(arguments: argparse.Namespace) -> EditRequest:
    """Read what is to be different; what was not named stays."""
    isolated = True if arguments.isolation else False if arguments.no_isolation else None
    return EditRequest(
        arguments.name, arguments.gpu, _binds(arguments) or None, _environment(arguments) or None, isolated
    )


def _binds(arguments: argparse.Namespace) -> list[Bind]:
    binds = [Bind(_full(each), None, False) for each in arguments.bind]
    binds += [Bind(_full(source), inside, False) for source, inside in arguments.bind_at]
    return binds + [Bind(_full(source), inside, True) for source, inside in arguments.bind_read_only]


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    environment = {}
    for each in arguments.env:
        name, equals, value = each.partition("=")
        if not equals:
            raise ContainerKernelsError("invalid_environment", f"{each} sets nothing.", "Write it as NAME=VALUE.")
        environment[name] = value
    return environment


def _full(path: str) -> str:
    return str(Path(path).expanduser().absolute())


async def _print_log_end(services: Services, task: Task) -> None:
    """Show the tools' own last lines before the error that sums them up."""
    lines = (await services.tasks.log(task.id, max(0, task.log_bytes - 4096))).text.splitlines()
    for line in lines[-12:]:
        print(f"  | {line}", file=sys.stderr)


async def list_kernels(services: Services, arguments: argparse.Namespace) -> int:
    found = await services.kernels.list_kernels()
    kernels = [each for each in found.kernels if not arguments.stale or each.status.level == "stale"]
    if arguments.json:
        print(json.dumps(to_json(replace(found, kernels=kernels))))
        return DONE
    if not kernels:
        none = "All container kernels can start, as far as can be seen." if found.kernels else (
            "There are no container kernels yet. Add one: jupyter container-kernels add IMAGE"
        )  # fmt: skip
        print(none)
        return DONE
    rows = [("KERNEL", "NAME", "LANGUAGE", "GPU", "SIZE", "STATUS", "IMAGE")]
    for kernel in kernels:
        language = f"{kernel.language} {kernel.language_version or ''}".strip()
        status = kernel.status.message if kernel.status.level == "ok" else kernel.status.code.replace("_", " ")
        rows.append(
            (kernel.slug, kernel.display_name, language, kernel.gpu, _total(kernel), status, kernel.image.reference)
        )
    print_table(rows)
    if arguments.stale:
        print()
        for kernel in kernels:
            print(f"{kernel.display_name}: {kernel.status.message} {kernel.status.hint}".rstrip())
    return DONE


def _total(kernel: Kernel) -> str:
    return size((kernel.image.size_bytes or 0) + (kernel.packages.size_bytes or 0))


async def log(services: Services, arguments: argparse.Namespace) -> int:
    log = await services.kernels.log((await _kernel_of(services, arguments.kernel)).slug)
    if arguments.json:
        print(json.dumps(to_json(log)))
        return DONE
    print(log.text, end="")
    if diagnosis := log.start.diagnosis:
        print(f"\n{diagnosis.message}\n{diagnosis.hint}".rstrip(), file=sys.stderr)
    return DONE


async def remove(services: Services, arguments: argparse.Namespace) -> int:
    kernels = [await _kernel_of(services, named) for named in arguments.kernel]
    if not arguments.json:
        for kernel in kernels:
            for item in (await services.kernels.get(kernel.slug)).removal:
                goes = item.goes and not (item.what == "image" and arguments.keep_image)
                reason = "" if goes else f"  stays: {item.reason or 'you keep it'}"
                print(f"{item.what:15} {size(item.size_bytes):>9}  {item.path}{reason}", file=sys.stderr)
    return await _delete(services, kernels, arguments, keep_image=arguments.keep_image)


async def clean(services: Services, arguments: argparse.Namespace) -> int:
    """Delete what cannot start; what nobody can tell at the moment stays."""
    listed = (await services.kernels.list_kernels()).kernels
    stale = [each for each in listed if each.status.level == "stale" and not each.read_only]
    if arguments.dry_run and arguments.json:
        print(json.dumps({"kernels": [to_json(each) for each in stale]}))
        return DONE
    if not stale:
        print("There is nothing to clean up: all container kernels can start, as far as can be seen.", file=sys.stderr)
    else:
        rows = [(each.display_name, _total(each), each.status.message) for each in stale]
        print_table([("NAME", "SIZE", "WHY IT CANNOT START"), *rows], sys.stderr)
    unknown = [each.display_name for each in listed if each.status.level == "unknown"]
    if unknown:
        print(f"Not looked at, for their file systems do not answer: {', '.join(unknown)}.", file=sys.stderr)
    if arguments.dry_run or not stale:
        return DONE
    return await _delete(services, stale, arguments)


async def _delete(
    services: Services, kernels: list[Kernel], arguments: argparse.Namespace, *, keep_image: bool = False
) -> int:
    names = ", ".join(kernel.display_name for kernel in kernels)
    if not arguments.yes and not confirmed(f"Delete {names}?"):
        print("Nothing was deleted.", file=sys.stderr)
        return CANCELLED
    removals = []
    for kernel in kernels:
        # a kernel of others, or one that Jupyter does not show, goes only as the directory that was listed
        named = None if kernel.ours and kernel.id == kernel.slug else kernel.resource_dir
        request = RemoveRequest(not keep_image, False, named, arguments.purge)
        removal = await services.deletion.remove(kernel.slug, request)
        removals.append(removal)
        if not arguments.json:
            freed = size(removal.freed_bytes)
            later = f"{freed} are free again." if removal.undo is None else (
                f"{freed} are in the trash: `jupyter container-kernels undo {removal.undo}` puts it back."
            )  # fmt: skip
            print(f"Deleted {kernel.display_name}; {later}")
    if arguments.json:
        alone = len(removals) == 1
        print(json.dumps(to_json(removals[0]) if alone else {"removals": [to_json(each) for each in removals]}))
    return DONE


async def publish(services: Services, arguments: argparse.Namespace) -> int:
    kernel = await _kernel_of(services, arguments.kernel)
    prefix = sys.prefix if arguments.sys_prefix else arguments.prefix
    directory = _full(arguments.to if prefix is None else f"{prefix}/share/jupyter")
    request = ShareRequest(directory, arguments.with_env)
    plan = await services.publishing.plan(kernel.slug, request)
    if arguments.dry_run and arguments.json:
        print(json.dumps(to_json(plan)))
        return DONE
    if not arguments.json:
        _print_plan(plan)
    if arguments.dry_run:
        return DONE
    return await _follow(services, await services.publishing.publish(kernel.slug, request), arguments)


def _print_plan(plan: SharePlan) -> None:
    """Say what sharing means, before it begins."""
    readers = f"members of {plan.readers}" if plan.readers else "all users of this machine"
    print(f"shared from  {plan.directory}, for {readers}", file=sys.stderr)
    for item in plan.items:
        how = "copied" if item.copied else "used where it lies"
        print(f"{item.what:12} {size(item.size_bytes):>9}  {item.path}  {how}", file=sys.stderr)
    if plan.left_out:
        names = ", ".join(plan.left_out)
        print(f"left out     {names}, as they look like passwords (--with-env hands one on)", file=sys.stderr)
    for remark in plan.remarks:
        print(f"note         {remark}", file=sys.stderr)
    if plan.line:
        print(f"others type  {plan.line}", file=sys.stderr)


async def withdraw(services: Services, arguments: argparse.Namespace) -> int:
    place = None if arguments.place is None else f"{_full(arguments.place)}/kernels/{arguments.kernel}"
    if place is None:
        listed = (await services.kernels.list_kernels()).kernels
        found = [each for each in listed if each.withdrawable and arguments.kernel in (each.slug, each.display_name)]
        if len(found) != 1:
            where = ", ".join(str(Path(each.resource_dir).parents[1]) for each in found)
            what = f"You share {arguments.kernel} from {where}." if found else f"You share no {arguments.kernel}."
            raise ContainerKernelsError("not_found", what, "Name the folder with --from.")
        place = found[0].resource_dir
    if not arguments.yes and not confirmed(f"Withdraw {place}? Kernels of others that run may end."):
        print("Nothing was withdrawn.", file=sys.stderr)
        return CANCELLED
    freed = await services.publishing.withdraw(Path(place).name, place)
    done = f"Withdrew {place}; {size(freed.freed_bytes)} are free again."
    print(json.dumps(to_json(freed)) if arguments.json else done)
    return DONE


async def undo(services: Services, arguments: argparse.Namespace) -> int:
    items = [each for each in (await services.space.get()).items if each.restorable]
    named = arguments.kernel
    found = [each for each in items if named in (None, each.id, each.title)]
    if not found:
        what = "The trash is empty." if not items else f"There is no {named} in the trash."
        raise ContainerKernelsError("not_found", what, "See `jupyter container-kernels images`.")
    latest = max(found, key=lambda each: each.created or "")
    restored = await services.space.restore(latest.id)
    if arguments.json:
        print(json.dumps(to_json(restored)))
    else:
        print(f"{restored.display_name} is back; its kernel name is {restored.slug}.")
    return DONE


async def images(services: Services, arguments: argparse.Namespace) -> int:
    if arguments.free:
        freed = [(await services.space.free(item_id)).freed_bytes for item_id in arguments.free]
        print(json.dumps({"freed_bytes": sum(freed)}) if arguments.json else f"{size(sum(freed))} are free again.")
        return DONE
    space = await services.space.get()
    if arguments.json:
        print(json.dumps(to_json(space)))
        return DONE
    rows = [("ID", "WHAT", "SIZE", "NAME", "USED BY"), *map(_space_row, space.items)]
    print_table(rows)
    _print_rooms(space.disks)
    return DONE


def _space_row(item: SpaceItem) -> tuple[str, str, str, str, str]:
    used = ", ".join(item.used_by) or ("-" if item.removable else "")
    return item.id, item.kind.replace("_", " "), size(item.size_bytes), item.title, used


async def _kernel_of(services: Services, named: str) -> Kernel:
    """Return the kernel that is meant by its name, or by what its tile says if only one says so."""
    kernels = (await services.kernels.list_kernels()).kernels
    found = [kernel for kernel in kernels if named == kernel.id]
    found = found or [kernel for kernel in kernels if named == kernel.display_name]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(kernel.id for kernel in found)
        raise ContainerKernelsError(
            "not_found", f"{len(found)} kernels are called {named}: {names}.", "Use one of these."
        )
    raise ContainerKernelsError(
        "not_found", f"There is no container kernel {named}.", "See `jupyter container-kernels list`."
    )


async def info(services: Services, arguments: argparse.Namespace) -> int:
    info = await services.session.info(wait_s=services.session.ladder.wait_s)
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
    _print_rooms(info.disks)
    return DONE


def _print_rooms(disks: Iterable[DiskRoom]) -> None:
    for disk in disks:
        room = f"{size(disk.free_bytes)} free" if disk.free_bytes is not None else "does not answer"
        if disk.quota:
            room += f", {size(disk.quota.used_bytes)} of your {size(disk.quota.limit_bytes)} used"
        print(f"{disk.purpose:10} {disk.path}  ({room})")


async def catalogue(services: Services, arguments: argparse.Namespace) -> int:
    site = services.session.policy.site(services.session.languages)
    if arguments.json:
        print(json.dumps({"catalogue": [to_json(each) for each in site.catalogue]}))
        return DONE
    if not site.catalogue:
        print("Your site has no catalogue of images.")
        return DONE
    rows = [(each.title, each.language or "", each.gpu, each.image, each.description) for each in site.catalogue]
    print_table([("TITLE", "LANGUAGE", "GPU", "IMAGE", "DESCRIPTION"), *rows])
    return DONE


async def policy(services: Services, arguments: argparse.Namespace) -> int:
    """Show what holds, or check a file before it does; fails if there is a mistake in it."""
    from .services.policy_file import read

    found = read(Path(_full(arguments.check))) if arguments.check else services.session.settings.policy
    if arguments.json:
        problems = [dataclasses.asdict(each) for each in found.problems]
        path = str(found.path) if found.path else None
        print(json.dumps({"path": path, "problems": problems, "settings": found.values}))
    elif found.path is None and not found.problems:
        print("There is no policy file.")
    else:
        for each in found.problems:
            print(f"{found.path}: {each}")
            if each.closes:
                closed = " or ".join(each.closes)
                print(f"  Until it is mended, no images from {closed} can be added but those offered.")
        if not found.problems:
            print(f"{found.path} is fine. It sets {', '.join(found.values) or 'nothing'}.")
    return FAILED if found.problems else DONE


async def doctor(services: Services, arguments: argparse.Namespace) -> int:
    diagnostics = await services.diagnostics.get()
    print(json.dumps(to_json(diagnostics)) if arguments.json else diagnostics.report.rstrip("\n"))
    return FAILED if any(each.state == "problem" for each in diagnostics.findings) else DONE
