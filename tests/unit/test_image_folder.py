"""A folder that somebody names for an image becomes a store of ours: checked, marked, noted and cleared as such."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import now
from jupyterlab_container_kernels.services import burial, image_folder, restoration, store, trash
from jupyterlab_container_kernels.services.trash import Entry, Part
from jupyterlab_container_kernels.system import paths
from jupyterlab_container_kernels.system.paths import MARKER, Roots
from jupyterlab_container_kernels.system.patience import Patience
from tests.builders import add_kernel, write_sif

#: The store in a folder that somebody names.
NAME = "container-kernels-images"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scratch"
    made.mkdir(mode=0o700)
    return made


def image_in(folder: Path, roots: Roots) -> Path:
    """Store an image in a folder that somebody named."""
    place = store.store_in(folder)
    store.open_chosen(place, roots)
    image = place / f"sha256-{'0' * 64}.sif"
    write_sif(image)
    store.side_file(image).write_text("{}")
    return image


#: Modes of a folder, and a word of what is to be known of it.
MODES = [(0o700, None), (0o2770, None), (0o1777, "may be emptied"), (0o777, "in the place of yours")]


@pytest.mark.parametrize(("mode", "word"), MODES)
async def test_a_folder_of_everybody_is_taken_with_a_word_of_caution(folder: Path, mode: int, word: str | None) -> None:
    folder.chmod(mode)
    choice = await image_folder.checked(f" {folder}/ ", Patience())
    assert (choice.folder, choice.store) == (folder, folder / NAME)
    assert (word in choice.caution) if word and choice.caution else choice.caution is word


#: What somebody may type, and a word of why it is refused.
REFUSED = [
    ("scratch", "full path"), ("", "full path"), ("/no/such/folder", "no folder"), ("/etc/passwd", "not a folder"),
    ("/proc/1", "may not write"), ("/a\nb", "control"), ("/" + "x" * 5000, "too long"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "word"), REFUSED)
async def test_what_cannot_hold_an_image_is_refused_with_its_reason(typed: str, word: str) -> None:
    with pytest.raises(ContainerKernelsError, match=word) as caught:
        await image_folder.checked(typed, Patience())
    assert caught.value.code == "invalid_image_dir" and caught.value.hint


async def test_a_home_directory_is_written_short_and_a_store_that_was_swept_is_made_again(home: Path) -> None:
    choice = await image_folder.checked(f"~/{NAME}", Patience())
    assert choice.store == choice.folder == home / NAME


def test_a_store_is_marked_and_noted_once(folder: Path, roots: Roots) -> None:
    place = store.store_in(folder)
    for _ in range(2):
        store.open_chosen(place, roots)
    assert (place / MARKER).is_file() and place.stat().st_mode & 0o777 == 0o700
    assert store.chosen(roots) == [place]
    assert store.store_in(place) == place


def test_a_folder_of_that_name_that_is_not_ours_is_left_alone(folder: Path, roots: Roots) -> None:
    (folder / NAME).mkdir()
    (folder / NAME / "x.sif").write_text("x")
    with pytest.raises(ContainerKernelsError, match="did not make") as refusal:
        store.open_chosen(store.store_in(folder), roots)
    assert refusal.value.code == "invalid_image_dir" and refusal.value.hint
    assert store.chosen(roots) == []
    assert not store.is_stored(folder / NAME / "x.sif", roots.images)


def test_a_store_that_a_kill_left_empty_is_taken_over(folder: Path, roots: Roots) -> None:
    place = store.store_in(folder)
    place.mkdir(mode=0o700)
    store.open_chosen(place, roots)
    assert store.is_chosen(place)


def test_a_store_whose_marker_was_swept_is_marked_again(folder: Path, roots: Roots) -> None:
    image = image_in(folder, roots)
    (image.parent / MARKER).unlink()
    assert not store.is_stored(image, roots.images)
    store.open_chosen(image.parent, roots)
    assert store.is_stored(image, roots.images)


def entry_of(image: Path, roots: Roots) -> Entry:
    """Return the entry that a kernel with an image becomes when it is deleted."""
    directory = add_kernel(roots, "demo", image, display_name="Demo")
    parts = [Part("kernelspec", str(directory), 1), Part("image", str(image), 1)]
    return trash.begin("0123456789abcdef", "demo", "Demo", now(), parts, doomed=False)


def test_an_image_in_it_is_ours_goes_into_a_trash_beside_it_and_comes_back(folder: Path, roots: Roots) -> None:
    image = image_in(folder, roots)
    assert store.is_stored(image, roots.images)
    assert store.chosen_folder(image, roots) == str(image.parent)
    entry = entry_of(image, roots)
    assert burial.bury(roots, entry, set) == {}
    assert not image.exists() and (image.parent / ".trash" / entry.id / "image.sif").is_file()
    restoration.restore(roots, entry)
    assert image.is_file() and store.side_file(image).is_file()
    burial.bury(roots, entry, set)
    trash.purge(roots, entry.id)
    assert sorted(path.name for path in image.parent.iterdir()) == [MARKER, ".trash"]
    assert list((image.parent / ".trash").iterdir()) == []


@pytest.mark.parametrize("is_restored", [False, True])
def test_a_trash_on_a_file_system_that_is_not_there_is_emptied_when_it_is_back(
    folder: Path, roots: Roots, is_restored: bool
) -> None:
    image, away = image_in(folder, roots), folder.with_name("away")
    entry = entry_of(image, roots)
    burial.bury(roots, entry, set)
    buried = image.parent / ".trash" / entry.id / "image.sif"
    folder.rename(away)
    folder.mkdir()  # a mount point
    if is_restored:  # what its user has back must not lose its image when that is there again
        restoration.restore(roots, entry)
        assert trash.entries(roots) == []
    else:
        trash.purge(roots, entry.id)
        assert [each.state for each in trash.entries(roots)] == ["purging"]
        assert not trash.place(roots, "kernelspec", entry.id).exists()
    folder.rmdir()
    away.rename(folder)
    trash.purge(roots, entry.id)
    assert (buried.exists(), trash.entries(roots)) == (is_restored, [])


def test_a_trash_that_was_swept_away_is_not_waited_for(
    folder: Path, roots: Roots, caplog: pytest.LogCaptureFixture
) -> None:
    image = image_in(folder, roots)
    entry = entry_of(image, roots)
    burial.bury(roots, entry, set)
    paths.remove_tree(image.parent)
    caplog.set_level("INFO")
    trash.purge(roots, entry.id)
    assert [each.state for each in trash.entries(roots)] == ["purging"], "the folder is empty, as a mount point is"
    note = roots.trash / entry.id / "trash.json"
    note.write_text(note.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {2**22 + 1}'))
    caplog.clear()
    burial.resume(roots, set)
    assert not caplog.messages, "nothing was finished, and it was said before"
    assert f'"pid": {os.getpid()}' in note.read_text()
    (folder / "data").touch()
    trash.purge(roots, entry.id)
    assert trash.entries(roots) == []


def test_a_trash_whose_disk_may_be_another_one_on_each_node_is_waited_for(
    folder: Path, roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_in(folder, roots)
    entry = entry_of(image, roots)
    burial.bury(roots, entry, set)
    paths.remove_tree(image.parent)
    (folder / "of somebody else").touch()  # as in /tmp
    with monkeypatch.context() as patched:
        patched.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
        assert trash.unreachable(roots, entry) == [image.parent]
    assert trash.unreachable(roots, entry) == []
    folder.rename(folder.with_name("renamed"))
    assert trash.unreachable(roots, entry) == [image.parent]


def test_an_image_elsewhere_is_nobodys_to_choose(roots: Roots, folder: Path) -> None:
    assert store.chosen_folder(roots.images / "x.sif", roots) is None
    assert store.chosen_folder(folder / "x.sif", roots) is None
