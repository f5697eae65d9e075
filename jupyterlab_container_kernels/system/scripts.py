"""Fills our templates. Every value that goes into a shell script is quoted here."""

from __future__ import annotations

import shlex
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701 (shell, not HTML: `quote` below is the escaping)
        loader=PackageLoader("jupyterlab_container_kernels"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    environment.filters["comment"] = lambda value: " ".join(str(value).split())
    return environment


def fill(template: str, **values: object) -> str:
    """Return a template with its values filled in; a missing value is an error."""
    return _templates().get_template(template).render(**values)
