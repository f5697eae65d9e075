"""Julia kernels: IJulia, from the image or installed into a depot of the kernel's own.

Julia writes into the first of its depots (https://docs.julialang.org/en/v1/manual/environment-variables/), which an
image cannot be: the kernel's own comes first, then the set that kernels share, then those of the image. What the image
has in its default environment stays loadable from there, at the end of ``JULIA_LOAD_PATH``.

How IJulia is started is from its ``deps/kspec.jl`` and changelog: since 1.28 by ``IJulia.run_kernel()``, before that by
its file ``src/kernel.jl``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import dacite

from ..containers import Isolated
from .base import Interpreter, KernelStart, Language, Packages, ask_each, bind_at_same_path

_MARK = "CONTAINER_KERNELS_JULIA "
#: IJulia is not loaded. Julia has no JSON of its own.
_PROBE = f"""
text(s) = "\\"" * replace(replace(s, "\\\\" => "\\\\\\\\"), "\\"" => "\\\\\\"") * "\\""
list(v) = "[" * join(map(text, v), ",") * "]"
ijulia = Base.find_package("IJulia")
version = ""
if ijulia !== nothing
    project = joinpath(dirname(dirname(ijulia)), "Project.toml")
    m = isfile(project) ? match(r"^version *= *\\"([^\\"]+)\\""m, read(project, String)) : nothing
    version = m === nothing ? "0" : String(m[1])
end
environment = Base.load_path_expand("@v#.#")
println("{_MARK}{{\\"path\\":", text(ENV["CONTAINER_KERNELS_CANDIDATE"]), ",\\"version\\":", text(string(VERSION)),
    ",\\"ijulia\\":", text(ijulia === nothing ? "" : ijulia), ",\\"ijulia_version\\":", text(version),
    ",\\"depots\\":", list(DEPOT_PATH), ",\\"load_path\\":", list(LOAD_PATH), ",\\"home\\":", text(homedir()),
    ",\\"environment\\":", text(environment !== nothing && isfile(environment) ? environment : ""),
    ",\\"machine\\":", text(Sys.MACHINE), ",\\"project\\":", text(get(ENV, "JULIA_PROJECT", "")), "}}")
"""
_CANDIDATES = '"$(command -v julia)" /opt/julia/bin/julia /opt/julia*/bin/julia /usr/local/bin/julia /usr/bin/julia'
#: A site's mirror of packages and its certificates, in Julia's own variables.
_SETTINGS = ("JULIA_PKG_SERVER", "JULIA_PKG_PRESERVE_TIERED_INSTALLED", "JULIA_SSL_CA_ROOTS_PATH")
#: Since this version an empty entry of JULIA_DEPOT_PATH stands for what is bundled with Julia, without ``~/.julia``.
_EMPTY_IS_BUNDLED = (1, 11)
_RUN_KERNEL = (1, 28)
_GPU = """\
let program = Sys.which("nvidia-smi")
    if program === nothing
        println("nvidia-smi is not there, so Julia cannot tell.")
    else
        for line in eachline(ignorestatus(`$program -L`))
            println(replace(line, r"^GPU [0-9]+: (.*) [(]UUID.*$" => s"CONTAINER_KERNELS_GPU \\1"))
        end
    end
end"""
_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.+-]*")


@dataclass(frozen=True)
class _Told:
    """What the probe tells; texts are empty where there is nothing to tell.

    Parameters
    ----------
    path, version : str
    ijulia, ijulia_version : str
        The main file of IJulia in the image, and its version.
    depots, load_path : list of str
        ``DEPOT_PATH`` and ``LOAD_PATH`` in the image.
    home : str
        The home directory, in which one of the depots lies by default.
    environment : str
        The file of the default environment.
    machine : str
        Its processor, system and libc, as ``x86_64-linux-gnu``.
    project : str
        The image's own ``JULIA_PROJECT``.
    """

    path: str
    version: str
    ijulia: str
    ijulia_version: str
    depots: list[str]
    load_path: list[str]
    home: str
    environment: str
    machine: str
    project: str


class Julia(Language):
    """Julia with IJulia."""

    name = "julia"
    title = "Julia"
    kernel_package = "IJulia"
    rank = 2
    probe_script = ask_each(_CANDIDATES, f"--startup-file=no -e {shlex.quote(_PROBE)}")
    unset = ("JULIA_*",)
    test_cell = ("1+1", "2")
    sleep_cell = "sleep(60)"
    gpu_cell = _GPU
    logo = (
        '<circle cx="20" cy="11.50" r="7.50" fill="#389826"/><circle cx="11" cy="27" r="7.50" fill="#cb3c33"/>'
        '<circle cx="29" cy="27" r="7.50" fill="#9558b2"/>'
    )

    def read_probe(self, output: str) -> list[Interpreter]:
        found: dict[tuple[str, ...], Interpreter] = {}
        for line in output.split("\n"):
            if not line.startswith(_MARK):
                continue
            try:
                told = dacite.from_dict(_Told, json.loads(line.removeprefix(_MARK)))
                json.dumps(asdict(told), ensure_ascii=False).encode()  # or it cannot be written into a file
            except (ValueError, TypeError, AttributeError, RecursionError, dacite.DaciteError):
                continue  # it was cut, or is another one's
            if not _VERSION.fullmatch(told.version):
                continue
            kernel_version = told.ijulia_version if told.ijulia else None
            each = Interpreter(self.name, told.path, told.version, kernel_version, asdict(told))
            # two names of one Julia have the same bundled depots
            found.setdefault((each.version, *told.depots), each)
        return sorted(found.values(), key=lambda each: each.kernel_version is None)

    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        if interpreter.kernel_version is not None:
            return None
        environment = {name: os.environ[name] for name in _SETTINGS if os.environ.get(name)}
        certificates = Path(environment.get("JULIA_SSL_CA_ROOTS_PATH", ""))
        visible = [certificates] if certificates.is_absolute() and certificates.exists() else []
        environment |= {
            "JULIA_DEPOT_PATH": _depots(interpreter, [packages]),
            "JULIA_PROJECT": str(_environment(interpreter, packages)),
            "TMPDIR": str(workspace),
            "IJULIA_NODEFAULTKERNEL": "true",  # it would write a kernelspec of the host's Julia
        }
        script = 'import Pkg; Pkg.add("IJulia"); import IJulia'
        argv = [interpreter.path, "--startup-file=no", "--color=no", "-e", script]
        return Isolated(image, argv, environment, bind_at_same_path(packages, workspace, *visible))

    def describe(self, interpreter: Interpreter, packages: Path) -> dict[str, Any]:
        # a set has an environment of its own, and what is compiled comes from Julia's own builds
        return {"version": interpreter.version, "machine": interpreter.details["machine"]}

    def fits(self, described: Mapping[str, Any], interpreter: Interpreter) -> bool:
        return described == self.describe(interpreter, Path())

    def installed(self, packages: Path) -> list[str]:
        names = []
        for project in _depot(packages).glob("packages/*/*/Project.toml"):
            if version := re.search(r'^version\s*=\s*"([^"]+)"', project.read_text(errors="replace"), re.MULTILINE):
                names.append(f"{project.parent.parent.name}=={version[1]}")
        return sorted(set(names))

    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        told = _Told(**interpreter.details)
        own = [each for each in (packages.own, packages.shared) if each is not None]
        load = list(told.load_path)
        load += [str(_environment(interpreter, packages.shared))] if packages.shared else []
        load += [str(Path(told.environment).parent)] if told.environment else []
        argv = [interpreter.path, "-i", "--color=yes", *([] if told.project else ["--project=@."])]
        argv += [*self._run(interpreter, packages), "{connection_file}"]
        environment = {
            "JULIA_DEPOT_PATH": _depots(interpreter, own, [] if isolated else ["~/.julia"]),
            "JULIA_LOAD_PATH": ":".join(load),
        }
        return KernelStart(argv, environment, {})

    def _run(self, interpreter: Interpreter, packages: Packages) -> list[str]:
        """Return the options by which Julia runs the IJulia of the image, or the one that was installed."""
        depot = packages.shared or packages.own
        installed = dict(each.split("==") for each in self.installed(depot))
        version = interpreter.kernel_version or installed.get(self.kernel_package)
        if version is None or _numbers(version) >= _RUN_KERNEL:
            return ["-e", "import IJulia; IJulia.run_kernel()"]
        if interpreter.kernel_version is not None:
            return [str(Path(interpreter.details["ijulia"]).with_name("kernel.jl"))]
        return [str(each) for each in _depot(depot).glob("packages/IJulia/*/src/kernel.jl")][:1]

    def prepare(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> None:
        # the default environment is the first that exists; it has to be one that can be written
        project = _environment(interpreter, packages.own) / "Project.toml"
        project.parent.mkdir(parents=True, exist_ok=True)
        project.touch()


def _depot(packages: Path) -> Path:
    return packages / "julia"


def _environment(interpreter: Interpreter, packages: Path) -> Path:
    """Return the folder of the default environment, as ``environments/v1.10``, in a directory of packages."""
    major, minor = _numbers(interpreter.version)
    return _depot(packages) / "environments" / f"v{major}.{minor}"


def _depots(interpreter: Interpreter, packages: list[Path], more: list[str] | None = None) -> str:
    """Return ``JULIA_DEPOT_PATH``: the directories of packages, more, and the image's without those in a home."""
    told = _Told(**interpreter.details)
    users = told.home.rstrip("/") + "/.julia"
    of_image = [each for each in told.depots if each != users]
    bundled = [""] if _numbers(interpreter.version) >= _EMPTY_IS_BUNDLED else []
    return ":".join([*(str(_depot(each)) for each in packages), *(more or []), *of_image, *bundled])


def _numbers(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version; what follows, as ``-rc1``, does not count."""
    found = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return (*found, 0, 0)[:2]  # type: ignore[return-value]
