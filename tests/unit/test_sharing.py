"""Folders from which kernels are shared: which are refused, who can read them, and what modes things get."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import threading
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import AddRequest
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from jupyterlab_container_kernels.services import publishing, shared_places
from jupyterlab_container_kernels.services.publishing import PublishingService, looks_secret
from jupyterlab_container_kernels.services.shared_places import Audience
from jupyterlab_container_kernels.services.work import Plan
from jupyterlab_container_kernels.system import kernelspecs, paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.patience import Patience
from tests.builders import add_kernel, record, tree, write_sif


def refused(named: object) -> str:
    """Return why a folder is refused."""
    with pytest.raises(ContainerKernelsError) as refusal:
        shared_places.find(str(named))
    assert refusal.value.code == "invalid_directory"
    assert refusal.value.hint
    return refusal.value.message


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_folder_is_made_for_those_who_can_read_the_one_above(public_dir: Path, umask: int) -> None:
    place = shared_places.find(str(public_dir / "lab" / "kernels"))
    assert place.readers() is None
    assert place.audience.everybody
    place.make()
    for directory in (public_dir / "lab", place.directory, place.kernels, place.data):
        assert mode(directory) & 0o777 == 0o755
    assert shared_places.find(str(place.directory)) == place


def test_what_is_given_can_be_read_and_never_written_by_others(public_dir: Path, umask: int) -> None:
    tree = public_dir / "tree"
    (tree / "closed").mkdir(parents=True)
    (tree / "closed").chmod(0o500)
    (tree / "run").touch()
    (tree / "run").chmod(0o777)
    (tree / "data").write_text("x")
    (tree / "data").chmod(0o600)
    (tree / "link").symlink_to("/etc/hostname")
    shared_places.give(tree, Audience(os.getegid(), everybody=False))
    assert {path.name: mode(path) for path in (tree, *tree.iterdir()) if not path.is_symlink()} == {
        "tree": 0o750, "closed": 0o750, "run": 0o750, "data": 0o640,
    }  # fmt: skip
    shared_places.give(tree, Audience(os.getegid(), everybody=True))
    assert {path.name: mode(path) for path in (tree, *tree.iterdir()) if not path.is_symlink()} == {
        "tree": 0o755, "closed": 0o755, "run": 0o755, "data": 0o644,
    }  # fmt: skip


@pytest.mark.parametrize("named", ["", "kernels", "/a/../b", "/a\nb"])
def test_what_is_no_full_path_is_refused(named: str) -> None:
    assert "is not a full path" in refused(named)


def test_a_folder_that_others_can_write_is_refused(public_dir: Path) -> None:
    place = public_dir / "lab"
    place.mkdir()
    place.chmod(0o777)
    assert f"Everybody may write to {place}" in refused(place)
    assert f"Everybody may write to {place}" in refused(place / "new")
    place.chmod(0o1777)  # as /tmp: nobody may replace what is another's
    assert shared_places.find(str(place / "new")).remarks == []
    place.chmod(0o755)
    (place / "kernels").mkdir()
    (place / "kernels").chmod(0o777)
    assert f"Everybody may write to {place}/kernels" in refused(place)


def test_links_in_a_shared_folder_are_refused(public_dir: Path) -> None:
    place = public_dir / "lab"
    place.mkdir()
    place.chmod(0o755)
    (place / "container-kernels").symlink_to(public_dir)
    assert "is a link" in refused(place)
    (public_dir / "by-link").symlink_to(place)
    (place / "container-kernels").unlink()
    found = shared_places.find(str(public_dir / "by-link"))
    assert found.directory == place.resolve()  # a link of one's own is followed, once


@pytest.mark.root("only root can give a folder to somebody else")
def test_folders_and_links_of_strangers_are_refused(public_dir: Path) -> None:
    place = public_dir / "lab"
    place.mkdir()
    place.chmod(0o755)
    link = public_dir / "link"
    link.symlink_to(place)
    os.chown(link, 65534, 65534, follow_symlinks=False)
    assert f"{link} is a link of " in refused(link)
    os.chown(place, 65534, 65534)
    assert f"{place} belongs to " in refused(place)


def test_a_folder_that_nobody_else_can_read_is_refused(public_dir: Path) -> None:
    place = public_dir / "mine"
    place.mkdir(mode=0o700)
    assert f"Nobody but you can read {place}" in refused(place)
    assert f"Nobody but you can enter {place}" in refused(place / "kernels")


@pytest.mark.parametrize("name", [shared_places.KERNELS, shared_places.DATA])
def test_a_folder_in_it_that_its_readers_cannot_read_is_refused(public_dir: Path, name: str) -> None:
    place = public_dir / "lab"
    for directory in (place, place / name):
        directory.mkdir()
        directory.chmod(0o755)
    assert shared_places.find(str(place)).audience.everybody
    (place / name).chmod(0o750)
    assert f"{place / name} cannot be read" in refused(place)


def test_a_file_is_left_where_it_lies_only_if_its_readers_can_reach_it(public_dir: Path) -> None:
    everybody = Audience(os.getegid(), everybody=True)
    image = write_sif(public_dir / "folder" / "image.sif")
    image.chmod(0o644)
    image.parent.chmod(0o755)
    assert everybody.may_read(image)
    image.chmod(0o640)
    assert not everybody.may_read(image)
    image.chmod(0o644)
    image.parent.chmod(0o700)
    assert not everybody.may_read(image)
    assert not everybody.may_read(public_dir / "missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_TOKEN", "x"), ("WANDB_API_KEY", "x"), ("DB_PASSWORD", "x"), ("pgpass", "x"), ("GITHUB_PAT", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"), ("DATABASE_URL", "postgres://u:secret@db/x"), ("EXTRA", "ghp_0123456789"),
        ("KEY", "x"), ("HEADER", "Bearer abc"), ("PEM", "-----BEGIN PRIVATE KEY-----"),
    ],
)  # fmt: skip
def test_what_logs_in_is_left_out(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("OMP_NUM_THREADS", "4"), ("HF_HOME", "/scratch/hf"), ("URL", "https://example.org/x"), ("KEYBOARD", "us"),
     ("MONKEY", "1"), ("PASSENGERS", "3"), ("HF_TOKEN", "")],
)  # fmt: skip
def test_what_does_not_log_in_is_handed_on(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_the_log_of_a_shared_kernel_is_that_of_whoever_starts_it(
    roots: Roots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "colleague"))
    made = record(roots, "torch", write_sif(tmp_path / "image.sif"), log="logs/torch-1234/last-start")
    data = {"display_name": "t", "language": "python", "metadata": {kernelspecs.KEY: asdict(made)}}
    spec = kernelspecs.parse(tmp_path / "lab" / "kernels" / "torch", data)
    assert spec is not None
    assert spec.record.log == str(tmp_path / "colleague/container-kernels/logs/torch-1234/last-start")


def test_folders_from_which_one_shares_are_noted(tmp_path: Path) -> None:
    state = tmp_path / "state"
    note = str(state / shared_places.NOTE)
    assert shared_places.noted(note) == []
    shared_places.note(state, Path("/lab/ä"), is_used=True)
    shared_places.note(state, Path("/other"), is_used=True)
    assert shared_places.noted(note) == ["/lab/ä/kernels", "/other/kernels"]
    shared_places.note(state, Path("/other"), is_used=False)
    assert shared_places.noted(note) == ["/lab/ä/kernels"]


@pytest.mark.parametrize("slug", ["demo", "packages"])
@pytest.mark.parametrize("where", ["container-kernels/packages", "container-kernels", "packages"])
def test_no_kernel_of_ones_own_is_taken_for_a_shared_one(roots: Roots, tmp_path: Path, where: str, slug: str) -> None:
    elsewhere = replace(roots, packages=tmp_path / "scratch" / where)
    spec = kernelspecs.read(add_kernel(elsewhere, slug, write_sif(tmp_path / "image.sif")))
    assert spec is not None
    assert shared_places.data_of(spec) is None
    with pytest.raises(ContainerKernelsError, match="it was not shared") as refusal:
        shared_places.require_own_share(spec)
    assert refusal.value.code == "not_ours"


async def test_the_copy_of_packages_ends_when_it_is_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for number in range(9):
        (source / f"{number}").mkdir(parents=True)
        for name in "ab":
            (source / f"{number}" / name).write_text("x")
    begun, goes_on, copy = threading.Event(), threading.Event(), shutil.copy2

    def slowly(one: str, to: str) -> None:
        begun.set()
        goes_on.wait(60)
        copy(one, to)

    monkeypatch.setattr(shutil, "copy2", slowly)
    copying = asyncio.create_task(publishing._copy_packages(source, target))
    await asyncio.to_thread(begun.wait, 60)
    copying.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not copying.done(), "a file is being written"
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await copying
    assert len([path for path in target.rglob("*") if path.is_file()]) == 1
    await publishing._copy_packages(source, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(source)


async def test_a_folder_that_hangs_is_asked_once_however_often_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_LOOK_TIMEOUT_S", 0.05)
    answers, asked = threading.Event(), []
    session: Any = SimpleNamespace(patience=Patience())
    service = PublishingService(session, *[SimpleNamespace()] * 4)  # type: ignore[arg-type]

    def hang() -> None:
        asked.append(True)
        answers.wait(60)

    try:
        for _ in range(20):
            with pytest.raises(ContainerKernelsError, match="does not answer"):
                await service._ask("place", tmp_path, hang)
        assert await session.patience.ask("another", lambda: "answer", 60) == "answer"
        assert len(asked) == 1
    finally:
        answers.set()
        session.patience.close()


class TestPublishing:
    """The last step of sharing, in which the kernel is seen by all."""

    @pytest.fixture
    def sharing(self, roots: Roots, public_dir: Path) -> Any:
        place = shared_places.find(str(public_dir / "lab"))
        place.make()
        sharing = object.__new__(publishing._Sharing)
        sharing._place, sharing._roots = place, roots
        sharing._data = paths.make_marked(place.data / "demo-01234567")
        sharing._plan = Plan(
            AddRequest("x"), "Demo", "demo", FoundRuntime("apptainer", "Apptainer", "/bin/sh", (1, 4, 5))
        )
        return sharing

    @pytest.fixture
    def staged(self, sharing: Any, roots: Roots) -> Path:
        made = record(
            roots, "demo", roots.images / "x.sif", task="1" * 32,
            packages=PackagesRecord(str(sharing._data / "packages"), None, 0, []),
        )  # fmt: skip
        return kernelspecs.stage(
            sharing._data, "demo", display_name="Demo", language="python", interrupt_mode="signal", metadata={},
            record=made, script="", logo="",
        )  # fmt: skip

    @pytest.fixture
    def lab_of_a_group(self, public_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The folder, which is there before: what is made in it is its group's, as in folders of projects."""
        lab = public_dir / "lab"
        lab.mkdir()
        lab.chmod(0o2750)
        monkeypatch.setattr(shared_places, "is_private_group", lambda _gid: False)
        return lab

    def test_what_is_published_in_the_folder_of_a_group_is_read_by_it_and_written_by_nobody_else(
        self, umask: int, lab_of_a_group: Path, sharing: Any, staged: Path
    ) -> None:
        packages = sharing._data / "packages"
        packages.mkdir()
        (packages / "module.py").touch()
        (packages / "module.py").chmod(0o666)
        sharing._publish_now(staged)
        place = shared_places.find(str(lab_of_a_group))
        assert (place.readers(), place.audience) == (place.audience.group, sharing._place.audience)
        assert place.audience == Audience(lab_of_a_group.stat().st_gid, everybody=False)
        published = list(lab_of_a_group.rglob("*"))
        assert {path.stat().st_gid for path in published} == {place.audience.gid}
        assert {mode(path) & 0o777 for path in published if path.is_dir()} == {0o750}
        assert {path.name: mode(path) for path in published if path.suffix in (".json", ".py")} == {
            "kernel.json": 0o640, "module.py": 0o640,
        }  # fmt: skip
        assert not [path for path in published if mode(path) & 0o027]

    def test_nothing_is_public_if_it_cannot_be_noted(
        self, sharing: Any, staged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shared_places, "note", full)
        with pytest.raises(OSError, match="No space"):
            sharing._publish_now(staged)
        assert list(sharing._place.kernels.iterdir()) == []

    def test_what_was_published_is_shared_even_if_something_lies_in_its_workspace(
        self, sharing: Any, staged: Path
    ) -> None:
        (staged.parent / ".nfs1").touch()
        sharing._publish_now(staged)
        assert [each.name for each in sharing._place.kernels.iterdir()] == ["demo"]

    def test_what_was_cancelled_meanwhile_is_taken_back_and_nothing_of_another_task(
        self, sharing: Any, staged: Path
    ) -> None:
        sharing._publish_now(staged)
        sharing._take_back(SimpleNamespace(task=SimpleNamespace(id="2" * 32)))
        assert (sharing._place.kernels / "demo").is_dir()
        sharing._take_back(SimpleNamespace(task=SimpleNamespace(id="1" * 32)))
        assert list(sharing._place.kernels.iterdir()) == []
        shared_places.remove_unpublished(sharing._data)
        assert list(sharing._place.data.iterdir()) == []

    @pytest.mark.parametrize("killed_in", ["remove_marked", "remove_tree"])
    def test_what_a_withdrawal_left_that_was_killed_goes_and_what_is_shared_stays(
        self, sharing: Any, staged: Path, roots: Roots, monkeypatch: pytest.MonkeyPatch, killed_in: str
    ) -> None:
        def kill(*_: object) -> None:
            raise KeyboardInterrupt

        sharing._publish_now(staged)
        spec = kernelspecs.read(sharing._place.kernels / "demo")
        assert spec is not None
        shared_places.finish_withdrawals(str(sharing._place.kernels))
        assert sharing._data.is_dir(), "it is shared"
        other = paths.make_marked(sharing._place.data / "other-01234567")
        precious = sharing._place.data / "precious-01234567"
        (precious / "withdrawn-0" / "kernel.json").mkdir(parents=True)
        service = object.__new__(PublishingService)
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(paths, killed_in, kill)
            service._remove(spec, sharing._data)
        assert tree(sharing._place.kernels) == []
        assert len(list(sharing._place.data.rglob("withdrawn-*/init.sh"))) == 1
        shared_places.finish_withdrawals(str(sharing._place.kernels))
        assert sorted(sharing._place.data.iterdir()) == [other, precious], "what does not carry our marker stays"

    def test_what_another_server_has_withdrawn_at_this_moment_is_gone_and_leaves_nothing(
        self, sharing: Any, staged: Path, roots: Roots
    ) -> None:
        sharing._publish_now(staged)
        spec = kernelspecs.read(sharing._place.kernels / "demo")
        assert spec is not None
        service = object.__new__(PublishingService)
        service._session = SimpleNamespace(roots=roots)  # type: ignore[assignment]
        service._remove(spec, sharing._data)
        with pytest.raises(ContainerKernelsError) as refusal:
            service._remove(spec, sharing._data)
        assert refusal.value.code == "not_found"
        assert tree(sharing._place.directory) == ["container-kernels", "kernels"]
