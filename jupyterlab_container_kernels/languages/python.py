"""Python kernels: ipykernel, from the image or installed beside it.

What works for which image was measured: ``pip install --user`` with a user base of our own for an ordinary Python, even
one that its distribution manages (PEP 668); a target directory and ``PYTHONPATH`` for a virtual environment, which
knows no user base. Only what the image lacks is installed, into a set that kernels share; what the user installs from a
notebook goes into the kernel's own directory. On ``sys.path`` the kernel's own comes first, then the set, then the
image. The host's ``~/.local`` is never mounted over: Jupyter's connection files lie below it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dacite

from ..containers import Isolated
from ..errors import ContainerKernelsError
from ..models import Bind
from ..system import paths, pip
from ..system.process import Command
from . import python_gpu, python_probe
from .base import Interpreter, KernelStart, Language, Packages, bind_at_same_path
from .python_probe import Facts

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
#: Keeps a file beside the notebook from taking the place of a module that ipykernel needs. What every start imports is
#: read as bytecode from outside the image: thousands of small reads through FUSE cost a quarter of a start. Only that:
#: the user's own imports find the bytecode that the image holds. Where files have no times, as in images made by Nix,
#: nobody could tell old bytecode from new.
_START = """\
import importlib, os, runpy, sys
sys.path[0] or sys.path.pop(0)
cache = os.environ.pop("CONTAINER_KERNELS_PYCACHE", "")
if cache and os.stat(importlib.__file__).st_mtime > 4e8:
    usual = sys.pycache_prefix, sys.dont_write_bytecode
    sys.pycache_prefix, sys.dont_write_bytecode = cache, False
    for name in "ipykernel.kernelapp", "ipykernel.debugger", "IPython.core.completerlib", "sqlite3", "xmlrpc.server":
        try:
            importlib.import_module(name)
        except Exception:
            break # ipykernel says better itself what it lacks
    sys.pycache_prefix, sys.dont_write_bytecode = usual
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""
_CACHE_VARIABLE = "CONTAINER_KERNELS_PYCACHE"
_CACHE = "pycache"
#: A variable that names directories to look into after the user's own; see https://docs.python.org/3/library/site.html.
#: It is set by the start script, so that a kernel that is mended keeps its old ones until the new ones have worked.
_PLACES_VARIABLE = "CONTAINER_KERNELS_SITES"
_PLACES_FILE = "container-kernels.pth"
_PLACES_LINE = (
    "import os, site; "
    f"list(map(site.addsitedir, filter(None, os.environ.get('{_PLACES_VARIABLE}', '').split(os.pathsep))))\n"
)
#: Older ones do not know the tags of today's wheels (PEP 600), or cannot tell what is missing.
_OLDEST_PIP = (20, 3)
_OLDEST_PIP_THAT_REPORTS = (22, 2)
#: Variables of pip that an image may set for its own making, and that would lead our installations elsewhere.
_NOT_OF_THE_IMAGE = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_COMPILE")
_DEBUGGER_SINCE = (6,)
#: What ipykernel's own kernelspec says from 7.3 on (``ipykernel/kernelspec.py``).
_ENCRYPTION_SINCE = (7, 3)


@dataclass(frozen=True)
class _Described:
    """What a set was made for and holds: names are normalized.

    Parameters
    ----------
    soabi, machine : str
    libc : str
        Its name, as ``glibc``.
    libc_version : list of int
        The oldest one that the compiled parts run with.
    provides, counts_on : mapping of str to str
        Distributions in the set, and those of the image that they need: name → version.
    replaces : mapping of str to str
        Distributions of the image that were too old, and of which the set holds newer ones.
    """

    soabi: str
    machine: str
    libc: str
    libc_version: list[int]
    provides: dict[str, str]
    counts_on: dict[str, str]
    replaces: dict[str, str]


class Python(Language):
    """Python with ipykernel."""

    name = "python"
    title = "Python"
    kernel_package = "ipykernel"
    probe_script = python_probe.SCRIPT
    direct_probes = python_probe.DIRECT
    unset = (
        "PYTHON*", "CONDA_*", "_CE_*", "VIRTUAL_ENV*", "MPLBACKEND", "IPYTHONDIR", "JUPYTER_CONFIG_*",
        "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON",
    )  # fmt: skip
    test_cell = ("1+1", "2")
    sleep_cell = "import time; time.sleep(60)"
    gpu_cell = python_gpu.CELL
    logo = (
        '<path fill="#3776ab" d="M21.8 4c-9.1 0-8.5 3.9-8.5 3.9V12H22v1.2H9.8S4 12.6 4 21.8s5.1 8.8 5.1 8.8h3v-4.2'
        's-.2-5.1 5-5.1h8.6s4.9.1 4.9-4.7V8.8S31.4 4 21.8 4zM17 6.8a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2z"/>'
        '<path fill="#ffd43b" d="M22.2 40c9.1 0 8.5-3.9 8.5-3.9V32H22v-1.2h12.2s5.8.6 5.8-8.6-5.1-8.8-5.1-8.8h-3v4.2'
        's.2 5.1-5 5.1h-8.6s-4.9-.1-4.9 4.7v7.8S12.6 40 22.2 40zM27 37.2a1.6 1.6 0 1 1 0-3.2 1.6 1.6 0 0 1 0 3.2z"/>'
    )

    def read_probe(self, output: str) -> list[Interpreter]:
        found: dict[tuple[str, str], Interpreter] = {}
        for facts in filter(None, map(python_probe.read, output.splitlines())):
            each = Interpreter(self.name, facts.path, facts.version, facts.packages.get("ipykernel"), asdict(facts))
            found.setdefault((facts.prefix, facts.version), each)
        # the order of the probe is that of PATH; one that holds a kernel comes before one that does not
        return sorted(found.values(), key=lambda each: each.kernel_version is None)

    def notes(self, interpreter: Interpreter) -> list[str]:
        facts = python_probe.facts_of(interpreter.details)
        told = {
            "conda": facts.conda and not facts.venv,
            "virtual environment": facts.venv,
            "managed by its distribution": facts.externally_managed,
            f"with ipykernel {interpreter.kernel_version}": interpreter.kernel_version is not None,
        }
        return [note for note, holds in told.items() if holds]

    def before_install(self, interpreter: Interpreter, workspace: Path, wheelhouse: Path | None) -> Command | None:
        facts = python_probe.facts_of(interpreter.details)
        if _has_pip_that_will_do(facts) or pip.own_fits(_numbers(facts.version)):
            return None
        return pip.fetch(_numbers(facts.version), _fetched(workspace), os.environ, wheelhouse)

    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        if interpreter.kernel_version is not None:
            return None
        facts = python_probe.facts_of(interpreter.details)
        environment, visible = pip.settings(os.environ, Path.home())
        binds = bind_at_same_path(packages, workspace, *visible)
        environment |= {name: "" for name in _NOT_OF_THE_IMAGE}
        if not _has_pip_that_will_do(facts):
            place, bind = _provide_pip(facts, workspace)
            environment["PYTHONPATH"] = _joined([place, facts.pythonpath])
            binds += bind
        # without pip, nothing could be installed from a notebook
        wanted = [self.kernel_package] if facts.packages.get("pip") else [self.kernel_package, "pip"]
        if _takes_user_packages(facts):
            environment |= {"PYTHONUSERBASE": str(packages), "PYTHONNOUSERSITE": "", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
            argv = [facts.path, "-m", "pip", "install", "--user", "--no-input", "--no-cache-dir"]
            argv += ["--disable-pip-version-check", "--no-warn-script-location", *wanted]
        else:
            target = _target(facts, packages)
            target.mkdir(parents=True, exist_ok=True)
            argv = [facts.path, "-c", _INSTALL_INTO_TARGET, str(target), *wanted]
        environment |= {"TMPDIR": str(workspace), "PYTHONDONTWRITEBYTECODE": ""}
        return Isolated(image, argv, environment, binds)

    def from_wheelhouse(self, step: Isolated, wheelhouse: Path) -> Isolated:
        environment = pip.offline(step.environment, wheelhouse)
        binds = [*step.binds, Bind(str(wheelhouse), str(wheelhouse), True)]
        return Isolated(step.image, step.argv, environment, binds)

    def kind(self, interpreter: Interpreter) -> str:
        facts = python_probe.facts_of(interpreter.details)
        words = [facts.soabi or facts.version, *facts.libc[:1]]
        return "-".join(words if facts.machine in words[0] else [*words, facts.machine])

    def describe(self, interpreter: Interpreter, packages: Path) -> dict[str, Any]:
        facts = python_probe.facts_of(interpreter.details)
        distributions = list(_distributions(packages))
        provides = {pip.normalized(name): version for name, version, _ in distributions}
        needed = {name for _, _, directory in distributions for name in pip.requirements(directory)}
        there = facts.distributions
        return asdict(
            _Described(
                soabi=facts.soabi or facts.version,
                machine=facts.machine,
                libc="".join(facts.libc[:1]),
                libc_version=_least_libc(facts, [directory for _, _, directory in distributions]),
                provides=provides,
                counts_on={name: there[name] for name in sorted(needed - set(provides)) if name in there},
                replaces={name: there[name] for name in sorted(provides) if name in there},
            )
        )

    def fits(self, described: Mapping[str, Any], interpreter: Interpreter) -> bool:
        facts = python_probe.facts_of(interpreter.details)
        try:
            made = dacite.from_dict(_Described, described)
        except dacite.DaciteError:
            return False
        same = (made.soabi, made.machine, made.libc) == (
            facts.soabi or facts.version, facts.machine, "".join(facts.libc[:1]),
        )  # fmt: skip
        new_enough = made.libc_version <= list(_numbers("".join(facts.libc[1:2])))
        there = facts.distributions
        shadows_nothing = all(there.get(name) == made.replaces.get(name) for name in made.provides)
        counts_on_the_same = all(there.get(name) == version for name, version in made.counts_on.items())
        with_pip = bool(facts.packages.get("pip")) or "pip" in made.provides
        return same and new_enough and shadows_nothing and counts_on_the_same and with_pip

    def installed(self, packages: Path) -> list[str]:
        return sorted({f"{name}=={version}" for name, version, _ in _distributions(packages)})

    def prepare(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> None:
        facts = python_probe.facts_of(interpreter.details)
        shutil.rmtree(packages.own / _CACHE, ignore_errors=True)  # it may be of another image
        if not _takes_user_packages(facts):
            paths.make_private(_target(facts, packages.own))
            return
        site = paths.make_private(packages.own / _user_site(facts))
        paths.write_private(site / _PLACES_FILE, _PLACES_LINE)

    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        facts = python_probe.facts_of(interpreter.details)
        own, shared = packages.own, _sites(packages.shared) if packages.shared else []
        environment = {"JPY_PARENT_PID": "1", "PYTHONNOUSERSITE": "", "PIP_PREFIX": ""}
        environment[_CACHE_VARIABLE] = str(own / _CACHE)
        if _takes_user_packages(facts):
            host = [] if isolated else [Path.home() / ".local" / _user_site(facts)]
            environment |= {
                "PYTHONUSERBASE": str(own), _PLACES_VARIABLE: _joined([*shared, *host]),
                "PIP_USER": "1", "PIP_TARGET": "", "PIP_BREAK_SYSTEM_PACKAGES": "1",
            }  # fmt: skip
        else:
            target = _target(facts, own)
            environment |= {
                "PYTHONPATH": _joined([target, *shared, facts.pythonpath]),
                "PIP_TARGET": str(target), "PIP_USER": "",
            }  # fmt: skip
        if not isolated:  # what would lead the image's Python to the host's files
            environment |= {"PYTHONHOME": facts.pythonhome, "PIP_REQUIRE_VIRTUALENV": "", "PIP_PYTHON": ""}
        argv = [facts.path, "-c", _START, "-f", "{connection_file}"]
        return KernelStart(argv, environment, self._metadata(interpreter, packages))

    def _metadata(self, interpreter: Interpreter, packages: Packages) -> dict[str, Any]:
        """Return what ipykernel's own kernelspec would say, as far as it holds here."""
        facts = python_probe.facts_of(interpreter.details)
        installed = dict(each.split("==", 1) for each in self.installed(packages.shared)) if packages.shared else {}
        version = _numbers(installed.get("ipykernel") or interpreter.kernel_version or "0")
        metadata: dict[str, Any] = {}
        if version >= _DEBUGGER_SINCE and (installed.get("debugpy") or facts.packages.get("debugpy")):
            metadata["debugger"] = True
        # pyzmq's wheels hold a ZeroMQ that can encrypt; one of the image was asked
        if version >= _ENCRYPTION_SINCE and ("pyzmq" in installed or facts.curve):
            metadata["supported_encryption"] = ["curve"]
        return metadata


def _takes_user_packages(facts: Facts) -> bool:
    """Tell whether ``pip install --user`` works and its packages are seen."""
    return facts.user_site and not facts.venv


def _has_pip_that_will_do(facts: Facts) -> bool:
    oldest = _OLDEST_PIP if _takes_user_packages(facts) else _OLDEST_PIP_THAT_REPORTS
    return _numbers(facts.packages.get("pip") or "0") >= oldest


def _provide_pip(facts: Facts, workspace: Path) -> tuple[Path, list[Bind]]:
    """Return the directory inside from which ``pip`` can be imported, and what has to be mounted for that.

    Raises
    ------
    ContainerKernelsError
        ``install_failed``: there is none that fits.
    """
    place = workspace / "pip"
    mounted = place / "pip"
    mounted.mkdir(parents=True, exist_ok=True)
    wheel = pip.wheel_in(_fetched(workspace))
    if wheel is not None:
        pip.unpack(wheel, place)
        return place, []
    own = pip.own_package()
    if own is None or not pip.own_fits(_numbers(facts.version)):
        raise ContainerKernelsError(
            "install_failed",
            f"This image's Python {facts.version} has neither ipykernel nor a pip that could install it.",
            "Take a newer image, or one that holds ipykernel.",
        )
    return place, [Bind(str(own), str(mounted), True)]


def _fetched(workspace: Path) -> Path:
    return workspace / "fetched"


def _target(facts: Facts, packages: Path) -> Path:
    """Return where packages of a virtual environment go; compiled ones fit one ABI, so it is in the name."""
    return packages / f"target-{facts.soabi or facts.version}"


def _user_site(facts: Facts) -> Path:
    """Return where Python looks for a user's own packages, below the user base."""
    version = ".".join(facts.version.split(".")[:2])
    return Path(facts.user_site_path or f"lib/python{version}/site-packages")


def _sites(packages: Path) -> list[Path]:
    """Return the directories among packages that belong on ``sys.path``."""
    patterns = {"lib": "python*/*-packages", "local": "lib*/python*/*-packages", "target-": ""}
    found: list[Path] = []
    try:
        entries = [entry for entry in os.scandir(packages) if entry.name.startswith(tuple(patterns))]
    except OSError:
        return []
    for entry in entries:
        pattern = next(pattern for start, pattern in patterns.items() if entry.name.startswith(start))
        found += Path(entry.path).glob(pattern) if pattern else [Path(entry.path)]
    return sorted(found)


def _distributions(packages: Path) -> Iterable[tuple[str, str, Path]]:
    """Return name, version and directory of what is installed among packages."""
    for site in _sites(packages):
        for directory in (*site.glob("*.dist-info"), *site.glob("*.egg-info")):
            found = re.fullmatch(r"(.+?)-([^-]+)(?:-py[\d.]+(?:-.+)?)?", directory.name.rpartition(".")[0])
            if found:
                yield found[1], found[2], directory


def _least_libc(facts: Facts, directories: list[Path]) -> list[int]:
    """Return the oldest libc that compiled parts of distributions run with: their wheels' tags name it (PEP 600)."""
    here = list(_numbers("".join(facts.libc[1:2])))[:2]
    least = [0]
    for directory in directories:
        tags = pip.platform_tags(directory)
        if any(tag == "any" for tag in tags):
            continue
        named = [list(numbers) for numbers in map(pip.libc_of, tags) if numbers is not None]
        # a wheel of several tags runs with the oldest of them; one of none was built here
        least = max(least, min(named, default=here))
    return least


def _joined(places: Iterable[Path | str]) -> str:
    return os.pathsep.join(str(place) for place in places if str(place))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
