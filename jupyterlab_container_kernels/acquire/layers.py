"""Reads the layers of an image, topmost first, and stores what of their files can still be seen.

A layer names files, and with ``.wh.`` those of lower layers that it takes away
(https://github.com/opencontainers/image-spec/blob/main/layer.md). From the top down it is known for nearly every file
whether an upper layer hides it, so its bytes need not be stored. That guess may only err to one side: what is stored
in vain costs room, and what is missed is noticed by :mod:`.merge`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .filetree import DIRECTORY, FILE, Allowance, Content, NotUnderstood, Store
from .tarstream import HARD_LINK, Entry, TarStream

WHITEOUT_PREFIX = b".wh."
OPAQUE = b".wh..wh..opq"
#: As the system has it, and deeper than folders of an image are.
_MOST_NAME_BYTES, _MOST_PARTS = 4095, 256
#: What remembering an entry takes, beside its names and attributes; measured, the node that is made of it included.
RECORD_BYTES = 1024
#: Two million files; the largest images that people use have some hundred thousand.
_MOST_BYTES = 2_000_000 * RECORD_BYTES


@dataclass(frozen=True, slots=True)
class Record:
    """An entry of a layer with its name as a path below the root, ``b""`` for the root, and what was stored of it."""

    path: bytes
    entry: Entry
    #: Of a hard link: the path of what it is another name of.
    link: bytes = b""
    content: Content | None = None


def memory() -> Allowance:
    """Return what remembering the files of one image may take of the memory."""
    return Allowance(
        _MOST_BYTES, f"its layers name more than {_MOST_BYTES // RECORD_BYTES:,} files, or as much as that"
    )


def clean(name: bytes) -> bytes:
    """Write the name of an entry as a path below the root: ``./a//b/`` is ``a/b``.

    Raises
    ------
    NotUnderstood
        It has a ``..``, which the runtime resolves in its own way, or is too long.
    """
    if len(name) > _MOST_NAME_BYTES:
        raise NotUnderstood("a layer holds a name that is too long")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise NotUnderstood("a layer holds a name with ‘..’")
    if len(parts) > _MOST_PARTS or any(len(part) > 255 for part in parts):
        raise NotUnderstood("a layer holds a name that is too long")
    return b"/".join(parts)


class LayerReader:
    """Remembers what upper layers hide while the layers below are read.

    Parameters
    ----------
    store : callable
        Takes the bytes of a file that may be visible.
    everything : bool
        Whether the bytes of every file are stored, for layers where the guess fails.
    allowance : Allowance, optional
        What it may remember.
    """

    def __init__(self, store: Store, everything: bool = False, allowance: Allowance | None = None) -> None:
        self._store = store
        self._everything = everything
        self._allowance = allowance or memory()
        #: Paths in upper layers: whether they are directories there.
        self._seen: dict[bytes, bool] = {}
        self._removed: set[bytes] = set()
        self._opaque: set[bytes] = set()
        #: What hard links of upper layers lead to in lower ones.
        self._wanted: set[bytes] = set()

    def read(self, stream: TarStream) -> list[Record]:
        """Read a whole layer, which lies below those that were read before.

        Raises
        ------
        NotUnderstood
            Something in it is not surely read as the runtime would.
        ContainerKernelsError
            ``image_unusable``: there is too much to remember.
        """
        records: list[Record] = []
        here: dict[bytes, bool] = {}
        removed: set[bytes] = set()
        opaque: set[bytes] = set()
        hidden: dict[bytes, bool] = {}
        for entry in stream.entries():
            path = clean(entry.name)
            if len(entry.link) > _MOST_NAME_BYTES:
                raise NotUnderstood("a layer holds a link that is too long")
            self._allowance.take(RECORD_BYTES + _size(entry))
            above, _, name = path.rpartition(b"/")
            if name.startswith(WHITEOUT_PREFIX):
                if name == OPAQUE:
                    opaque.add(above)
                elif name[len(WHITEOUT_PREFIX) :] in (b"", b".", b".."):
                    raise NotUnderstood("a layer takes away what has no name")
                else:
                    removed.add((above + b"/" if above else b"") + name[len(WHITEOUT_PREFIX) :])
                records.append(Record(path, entry))
                continue
            if not path and entry.kind != DIRECTORY:
                raise NotUnderstood("a layer makes something else of the root")
            if entry.kind == HARD_LINK:
                target = clean(entry.link)
                self._wanted.add(target)
                records.append(Record(path, entry, target))
                here[path] = False
                continue
            content = None
            if entry.kind == FILE and (self._everything or path in self._wanted or not self._hides(path, hidden)):
                content = self._store(entry.size, stream.read)
            records.append(Record(path, entry, content=content))
            here[path] = entry.kind == DIRECTORY
        for path, is_directory in here.items():
            self._seen.setdefault(path, is_directory)
        self._removed |= removed
        self._opaque |= opaque
        return records

    def _hides(self, path: bytes, known: dict[bytes, bool]) -> bool:
        """Tell whether an upper layer hides a file of this one."""
        if path in self._seen or path in self._removed:
            return True
        above = path.rpartition(b"/")[0]
        return self._hides_below(above, known)

    def _hides_below(self, directory: bytes, known: dict[bytes, bool]) -> bool:
        """Tell the same of whatever lies in a directory."""
        if not directory:
            return b"" in self._opaque
        found = known.get(directory)
        if found is None:
            self._allowance.take(len(directory))
            found = known[directory] = (
                directory in self._removed
                or directory in self._opaque
                or self._seen.get(directory) is False
                or self._hides_below(directory.rpartition(b"/")[0], known)
            )
        return found


def _size(entry: Entry) -> int:
    """Return how many bytes of an entry are remembered."""
    attributes = sum(len(name) + len(value) for name, value in entry.xattrs)
    return len(entry.name) + len(entry.link) + attributes
