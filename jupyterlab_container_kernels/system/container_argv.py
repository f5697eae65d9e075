"""Reads command lines of container runtimes: which image they start, with which folders, GPU and command.

Options are those of the manual pages of Apptainer 1.4, Podman 5, podman-hpc 1.1, Docker 27, Shifter, Charliecloud 0.39
and udocker 1.3.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..models import Bind

_APPTAINER_VALUES = {
    "-B", "--bind", "--mount", "--env", "--env-file", "-H", "--home", "--pwd", "--cwd", "-o", "--overlay", "-W",
    "--workdir", "-S", "--scratch", "--network", "--network-args", "--dns", "--hostname", "--app", "--security",
    "--fusemount", "--add-caps", "--drop-caps", "--apply-cgroups", "--pem-path", "--authfile", "--memory", "--cpus",
    "--cpu-shares", "--cpuset-cpus", "--cpuset-mems", "--memory-swap", "--memory-reservation", "--blkio-weight",
    "--blkio-weight-device", "--pids-limit", "--no-mount", "--data", "--device", "--cdi-dirs", "--config",
}  # fmt: skip
_OCI_FLAGS = {
    "--rm", "-i", "-t", "--interactive", "--tty", "--init", "--privileged", "--read-only", "--no-hosts", "-d",
    "--detach", "--replace", "--gpu", "--mpi", "--cuda-mpi", "--openmpi-pmi2", "--openmpi-pmix", "--nccl", "--jupyter",
    "--no-healthcheck", "-P", "--publish-all", "--env-host", "--http-proxy", "--sig-proxy", "--oom-kill-disable",
    "--read-only-tmpfs", "--rmi", "--tls-verify", "-q", "--quiet", "--rootfs", "--cvmfs", "--systemd", "--passwd",
    "--no-hostname", "--remote", "-r", "--debug", "-D", "--log", "--nocache", "--allow-root", "--hostauth",
    "--bindhome", "--hostenv", "--dri", "--nosysdirs", "--nobanner", "--nometa", "--containerauth", "--device-read",
}  # fmt: skip
_SHIFTER_VALUES = {"-i", "--image", "-V", "--volume", "-m", "--module", "-e", "--env", "--env-file", "-w", "--workdir"}
_CH_RUN_VALUES = {"-b", "--bind", "-c", "--cd", "-m", "--mount", "-u", "--uid", "-g", "--gid", "-s", "--storage", "-j"}
_GPU_OPTIONS = {"--nv", "--nvccli", "--rocm", "--gpu", "--gpus"}
#: Programs that start containers, and the family whose command line they have.
PROGRAMS = {
    "apptainer": "apptainer", "singularity": "apptainer", "podman": "oci", "podman-hpc": "oci", "docker": "oci",
    "nerdctl": "oci", "udocker": "oci", "shifter": "shifter", "ch-run": "charliecloud",
}  # fmt: skip
#: Any of them as a word of its own, for files that cannot be read otherwise.
MENTIONED = re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(PROGRAMS, key=len, reverse=True))})(?![\w-])")


@dataclass
class Run:
    """What a command line starts.

    Parameters
    ----------
    runtime : str
        Its name, as ``singularity``.
    program : str
        As it is written, maybe a full path.
    image : str
        A path or a reference, as it is written.
    argv : list of str
        The command inside.
    options : set of str
        All options by their long or short names, without values.
    """

    runtime: str
    program: str
    image: str = ""
    argv: list[str] = field(default_factory=list)
    gpu: bool = False
    binds: list[Bind] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    options: set[str] = field(default_factory=set)

    @property
    def family(self) -> str:
        """Whose command line it has: ``apptainer``, ``oci``, ``shifter``, ``charliecloud``."""
        return PROGRAMS[self.runtime]


def read(words: Sequence[str]) -> Run | None:
    """Return what a command starts, or ``None`` if it starts no container."""
    program = words[0] if words else ""
    name = PurePosixPath(program).name
    if name == "envkernel":
        return _envkernel(words)
    if name not in PROGRAMS:
        return None
    run = Run(name, program)
    rest = list(words[1:])
    if run.family == "apptainer":
        return _apptainer(run, rest)
    if run.family == "oci":
        return _oci(run, rest)
    if run.family == "shifter":
        run.argv = _options(run, rest, lambda option: option in _SHIFTER_VALUES)
        return run
    rest = _options(run, rest, lambda option: option in _CH_RUN_VALUES)
    if not rest:
        return None
    run.image, run.argv = rest[0], [word for word in rest[1:] if word != "--"]
    return run


def _apptainer(run: Run, rest: list[str]) -> Run | None:
    rest = _options(run, rest, lambda option: option in ("-c", "--config"))
    if not rest or rest[0] not in ("exec", "run", "shell"):
        return None
    run.options.clear()
    rest = _options(run, rest[1:], lambda option: option in _APPTAINER_VALUES)
    if not rest:
        return None
    run.image, run.argv = rest[0], rest[1:]
    return run


def _oci(run: Run, rest: list[str]) -> Run | None:
    def takes_value(option: str) -> bool:
        return option not in _OCI_FLAGS and not re.fullmatch(r"-[itdP]{2,4}", option)

    rest = _options(run, rest, takes_value)
    if not rest or rest[0] not in ("run", "exec"):
        return None
    rest = _options(run, rest[1:], takes_value)
    if not rest:
        return None
    run.image, run.argv = rest[0], rest[1:]
    return run


def _envkernel(words: Sequence[str]) -> Run | None:
    """Read ``envkernel singularity run --connection-file … IMAGE [options] -- COMMAND``; it mounts that file itself."""
    if len(words) < 4 or words[1] not in ("singularity", "apptainer", "docker", "podman") or words[2] != "run":
        return None
    run = Run(words[1], words[1])
    rest = list(words[3:])
    if "--" in rest:
        run.argv = rest[rest.index("--") + 1 :]
        rest = rest[: rest.index("--")]
    values = _APPTAINER_VALUES | {"--connection-file", "-m", "--workdir", "-v", "--volume"}
    while rest:
        rest = _options(run, rest, lambda option: option in values)
        if rest:
            run.image = run.image or rest[0]
            rest = rest[1:]
    run.options.add("--connection-file")
    return run if run.image else None


def _options(run: Run, words: list[str], takes_value: Callable[[str], bool]) -> list[str]:
    """Read the options at the beginning, and return what follows them."""
    while words and words[0].startswith("-") and words[0] != "-":
        option, equals, value = words[0].partition("=")
        words = words[1:]
        if option == "--":
            break
        short = re.fullmatch(r"-([A-Za-z])(.+)", option)
        if short and not equals and takes_value(f"-{short[1]}") and not option.startswith("--"):
            option, equals, value = f"-{short[1]}", "=", short[2]
        if short and run.family == "apptainer" and not takes_value(f"-{short[1]}"):
            run.options |= {f"-{letter}" for letter in option[1:]}  # as -ec
        if not equals and takes_value(option):
            value, words = (words[0] if words else ""), words[1:]
        run.options.add(option)
        _take(run, option, value)
    return words


def _take(run: Run, option: str, value: str) -> None:
    if option in _GPU_OPTIONS or (option == "--device" and re.search("nvidia|amd.com|/dev/kfd", value)):
        run.gpu = True
    elif option in ("-m", "--module") and run.family == "shifter":
        run.gpu = run.gpu or "gpu" in value.split(",")
    elif option in ("-i", "--image") and run.family == "shifter":
        run.image = value
    elif option in ("-e", "--env", "--set-env") and "=" in value:
        name, _, text = value.partition("=")
        run.environment[name] = text
    elif option == "--mount" or (option == "-m" and run.family == "oci"):
        if bind := read_mount(value):
            run.binds.append(bind)
    elif option in ("-B", "--bind", "-v", "--volume", "-V") or (option == "-b" and run.family == "charliecloud"):
        run.binds += read_binds(value, several=run.family == "apptainer")


def read_binds(text: str, *, several: bool) -> list[Bind]:
    """Read ``SOURCE[:DESTINATION[:OPTIONS]]``; Apptainer takes several, with commas between them."""
    entries = re.split(r"(?<!\\),", text) if several else text.split(";")
    found: list[Bind] = []
    for entry in entries:
        fields = [re.sub(r"\\([:,\\])", r"\1", part) for part in re.split(r"(?<!\\):", entry.strip())]
        if not fields[0]:
            continue
        if fields[0] in ("ro", "rw") and found:  # a:b:rw,ro is rare, and no folder
            continue
        destination = fields[1] if len(fields) > 1 and fields[1] and fields[1] != fields[0] else None
        read_only = len(fields) > 2 and "ro" in fields[2].split(",")
        found.append(Bind(fields[0], destination, read_only))
    return found


def read_mount(text: str) -> Bind | None:
    """Read ``type=bind,source=…,destination=…[,ro]``, which is CSV; ``None`` for what mounts no folder."""
    try:
        parts = next(csv.reader([text]), [])
    except csv.Error:  # as of a text with a line end
        return None
    values: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        values[name.strip().lower()] = value
    source = values.get("source") or values.get("src")
    if not source or values.get("type", "bind") != "bind":
        return None
    destination = values.get("destination") or values.get("dst") or values.get("target")
    read_only = any(values.get(name, "false") in ("", "true", "1") for name in ("ro", "readonly"))
    return Bind(source, destination if destination != source else None, read_only)
