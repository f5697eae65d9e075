"""What tasks leave behind when they end: each kind of it is removed in its own way, and only if nobody uses it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from ..errors import ContainerKernelsError
from ..system import kernelspecs, paths
from ..system.paths import Roots
from . import image_lock, sets, shared_places, store

_log = logging.getLogger(__name__)


def remove(left: Sequence[str], roots: Roots, temporary: Iterable[Path], in_use: Callable[[], set[str]]) -> None:
    """Remove paths that a task has noted, the last one first; what cannot be removed stays, with a line in the log.

    Parameters
    ----------
    left : sequence of str
        Marked directories below our roots, sets of packages, locks, partial images, addresses of kernels.
    roots : Roots
    temporary : iterable of Path
        The directories below which temporary files of tasks may lie.
    in_use : callable
        Tells what kernels and tasks of any process use.
    """
    stores = [roots.images, *store.chosen(roots)]
    below = [roots.packages, roots.staging, roots.logs, *stores, *temporary]
    used = kernelspecs.places_of_all(roots.kernels)  # a kernel of that name may be another server's
    for path in map(Path, reversed(left)):
        try:
            if sets.is_set(path, roots):
                if not paths.remove_begun(path, roots.packages):
                    sets.remove_unused(path, roots, in_use)
            elif image_lock.is_lock(path):
                image_lock.release_dead(path)
            elif (path.parent in stores and path.name.startswith(".")) or _is_connection_file(path):
                path.unlink(missing_ok=True)
            elif shared_places.is_data(path) and path.parent != roots.packages:
                shared_places.remove_unpublished(path)
            elif str(path) not in used and not paths.remove_begun(path, *below):
                paths.remove_marked(path, *below)
        except (OSError, ContainerKernelsError) as error:
            _log.warning("%s was not removed: %s", path, error)


def _is_connection_file(path: Path) -> bool:
    """Tell whether Jupyter's address of a kernel that was tried lies there."""
    return (
        path.parent == Path(jupyter_runtime_dir())
        and re.fullmatch(r"kernel-[0-9a-f-]{36}\.json", path.name) is not None
    )
