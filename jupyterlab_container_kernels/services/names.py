"""The names of kernels in Jupyter, of which each can be had once."""

from __future__ import annotations

from ..system import kernelspecs
from .jupyter import Jupyter
from .tasks import TaskService

#: What every Jupyter has; whatever lies in their place, it is not ours.
NATIVE = ("python2", "python3")


async def taken(jupyter: Jupyter, tasks: TaskService) -> set[str]:
    """Return the names that kernels have, or that tasks of any process will publish.

    Whoever starts a task with another one before anything else is awaited has that for itself in this process.
    """
    theirs = await tasks.slugs_anywhere()  # first: of a task that ends meanwhile, the kernel is there by then
    return {*NATIVE, *theirs, *await jupyter.kernel_names(), *tasks.slugs()}


async def free(display_name: str, jupyter: Jupyter, tasks: TaskService) -> str:
    """Return a name that is not :func:`taken`, made from what the tile says."""
    return kernelspecs.free_slug(kernelspecs.slugify(display_name), await taken(jupyter, tasks))
