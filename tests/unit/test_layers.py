"""Layers are read and merged as umoci, with which Apptainer unpacks them, would; what it may take otherwise is refused.

That the result is Apptainer's is shown by ``tests/real/test_stream.py``; here is what no comparison can show.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from jupyterlab_container_kernels.acquire import filetree as ft
from jupyterlab_container_kernels.acquire.filetree import Content, Node, NotUnderstood
from jupyterlab_container_kernels.acquire.layers import LayerReader, clean
from jupyterlab_container_kernels.acquire.merge import Missed, Tree
from jupyterlab_container_kernels.acquire.tarstream import TarStream, number
from tests.hard_layers import entry, file, folder, gone, hard_images, layer, link, same


class Store:
    """Keeps what is stored, in place of a squashfs."""

    def __init__(self) -> None:
        self.kept: dict[Content, bytes] = {}

    def __call__(self, size: int, read: Callable[[int], bytes]) -> Content:
        content = Content(size)
        self.kept[content] = read(size)
        return content


def stream(data: bytes, piece: int = 100_000) -> TarStream:
    archive = io.BytesIO(data)
    return TarStream(lambda: archive.read(piece))


def merge(layers: list[bytes], everything: bool = False, piece: int = 100_000) -> tuple[Tree, Store]:
    store = Store()
    reader = LayerReader(store, everything)
    read = [reader.read(stream(each, piece)) for each in reversed(layers)]
    tree = Tree()
    for records in reversed(read):
        tree.apply(records)
    tree.entries()
    return tree, store


def flat(node: Node, store: Store, above: bytes = b"") -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for name, child in node.children.items():
        path = above + name
        found[path.decode(errors="surrogateescape")] = (
            child.kind,
            child.mode,
            child.target or (store.kept.get(child.content, b"") if child.content else b""),
        )
        found |= flat(child, store, path + b"/")
    return found


@pytest.mark.parametrize("title", [*hard_images()])
def test_what_is_stored_does_not_change_what_is_seen(title: str) -> None:
    """The guess at what upper layers hide may only ever save room, however the bytes come."""
    layers = hard_images()[title]
    try:
        guessed = merge(layers, piece=700)
    except Missed:
        guessed = merge(layers, everything=True, piece=700)
    assert flat(guessed[0].root, guessed[1]) == flat(*_parts(merge(layers, everything=True)))


def _parts(merged: tuple[Tree, Store]) -> tuple[Node, Store]:
    return merged[0].root, merged[1]


def test_what_an_upper_layer_hides_is_not_stored() -> None:
    hidden = b"h" * 1000
    below = layer(folder("d"), file("d/x", hidden), file("y", hidden), file("z", hidden), file("kept", b"k"))
    _, store = merge([below, layer(gone("d"), file("y", b"y2")), layer(gone("z"))])
    assert sorted(store.kept.values()) == [b"k", b"y2"]


def test_a_hidden_file_with_another_name_is_noticed() -> None:
    layers = [layer(file("a", b"1"), same("b", "a")), layer(gone("a"))]
    with pytest.raises(Missed):
        merge(layers)
    tree, store = merge(layers, everything=True)
    assert flat(tree.root, store) == {"b": (ft.FILE, 0o644, b"1")}


def test_a_device_becomes_an_empty_file_as_without_privileges() -> None:
    tree, store = merge([layer(entry("null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3))])
    assert flat(tree.root, store) == {"null": (ft.FILE, 0o666, b"")}
    assert tree.root.children[b"null"].content is not None


def test_only_attributes_that_mean_the_same_elsewhere_are_kept() -> None:
    headers = {"SCHILY.xattr.user.a": "1", "SCHILY.xattr.security.selinux": "s", "SCHILY.xattr.system.x": "x"}
    tree, _ = merge([layer(file("f", b"", pax_headers=headers))])
    assert tree.root.children[b"f"].xattrs == ((b"user.a", b"1"),)


def test_a_file_of_more_than_8_gib_is_read_in_full_length() -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        info = tarfile.TarInfo("huge")
        info.size = 9 * 1024**3
        entries = TarStream(io.BytesIO(info.tobuf(form)).read).entries()
        assert next(entries).size == info.size


def sparse() -> bytes:
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}
    return layer(file("s", b"x", pax_headers=headers))


#: What is refused, and by which words.
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a name with ..": (lambda: layer(file("../x")), "‘..’"),
    "a .. within": (lambda: layer(file("a/../x")), "‘..’"),
    "a link target with ..": (lambda: layer(file("x"), same("y", "../x")), "‘..’"),
    "a sparse file": (sparse, "sparse"),
    "an old sparse file": (lambda: layer(entry("s", b"S", 0o644)), "type"),
    "contiguous files": (lambda: layer(entry("s", b"7", 0o644)), "type"),
    "a global header": (lambda: layer(entry("s", b"g", 0o644)), "type"),
    "a hard link to nothing": (lambda: layer(same("y", "x")), "not there"),
    "a hard link to itself": (lambda: layer(file("x", b"1"), same("x", "x")), "not there"),
    "a hard link to a folder": (lambda: layer(folder("x"), same("y", "x")), "not there"),
    "below a file": (lambda: layer(file("x"), file("x/y")), "below a file"),
    "links in a circle": (lambda: layer(link("a", "b"), link("b", "a"), file("a/x")), "circle"),
    "the root as a file": (lambda: layer(file("./")), "root"),
    "a whiteout of nothing": (lambda: layer(file("d/.wh.")), "no name"),
    "a whiteout of .": (lambda: layer(file("d/.wh..")), "no name"),
    "cut off in a header": (lambda: layer(file("x", b"1"))[:100], "too early"),
    "cut off in a file": (lambda: layer(file("x", b"1" * 2000))[:1024], "too early"),
    "a wrong checksum": (lambda: b"y" + layer(file("x"))[1:], "checksum"),
    "no tar at all": (lambda: b"<html>" * 200, "bad number"),
    "more after the end": (lambda: layer(file("x"))[:1024][:512] + bytes(512) + b"x" * 512, "after its end"),
}


@pytest.mark.parametrize("title", [*REFUSED])
def test_what_may_be_taken_otherwise_is_left_to_the_runtime(title: str) -> None:
    make, said = REFUSED[title]
    with pytest.raises(NotUnderstood, match=said):
        merge([make()])


def test_names_are_cleaned_and_numbers_are_read() -> None:
    assert [clean(name) for name in (b"./", b"/", b"./a//b/", b"a/./b")] == [b"", b"", b"a/b", b"a/b"]
    assert [number(field) for field in (b"0000644\0", b" 644 \0\0", b"\0" * 8)] == [0o644, 0o644, 0]
    assert number(b"\x80" + (2**40).to_bytes(11, "big")) == 2**40
    assert number(b"\xff" * 12) == -1


def test_a_layer_may_end_without_blocks_of_zeros() -> None:
    tree, store = merge([layer(file("x", b"1" * 512))[:1024]])
    assert flat(tree.root, store) == {"x": (ft.FILE, 0o644, b"1" * 512)}
