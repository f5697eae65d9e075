"""The task that fulfils an order: it looks an image up and brings it into the store, and makes no kernel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from ..acquire.reference import suggest_name
from ..errors import ContainerKernelsError
from ..models import AddRequest, Task
from ..system import paths
from .images import Wish
from .orders import Order, OrderFolder, shared
from .running_task import RunningTask
from .wiring import Services, connect

#: How often it is looked whether the image is still wanted, in seconds.
_LOOK_S = 3.0


@contextlib.asynccontextmanager
async def of(services: Services, image: str, folder: str | None) -> AsyncIterator[tuple[Services, Task]]:
    """Begin the task, and let nothing of it go on when it is left.

    Parameters
    ----------
    image : str
        As the user typed it.
    folder : str or None
        That of an order which waits for it; else the image is pulled for later.

    Yields
    ------
    tuple
        The services that do it, whose state lies in the folder of the order, and the task.

    Raises
    ------
    ContainerKernelsError
        ``not_found``, ``forbidden``: as :meth:`.OrderFolder.read`; ``invalid_reference``, ``runtime_missing``.
    """
    session = services.session
    if folder is None:
        reference = services.images.resolution.parse(image)
        if reference.transport == "file":
            raise ContainerKernelsError("invalid_reference", f"{reference} is here already.", "Name one of a registry.")
        place = await asyncio.to_thread(OrderFolder.new, session.roots)
        await asyncio.to_thread(place.place, Order(str(reference), None, False, False, shared(session.settings)))
    else:
        place = OrderFolder(Path(folder))
    order = await asyncio.to_thread(place.read)
    theirs = connect(order.applied(session.settings), place.path, session.jupyter)
    theirs.session.ladder.wait_s = session.ladder.wait_s
    watching: asyncio.Task[None] | None = None
    try:
        reference = theirs.images.resolution.parse(order.image)
        request = AddRequest(order.image, image_dir=order.folder, by_runtime=order.by_runtime)
        task = await theirs.tasks.start(request, suggest_name(reference), "pull", _Work(theirs, place, order))
        watching = asyncio.create_task(_watch(theirs, place, task.id))
        yield theirs, task
    finally:
        if watching is not None:
            watching.cancel()
        await theirs.stop(interrupt=True)
        if folder is None:
            await asyncio.to_thread(paths.remove_marked, place.path, session.roots.staging)


async def stop(services: Services, task: Task, folder: str | None) -> None:
    """Stop a task: what was downloaded for an order is kept for the next try, as a job that is out of time needs it."""
    if folder is not None and await asyncio.to_thread(OrderFolder(Path(folder)).is_wanted):
        await services.tasks.stop(interrupt=True)
    else:
        await services.tasks.end(task.id)


async def _watch(services: Services, place: OrderFolder, task_id: str) -> None:
    """Cancel the task when nobody wants the image any more."""
    wanted = True
    while wanted:
        await asyncio.sleep(_LOOK_S)
        with contextlib.suppress(OSError):  # the file system does not answer well at this moment
            wanted = await asyncio.to_thread(place.is_wanted)
    with contextlib.suppress(ContainerKernelsError):  # it has ended meanwhile
        await services.tasks.end(task_id)


class _Work:
    """What the task does."""

    def __init__(self, services: Services, place: OrderFolder, order: Order) -> None:
        self._services = services
        self._place = place
        self._order = order

    async def __call__(self, running: RunningTask) -> None:
        order, images = self._order, self._services.images
        runtime = await self._services.session.find_runtime()
        async with running.phase("resolve", f"Looking for {order.image}"):
            resolved = await images.resolution.look_up(order.image)
        wish = Wish(order.folder, order.by_runtime, order.anew)
        image = await images.acquire(running, resolved, runtime, wish)
        await asyncio.to_thread(self._place.fulfil, image)
        running.outcome = f"The image is here: {image.path}"
