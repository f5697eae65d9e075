"""What room an image takes while it comes, where, and whether it is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ContainerKernelsError
from ..models import Elsewhere, Place, PlaceSetting, Verdict
from .session import SessionService

#: What each way of bringing an image takes, in multiples of the download (measured for an image of 0.8 GB).
#: What stays: a SIF is 0.83 to 0.93 as large as its layers.
STORED_FACTOR = 1.1
#: Our own way keeps the layers beside it until it is whole.
STREAMED_FACTOR = 1.0
#: `apptainer pull`, at its peak: layers, unpacked tree, squashfs, SIF (4.5 to 5.5).
PULLED_FACTOR = 5.0
#: How an image comes, and what it takes beside what stays; ``copied`` is from the runtime's cache.
Way = Literal["streamed", "pulled", "copied"]
_BESIDE: dict[Way, float] = {"streamed": STREAMED_FACTOR, "pulled": PULLED_FACTOR, "copied": 0.0}
#: Where sites give people room, by the variables that name it.
_ELSEWHERE = ("SCRATCH", "PSCRATCH", "WORK", "PROJECT")


@dataclass(frozen=True)
class Judgement:
    """Whether an image fits.

    Parameters
    ----------
    verdict : Verdict
        ``unknown`` where a file system does not answer, or nobody knows how large the image is.
    place : Place or None
        Where there is least to spare.
    elsewhere : Elsewhere or None
        With which place it would fit, if it does not as it is set up.
    """

    verdict: Verdict
    place: Place | None = None
    elsewhere: Elsewhere | None = None


async def judge(session: SessionService, download_bytes: int, way: Way, store: Path | None = None) -> Judgement:
    """Tell whether there is room for an image.

    Parameters
    ----------
    session : SessionService
        The store, and where temporary files may lie.
    download_bytes : int
        The sum of its layers.
    way : Way
        How it comes.
    store : Path, optional
        Where it is to lie, if not where all images do.
    """
    stored = int(download_bytes * STORED_FACTOR)
    beside = int(download_bytes * _BESIDE[way])
    images = store or session.roots.images
    free, _ = await session.room(images)
    together = Place(str(images), stored + beside, free)
    # then layers lie in the store, if there is room
    is_beside = way == "streamed" and session.settings.temporary_dir is None
    if is_beside and _fits(together):
        return Judgement("fits", together)
    temporary = await session.temporary_dir(beside) if beside else images
    room, _ = await session.room(temporary)
    if way == "streamed" and session.settings.keep_layers and images == session.roots.images:
        stored += beside  # they stay, too
    passing, staying = Place(str(temporary), beside, room), Place(str(images), stored, free)
    places = [together] if await _is_one_disk(session, temporary, images) else [passing, staying]
    tightest = min(places, key=_spare)
    if not any(_fits(place) is False for place in places):
        unknown = any(place.free_bytes is None for place in places)
        return Judgement("unknown" if unknown else "fits", tightest)
    elsewhere = None
    if _fits(staying):
        elsewhere = await _elsewhere(session, "temporary_dir", beside, staying)
    elif is_beside:
        elsewhere = await _elsewhere(session, "images_dir", together.needed_bytes, None)
    elif _fits(passing):
        elsewhere = await _elsewhere(session, "images_dir", stored, passing)
    return Judgement("fits_elsewhere" if elsewhere else "too_large", tightest, elsewhere)


def too_large(name: str, place: Place) -> ContainerKernelsError:
    """Return the error for an image that does not fit where it is to lie."""
    needed, free = (f"{count / 1e9:.1f} GB" for count in (place.needed_bytes, place.free_bytes or 0))
    return ContainerKernelsError(
        "disk_full",
        f"{name} does not fit: it needs about {needed} in {place.path}, {free} free.",
        "Free some room there, or choose another folder for the image.",
    )


async def _elsewhere(
    session: SessionService, setting: PlaceSetting, needed: int, other: Place | None
) -> Elsewhere | None:
    """Return a place of this user with that much room, which may be on the disk of the other that is needed."""
    named = [*session.settings.scratch_dirs, *(os.environ.get(name) for name in _ELSEWHERE)]
    for path in [Path(each) for each in dict.fromkeys(named) if each and each.startswith("/")]:
        try:
            if not await session.patience.ask(("writable", path), lambda path=path: os.access(path, os.W_OK)):  # type: ignore[misc]
                continue
        except TimeoutError:
            continue
        is_shared = other is not None and await _is_one_disk(session, path, Path(other.path))
        free, _ = await session.room(path)
        if free is not None and free >= needed + (other.needed_bytes if other and is_shared else 0):
            return Elsewhere(str(path), needed, free, setting)
    return None


def _fits(place: Place) -> bool | None:
    return None if place.free_bytes is None else place.needed_bytes <= place.free_bytes


def _spare(place: Place) -> float:
    """What is left there; a place that does not answer is not the one that people have to know of."""
    return float("inf") if place.free_bytes is None else place.free_bytes - place.needed_bytes


async def _is_one_disk(session: SessionService, one: Path, other: Path) -> bool:
    """Tell whether two paths lie on the same file system; one that does not answer is no other's."""

    async def device(path: Path) -> int | None:
        return await session.patience.ask(("device", path), lambda: _device(path))

    try:
        return await device(one) == await device(other)
    except TimeoutError:
        return False


def _device(path: Path) -> int | None:
    """Return the file system on which a path lies or will lie, or ``None`` if nobody may know."""
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        return path.stat().st_dev
    except OSError:
        return None
