"""What a person typed is checked before anything begins."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.services.requests import checked_binds, checked_display_name, checked_slug
from jupyterlab_container_kernels.system.patience import Patience


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("PyTorch 2.9.1", "PyTorch 2.9.1"),
        ("  PyTorch  ", "PyTorch"),  # blanks around it are a slip
        ("\"dq\" 'sq' <b>bold</b> $(touch x) `x` \\", "\"dq\" 'sq' <b>bold</b> $(touch x) `x` \\"),  # shown literally
        ("Py “3” ü 🚀", "Py “3” ü 🚀"),
        ("x" * 100, "x" * 100),
        ("\u200b", "\u200b"),  # invisible, and nobody's business
    ],
)
def test_a_name_for_a_tile_is_taken_literally(typed: str, name: str) -> None:
    assert checked_display_name(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "\n",
        "two\nlines",
        "tab\there",
        "nul\x00",
        "bell\x07",
        "escape\x1b[31m",
        "line\u2028separator",
        "half \ud800 a character",  # JSON can say it, a file cannot hold it
        "x" * 101,
        "x" * 300,
    ],
    ids=lambda typed: repr(typed)[:20],
)
def test_a_name_that_a_tile_cannot_show_is_refused(typed: str) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        checked_display_name(typed)
    assert caught.value.code == "invalid_display_name"
    assert caught.value.hint


@pytest.mark.parametrize("slug", ["a", "0", "pytorch-2.9.1", "a" * 80, "a_b", "a..b", "a.", "python-3"])
def test_a_kernel_name_that_all_accept_is_taken_as_it_is(slug: str) -> None:
    assert checked_slug(slug) == slug


@pytest.mark.parametrize(
    "slug",
    ["", "A", "aB", ".a", "-a", "_a", "..", "a/b", "../a", "a b", "a\n", "ü", "a%2Fb", "a" * 81, "a" * 5000, "$(x)"],
    ids=lambda slug: repr(slug)[:20],
)  # fmt: skip
def test_a_kernel_name_that_a_path_or_an_address_could_not_hold_is_refused(slug: str) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        checked_slug(slug)
    assert caught.value.code == "invalid_slug"
    assert len(caught.value.message) < 150


async def checked(source: str, destination: str | None = None) -> Bind:
    patience = Patience()
    try:
        [bind] = await checked_binds([Bind(source, destination, False)], patience)
    finally:
        patience.close()
    return bind


async def test_a_folder_is_mounted_where_it_was_asked_for(home: Path, tmp_path: Path) -> None:
    (home / "data").mkdir()
    odd = tmp_path / "a:b, c'\"$(x)"
    odd.mkdir()
    assert await checked(str(tmp_path)) == Bind(str(tmp_path), None, False)
    assert await checked(f" {tmp_path} ", " /data ") == Bind(str(tmp_path), "/data", False)
    assert await checked("~/data") == Bind(f"{home}/data", None, False)
    assert await checked("~") == Bind(str(home), None, False)
    assert await checked(str(tmp_path), "") == Bind(str(tmp_path), None, False)
    assert await checked(str(odd), str(odd)) == Bind(str(odd), str(odd), False)


async def test_a_file_may_be_mounted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert (await checked(str(tmp_path / "file"))).source == str(tmp_path / "file")


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("", None),  # nothing was typed
        ("   ", None),
        ("data", None),  # relative to what?
        ("./data", None),
        ("~other/data", None),
        ("{tmp}/missing", None),
        ("{tmp}/file/below", None),
        ("{tmp}/" + "a" * 300, None),  # longer than a name can be
        ("{tmp}/a\nb", None),
        ("{tmp}/a\x00b", None),
        ("{tmp}", "data"),
        ("{tmp}", "/da\nta"),
        ("{tmp}", "/"),
        ("{tmp}", "//"),  # POSIX keeps two slashes apart from one
        ("{tmp}", "//usr"),
        ("{tmp}", "/usr/"),
        ("{tmp}", "/./etc"),
        ("{tmp}", "/data/../etc"),
        ("{tmp}", "/proc"),
        ("{tmp}", "{home}/.local"),  # Jupyter's runtime directory lies below
        ("/", None),
        ("/etc", None),
    ],
    ids=lambda value: repr(value)[:24],
)
async def test_a_folder_that_cannot_be_mounted_is_refused(
    home: Path, tmp_path: Path, source: str, destination: str | None
) -> None:
    (tmp_path / "file").write_text("x")
    fill = {"tmp": tmp_path, "home": home}
    with pytest.raises(ContainerKernelsError) as caught:
        await checked(source.format(**fill), destination.format(**fill) if destination else None)
    assert caught.value.code == "invalid_bind"
    assert caught.value.hint


@pytest.mark.root
async def test_a_folder_below_one_that_one_may_not_enter_is_not_there(public_dir: Path, ordinary_user) -> None:
    closed = public_dir / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    with ordinary_user():
        if os.access(closed, os.X_OK):
            pytest.skip("nothing is closed to this user")
        with pytest.raises(ContainerKernelsError) as caught:
            await checked(str(closed / "data"))
    assert caught.value.code == "invalid_bind"


async def test_a_folder_whose_file_system_hangs_is_refused_in_time(tmp_path: Path) -> None:
    patience = Patience()
    release = threading.Event()

    class Impatient(Patience):
        """Asks a question that hangs, and waits a moment only."""

        async def ask(self, key, question, timeout_s=0.1):  # type: ignore[no-untyped-def]
            return await patience.ask(key, lambda: release.wait(20), 0.1)

    with pytest.raises(ContainerKernelsError) as caught:
        await checked_binds([Bind(str(tmp_path), None, False)], Impatient())
    release.set()
    patience.close()
    assert caught.value.code == "invalid_bind"
    assert "does not answer" in caught.value.message
