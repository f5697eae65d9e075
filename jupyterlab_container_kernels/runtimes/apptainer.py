"""Apptainer, and SingularityCE and Singularity, which share its command line.

Behaviour was measured on Apptainer 1.4.5; what older versions lack is from their change logs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import __version__
from ..containers import Isolated, LaunchSpec
from ..errors import ContainerKernelsError
from ..models import Bind
from ..system.process import Command
from ..system.scripts import fill
from .base import USUAL_FOLDERS, FoundRuntime, PullPlan, Runtime, Squashfs

_VERSION = re.compile(r"(apptainer|singularity-ce|singularity-pro|singularity) version (\d+)\.(\d+)(?:\.(\d+))?")
_TITLES = {
    "apptainer": "Apptainer",
    "singularity-ce": "SingularityCE",
    "singularity-pro": "SingularityPRO",
    "singularity": "Singularity",
}
#: Singularity 3.9 brought --mount, without which a path with a colon has no way in.
_OLDEST = {"apptainer": (1, 0), "singularity": (3, 9)}
#: https://github.com/apptainer/apptainer/pull/2707
_TELLS_MKSQUASHFS = (1, 4)
#: Site or user settings that would change an isolated run, or break it when a folder is missing.
_UNWANTED = re.compile(
    r"(APPTAINER|SINGULARITY)(ENV_.*|_(BIND|BINDPATH|MOUNT|CONTAINALL|NV|ROCM|PWD|CWD|HOME|OVERLAY))$"
)
#: More than a start says; what a kernel writes to standard error in weeks must not fill the home directory.
_LOG_LIMIT_BYTES = 1024 * 1024
_FORWARDED = re.compile(r"(https?|no|all|ftp)_proxy$", re.IGNORECASE)


def bind_options(bind: Bind) -> list[str]:
    """Write a bind as options.

    ``--bind`` wants a backslash before ``:`` and ``,`` and knows no escapes in a destination; ``--mount`` (Apptainer
    1.0, SingularityCE 3.9) reads CSV as RFC 4180 has it.
    """
    if bind.destination is None and not bind.read_only:
        return ["--bind", re.sub(r"([\\:,])", r"\\\1", bind.source)]
    fields = [f"src={bind.source}", f"dst={bind.destination or bind.source}"]
    quoted = ['"' + field.replace('"', '""') + '"' for field in fields]
    return ["--mount", ",".join(["type=bind", *quoted, *(["ro"] if bind.read_only else [])])]


class Apptainer(Runtime):
    """Apptainer and Singularity."""

    name = "apptainer"
    title = "Apptainer"
    programs = ("apptainer", "singularity")

    def version_command(self, program: str, environment: Mapping[str, str]) -> Command:
        return Command([program, "--version"], environment)

    def identify(self, program: str, output: str) -> FoundRuntime | None:
        match = _VERSION.search(output)
        if match is None:
            return None
        version = tuple(int(part or 0) for part in match.groups()[1:])
        family = "apptainer" if match[1] == "apptainer" else "singularity"
        if version < _OLDEST[family]:
            has, needs = (".".join(map(str, numbers)) for numbers in (version, _OLDEST[family]))
            raise ContainerKernelsError(
                "runtime_missing",
                f"{program} is {_TITLES[match[1]]} {has}, which is too old; {needs} is needed.",
                "Load a newer module before you start JupyterLab, or ask your site's support for one.",
            )
        return FoundRuntime(self.name, _TITLES[match[1]], program, version)

    def pull(
        self,
        found: FoundRuntime,
        source: str,
        target: Path,
        temporary: Path,
        insecure: bool,
        environment: Mapping[str, str],
        squashfs: Squashfs | None = None,
    ) -> PullPlan:
        # without its cache, all that a pull writes lies in `temporary`, and nothing stays behind in the home directory
        settings = {"TMPDIR": str(temporary), "NOHTTPS": "1"} if insecure else {"TMPDIR": str(temporary)}
        env = found.difference.applied(environment)
        for name, value in settings.items():
            env[f"APPTAINER_{name}"] = env[f"SINGULARITY_{name}"] = value
        docker = source.startswith("docker://")
        downloads = ["bundle-temp-*/layout-*/blobs/sha256/*"] if docker else []
        if docker and squashfs and found.title == "Apptainer" and found.version >= _TELLS_MKSQUASHFS:
            # `pull` cannot be told, and compresses with zlib's slowest level
            told = f"-comp {squashfs.compression} -Xcompression-level 1 -mem {max(squashfs.memory_bytes >> 20, 64)}M"
            words = ["build", "--mksquashfs-args", f"{told} -processors {squashfs.threads}"]
        else:
            words = ["pull"]
        return PullPlan(Command([found.path, *words, "--disable-cache", str(target), source], env), downloads)

    def run_isolated(self, found: FoundRuntime, run: Isolated, environment: Mapping[str, str]) -> Command:
        whole = found.difference.applied(environment)
        env = {name: value for name, value in whole.items() if not _UNWANTED.match(name)}
        inside = {name: value for name, value in environment.items() if _FORWARDED.match(name)} | dict(run.environment)
        for name, value in inside.items():
            env[f"APPTAINERENV_{name}"] = env[f"SINGULARITYENV_{name}"] = value
        options = ["--cleanenv", "--contain", "--no-home", *self._common_options(found), "--pwd", "/"]
        for bind in run.binds:
            options += bind_options(bind)
        return Command([found.path, "exec", *options, str(run.image), *run.argv], env)

    def cache_dir(self, found: FoundRuntime, environment: Mapping[str, str], home: Path) -> Path | None:
        # internal/pkg/cache/cache.go: "cache" below the variable's directory, else below the configuration's
        environment = found.difference.applied(environment)
        ours = "APPTAINER" if found.title == "Apptainer" else "SINGULARITY"
        for purpose in ("CACHEDIR", "CONFIGDIR"):
            if named := environment.get(f"{ours}_{purpose}") or environment.get(f"SINGULARITY_{purpose}"):
                return Path(named) / "cache"
        return home / f".{ours.lower()}" / "cache"

    def cached_image(
        self, found: FoundRuntime, digest: str, architecture: str, environment: Mapping[str, str], home: Path
    ) -> Path | None:
        # internal/pkg/build/oci/oci.go (1.2 to 1.4): the digest and the architecture make the name; tried with 1.4.5
        name = hashlib.sha256(f"{digest.removeprefix('sha256:')}{architecture}".encode()).hexdigest()
        cache = self.cache_dir(found, environment, home)
        return cache / "oci-tmp" / name if cache else None

    def clean_cache(self, found: FoundRuntime, environment: Mapping[str, str]) -> Command | None:
        return Command([found.path, "cache", "clean", "--force"], found.difference.applied(environment))

    def start_script(self, found: FoundRuntime, launch: LaunchSpec) -> str:
        return fill(
            "init.sh.j2",
            version=__version__,
            found=found,
            programs=self.programs,
            usual_folders=USUAL_FOLDERS,
            launch=launch,
            options=self._common_options(found),
            fallback_locale=_fallback_locale(launch.locales or ()),
            log_limit_bytes=_LOG_LIMIT_BYTES,
        )

    def _common_options(self, found: FoundRuntime) -> list[str]:
        """Options of every ``exec``: values of variables are taken literally, where the version knows how."""
        literal = (1, 1) if found.title == "Apptainer" else (3, 10)
        return ["--no-eval"] if found.version >= literal else []


def _fallback_locale(locales: Sequence[str]) -> str:
    """Return a locale with UTF-8, if the image has one."""
    names = {"c.utf8": "C.UTF-8", "en_us.utf8": "en_US.UTF-8"}
    return next((written for name, written in names.items() if name in locales), "C")
