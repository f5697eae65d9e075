"""Kernels: made, listed, looked at, mended, deleted."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import ContainerKernelsError
from ..models import CheckRequest, Kernel, RemoveRequest, RepairRequest, to_json
from ..terminal import confirmed, print_table, size
from . import CANCELLED, DONE, FAILED
from .arguments import changes_of, full, kernel_of, request_of
from .tasks import ended, follow, print_log_end

if TYPE_CHECKING:
    from ..services.wiring import Services


async def add(services: Services, arguments: argparse.Namespace) -> int:
    return await follow(services, await services.add.add(request_of(arguments)), arguments)


async def pull(services: Services, arguments: argparse.Namespace) -> int:
    """Pull an image: for a session that waits for it, or for later."""
    from ..services import pull_task

    order = full(arguments.order) if arguments.order else None
    async with pull_task.of(services, arguments.image, order) as (theirs, begun):
        task = await ended(theirs, begun, lambda: pull_task.stop(theirs, begun, order))
        if arguments.json:
            print(json.dumps(to_json(task)))
        elif task.state == "done":
            print(task.message)
        if task.error is not None and task.state == "failed":
            with contextlib.suppress(ContainerKernelsError):  # as in ended
                await print_log_end(theirs, task)
            raise ContainerKernelsError(task.error.code, task.error.message, task.error.hint)
        return DONE if task.state == "done" else CANCELLED


async def repair(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await kernel_of(services, arguments.kernel)).slug
    request = RepairRequest(arguments.action or "relink", full(arguments.image) if arguments.image else None)
    return await follow(services, await services.repair.repair(slug, request), arguments)


async def edit(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await kernel_of(services, arguments.kernel)).slug
    return await follow(services, await services.edit.edit(slug, changes_of(arguments)), arguments)


async def duplicate(services: Services, arguments: argparse.Namespace) -> int:
    slug = (await kernel_of(services, arguments.kernel)).slug
    return await follow(services, await services.edit.duplicate(slug, changes_of(arguments)), arguments)


async def check(services: Services, arguments: argparse.Namespace) -> int:
    """Check one kernel after the other: each needs its memory."""
    if arguments.kernel:
        kernels = [await kernel_of(services, named) for named in arguments.kernel]
    else:
        kernels = [each for each in (await services.kernels.list_kernels()).kernels if each.ours and not each.read_only]
    code, results = DONE, []
    for kernel in kernels:
        task = await ended(services, await services.edit.check(kernel.slug, CheckRequest(not arguments.no_updates)))
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
    log = await services.kernels.log((await kernel_of(services, arguments.kernel)).slug)
    if arguments.json:
        print(json.dumps(to_json(log)))
        return DONE
    print(log.text, end="")
    if diagnosis := log.start.diagnosis:
        print(f"\n{diagnosis.message}\n{diagnosis.hint}".rstrip(), file=sys.stderr)
    return DONE


async def remove(services: Services, arguments: argparse.Namespace) -> int:
    kernels = [await kernel_of(services, named) for named in arguments.kernel]
    keep_image = arguments.keep_image
    if not arguments.json:
        for kernel in kernels:
            removal = (await services.kernels.get(kernel.slug)).removal
            if not removal:
                keep_image = True
                print(
                    f"What goes with {kernel.display_name} cannot be told at this moment: its files were not counted "
                    "in time. Its image stays.",
                    file=sys.stderr,
                )
            for item in removal:
                goes = item.goes and not (item.what == "image" and arguments.keep_image)
                reason = "" if goes else f"  stays: {item.reason or 'you keep it'}"
                print(f"{item.what:15} {size(item.size_bytes):>9}  {item.path}{reason}", file=sys.stderr)
    return await _delete(services, kernels, arguments, keep_image=keep_image)


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
