"""Kernels that we did not make: which of their directories may be deleted, and why another one may not."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from ..errors import ContainerKernelsError
from ..system import foreign, kernel_dirs, kernelspecs
from ..system.kernel_dirs import Entry
from ..system.kernelspecs import Spec
from .names import NATIVE


def removable(kernels: Path, slug: str, named: str | None, found: Path | None) -> tuple[Path, str, Spec | None]:
    """Return the directory of a kernel that may be deleted, its display name, and its record if it is ours after all.

    Parameters
    ----------
    kernels : Path
        The user's own kernels.
    slug : str
        The kernel's name in Jupyter.
    named : str or None
        The directory that the user named.
    found : Path or None
        Where Jupyter finds a kernel of that name.

    Raises
    ------
    ContainerKernelsError
        ``not_ours``, with the reason and what to do; ``not_found``: the directory is gone, or holds no kernel.
    """
    directory = Path(named) if named is not None else found or kernels / slug
    _require_own(directory, kernels, slug, found)
    spec = kernelspecs.read(directory)
    if spec is not None:
        return directory, spec.display_name, spec
    entry = _container_kernel(directory)
    if entry is None:
        raise _refusal(
            slug, "it is not a container kernel", f"Remove it with `jupyter kernelspec remove {slug}` if you want that."
        )
    if named is None:
        raise _refusal(
            slug,
            "we did not make it, and its folder was not named",
            f"Delete it in the panel, or with `jupyter kernelspec remove {slug}`.",
        )
    return directory, entry.display_name or slug, None


def _container_kernel(directory: Path) -> Entry | None:
    """Return a kernel that starts a container, or that cannot be read and may; the same that are listed."""
    try:
        entry = kernel_dirs.read(str(directory))
        if entry is None or entry.problem:
            return entry
        path = foreign.script_of(entry.argv, str(directory))
        text = kernel_dirs.read_script(path).text if path else None
    except OSError:
        return None
    understood = foreign.understand(
        entry.argv,
        str(directory),
        text,
        variables={**os.environ, **entry.environment},
        runtime_dir=jupyter_runtime_dir(),
        interrupt_mode=entry.interrupt_mode,
    )
    return entry if understood is not None else None


def _require_own(directory: Path, kernels: Path, slug: str, found: Path | None) -> None:
    """Raise unless a path is that of a real directory of a kernel of this name among the user's own."""
    if slug in NATIVE:
        raise _refusal(slug, "it is Jupyter's own", "It comes with Jupyter and is removed with it.")
    try:
        real = os.path.realpath(directory)
    except ValueError:  # it has characters that no path has
        real = ""
    if not real or not directory.is_absolute() or ".." in directory.parts:
        raise _refusal(slug, f"{directory} is not a full path", "Reload the page and try again.")
    own = os.path.realpath(directory.parent) == os.path.realpath(kernels)
    if not own and found is not None and os.path.realpath(found) == real:
        raise _refusal(
            slug,
            f"it lies in {directory.parent}, which is not your own",
            "Ask whoever looks after it, your site or your project, to remove it.",
        )
    if not own or directory.name.lower() != slug:
        raise _refusal(slug, f"{directory} is not its folder", "Refresh the list and try again.")
    if not os.path.lexists(directory):
        raise ContainerKernelsError("not_found", f"There is no {directory}.", "It was deleted, maybe in another tab.")
    if directory.is_symlink():
        raise _refusal(
            slug,
            f"{directory} is a link to {os.path.realpath(directory)}",
            "Remove the link by hand if you no longer need it; what it leads to stays.",
        )
    if not (directory / "kernel.json").is_file():
        raise ContainerKernelsError("not_found", f"{directory} holds no kernel.", "Look at it, and remove it by hand.")


def _refusal(slug: str, why: str, hint: str) -> ContainerKernelsError:
    return ContainerKernelsError("not_ours", f"The kernel {slug} was not deleted: {why}.", hint)
