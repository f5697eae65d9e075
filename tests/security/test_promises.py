"""docs/security.md names a test for each promise, and each is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
#: A file, and the names of tests in it up to the next file or the end of the parenthesis.
_NAMED = re.compile(r"\[test\]\(\.\./([^)]+)\)((?:[\s,]+`[^`]+`)+)")


def test_every_promise_is_held_by_tests_that_exist() -> None:
    promises = TEXT.partition("## What we promise")[2].partition("## What we do not promise")[0]
    rows = re.split(r"\n- ", promises)[1:]
    assert len(rows) > 15
    for row in rows:
        named = _NAMED.findall(row)
        assert named, f"no test holds: {row}"
        for file, names in named:
            source = (ROOT / file).read_text()
            for name in re.findall(r"`([^`]+)`", names):
                is_there = re.search(rf"def {name}\(", source) if name.isidentifier() else f"'{name}'" in source
                assert is_there, f"{file} has no test {name}"
