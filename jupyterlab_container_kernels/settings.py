"""What a site or a user can set, as plain values; :class:`~.app.ContainerKernelsApp` has the traits they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .models import PullFrom

#: What can be closed by a mistake in the policy file: images of registries, and image files.
Closes = Literal["registries", "files"]


@dataclass(frozen=True)
class PolicyProblem:
    """Something in a site's policy file that cannot be taken.

    Parameters
    ----------
    key : str
        Where, as ``catalogue[2].image``; empty for the whole file.
    line : int or None
        The first one is 1.
    reason : str
        The end of a sentence that begins with the key.
    closes : tuple of Closes
        What nobody can add until it is mended.
    """

    key: str
    line: int | None
    reason: str
    closes: tuple[Closes, ...] = ()

    def __str__(self) -> str:
        """Write it as people read it, behind the path of the file."""
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{self.key or 'the file'} {self.reason}"


@dataclass(frozen=True)
class PolicyFile:
    """What became of a site's policy file: its values by the names of settings. No path: there is none.

    It ``is_read`` unless its file system refused or hung, which may be over when it is tried again.
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[PolicyProblem] = ()
    is_read: bool = True


@dataclass(frozen=True)
class Settings:
    """Paths, limits and policy. The traits of the same names tell what each is for."""

    runtime_path: str
    images_dir: Path
    packages_dir: Path
    temporary_dir: Path | None
    insecure_registries: Sequence[str]
    registry_timeout_s: float
    start_timeout_s: float
    pull_timeout_s: float
    install_timeout_s: float
    wheelhouse: Path | None = None
    trash_days: float = 7.0
    acquire: str = "auto"
    squashfs_compression: str = "auto"
    site_images: Sequence[Path] = ()
    runtime_module: str = ""
    allowed_registries: Sequence[str] | None = None
    denied_registries: Sequence[str] = ()
    allowed_paths: Sequence[str] | None = None
    denied_paths: Sequence[str] = ()
    digest_required: bool = False
    default_binds: Sequence[str] = ()
    default_environment: Mapping[str, str] = field(default_factory=dict)
    scratch_dirs: Sequence[str] = ()
    catalogue: Sequence[Mapping[str, Any]] = ()
    support_text: str = ""
    support_link: str = ""
    policy: PolicyFile = field(default_factory=PolicyFile)
    pull_from: PullFrom = "auto"
    pull_job_options: Sequence[str] = ()
    max_running_tasks: int = 3
    keep_layers: bool = False
