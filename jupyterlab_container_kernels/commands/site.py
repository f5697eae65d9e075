"""What this machine and its site offer, and what is wrong with them."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..models import to_json
from ..terminal import print_rooms, print_table
from . import DONE, FAILED
from .arguments import full

if TYPE_CHECKING:
    from ..services.wiring import Services


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
    print_rooms(info.disks)
    return DONE


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
    from ..services.policy_file import read

    found = read(Path(full(arguments.check))) if arguments.check else services.session.settings.policy
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
