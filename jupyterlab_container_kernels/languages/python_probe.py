"""What is asked of the Pythons in an image, and what they tell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dacite

MARK = "CONTAINER_KERNELS_PYTHON "
#: Runs in whatever Python an image holds, so it is written for all of them, and says only its version before 3.8.
#: Distributions are told by the names of their directories: to read 500 files through FUSE takes seconds.
PROBE = r"""
import json, os, sys
d = {"path": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.prefix}
if sys.version_info >= (3, 8):
    import glob, re, site, sysconfig
    found = {}
    for place in filter(None, sys.path):
        try:
            names = sorted(os.listdir(place))
        except OSError:
            continue
        for name in names:
            stem, kind = os.path.splitext(name)
            if kind in (".dist-info", ".egg-info"):
                match = re.match("(.+?)-([^-]+)(?:-py[0-9.]+(?:-.+)?)?$", stem)
                stem, version = match.groups() if match else (stem, "")
                found.setdefault(re.sub("[-_.]+", "-", stem).lower(), version)
    def version(name):
        # what is left of a package that was removed by hand still has a name
        from importlib import metadata, util
        try:
            return (found.get(name) or metadata.version(name)) if util.find_spec(name) else None
        except Exception:
            return None
    def libc():
        try:
            return os.confstr("CS_GNU_LIBC_VERSION").split()
        except Exception:
            pass
        for loader in glob.glob("/lib/ld-musl-*"):
            import subprocess
            told = subprocess.run([loader], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
            return ["musl"] + re.findall("Version ([0-9.]+)", told.decode("ascii", "replace"))[:1]
        return []
    def curve():
        try:
            import zmq
            return bool(zmq.has("curve"))
        except Exception:
            return False
    def locales():
        try:
            names = os.listdir("/usr/lib/locale")
        except OSError:
            return []
        return None if "locale-archive" in names else sorted(names)
    d["packages"] = {name: version(name) for name in ("ipykernel", "debugpy", "pip", "ipywidgets")}
    d["distributions"] = found
    d["venv"] = sys.prefix != sys.base_prefix
    d["conda"] = os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    d["externally_managed"] = os.path.exists(marker) and not d["venv"]
    d["soabi"] = sysconfig.get_config_var("SOABI")
    d["machine"] = os.uname()[4]
    d["libc"] = libc()
    d["user_site"] = bool(site.ENABLE_USER_SITE or sys.flags.no_user_site)
    site.USER_BASE, site.USER_SITE = "/base", None
    d["user_site_path"] = os.path.relpath(site.getusersitepackages(), "/base")
    for name in ("PYTHONPATH", "PYTHONHOME"):
        d[name.lower()] = os.environ.get(name, "")
    if "pyzmq" in found:
        d["curve"] = curve()
    d["locales"] = locales()
    d["gpu"] = ["%s=%s" % each for each in sorted(os.environ.items()) if re.match("CUDA_VERSION$|NVIDIA_", each[0])]
    d["gpu"] += sorted(glob.glob("/usr/local/cuda*") + glob.glob("/opt/rocm*"))
sys.stdout.write("MARK" + json.dumps(d) + chr(10))
""".replace("MARK", MARK)
#: In the order of preference. The first two of a folder are mostly one file; a virtual environment's are links that
#: must not be followed.
SCRIPT = f"""
for python in "$(command -v python3)" "$(command -v python)" \\
  ${{VIRTUAL_ENV:+"$VIRTUAL_ENV/bin/python3"}} ${{CONDA_PREFIX:+"$CONDA_PREFIX/bin/python3"}} \\
  /opt/conda/bin/python3 /opt/conda/envs/*/bin/python3 /opt/venv/bin/python3 /opt/*/bin/python3 /venv/bin/python3 \\
  /usr/local/bin/python3 /usr/local/bin/python3.[0-9] /usr/local/bin/python3.[0-9][0-9] \\
  /usr/bin/python3 /usr/bin/python3.[0-9] /usr/bin/python3.[0-9][0-9]
do
  case $python in */bin/python3.*) if [ "$python" -ef "${{python%.*}}" ]; then continue; fi ;; esac
  case " $pythons " in *" $python "*) continue ;; esac
  pythons="$pythons $python"
  if [ -x "$python" ]; then "$python" -c {shlex.quote(PROBE)}; fi
done
"""
#: The same without a shell: the first that answers has to do.
DIRECT = tuple(
    (python, "-c", PROBE)
    for python in ("python3", "python", "/opt/conda/bin/python3", "/usr/local/bin/python3", "/usr/bin/python3")
)

_ABSOLUTE = re.compile(r"/[^\x00-\x1f]*")
_RELATIVE = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")
_WORD = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class Facts:
    """What a Python of at least 3.8 tells of itself and of its image.

    Parameters
    ----------
    path, version, prefix : str
    packages : mapping
        Versions of ``ipykernel``, ``debugpy``, ``pip`` and ``ipywidgets``; ``None`` where there is none.
    distributions : mapping of str to str
        All that it can import: normalized name → version, which is empty where only the file would tell.
    venv, conda, externally_managed : bool
        What kind of installation it is (``externally_managed``: PEP 668).
    soabi : str or None
        As ``cpython-311-x86_64-linux-gnu``.
    machine : str
        As ``uname -m``.
    libc : list of str
        As ``["glibc", "2.36"]`` or ``["musl", "1.2.3"]``; empty when it is another.
    user_site : bool
        Whether it would look into a user's own packages, if no variable of the image forbade it.
    user_site_path : str
        Where those lie, relative to the user base.
    pythonpath, pythonhome : str
        The image's own variables; empty where it sets none.
    curve : bool or None
        Whether its ZeroMQ can encrypt; ``None`` without one.
    locales : list of str or None
        Names in ``/usr/lib/locale``; ``None`` when they are in an archive.
    gpu : list of str
        Hints: variables (``CUDA_VERSION=12.6``) and folders of CUDA or ROCm.
    """

    path: str
    version: str
    prefix: str
    packages: dict[str, str | None]
    distributions: dict[str, str] = field(default_factory=dict)
    venv: bool = False
    conda: bool = False
    externally_managed: bool = False
    soabi: str | None = None
    machine: str = ""
    libc: list[str] = field(default_factory=list)
    user_site: bool = True
    user_site_path: str = ""
    pythonpath: str = ""
    pythonhome: str = ""
    curve: bool | None = None
    locales: list[str] | None = None
    gpu: list[str] = field(default_factory=list)


def read(line: str) -> Facts | None:
    """Return what a line of the probe tells; ``None`` for one that was cut, is another one's, or of an old Python.

    What an image says ends up in paths on this machine: words that could lead elsewhere are passed over.
    """
    if not line.startswith(MARK):
        return None
    try:
        facts = facts_of(json.loads(line.removeprefix(MARK)))
    except (ValueError, TypeError, RecursionError, dacite.DaciteError):
        return None
    minor = re.match(r"3\.(\d+)\.\d+$", facts.version)
    if minor is None or int(minor[1]) < 8 or not _ABSOLUTE.fullmatch(facts.path):
        return None
    if not all(_WORD.fullmatch(word) for word in (facts.soabi or "none", facts.machine or "none", *facts.libc)):
        return None
    if facts.user_site_path and not _RELATIVE.fullmatch(facts.user_site_path):
        return None
    return facts


def facts_of(details: Mapping[str, Any]) -> Facts:
    """Return the typed form of an interpreter's details."""
    return dacite.from_dict(Facts, details)
