"""What is meant by the arguments of a command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ContainerKernelsError
from ..models import AddRequest, Bind, EditRequest, GpuMode, Kernel

if TYPE_CHECKING:
    from ..services.wiring import Services


def request_of(arguments: argparse.Namespace) -> AddRequest:
    """Read the request; paths are relative to where the user is, as everywhere in a terminal."""
    gpu: GpuMode = arguments.gpu or "auto"
    image: str = arguments.image
    if "://" not in image and image.endswith((".sif", ".simg")):
        image = full(image)
    return AddRequest(
        image,
        arguments.name,
        arguments.kernel_name,
        gpu,
        _binds(arguments),
        arguments.interpreter,
        _environment(arguments),
        not arguments.no_isolation,
        full(arguments.image_dir) if arguments.image_dir else None,
        arguments.by_runtime,
        arguments.pull_from or "auto",
    )


def changes_of(arguments: argparse.Namespace) -> EditRequest:
    """Read what is to be different; what was not named stays."""
    isolated = True if arguments.isolation else False if arguments.no_isolation else None
    return EditRequest(
        arguments.name, arguments.gpu, _binds(arguments) or None, _environment(arguments) or None, isolated
    )


def _binds(arguments: argparse.Namespace) -> list[Bind]:
    binds = [Bind(full(each), None, False) for each in arguments.bind]
    binds += [Bind(full(source), inside, False) for source, inside in arguments.bind_at]
    return binds + [Bind(full(source), inside, True) for source, inside in arguments.bind_read_only]


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    environment = {}
    for each in arguments.env:
        name, equals, value = each.partition("=")
        if not equals:
            raise ContainerKernelsError("invalid_environment", f"{each} sets nothing.", "Write it as NAME=VALUE.")
        environment[name] = value
    return environment


def full(path: str) -> str:
    return str(Path(path).expanduser().absolute())


async def kernel_of(services: Services, named: str) -> Kernel:
    """Return the kernel that is meant by its name, or by what its tile says if only one says so."""
    kernels = (await services.kernels.list_kernels()).kernels
    found = [kernel for kernel in kernels if named == kernel.id]
    found = found or [kernel for kernel in kernels if named == kernel.display_name]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(kernel.id for kernel in found)
        raise ContainerKernelsError(
            "not_found", f"{len(found)} kernels are called {named}: {names}.", "Use one of these."
        )
    raise ContainerKernelsError(
        "not_found", f"There is no container kernel {named}.", "See `jupyter container-kernels list`."
    )
