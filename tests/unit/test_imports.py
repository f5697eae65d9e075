"""Imports run one way, from the left to the right in the picture of the architecture; leaves are for all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import jupyterlab_container_kernels

PACKAGE = Path(jupyterlab_container_kernels.__file__).parent
NAME = PACKAGE.name
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if "labextension" not in path.parts)

#: The rooms from left to right. What stands in one line is side by side, and may not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__init__",),
    ("cli",),  # reads the app's traits
    ("commands",),
    ("terminal",),
    ("app",),
    ("traits", "routes"),
    ("services",),
    ("runtimes", "languages", "acquire"),
    ("system",),
)
#: Anybody may import these; they may import each other.
LEAVES = {"models", "errors", "settings", "containers", "discovery", "failures", "diagnosis", "_version"}
#: Who may import what starts processes or speaks HTTP as a server.
ALLOWED_OUTSIDE = {
    "tornado": {"routes.py"},
    "jupyter_server": {"routes.py", "app.py"},
    "subprocess": {"system/guard.py"},  # runs below process.py, as a program of its own
    "multiprocessing": set(),
    "pty": set(),
    "httpx": {"acquire/connection.py", "acquire/registry.py"},
}
_STARTERS = {
    "create_subprocess_exec", "create_subprocess_shell", "system", "popen", "fork", "forkpty", "posix_spawn",
    "posix_spawnp", "execv", "execve", "execvp", "execvpe", "execl", "execlp", "spawnv", "spawnl", "spawnvp",
}  # fmt: skip


def imported(module: Path) -> set[str]:
    """Return the full names that a module imports anywhere, also inside functions and for types alone."""
    found = set()
    parts = [NAME, *module.with_suffix("").parts]
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            whole = ".".join(filter(None, (base, node.module)))
            found |= {f"{whole}.{alias.name}" for alias in node.names}
    return found


def room(dotted: str) -> str:
    """Return the room of a full name of ours: the part that follows the package's name."""
    parts = dotted.split(".")
    known = {each for layer in LAYERS for each in layer} | LEAVES
    return parts[1] if len(parts) > 1 and parts[1] in known else "__init__"


def position(name: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_to_the_right(module: Path) -> None:
    here = module.with_suffix("").parts[0]
    ours = {name for name in imported(module) if name.split(".")[0] == NAME}
    for name in ours:
        there = room(name)
        # the version, which stands at the package's root, is a leaf
        if there in LEAVES or name == f"{NAME}.__version__" or there == here:
            continue
        assert here not in LEAVES, f"the leaf {module} imports {name}"
        if there == "__init__":
            # `from .. import runtimes`: a package by its name
            pytest.fail(f"{module} imports {name}, which has no room")
        assert position(there) > position(here), f"{module} imports {name}, to its left or beside it"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_has_a_room(module: Path) -> None:
    here = module.with_suffix("").parts[0]
    assert here in LEAVES or any(here in layer for layer in LAYERS)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_its_owner_imports_what_is_dangerous(module: Path) -> None:
    for name in imported(module):
        owners = ALLOWED_OUTSIDE.get(name.split(".")[0])
        assert owners is None or module.as_posix() in owners, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_process_starts_processes(module: Path) -> None:
    if module.as_posix() == "system/process.py":
        return
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            assert not (of in ("asyncio", "os") and node.func.attr in _STARTERS), f"{module}:{node.lineno}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_kernel_is_started_only_to_verify_it(module: Path) -> None:
    managers = {name for name in imported(module) if name.startswith("jupyter_client.") and "manager" in name.lower()}
    # KernelSpecManager reads files; it starts nothing
    managers = {name for name in managers if "kernelspec" not in name}
    assert not managers or module.as_posix() == "services/check.py", f"{module} imports {managers}"


def test_the_reader_of_imports_sees_those_inside_functions() -> None:
    assert "tornado.web" in imported(Path("routes.py"))
    assert f"{NAME}.routes.handlers" in imported(Path("app.py"))
    assert "httpx" in imported(Path("acquire/registry.py"))
