"""Kernels that an image ships with a kernelspec of their own, as xeus or bash: taken as they are.

Their command is run inside the container as ``kernel.json`` has it
(https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs). Whoever made the image wrote that file, and
parts of it end up in a script that runs on the host: what is read here is checked for its type, names of variables for
their form, and every word is quoted.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..containers import Isolated
from .base import Interpreter, KernelStart, Language, Packages
from .julia import Julia
from .python import Python
from .r import R

_MARK = "CONTAINER_KERNELS_KERNELSPEC "
#: Prints folder and contents of each, in one line; needs nothing but a shell. Line ends in JSON are but blanks. One
#: folder may be printed twice.
_PROBE = rf"""(
  cr=$(printf '\r')
  show() {{
    set +f
    for file in "$1"/*/kernel.json; do
      case $file in *[!A-Za-z0-9/._+@~=-]*) continue ;; esac
      if ! [ -f "$file" ] || ! [ -r "$file" ]; then continue; fi
      printf '{_MARK}%s ' "${{file%/kernel.json}}"
      while IFS= read -r line || [ -n "$line" ]; do printf '%s ' "${{line%"$cr"}}"; done < "$file"
      echo
    done
    set -f
  }}
  set -f
  IFS=:
  for place in $JUPYTER_PATH; do show "$place/kernels"; done
  for bin in $PATH; do show "${{bin%/*}}/share/jupyter/kernels"; done
  set +f
  for prefix in /usr/local /usr /opt/* /opt/conda/envs/*; do show "$prefix/share/jupyter/kernels"; done
)
"""
_CONNECTION_FILE = "{connection_file}"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What jupyter_client fills in: as ``string.Template`` has it.
_REFERENCE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})"
)
_TEXT_LENGTH = 100
#: The commands of kernels that we know how to start ourselves, without their first word.
_OUR_OWN = {
    "python": (["-m", "ipykernel_launcher", "-f", _CONNECTION_FILE], ["-m", "ipykernel", "-f", _CONNECTION_FILE]),
    "R": tuple([quiet, "-e", "IRkernel::main()", "--args", _CONNECTION_FILE] for quiet in ("--slave", "--no-echo")),
}


@dataclass(frozen=True)
class _Spec:
    """What of a ``kernel.json`` is of use to us."""

    argv: list[str]
    display_name: str
    language: str
    environment: dict[str, str]
    interrupt_mode: Literal["signal", "message"]
    metadata: dict[str, Any]


class KernelSpec(Language):
    """A kernel as the image ships it."""

    name = "kernelspec"
    title = "Kernelspec"
    kernel_package = "kernelspec"
    probe_script = _PROBE
    unset = ()
    test_cell = None
    logo = (
        '<path fill="#616161" d="M22 4 38 13v18l-16 9-16-9V13zm0 4.60L12.20 14 22 19.60 31.80 14zM10 17.50v11.20'
        'l10 5.60V23.20zm24 0-10 5.70v11.10l10-5.60z"/>'
    )

    def read_probe(self, output: str) -> list[Interpreter]:
        found: dict[str, Interpreter] = {}
        for line in output.split("\n"):
            if not line.startswith(_MARK):
                continue
            path, _, text = line.removeprefix(_MARK).partition(" ")
            try:
                told = json.loads(text)
            except (ValueError, RecursionError):
                continue  # Jupyter could not read it either
            spec = _read(told, path)
            if spec is not None:
                found.setdefault(path, Interpreter(self.name, path, "", posixpath.basename(path), asdict(spec)))
        ours = [each for language in (Python(), R(), Julia()) for each in language.read_probe(output)]
        shown: list[Interpreter] = []
        for each in found.values():
            again = any(
                each.kernel_version == other.kernel_version and each.details == other.details for other in shown
            )
            if not again and not _is_ours(_of(each), ours):  # one folder may be seen by two paths
                shown.append(each)
        return shown

    def order(self, interpreter: Interpreter) -> tuple[int, int]:
        return 2, self.rank  # after all that we know better

    def title_of(self, interpreter: Interpreter) -> str:
        return _of(interpreter).display_name

    def notes(self, interpreter: Interpreter) -> list[str]:
        return ["kernelspec of the image"]

    def kernelspec_language(self, interpreter: Interpreter) -> str:
        return _of(interpreter).language

    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        return None

    def installed(self, packages: Path) -> list[str]:
        return sorted({*Python().installed(packages), *R().installed(packages)})

    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        spec = _of(interpreter)
        environment = {"JPY_PARENT_PID": "1"}
        if isolated:  # for kernels that are written in Python or R
            environment |= {"PYTHONUSERBASE": str(packages.own), "PYTHONNOUSERSITE": ""}
            environment |= {"R_LIBS_USER": f"{packages.own}/R-%v", "R_ENVIRON_USER": "", "R_PROFILE_USER": ""}
        literal = {name: value for name, value in spec.environment.items() if not _REFERENCE.search(value)}
        filled_in = {name: value for name, value in spec.environment.items() if name not in literal}
        argv = _command(spec.argv, filled_in)
        return KernelStart(argv, environment | literal, spec.metadata, spec.interrupt_mode)


def _of(interpreter: Interpreter) -> _Spec:
    return _Spec(**interpreter.details)


def _read(told: Any, path: str) -> _Spec | None:
    """Return what a ``kernel.json`` in a folder inside the image says, or ``None`` if it cannot start a kernel."""
    if not isinstance(told, Mapping) or not _is_list_of_texts(told.get("argv")):
        return None
    places = {"{resource_dir}": path, "{prefix}": path.rpartition("/share/")[0]}
    argv = [re.sub(r"\{(?:resource_dir|prefix)\}", lambda match: places[match[0]], word) for word in told["argv"]]
    if not argv or not argv[0] or not any(_CONNECTION_FILE in word for word in argv):
        return None
    env, metadata = told.get("env"), told.get("metadata")
    kept: dict[str, Any] = {}
    if isinstance(metadata, Mapping):
        if isinstance(metadata.get("debugger"), bool):
            kept["debugger"] = metadata["debugger"]
        if _is_list_of_texts(metadata.get("supported_encryption")):
            kept["supported_encryption"] = metadata["supported_encryption"]
    name = posixpath.basename(path)
    return _Spec(
        argv=argv,
        display_name=_line(told.get("display_name")) or name,
        language=_line(told.get("language")) or name,
        environment={
            name: value
            for name, value in (env.items() if isinstance(env, Mapping) else ())
            if _VARIABLE.fullmatch(name) and _is_text(value)
        },
        interrupt_mode="message" if told.get("interrupt_mode") == "message" else "signal",
        metadata=kept,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value and value == _encodable(value)


def _encodable(value: str) -> str:
    """Return a text without halves of characters, which JSON can write and no file can hold."""
    return value.encode(errors="ignore").decode()


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _line(value: object) -> str:
    """Return a text that people read in one line, without what a terminal would obey."""
    text = _encodable(value) if isinstance(value, str) else ""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:_TEXT_LENGTH].strip()


def _is_ours(spec: _Spec, found: Sequence[Interpreter]) -> bool:
    """Tell whether a kernelspec says no more than that one of the interpreters that were found has a kernel."""
    rest = [word for word in spec.argv[1:] if word != "-Xfrozen_modules=off"]
    program, _, name = spec.argv[0].rpartition("/")
    for each in found:
        if each.language == "julia":
            same_command = any("IJulia" in word for word in rest)
        else:
            same_command = rest in _OUR_OWN[each.language]
        folders = {posixpath.dirname(each.path), posixpath.join(str(each.details.get("home", "")), "bin")}
        if same_command and name and not spec.environment and (not program or program in folders):
            return True
    return False


def _command(argv: list[str], variables: Mapping[str, str]) -> list[str]:
    """Return a command for the start script, which fills in the connection file only where it is a whole word.

    Where it is a part of one, or a variable refers to others (``/opt/x/bin:${PATH}``), a shell inside does that.
    """
    if not variables and all(word == _CONNECTION_FILE or _CONNECTION_FILE not in word for word in argv):
        return argv
    words = [('"$1"').join(shlex.quote(part) if part else "" for part in word.split(_CONNECTION_FILE)) for word in argv]
    lines = [f"export {name}={_expression(value)}" for name, value in variables.items()]
    return [
        "/bin/sh",
        "-c",
        "; ".join([*lines, "exec " + " ".join(word or "''" for word in words)]),
        "sh",
        _CONNECTION_FILE,
    ]


def _expression(value: str) -> str:
    """Write a value with references as a word of a shell, in which nothing else has a meaning."""
    written, at = "", 0
    for match in _REFERENCE.finditer(value):
        name = match["name"] or match["braced"]
        written += shlex.quote(value[at : match.start()]) + (f'"${{{name}-}}"' if name else "'$'")
        at = match.end()
    return written + shlex.quote(value[at:])
