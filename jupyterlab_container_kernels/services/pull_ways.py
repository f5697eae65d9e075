"""From where images are pulled: this node, a Slurm job, or a login node on which the user runs a line."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from ..models import PullFrom, PullOffer, PullWay
from ..settings import Settings
from ..system import slurm
from ..system.patience import Patience


async def offer(settings: Settings, patience: Patience) -> PullOffer:
    """Return from where images can be pulled: what the site has chosen, else what is found in time."""
    if settings.pull_from != "auto":
        return PullOffer(settings.pull_from, [settings.pull_from])
    ways: list[PullWay] = ["here"]
    try:
        has_slurm = await patience.ask("sbatch", partial(slurm.find_tool, "sbatch")) is not None
    except TimeoutError:  # a folder of PATH does not answer
        has_slurm = False
    if has_slurm:
        ways.append("job")
    if has_slurm or (await asyncio.to_thread(slurm.job_id, os.environ)) is not None:
        ways.append("login")
    return PullOffer("auto", ways)


def way_of(settings: Settings, asked: PullFrom) -> PullWay:
    """Return from where an image is pulled: as the site has it, else as the user wants it."""
    chosen = asked if settings.pull_from == "auto" else settings.pull_from
    return "here" if chosen == "auto" else chosen
