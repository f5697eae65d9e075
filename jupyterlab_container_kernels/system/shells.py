"""What a shell of the user's would find: after ``/etc/profile``, and after the user's own dotfiles.

Dotfiles print, read, exit, hang, replace their shell. So there is nothing to read, the time is limited, all that was
started ends with it, and only lines that begin with a word that nobody can know are looked at.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .modules import Difference, difference, loaded
from .process import Command, run

_BASH = "/bin/bash"
_PROFILE = "/etc/profile"
#: A shell begins with these alone: what is set already makes many a profile do nothing.
_KEPT = ("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR")
_PATH = "/usr/local/bin:/usr/bin:/bin"
#: Arguments: mark, module or nothing, programs. Written so that `set -e`, aliases and functions of dotfiles do no harm.
_REPORT = r"""
\builtin set +eu; \builtin unalias -a
mark=$1 module=$2
\builtin shift 2
look() {
  \builtin local name program
  for name in "${programs[@]}"; do
    program=$(\builtin type -P "$name") || \builtin continue
    \builtin printf '\n%s PROGRAM %s\n' "$mark" "$program"
  done
}
programs=("$@")
found=$(look)
if [ -z "$found" ] && \builtin declare -F module > /dev/null; then
  for name in ${module:-"$@"}; do
    module load "$name" > /dev/null 2>&1 < /dev/null
    found=$(look)
    if [ -n "$found" ]; then \builtin printf '\n%s MODULE %s\n' "$mark" "$name"; \builtin break; fi
  done
fi
\builtin printf '%s\n' "$found"
for name in PATH LD_LIBRARY_PATH LOADEDMODULES "${!APPTAINER_@}" "${!SINGULARITY_@}"; do
  \builtin printf '\n%s SET %s=%s\n' "$mark" "$name" "${!name}"
done
\builtin printf '\n%s END\n' "$mark"
"""


@dataclass(frozen=True)
class Shell:
    """What a shell found.

    Parameters
    ----------
    has_ended : bool
        It came to its end; else a dotfile ended or replaced it.
    programs : sequence of str
        Absolute paths.
    module : str or None
        The module that had to be loaded for them.
    difference : Difference
        What is different in it from the session's own environment.
    """

    has_ended: bool
    programs: Sequence[str]
    module: str | None
    difference: Difference


async def ask(
    *, login: bool, programs: Sequence[str], module: str, environment: Mapping[str, str], timeout_s: float
) -> Shell:
    """Start a shell and return what it finds.

    Parameters
    ----------
    login : bool
        As at a login, with the user's dotfiles; else with ``/etc/profile`` alone.
    programs : sequence of str
        Names of programs, best first; modules of these names are tried where there are no such programs.
    module : str
        The module to try instead. May be empty.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``, ``runtime_failed``.
    """
    mark = secrets.token_hex(16)
    script = _REPORT if login else f". {_PROFILE} > /dev/null 2>&1\n{_REPORT}"
    options = ["--login"] if login else ["--noprofile", "--norc"]
    env = {name: environment[name] for name in _KEPT if name in environment}
    env |= {"PATH": _PATH, "TERM": "dumb", "SHELL": _BASH}
    argv = [_BASH, *options, "-c", script, "bash", mark, module, *programs]
    finished = await run(Command(argv, env), timeout_s=timeout_s)
    return _read(finished.output, mark, environment)


def _read(output: str, mark: str, environment: Mapping[str, str]) -> Shell:
    lines = [line.removeprefix(f"{mark} ") for line in output.splitlines() if line.startswith(f"{mark} ")]
    words = [line.partition(" ")[::2] for line in lines]
    variables = dict(rest.split("=", 1) for kind, rest in words if kind == "SET" and "=" in rest)
    found = [rest for kind, rest in words if kind == "PROGRAM" and rest.startswith("/")]
    module = next((rest for kind, rest in words if kind == "MODULE"), None)
    changes = difference(environment, variables)
    # of PATH only what a module added is known to be needed; the rest is how people like their shells
    changes = changes if module else Difference(changes.values)
    return Shell("END" in lines, found, _full_name(module, variables), changes)


def _full_name(module: str | None, variables: Mapping[str, str]) -> str | None:
    return module and (loaded([module], variables) or module)
