"""Lets the installed runtime make an image of nothing with the configuration of ours, to have its metadata from it.

What a SIF holds beside the files of the layers (``/.singularity.d`` with environment, run script and labels, and the
descriptors for ``inspect``) differs between versions of the runtime. So it makes them itself, in half a second.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ContainerKernelsError
from ..system import process
from .filetree import DIRECTORY, SYMLINK, Node, NotUnderstood
from .merge import Tree
from .sifwriter import SifFrame

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_TIMEOUT_S = 300.0
#: What the runtime empties in every image, so that it can mount its own over them.
_EMPTIED = ((b"etc", b"hosts"), (b"etc", b"resolv.conf"))
_OWN = b".singularity.d"


class Renaming:
    """Writes the true name of the image where the skeleton's stands, in labels and in the definition.

    Parameters
    ----------
    layout : Path
        What the skeleton was made from.
    source : str
        Registry, name and digest, without ``docker://``, as the runtime writes it.
    """

    def __init__(self, layout: Path, source: str) -> None:
        plain, quoted = str(layout), json.dumps(str(layout), ensure_ascii=False)[1:-1]
        self._names = [(name.encode(), source.encode()) for name in dict.fromkeys((quoted, plain))]
        self._kinds = [
            (b"bootstrap: oci\n", b"bootstrap: docker\n"),
            (b"bootstrap: oci\\n", b"bootstrap: docker\\n"),
            (b'.deffile.bootstrap":"oci"', b'.deffile.bootstrap":"docker"'),
            (b'.deffile.bootstrap": "oci"', b'.deffile.bootstrap": "docker"'),
        ]

    def __call__(self, data: bytes) -> bytes:
        """Return the same with the true name."""
        if not any(name in data for name, _ in self._names):
            return data
        for old, new in self._names + self._kinds:
            data = data.replace(old, new)
        return data


def write_layout(config: bytes, layout: Path) -> None:
    """Write an OCI layout with one image: a given configuration, and a layer with one empty directory.

    Raises
    ------
    NotUnderstood
        The configuration is no JSON object.
    """
    blobs = layout / "blobs/sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"digest": f"sha256:{name}", "size": len(data)}

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("etc")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    layer = put(archive.getvalue())
    try:
        whole = {**json.loads(config), "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}, "history": []}
    except (ValueError, TypeError) as error:
        raise NotUnderstood("the image's configuration is no JSON object") from error
    described = {"mediaType": _CONFIG, **put(json.dumps(whole).encode())}
    manifest = {
        "schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": [{"mediaType": _LAYER, **layer}]
    }  # fmt: skip
    index = {"schemaVersion": 2, "manifests": [{"mediaType": _MANIFEST, **put(json.dumps(manifest).encode())}]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


async def make(runtime: str, config: bytes, source: str, directory: Path, environment: Mapping[str, str]) -> bytes:
    """Let the runtime make the image of nothing.

    Parameters
    ----------
    runtime : str
        Path of the program.
    config : bytes
        The image's configuration, as the registry has it.
    source : str
        See :class:`Renaming`.
    directory : Path
        An empty directory for what is needed meanwhile.
    environment : mapping of str to str
        Of the runtime.

    Returns
    -------
    bytes
        The SIF.

    Raises
    ------
    NotUnderstood
        The runtime does not make it.
    """
    write_layout(config, directory / "oci")
    target = directory / "skeleton.sif"
    env = dict(environment)
    for prefix in ("APPTAINER", "SINGULARITY"):
        env |= {f"{prefix}_TMPDIR": str(directory), f"{prefix}_CACHEDIR": str(directory / "cache")}
        # what a user or a site sets for other builds must not change this one
        for name in ("MKSQUASHFS_ARGS", "LABELS", "NOHTTPS"):
            env.pop(f"{prefix}_{name}", None)
    command = process.Command([runtime, "build", "--disable-cache", str(target), f"oci:{directory / 'oci'}"], env)
    try:
        finished = await process.run(command, timeout_s=_TIMEOUT_S)
    except ContainerKernelsError as error:
        raise NotUnderstood(error.message) from error
    if finished.returncode != 0 or not target.is_file():
        last = finished.output.strip().rpartition("\n")[2]
        raise NotUnderstood(f"{os.path.basename(runtime)} makes no image to start from: {last}")  # noqa: PTH119
    return target.read_bytes()


def frame(sif: bytes, rename: Renaming) -> SifFrame:
    """Return what surrounds the squashfs, with the true name of the image."""
    return SifFrame(sif, rename)


def add(tree: Tree, skeleton: Node) -> None:
    """Put into a tree what the runtime adds to every image, as it does.

    Raises
    ------
    NotUnderstood
        The image brings such files itself; the runtime merges them.
    """
    root = tree.root
    if _OWN in root.children:
        raise NotUnderstood("the image was made from an image of Apptainer or Singularity")
    if not tree.has_root:
        root.mode, root.mtime = skeleton.mode, skeleton.mtime
    for name, node in skeleton.children.items():
        if name == _OWN or node.kind == SYMLINK:
            root.children.setdefault(name, node)
        elif node.kind == DIRECTORY:
            mine = _through_links(root, root.children.setdefault(name, Node(DIRECTORY, node.mode, node.mtime)))
            if mine is None:
                continue  # a link out of the image: the runtime mounts over it
            for below, child in node.children.items():
                here = mine.children.get(below)
                if here is None:
                    mine.children[below] = child
                elif (name, below) in _EMPTIED and here.kind == child.kind:
                    mine.children[below] = Node(child.kind, child.mode, child.mtime, child.content)
        else:
            raise NotUnderstood("the runtime adds a file that we do not know")


def _through_links(root: Node, node: Node) -> Node | None:
    """Return the directory that a node is, or leads to within one step of the root."""
    if node.kind == SYMLINK:
        found = root.children.get(node.target.strip(b"/"))
        return found if found is not None and found.is_directory else None
    return node if node.is_directory else None
