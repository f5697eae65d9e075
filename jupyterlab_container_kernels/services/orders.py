"""An image that one process orders and another one brings, on a node that may reach the registry.

An order is a private folder in our staging that both see: ``order.json`` says what is wanted, ``image.json`` what came,
and ``container-kernels/tasks`` is how far that is, in the same files as of any task. The image itself comes into the
same store as always, under the same lock, and is named by its digest. Whoever brings it ends when ``order.json`` is
gone: then nobody wants it any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import dacite

from ..errors import ContainerKernelsError
from ..settings import Settings
from ..system import machine, paths
from ..system.kernelspecs import ImageRecord
from ..system.paths import Roots
from .task_files import alive

#: The settings that have to be the same for both, though a session may have them from its command line alone.
_SHARED = (
    "images_dir", "site_images", "runtime_path", "runtime_module", "acquire", "squashfs_compression",
    "keep_layers", "insecure_registries", "registry_timeout_s", "pull_timeout_s",
)  # fmt: skip

#: What the names of their folders in our staging begin with.
_FOLDER = "pull"


@dataclass(frozen=True)
class Order:
    """What is wanted.

    Parameters
    ----------
    image : str
        The reference, by its digest if that is known.
    folder : str or None
        Where it is to lie, if not where all images do.
    by_runtime : bool
        Whether the runtime is to make the file itself.
    anew : bool
        Whether it comes even if it is there.
    settings : dict
        Those of whoever orders, by name, as JSON has them.
    """

    image: str
    folder: str | None
    by_runtime: bool
    anew: bool
    settings: dict[str, Any]

    def applied(self, settings: Settings) -> Settings:
        """Return the settings of whoever fulfils it, with those of whoever has ordered it."""
        told = {name: value for name, value in self.settings.items() if name in _SHARED}
        for name in ("images_dir", "site_images"):
            if isinstance(value := told.get(name), str):
                told[name] = Path(value)
            elif isinstance(value, list):
                told[name] = tuple(map(Path, value))
        return replace(settings, **told)


def shared(settings: Settings) -> dict[str, Any]:
    """Return the settings that whoever fulfils an order has to have as well, as JSON has them."""
    return {name: _plain(getattr(settings, name)) for name in _SHARED}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def claimed(roots: Roots) -> set[str]:
    """Return the folders of orders that somebody fulfils at this moment, and the paths that is at work with."""
    found: set[str] = set()
    for folder in roots.staging.glob(f"{_FOLDER}*"):
        for stored in alive(OrderFolder(folder).tasks):
            found |= {str(folder), *stored.leftovers, *stored.resumable, *([stored.image] if stored.image else [])}
    return found


class OrderFolder:
    """The folder of an order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, roots: Roots, image: str) -> OrderFolder:
        """Return the folder for an image: the same one for each try, so that the next goes on with it."""
        name = hashlib.sha256(f"{image} {machine.architecture()}".encode()).hexdigest()[:16]
        return cls(roots.staging / f"{_FOLDER}-{name}")

    @classmethod
    def new(cls, roots: Roots) -> OrderFolder:
        """Make a folder for an image that is brought for later, for which nobody waits."""
        while True:
            with contextlib.suppress(FileExistsError):  # another terminal was quicker
                return cls(paths.make_marked(paths.unused(roots.staging / _FOLDER)))

    @property
    def name(self) -> str:
        """How it is called in the queue."""
        return f"container-kernels-{self.path.name}"

    @property
    def log(self) -> Path:
        """Where a job says what goes wrong before anything else can."""
        return self.path / "job.log"

    @property
    def tasks(self) -> Path:
        """Where its task is."""
        return self.path / "container-kernels" / "tasks"

    def place(self, order: Order) -> None:
        """Write an order, unless it is the one that stands there: then the next try goes on with what came of it.

        That is an image which may have been deleted since.
        """
        if not self.path.is_dir():
            paths.make_marked(self.path)
        said, came = asdict(order), self.image()
        if paths.read_json(self.path / "order.json") != said or (came and not Path(came.path).exists()):
            (self.path / "image.json").unlink(missing_ok=True)
            self.log.unlink(missing_ok=True)
            paths.write_private(self.path / "order.json", json.dumps(said))

    def withdraw(self) -> None:
        """Tell whoever fulfils it that nobody wants it any more."""
        (self.path / "order.json").unlink(missing_ok=True)

    def read(self) -> Order:
        """Return what is wanted.

        Raises
        ------
        ContainerKernelsError
            ``not_found``: nothing, any more; ``forbidden``: the folder is not this user's alone.
        """
        try:
            status = self.path.stat()
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                raise ContainerKernelsError(
                    "forbidden", f"{self.path} is not yours alone.", "Start the pull in the panel again."
                )
            return dacite.from_dict(Order, json.loads((self.path / "order.json").read_text()))
        except (OSError, ValueError, TypeError, dacite.DaciteError) as error:
            raise ContainerKernelsError(
                "not_found",
                f"Nothing is to be pulled for {self.path}: it was cancelled, or has ended.",
                "Start the pull in the panel again, and take the line that it shows then.",
            ) from error

    def is_wanted(self) -> bool:
        """Tell whether it has not been withdrawn."""
        return (self.path / "order.json").is_file()

    def fulfil(self, image: ImageRecord) -> None:
        """Say what came."""
        paths.write_private(self.path / "image.json", json.dumps(asdict(image)))

    def image(self) -> ImageRecord | None:
        """Return what came."""
        try:
            return dacite.from_dict(ImageRecord, paths.read_json(self.path / "image.json") or {})
        except dacite.DaciteError:
            return None

    def command(self, image: str) -> list[str]:
        """Return the command that fulfils it."""
        script = Path(sys.executable).with_name("jupyter-container-kernels")
        module = [sys.executable, "-m", "jupyterlab_container_kernels.cli"]
        return [*([str(script)] if os.access(script, os.X_OK) else module), "pull", image, "--order", str(self.path)]

    def line(self, image: str) -> str:
        """Return :meth:`command` as people paste it into a shell."""
        return shlex.join(self.command(image))
