"""Makes the files and records that tests begin with."""

from __future__ import annotations

import os
import struct
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyterlab_container_kernels.models import KernelRuntime
from jupyterlab_container_kernels.system import kernelspecs, machine, paths
from jupyterlab_container_kernels.system.kernelspecs import ImageRecord, PackagesRecord, Record
from jupyterlab_container_kernels.system.paths import Roots

#: SIF's codes of architectures (sif.go), for the machines that tests run on.
SIF_CODES = {"386": b"01", "amd64": b"02", "arm": b"03", "arm64": b"04", "ppc64le": b"06", "s390x": b"11"}
DATA_OFFSET = 32 * 1024


def sif_bytes(architecture: bytes | None = None, payload: int = 64, magic: bytes = b"SIF_MAGIC\0") -> bytes:
    """Return a SIF file with a good header and an empty payload."""
    header = struct.pack(
        "<32s10s3s3s16sqqqqqqqq",
        b"#!/usr/bin/env run-singularity\n",
        magic,
        b"01\0",
        (SIF_CODES[machine.architecture()] if architecture is None else architecture) + b"\0",
        uuid.UUID(int=7).bytes,
        1700000000,
        1700000000,
        47,
        48,
        4096,
        28080,
        DATA_OFFSET,
        payload,
    )
    assert len(header) == 128
    return header + bytes(DATA_OFFSET - len(header) + payload)


def write_sif(path: Path, **kind: Any) -> Path:
    """Write a SIF file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sif_bytes(**kind))
    return path


def unpack_image(folder: Path) -> Path:
    """Make the folder of an unpacked image, as far as it is looked at."""
    (folder / ".singularity.d").mkdir(parents=True)
    return folder


def record(roots: Roots, slug: str, image: Path, **changes: Any) -> Record:
    """Return the record of a kernel that was added from an image."""
    status = image.stat() if image.exists() else None
    made = Record(
        schema=kernelspecs.SCHEMA,
        image=ImageRecord(
            reference="docker://demo:1",
            source="docker://docker.io/library/demo:1",
            digest=None,
            path=str(image),
            size_bytes=status.st_size if status else 0,
            mtime_ns=status.st_mtime_ns if status else 0,
            sif_id=None,
            stored=image.parent == roots.images,
        ),
        runtime=KernelRuntime("apptainer", "/bin/sh", "1.4.5"),
        language="python",
        language_version="3.11.2",
        interpreter="/usr/bin/python3",
        gpu="auto",
        gpu_name=None,
        packages=PackagesRecord(str(roots.packages / slug), None, 3, ["ipykernel==6.29.5"]),
        binds=[],
        environment={},
        isolated=True,
        start_s=1.5,
        log=str(roots.logs / slug / "last-start"),
        task="0" * 32,
        created="2026-01-01T00:00:00.000Z",
    )
    return replace(made, **changes)


def add_kernel(
    roots: Roots,
    slug: str,
    image: Path,
    *,
    display_name: str | None = None,
    script: str = "exit 1\n",
    **changes: Any,
) -> Path:
    """Publish a kernel as adding one does, with its packages and its log, and return its directory."""
    for root, name, text in ((roots.packages, "package.py", "x=1"), (roots.logs, "last-start", "a line\n")):
        directory = paths.make_marked(root / slug)
        paths.write_private(directory / name, text)
    workspace = paths.make_marked(roots.staging / slug)
    staged = kernelspecs.stage(
        workspace,
        slug,
        display_name=display_name or slug,
        language="python",
        interrupt_mode="signal",
        metadata={"debugger": True},
        record=record(roots, slug, image, **changes),
        script=script,
        logo="<svg/>",
    )
    published = kernelspecs.publish(staged, roots)
    paths.remove_marked(workspace, roots.staging)
    return published


def store_image(roots: Roots, name: str = "sha256-0000") -> Path:
    """Put an image into the store, with the side file that says that it is ours."""
    image = write_sif(roots.images / f"{name}.sif")
    image.with_suffix(".json").write_text("{}")
    return image


def tree(directory: Path) -> list[str]:
    """Return what lies below a directory, for comparing before and after."""
    found = []
    for folder, folders, files in os.walk(directory):  # unlike rglob, it forgives what goes meanwhile
        found += [str(Path(folder, name).relative_to(directory)) for name in (*folders, *files)]
    return sorted(found)


#: Stands in for Apptainer; see its own text.
FAKE_APPTAINER = Path(__file__).with_name("fake-apptainer")
