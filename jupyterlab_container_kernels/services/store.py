"""Where images are kept: one file for each digest, ``sha256-….sif``, with a side file, however many kernels use it.

Beside the store of the settings there may be others: a marked folder of ours in each folder that somebody named for an
image. A note of each lies in our state, so that its images are found and counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from ..acquire import local_image, sif
from ..acquire.manifests import Manifest
from ..acquire.reference import ImageReference
from ..errors import ContainerKernelsError
from ..system import paths
from ..system.paths import Roots

#: The folder for images in a folder that somebody names, and where notes of such lie.
_NAME, _NOTES = "container-kernels-images", "image-folders"
#: Where CVMFS repositories have the folders of images (unpacked.cern.ch, singularity.opensciencegrid.org), and what the
#: first one calls Docker Hub.
_FOLDERS, _HUB = (".flat", ".images"), "registry.hub.docker.com"


def stored_path(store: Path, digest: str) -> Path:
    """Return where the image of a digest lies, or will lie, in a store."""
    return store / f"{digest.replace(':', '-')}.sif"


def side_file(image: Path) -> Path:
    """Return the file beside a stored image that says what it is."""
    return image.with_suffix(".json")


def partial_path(store: Path, name: str) -> Path:
    """Return where an image lies as long as it is not one of the store, or no longer; ``name`` is nothing else's."""
    return store / f".{name}.partial.sif"


def is_partial(path: Path) -> bool:
    """Tell whether a path is one of :func:`partial_path`."""
    return path.name.startswith(".") and path.name.endswith(".partial.sif")


def is_stored(image: Path, store: Path) -> bool:
    """Tell whether an image is one that we stored: a plain file in the store or a chosen one, with its side file."""
    is_ours = image.parent == store or is_chosen(image.parent)
    return is_ours and image.is_file() and not image.is_symlink() and side_file(image).is_file()


def layers_in(store: Path) -> Path:
    """Return where layers are kept for other images, if they are."""
    return store / "layers"


def store_in(folder: Path) -> Path:
    """Return the store in a folder that somebody names; one of ours is that itself."""
    return folder if folder.name == _NAME else folder / _NAME


def chosen_folder(image: Path, roots: Roots) -> str | None:
    """Return the store in which an image of ours lay, or lies, if somebody chose its folder."""
    store = image.parent
    return str(store) if store != roots.images and store.name == _NAME else None


def is_chosen(store: Path) -> bool:
    """Tell whether a folder is a store of ours in a folder that somebody named."""
    return store.name == _NAME and _is_mine(store) and (store / paths.MARKER).is_file()


def _is_mine(store: Path) -> bool:
    try:
        status = store.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def open_chosen(store: Path, roots: Roots) -> None:
    """Make a store in a folder that somebody named, unless it is there, and note where it lies.

    Raises
    ------
    ContainerKernelsError
        ``invalid_image_dir``: there is something of that name that is not ours.
    OSError
        It cannot be made.
    """
    note = roots.state / _NOTES / hashlib.sha256(os.fsencode(store)).hexdigest()[:16]
    if not is_chosen(store):
        try:
            paths.make_marked(store)
        except FileExistsError as error:  # another server makes it at this moment, its marker was swept, or it is none
            if _is_mine(store) and (store in chosen(roots) or not any(store.iterdir())):  # a kill left it so
                paths.write_private(store / paths.MARKER, "Made by Container Kernels, for images.\n", durable=False)
            elif not is_chosen(store):
                raise ContainerKernelsError(
                    "invalid_image_dir",
                    f"There is a {store} already, which Container Kernels did not make for you.",
                    "Choose another folder, as one of your own in that one.",
                ) from error
    if not note.exists():
        paths.make_private(note.parent)
        paths.write_private(note, str(store))


def chosen(roots: Roots) -> list[Path]:
    """Return the stores in folders that somebody named; nobody has looked whether they are there."""
    found = []
    for note in sorted((roots.state / _NOTES).glob("[!.]*")):
        with contextlib.suppress(OSError, ValueError):
            found.append(Path(note.read_text()))
    return [each for each in found if each.is_absolute() and each.name == _NAME]


def is_whole(image: Path) -> bool:
    """Tell whether a stored image can be used: its header can be read, and its side file is there."""
    try:
        sif.read_header(image)
    except ContainerKernelsError:
        return False
    return side_file(image).is_file()


def find(store: Path, reference: ImageReference, manifest: Manifest) -> Path | None:
    """Return an image in a store of the site: by its name, by the digest in the side file beside it, or its folder."""
    digest = manifest.digest
    named = stored_path(store, digest)
    if is_whole(named):
        return named
    with contextlib.suppress(OSError):
        for side in sorted(store.glob("*.json")):
            if not side.name.startswith(("sha256-", ".")):
                said, image = paths.read_json(side), side.with_suffix(".sif")
                if isinstance(said, dict) and said.get("digest") == digest and is_whole(image):
                    return image
    return _folder(store, reference, manifest)


def _folder(store: Path, reference: ImageReference, manifest: Manifest) -> Path | None:
    """Return the folder in which an image lies unpacked, as in CVMFS: ``REGISTRY/NAME:TAG`` is a link to a folder that
    is named by the digest of the manifest or of its configuration.

    The tag may name another image by now, so the folder has to have the right name. The link would lead to that one
    some day; what is returned is the folder itself.
    """
    digests = [each.removeprefix("sha256:") for each in (manifest.digest, manifest.config) if each]
    names = [f"{hidden}/{digest[:2]}/{digest}" for hidden in _FOLDERS for digest in digests]
    if reference.tag:
        image = f"{reference.repository}:{reference.tag}"
        names += [f"{reference.registry}/{image}", image]
        names += [f"{_HUB}/{image}"] if reference.registry == "docker.io" else []
    for name in names:
        folder = Path(os.path.realpath(store / name))
        with contextlib.suppress(ContainerKernelsError):
            if folder.name in digests and local_image.look(folder).unpacked:
                return folder
    return None
