"""Removes the files of a deleted kernel, also those that a server had no time for before it ended."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import dacite

from ..errors import ContainerKernelsError
from ..models import RemovalItem
from ..system import kernelspecs, paths
from ..system.paths import Roots
from . import sets
from .images import is_stored, side_file

#: In the directory of a withdrawn kernel: what goes with it.
_NOTE = "removal.json"
_log = logging.getLogger("jupyterlab_container_kernels")


def note(doomed: Path, items: Sequence[RemovalItem]) -> None:
    """Write down what goes with a withdrawn kernel, so that it goes even if this process ends."""
    paths.write_private(doomed / _NOTE, json.dumps([asdict(item) for item in items if item.goes]))


def clear(roots: Roots, doomed: Path, items: Sequence[RemovalItem]) -> None:
    """Remove what goes with a kernel, and last the withdrawn kernel itself."""
    for item in items:
        path = Path(item.path)
        if not item.goes:
            continue
        if item.what == "shared_packages" and sets.is_set(path, roots):
            sets.remove_unused(path, roots)
        elif item.what == "packages":
            paths.remove_marked(path, roots.packages)
        elif item.what == "log":
            paths.remove_marked(path, roots.logs)
        elif item.what == "image" and is_stored(path, roots.images):
            path.unlink(missing_ok=True)
            side_file(path).unlink(missing_ok=True)
    paths.remove_marked(doomed, roots.trash)


def resume(roots: Roots) -> None:
    """Remove what an earlier process noted and did not get to; what a kernel uses by now stays."""
    notes = list(roots.trash.glob(f"*/{_NOTE}"))
    if not notes:
        return
    used: set[str] = set()
    for spec in kernelspecs.read_all(roots.kernels):
        record = spec.record
        used |= {record.image.path, record.packages.path, record.packages.shared or "", str(Path(record.log).parent)}
    for file in notes:
        try:
            items = [dacite.from_dict(RemovalItem, item) for item in paths.read_json(file) or []]
        except (dacite.DaciteError, TypeError):
            items = []
        # another process may be at it
        with contextlib.suppress(ContainerKernelsError, OSError):
            clear(roots, file.parent, [item for item in items if item.path not in used])
            _log.info("What was left of %s was removed.", file.parent.name)
