"""The trash: what moves and what does not, after a kill too, and how all of it comes back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import RemovalKind, now
from jupyterlab_container_kernels.services import burial, restoration, sets, trash
from jupyterlab_container_kernels.services.task_files import Owner
from jupyterlab_container_kernels.services.trash import Entry, Part
from jupyterlab_container_kernels.system import kernelspecs, paths
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, store_image, tree, write_sif

ID = "0123456789abcdef"


def nothing() -> set[str]:
    """Return what is in use."""
    return set()


def dead() -> Owner:
    """A process of this machine that has ended."""
    return replace(Owner.this_process(), pid=2**22 + 1)


@pytest.fixture(params=["at home", "elsewhere"])
def roots(request: pytest.FixtureRequest, roots: Roots, tmp_path: Path) -> Roots:
    """The directories of one user; a site may keep the large ones elsewhere."""
    if request.param == "at home":
        return roots
    scratch = tmp_path / "scratch"
    return replace(roots, images=scratch / "images", packages=scratch / "packages")


@pytest.fixture
def shared(roots: Roots) -> Path:
    place = paths.make_marked(roots.packages / sets.NAME / "python-1")
    (place / "package.py").write_text("x = 1\n")
    return place


@pytest.fixture
def entry(roots: Roots, shared: Path) -> Entry:
    """A kernel with all that a kernel can have, and the entry that it becomes."""
    image = store_image(roots)
    record = PackagesRecord(str(roots.packages / "demo"), str(shared), 3, [])
    directory = add_kernel(roots, "demo", image, display_name="Demo", packages=record)
    kinds: list[tuple[RemovalKind, Path]] = [
        ("kernelspec", directory), ("packages", roots.packages / "demo"), ("log", roots.logs / "demo"),
        ("shared_packages", shared), ("image", image),
    ]  # fmt: skip
    return trash.begin(ID, "demo", "Demo", now(), [Part(what, str(path), 1) for what, path in kinds], doomed=False)


def sources(entry: Entry) -> list[Path]:
    return [Path(part.source) for part in entry.parts]


def below(roots: Roots) -> list[str]:
    """Return all files of the user, without the directories of the trash and those that are empty."""
    top = roots.state.parent.parent
    return [path for path in tree(top) if (top / path).is_file()]


def test_all_of_a_kernel_goes_and_comes_back(roots: Roots, entry: Entry) -> None:
    before = below(roots)
    assert burial.bury(roots, entry, nothing) == {}
    assert not any(os.path.lexists(path) for path in sources(entry))
    for home in trash.homes(roots):
        for directory in home.iterdir():
            assert (directory / paths.MARKER).is_file(), "all that is ours to remove carries our marker"
            assert directory.stat().st_mode & 0o077 == 0
    [kept] = trash.entries(roots)
    assert (kept.id, kept.state, kept.display_name) == (ID, "kept", "Demo")
    restoration.restore(roots, kept)
    assert below(roots) == before
    assert trash.entries(roots) == []


def test_all_of_a_kernel_is_removed_for_good(roots: Roots, entry: Entry) -> None:
    burial.bury(roots, entry, nothing)
    assert trash.purge(roots, ID) > 0
    assert below(roots) == []
    assert trash.purge(roots, ID) == 0


def test_what_somebody_has_taken_into_use_meanwhile_stays(roots: Roots, entry: Entry, shared: Path) -> None:
    stayed = burial.bury(roots, entry, lambda: {str(shared)})
    assert stayed is not None and list(stayed) == [str(shared)]
    assert (shared / "package.py").exists()
    restoration.restore(roots, trash.entries(roots)[0])
    assert all(path.exists() for path in sources(entry))


@pytest.mark.parametrize("what", ["shared_packages", "image"])
def test_what_is_taken_into_use_while_it_moves_is_put_back(roots: Roots, entry: Entry, what: str) -> None:
    place = next(Path(part.source) for part in entry.parts if part.what == what)

    def in_use() -> set[str]:
        """Another server looked for it right after our look, and wants it."""
        return set() if place.exists() else {str(place)}

    stayed = burial.bury(roots, entry, in_use)
    assert stayed is not None and list(stayed) == [str(place)]
    assert place.exists() and (roots.images / "sha256-0000.json").is_file() == (what == "image")


@pytest.mark.parametrize("what", ["shared_packages", "image"])
def test_what_is_taken_into_use_while_a_deletion_is_killed_is_put_back_by_the_next_process(
    roots: Roots, entry: Entry, what: str
) -> None:
    burial.bury(roots, entry, nothing)
    paths.write_private(
        roots.trash / ID / "trash.json", json.dumps(asdict(replace(entry, state="moving", owner=dead())))
    )
    place = next(Path(part.source) for part in entry.parts if part.what == what)
    burial.resume(roots, lambda: {str(place)})
    assert place.exists() and (roots.images / "sha256-0000.json").is_file() == (what == "image")
    assert [each.state for each in trash.entries(roots)] == ["kept"]


def test_what_a_site_has_swept_with_the_folders_above_is_not_waited_for(roots: Roots, entry: Entry) -> None:
    burial.bury(roots, entry, set)
    if roots.images.parent == roots.state:
        assert trash.unreachable(roots, entry) == []
        return
    scratch = roots.images.parent
    paths.remove_tree(scratch)
    assert trash.unreachable(roots, entry) == [], "its user's own folder above it holds other things"
    assert trash.purge(roots, ID) > 0 and trash.entries(roots) == []


def test_a_kernel_that_is_gone_already_leaves_no_entry(roots: Roots, entry: Entry) -> None:
    paths.remove_tree(roots.kernels / "demo")
    assert burial.bury(roots, entry, nothing) is None
    assert trash.entries(roots) == [] and tree(roots.trash) == []
    assert (roots.packages / "demo").is_dir(), "whoever was quicker sees to the rest"


@pytest.mark.parametrize("moved", range(5))
@pytest.mark.parametrize("doomed", [False, True])
def test_a_deletion_that_was_killed_is_finished_by_the_next_process(
    roots: Roots, entry: Entry, moved: int, doomed: bool
) -> None:
    """``moved`` things had gone; the kernel itself goes first."""
    cut = replace(entry, owner=dead(), state="doomed" if doomed else "moving")
    paths.make_marked(roots.trash / ID)
    paths.write_private(roots.trash / ID / "trash.json", json.dumps(asdict(cut)))
    for part in cut.parts[:moved]:
        target = trash.place(roots, part.what, ID)
        if not target.parent.exists():
            paths.make_marked(target.parent)
        Path(part.source).rename(target)
    burial.resume(roots, nothing)
    if moved == 0:  # the kernel is there as it was
        assert all(path.exists() for path in sources(entry))
        assert trash.entries(roots) == []
    elif doomed:
        assert below(roots) == []
    else:
        assert not any(os.path.lexists(path) for path in sources(entry))
        [kept] = trash.entries(roots)
        restoration.restore(roots, kept)
        assert all(path.exists() for path in sources(entry))
        assert (roots.images / "sha256-0000.json").exists()


def test_a_removal_that_was_killed_takes_nothing_along_that_came_since(roots: Roots, entry: Entry) -> None:
    burial.bury(roots, entry, nothing)
    paths.write_private(
        roots.trash / ID / "trash.json", json.dumps(asdict(replace(entry, state="purging", owner=dead())))
    )
    image = store_image(roots)  # pulled again
    burial.resume(roots, nothing)
    assert image.exists()
    assert trash.entries(roots) == []


def test_an_entry_whose_kernel_is_back_already_goes(roots: Roots, entry: Entry) -> None:
    """A process was killed at the end of a restoration."""
    burial.bury(roots, entry, nothing)
    trash.place(roots, "kernelspec", ID).rename(roots.kernels / "demo")
    burial.resume(roots, nothing)
    assert trash.entries(roots) == []
    assert (roots.kernels / "demo").is_dir()


def test_what_a_removal_left_that_was_killed_goes(roots: Roots, entry: Entry) -> None:
    left = [root / f".demo.{'a' * 12}.removing" for root in (roots.packages, roots.logs, roots.staging, roots.trash)]
    for path in left:
        path.mkdir(parents=True, exist_ok=True)
        (path / "file").write_text("x")
    kept = roots.packages / ".removing"
    kept.mkdir()
    burial.resume(roots, nothing)
    assert not any(path.exists() for path in left) and kept.is_dir()
    assert all(path.exists() for path in sources(entry))


def test_a_deletion_that_was_killed_before_its_note_leaves_nothing_for_long(roots: Roots, entry: Entry) -> None:
    young, old = paths.make_marked(roots.trash / ID), paths.make_marked(roots.trash / ("f" * 16))
    held = paths.make_marked(roots.trash / ("e" * 16))
    (held / "demo").mkdir()
    for path in (old, held):
        os.utime(path, (1, 1))
    burial.resume(roots, nothing)
    assert (young.is_dir(), old.exists(), held.is_dir()) == (True, False, True)


def test_what_another_process_is_at_is_left_to_it(roots: Roots, entry: Entry) -> None:
    paths.make_marked(roots.trash / ID)
    paths.write_private(roots.trash / ID / "trash.json", json.dumps(asdict(entry)))
    burial.resume(roots, nothing)
    assert [each.state for each in trash.entries(roots)] == ["moving"]
    assert all(path.exists() for path in sources(entry))


def test_an_image_that_went_with_another_kernel_comes_back_with_the_first_that_does(roots: Roots, entry: Entry) -> None:
    """Three kernels are deleted: the image goes with the last one; the first is restored alone."""
    add_kernel(roots, "other", roots.images / "sha256-0000.sif", display_name="Other")
    first = trash.begin("f" * 16, "other", "Other", now(), [Part("kernelspec", str(roots.kernels / "other"), 1)], False)
    burial.bury(roots, first, nothing)
    burial.bury(roots, entry, nothing)
    restoration.restore(roots, next(each for each in trash.entries(roots) if each.slug == "other"))
    assert (roots.images / "sha256-0000.sif").exists() and (roots.images / "sha256-0000.json").exists()
    restoration.restore(roots, trash.entries(roots)[0])
    assert all(path.exists() for path in sources(entry))


def test_an_image_that_was_pulled_again_is_taken_as_it_is_now(roots: Roots, entry: Entry) -> None:
    burial.bury(roots, entry, nothing)
    image = store_image(roots)
    write_sif(image, payload=4096)
    restoration.restore(roots, trash.entries(roots)[0])
    spec = kernelspecs.read(roots.kernels / "demo")
    assert spec is not None
    assert spec.record.image.size_bytes == image.stat().st_size
    assert spec.record.image.mtime_ns == image.stat().st_mtime_ns
    assert trash.entries(roots) == []


@pytest.mark.parametrize("what", ["kernelspec", "packages", "log"])
def test_what_lies_in_the_place_of_a_thing_is_not_replaced(roots: Roots, entry: Entry, what: str) -> None:
    burial.bury(roots, entry, nothing)
    path = next(Path(part.source) for part in entry.parts if part.what == what)
    path.mkdir()
    (path / "precious").write_text("x")
    before = below(roots)
    with pytest.raises(ContainerKernelsError) as error:
        restoration.restore(roots, trash.entries(roots)[0])
    assert error.value.code == "slug_taken" and error.value.hint
    assert below(roots) == before


@pytest.mark.parametrize("what", ["kernelspec", "packages", "log", "shared_packages", "image"])
@pytest.mark.parametrize("where", ["{home}/precious", "{roots}/../precious", "relative", "{packages}/..", "/", ""])
def test_a_note_that_somebody_has_changed_moves_nothing_to_where_it_does_not_belong(
    roots: Roots, entry: Entry, tmp_path: Path, what: str, where: str
) -> None:
    burial.bury(roots, entry, nothing)
    path = where.format(home=tmp_path, roots=roots.packages / "demo", packages=roots.packages)
    parts = [replace(part, source=path) if part.what == what else part for part in entry.parts]
    paths.write_private(roots.trash / ID / "trash.json", json.dumps(asdict(replace(entry, state="kept", parts=parts))))
    before = below(roots)
    [kept] = trash.entries(roots)
    with pytest.raises(ContainerKernelsError) as error:
        restoration.restore(roots, kept)
    assert error.value.code in ("not_ours", "slug_taken")
    assert below(roots) == before
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("what", ["packages", "log", "shared_packages", "image"])
def test_an_entry_that_names_what_is_not_ours_takes_nothing_of_it(
    roots: Roots, entry: Entry, tmp_path: Path, what: RemovalKind
) -> None:
    """What a tampered record could say; whoever plans a deletion checks it, and so does the trash."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    link = Path(next(part.source for part in entry.parts if part.what == what)).with_name("link")
    link.symlink_to(precious)
    named = (precious, link, precious / ".." / "precious", roots.packages, roots.images, roots.logs, roots.state)
    for number, path in enumerate(named):
        kernel = add_kernel(roots, f"k{number}", tmp_path / "none.sif")
        parts = [Part("kernelspec", str(kernel), 1), Part(what, str(path), 1)]
        bad = trash.begin(os.urandom(8).hex(), kernel.name, "Bad", now(), parts, doomed=True)
        burial.bury(roots, bad, nothing)
        trash.purge(roots, bad.id)
        assert (precious / "data").exists() and link.is_symlink(), path
        assert (roots.packages / "demo").is_dir() and (roots.images / "sha256-0000.sif").exists(), path


@pytest.mark.parametrize(
    "spoil",
    [
        lambda note: note.unlink(),
        lambda note: note.write_text("{"),
        lambda note: note.write_text("[]"),
        lambda note: note.write_text("{}"),
        lambda note: note.write_text(json.dumps({**json.loads(note.read_text()), "schema": 2})),
        lambda note: note.write_text(json.dumps({**json.loads(note.read_text()), "id": "f" * 16})),
        lambda note: note.write_text(json.dumps({**json.loads(note.read_text()), "parts": []})),
        lambda note: note.with_name(paths.MARKER).unlink(),
    ],
    ids=["none", "cut", "list", "empty", "of a later version", "another's", "no kernel", "no marker"],
)
def test_a_note_that_is_none_hides_no_other_entry(roots: Roots, entry: Entry, spoil: Callable[[Path], object]) -> None:
    burial.bury(roots, entry, nothing)
    add_kernel(roots, "other", roots.images / "none.sif")
    part = Part("kernelspec", str(roots.kernels / "other"), 1)
    burial.bury(roots, trash.begin("f" * 16, "other", "Other", now(), [part], False), nothing)
    spoil(roots.trash / ID / "trash.json")
    assert [each.slug for each in trash.entries(roots)] == ["other"]
    burial.resume(roots, nothing)


@pytest.mark.parametrize("locked", ["kernels", "trash"])
def test_a_home_that_may_not_be_written_keeps_the_kernel_as_it_is(
    roots: Roots,
    entry: Entry,
    locked: str,
    ordinary_user: Callable[[], AbstractContextManager[None]],
    public_dir: Path,
) -> None:
    data = public_dir / "data"
    home = Roots(data / "kernels", data / "state/images", data / "state/packages", data / "state")
    kernel = add_kernel(home, "demo", public_dir / "none.sif")
    home.trash.mkdir()
    for directory in [data, *data.rglob("*")]:
        if directory.is_dir():
            directory.chmod(0o777)
    closed = home.kernels if locked == "kernels" else home.trash
    closed.chmod(0o555)
    parts = [Part("kernelspec", str(kernel), 1), Part("packages", str(home.packages / "demo"), 1)]
    before = tree(public_dir)
    with ordinary_user(), pytest.raises(ContainerKernelsError) as error:
        burial.bury(home, trash.begin(ID, "demo", "Demo", now(), parts, doomed=False), nothing)
    assert tree(public_dir) == before
    closed.chmod(0o777)  # or nobody could remove it
    assert error.value.code == "forbidden"
    assert "demo" in error.value.message.lower() and error.value.hint


def test_only_what_was_kept_for_too_long_has_expired(roots: Roots, entry: Entry) -> None:
    burial.bury(roots, replace(entry, deleted="2026-01-01T00:00:00.000Z"), nothing)
    add_kernel(roots, "other", roots.images / "none.sif")
    part = Part("kernelspec", str(roots.kernels / "other"), 1)
    burial.bury(roots, trash.begin("f" * 16, "other", "Other", now(), [part], False), nothing)
    assert trash.expired(roots, 7) == [ID]
    assert trash.expired(roots, 100_000) == []
    note = roots.trash / ID / "trash.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "deleted": "some day"}))
    assert trash.expired(roots, 7) == []


class TestTwoServers:
    """Of one user, who restores and deletes in both at the same moment."""

    @pytest.fixture
    def after_the_look(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
        """Return what lets another server do something when this one has looked for what it has to restore."""

        def let(deed: Callable[[], object]) -> None:
            look, deeds = restoration._moves, [deed]

            def moves(*what: Any) -> Any:
                found = look(*what)
                if deeds:
                    deeds.pop()()
                return found

            monkeypatch.setattr(restoration, "_moves", moves)

        return let

    def test_what_both_restore_comes_back_once_and_whole(
        self, roots: Roots, entry: Entry, after_the_look: Callable[[Callable[[], object]], None]
    ) -> None:
        before = below(roots)
        burial.bury(roots, entry, nothing)
        [kept] = trash.entries(roots)

        def restore_packages() -> None:
            trash.place(roots, "packages", ID).rename(roots.packages / "demo")

        after_the_look(restore_packages)
        restoration.restore(roots, kept)
        assert below(roots) == before and trash.entries(roots) == []

    def test_what_one_removes_for_good_is_not_said_to_be_restored(
        self, roots: Roots, entry: Entry, after_the_look: Callable[[Callable[[], object]], None]
    ) -> None:
        burial.bury(roots, entry, nothing)
        [kept] = trash.entries(roots)
        after_the_look(lambda: trash.purge(roots, ID))
        with pytest.raises(ContainerKernelsError) as error:
            restoration.restore(roots, kept)
        assert error.value.code == "not_found" and below(roots) == []

    def test_what_goes_with_another_kernel_while_one_that_needs_it_comes_back_comes_back_too(
        self, roots: Roots, entry: Entry, shared: Path, after_the_look: Callable[[Callable[[], object]], None]
    ) -> None:
        image = roots.images / "sha256-0000.sif"
        record = PackagesRecord(str(roots.packages / "other"), str(shared), 3, [])
        other = add_kernel(roots, "other", image, display_name="Other", packages=record)
        first = trash.begin("f" * 16, "other", "Other", now(), [Part("kernelspec", str(other), 1)], False)
        burial.bury(roots, first, nothing)
        [kept] = trash.entries(roots)
        after_the_look(lambda: burial.bury(roots, entry, lambda: kernelspecs.places_of_all(roots.kernels)))
        restoration.restore(roots, kept)
        assert image.is_file() and image.with_suffix(".json").is_file() and (shared / "package.py").is_file()
        assert other.is_dir()
