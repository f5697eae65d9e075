"""Kernels that are shared with others, and taken back."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ContainerKernelsError
from ..models import SharePlan, ShareRequest, to_json
from ..terminal import confirmed, size
from . import CANCELLED, DONE
from .arguments import full, kernel_of
from .tasks import follow

if TYPE_CHECKING:
    from ..services.wiring import Services


async def publish(services: Services, arguments: argparse.Namespace) -> int:
    kernel = await kernel_of(services, arguments.kernel)
    prefix = sys.prefix if arguments.sys_prefix else arguments.prefix
    directory = full(arguments.to if prefix is None else f"{prefix}/share/jupyter")
    request = ShareRequest(directory, arguments.with_env)
    plan = await services.publishing.plan(kernel.slug, request)
    if arguments.dry_run and arguments.json:
        print(json.dumps(to_json(plan)))
        return DONE
    if not arguments.json:
        _print_plan(plan)
    if arguments.dry_run:
        return DONE
    return await follow(services, await services.publishing.publish(kernel.slug, request), arguments)


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
    place = None if arguments.place is None else f"{full(arguments.place)}/kernels/{arguments.kernel}"
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
