"""A kernel as people see it, made of what a listing has found."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ..models import Kernel, KernelImage, KernelPackages, KernelRuntime, KernelStatus, RemovalItem
from ..system.kernel_dirs import Entry
from ..system.kernelspecs import Spec
from . import status
from .facts import ImageFacts
from .listing import Row
from .package_facts import OwnFacts

_OURS = "Container Kernels"


@dataclass(frozen=True)
class Around:
    """What is to be said of a kernel and does not stand in its own row."""

    running: int
    used_by: int
    shared_by: int
    version: str | None


def kernel(row: Row, around: Around) -> Kernel:
    """Return the kernel of a row."""
    spec = row.entry.spec
    return _ours(row, spec, around) if spec else _foreign(row, around)


def judge(entry: Entry, seen: Mapping[str, Any], version: str | None) -> list[KernelStatus]:
    """Return what is to be said of the files of a kernel of ours."""
    assert entry.spec is not None  # noqa: S101
    others = [each for name, each in seen.items() if name.startswith("program:") and isinstance(each, str)]
    return status.of_ours(entry.spec.record, seen, written_s=entry.written_s, version=version, others=others)


def _ours(row: Row, spec: Spec, around: Around) -> Kernel:
    record, seen = spec.record, row.seen
    image, own = seen.get("image"), seen.get("own")
    judged = status.excuse(judge(row.entry, seen, around.version), seen, row.entry.written_s)
    worst, notes = _summed_up(row, judged)
    last_used = status.last_used(record, seen)
    return Kernel(
        id=_id(row),
        slug=row.entry.slug,
        display_name=spec.display_name,
        language=spec.language,
        language_version=record.language_version or None,
        maker=_OURS,
        ours=True,
        read_only=row.is_read_only,
        owner=row.owner,
        withdrawable=row.is_withdrawable,
        status=worst,
        notes=notes,
        image=KernelImage(
            reference=record.image.reference,
            source=record.image.source,
            digest=record.image.digest,
            path=record.image.path,
            size_bytes=image.size_bytes if isinstance(image, ImageFacts) and not image.is_directory else None,
            stored=record.image.stored,
            unpacked=record.image.unpacked,
            used_by=around.used_by,
        ),
        runtime=record.runtime,
        interpreter=record.interpreter,
        gpu=record.gpu,
        gpu_name=record.gpu_name,
        packages=KernelPackages(
            record.packages.path,
            record.packages.size_bytes,
            record.packages.installed,
            own.added if isinstance(own, OwnFacts) else [],
            around.shared_by,
        ),
        binds=record.binds,
        environment=record.environment,
        isolated=record.isolated,
        start_s=record.start_s,
        created=record.created,
        last_used=_wire(last_used) if last_used else None,
        resource_dir=row.entry.directory,
        running=around.running,
    )


def _foreign(row: Row, around: Around) -> Kernel:
    """Return a kernel that somebody else made, or that cannot be read."""
    entry, made = row.entry, row.foreign
    judged = status.of_foreign(made, row.seen) if made else []
    if entry.problem is not None:
        judged = [status.invalid(entry.directory, entry.problem, is_hidden=entry.is_hidden)]
    worst, notes = _summed_up(row, judged)
    image = row.seen.get("image")
    inside = made.argv[0] if made and made.argv and not made.argv[0].startswith("$") else ""
    return Kernel(
        id=_id(row),
        slug=entry.slug,
        display_name=entry.display_name,
        language=entry.language,
        language_version=None,
        maker=made.maker if made else _OURS if entry.problem and not entry.is_hidden else "",
        ours=False,
        read_only=row.is_read_only,
        owner=row.owner,
        withdrawable=False,
        status=worst,
        notes=notes,
        image=KernelImage(
            reference=made.image if made else "",
            source=made.image if made else "",
            digest=None,
            path=made.path if made else "",
            size_bytes=image.size_bytes if isinstance(image, ImageFacts) and not image.is_directory else None,
            stored=False,
            unpacked=isinstance(image, ImageFacts) and image.is_directory,
            used_by=around.used_by,
        ),
        runtime=KernelRuntime(made.runtime if made else "", made.program if made else "", None),
        interpreter=inside,
        gpu="on" if made and made.gpu else "off",
        gpu_name=None,
        packages=KernelPackages(None, None, [], [], 0),
        binds=made.binds if made else [],
        environment=made.environment if made else {},
        isolated=made.isolated if made else False,
        start_s=None,
        created=_wire(datetime.fromtimestamp(entry.written_s, timezone.utc)),
        last_used=None,
        resource_dir=entry.directory,
        running=around.running,
    )


def _id(row: Row) -> str:
    return row.entry.slug if row.is_shown else f"{row.entry.slug} {row.entry.directory}"


def _summed_up(row: Row, judged: list[KernelStatus]) -> tuple[KernelStatus, list[KernelStatus]]:
    """Return status and notes; of what mends a kernel, only what this user may do to it."""
    if row.is_read_only:
        judged = [replace(each, remedies=[what for what in each.remedies if what == "adopt"]) for each in judged]
    return status.sum_up([*_standing(row), *judged])


def _standing(row: Row) -> list[KernelStatus]:
    """Return what is to be said of how a kernel stands among the others."""
    found = []
    if not row.does_answer:
        found.append(status.unanswered(row.entry.directory))
    if row.is_withdrawable:
        return [*found, status.shared(row.entry.directory)]
    if row.shown_from is None:
        found.append(status.hidden())
    elif not row.is_shown:
        found.append(status.shadowed(row.shown_from))
    if row.is_read_only:
        found.append(status.read_only(row.entry.directory, row.owner))
    return found


def only_itself(row: Row, size_bytes: int) -> RemovalItem:
    """Return what deleting a kernel removes of which nothing but its folder may go."""
    reason = "You cannot change it." if row.is_read_only else ""
    return RemovalItem("kernelspec", row.entry.directory, size_bytes, not row.is_read_only, reason, [])


def command(kernel: Kernel) -> str:
    """Return the command that adds the same kernel from a terminal."""
    image = kernel.image.path if kernel.image.source == kernel.image.path else kernel.image.reference
    words = ["jupyter", "container-kernels", "add", image, "--name", kernel.display_name, "--kernel-name", kernel.slug]
    words += {"on": ["--gpu"], "off": ["--no-gpu"], "auto": []}[kernel.gpu]
    for bind in kernel.binds:
        if bind.read_only:
            words += ["--bind-read-only", bind.source, bind.destination or bind.source]
        elif bind.destination is None:
            words += ["--bind", bind.source]
        else:
            words += ["--bind-at", bind.source, bind.destination]
    words += ["--interpreter", kernel.interpreter]
    for name, value in kernel.environment.items():
        words += ["--env", f"{name}={value}"]
    return shlex.join(words if kernel.isolated else [*words, "--no-isolation"])


def _wire(moment: datetime) -> str:
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
