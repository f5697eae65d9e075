"""Makes one tree of the layers of an image, exactly as Apptainer unpacks them one over the other.

It does that with umoci; the rules are those of ``UnpackEntry`` in
https://github.com/opencontainers/umoci/blob/v0.4.7/oci/layer/tar_extract.go: parents are looked up through symbolic
links within the root and made if they are not there, whatever has the name of a new entry is removed first unless
both are directories, and a whiteout spares what its own layer has brought before it. Ownership is left out, as
without privileges, and a device becomes an empty file.
"""

from __future__ import annotations

from .filetree import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FILE,
    SYMLINK,
    Allowance,
    Content,
    Node,
    NotUnderstood,
)
from .layers import OPAQUE, RECORD_BYTES, WHITEOUT_PREFIX, Record, memory
from .tarstream import HARD_LINK

#: As the kernel and securejoin have it.
_MOST_LINKS = 255
#: What Apptainer gives a folder that no layer names: it builds with a umask of 002.
_IMPLIED_MODE = 0o775
#: How many steps of ways to directories are kept at most.
_MOST_KEPT = 1_000_000


class Missed(NotUnderstood):
    """A file can be seen whose bytes were taken for hidden, so that they were not stored."""


class Tree:
    """The tree that the layers make, from the lowest to the topmost; see :meth:`apply`.

    Parameters
    ----------
    allowance : Allowance, optional
        What it may remember, with what was remembered of the layers.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        self._allowance = allowance or memory()
        self.root = Node(DIRECTORY, 0o755, 0)
        #: Whether a layer says what the root's mode and time are.
        self.has_root = False
        #: What the current layer has brought: a directory and a name in it.
        self._brought: set[tuple[Node, bytes]] = set()
        #: Directories by path, as long as nothing changed that may lead elsewhere.
        self._found: dict[bytes, list[tuple[Node, bytes]]] = {}
        self._kept = 0

    def apply(self, records: list[Record]) -> None:
        """Put a layer over what is there.

        Raises
        ------
        NotUnderstood
            The runtime would fail at it, or it is not known what the runtime would do.
        ContainerKernelsError
            ``image_unusable``: there is too much to remember.
        """
        self._brought = set()
        for record in records:
            above, _, name = record.path.rpartition(b"/")
            if name.startswith(WHITEOUT_PREFIX):
                self._take_away(above, name)
            elif not record.path:
                self._describe(self.root, record)
                self.has_root = True
            else:
                self._put(above, name, record)

    def entries(self) -> int:
        """Count the names below the root.

        Raises
        ------
        Missed
            A file can be seen whose bytes were not stored.
        """
        count, waiting = 0, [self.root]
        while waiting:
            for child in waiting.pop().children.values():
                count += 1
                if child.is_directory:
                    waiting.append(child)
                elif child.kind == FILE and child.content is None:
                    raise Missed("the layers name a file in more ways than one")
        return count

    def directory(self, path: bytes, mtime: int) -> Node:
        """Return the directory at a path, through links, made with its parents if it is not there.

        Raises
        ------
        NotUnderstood
            Something else is in its place, or links lead in a circle.
        """
        return self._directory(path, mtime)[0]

    def _directory(self, path: bytes, mtime: int) -> tuple[Node, list[tuple[Node, bytes]]]:
        """Return the directory, and the way to it: each parent with the name in it."""
        way = self._found.get(path)
        if way is None:
            way = []
            node = self.root
            for name, child in self._resolve(path):
                if child is None:
                    self._allowance.take(RECORD_BYTES)
                    child = Node(DIRECTORY, _IMPLIED_MODE, mtime)  # noqa: PLW2901
                    node.children[name] = child
                way.append((node, name))
                node = child
            self._kept += len(way)
            if self._kept > _MOST_KEPT:
                self._found.clear()
                self._kept = len(way)
            self._found[path] = way
        node = way[-1][0].children[way[-1][1]] if way else self.root
        return node, way

    def _resolve(self, path: bytes) -> list[tuple[bytes, Node | None]]:
        """Follow a path within the root; ``None`` stands for what is not there."""
        steps: list[tuple[bytes, Node | None]] = []
        waiting = [part for part in reversed(path.split(b"/")) if part]
        links = 0
        while waiting:
            part = waiting.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                if steps:
                    steps.pop()
                continue
            parent = steps[-1][1] if steps else self.root
            child = parent.children.get(part) if parent is not None else None
            if child is not None and child.kind == SYMLINK:
                links += 1
                if links > _MOST_LINKS:
                    raise NotUnderstood("links of a layer lead in a circle")
                if child.target.startswith(b"/"):
                    steps = []
                waiting += reversed(child.target.split(b"/"))
                continue
            if child is not None and not child.is_directory:
                raise NotUnderstood("a layer has entries below a file")
            steps.append((part, child))
        return steps

    def _take_away(self, above: bytes, name: bytes) -> None:
        steps = self._resolve(above)
        if any(child is None for _, child in steps):
            return
        directory = steps[-1][1] if steps else self.root
        assert directory is not None  # noqa: S101 (all are there)
        if name == OPAQUE:
            self._clear(directory)
        else:
            self._remove_lower(directory, name[len(WHITEOUT_PREFIX) :])
        self._found.clear()

    def _remove_lower(self, directory: Node, name: bytes) -> None:
        child = directory.children.get(name)
        if child is None:
            return
        if (directory, name) not in self._brought:
            del directory.children[name]
        elif child.is_directory:
            self._clear(child)

    def _clear(self, directory: Node) -> None:
        """Remove from a directory what the current layer has not brought."""
        for name in list(directory.children):
            self._remove_lower(directory, name)

    def _put(self, above: bytes, name: bytes, record: Record) -> None:
        directory, way = self._directory(above, record.entry.mtime)
        old = directory.children.get(name)
        if old is None or not old.is_directory or record.entry.kind != DIRECTORY:
            if old is not None:
                del directory.children[name]
                if old.kind in (SYMLINK, DIRECTORY):
                    self._found.clear()
            directory.children[name] = self._linked(record) if record.entry.kind == HARD_LINK else _node(record)
        else:
            self._describe(old, record)
        self._brought.add((directory, name))
        # from the inside out: where one was brought, so were all above it
        for step in reversed(way):
            if step in self._brought:
                break
            self._brought.add(step)

    def _linked(self, record: Record) -> Node:
        above, _, name = record.link.rpartition(b"/")
        steps = self._resolve(above)
        directory = steps[-1][1] if steps else self.root
        target = directory.children.get(name) if directory is not None else None
        if target is None or target.is_directory:
            raise NotUnderstood("a layer names a file anew that is not there")
        return target

    @staticmethod
    def _describe(node: Node, record: Record) -> None:
        entry = record.entry
        node.mode, node.mtime, node.xattrs = entry.mode, entry.mtime, entry.xattrs


def _node(record: Record) -> Node:
    entry = record.entry
    if entry.kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
        return Node(FILE, entry.mode, entry.mtime, Content(0), xattrs=entry.xattrs)
    mode = 0o777 if entry.kind == SYMLINK else entry.mode
    return Node(entry.kind, mode, entry.mtime, record.content, entry.link, xattrs=entry.xattrs)
