"""Checks what a person typed before anything begins. ``src/model/validation.ts`` checks the same in the browser."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import ContainerKernelsError
from ..models import Bind
from ..system.kernelspecs import SLUG
from ..system.patience import Patience
from .session import DISPLAY_NAME_LENGTH

#: Inside a container these belong to the container, or to Jupyter: nothing is mounted over them.
_RESERVED_DESTINATIONS = (
    "/",
    "/proc",
    "/sys",
    "/dev",
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/run",
    "/var",
)


#: The runtime sets some itself; with the others one could change how it runs.
_RESERVED_VARIABLE = re.compile(r"HOME|PATH|LD_LIBRARY_PATH|LD_PRELOAD|APPTAINER.*|SINGULARITY.*")


def checked_display_name(name: str) -> str:
    """Return a display name without blanks around it. It is shown literally, so most characters are fine.

    Raises
    ------
    ContainerKernelsError
        ``invalid_display_name``
    """
    name = name.strip()
    if not name:
        raise ContainerKernelsError("invalid_display_name", "The kernel has no name.", "Type the name for its tile.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise ContainerKernelsError(
            "invalid_display_name", "The name holds a line break or a control character.", "Type it in one line."
        )
    if len(name) > DISPLAY_NAME_LENGTH:
        raise ContainerKernelsError(
            "invalid_display_name",
            f"The name has {len(name)} characters; a tile has room for {DISPLAY_NAME_LENGTH}.",
            "Shorten it.",
        )
    return name


def checked_slug(slug: str) -> str:
    """Return a kernel name that Jupyter, a URL and a path all accept.

    Raises
    ------
    ContainerKernelsError
        ``invalid_slug``
    """
    if not SLUG.fullmatch(slug):
        shown = slug if len(slug) <= 80 else slug[:77] + "…"
        raise ContainerKernelsError(
            "invalid_slug",
            f"“{shown}” cannot be a kernel name.",
            "Use up to 80 lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit.",
        )
    return slug


def checked_interpreter(path: str | None) -> str | None:
    """Return the path of an interpreter inside an image, which is looked for later.

    Raises
    ------
    ContainerKernelsError
        ``language_missing``: no image can hold one of that name.
    """
    if path is not None and not path.isprintable():
        raise ContainerKernelsError(
            "language_missing", "The path of the interpreter holds a control character.", "Type it in one line."
        )
    return path


async def checked_binds(binds: list[Bind], patience: Patience) -> list[Bind]:
    """Return binds with absolute paths; every source exists.

    Raises
    ------
    ContainerKernelsError
        ``invalid_bind``
    """
    return [await _checked_bind(bind, patience) for bind in binds]


async def _checked_bind(bind: Bind, patience: Patience) -> Bind:
    source = bind.source.strip()
    if source == "~" or source.startswith("~/"):
        source = str(Path.home()) + source[1:]
    destination = (bind.destination or "").strip() or None
    for path in filter(None, (source, destination)):
        if not path.isprintable():
            raise ContainerKernelsError(
                "invalid_bind", "The path of a folder holds a line break or a control character.", "Type it again."
            )
        if not path.startswith("/"):
            raise ContainerKernelsError(
                "invalid_bind", f"“{path}” is not a full path.", "Begin it with / (or with ~/ for your home directory)."
            )
    if not source:
        raise ContainerKernelsError("invalid_bind", "A folder to mount has no path.", "Type it, or remove the line.")
    try:
        exists = await patience.ask(("exists", source), lambda: os.path.exists(source))  # noqa: PTH110 (never raises)
    except TimeoutError as error:
        raise ContainerKernelsError(
            "invalid_bind", f"The file system of {source} does not answer.", "Try again when it does."
        ) from error
    if not exists:
        raise ContainerKernelsError(
            "invalid_bind", f"There is no {source} on this machine.", "Check its spelling, or remove the line."
        )
    inside = Path("/" + (destination or source).lstrip("/"))  # POSIX keeps two slashes apart from one
    local = Path.home() / ".local"
    hides_local = inside == local or (local.is_relative_to(inside) and inside != Path(source))
    if str(inside) in _RESERVED_DESTINATIONS or ".." in inside.parts or hides_local:
        raise ContainerKernelsError(
            "invalid_bind",
            f"{inside} cannot be mounted over: the container or Jupyter needs what is there.",
            "Type another path under Appears as, such as /data.",
        )
    return replace(bind, source=source, destination=destination)


def checked_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables for a kernel; values are taken literally, so anything that a variable can hold is fine.

    Raises
    ------
    ContainerKernelsError
        ``invalid_environment``
    """
    for name, value in environment.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or _RESERVED_VARIABLE.fullmatch(name):
            raise ContainerKernelsError(
                "invalid_environment",
                f"“{name[:80]}” cannot be the name of a variable here.",
                "Use letters, digits and '_'; HOME, PATH and names of the container runtime are not free.",
            )
        if any(unicodedata.category(each) == "Cs" or each == "\0" for each in value):
            raise ContainerKernelsError(
                "invalid_environment", f"The value of {name} holds a character that no variable can.", "Type it again."
            )
    return dict(environment)
