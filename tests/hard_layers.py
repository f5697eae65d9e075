"""Images whose layers are hard to merge: each by its name, as what its layers hold, from the lowest to the topmost."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

MADE = 1_600_000_000
BLOCK = 128 * 1024
Entry = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"", mode: int = 0o644, **more: Any) -> Entry:
    return entry(name, tarfile.REGTYPE, mode, data, **more)


def folder(name: str, mode: int = 0o755, **more: Any) -> Entry:
    return entry(name, tarfile.DIRTYPE, mode, **more)


def link(name: str, target: str) -> Entry:
    return entry(name, tarfile.SYMTYPE, 0o777, linkname=target)


def same(name: str, target: str) -> Entry:
    """A hard link."""
    return entry(name, tarfile.LNKTYPE, 0o644, linkname=target)


def gone(name: str) -> Entry:
    """A whiteout."""
    above, slash, last = name.rpartition("/")
    return entry(f"{above}{slash}.wh.{last}", tarfile.REGTYPE, 0)


def opaque(name: str) -> Entry:
    return entry(f"{name}/.wh..wh..opq", tarfile.REGTYPE, 0)


def entry(name: str, kind: bytes, mode: int, data: bytes = b"", **more: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime, info.size = kind, mode, MADE, len(data)
    for field, value in more.items():
        setattr(info, field, value)
    return info, data


def layer(*entries: Entry, format: int = tarfile.PAX_FORMAT) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=format, errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return archive.getvalue()


def xattr(name: str, value: str) -> dict[str, str]:
    return {f"SCHILY.xattr.{name}": value}


@functools.cache
def hard_images() -> dict[str, list[bytes]]:
    """Return them all."""
    base = layer(
        folder("d"), file("d/a", b"a1"), file("d/b", b"b1"), folder("d/s"), file("d/s/x", b"x1"), file("f", b"f")
    )
    tree = layer(folder("usr"), folder("usr/lib"), file("usr/lib/old", b"old"), link("lib", "usr/lib"))
    capability = "\x01\0\0\x02\0\x04" + "\0" * 14
    return {
        "whiteout, then made again": [base, layer(gone("d"), folder("d"), file("d/c", b"c2"))],
        "made again, then whiteout": [base, layer(folder("d"), file("d/c", b"c2"), gone("d"))],
        "whiteout of a file that its layer brings": [base, layer(file("d/a", b"a2"), gone("d/a"), gone("d/b"))],
        "whiteout, made again above": [base, layer(gone("d")), layer(folder("d", 0o700), file("d/a", b"a3"))],
        "whiteout of what is not there": [base, layer(gone("none"), gone("d/none"), gone("no/where"))],
        "opaque first": [base, layer(folder("d"), opaque("d"), file("d/n", b"n2"))],
        "opaque last": [base, layer(folder("d"), file("d/n", b"n2"), file("d/s/y", b"y2"), opaque("d"))],
        "opaque twice": [base, layer(opaque("d"), file("d/n", b"n2")), layer(opaque("d"), file("d/m", b"m3"))],
        "file becomes folder": [base, layer(folder("f"), file("f/in", b"in"))],
        "folder becomes file": [base, layer(file("d", b"now a file"))],
        "folder becomes link": [base, layer(folder("e"), link("d", "e")), layer(file("d/through", b"t"))],
        "link becomes folder": [tree, layer(folder("lib"), file("lib/new", b"new"))],
        "link becomes file": [tree, layer(file("lib", b"file"))],
        "file becomes link": [base, layer(link("f", "d/a"))],
        "back and forth": [base, layer(file("d", b"1")), layer(folder("d"), file("d/z", b"z")), layer(link("d", "f"))],
        "hard links in a layer": [layer(file("one", b"1"), same("two", "one"), same("./three", "/one"))],
        "hard link over layers": [base, layer(same("g", "f")), layer(gone("f"))],
        "hard link, its target hidden above": [layer(file("a", b"1"), same("b", "a")), layer(file("a", b"2"))],
        "hard link, its target removed above": [layer(file("a", b"1"), same("b", "a")), layer(gone("a"))],
        "hard link, and its target in the same layer removed": [base, layer(same("g", "d/a"), gone("d/a"))],
        "hard link through a link": [tree, layer(same("again", "lib/old")), layer(gone("usr/lib/old"))],
        "hard link to a link": [tree, layer(same("lib2", "lib"))],
        "hard link in place of a folder": [base, layer(same("d", "f"))],
        "below a linked parent": [tree, layer(file("lib/new", b"new"), folder("lib/deep"), file("lib/deep/x", b"x"))],
        "below an absolutely linked parent": [
            layer(folder("usr/lib"), link("lib", "/usr/lib")),
            layer(file("lib/n", b"n")),
        ],
        "below a parent linked upwards": [
            layer(folder("a/b"), folder("c"), link("a/b/up", "../../../../c")),
            layer(file("a/b/up/x", b"x")),
        ],
        "below a link to nowhere": [layer(link("l", "no/where")), layer(file("l/x", b"x"))],
        "over a file below a linked parent": [tree, layer(file("lib/old", b"newer"))],
        "whiteout through a link": [tree, layer(gone("lib/old"))],
        "opaque through a link": [tree, layer(opaque("lib"), file("usr/lib/kept", b"k"))],
        "whiteout of a link": [tree, layer(gone("lib"))],
        "the same name twice": [
            layer(file("x", b"1"), file("y", b"y"), file("x", b"22"), folder("z"), file("z", b"z"))
        ],
        "odd names": [
            layer(
                folder("./"), folder("./a"), file("./a//b", b"1"), file("/c", b"2"), file("a/./d", b"3"), folder("e//")
            )
        ],
        "long names in PAX": [layer(file("p" * 200 + "/" + "q" * 200, b"1"), link("r" * 150, "s" * 300))],
        "long names of GNU": [
            layer(file("p" * 200 + "/" + "q" * 200, b"1"), link("r" * 150, "s" * 300), format=tarfile.GNU_FORMAT)
        ],
        "long names in ustar": [layer(file("p" * 90 + "/" + "q" * 90, b"1"), format=tarfile.USTAR_FORMAT)],
        "names that are no UTF-8": [
            layer(file("caf\udce9", b"1"), folder("\udcff"), file("\udcff/x\ny", b"2"), format=tarfile.GNU_FORMAT)
        ],
        "names in UTF-8": [layer(file("größe/日本", b"1"), link("→", "größe"))],
        "sizes around the limits of blocks": [
            layer(
                *(
                    file(f"{n}-{x}", x.encode() * n if x != "0" else bytes(n))
                    for x in "0x"
                    for n in (0, 1, 511, 512, 513, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1)
                )
            )
        ],
        "special files": [
            layer(
                entry("pipe", tarfile.FIFOTYPE, 0o640),
                entry("null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3),
                entry("disk", tarfile.BLKTYPE, 0o660, devmajor=8, devminor=1),
            )
        ],
        "special modes": [
            layer(
                file("su", b"x", 0o4755),
                file("sg", b"x", 0o2755),
                folder("sticky", 0o1777),
                folder("sg.d", 0o2775),
                file("read-only", b"x", 0o400),
                folder("shut", 0o500),
                file("shut/in", b"x", 0o111),
            )
        ],
        "mode 000": [layer(file("none", b"secret", 0), folder("none.d", 0), file("none.d/in", b"in", 0o644))],
        "owners": [layer(file("mine", b"x", uid=1000, gid=100), folder("theirs", uid=33, gid=33))],
        "attributes": [
            layer(
                file("noted", b"x", pax_headers=xattr("user.note", "hello")),
                folder("noted.d", pax_headers=xattr("user.note", "folder")),
                file("ping", b"x", 0o755, pax_headers=xattr("security.capability", capability)),
            ),
            layer(folder("noted.d", 0o700)),
        ],
        "times": [
            layer(
                file("old", b"x", mtime=0), file("exact", b"x", mtime=MADE + 0.75), file("late", b"x", mtime=2**32 - 2)
            ),
        ],
        "parents that no layer names": [layer(file("a/b/c", b"1")), layer(file("x/y/z", b"2"))],
        "only a mode changes": [base, layer(folder("d", 0o700, mtime=MADE + 9), folder("d/s", 0o1777))],
        "the root has a mode": [layer(folder("./", 0o711, mtime=MADE + 5), file("x", b"x"))],
        "files that the runtime empties": [
            layer(
                folder("etc", 0o750), file("etc/hosts", b"1.2.3.4 x\n", 0o600), file("etc/resolv.conf", b"nameserver\n")
            )
        ],
        "folders that the runtime makes": [layer(folder("tmp", 0o700), folder("proc", 0o555), folder("root", 0o750))],
        "a file in place of a folder of the runtime": [layer(link("home", "usr/home"), folder("usr/home"))],
        "many files": [layer(folder("m"), *(file(f"m/{n:06}", b"%d" % n) for n in range(20_000)))],
        "a layer twice": [base, layer(gone("d/a")), base],
        "an empty layer": [base, layer()],
    }


def write_image(layers: list[bytes], layout: Path, config: dict[str, Any] | None = None, compress: bool = True) -> None:
    """Write an OCI layout with one image of these layers."""
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"digest": f"sha256:{name}", "size": len(data)}

    kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compress else "")
    described = [{"mediaType": kind, **put(gzip.compress(each, 1, mtime=0) if compress else each)} for each in layers]
    ids = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers]
    whole = {
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids},
        "config": config or {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], "Labels": {"a": "b"}},
    }  # fmt: skip
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(json.dumps(whole).encode())},
        "layers": described,
    }
    top = {"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode())}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
