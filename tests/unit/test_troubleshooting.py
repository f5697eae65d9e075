"""The document on failures is made from their catalogue. To renew it: ``UPDATE_GOLDEN=1 pytest …``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from jupyterlab_container_kernels import failures
from jupyterlab_container_kernels.failures import CATALOGUE, Failure

DOCUMENT = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
_TABLES = re.compile(r"(<!-- failures: .*? -->\n\n).*?(<!-- /failures -->)", re.DOTALL)
#: What the sections of the catalogue are called for people.
TITLES = {
    "the start script, and how the process ended": "The kernel does not start, or ended",
    "the runtime, before the kernel runs": "The container does not start",
    "the kernel's last words": "What the kernel said last",
    "registries": "Images of registries",
    "installing packages": "Installing packages",
    "nobody said more": "When nobody said more",
}
#: The buttons of remedies (src/components/remedies.tsx), as far as the catalogue names them.
BUTTONS = {
    "relink": "Find it",
    "pull": "Pull again",
    "reinstall": "Install packages again",
    "free_space": "Free space",
}


def sections() -> dict[str, list[Failure]]:
    """Return the rows of the catalogue below the headings that stand between them."""
    source = Path(failures.__file__).read_text()
    found: dict[str, list[Failure]] = {}
    by_cause = {failure.cause: failure for failure in CATALOGUE}
    title = ""
    for heading, cause in re.findall(r'^    # ---- \d\. (.+)$|^    Failure\("(\w+)"', source, re.MULTILINE):
        if heading:
            title = TITLES[heading]
        else:
            found.setdefault(title, []).append(by_cause.pop(cause))
    assert not by_cause, "a row that was not found"
    return found


def plain(sentence: str) -> str:
    """Return a sentence with an ellipsis where the catalogue puts in what was matched."""
    text = re.sub(r"\{[^}]*\}", "…", sentence).replace("….", "…").replace("|", "\\|")
    return re.sub(r"(\$\w+|~/\S*[\w*]|\b[A-Z]+_[A-Z_]+(?:=\d+)?)", r"`\1`", text) if "`" not in text else text


def tables() -> str:
    """Return all failures that are known, as Markdown."""
    parts = []
    for title, rows in sections().items():
        parts += [f"## {title}", "", "| what it says | what to do |", "|---|---|"]
        for failure in rows:
            buttons = ", ".join(f"*{BUTTONS[remedy]}*" for remedy in failure.remedies)
            parts.append(f"| {plain(failure.message)} | {plain(failure.hint)}{f' {buttons}' if buttons else ''} |")
        parts.append("")
    return "\n".join(parts) + "\n"


def test_every_failure_of_the_catalogue_stands_in_the_document() -> None:
    text = DOCUMENT.read_text()
    renewed = _TABLES.sub(lambda match: match[1] + tables() + match[2], text)
    if os.environ.get("UPDATE_GOLDEN"):
        DOCUMENT.write_text(renewed)
        text = renewed
    assert text == renewed
    assert len(re.findall(r"^\| (?!what it says)", text, re.MULTILINE)) >= len(CATALOGUE)


def test_the_buttons_are_called_as_in_the_panel() -> None:
    source = (Path(__file__).parents[2] / "src" / "components" / "remedies.tsx").read_text()
    for remedy, label in BUTTONS.items():
        named = re.search(rf"case '{remedy}':\s*return trans\.__\('([^']+)'\)", source)
        assert named and named[1] == label
    assert {remedy for failure in CATALOGUE for remedy in failure.remedies} <= set(BUTTONS)
