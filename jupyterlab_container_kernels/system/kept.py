"""What was read from files, kept as long as these have not changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")

#: How many answers of one kind are kept at most.
MOST_KEPT = 20_000


class Kept(Generic[_Value]):
    """Answers by a key, as a path, each with the stamp of the file that it was read from."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[tuple[int, ...], _Value]] = {}

    def get(self, key: object, stamp: tuple[int, ...], read: Callable[[], _Value]) -> _Value:
        """Return what was read, again only if the stamp is another one; what ``read`` raises is raised."""
        known = self._known.get(key)
        if known is None or known[0] != stamp:
            if len(self._known) > MOST_KEPT:
                self._known.clear()
            known = self._known[key] = (stamp, read())
        return known[1]

    def forget(self, key: object) -> None:
        """Have it read again the next time."""
        self._known.pop(key, None)


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file does, or who may use it."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
