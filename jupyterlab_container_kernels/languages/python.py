"""Python kernels: ipykernel, from the image or installed beside it.

What works for which image was measured: ``pip install --user`` with a user base of the kernel's own for an ordinary
Python, even one that its distribution manages (PEP 668); a target directory and ``PYTHONPATH`` for a virtual
environment, which knows no user base. Only what the image lacks is installed. The host's ``~/.local`` is never
mounted over: Jupyter's connection files lie below it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

from ..containers import Isolated
from ..errors import ContainerKernelsError
from ..models import Bind
from ..system import pip
from .base import Interpreter, KernelStart, Language, Packages, bind_at_same_path

_MARK = "CONTAINER_KERNELS_PYTHON "
#: Runs in whatever Python an image holds, so it is written for all of them, and says only its version before 3.8.
_PROBE = f"""
import json, os, sys
d = {{"path": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix}}
if sys.version_info >= (3, 8):
    import sysconfig
    from importlib import metadata
    def version(name):
        try:
            return metadata.version(name)
        except Exception:
            return None
    d["packages"] = {{name: version(name) for name in ("ipykernel", "debugpy", "pip", "ipywidgets")}}
    d["venv"] = sys.prefix != sys.base_prefix
    d["soabi"] = sysconfig.get_config_var("SOABI")
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    d["externally_managed"] = os.path.exists(marker)
    d["pythonpath"] = os.environ.get("PYTHONPATH", "")
sys.stdout.write("{_MARK}" + json.dumps(d) + chr(10))
"""
_CANDIDATES = (
    '"$(command -v python3)" "$(command -v python)" /opt/conda/bin/python3 /opt/venv/bin/python3 '
    "/opt/*/bin/python3 /usr/local/bin/python3 /usr/bin/python3"
)
#: Installs what a virtual environment lacks, and nothing that it has, into a directory: argv is TARGET PACKAGE …
_INSTALL_INTO_TARGET = """
import json, subprocess, sys
target, wanted = sys.argv[1], sys.argv[2:]
pip = [sys.executable, "-m", "pip", "install", "--no-input", "--no-cache-dir", "--disable-pip-version-check"]
report = subprocess.run(pip + ["--quiet", "--dry-run", "--report", "-"] + wanted, stdout=subprocess.PIPE)
if report.returncode:
    sys.exit(report.returncode)
missing = [each["metadata"] for each in json.loads(report.stdout)["install"]]
names = [each["name"] + "==" + each["version"] for each in missing]
print("Missing: " + " ".join(names), flush=True)
sys.exit(subprocess.call(pip + ["--no-deps", "--target", target] + names) if names else 0)
"""
#: Keeps a file beside the notebook from taking the place of a module that ipykernel needs.
_START = (
    "import runpy, sys; sys.path.pop(0); runpy.run_module('ipykernel_launcher', run_name='__main__', alter_sys=True)"
)
#: The oldest Python that ipykernel 6 and a pip of ours run on.
_OLDEST = (3, 8)
_OLDEST_FOR_OUR_PIP = (3, 10)


class Python(Language):
    """Python with ipykernel."""

    name = "python"
    title = "Python"
    kernel_package = "ipykernel"
    probe_script = (
        f'for python in {_CANDIDATES}; do\n  if [ -x "$python" ]; then "$python" -c {shlex.quote(_PROBE)}; fi\ndone\n'
    )
    unset = (
        "PYTHON*", "CONDA_*", "_CE_*", "VIRTUAL_ENV*", "MPLBACKEND", "IPYTHONDIR", "JUPYTER_CONFIG_*",
        "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON",
    )  # fmt: skip
    test_cell = ("1+1", "2")
    sleep_cell = "import time; time.sleep(60)"
    logo = (
        '<path fill="#3776ab" d="M21.8 4c-9.1 0-8.5 3.9-8.5 3.9V12H22v1.2H9.8S4 12.6 4 21.8s5.1 8.8 5.1 8.8h3v-4.2'
        's-.2-5.1 5-5.1h8.6s4.9.1 4.9-4.7V8.8S31.4 4 21.8 4zM17 6.8a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2z"/>'
        '<path fill="#ffd43b" d="M22.2 40c9.1 0 8.5-3.9 8.5-3.9V32H22v-1.2h12.2s5.8.6 5.8-8.6-5.1-8.8-5.1-8.8h-3v4.2'
        's.2 5.1-5 5.1h-8.6s-4.9-.1-4.9 4.7v7.8S12.6 40 22.2 40zM27 37.2a1.6 1.6 0 1 1 0-3.2 1.6 1.6 0 0 1 0 3.2z"/>'
    )

    def read_probe(self, output: str) -> list[Interpreter]:
        found: dict[tuple[str, str], Interpreter] = {}
        for line in output.splitlines():
            if not line.startswith(_MARK):
                continue
            try:
                told: dict[str, Any] = json.loads(line.removeprefix(_MARK))
                told.setdefault("packages", {})
                each = Interpreter(self.name, told["path"], told["version"], told["packages"].get("ipykernel"), told)
                found.setdefault((told["prefix"], each.version), each)
            except (ValueError, LookupError, TypeError, AttributeError):
                continue  # a line that was cut, or another one's
        usable = [each for each in found.values() if _version(each) >= _OLDEST]
        # the order of the probe is that of PATH; one that holds a kernel comes before one that does not
        return sorted(usable, key=lambda each: each.kernel_version is None)

    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        if interpreter.kernel_version is not None:
            return None
        environment, visible = pip.settings(os.environ, Path.home())
        binds = bind_at_same_path(packages, workspace, *visible)
        pip_version = _numbers(interpreter.details["packages"].get("pip") or "0")
        virtual = bool(interpreter.details.get("venv"))
        if pip_version < ((22, 2) if virtual else (1,)):
            if _version(interpreter) < _OLDEST_FOR_OUR_PIP:
                raise ContainerKernelsError(
                    "install_failed",
                    f"This image's Python {interpreter.version} has neither ipykernel nor a pip that could install it.",
                    "Take a newer image, or one that holds ipykernel.",
                )
            mounted = workspace / "pip" / "pip"
            mounted.mkdir(parents=True)
            environment["PYTHONPATH"] = str(mounted.parent)
            binds.append(Bind(str(pip.own_package()), str(mounted), True))
        if virtual:
            target = _target(interpreter, packages)
            target.mkdir(parents=True, exist_ok=True)
            argv = [interpreter.path, "-c", _INSTALL_INTO_TARGET, str(target), self.kernel_package]
        else:
            environment |= {"PYTHONUSERBASE": str(packages), "PYTHONNOUSERSITE": "", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
            argv = [interpreter.path, "-m", "pip", "install", "--user", "--no-input", "--no-cache-dir"]
            argv += ["--disable-pip-version-check", "--no-warn-script-location", self.kernel_package]
        environment |= {"TMPDIR": str(workspace), "PYTHONDONTWRITEBYTECODE": ""}
        return Isolated(image, argv, environment, binds)

    def installed(self, packages: Path) -> list[str]:
        names = []
        for directory in packages.glob("**/*-packages/*.dist-info"):
            names.append(directory)
        names += packages.glob("target-*/*.dist-info")
        return sorted({"==".join(each.name.removesuffix(".dist-info").rsplit("-", 1)) for each in names})

    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        environment = {"JPY_PARENT_PID": "1", "PYTHONNOUSERSITE": ""}
        own = packages.own
        if interpreter.details.get("venv"):
            target = str(_target(interpreter, own))
            of_image = interpreter.details.get("pythonpath")
            environment |= {"PYTHONPATH": f"{target}:{of_image}" if of_image else target, "PIP_TARGET": target}
        else:
            environment |= {"PYTHONUSERBASE": str(own), "PIP_USER": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
        installed = dict(each.split("==", 1) for each in self.installed(packages.shared or own))
        debugger = bool(interpreter.details["packages"].get("debugpy") or installed.get("debugpy"))
        kernel_version = _numbers(interpreter.kernel_version or installed.get("ipykernel", "0"))
        return KernelStart(
            [interpreter.path, "-c", _START, "-f", "{connection_file}"],
            environment,
            {"debugger": True} if debugger and kernel_version >= (6,) else {},
        )


def _target(interpreter: Interpreter, packages: Path) -> Path:
    """Return where packages of a virtual environment go; compiled ones fit one ABI, so it is in the name."""
    return packages / f"target-{interpreter.details.get('soabi') or interpreter.version}"


def _version(interpreter: Interpreter) -> tuple[int, ...]:
    return _numbers(interpreter.version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
