"""Each status is produced with real files, and none is said of a kernel that has nothing of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.local_image import LocalImage
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.models import Bind, Kernel, KernelRuntime, RunningKernel
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from jupyterlab_container_kernels.services import status
from jupyterlab_container_kernels.services.facts import StartFacts
from jupyterlab_container_kernels.services.wiring import Services, connect
from jupyterlab_container_kernels.services.work import as_it_is
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, record, sif_bytes, unpack_image, write_sif

CREATED = "2026-01-01T00:00:00.000Z"


class NoServer:
    """A Jupyter in which nothing runs and nothing is hidden."""

    root_dir: Path | None = None

    def __init__(self, kernels: Path) -> None:
        self.kernel_dirs = [str(kernels)]

    def find_kernels(self) -> dict[str, str]:
        return {each.name: str(each) for each in Path(self.kernel_dirs[0]).iterdir()}

    async def kernel_names(self) -> set[str]:
        return set()

    async def resource_dir(self, slug: str) -> Path | None:
        return None

    async def running(self) -> dict[str, list[RunningKernel]]:
        return {}

    async def shut_down(self, slug: str) -> None:
        raise AssertionError


@pytest.fixture
def services(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(roots.kernels.parent))
    made = connect(ContainerKernelsApp().values(), roots.kernels.parent, NoServer(roots.kernels))
    yield made
    made.session.patience.close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_sif(tmp_path / "images/a.sif")


@pytest.fixture
def look(services: Services) -> Callable[[], Any]:
    async def look() -> Kernel:
        [kernel] = (await services.kernels.list_kernels()).kernels
        return kernel

    return look


Look = Callable[[], Any]


def codes(kernel: Kernel) -> list[str]:
    return [kernel.status.code, *(note.code for note in kernel.notes)]


async def test_of_a_kernel_that_has_all_it_needs_nothing_is_said(roots: Roots, image: Path, look: Look) -> None:
    add_kernel(roots, "demo", image)
    kernel = await look()
    assert (kernel.status, kernel.notes) == (status.OK, [])


async def test_every_status_names_a_remedy_or_a_hint(roots: Roots, look: Look, tmp_path: Path) -> None:
    add_kernel(roots, "demo", tmp_path / "gone.sif")
    kernel = await look()
    assert codes(kernel) == ["image_missing"]
    assert kernel.status.level == "stale"
    assert str(tmp_path / "gone.sif") in kernel.status.message
    assert kernel.status.remedies == ["relink", "pull"]
    assert kernel.status.hint


async def test_an_image_that_cannot_be_pulled_again_is_not_offered_to_be(
    roots: Roots, look: Look, image: Path, tmp_path: Path
) -> None:
    directory = add_kernel(roots, "demo", image)
    change_record(directory, image={"reference": str(image), "source": str(image)})
    image.unlink()
    assert (await look()).status.remedies == ["relink"]


def change_record(directory: Path, **changes: dict[str, Any]) -> None:
    """Change parts of the record of a kernel."""
    data = json.loads((directory / "kernel.json").read_text())
    for part, values in changes.items():
        data["metadata"]["container_kernels"][part].update(values)
    (directory / "kernel.json").write_text(json.dumps(data))


# ---- the image


@pytest.mark.parametrize("kind", ["other size", "other time", "other id"])
async def test_an_image_that_is_another_one_has_changed(roots: Roots, look: Look, image: Path, kind: str) -> None:
    directory = add_kernel(roots, "demo", image)
    if kind == "other size":
        image.write_bytes(sif_bytes(payload=65))
    elif kind == "other time":
        os.utime(image, (1, 1))
    else:
        change_record(directory, image={"sif_id": "00000000-0000-0000-0000-000000000008"})
    kernel = await look()
    assert codes(kernel) == ["image_changed"]
    assert kernel.status.level == "note"


async def test_a_copy_of_the_image_has_not_changed(roots: Roots, look: Look, image: Path) -> None:
    directory = add_kernel(roots, "demo", image)
    change_record(directory, image={"sif_id": "00000000-0000-0000-0000-000000000007"})
    os.utime(image, (1, 1))
    assert codes(await look()) == ["ok"]


def test_once_a_kernel_was_mended_with_a_changed_image_that_is_the_image_it_has(roots: Roots, image: Path) -> None:
    before = replace(record(roots, "demo", image).image, digest="sha256:1", sif_id="old")
    image.write_bytes(sif_bytes(payload=65))
    found = LocalImage("new", "amd64", unpacked=False)
    after = as_it_is(before, found)
    assert (after.size_bytes, after.sif_id, after.digest) == (image.stat().st_size, "new", None)
    assert after.mtime_ns == image.stat().st_mtime_ns
    assert as_it_is(replace(after, digest="sha256:2"), found).digest == "sha256:2", "nothing has changed since"


@pytest.fixture
def unpacked(roots: Roots, tmp_path: Path) -> Path:
    """The image folder of a kernel."""
    folder = unpack_image(tmp_path / "images/demo:1")
    directory = add_kernel(roots, "demo", folder)
    change_record(directory, image={"size_bytes": 0, "mtime_ns": 7, "unpacked": True, "source": str(folder)})
    return folder


def test_the_record_of_an_image_folder_stays_what_it_is(roots: Roots, tmp_path: Path) -> None:
    folder = unpack_image(tmp_path / "demo:1")
    before = record(roots, "demo", folder).image
    before = replace(before, digest="sha256:1", size_bytes=0, mtime_ns=7, unpacked=True)
    found = LocalImage(None, None, unpacked=True)
    assert as_it_is(before, found) == replace(before, mtime_ns=folder.stat().st_mtime_ns)
    assert as_it_is(replace(before, unpacked=False), found).digest is None, "it was a file"


async def test_of_an_image_folder_nobody_knows_size_or_change(look: Look, unpacked: Path) -> None:
    (unpacked / "new").write_text("x" * 5000)
    kernel = await look()
    assert (codes(kernel), kernel.image.size_bytes, kernel.image.unpacked) == (["ok"], None, True)


@pytest.mark.parametrize("kind", ["gone", "empty"])
async def test_an_image_folder_that_is_gone_is_missing(look: Look, unpacked: Path, kind: str) -> None:
    shutil.rmtree(unpacked)
    if kind == "empty":  # as some sites sweep, or a mount leaves it
        unpacked.mkdir()
    kernel = await look()
    assert (codes(kernel), kernel.status.remedies) == (["image_missing"], ["relink"])
    assert "folder" in kernel.status.message and str(unpacked) in kernel.status.message


async def test_an_image_folder_that_became_a_file_is_damaged(look: Look, unpacked: Path) -> None:
    shutil.rmtree(unpacked)
    write_sif(unpacked)
    kernel = await look()
    assert (codes(kernel), kernel.status.message) == (["image_damaged"], f"{unpacked} is a file now, not a folder.")


async def test_an_image_folder_whose_file_system_does_not_work_is_unknown(
    look: Look, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_folder: str) -> None:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    monkeypatch.setattr("jupyterlab_container_kernels.acquire.local_image.why_none", fails)
    kernel = await look()
    assert codes(kernel) == ["unknown"]
    assert "Transport endpoint is not connected" in kernel.status.message


async def test_an_image_of_a_repository_that_is_not_mounted_is_unknown(roots: Roots, look: Look) -> None:
    folder = "/cvmfs/no-such.example.org/debian:12"
    change_record(add_kernel(roots, "demo", Path(folder)), image={"unpacked": True, "source": folder})
    kernel = await look()
    assert codes(kernel) == ["unknown"]
    assert "/cvmfs/no-such.example.org is not there on this machine" in kernel.status.message


@pytest.mark.parametrize("kind", ["cut off", "empty", "not an image", "a folder"])
async def test_an_image_that_is_not_whole_is_damaged(roots: Roots, look: Look, image: Path, kind: str) -> None:
    add_kernel(roots, "demo", image)
    if kind == "cut off":
        os.truncate(image, image.stat().st_size - 1)
    elif kind == "empty":
        os.truncate(image, 0)
    elif kind == "not an image":
        image.write_text("<html>" * 50)
    else:
        image.unlink()
        image.mkdir()
    kernel = await look()
    assert codes(kernel) == ["image_damaged"]
    assert kernel.status.level == "stale"


async def test_damage_that_comes_between_two_looks_is_noticed(roots: Roots, look: Look, image: Path) -> None:
    add_kernel(roots, "demo", image)
    assert codes(await look()) == ["ok"]
    os.truncate(image, 1000)
    assert codes(await look()) == ["image_damaged"]
    image.unlink()
    assert codes(await look()) == ["image_missing"]


@pytest.mark.parametrize("kind", ["file", "folder"])
async def test_an_image_that_may_not_be_read_is_not_missing(
    public_dir: Path,
    kind: str,
    ordinary_user: Callable[[], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(public_dir))
    state = public_dir / "container-kernels"
    roots = Roots(public_dir / "kernels", state / "images", state / "packages", state)
    image = write_sif(public_dir / "closed/a.sif")
    directory = add_kernel(roots, "demo", image)
    for each in public_dir.rglob("*"):
        each.chmod(0o755 if each.is_dir() else 0o644)
    (image if kind == "file" else image.parent).chmod(0)
    services = connect(ContainerKernelsApp().values(), public_dir, NoServer(roots.kernels))
    try:
        with ordinary_user():
            [kernel] = (await services.kernels.list_kernels()).kernels
        assert kernel.status.code == "image_not_readable"
        assert kernel.resource_dir == str(directory)
        if os.getuid() == 0:
            assert "read_only" in codes(kernel), "it is somebody else's folder"
    finally:
        await services.stop()
        image.parent.chmod(0o700)


@pytest.mark.root
@pytest.mark.parametrize(
    ("file", "folder", "is_writable"),
    [
        (0o644, 0o755, False),
        (0o666, 0o755, True),
        (0o775, 0o755, True),  # what pulling with umask 002 makes, with a group of others
        (0o644, 0o777, True),
        (0o644, 0o1777, False),  # as /tmp: only the owner may replace it
        (0o644, 0o775, True),
    ],
)
async def test_an_image_that_others_can_change_is_said(
    roots: Roots, look: Look, image: Path, file: int, folder: int, is_writable: bool
) -> None:
    for path in (image, image.parent):
        give_to_another_group(path)
    image.chmod(file)
    image.parent.chmod(folder)
    add_kernel(roots, "demo", image)
    kernel = await look()
    assert codes(kernel) == (["image_writable"] if is_writable else ["ok"])
    assert kernel.status.level in ("note", "ok")


def give_to_another_group(path: Path) -> None:
    """Give a path to a group that is not this user's alone."""
    groups = [12345] if os.getuid() == 0 else [each for each in os.getgroups() if each != os.getgid()]
    if not groups:
        pytest.skip("this user has no second group")
    os.chown(path, -1, groups[0])


async def test_what_the_users_own_group_may_write_is_not_open_to_others(roots: Roots, look: Look, image: Path) -> None:
    image.chmod(0o664)
    add_kernel(roots, "demo", image)
    assert codes(await look()) == ["ok"]


async def test_what_lies_on_a_file_system_that_is_not_there_is_unknown(roots: Roots, look: Look, image: Path) -> None:
    directory = add_kernel(roots, "demo", image)
    change_record(directory, image={"path": "/no-such-file-system/images/a.sif"})
    kernel = await look()
    assert codes(kernel) == ["unknown"]
    assert "/no-such-file-system" in kernel.status.message


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT])
def test_an_error_that_does_not_say_that_a_file_is_gone_makes_it_unknown(
    roots: Roots, image: Path, number: int
) -> None:
    error = OSError(number, os.strerror(number))
    for name in ("image", "runtime", "own"):
        seen: dict[str, Any] = {"image": OSError(errno.ENOENT, ""), "place": True, "runtime": 1, "own": None}
        seen[name] = error
        found = status.of_ours(record(roots, "demo", image), seen, written_s=0)
        assert "unknown" in [each.code for each in found]
        assert not {"runtime_missing", "packages_missing"} & {each.code for each in found}


# ---- packages


def make_set(roots: Roots) -> Path:
    """Make a set of packages as pip installs one."""
    shared = roots.packages / "shared/python-1"
    site = shared / "lib/python3.11/site-packages"
    for name, files in {
        "ipykernel": ["ipykernel/__init__.py", "ipykernel/comm/base.py"],
        "pyzmq": ["zmq/a.so", "../../../bin/zmq"],
    }.items():
        info = f"{name}-1.0.dist-info"
        for file in [*(each for each in files if not each.startswith("..")), f"{info}/METADATA"]:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            (site / file).write_text("x")
        lines = [*files, "x/__pycache__/gone.cpython-311.pyc", f"{info}/METADATA", f"{info}/RECORD"]
        (site / info / "RECORD").write_text("".join(f'"{line}",sha256=x,1\n' for line in lines))
    return shared


@pytest.fixture
def shared(roots: Roots, image: Path) -> Path:
    """A set of packages, which one kernel uses."""
    made = make_set(roots)
    packages = PackagesRecord(str(roots.packages / "demo"), str(made), 1, ["ipykernel==1.0", "pyzmq==1.0"])
    add_kernel(roots, "demo", image, packages=packages)
    return made


async def test_packages_that_are_all_there_are_complete(shared: Path, look: Look) -> None:
    kernel = await look()
    assert codes(kernel) == ["ok"]
    assert kernel.packages.shared_by == 1


@pytest.mark.parametrize(
    "gone",
    [
        "ipykernel/comm/base.py",
        "ipykernel/comm",
        "zmq/a.so",
        "ipykernel-1.0.dist-info",
        "pyzmq-1.0.dist-info/RECORD",
        "ipykernel-1.0.dist-info/METADATA",
    ],
)
async def test_packages_of_which_files_are_missing_are_incomplete(shared: Path, look: Look, gone: str) -> None:
    assert codes(await look()) == ["ok"]
    path = shared / "lib/python3.11/site-packages" / gone
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    kernel = await look()
    assert codes(kernel) == ["packages_incomplete"]
    assert (kernel.status.level, kernel.status.remedies) == ("stale", ["reinstall"])
    assert gone.split("/", maxsplit=1)[0].removesuffix("-1.0.dist-info") in kernel.status.message


@pytest.mark.parametrize("which", ["own", "shared"])
async def test_packages_that_are_gone_are_missing(shared: Path, roots: Roots, look: Look, which: str) -> None:
    shutil.rmtree(shared if which == "shared" else roots.packages / "demo")
    kernel = await look()
    assert codes(kernel) == ["packages_missing"]
    assert kernel.status.remedies == ["reinstall"]


async def test_what_the_user_adds_is_seen_at_once(roots: Roots, image: Path, look: Look) -> None:
    add_kernel(roots, "demo", image)
    assert (await look()).packages.added == []
    site = roots.packages / "demo/lib/python3.11/site-packages"
    (site / "numpy-2.1.0.dist-info").mkdir(parents=True)
    assert (await look()).packages.added == ["numpy==2.1.0"]
    (site / "rich-14.0.dist-info").mkdir()
    assert (await look()).packages.added == ["numpy==2.1.0", "rich==14.0"]
    shutil.rmtree(site / "rich-14.0.dist-info")
    assert (await look()).packages.added == ["numpy==2.1.0"]


@pytest.mark.parametrize(("version", "is_other"), [("3.11.2", False), ("3.12.1", True)])
async def test_another_python_than_when_installed_counts_only_in_another_image(
    roots: Roots, image: Path, look: Look, version: str, is_other: bool
) -> None:
    add_kernel(roots, "demo", image)
    told = {"path": "/usr/bin/python3", "version": version}
    (roots.packages / "demo/interpreter.json").write_text(json.dumps(told))
    assert codes(await look()) == ["ok"]
    image.write_bytes(sif_bytes(payload=65))
    kernel = await look()
    assert codes(kernel) == (["other_python", "image_changed"] if is_other else ["image_changed"])
    if is_other:
        assert (kernel.status.level, kernel.status.remedies) == ("stale", ["reinstall"])


# ---- the runtime, folders


async def test_a_runtime_that_is_gone_stops_a_kernel_unless_there_is_another(
    roots: Roots, image: Path, look: Look, empty_path: Path
) -> None:
    add_kernel(roots, "demo", image, runtime=KernelRuntime("apptainer", "/no/such/apptainer", "1.4.5"))
    kernel = await look()
    assert (codes(kernel), kernel.status.level) == (["runtime_missing"], "stale")
    (empty_path / "singularity").symlink_to("/bin/sh")
    kernel = await look()
    assert (codes(kernel), kernel.status.level) == (["runtime_missing"], "note")
    assert str(empty_path / "singularity") in kernel.status.hint
    assert kernel.status.remedies == ["find_runtime"]


@pytest.mark.parametrize(("version", "said"), [((1, 4, 5), ["ok"]), ((1, 5, 1), ["runtime_changed"])])
async def test_a_runtime_of_another_version_is_said_once_that_is_known(
    roots: Roots, image: Path, look: Look, services: Services, version: tuple[int, ...], said: list[str]
) -> None:
    add_kernel(roots, "demo", image)
    assert codes(await look()) == ["ok"], "nothing is run to find out"
    known = services.session.ladder._identified
    known["/bin/sh", os.stat("/bin/sh").st_mtime_ns] = FoundRuntime("apptainer", "Apptainer", "/bin/sh", version)
    assert codes(await look()) == said


async def test_a_folder_that_is_gone_is_said_and_the_kernel_starts_without_it(
    roots: Roots, image: Path, look: Look, tmp_path: Path, home: Path
) -> None:
    (home / "data").mkdir()
    binds = [Bind("~/data", "/data", True), Bind(str(tmp_path / "gone"), None, False)]
    add_kernel(roots, "demo", image, binds=binds)
    kernel = await look()
    assert (codes(kernel), kernel.status.level) == (["bind_missing"], "note")
    assert str(tmp_path / "gone") in kernel.status.message
    (tmp_path / "gone").mkdir()
    assert codes(await look()) == ["ok"]


# ---- starts and checks


def write_log(roots: Roots, started: datetime, end: str = "") -> None:
    text = f"# started: {started.strftime('%Y-%m-%dT%H:%M:%S%z')}\n# node: x\nhello\n"
    if end:
        text += f"# ended: {started.strftime('%Y-%m-%dT%H:%M:%S%z')} {end}\n"
    (roots.logs / "demo/last-start").write_text(text)


async def test_a_kernel_that_was_only_verified_was_never_started(roots: Roots, image: Path, look: Look) -> None:
    add_kernel(roots, "demo", image)
    created = status._time(CREATED)
    assert created is not None
    write_log(roots, created + timedelta(seconds=1), "ended 0")
    kernel = await look()
    assert codes(kernel) == ["ok", "never_started"], "which is nothing bad"
    assert kernel.last_used is None
    used = created.astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=30)
    write_log(roots, used)
    kernel = await look()
    assert (codes(kernel), kernel.last_used) == (["ok"], "2026-01-01T00:00:30.000Z")


async def test_a_kernel_without_a_log_was_never_started(roots: Roots, image: Path, look: Look) -> None:
    add_kernel(roots, "demo", image)
    (roots.logs / "demo/last-start").unlink()
    assert codes(await look()) == ["ok", "never_started"]


def write_checked(roots: Roots, **changes: Any) -> None:
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    checked = {"at": at, "ok": False, "message": "It died.", "hint": "Look.", "digest": None} | changes
    (roots.logs / "demo/checked.json").write_text(json.dumps(checked))


async def test_what_a_deep_check_found_is_said_until_a_start_shows_otherwise(
    roots: Roots, image: Path, look: Look
) -> None:
    add_kernel(roots, "demo", image)
    write_log(roots, datetime.now(timezone.utc) - timedelta(minutes=1))
    time.sleep(0.02)
    write_checked(roots)
    kernel = await look()
    assert (codes(kernel), kernel.status.level) == (["does_not_start"], "stale")
    assert (kernel.status.message, kernel.status.hint) == ("It died.", "Look.")
    write_log(roots, datetime.now(timezone.utc) + timedelta(seconds=5), "failed 1")
    assert codes(await look()) == ["does_not_start"]
    write_log(roots, datetime.now(timezone.utc) + timedelta(seconds=5))
    assert codes(await look()) == ["ok"]


async def test_what_was_checked_before_a_repair_is_no_longer_said(roots: Roots, image: Path, look: Look) -> None:
    add_kernel(roots, "demo", image)
    write_checked(roots, at="2026-01-01T00:00:00Z")
    assert codes(await look()) == ["ok"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": 1, "ok": 1, "message": "", "hint": ""}', "null"])
async def test_a_damaged_result_of_a_check_says_nothing(roots: Roots, image: Path, look: Look, text: str) -> None:
    add_kernel(roots, "demo", image)
    (roots.logs / "demo/checked.json").write_text(text)
    assert codes(await look()) == ["ok"]


@pytest.mark.parametrize(("digest", "said"), [("sha256:1", "ok"), ("sha256:2", "update_available"), (None, "ok")])
async def test_an_update_is_available_when_the_tag_names_another_image(
    roots: Roots, image: Path, look: Look, digest: str | None, said: str
) -> None:
    change_record(add_kernel(roots, "demo", image), image={"digest": "sha256:1"})
    write_checked(roots, ok=True, digest=digest)
    kernel = await look()
    assert codes(kernel) == [said]
    assert kernel.status.remedies == (["update"] if said != "ok" else [])


async def test_of_several_things_the_worst_is_the_status_and_the_rest_are_notes(
    roots: Roots, image: Path, look: Look, tmp_path: Path, shared: Path
) -> None:
    (shared / "lib/python3.11/site-packages/zmq/a.so").unlink()
    image.chmod(0o666)
    (roots.logs / "demo/last-start").unlink()
    change_record(roots.kernels / "demo", image={"digest": "sha256:1"})
    write_checked(roots, ok=True, digest="sha256:2")
    kernel = await look()
    assert codes(kernel) == ["packages_incomplete", "image_writable", "update_available", "never_started"]


def test_a_start_that_is_not_the_first_is_somebodys(roots: Roots, image: Path) -> None:
    created = status._time(CREATED)
    assert created is not None
    made = record(roots, "demo", image)
    assert status.last_used(made, {"start": StartFacts(created)}) is None
    assert status.last_used(made, {"start": StartFacts(created, is_first=False)}) == created
    assert status.last_used(made, {}) is None


def test_this_file_names_every_code_that_a_quick_look_can_tell() -> None:
    text = Path(__file__).read_text() + (Path(__file__).parents[1] / "api/test_listing.py").read_text()
    models = sys.modules["jupyterlab_container_kernels.models"]
    for code in models.StatusCode.__args__:
        assert f'"{code}"' in text, code
