"""What this machine's pip is told: the package index, its certificate, the proxy.

pip inside a container sees neither the host's configuration files nor its certificates, so they are handed in as
variables (``PIP_…``, pip's own way: https://pip.pypa.io/en/stable/topics/configuration/), never on the command line,
because an index URL may hold a password.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_SETTINGS = (
    "index-url", "extra-index-url", "no-index", "find-links", "cert", "client-cert", "proxy", "trusted-host",
    "default-timeout", "timeout", "retries",
)  # fmt: skip
#: Those whose values are paths, which have to be visible inside; pip fills in ``~`` in them.
_FILES = ("cert", "client-cert")
#: The one that holds several paths or URLs.
_PLACES = "find-links"


def settings(
    environment: Mapping[str, str], home: Path, site: Path = Path("/etc/pip.conf")
) -> tuple[dict[str, str], list[Path]]:
    """Return pip's settings as variables, and the existing files and folders that they name.

    Later files override earlier ones, and the environment overrides them all, as with pip itself.
    """
    values: dict[str, str] = {}
    for path in _files(environment, home, site):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself says so when the user runs it
        for section in ("global", "install"):
            for name in _SETTINGS:
                if parser.has_option(section, name):
                    values[name] = " ".join(parser.get(section, name).split())
    for name in _SETTINGS:
        value = environment.get(_variable(name))
        if value:
            values[name] = value
    paths: list[Path] = []
    for name in {*_FILES, _PLACES} & set(values):
        words = [values[name]] if name in _FILES else values[name].split()
        urls = [word for word in words if "://" in word]
        full = [re.sub(r"^~(?=/|$)", str(home), word) for word in words if word not in urls]
        here = [word for word in full if word.startswith("/") and os.path.exists(word)]  # noqa: PTH110 (never raises)
        paths += map(Path, here)
        values[name] = " ".join(here + urls)
    return {_variable(name): value for name, value in values.items() if value}, paths


def _variable(name: str) -> str:
    return "PIP_" + name.upper().replace("-", "_")


def _files(environment: Mapping[str, str], home: Path, site: Path) -> Iterator[Path]:
    if environment.get("PIP_CONFIG_FILE") == os.devnull:
        return  # pip's way to say that no file counts
    yield site
    yield home / ".pip/pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    if environment.get("PIP_CONFIG_FILE"):
        yield Path(environment["PIP_CONFIG_FILE"])


def own_package() -> Path:
    """Return the directory of the ``pip`` package that belongs to the Python that runs this."""
    import importlib.util

    spec = importlib.util.find_spec("pip")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pip")
    return Path(spec.origin).parent
