"""Understands kernels that others made: which container they start, and what about that is not safe.

A kernel starts a container if its command does, or the shell script that its command names, or the text that its
command hands to a shell. Nothing is run. Known makers: ``jkrollout`` and ``jkrollout2`` (University of Virginia), the
recipe of their tutorial, ``nesi-add-kernel`` (NeSI), ``envkernel``, the install script of Jülich's notebooks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..models import Bind
from . import container_argv, shell_words
from .container_argv import Run
from .shell_words import ShellCommand

#: Of a script no more is read; start scripts have some lines.
SCRIPT_LIMIT_BYTES = 64 * 1024
_SHELLS = {"bash", "sh", "dash", "zsh", "ksh"}
_MODULE_COMMANDS = {"module", "ml"}
#: Programs that run the rest of their command line.
_RUNNERS = {"srun", "nice", "ionice", "setsid", "stdbuf", "timeout", "numactl", "taskset"}
_CONNECTION = re.compile(r"\{connection_file\}|\$[@*0-9]|\$\{?\w*conn|dirname|\{resource_dir\}", re.IGNORECASE)
_REACHABLE = {"--network", "--net", "-p", "--publish", "--connection-file"}
_CLOSES_HOME = {"-c", "-C", "--contain", "--containall", "--no-home"}


@dataclass(frozen=True)
class Foreign:
    """What was understood of a kernel that is not ours.

    Parameters
    ----------
    maker : str
        The tool that made it, or ``by hand``.
    runtime, program : str
        The name of the runtime, and how the kernel calls it.
    image : str
        A path or a reference. It may hold what nobody could fill in, as ``$IMAGE``.
    path : str
        The image's full path if it is a file or folder, else empty.
    gpu : bool
        Whether the container gets the GPU.
    binds : list of Bind
        The folders that are mounted.
    environment : dict of str to str
        The variables that are set inside.
    argv : list of str
        The command inside.
    isolated : bool
        Whether the user's home, or what Python finds in it, is kept out.
    modules : list of str
        What the script loads with ``module``.
    script : str or None
        The script that starts the container.
    hazards : list of str
        What is not safe about it: keys of :data:`HAZARDS`.
    """

    maker: str
    runtime: str
    program: str
    image: str
    path: str
    gpu: bool
    binds: list[Bind]
    environment: dict[str, str]
    argv: list[str]
    isolated: bool
    modules: list[str] = field(default_factory=list)
    script: str | None = None
    hazards: list[str] = field(default_factory=list)


#: What may be unsafe, as a sentence about the kernel, worst first.
HAZARDS: Mapping[str, str] = {
    "hides_local": "It mounts a folder over ~/.local, which hides the file that tells the kernel how to reach Jupyter: "
    "the kernel can hang for a minute without a word.",
    "no_connection": "The folder of Jupyter's connection file is not visible inside, so the kernel may never answer.",
    "no_network": "It has a network of its own, so Jupyter may not reach it.",
    "module": "It relies on the command module, which is not there when Jupyter was started without a login shell.",
    "leaks_local": "What you installed in ~/.local for another Python gets into this kernel.",
    "interrupts": "An interrupt reaches it twice, which can end a cell's clean-up or the kernel.",
    "left_behind": "Its start script stays between Jupyter and the container: when Jupyter kills the kernel, the "
    "container can go on running.",
    "unfilled": "Its script names the image with what only a running shell can fill in.",
}


def script_of(argv: Sequence[str], directory: str) -> str | None:
    """Return the path of the file that a kernel's command starts with, if that may be a shell script, or ``None``."""
    words = [word.replace("{resource_dir}", directory) for word in argv]
    words = _without_env(words)
    if not words:
        return None
    if PurePosixPath(words[0]).name in _SHELLS:
        words = words[1:]
        while words and words[0].startswith("-"):
            if "c" in words[0].lstrip("-") and not words[0].startswith("--"):
                return None
            words = words[1:]
        return words[0] if words and words[0].startswith("/") else None
    name = PurePosixPath(words[0]).name
    is_known = name in container_argv.PROGRAMS or name == "envkernel" or re.match(r"python|R$|julia|node|java", name)
    return words[0] if words[0].startswith("/") and not is_known else None


def understand(
    argv: Sequence[str],
    directory: str,
    script: str | None,
    *,
    variables: Mapping[str, str],
    runtime_dir: str,
    interrupt_mode: str = "signal",
) -> Foreign | None:
    """Return what a kernel starts, or ``None`` if that is no container.

    Parameters
    ----------
    argv : sequence of str
        From its ``kernel.json``.
    directory : str
        The kernel's own.
    script : str or None
        The text of the file that :func:`script_of` names.
    variables : mapping of str to str
        The environment in which Jupyter starts it.
    runtime_dir : str
        The directory of connection files.
    interrupt_mode : str
        From its ``kernel.json``.
    """
    words = _without_env([word.replace("{resource_dir}", directory) for word in argv])
    if not words:
        return None
    path = script_of(argv, directory)
    if path is not None and (script is None or not _is_shell(script, words)):
        return None
    text = _inline(words) if path is None else script
    commands = [ShellCommand(words, replaces_shell=True)] if text is None else shell_words.commands(text, variables)
    found = _starting(commands)
    if found is None:
        return None
    run, starts = found
    is_direct = starts.replaces_shell or (path is None and len(commands) == 1)
    modules = _modules(commands)
    home = variables.get("HOME", "")
    hazards = _hazards(run, home, runtime_dir, interrupt_mode, uses_module=modules is not None, is_direct=is_direct)
    if "$" in run.image or "`" in run.image or not run.image:
        hazards.append("unfilled")
    return Foreign(
        maker=_maker(argv, path, commands, run),
        runtime=run.runtime,
        program=run.program,
        image=run.image,
        path=_image_path(run),
        gpu=run.gpu,
        binds=run.binds,
        environment=run.environment,
        argv=run.argv,
        isolated=_is_isolated(run),
        modules=modules or [],
        script=path,
        hazards=[each for each in HAZARDS if each in hazards],
    )


def _without_env(words: list[str]) -> list[str]:
    """Drop ``env`` and what it sets."""
    if words and PurePosixPath(words[0]).name == "env":
        words = words[1:]
        while words and (words[0].startswith("-") or "=" in words[0]):
            words = words[2:] if words[0] in ("-u", "--unset") else words[1:]
    return words


def _without_runners(words: Sequence[str]) -> Sequence[str]:
    """Drop programs that only run another one, with their options."""
    if not words or PurePosixPath(words[0]).name not in _RUNNERS:
        return words
    for index, word in enumerate(words[1:], 1):
        if PurePosixPath(word).name in container_argv.PROGRAMS:
            return words[index:]
    return words


def _inline(words: Sequence[str]) -> str | None:
    """Return the text that a command hands to a shell with ``-c``, or ``None``."""
    if PurePosixPath(words[0]).name not in _SHELLS:
        return None
    for index, word in enumerate(words[1:], 1):
        if not word.startswith("-"):
            return None
        if "c" in word.lstrip("-") and not word.startswith("--"):
            return words[index + 1] if index + 1 < len(words) else None
    return None


def _is_shell(script: str, words: Sequence[str]) -> bool:
    """Tell whether a file is a shell script: a shell is told to run it, or its first line names one, or none."""
    if PurePosixPath(words[0]).name in _SHELLS or not script.startswith("#!"):
        return True
    first = script.partition("\n")[0][2:].split()
    return any(PurePosixPath(word).name in _SHELLS for word in first)


def _starting(commands: Sequence[ShellCommand]) -> tuple[Run, ShellCommand] | None:
    """Return the first container that commands start, and which of them does."""
    for command in commands:
        run = container_argv.read(_without_runners(command.words))
        if run is not None:
            _add_environment(run, command.environment)
            return run, command
    return None


def _add_environment(run: Run, exported: Mapping[str, str]) -> None:
    """Add what reaches the container, or is mounted, by variables of the runtime's own."""
    if run.family != "apptainer":
        return
    for name, value in exported.items():
        prefix, _, rest = name.partition("_")
        if name.startswith(("APPTAINERENV_", "SINGULARITYENV_")):
            run.environment.setdefault(rest, value)
        elif prefix in ("APPTAINER", "SINGULARITY") and rest in ("BIND", "BINDPATH"):
            run.binds += container_argv.read_binds(value, several=True)
        elif prefix in ("APPTAINER", "SINGULARITY") and rest in ("NV", "ROCM"):
            run.gpu = run.gpu or value not in ("", "0", "false")


def _modules(commands: Sequence[ShellCommand]) -> list[str] | None:
    """Return what is loaded with ``module``; ``None`` where that command is not used."""
    found: list[str] | None = None
    for command in commands:
        if command.words[0] not in _MODULE_COMMANDS:
            continue
        found = found or []
        arguments = [word for word in command.words[1:] if not word.startswith("-")]
        if arguments[:1] in (["load"], ["add"]):
            found += arguments[1:]
        elif command.words[0] == "ml" and arguments[:1] not in (["purge"], ["unload"], ["use"], ["restore"]):
            found += arguments
    return found


def _image_path(run: Run) -> str:
    """Return the full path of an image that is a file or folder, or nothing."""
    image = re.sub(r"^(?:file|oci-archive|docker-archive|oci|dir):(?://)?(?=/)", "", run.image)
    return str(PurePosixPath(image)) if image.startswith("/") and "$" not in image and "`" not in image else ""


def _is_isolated(run: Run) -> bool:
    return bool(run.options & _CLOSES_HOME) or run.environment.get("PYTHONNOUSERSITE", "") != ""


def _hazards(
    run: Run, home: str, runtime_dir: str, interrupt_mode: str, *, uses_module: bool, is_direct: bool
) -> list[str]:
    """Return what is not safe about a container, as far as it can be told."""
    local = f"{home.rstrip('/')}/.local"
    hides = any(_same(bind.destination or bind.source, local) for bind in run.binds)
    shown = "--connection-file" in run.options or any(
        _CONNECTION.search(bind.source) or _below(runtime_dir, bind.source) for bind in run.binds
    )
    holds = {"module": uses_module, "left_behind": not is_direct}
    if run.family == "apptainer":
        sees_home = not run.options & (_CLOSES_HOME | {"-H", "--home"})
        in_sight = (sees_home and _below(runtime_dir, home)) or _below(runtime_dir, "/tmp")  # noqa: S108
        holds |= {
            "hides_local": hides and _below(runtime_dir, local) and not shown,
            "no_connection": not shown and not in_sight,
            "leaks_local": sees_home and not hides and not _is_isolated(run) and _is_python(run),
            "interrupts": interrupt_mode == "signal",
        }
    elif run.family == "oci" and run.runtime != "udocker" and "--jupyter" not in run.options:
        holds |= {"no_connection": not shown, "no_network": not run.options & _REACHABLE}
    return [hazard for hazard, does in holds.items() if does]


def _is_python(run: Run) -> bool:
    return not run.argv or any("python" in word or "ipykernel" in word for word in run.argv)


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _below(path: str, above: str) -> bool:
    return bool(above) and (f"{path.rstrip('/')}/").startswith(f"{above.rstrip('/')}/")


def _maker(argv: Sequence[str], script: str | None, commands: Sequence[ShellCommand], run: Run) -> str:
    """Tell by its form which tool made a kernel."""
    if argv and PurePosixPath(argv[0]).name == "envkernel":
        return "envkernel"
    if script is None:
        start = [*argv[:2], *(["--nv"] if "--nv" in argv else []), "--cleanenv", run.image]
        is_jsc = list(argv) == [*start, "python", "-m", "ipykernel", "-f", "{connection_file}"]
        return "Jülich's script" if is_jsc and run.family == "apptainer" else "by hand"
    lines = [" ".join(command.words) for command in commands]
    name = PurePosixPath(script).name
    if name == "wrapper.bash" and any(line.startswith("module load slurm NeSI") for line in lines):
        return "nesi-add-kernel"
    ends_as_theirs = name == "init.sh" and run.argv[:1] == ["python"] and run.argv[1:] == ["-m", "ipykernel", "$@"]
    if not ends_as_theirs:
        return "by hand"
    if len(lines) == 2 and lines[0] == "ml apptainer":
        return "jkrollout2"
    if len(lines) == 2 and re.fullmatch(r"(?:ml|module load) (?:singularity|apptainer)\S*", lines[0]):
        return "jkrollout"
    if "module purge" in lines and any(line.startswith((". /etc/profile.d/", "nvidia-modprobe")) for line in lines):
        return "the tutorial's recipe"
    return "by hand"
