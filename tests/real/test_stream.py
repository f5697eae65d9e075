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
import time
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.compressors import has_zstd
from jupyterlab_container_kernels.system import machine
from tests.hard_layers import file, folder, hard_images, layer, link, write_image

from .unpacking import Found, namespace, unpack

pytestmark = pytest.mark.skipif(
    namespace() is None, reason="comparing needs unsquashfs (squashfs-tools), and root or a user namespace"
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
if os.geteuid() != 0:
    # Apptainer leaves out what an ordinary user may not set; ours holds it, without effect: images are mounted nosuid
    EXPLAINED["attributes"] = {("ping", "xattrs")}
    # it also empties what it may not read, and drops folders into which it may not look; ours has them as they are
    EXPLAINED["special modes"] = {("shut/in", "size"), ("shut/in", "content")}
    EXPLAINED["mode 000"] = {("none", "size"), ("none", "content"), ("none.d", ""), ("none.d/in", "")}
#: They hold the time of the build, and what it was built from.
RUNTIMES_OWN = {"etc/hosts", "etc/resolv.conf", ".exec", ".run", ".shell", ".test", "environment", "singularity"}
WRITTEN_BY_APPTAINER = (".singularity.d/labels.json", ".singularity.d/Singularity")


@dataclass
class Outcome:
    code: int
    lines: list[dict[str, Any]] = default(default_factory=list)

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
        self.push_layout(layout, name)
        return layout

    def push_layout(self, layout: Path, name: str) -> None:
        copy = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
        subprocess.run([*copy, f"oci:{layout}", f"docker://{self.registry}/{name}"], check=True)

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
    for each in layers:
        with tarfile.open(fileobj=io.BytesIO(each), errors="surrogateescape") as tar:
            found |= {os.path.normpath("/" + name).lstrip("/") for name in tar.getnames()}
    # Apptainer writes into the root after the layers
    return found - {""}


def stack_images(images: list[Path], more: list[bytes], layout: Path) -> None:
    """Make one image of the layers of several, one over the other, and of some more."""
    write_image(more, layout)

    def read(blobs: Path, digest: str) -> dict[str, Any]:
        return dict(json.loads((blobs / digest[7:]).read_bytes()))

    blobs = layout / "blobs/sha256"
    index = json.loads((layout / "index.json").read_text())
    manifest = read(blobs, index["manifests"][0]["digest"])
    config = read(blobs, manifest["config"]["digest"])
    layers, ids = [], []
    for image in images:
        theirs = image / "blobs/sha256"
        top = read(theirs, json.loads((image / "index.json").read_text())["manifests"][0]["digest"])
        for each in top["layers"]:
            shutil.copyfile(theirs / each["digest"][7:], blobs / each["digest"][7:])
        layers += top["layers"]
        ids += read(theirs, top["config"]["digest"])["rootfs"]["diff_ids"]
    manifest["layers"] = layers + manifest["layers"]
    config["rootfs"]["diff_ids"] = ids + config["rootfs"]["diff_ids"]
    for part, holder in ((config, manifest["config"]), (manifest, index["manifests"][0])):
        data = json.dumps(part).encode()
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        holder |= {"digest": f"sha256:{name}", "size": len(data)}
    (layout / "index.json").write_text(json.dumps(index))


@pytest.mark.skipif(os.geteuid() != 0, reason="takes ten minutes where a user namespace has to stand in for root")
def test_an_image_of_60_000_entries_is_apptainers(maker: Maker, tmp_path: Path) -> None:
    """Three releases of Debian and 46,000 small files, one over the other."""
    images = Path(os.environ.get("CONTAINER_KERNELS_CACHE", Path(__file__).parents[2] / ".cache")) / "images"
    names = ("test/old-pip", "test/newer", "demo/python-ipykernel")
    many = [folder("many"), *(folder(f"many/{n:03}") for n in range(300))]
    many += [file(f"many/{n % 300:03}/{n:05}", b"%d" % n * (n % 50)) for n in range(46_000)]
    layout = tmp_path / "stack"
    stack_images([images / name for name in names], [layer(*many)], layout)
    maker.push_layout(layout, "hard/stack:1")
    maker.theirs(f"oci:{layout}", tmp_path / "theirs.sif")
    outcome = maker.ours("hard/stack:1", tmp_path / "ours.sif.part")
    assert outcome.code == 0, outcome.last
    ours = unpack(tmp_path / "ours.sif.part", tmp_path / "ours")
    theirs = unpack(tmp_path / "theirs.sif", tmp_path / "theirs")
    assert len(theirs) > 60_000
    # time stamps of folders are Apptainer's own where a later layer added to them
    plain = {name for name, found in theirs.items() if found.kind != stat.S_IFDIR}
    written = {name for name in plain if name.startswith(".singularity.d/") or name in RUNTIMES_OWN}
    found = differences(ours, theirs, plain - written)
    print(f"{len(theirs)} entries compared, {len(found)} differences")
    assert found == {}


def test_the_result_is_what_apptainer_runs_and_says(maker: Maker, tmp_path: Path) -> None:
    name = "demo/python:1"
    target = tmp_path / "ours.sif.part"
    for kind in ("gzip", *(["zstd"] if has_zstd() else [])):
        assert maker.ours(name, target, compression=kind).code == 0

        def say(*words: str) -> str:
            command = ["apptainer", "-q", *words]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        assert say("exec", str(target), "python3", "-c", "print(6 * 7)") == "42\n"
        assert say("run", str(target), "echo", "it runs") == "it runs\n"
        told = json.loads(say("inspect", "--json", str(target)))["data"]["attributes"]["labels"]
        digest = maker.ours(name, tmp_path / "again.part").last["digest"]
        assert told["org.label-schema.usage.singularity.deffile.bootstrap"] == "docker"
        assert told["org.label-schema.usage.singularity.deffile.from"] == f"{maker.registry}/demo/python@{digest}"
        assert f"demo/python@{digest}" in say("inspect", "--deffile", str(target))
        assert str(tmp_path) not in say("inspect", "--all", str(target))


def test_what_apptainer_gets_wrong_is_right(maker: Maker, tmp_path: Path) -> None:
    """Without privileges it empties files of mode 000; and it fails at a resolv.conf that leads nowhere."""
    layers = [layer(folder("etc"), link("etc/resolv.conf", "/run/nowhere/resolv.conf"), file("none", b"secret", 0))]
    maker.push(layers, "hard/right:1")
    target = tmp_path / "ours.sif.part"
    assert maker.ours("hard/right:1", target).code == 0
    found = unpack(target, tmp_path / "ours")
    assert found["etc/resolv.conf"].content == "/run/nowhere/resolv.conf"
    assert (found["none"].mode, found["none"].content) == (0, hashlib.sha256(b"secret").hexdigest())


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([layer(file("../x"))], "‘..’"),
        ([layer(file("x", b"1", pax_headers={"GNU.sparse.major": "1"}))], "sparse"),
        ([layer(folder(".singularity.d"))], "made from an image of Apptainer"),
        ([b"no tar" * 1000], "bad number"),
    ],
)
def test_what_is_not_understood_is_said_and_is_no_error(
    layers: list[bytes], said: str, maker: Maker, tmp_path: Path
) -> None:
    maker.push(layers, "hard/not-understood:1")
    outcome = maker.ours("hard/not-understood:1", tmp_path / "ours.sif.part")
    assert outcome.code == 3
    assert outcome.last["event"] == "not_understood"
    assert said in outcome.last["reason"]


def test_failures_are_told_with_their_code(maker: Maker, tmp_path: Path) -> None:
    assert maker.ours("demo/none:1", tmp_path / "x.part").last["code"] == "image_not_found"
    full = maker.ours("demo/python:1", Path("/dev/full"))
    assert (full.code, full.last["code"]) == (1, "disk_full")
    nowhere = maker.ours("demo/python:1", tmp_path / "no/x.part")
    assert (nowhere.code, nowhere.last["event"]) == (1, "failed")
    broken = maker.ours("demo/python:1", tmp_path / "x.part", runtime="/bin/false")
    assert (broken.code, broken.last["event"]) == (3, "not_understood")


def test_a_worker_that_is_killed_leaves_only_what_the_next_one_goes_on_with(maker: Maker, tmp_path: Path) -> None:
    name, target = "demo/python-ipykernel:1", tmp_path / "ours.sif.part"
    before = set(tmp_path.rglob("*")) | {target}
    for patience_s in (0.3, 0.8, 1.3, 1.8, 30):
        worker = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab_container_kernels.acquire.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(maker.job(name, target)))
        worker.stdin.close()
        deadline = time.monotonic() + patience_s
        # the last one at the latest when there is something to go on with
        while time.monotonic() < deadline and (
            patience_s < 30 or not any(path.stat().st_size for path in maker.spool.glob("sha256-*"))
        ):
            time.sleep(0.02)
        worker.kill()
        worker.wait()
        assert worker.stdout is not None
        worker.stdout.close()
        left = set(tmp_path.rglob("*")) - before
        assert all(path.is_relative_to(maker.spool) for path in left)
    outcome = maker.ours(name, target)
    assert outcome.code == 0
    assert outcome.lines[0]["done_bytes"] > 0, "it began anew"
    assert subprocess.run(["apptainer", "-q", "exec", target, "true"], check=False).returncode == 0
    assert list(maker.spool.iterdir()) == []
