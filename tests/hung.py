"""A real file system that does not answer: a FUSE mount whose other end reads no request."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def hung_file_system(directory: Path) -> Iterator[Path]:
    """Mount one on a directory; at the end, whoever waits for it gets an error."""
    ours, theirs = socket.socketpair()
    try:
        done = subprocess.run(
            ["fusermount3", "-o", "rw,nosuid,nodev", str(directory)],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no fusermount3")
    finally:
        theirs.close()
    if done.returncode != 0:
        ours.close()
        pytest.skip(f"no FUSE mounts here: {done.stderr.decode().strip()}")
    _, [descriptor], _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    try:
        yield directory
    finally:
        os.close(descriptor)
        subprocess.run(["fusermount3", "-u", "-z", str(directory)], check=False, capture_output=True)
