"""Names and passwords for registries: where users keep them, and where the runtime looks for them.

Files have the format of containers-auth.json(5), which is Docker's, too. A password is handled as the files keep it:
``user:password``, base64-encoded. The user ``<token>`` is Docker's way to say that what follows is an identity token.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..system import paths
from . import credential_helpers

#: The user name of an identity token (docker-credential-helpers, ``credentials/credentials.go``).
TOKEN_USER = "<token>"  # noqa: S105 (a name)
#: Of the variables that name a user and a password, the first that counts first.
_PREFIXES = ("APPTAINER_DOCKER", "SINGULARITY_DOCKER", "DOCKER")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_DOCKER_HUB = ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io")


def find(registry: str, environment: Mapping[str, str], home: Path, repository: str = "") -> str | None:
    """Return a password for a registry from where users keep it, or ``None``: from variables, else as :func:`kept`.

    Parameters are those of :func:`kept`.
    """
    if prefix := _prefix(environment):
        return encode(environment[f"{prefix}_USERNAME"], environment[f"{prefix}_PASSWORD"])
    return kept(registry, environment, home, repository)


def variable(environment: Mapping[str, str]) -> str | None:
    """Return the name of the variable whose password :func:`find` takes, whatever is kept in files."""
    prefix = _prefix(environment)
    return f"{prefix}_PASSWORD" if prefix else None


def kept(registry: str, environment: Mapping[str, str], home: Path, repository: str = "") -> str | None:
    """Return a password for a registry from a file, or from the helper that it names, or ``None``.

    Looked at, in this order: the runtime's own file (so that a login counts), ``auth.json`` of containers-auth.json(5),
    the files of other runtimes, and Docker's ``config.json``. Not for the event loop: helpers are programs.

    Parameters
    ----------
    registry : str
        Host and optional port.
    environment : mapping of str to str
        Which may name places.
    home : Path
        The home directory.
    repository : str, optional
        The image: a file may name a password for a part of a registry, and the nearest counts.
    """
    names = list(_names(registry, repository))
    asked = set()
    for place in _places(environment, home):
        content = paths.read_json(place)
        auths = _auths(content)
        for name in names:
            if found := _password(auths.get(name)):
                return found
        helper = _helper(content, names)
        if helper and helper not in asked:
            asked.add(helper)
            server = _DOCKER_HUB[0] if registry == "docker.io" else registry
            if said := credential_helpers.ask(helper, server, environment):
                return encode(*said)
    return None


def encode(user: str, password: str) -> str:
    """Return a password as files keep it."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def decode(basic: str) -> tuple[str, str]:
    """Return user and password; empty ones of what is no password."""
    try:
        user, _, password = base64.b64decode(basic, validate=True).decode().partition(":")
    except ValueError:  # also of letters that base64 does not know
        return "", ""
    return user, password.rstrip("\0")


def as_variables(basic: str | None) -> dict[str, str]:
    """Return the variables that hand a password to the runtime, which looks for it in fewer places than we do.

    SingularityCE reads other names than Apptainer.
    """
    user, password = decode(basic) if basic else ("", "")
    if not user or user == TOKEN_USER:
        return {}
    values = {"USERNAME": user, "PASSWORD": password}
    return {f"{prefix}_{name}": value for prefix in _PREFIXES[:2] for name, value in values.items()}


def login_file(environment: Mapping[str, str], home: Path) -> Path:
    """Return the file from which Apptainer reads passwords, and into which it writes them.

    It is ``docker-config.json`` of its own, if there is one, else Docker's; never both, so that making the one would
    hide what is in the other (``internal/pkg/util/ociauth``, and tried with 1.4.5, which does not look at
    ``DOCKER_CONFIG`` or ``REGISTRY_AUTH_FILE``).
    """
    if named := environment.get("APPTAINER_AUTHFILE"):
        return Path(named)
    own = Path(environment.get("APPTAINER_CONFIGDIR") or home / ".apptainer") / "docker-config.json"
    return own if own.exists() else home / ".docker/config.json"


def store(file: Path, registry: str, basic: str) -> None:
    """Keep a password in a file that only this user may read; all else in the file stays.

    Raises
    ------
    OSError
        The file cannot be written.
    ValueError
        What is there is no such file; it stays as it is.
    """
    content = _content(file)
    auths = content.setdefault("auths", {})
    if not isinstance(auths, dict):
        raise ValueError(f"{file} has no passwords where they belong")
    for name in _names(registry):
        auths.pop(name, None)
    auths[_DOCKER_HUB[0] if registry == "docker.io" else registry] = {"auth": basic}
    _write(file, content)


def remove(file: Path, registry: str) -> bool:
    """Remove what a file says of a registry, and tell whether there was something.

    Raises
    ------
    OSError, ValueError
        As :func:`store`.
    """
    content = _content(file)
    auths = _auths(content)
    found = [name for name in _names(registry) if name in auths]
    for name in found:
        del auths[name]
    if found:
        _write(file, content)
    return bool(found)


def _prefix(environment: Mapping[str, str]) -> str | None:
    """Return how the variables begin that name both a user and a password."""
    names = ("USERNAME", "PASSWORD")
    return next((each for each in _PREFIXES if all(environment.get(f"{each}_{name}") for name in names)), None)


def _places(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    yield login_file(environment, home)
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    if named := environment.get("XDG_RUNTIME_DIR"):
        yield Path(named) / "containers/auth.json"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers/auth.json"
    yield home / ".apptainer/docker-config.json"
    yield home / ".singularity/docker-config.json"
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    yield home / ".docker/config.json"


def _names(registry: str, repository: str = "") -> Iterator[str]:
    """Name a registry as tools do, the nearest first: ``quay.io/org/image``, ``quay.io/org``, ``quay.io``…"""
    part = f"{registry}/{repository}".rstrip("/")
    while part != registry:
        yield part
        part = part.rpartition("/")[0]
    if registry == "docker.io":
        yield from _DOCKER_HUB
    else:
        yield from (registry, f"https://{registry}", f"http://{registry}", f"https://{registry}/v2/")


def _auths(content: Any) -> dict[str, Any]:
    auths = content.get("auths") if isinstance(content, dict) else None
    return auths if isinstance(auths, dict) else {}


def _helper(content: Any, names: list[str]) -> str | None:
    """Return the program that keeps the password for a registry; what is said of this one counts before the rest."""
    if not isinstance(content, dict):
        return None
    helpers = content.get("credHelpers")
    found = next((helpers[name] for name in names if name in helpers), None) if isinstance(helpers, dict) else None
    found = found or content.get("credsStore")
    return found if isinstance(found, str) and found else None


def _password(entry: Any) -> str | None:
    """Read one entry: a password, an identity token, or what an old Docker wrote in two fields."""
    if not isinstance(entry, dict):
        return None
    values = {key: value for key, value in entry.items() if isinstance(value, str) and value}
    if "identitytoken" in values:
        return encode(TOKEN_USER, values["identitytoken"])
    if _BASE64.fullmatch(values.get("auth", "")):
        return values["auth"]
    if "username" in values and "password" in values:
        return encode(values["username"], values["password"])
    return None


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ValueError(f"{file} is not JSON") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file} is not a JSON object")
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    file = file.resolve()  # a link stays one
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.write_private(file, json.dumps(content, indent="\t") + "\n")
