"""Names and passwords for registries: tried at the registry, and kept where the runtime finds them, too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..acquire import credentials
from ..acquire.reference import ImageReference, parse
from ..acquire.registry import itself
from ..errors import ContainerKernelsError
from ..models import Login, LoginRequest
from .session import SessionService

_T = TypeVar("_T")


class LoginService:
    """Logs this user in to registries, and out."""

    def __init__(self, session: SessionService) -> None:
        self._session = session

    async def log_in(self, request: LoginRequest) -> Login:
        """Keep a password once the registry has taken it.

        Raises
        ------
        ContainerKernelsError
            ``login_needed``: the registry does not take it, or asks nobody, or a variable would be taken instead;
            ``invalid_reference``, ``rate_limited``, ``registry_unreachable``; ``runtime_failed``: it cannot be kept.
        """
        user, password = request.user.strip(), request.password
        reference = _registry(request.registry)
        if not user or not password or ":" in user or not (user + password).isprintable():
            raise ContainerKernelsError("login_needed", "Both a name and a password are needed, each in one line.")
        if name := credentials.variable(os.environ):
            raise ContainerKernelsError(
                "login_needed",
                f"The password in the variable {name} counts before any other, so that a login would change nothing.",
                "Change the variable, or start JupyterLab without it.",
            )
        basic = credentials.encode(user, password)
        settings = self._session.settings
        registry = await asyncio.to_thread(
            itself,
            reference,
            basic,
            os.environ,
            Path.home(),
            insecure=reference.registry in settings.insecure_registries,
            timeout_s=settings.registry_timeout_s,
        )
        if not await registry.admits(user):
            raise ContainerKernelsError(
                "login_needed",
                f"{reference.registry} asks nobody for a password, so there is nothing to log in to.",
                "Check the name of the image.",
            )
        file = await asyncio.to_thread(credentials.login_file, os.environ, Path.home())
        await self._write(file, lambda: credentials.store(file, reference.registry, basic))
        return Login(reference.registry, user, str(file))

    async def log_out(self, name: str) -> Login:
        """Remove the password for a registry.

        Raises
        ------
        ContainerKernelsError
            ``not_found``: another program keeps it, or nobody; ``invalid_reference``; ``runtime_failed``: the file
            cannot be written.
        """
        registry = _registry(name).registry
        file = await asyncio.to_thread(credentials.login_file, os.environ, Path.home())
        if not await self._write(file, lambda: credentials.remove(file, registry)):
            raise ContainerKernelsError(
                "not_found",
                f"{file} has no password for {registry}.",
                "If another program keeps one, as podman or a variable, remove it there.",
            )
        return Login(registry, None, str(file))

    async def _write(self, file: Path, change: Callable[[], _T]) -> _T:
        try:
            return await asyncio.to_thread(change)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ContainerKernelsError(
                "runtime_failed",
                f"The passwords in {file} cannot be changed: {why}.",
                "Mend or move that file, and try again.",
            ) from error


def _registry(name: str) -> ImageReference:
    """Read the name of a registry, by way of an image that it might have."""
    reference = parse(f"docker://{name.strip()}/name/image", Path.home())
    if reference.repository != "name/image":
        raise ContainerKernelsError(
            "invalid_reference", f"“{name[:80]}” is not the name of a registry.", "Name a host, as ghcr.io."
        )
    return reference
