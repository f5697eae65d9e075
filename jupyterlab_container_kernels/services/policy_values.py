"""What a value of a site's policy has to be: the checks of the policy file and of the settings of the same meaning.

Each check takes what was parsed and returns it as the setting holds it, or raises ``ValueError`` with the reason, as
the end of a sentence that begins with the name of the key. What holds several values reports the wrong ones by
themselves and returns the others.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..acquire.reference import parse
from ..errors import ContainerKernelsError
from .requests import checked_environment

#: Told of what is wrong inside of a value: where in it (names and numbers), and why.
Report = Callable[[tuple[str | int, ...], str], None]
Check = Callable[[Any, Report], Any]

#: Pictures travel with each answer to `GET info`.
ICON_BYTES = 32 * 1024
_PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}


def text(value: Any, _report: Report) -> str:
    """Text in one line."""
    if not isinstance(value, str):
        raise ValueError("has to be text in quotes")
    line: str = value.strip()
    if not line or not line.isprintable():
        raise ValueError("has to be text in one line")
    return line


def flag(value: Any, _report: Report) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise ValueError("has to be true or false")
    return value


def link(value: Any, report: Report) -> str:
    """The address of a page, or of mail."""
    address = text(value, report)
    parts = urlsplit(address)
    if not (parts.scheme in ("https", "http") and parts.netloc) and not (parts.scheme == "mailto" and parts.path):
        raise ValueError(f"has to begin with https:// or mailto:, not {address!r}")
    return address


def option(value: Any, report: Report) -> str:
    """An option of a program, with its value."""
    given = text(value, report)
    if not given.startswith("-"):
        raise ValueError(f"has to be an option with its value, as --time=60, not {given!r}")
    return given


def folder(value: Any, report: Report) -> str:
    """A full path, in which ``~`` and variables are filled in."""
    given = text(value, report)
    path = os.path.expandvars(os.path.expanduser(given))  # noqa: PTH111 (what is unknown has to stay to be seen)
    if missing := re.search(r"\$\{?(\w+)", path):
        raise ValueError(f"names the variable {missing[1]}, which this session does not have")
    if not path.startswith("/"):
        raise ValueError(f"has to be a full path, not {given!r}")
    return path


def registry(value: Any, report: Report) -> str:
    """A registry, or the beginning of the names of images in one; ``*`` stands for anything between two ``/``."""
    given = text(value, report)
    if given.startswith("library://"):
        return given
    name = given.removeprefix("docker://").removeprefix("oras://").rstrip("/")
    host, _, repository = name.partition("/")
    if re.search(r"[\s@]|://", name) or ":" in repository or not re.fullmatch(r"[^:]+(:\d+)?|\[.*\](:\d+)?", host):
        raise ValueError(f"has to name registries or images without tag or digest, not {given!r}")
    if not ("*" in host or "." in host or ":" in host or host == "localhost"):
        raise ValueError(f"has to begin with a registry, as docker.io/{name}")
    return f"{host.lower()}/{repository}" if repository else host.lower()


def variable(name: str, value: Any) -> str:
    """Return the value of a variable, in which ``$USER`` and others are filled in."""
    if not isinstance(value, str):
        raise ValueError("has to be text in quotes")
    try:
        checked_environment({name: value})
    except ContainerKernelsError as error:
        raise ValueError(f"is not acceptable: {error.message}") from error
    return os.path.expandvars(value)


def variables(value: Any, report: Report) -> dict[str, str]:
    """Variables by their names."""
    if not isinstance(value, dict):
        raise ValueError("has to be a table of variables")
    kept = {}
    for name, each in value.items():
        try:
            kept[name] = variable(name, each)
        except ValueError as error:
            report((name,), str(error))
    return kept


def image(value: Any, report: Report) -> str:
    """What names an image."""
    named = text(value, report)
    try:
        parse(named, Path.home())
    except ContainerKernelsError as error:
        raise ValueError(f"names no image: {error.message}") from error
    return named


def icon(value: Any, report: Report) -> str:
    """A picture, as its ``data:`` address; a file is read."""
    if isinstance(value, str) and value.startswith("data:image/"):
        return value
    path = Path(folder(value, report))
    kind = _PICTURES.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"has to be an .svg or a .png file, not {path.name!r}")
    try:
        with path.open("rb") as file:
            content = file.read(ICON_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}: {path}") from error
    if len(content) > ICON_BYTES:
        raise ValueError(f"is too large: a picture may have {ICON_BYTES // 1024} kB")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def one_of(*words: str) -> Check:
    """One of a few words."""

    def check(value: Any, _report: Report) -> str:
        if value not in words or not isinstance(value, str):
            raise ValueError(f"has to be one of {', '.join(map(repr, words))}, not {value!r}")
        return value

    return check


def entries(check: Check) -> Check:
    """A list; wrong entries are reported and left out."""

    def check_all(value: Any, report: Report) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError("has to be a list in [ ]")
        kept = []
        for number, each in enumerate(value):
            try:
                kept.append(check(each, _inside(report, number)))
            except ValueError as error:
                report((number,), str(error))
        return kept

    return check_all


#: What an image of the catalogue has; the first two it must have.
IMAGE_KEYS: dict[str, Check] = {
    "title": text,
    "image": image,
    "description": text,
    "gpu": one_of("auto", "on", "off"),
    "language": text,
    "icon": icon,
}


def site_image(value: Any, report: Report) -> dict[str, Any]:
    """An image of the catalogue; what it need not have and is wrong is left out."""
    if not isinstance(value, dict):
        raise ValueError("has to be a table, as in [[catalogue]]")
    kept: dict[str, Any] = {}
    for name, each in value.items():
        check = IMAGE_KEYS.get(name)
        if check is None:
            report((name,), f"is unknown; an image has {', '.join(IMAGE_KEYS)}")
            continue
        try:
            kept[name] = check(each, report)
        except ValueError as error:
            report((name,), str(error))
    missing = [name for name in ("title", "image") if name not in value]
    if missing:
        raise ValueError(f"lacks {' and '.join(missing)}")
    if "title" not in kept or "image" not in kept:
        raise _Reported
    return kept


def catalogue(value: Any, report: Report) -> list[dict[str, Any]]:
    """Images, each once."""
    if not isinstance(value, list):
        raise ValueError("has to be tables, each under [[catalogue]]")
    kept: dict[str, dict[str, Any]] = {}
    for number, each in enumerate(value):
        try:
            entry = site_image(each, _inside(report, number))
        except _Reported:
            continue
        except ValueError as error:
            report((number,), str(error))
            continue
        if entry["image"] in kept:
            report((number, "image"), f"is there twice: {entry['image']}")
        else:
            kept[entry["image"]] = entry
    return list(kept.values())


class _Reported(ValueError):
    """What is wrong was told already."""


def _inside(report: Report, number: int) -> Report:
    return lambda at, reason: report((number, *at), reason)
