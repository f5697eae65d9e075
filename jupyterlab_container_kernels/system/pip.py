"""What this machine's pip is told: the package index, its certificate, the proxy.

pip inside a container sees neither the host's configuration files nor its certificates, so they are handed in as
variables (``PIP_…``, pip's own way: https://pip.pypa.io/en/stable/topics/configuration/), never on the command line,
because an index URL may hold a password.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from .process import Command

_SETTINGS = (
    "index-url", "extra-index-url", "no-index", "find-links", "cert", "client-cert", "proxy", "trusted-host",
    "default-timeout", "timeout", "retries",
)  # fmt: skip
#: Those whose values are paths, which have to be visible inside; pip fills in ``~`` in them.
_FILES = ("cert", "client-cert")
#: The one that holds several paths or URLs.
_PLACES = "find-links"
#: Variables that would make a download go elsewhere.
_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_PYTHON")
#: What the tags from before PEP 600 stand for.
_OLDER_TAGS = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


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


def offline(environment: Mapping[str, str], wheelhouse: Path) -> dict[str, str]:
    """Return an environment in which pip takes packages from one directory and asks no network."""
    kept = {name: value for name, value in environment.items() if name not in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")}
    # as a URL, because blanks separate places
    return kept | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheelhouse.as_uri()}


def own_package() -> Path | None:
    """Return the directory of the ``pip`` package that belongs to the Python that runs this."""
    spec = importlib.util.find_spec("pip")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def own_fits(python: tuple[int, ...]) -> bool:
    """Tell whether our own pip runs on a version of Python."""
    try:
        needed = str(metadata.metadata("pip")["Requires-Python"])
    except metadata.PackageNotFoundError:
        return False
    oldest = re.search(r">=\s*(\d+)\.(\d+)", needed)
    return own_package() is not None and oldest is not None and python >= (int(oldest[1]), int(oldest[2]))


def fetch(
    python: tuple[int, ...], directory: Path, environment: Mapping[str, str], wheelhouse: Path | None = None
) -> Command | None:
    """Return what downloads the newest pip for an older Python, by our own pip; ``None`` without one.

    pip itself reads the settings of this machine.
    """
    own = own_package()
    if own is None:
        return None
    env = {name: value for name, value in environment.items() if name not in _ELSEWHERE}
    env["PIP_REQUIRE_VIRTUALENV"] = "false"
    argv = [sys.executable, str(own), "download", "--no-input", "--no-deps", "--disable-pip-version-check"]
    argv += ["--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any"]
    argv += [f"--python-version={python[0]}.{python[1]}", f"--dest={directory}", "pip"]
    return Command(argv, env if wheelhouse is None else offline(env, wheelhouse))


def wheel_in(directory: Path) -> Path | None:
    """Return the wheel of pip in a directory that :func:`fetch` has filled, or ``None``."""
    return next(iter(sorted(directory.glob("pip-*.whl"))), None)


def unpack(wheel: Path, directory: Path) -> None:
    """Unpack the package from a wheel of pip, without what would make it count as installed."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(directory, [name for name in archive.namelist() if name.startswith("pip/")])


def normalized(name: str) -> str:
    """Return a distribution's name as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(distribution: Path) -> set[str]:
    """Return the normalized names of what a ``.dist-info`` directory says it needs, extras apart."""
    lines = _read(distribution / "METADATA").partition("\n\n")[0].splitlines()
    found = (re.match(r"Requires-Dist:\s*([\w.-]+)", line) for line in lines if not re.search(r"\bextra\s*==", line))
    return {normalized(each[1]) for each in found if each}


def platform_tags(distribution: Path) -> list[str]:
    """Return the platforms of the wheel from which a ``.dist-info`` directory was installed, as ``any``."""
    tags = re.findall(r"^Tag:\s*\S+?-\S+?-(\S+)", _read(distribution / "WHEEL"), re.MULTILINE)
    return [platform for tag in tags for platform in tag.split(".")]


def libc_of(platform: str) -> tuple[int, int] | None:
    """Return the libc that a platform tag asks for: ``manylinux_2_28_x86_64`` is 2.28 (PEP 600, PEP 656)."""
    found = re.match(r"(?:many|musl)linux_(\d+)_(\d+)_", platform)
    if found:
        return int(found[1]), int(found[2])
    return next((version for name, version in _OLDER_TAGS.items() if platform.startswith(name + "_")), None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
