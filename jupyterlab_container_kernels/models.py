"""What goes over the wire and into files: frozen dataclasses, one for each schema of ``openapi.yaml``.

A test holds field names, order of truth and types here to that file. Sizes are bytes, times ISO 8601 in UTC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar, Literal, Protocol, TypeVar

import dacite

from .errors import ContainerKernelsError

GpuMode = Literal["auto", "on", "off"]
PhaseName = Literal["resolve", "acquire", "inspect", "install", "verify", "publish"]
PhaseState = Literal["waiting", "running", "done", "skipped", "failed"]
TaskState = Literal["running", "cancelling", "done", "failed", "cancelled", "interrupted"]
#: What is the matter with a kernel, or worth knowing of it.
StatusCode = Literal[
    "ok",
    "never_started",
    "image_missing",
    "image_changed",
    "image_damaged",
    "image_not_readable",
    "image_writable",
    "packages_missing",
    "packages_incomplete",
    "other_python",
    "runtime_missing",
    "runtime_changed",
    "bind_missing",
    "invalid_kernel_json",
    "shadowed",
    "hidden",
    "read_only",
    "unsafe",
    "update_available",
    "does_not_start",
    "unknown",
]
#: ``stale``: it cannot start; ``note``: it can, but somebody should know; ``unknown``: nobody can tell at the moment.
StatusLevel = Literal["ok", "note", "stale", "unknown"]
Purpose = Literal["kernels", "images", "packages", "temporary"]
RemovalKind = Literal["kernelspec", "packages", "shared_packages", "image", "log"]
#: What a button can do about it. ``edit`` opens the kernel, ``adopt`` makes one of ours beside it, ``free_space`` is
#: for people; the others are actions of a repair as well.
Remedy = Literal["relink", "pull", "update", "reinstall", "find_runtime", "edit", "adopt", "free_space"]
RepairAction = Literal["relink", "pull", "update", "reinstall", "find_runtime"]
#: What a task does.
Job = Literal["add", "repair", "edit", "duplicate", "check", "share"]
#: From where an image is pulled: this node, a Slurm job, or a login node on which the user runs a line.
PullWay = Literal["here", "job", "login"]
#: ``auto``: from here, unless somebody chooses.
PullFrom = Literal["auto", "here", "job", "login"]
#: What takes room: ``leftover`` is what nothing refers to, ``runtime_cache`` what the runtime keeps for itself.
SpaceKind = Literal["image", "packages", "trash", "leftover", "layers", "runtime_cache"]
#: Whether there is room for an image: ``fits_elsewhere`` than where it would be kept.
Verdict = Literal["fits", "fits_elsewhere", "too_large", "unknown"]
#: The settings that say where an image lies, and where what it takes beside that while it comes.
PlaceSetting = Literal["images_dir", "temporary_dir"]
StartState = Literal["never", "running", "ended", "failed"]
#: What a finding of the diagnostics is about.
FindingArea = Literal["software", "runtime", "node", "disks", "session", "folders"]
FindingState = Literal["ok", "warning", "problem", "unknown"]

#: The phases of adding a kernel, in order.
PHASES: tuple[PhaseName, ...] = ("resolve", "acquire", "inspect", "install", "verify", "publish")


@dataclasses.dataclass(frozen=True)
class Error:
    code: str
    message: str
    hint: str


@dataclasses.dataclass(frozen=True)
class RuntimeInfo:
    name: str
    title: str
    path: str | None
    version: str | None
    available: bool
    searching: bool
    reason: str | None


@dataclasses.dataclass(frozen=True)
class GpuInfo:
    vendor: Literal["nvidia", "amd"] | None
    names: list[str]


@dataclasses.dataclass(frozen=True)
class Quota:
    used_bytes: int
    limit_bytes: int


@dataclasses.dataclass(frozen=True)
class DiskRoom:
    purpose: Purpose
    path: str
    free_bytes: int | None
    total_bytes: int | None
    quota: Quota | None


@dataclasses.dataclass(frozen=True)
class Limits:
    display_name_length: int
    slug_pattern: str
    start_timeout_s: float
    trash_days: float


@dataclasses.dataclass(frozen=True)
class PullOffer:
    policy: PullFrom
    ways: list[PullWay]


@dataclasses.dataclass(frozen=True)
class JobInfo:
    id: str
    ends: str | None
    memory_bytes: int
    cores: int


@dataclasses.dataclass(frozen=True)
class SiteImage:
    title: str
    image: str
    description: str
    gpu: GpuMode
    language: str | None
    icon: str | None


@dataclasses.dataclass(frozen=True)
class Support:
    text: str
    link: str | None


@dataclasses.dataclass(frozen=True)
class Site:
    catalogue: list[SiteImage]
    support: Support | None
    registries: list[str] | None
    files: list[str] | None
    digest_required: bool
    binds: list[str]


@dataclasses.dataclass(frozen=True)
class Info:
    version: str
    hostname: str
    architecture: str
    root_dir: str | None
    runtimes: list[RuntimeInfo]
    languages: list[str]
    gpu: GpuInfo
    disks: list[DiskRoom]
    job: JobInfo | None
    limits: Limits
    site: Site
    pull: PullOffer


@dataclasses.dataclass(frozen=True)
class Finding:
    area: FindingArea
    title: str
    state: FindingState
    found: str
    meaning: str
    action: str


@dataclasses.dataclass(frozen=True)
class Diagnostics:
    created: str
    findings: list[Finding]
    report: str


@dataclasses.dataclass(frozen=True)
class ResolveRequest:
    image: str
    image_dir: str | None = None
    by_runtime: bool = False


@dataclasses.dataclass(frozen=True)
class Place:
    path: str
    needed_bytes: int
    free_bytes: int | None


@dataclasses.dataclass(frozen=True)
class Elsewhere(Place):
    setting: PlaceSetting


@dataclasses.dataclass(frozen=True)
class Resolution:
    reference: str
    digest: str | None
    architecture: str | None
    title: str | None
    description: str | None
    layers: int | None
    download_bytes: int | None
    stored: bool
    unpacked: bool
    verdict: Verdict
    place: Place | None
    elsewhere: Elsewhere | None
    user: str | None
    caution: str | None


@dataclasses.dataclass(frozen=True)
class TagsRequest:
    image: str


@dataclasses.dataclass(frozen=True)
class TagList:
    tags: list[str]
    complete: bool


@dataclasses.dataclass(frozen=True)
class LoginRequest:
    registry: str
    user: str
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class LogoutRequest:
    registry: str


@dataclasses.dataclass(frozen=True)
class Login:
    registry: str
    user: str | None
    path: str


@dataclasses.dataclass(frozen=True)
class Bind:
    source: str
    destination: str | None
    read_only: bool


@dataclasses.dataclass(frozen=True)
class InspectRequest:
    image: str


@dataclasses.dataclass(frozen=True)
class FoundInterpreter:
    language: str
    title: str
    path: str
    version: str
    kernel_version: str | None
    notes: list[str]


@dataclasses.dataclass(frozen=True)
class Inspection:
    interpreters: list[FoundInterpreter]


@dataclasses.dataclass(frozen=True)
class AddRequest:
    image: str
    display_name: str | None = None
    slug: str | None = None
    gpu: GpuMode = "auto"
    binds: list[Bind] = dataclasses.field(default_factory=list)
    interpreter: str | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    isolated: bool = True
    image_dir: str | None = None
    by_runtime: bool = False
    pull_from: PullFrom = "auto"


@dataclasses.dataclass(frozen=True)
class KernelImage:
    reference: str
    source: str
    digest: str | None
    path: str
    size_bytes: int | None
    stored: bool
    unpacked: bool
    used_by: int


@dataclasses.dataclass(frozen=True)
class KernelRuntime:
    name: str
    path: str
    version: str | None


@dataclasses.dataclass(frozen=True)
class KernelPackages:
    path: str | None
    size_bytes: int | None
    installed: list[str]
    added: list[str]
    shared_by: int


@dataclasses.dataclass(frozen=True)
class KernelStatus:
    code: StatusCode
    level: StatusLevel
    message: str
    hint: str
    remedies: list[Remedy]


@dataclasses.dataclass(frozen=True)
class Kernel:
    id: str
    slug: str
    display_name: str
    language: str
    language_version: str | None
    maker: str
    ours: bool
    read_only: bool
    owner: str | None
    withdrawable: bool
    status: KernelStatus
    notes: list[KernelStatus]
    image: KernelImage
    runtime: KernelRuntime
    interpreter: str
    gpu: GpuMode
    gpu_name: str | None
    packages: KernelPackages
    binds: list[Bind]
    environment: dict[str, str]
    isolated: bool
    start_s: float | None
    created: str
    last_used: str | None
    resource_dir: str
    running: int


@dataclasses.dataclass(frozen=True)
class KernelList:
    kernels: list[Kernel]


@dataclasses.dataclass(frozen=True)
class RunningKernel:
    id: str
    title: str


@dataclasses.dataclass(frozen=True)
class RemovalItem:
    what: RemovalKind
    path: str
    size_bytes: int
    goes: bool
    reason: str
    used_by: list[str]


@dataclasses.dataclass(frozen=True)
class KernelFile:
    path: str
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class KernelDetails:
    kernel: Kernel
    removal: list[RemovalItem]
    frees_bytes: int
    running: list[RunningKernel]
    argv: list[str]
    files: list[KernelFile]
    command: str


@dataclasses.dataclass(frozen=True)
class RemoveRequest:
    delete_image: bool = True
    shut_down: bool = False
    resource_dir: str | None = None
    purge: bool = False


@dataclasses.dataclass(frozen=True)
class Removal:
    slug: str
    removal: list[RemovalItem]
    freed_bytes: int
    undo: str | None


@dataclasses.dataclass(frozen=True)
class RepairRequest:
    action: RepairAction
    image: str | None = None


@dataclasses.dataclass(frozen=True)
class EditRequest:
    display_name: str | None = None
    gpu: GpuMode | None = None
    binds: list[Bind] | None = None
    environment: dict[str, str] | None = None
    isolated: bool | None = None


@dataclasses.dataclass(frozen=True)
class CheckRequest:
    updates: bool = True


@dataclasses.dataclass(frozen=True)
class ShareRequest:
    directory: str
    environment: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class ShareItem:
    what: Literal["image", "packages"]
    path: str
    size_bytes: int
    copied: bool


@dataclasses.dataclass(frozen=True)
class SharePlan:
    directory: str
    readers: str | None
    items: list[ShareItem]
    left_out: list[str]
    remarks: list[str]
    line: str | None


@dataclasses.dataclass(frozen=True)
class WithdrawRequest:
    resource_dir: str


@dataclasses.dataclass(frozen=True)
class SpaceItem:
    id: str
    kind: SpaceKind
    title: str
    path: str
    detail: str
    size_bytes: int | None
    used_by: list[str]
    created: str | None
    last_used: str | None
    removable: bool
    restorable: bool


@dataclasses.dataclass(frozen=True)
class Space:
    items: list[SpaceItem]
    disks: list[DiskRoom]


@dataclasses.dataclass(frozen=True)
class Freed:
    freed_bytes: int


@dataclasses.dataclass(frozen=True)
class Restored:
    slug: str
    display_name: str


@dataclasses.dataclass(frozen=True)
class Phase:
    name: PhaseName
    state: PhaseState
    duration_s: float | None


@dataclasses.dataclass(frozen=True)
class Progress:
    done_bytes: int
    total_bytes: int | None


@dataclasses.dataclass(frozen=True)
class Task:
    id: str
    seq: int
    state: TaskState
    display_name: str
    slug: str
    request: AddRequest
    job: Job
    repair: RepairRequest | None
    edit: EditRequest | None
    phases: list[Phase]
    phase: PhaseName | None
    message: str
    progress: Progress | None
    error: Error | None
    created: str
    ended: str | None
    log_bytes: int
    original: str | None
    command: str | None = None
    share: ShareRequest | None = None


@dataclasses.dataclass(frozen=True)
class TaskList:
    tasks: list[Task]


@dataclasses.dataclass(frozen=True)
class LogChunk:
    text: str
    offset: int
    next_offset: int
    size_bytes: int
    path: str


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    cause: str
    message: str
    hint: str
    remedies: list[Remedy]
    lines: list[str]


@dataclasses.dataclass(frozen=True)
class LastStart:
    state: StartState
    started: str | None
    node: str | None
    exit_code: int | None
    diagnosis: Diagnosis | None


@dataclasses.dataclass(frozen=True)
class KernelLog:
    text: str
    offset: int
    next_offset: int
    size_bytes: int
    path: str
    start: LastStart


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


_Model = TypeVar("_Model", bound=_Dataclass)


def to_json(model: _Dataclass) -> dict[str, Any]:
    """Return the JSON object of a model. Its parts are not copied: ``dataclasses.asdict`` takes three times as long."""
    return {name: _plain(getattr(model, name)) for name in model.__dataclass_fields__}


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is list:
        return [_plain(each) for each in value]
    if kind is dict:
        return {key: _plain(each) for key, each in value.items()}
    return to_json(value) if hasattr(kind, "__dataclass_fields__") else value


def from_json(kind: type[_Model], data: object) -> _Model:
    """Read a model from parsed JSON.

    Parameters
    ----------
    kind : type
        The dataclass to make.
    data : object
        What ``json.loads`` returned.

    Raises
    ------
    ContainerKernelsError
        ``unreadable``: not an object, a field is missing, unknown or of another type.
    """
    if not isinstance(data, Mapping):
        raise ContainerKernelsError("unreadable", "The request is not a JSON object.", "Reload the page and try again.")
    try:
        return dacite.from_dict(kind, data, dacite.Config(strict=True))
    except (dacite.DaciteError, ValueError, TypeError, RecursionError) as error:  # not all are of its own family
        raise ContainerKernelsError(
            "unreadable", f"The request could not be read: {error}.", "Reload the page and try again."
        ) from error


def now() -> str:
    """Return this moment as the wire writes it, as ``2026-11-23T20:15:00.123Z``."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
