"""The one family of errors that people see.

Services raise them; :mod:`.routes` turns them into ``{code, message, hint}`` and a status by :data:`STATUS`, the
command line into two lines and an exit code. ``message`` says what happened to what, ``hint`` what to do next.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Final

#: Every code on the wire and its HTTP status (the same table as in ``openapi.yaml``; a test compares them).
STATUS: Final[dict[str, HTTPStatus]] = {
    "unreadable": HTTPStatus.BAD_REQUEST,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "slug_taken": HTTPStatus.CONFLICT,
    "kernel_running": HTTPStatus.CONFLICT,
    "not_ours": HTTPStatus.CONFLICT,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not_allowed": HTTPStatus.FORBIDDEN,
    "invalid_reference": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_display_name": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_slug": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_bind": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_environment": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_directory": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invalid_image_dir": HTTPStatus.UNPROCESSABLE_ENTITY,
    "image_not_found": HTTPStatus.UNPROCESSABLE_ENTITY,
    "image_unusable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "image_not_readable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "wrong_architecture": HTTPStatus.UNPROCESSABLE_ENTITY,
    "login_needed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "language_missing": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "runtime_missing": HTTPStatus.NOT_IMPLEMENTED,
    "registry_unreachable": HTTPStatus.GATEWAY_TIMEOUT,
    "timed_out": HTTPStatus.GATEWAY_TIMEOUT,
    "disk_full": HTTPStatus.INSUFFICIENT_STORAGE,
    "install_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "verify_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "runtime_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "interrupted": HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}


class ContainerKernelsError(Exception):
    """Something that a person should read.

    Parameters
    ----------
    code : str
        A key of :data:`STATUS`.
    message : str
        What happened to which object. One or two sentences, no exclamation mark.
    hint : str
        What the person can click, type or ask for next. May be empty.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if code not in STATUS:
            raise ValueError(f"{code!r} is no error code of ours")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that goes with the code."""
        return STATUS[self.code]


def unanswered(path: Path) -> ContainerKernelsError:
    """Return the error for a path whose file system hangs."""
    return ContainerKernelsError("timed_out", f"The file system of {path} does not answer.", "Try again when it does.")


def internal(action: str) -> ContainerKernelsError:
    """Return the error for a mistake of ours while doing ``action`` ("adding PyTorch")."""
    return ContainerKernelsError(
        "internal",
        f"Something went wrong inside Container Kernels while {action}.",
        "The Jupyter server's log holds the details. Please report it with them.",
    )
