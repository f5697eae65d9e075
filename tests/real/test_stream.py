"""What our stream makes of an image is, entry by entry, what Apptainer makes of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.system import machine
from tests.hard_layers import hard_images, write_image

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unsquashfs") is None,
    reason="comparing owners and attributes needs root and unsquashfs (squashfs-tools)",
)
HARD = hard_images()
#: What may differ, and why: time stamps of folders from which Apptainer took something away while it unpacked (ours
#: keep what the layer says), and of what it writes itself; and devices, which Apptainer makes when root runs it, while
#: without privileges it makes empty files, as we do.
EXPLAINED = {
    "made again, then whiteout": {("d", "mtime")},
    "opaque last": {("d/s", "mtime")},
    "files that the runtime empties": {("etc/hosts", "mtime"), ("etc/resolv.conf", "mtime")},
    "special files": {(name, part) for name in ("null", "disk") for part in ("kind", "content", "names")},
}
#: They hold the time of the build, and what it was built from.
WRITTEN_BY_APPTAINER = (".singularity.d/labels.json", ".singularity.d/Singularity")


@dataclass(frozen=True)
class Found:
    """One entry of an unpacked image."""

    kind: int
    mode: int
    owner: tuple[int, int]
    size: int
    mtime: int
    content: str
    xattrs: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]


@dataclass
class Outcome:
    code: int
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]


class Maker:
    """Makes SIF files of an image of the registry, by our worker and by Apptainer."""

    def __init__(self, registry: str, directory: Path) -> None:
        self.registry = registry
        self.directory = directory
        self.spool = directory / "spool"
        self.spool.mkdir()

    def job(self, name: str, target: Path, **more: Any) -> dict[str, Any]:
        return {
            "reference": f"docker://{self.registry}/{name}",
            "architecture": machine.architecture(),
            "runtime": shutil.which("apptainer"),
            "target": str(target),
            "spool": str(self.spool),
        } | more

    def ours(self, name: str, target: Path, **more: Any) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "jupyterlab_container_kernels.acquire.worker"],
            input=json.dumps(self.job(name, target, **more)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.stderr == ""
        return Outcome(done.returncode, [json.loads(line) for line in done.stdout.splitlines()])

    def push(self, layers: list[bytes], name: str) -> Path:
        layout = self.directory / "layout"
        shutil.rmtree(layout, ignore_errors=True)
        write_image(layers, layout)
        copy = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
        subprocess.run([*copy, f"oci:{layout}", f"docker://{self.registry}/{name}"], check=True)
        return layout

    def theirs(self, source: str, target: Path) -> None:
        # all to root, as it does without privileges
        command = [
            "apptainer",
            "build",
            "--disable-cache",
            "--mksquashfs-args",
            "-all-root -comp gzip -Xcompression-level 1",
        ]
        env = {**os.environ, "APPTAINER_NOHTTPS": "1", "APPTAINER_TMPDIR": str(self.directory)}
        done = subprocess.run(
            [*command, str(target), source], env=env, check=False, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def maker(registry: str, tmp_path: Path) -> Maker:
    return Maker(registry, tmp_path)


def partition_offset(sif: Path) -> int:
    lines = subprocess.run(["apptainer", "sif", "list", sif], check=True, capture_output=True, text=True).stdout
    place = next(line for line in lines.splitlines() if "Squashfs" in line).split("|")[3]
    return int(place.partition("-")[0])


def unpack(sif: Path, target: Path) -> dict[str, Found]:
    """Unpack an image as root and describe every entry by its name."""
    command = [
        "unsquashfs",
        "-no-progress",
        "-quiet",
        "-xattrs",
        "-o",
        str(partition_offset(sif)),
        "-d",
        str(target),
        str(sif),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr
    root = os.fsencode(target)
    names: dict[tuple[int, int], list[str]] = {}
    paths = [root]
    for at, folders, files in os.walk(root):
        paths += [os.path.join(at, name) for name in folders + files]
    for path in paths:
        status = os.lstat(path)
        names.setdefault((status.st_dev, status.st_ino), []).append(os.fsdecode(path[len(root) + 1 :]))
    found = {}
    for path in paths:
        status = os.lstat(path)
        name = os.fsdecode(path[len(root) + 1 :])
        content = ""
        if stat.S_ISLNK(status.st_mode):
            content = os.fsdecode(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                while data := file.read(1 << 20):
                    digest.update(data)
            content = digest.hexdigest()
        attributes = [] if stat.S_ISLNK(status.st_mode) else sorted(os.listxattr(path))
        xattrs = tuple((key, os.getxattr(path, key)) for key in attributes)
        is_plain = stat.S_ISREG(status.st_mode)
        found[name] = Found(
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            status.st_size if is_plain else 0,
            int(status.st_mtime),
            content,
            tuple(pair for pair in xattrs if not pair[0].startswith("user.rootlesscontainers")),
            tuple(sorted(names[status.st_dev, status.st_ino])) if is_plain else (),
        )
    shutil.rmtree(target)
    return found


def differences(ours: dict[str, Found], theirs: dict[str, Found], named: set[str]) -> dict[tuple[str, str], str]:
    """Compare all; times only of what the layers name, for the rest is made at the time of the build."""
    found = {(name, ""): "only in ours" for name in ours.keys() - theirs.keys()}
    found |= {(name, ""): "only in Apptainer's" for name in theirs.keys() - ours.keys()}
    for name in ours.keys() & theirs.keys():
        for part in Found.__dataclass_fields__:
            mine, other = getattr(ours[name], part), getattr(theirs[name], part)
            if part in ("size", "content") and name in WRITTEN_BY_APPTAINER:
                continue
            if part == "mtime" and name not in named:
                continue
            if mine != other:
                found[name, part] = f"{mine!r}, Apptainer has {other!r}"
    return found


@pytest.mark.parametrize("title", [*HARD])
def test_hard_layers_are_merged_as_apptainer_does(title: str, maker: Maker, tmp_path: Path) -> None:
    name = f"hard/{hashlib.sha256(title.encode()).hexdigest()[:12]}:1"
    layout = maker.push(HARD[title], name)
    outcome = maker.ours(name, tmp_path / "ours.sif.part")
    assert outcome.code == 0, outcome.last
    maker.theirs(f"oci:{layout}", tmp_path / "theirs.sif")
    ours, theirs = (
        unpack(tmp_path / "ours.sif.part", tmp_path / "ours"),
        unpack(tmp_path / "theirs.sif", tmp_path / "theirs"),
    )
    assert outcome.last["entries"] == len(ours) - 1
    found = differences(ours, theirs, layer_names(HARD[title]))
    assert {key: said for key, said in found.items() if key not in EXPLAINED.get(title, ())} == {}


def layer_names(layers: list[bytes]) -> set[str]:
    found = set()
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer), errors="surrogateescape") as tar:
            found |= {os.path.normpath("/" + name).lstrip("/") for name in tar.getnames()}
    # Apptainer writes into the root after the layers
    return found - {""}
