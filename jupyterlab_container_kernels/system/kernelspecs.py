"""Kernels of ours in Jupyter's own directories: read, staged, published, withdrawn.

A kernel is a directory below ``jupyter_data_dir()/kernels`` as any other; ours have a record in
``kernel.json → metadata.container_kernels`` (https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs).
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import dacite
from jupyter_core.paths import jupyter_data_dir

from ..errors import ContainerKernelsError
from ..models import Bind, GpuMode, KernelRuntime, PullFrom
from . import paths
from .kept import Kept, stamp_of
from .paths import Roots

#: Jupyter lower-cases names of kernels; what is here is also safe in URLs and paths.
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
#: Raised when the record changes in a way that older code cannot read.
SCHEMA = 1
#: Where our record stands in ``kernel.json → metadata``.
KEY = "container_kernels"


@dataclass(frozen=True)
class ImageRecord:
    """The image of a kernel as it was when the kernel was published; ``mtime_ns`` and ``sif_id`` tell a changed one.

    ``pull_from`` and ``by_runtime`` are how its user wanted it pulled, and have it pulled again. An image that lies
    ``unpacked`` in a folder has no size and no ``sif_id``: nobody knows whether it has changed.
    """

    reference: str
    source: str
    digest: str | None
    path: str
    size_bytes: int
    mtime_ns: int
    sif_id: str | None
    stored: bool
    pull_from: PullFrom = "auto"
    by_runtime: bool = False
    unpacked: bool = False


@dataclass(frozen=True)
class PackagesRecord:
    """What was installed for a kernel: the kernel's own directory, and the set that it shares with others."""

    path: str
    shared: str | None
    size_bytes: int
    installed: list[str]


@dataclass(frozen=True)
class Record:
    """What we know of a kernel of ours, as it stands in its ``kernel.json``."""

    schema: int
    image: ImageRecord
    runtime: KernelRuntime
    language: str
    language_version: str
    interpreter: str
    gpu: GpuMode
    gpu_name: str | None
    packages: PackagesRecord
    binds: list[Bind]
    environment: dict[str, str]
    isolated: bool
    start_s: float | None
    log: str
    task: str
    created: str


@dataclass(frozen=True)
class Spec:
    """A kernel of ours on disk."""

    slug: str
    display_name: str
    language: str
    resource_dir: Path
    record: Record

    @cached_property
    def places(self) -> frozenset[str]:
        """All paths of files and directories that its record names: image, packages, log."""
        record = self.record
        shared = {record.packages.shared} if record.packages.shared else set()
        return frozenset({record.image.path, record.packages.path, record.log.rpartition("/")[0], *shared})


#: By the directory's path as text, as of thousands of paths pathlib takes longer than the calls. Checking some hundred
#: records takes longer than all the rest.
_read: Kept[Spec | None] = Kept()


def slugify(text: str) -> str:
    """Return a kernel name made from a display name (``src/model/slug.ts`` does the same)."""
    slug = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:60].rstrip("-.")
    return slug or "container"


def read(directory: Path) -> Spec | None:
    """Return the kernel of ours in a directory, or ``None`` if there is none, or one that is not ours."""
    return _read_at(os.fspath(directory))


def _read_at(directory: str) -> Spec | None:
    path = f"{directory}/kernel.json"
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # a path with a null byte
        return None
    return _read.get(directory, stamp_of(status), lambda: parse(Path(directory), paths.read_json(Path(path))))


def parse(directory: Path, data: Any) -> Spec | None:
    """Return the kernel of ours that the content of a ``kernel.json`` describes, or ``None`` if it is not ours."""
    try:
        record = data["metadata"][KEY]
        if record["schema"] != SCHEMA:
            return None
        found = dacite.from_dict(Record, {"isolated": True, **record})  # the first versions knew no other
        if not found.log.startswith("/"):  # of a shared kernel: each user has a log of it
            found = replace(found, log=f"{jupyter_data_dir()}/container-kernels/{found.log}")
        return Spec(directory.name, str(data["display_name"]), str(data["language"]), directory, found)
    except (TypeError, KeyError, dacite.DaciteError):
        return None


def why_unreadable(data: Any) -> str:
    """Return why :func:`parse` cannot read a record of ours."""
    record = data["metadata"][KEY]
    if not isinstance(record, dict):
        return "the record is no JSON object"
    schema = record.get("schema")
    if schema != SCHEMA:
        return f"the record is of version {schema}, and this Container Kernels reads version {SCHEMA}"
    try:
        dacite.from_dict(Record, {"isolated": True, **record})
    except dacite.DaciteError as error:
        return str(error)
    return "display_name or language is missing"


def read_all(kernels: Path) -> list[Spec]:
    """Return all kernels of ours, by display name. One that cannot be read never hides the others."""
    return sorted(_all(kernels), key=lambda spec: (spec.display_name.casefold(), spec.slug))


def places_of_all(kernels: Path) -> set[str]:
    """Return all paths that the records of our kernels name."""
    return set().union(*(spec.places for spec in _all(kernels)))


def _all(kernels: Path) -> list[Spec]:
    try:
        directories = [entry.path for entry in os.scandir(kernels) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [spec for spec in map(_read_at, directories) if spec]


def stage(
    workspace: Path,
    slug: str,
    *,
    display_name: str,
    language: str,
    interrupt_mode: str,
    metadata: Mapping[str, Any],
    record: Record,
    script: str,
    logo: str,
) -> Path:
    """Write a kernel into a directory that Jupyter does not look into, and return that."""
    directory = paths.make_private(workspace / "kernels" / slug)
    spec = {
        "argv": ["/bin/bash", "{resource_dir}/init.sh", "{connection_file}"],
        "display_name": display_name,
        "language": language,
        "interrupt_mode": interrupt_mode,
        "metadata": {**metadata, KEY: asdict(record)},
    }
    paths.write_private(directory / "kernel.json", json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
    paths.write_private(directory / "init.sh", script)
    paths.write_private(directory / "logo-svg.svg", logo)
    return directory


def amend(staged: Path, **known: float | str | None) -> None:
    """Add to the record of a staged kernel what its verification has shown."""
    data = paths.read_json(staged / "kernel.json")
    data["metadata"][KEY].update(known)
    paths.write_private(staged / "kernel.json", json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def overwrite(staged: Path, spec: Spec, roots: Roots) -> None:
    """Put the files of a staged kernel in the place of a published one's, each in one step.

    The command in ``kernel.json`` is the same in both, so whoever starts the kernel in between gets the new script.

    Raises
    ------
    ContainerKernelsError
        As :func:`require_ours`; ``not_found``: it was deleted meanwhile.
    """
    real = require_ours(spec, roots)
    if read(real) is None:
        raise ContainerKernelsError("not_found", f"{spec.display_name} was deleted meanwhile.", "Add it again.")
    for name in ("logo-svg.svg", "init.sh", "kernel.json"):
        (staged / name).replace(real / name)


def publish(staged: Path, roots: Roots) -> Path:
    """Move a staged kernel to where Jupyter finds it.

    Raises
    ------
    ContainerKernelsError
        ``slug_taken``: another kernel got the name meanwhile.
    OSError
        It cannot be moved there, for instance because ``kernels`` is a link into another file system.
    """
    paths.make_private(roots.kernels)
    target = roots.kernels / staged.name
    if os.path.lexists(target):
        raise taken(staged.name)
    try:
        staged.rename(target)  # fails on a directory that is not empty, so a race has one winner
    except OSError as error:
        if os.path.lexists(target):
            raise taken(staged.name) from error
        raise
    return target


def require_ours(spec: Spec, roots: Roots) -> Path:
    """Return the real path of a kernel that we may change or delete.

    Raises
    ------
    ContainerKernelsError
        ``not_ours``: it is a link, or lies elsewhere than in the user's own kernels.
    """
    real = Path(os.path.realpath(spec.resource_dir))
    if spec.resource_dir.is_symlink() or real.parent != Path(os.path.realpath(roots.kernels)):
        raise ContainerKernelsError(
            "not_ours",
            f"The kernel {spec.slug} was left as it is: {spec.resource_dir} is not a directory that we made.",
            "Remove it with `jupyter kernelspec remove` if you made it yourself.",
        )
    return real


def withdraw(spec: Spec, roots: Roots) -> Path | None:
    """Move a kernel of ours out of Jupyter's sight in one step, and return where it lies now (``None``: gone already).

    Raises
    ------
    ContainerKernelsError
        As :func:`require_ours`.
    """
    real = require_ours(spec, roots)
    doomed = paths.make_marked(roots.trash / secrets.token_hex(8))
    try:
        real.rename(doomed / spec.slug)
    except FileNotFoundError:
        return None
    finally:
        if not any(each.is_dir() for each in doomed.iterdir()):
            paths.remove_marked(doomed, roots.trash)
    return doomed


def taken(slug: str) -> ContainerKernelsError:
    """Return the error for a kernel name that is in use."""
    return ContainerKernelsError(
        "slug_taken",
        f"There is already a kernel named {slug}.",
        "Choose another kernel name under More, or delete that kernel first.",
    )


def free_slug(wanted: str, used: Container[str]) -> str:
    """Return a kernel name that is not used, made from the one that is wanted."""
    number, slug = 1, wanted
    while slug in used:
        number += 1
        slug = f"{wanted}-{number}"
    return slug
