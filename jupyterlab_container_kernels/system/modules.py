"""Environment modules (Lmod, Tcl modules): what loading one would change, without a shell and without its dotfiles."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .process import Command, find_program, run

#: Where the programs lie that answer for ``module``, if no variable names them.
_USUAL = (
    "/usr/share/lmod/lmod/libexec/lmod",
    "/opt/apps/lmod/lmod/libexec/lmod",
    "/usr/share/Modules/libexec/modulecmd.tcl",
    "/usr/lib/x86_64-linux-gnu/modulecmd.tcl",
    "/usr/lib/aarch64-linux-gnu/modulecmd.tcl",
)
_LISTS = ("PATH", "LD_LIBRARY_PATH")
#: What a runtime may need of the environment that a module or a profile makes. What logs in is no business of files.
_WANTED = re.compile(r"(APPTAINER|SINGULARITY)_(?!.*(PASSWORD|USERNAME|TOKEN|SECRET|KEY|PASSPHRASE))\w+")


@dataclass(frozen=True)
class Difference:
    """What has to change in an environment so that a program works as after ``module load``.

    Parameters
    ----------
    values : mapping of str to str
        Variables and their new values.
    before : mapping of str to str
        What is put before ``PATH`` and the like.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)

    def applied(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with the changes made."""
        changed = {**environment, **self.values}
        for name, added in self.before.items():
            rest = environment.get(name)
            changed[name] = f"{added}{os.pathsep}{rest}" if rest else added
        return changed


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """Return what of a new environment a container runtime may need; everything else is left out."""
    values, added = {}, {}
    for name, value in after.items():
        if name in _LISTS:
            known = before.get(name, "").split(os.pathsep)
            new = [each for each in value.split(os.pathsep) if each and each not in known]
            if new:
                added[name] = os.pathsep.join(new)
        elif _WANTED.fullmatch(name) and before.get(name) != value:
            values[name] = value
    return Difference(values, added)


def find_command(environment: Mapping[str, str]) -> str | None:
    """Return the program behind ``module``: ``$LMOD_CMD``, ``$MODULES_CMD``, ``modulecmd``, or where it usually is."""
    named = [environment.get(name, "") for name in ("LMOD_CMD", "MODULES_CMD")]
    for path in (*named, find_program("modulecmd") or "", *_USUAL):
        if path and os.access(path, os.X_OK):
            return path
    return None


async def load(command: str, module: str, environment: Mapping[str, str], timeout_s: float) -> dict[str, str] | None:
    """Return the variables that loading a module would set, or ``None`` if there is no such module.

    Parameters
    ----------
    command : str
        As :func:`find_command` found it.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``, ``runtime_failed``.
    """
    finished = await run(Command([command, "python", "load", module], environment), timeout_s=timeout_s)
    return read(finished.output) or None


def read(output: str) -> dict[str, str]:
    """Read what ``lmod python load …`` or ``modulecmd.tcl python load …`` printed: a program, which is never run.

    Lines that are no assignment to a variable of the environment are messages for people, or none of our business.
    """
    found: dict[str, str] = {}
    for line in output.splitlines():
        if not line.startswith("os.environ["):
            continue
        try:
            statements = ast.parse(line.rstrip().rstrip(";")).body
        except (SyntaxError, ValueError):
            continue
        match statements:
            case [ast.Assign([ast.Subscript(slice=ast.Constant(str(name)))], ast.Constant(str(value)))]:
                found[name] = value
    return found


def loaded(names: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return the full name, as ``apptainer/1.4.5``, of the module of one of these names that is loaded."""
    for full in reversed(environment.get("LOADEDMODULES", "").split(":")):
        if full.partition("/")[0] in names or full in names:
            return full
    return None
