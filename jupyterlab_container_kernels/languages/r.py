"""R kernels: IRkernel, from the image or installed into a library of the kernel's own.

R puts together where it looks for packages from ``R_LIBS``, ``R_LIBS_USER`` and what the image's own start-up files
say (https://stat.ethz.ch/R-manual/R-devel/library/base/html/libPaths.html). ``install.packages`` writes into the first
of them, which has to be the kernel's own also where an image sets ``R_LIBS``, as rocker's do; a profile of ours sees to
that. It takes the place of the user's, so that nothing of ``~/.Rprofile`` reaches an isolated kernel.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..containers import Isolated
from ..models import Bind
from ..system import paths
from .base import Interpreter, KernelStart, Language, Packages, ask_each, bind_at_same_path

_MARK = "CONTAINER_KERNELS_R"
#: Neither the user's files nor a saved session count; those of the image do.
_BARE = ("--slave", "--no-save", "--no-restore", "--no-init-file")
#: No backslash, no line end: R's front end is a shell script, which hands expressions on by ``echo``. IRkernel is not
#: loaded; ``packageDescription`` reads a file.
_PROBE = (
    'v <- suppressWarnings(utils::packageDescription("IRkernel", fields = "Version")); '
    'f <- tempfile(); writeLines(sort(unique(list.files(.libPaths())), method = "radix"), f); '
    f'cat("{_MARK}", Sys.getenv("CONTAINER_KERNELS_CANDIDATE"), as.character(getRversion()), if (is.na(v)) "" else v, '
    "R.version$platform, R.home(), utils::osVersion, tools::md5sum(f), sep = intToUtf8(9)); "
    "cat(intToUtf8(9), intToUtf8(10))"
)
_CANDIDATES = '"$(command -v R)" /opt/conda/bin/R /opt/R/*/bin/R /opt/*/bin/R /usr/local/bin/R /usr/bin/R'
#: The variable that names another CRAN, a URL; R has none of its own. One that begins with ``file://`` may be a folder
#: on this machine.
_CRAN_VARIABLE = "CONTAINER_KERNELS_CRAN"
#: What R itself takes when nobody has chosen (``utils::chooseCRANmirror``).
_CRAN = "https://cloud.r-project.org"
_INSTALL = (
    "lib <- commandArgs(TRUE)[1]; .libPaths(c(lib, .libPaths())); r <- getOption('repos'); "
    f"cran <- Sys.getenv('{_CRAN_VARIABLE}'); if (nzchar(cran)) r <- c(CRAN = cran); "
    f"if (!length(r) || r[1] %in% c('@CRAN@', '')) r <- c(CRAN = '{_CRAN}'); "
    "options(repos = r, timeout = max(600, getOption('timeout'))); "
    "install.packages('IRkernel', lib = lib); "
    # a package that fails is but a warning to install.packages
    "invisible(loadNamespace('IRkernel'))"
)
_PROFILE = """\
# Written by Container Kernels. What install.packages() brings lands in the first of these.
local({{
  .libPaths(c({libraries}, .libPaths()))
  repos <- getOption("repos")
  if ({named} || "@CRAN@" %in% repos["CRAN"]) repos["CRAN"] <- {cran}
  options(repos = repos)
}})
"""
_GPU = r"""local({
  program <- Sys.which("nvidia-smi")
  if (!nzchar(program)) return(cat("nvidia-smi is not there, so R cannot tell.\n"))
  told <- system2(program, "-L", stdout = TRUE, stderr = TRUE)
  cat(sub("^GPU [0-9]+: (.*) [(]UUID.*$", "CONTAINER_KERNELS_GPU \\1", told), sep = "\n")
})"""


class R(Language):
    """R with IRkernel."""

    name = "R"
    title = "R"
    kernel_package = "IRkernel"
    rank = 1
    probe_script = ask_each(_CANDIDATES, f"{' '.join(_BARE)} -e {shlex.quote(_PROBE)}")
    unset = ("R_*",)
    test_cell = ("1+1", "[1] 2")
    sleep_cell = "Sys.sleep(60)"
    gpu_cell = _GPU
    logo = (
        '<path fill="#9aa0aa" fill-rule="evenodd" d="M22 5C11 5 3 10.60 3 17.60c0 5.60 5.10 10.30 12.50 12v-5.10'
        "c-3.60-1.40-6-3.90-6-6.60 0-4.60 6-7.90 14-7.90s13.50 2.70 13.50 7.70c0 2.20-1 4-2.70 5.30"
        'l2.80 4.70c2.50-2.20 3.90-5 3.90-8.20C41 10.60 33 5 22 5z"/>'
        '<path fill="#1f65b7" fill-rule="evenodd" d="M13 12h11c5 0 8 2.50 8 6.50 0 2.80-1.50 5-4 5.90l5 8.60h-6.50'
        'l-4.20-7.80H19V33h-6V12zm6 4.50V21h4.20c1.80 0 2.80-.8 2.80-2.25s-1-2.25-2.80-2.25H19z"/>'
    )

    def read_probe(self, output: str) -> list[Interpreter]:
        found: dict[str, Interpreter] = {}
        for line in output.split("\n"):
            mark, *told = line.split("\t")
            if mark != _MARK or len(told) != 8:  # the last one is blank; without it the line was cut
                continue
            path, version, kernel_version, platform, home, system, holds, _ = told
            if path.startswith("/") and re.fullmatch(r"\d+\.\d+\.\d+", version):
                details = {"platform": platform, "home": home, "system": system, "holds": holds}
                found.setdefault(home, Interpreter(self.name, path, version, kernel_version or None, details))
        return sorted(found.values(), key=lambda each: each.kernel_version is None)

    def install(self, interpreter: Interpreter, image: Path, packages: Path, workspace: Path) -> Isolated | None:
        if interpreter.kernel_version is not None:
            return None
        library = _library(interpreter, packages)
        library.mkdir(parents=True, exist_ok=True)
        cran = os.environ.get(_CRAN_VARIABLE, "")
        argv = [interpreter.path, *_BARE, "-e", _INSTALL, "--args", str(library)]
        environment, certificates = _certificates(os.environ)
        environment |= {"TMPDIR": str(workspace), "R_ENVIRON_USER": ""}
        if cran:
            environment[_CRAN_VARIABLE] = cran  # not on the command line: it may hold a password
        binds = bind_at_same_path(packages, workspace, *certificates)
        folder = Path(unquote(urlsplit(cran).path))
        if cran.startswith("file://") and folder.is_dir():
            binds.append(Bind(str(folder), str(folder), True))
        return Isolated(image, argv, environment, binds)

    def describe(self, interpreter: Interpreter, packages: Path) -> dict[str, Any]:
        # compiled against the image's own libraries, and without what the image holds: as good as of the same image
        told = interpreter.details
        return {"version": interpreter.version, **{name: told[name] for name in ("platform", "system", "holds")}}

    def fits(self, described: Mapping[str, Any], interpreter: Interpreter) -> bool:
        return described == self.describe(interpreter, Path())

    def installed(self, packages: Path) -> list[str]:
        names = []
        for description in packages.glob("R-*/*/DESCRIPTION"):
            if version := re.search(r"^Version:\s*(\S+)", description.read_text(errors="replace"), re.MULTILINE):
                names.append(f"{description.parent.name}=={version[1]}")
        return sorted(set(names))

    def start(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> KernelStart:
        libraries = list(map(str, _libraries(interpreter, packages)))
        if isolated:
            profile = str(_profile(interpreter, packages))
            # the libraries once more, for those that R starts without a profile
            environment = {"R_LIBS_USER": ":".join(libraries), "R_PROFILE_USER": profile, "R_ENVIRON_USER": ""}
        else:
            environment = {"R_LIBS_USER": ":".join([*libraries, "~/R/%p-library/%v"])}
        argv = [interpreter.path, "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
        return KernelStart(argv, environment, {})

    def prepare(self, interpreter: Interpreter, packages: Packages, isolated: bool) -> None:
        _library(interpreter, packages.own).mkdir(parents=True, exist_ok=True)
        libraries = ", ".join(_text(str(each)) for each in _libraries(interpreter, packages))
        cran = os.environ.get(_CRAN_VARIABLE, "")
        named = "TRUE" if cran else "FALSE"
        profile = _PROFILE.format(libraries=libraries, named=named, cran=_text(cran or _CRAN))
        paths.write_private(_profile(interpreter, packages), profile)


def _library(interpreter: Interpreter, packages: Path) -> Path:
    """Return the library in a directory of packages: what is built for R 4.2 does not fit R 4.3."""
    return packages / f"R-{'.'.join(interpreter.version.split('.')[:2])}"


def _libraries(interpreter: Interpreter, packages: Packages) -> list[Path]:
    return [_library(interpreter, each) for each in (packages.own, packages.shared) if each is not None]


def _profile(interpreter: Interpreter, packages: Packages) -> Path:
    library = _library(interpreter, packages.own)
    return library.with_name(f"{library.name}.profile")


def _text(value: str) -> str:
    """Write a string as R reads it, which is as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def _certificates(environment: Mapping[str, str]) -> tuple[dict[str, str], list[Path]]:
    """Return the variables of R's libcurl for a site's own certificates, and the files that they name."""
    for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        file = environment.get(name, "")
        if file.startswith("/") and Path(file).is_file():
            return {"CURL_CA_BUNDLE": file}, [Path(file)]
    return {}, []
