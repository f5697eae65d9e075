"""Makes an image of nothing with our own writer: whether it can be mounted tells what compression a host can read."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from . import skeleton
from .compressors import compression
from .merge import Tree
from .squashfs import SquashfsWriter
from .squashfs_reader import SquashfsReader

_CONFIG = b'{"os": "linux"}'
_SOURCE = "nothing"


async def make_nothing(runtime: str, kind: str, directory: Path, environment: Mapping[str, str]) -> Path:
    """Make a SIF that holds only what the runtime adds to every image.

    Parameters
    ----------
    runtime : str
        Path of the program.
    kind : {"zstd", "gzip"}
        Of the squashfs.
    directory : Path
        An empty directory of ours.
    environment : mapping of str to str
        Of the runtime.

    Raises
    ------
    NotUnderstood
        As :func:`.skeleton.make`.
    OSError
        It cannot be written.
    ValueError
        This Python cannot compress so.
    """
    rename = skeleton.Renaming(directory / "oci", _SOURCE)
    frame = skeleton.frame(await skeleton.make(runtime, _CONFIG, _SOURCE, directory, environment), rename)
    target = directory / "nothing.sif"
    file = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with SquashfsWriter(file, frame.offset, compression(kind)) as writer:
            tree = Tree()
            skeleton.add(tree, SquashfsReader(frame.squashfs).tree(writer.store, rename))
            size = writer.finish(tree.root, int(time.time()))
        frame.write(file, size)
    finally:
        os.close(file)
    return target
