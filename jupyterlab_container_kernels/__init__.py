"""Container Kernels: container images as kernels in JupyterLab, for people on HPC clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .app import ContainerKernelsApp

__all__ = ["ContainerKernelsApp", "__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyterlab-container-kernels"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import ContainerKernelsApp

    return [{"module": "jupyterlab_container_kernels", "app": ContainerKernelsApp}]
