"""What a site says of registries in containers-registries.conf(5): mirrors, plain HTTP, and what is blocked.

Only version 2 of the format is read. Names without a registry are Docker Hub's, whatever is said of unqualified ones,
for that is what the runtime makes of them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .reference import ImageReference

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

_SYSTEM = Path("/etc/containers")


@dataclass(frozen=True)
class Source:
    """A place that has an image: its registry, or a mirror of that.

    Parameters
    ----------
    host : str
        Host and optional port.
    repository : str
        The name of the image there.
    insecure : bool
        Whether plain HTTP is spoken where TLS is not, and no certificate is asked for.
    """

    host: str
    repository: str
    insecure: bool = False


@dataclass(frozen=True)
class Sources:
    """Where an image comes from.

    Parameters
    ----------
    places : list of Source
        In the order in which they are asked; the image's own registry, or what stands for it, is the last.
    blocked : Path or None
        The file that forbids it.
    """

    places: list[Source]
    blocked: Path | None = None


def sources(reference: ImageReference, environment: Mapping[str, str], home: Path, system: Path = _SYSTEM) -> Sources:
    """Tell where an image is to be taken from.

    Files that are missing or cannot be read say nothing.

    Parameters
    ----------
    reference : ImageReference
        An image in a registry.
    environment : mapping of str to str
        ``CONTAINERS_REGISTRIES_CONF`` names another file.
    home : Path
        The user's file below it comes before the system's.
    system : Path
        Where the system's lies.
    """
    name = f"{reference.registry}/{reference.repository}"
    best: tuple[int, dict[str, Any], Path] | None = None
    for file in _files(environment, home, system):
        for entry in _entries(file):
            prefix = str(entry.get("prefix") or entry.get("location") or "")
            # of two that fit equally well, the file that is read later counts
            if prefix and _matches(prefix, name) and (best is None or len(prefix) >= best[0]):
                best = (len(prefix), entry, file)
    own = Source(reference.registry, reference.repository)
    if best is None:
        return Sources([own])
    _, entry, file = best
    if entry.get("blocked") is True:
        return Sources([own], file)
    prefix = str(entry.get("prefix") or entry.get("location"))
    mirrors = [
        _rewritten(name, prefix, mirror)
        for mirror in _tables(entry.get("mirror"))
        if _serves(entry, mirror, reference) and mirror.get("location")
    ]
    itself = _rewritten(name, prefix, {"location": prefix, **entry}) if not prefix.startswith("*.") else own
    return Sources([*mirrors, itself])


def _files(environment: Mapping[str, str], home: Path, system: Path) -> list[Path]:
    """Return the files in the order in which they are read."""
    users = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers"
    if named := environment.get("CONTAINERS_REGISTRIES_CONF"):
        main = [Path(named)]
    else:
        # the user's takes the place of the system's
        main = [each for each in (users / "registries.conf", system / "registries.conf") if each.is_file()][:1]
    parts = [part for place in (system, users) for part in sorted((place / "registries.conf.d").glob("*.conf"))]
    return [*main, *parts]


def _entries(file: Path) -> list[dict[str, Any]]:
    try:
        return _tables(tomllib.loads(file.read_text()).get("registry"))
    except (OSError, ValueError):
        return []


def _tables(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _matches(prefix: str, name: str) -> bool:
    if prefix.startswith("*."):
        return name.partition("/")[0].endswith(prefix[1:])
    return name == prefix or name.startswith(f"{prefix}/")


def _serves(entry: dict[str, Any], mirror: dict[str, Any], reference: ImageReference) -> bool:
    """Tell whether a mirror is for an image that is named in this way."""
    only = "digest-only" if entry.get("mirror-by-digest-only") is True else mirror.get("pull-from-mirror", "all")
    return only in ("all", "digest-only" if reference.digest else "tag-only")


def _rewritten(name: str, prefix: str, place: dict[str, Any]) -> Source:
    """Put the place of a mirror where the prefix of the name is."""
    rest = name.partition("/")[2] if prefix.startswith("*.") else name[len(prefix) :].lstrip("/")
    host, _, repository = f"{place['location']}/{rest}".rstrip("/").partition("/")
    return Source(host, repository, place.get("insecure") is True)
