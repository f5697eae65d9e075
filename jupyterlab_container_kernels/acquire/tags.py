"""The tags of an image: in which order people look at them, and which are near to one that is not there."""

from __future__ import annotations

import difflib
import heapq
import itertools
import re
from collections.abc import Iterable

#: What is no image that anybody wants: signatures and attestations that are stored as tags.
_ATTACHED = re.compile(r"sha256-[0-9a-f]{64}(\.\w+)?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_PIECES = re.compile(r"(\d+)")
_NEAR = 0.5


def newest_first(tags: Iterable[str]) -> list[str]:
    """Return tags by the numbers in them, the highest first, each once; ``latest`` before all."""
    wanted = {tag for tag in tags if _TAG.fullmatch(tag) and not _ATTACHED.fullmatch(tag)}
    return sorted(wanted, key=lambda tag: (tag == "latest", _pieces(tag)), reverse=True)


def nearest(wanted: str, tags: Iterable[str], count: int = 4) -> list[str]:
    """Return the tags that look most like one, the most alike first; if none does, the newest.

    Parameters
    ----------
    wanted : str
        The tag that is not there.
    tags : iterable of str
        Those that are.
    count : int
        How many at most.
    """
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)

    def likeness(tag: str) -> float:
        """How much of the wanted one they begin with counts most: that is the version."""
        matcher.set_seq1(tag)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(tag, wanted, strict=False)))
        return same / len(wanted) + matcher.ratio()

    ordered = newest_first(tags)
    scored = heapq.nlargest(count, [(likeness(tag), tag) for tag in ordered], key=lambda each: each[0])
    return [tag for score, tag in scored if score >= _NEAR] or ordered[:count]


def _pieces(tag: str) -> list[tuple[bool, int, str]]:
    """Take a tag to pieces that compare as people count: 2.9 before 2.10, words before numbers."""
    return [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in _PIECES.split(tag) if piece]
