"""Finds the plug-in classes of a package of ours: its own modules first, then entry points of other projects."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeVar

_Plugin = TypeVar("_Plugin")


def discover(package: ModuleType, kind: type[_Plugin]) -> dict[str, _Plugin]:
    """Return one instance of each concrete subclass of ``kind``, by its ``name``.

    Parameters
    ----------
    package : module
        ``runtimes`` or ``languages``; each of its modules is imported, and each entry point in the group of the
        package's full name.
    kind : type
        The base class.

    Raises
    ------
    TypeError
        An entry point does not name a subclass of ``kind``.
    """
    found: dict[str, _Plugin] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for _, plugin in inspect.getmembers(module, inspect.isclass):
            if plugin.__module__ == module.__name__ and issubclass(plugin, kind) and not inspect.isabstract(plugin):
                found[plugin.name] = plugin()  # type: ignore[attr-defined]
    for entry_point in entry_points(group=package.__name__):
        plugin = entry_point.load()
        if not (inspect.isclass(plugin) and issubclass(plugin, kind)):
            raise TypeError(f"the entry point {entry_point.name!r} is no {kind.__name__}")
        found[plugin.name] = plugin()  # type: ignore[attr-defined]
    return found
