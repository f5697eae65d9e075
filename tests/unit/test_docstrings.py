"""Docstrings are true: services name the errors that they raise, parameters exist, and references lead somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_imports import MODULES, PACKAGE

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SERVICES = [module for module in MODULES if module.parts[0] == "services"]
_TREES = {module: ast.parse((PACKAGE / module).read_text()) for module in MODULES}


def functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    """Return the functions and methods of a module, by their names with the class."""
    for node in tree.body:
        for each in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(each, _Function):
                yield f"{node.name}.{each.name}" if isinstance(node, ast.ClassDef) else each.name, each


def passing_on(node: ast.AST) -> Iterator[ast.AST]:
    """Return all below a node but what stands where our errors are caught."""
    for each in ast.iter_child_nodes(node):
        caught = isinstance(each, ast.Try) and any(
            handler.type is not None
            and "ContainerKernelsError" in ast.unparse(handler.type)
            and not any(isinstance(step, ast.Raise) for step in ast.walk(handler))
            for handler in each.handlers
        )
        yield each
        for part in ast.iter_child_nodes(each) if caught else [each]:
            if not caught or part not in each.body:  # type: ignore[attr-defined]
                yield from passing_on(part)


def codes_in(function: _Function) -> set[str]:
    """Return the codes of the errors that a function makes itself, or has made by one of ``errors.py``."""
    calls = [node for node in passing_on(function) if isinstance(node, ast.Call) and node.args]
    makers = [each for name, each in _MAKERS.items() if name in {getattr(call.func, "id", "") for call in calls}]
    made = [call.args[0] for call in calls if getattr(call.func, "id", "") == "ContainerKernelsError"]
    codes = {str(each.value) for code in made for each in ast.walk(code) if isinstance(each, ast.Constant)}
    return codes.union(*map(codes_in, makers))


def called_by(function: _Function) -> set[str]:
    """Return the names of the functions of its module, and of the methods of its class, that a function uses."""
    found = set()
    for node in passing_on(function):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self":
            found.add(node.attr)
    return found


_MAKERS = dict(functions(_TREES[Path("errors.py")]))


def told_by(function: _Function, known: dict[str, list[_Function]]) -> set[str]:
    """Return the codes that a docstring names, and those that one of its module names to which it points."""
    text = ast.get_docstring(function) or ""
    told = set(re.findall(r"``(\w+)``", text))
    for name in re.findall(r":(?:meth|func):`(\w+)`", text):
        for other in known.get(name, ()):
            told |= told_by(other, known)
    return told


def untold(tree: ast.Module) -> Iterator[str]:
    """Return the public functions of a module with the codes that they raise and do not name."""
    known: dict[str, list[_Function]] = {}
    for _, function in functions(tree):
        known.setdefault(function.name, []).append(function)

    def raised(function: _Function, seen: set[str]) -> set[str]:
        codes = codes_in(function)
        for name in called_by(function) - seen:
            if name.startswith("_"):
                seen.add(name)
                codes = codes.union(*(raised(each, seen) for each in known.get(name, ())))
        return codes

    for name, function in functions(tree):
        is_public = name.endswith("__call__") or not any(part.startswith("_") for part in name.split("."))
        makes_errors = function.returns is not None and "ContainerKernelsError" in ast.unparse(function.returns)
        missing = raised(function, {function.name}) - told_by(function, known)
        if is_public and not makes_errors and missing:
            yield f"{name}: {', '.join(sorted(missing))}"


@pytest.mark.parametrize("module", _SERVICES, ids=str)
def test_a_service_names_the_errors_that_it_and_its_private_parts_raise(module: Path) -> None:
    assert list(untold(_TREES[module])) == []


#: Functions, of which only the first does not tell what it raises.
_EXAMPLE = """
def hides(): _raises()
def tells():
    'Raises ``not_found``.'
    _raises()
def points():
    'As :func:`tells`.'
    _raises()
def catches():
    try: _raises()
    except ContainerKernelsError: pass
def makes() -> ContainerKernelsError: return ContainerKernelsError("forbidden", "")
def _raises(): raise ContainerKernelsError("not_found", "")
"""


def test_an_error_that_is_not_named_is_seen() -> None:
    assert list(untold(ast.parse(_EXAMPLE))) == ["hides: not_found"]


def documented() -> Iterator[tuple[Path, ast.AST, str]]:
    """Return what has a docstring, and that."""
    for module, tree in _TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, _Function | ast.ClassDef | ast.Module) and (text := ast.get_docstring(node)):
                yield module, node, text


def fields(node: ast.ClassDef) -> set[str]:
    """Return what a class is made from: the fields of a dataclass, or the parameters of its initializer."""
    found = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    return found.union(*(parameters(each) for each in node.body if getattr(each, "name", "") == "__init__"))


def parameters(node: ast.AST) -> set[str]:
    assert isinstance(node, _Function)
    of = node.args
    return {each.arg for each in [*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg] if each is not None}


def test_a_parameter_in_a_docstring_is_one() -> None:
    for module, node, text in documented():
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+$|\Z)", text, re.MULTILINE | re.DOTALL)
        if section is not None:
            heads = re.findall(r"^(\w[\w, ]*?)(?: : .*)?$", section[1], re.MULTILINE)
            named = {name for head in heads for name in head.split(", ")}
            has = fields(node) if isinstance(node, ast.ClassDef) else parameters(node)
            assert named <= has, f"{module}:{node.lineno}: there is no {', '.join(sorted(named - has))}"  # type: ignore[attr-defined]


def test_a_reference_in_a_docstring_leads_somewhere() -> None:
    there = {part for module in MODULES for part in module.with_suffix("").parts}
    for tree in _TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, _Function | ast.ClassDef):
                there.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                there |= {str(getattr(each, "id", "") or getattr(each, "attr", "")) for each in targets}
    for module, _, text in documented():
        for reference in re.findall(r":(?:meth|func|class|data|attr|mod):`([^`]+)`", text):
            assert reference.rpartition(".")[2].lstrip("~") in there, f"{module}: {reference}"
