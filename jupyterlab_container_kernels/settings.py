"""What a site or a user can set, as plain values; :class:`~.app.ContainerKernelsApp` has the traits they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
    max_running_tasks: int = 3
