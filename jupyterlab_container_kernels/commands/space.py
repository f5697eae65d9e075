"""What takes room: images, packages, the trash."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ..errors import ContainerKernelsError
from ..models import SpaceItem, to_json
from ..terminal import print_rooms, print_table, size
from . import DONE

if TYPE_CHECKING:
    from ..services.wiring import Services


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
    print_rooms(space.disks)
    return DONE


def _space_row(item: SpaceItem) -> tuple[str, str, str, str, str]:
    used = ", ".join(item.used_by) or ("-" if item.removable else "")
    return item.id, item.kind.replace("_", " "), size(item.size_bytes), item.title, used


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
