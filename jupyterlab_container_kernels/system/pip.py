"""What this machine's pip is told: the package index, its certificate, the proxy.

pip inside a container sees neither the host's configuration files nor its certificates, so they are handed in as
variables (``PIP_…``, pip's own way: https://pip.pypa.io/en/stable/topics/configuration/), never on the command line,
because an index URL may hold a password.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

_SETTINGS = (
    "index-url", "extra-index-url", "no-index", "find-links", "cert", "client-cert", "proxy", "trusted-host",
    "default-timeout", "timeout", "retries",
)  # fmt: skip
#: Those whose values are paths; they have to be visible inside.
_PATHS = ("cert", "client-cert", "find-links")


def settings(environment: Mapping[str, str], home: Path) -> tuple[dict[str, str], list[Path]]:
    """Return pip's settings as variables, and the existing files and folders that they name.

    Later files override earlier ones, and the environment overrides them all, as with pip itself.
    """
    values: dict[str, str] = {}
    for path in _files(environment, home):
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
    for name in set(_PATHS) & set(values):
        here = [word for word in values[name].split() if Path(word).is_absolute() and Path(word).exists()]
        paths += map(Path, here)
        values[name] = " ".join([*here, *(word for word in values[name].split() if "://" in word)])
    return {_variable(name): value for name, value in values.items() if value}, paths


def _variable(name: str) -> str:
    return "PIP_" + name.upper().replace("-", "_")


def _files(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    yield Path("/etc/pip.conf")
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
