"""Programs that keep passwords for Docker and Podman: ``docker-credential-NAME get``.

The protocol: https://github.com/docker/docker-credential-helpers. What they say is in memory only.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ContainerKernelsError
from ..system import process

_NAME = re.compile(r"[\w.+-]{1,64}", re.ASCII)
#: A keychain that waits for somebody to unlock it must not keep people waiting.
_TIMEOUT_S = 5.0
#: The name of the registry goes to standard input; what the helper complains of may hold what nobody should read.
_SCRIPT = 'printf %s "$1" | "$2" get 2>/dev/null'


def ask(name: str, server: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the user and the password that a helper keeps for a registry, or ``None``.

    A helper that is not installed, fails, or does not answer within some seconds has none. Not for the event loop.

    Parameters
    ----------
    name : str
        As the configuration has it: ``docker-credential-NAME`` is looked for on ``PATH``.
    server : str
        As Docker names the registry.
    environment : mapping of str to str
        Of the helper.
    """
    program = process.find_program(f"docker-credential-{name}") if _NAME.fullmatch(name) else None
    if program is None:
        return None
    command = process.Command(["/bin/sh", "-c", _SCRIPT, "sh", server, program], environment)
    try:
        finished = asyncio.run(process.run(command, timeout_s=_TIMEOUT_S))
        said: Any = json.loads(finished.output) if finished.returncode == 0 else None
        return str(said["Username"]), str(said["Secret"])
    except (ContainerKernelsError, ValueError, LookupError, TypeError, OSError):
        return None
