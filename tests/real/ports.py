"""Ports for what tests start: chosen now, taken a few seconds later, when the program listens."""

from __future__ import annotations

import itertools
import os
import random
import socket

#: Below the ports that Linux hands out to whoever names none, and another range for each worker of pytest-xdist.
_FIRST = 12000 + 3000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6)
_COUNT = 3000
_numbers = itertools.count(random.randrange(_COUNT))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has, and nobody gets by chance before it is used."""
    while True:
        port = _FIRST + next(_numbers) % _COUNT
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
