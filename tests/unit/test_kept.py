"""What was read from a file is read again when the file, or who may use it, has changed, and not before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system import kept, kernel_dirs
from jupyterlab_container_kernels.system.kept import Kept, stamp_of


def write_more(file: Path) -> None:
    with file.open("a") as stream:
        stream.write("more\n")


def replace(file: Path) -> None:
    (file.parent / "other").write_text("now\n")
    (file.parent / "other").replace(file)


CHANGES: dict[str, Callable[[Path], None]] = {
    "written": write_more,
    "replaced": replace,
    "permission": lambda file: file.chmod(0o700),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_has_changed_is_read_again(tmp_path: Path, change: Callable[[Path], None]) -> None:
    file = tmp_path / "file"
    file.write_text("old\n")
    file.chmod(0o600)
    found: Kept[str] = Kept()
    read = 0

    def content() -> str:
        nonlocal read
        read += 1
        return file.read_text()

    assert [found.get("file", stamp_of(file.stat()), content) for _ in range(3)] == ["old\n"] * 3
    assert read == 1
    change(file)
    assert found.get("file", stamp_of(file.stat()), content) == file.read_text()
    assert read == 2
    found.forget("file")
    found.get("file", stamp_of(file.stat()), content)
    assert read == 3


def test_what_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    found: Kept[str] = Kept()
    with pytest.raises(FileNotFoundError):
        found.get("file", (1,), (tmp_path / "missing").read_text)
    assert found.get("file", (1,), lambda: "there") == "there"


def test_no_more_is_kept_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    found: Kept[int] = Kept()
    for number in range(20):
        assert found.get(number, (1,), partial(int, number)) == number
    assert len(found._known) <= 4


def test_a_script_that_was_made_executable_is_seen_to_be(tmp_path: Path) -> None:
    script = tmp_path / "init.sh"
    script.write_text("exec apptainer exec /x.sif python\n")
    script.chmod(0o600)
    assert not kernel_dirs.read_script(str(script)).is_executable
    script.chmod(0o700)
    assert kernel_dirs.read_script(str(script)).is_executable
