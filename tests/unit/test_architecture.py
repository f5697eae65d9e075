"""The picture of the architecture is true: its arrows are the imports between the rooms, no more and no fewer."""

from __future__ import annotations

import re
from pathlib import Path

from .test_imports import LAYERS, LEAVES, MODULES, NAME, imported, room

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
_ROOMS = ("plugins", "components", "model", "api")


def drawn(part: str) -> set[tuple[str, str]]:
    """Return the arrows of a part of the picture."""
    text = (ROOT / "docs" / "development.md").read_text()
    picture = re.search(rf"^  subgraph {part}\[.*?^  end$", text, re.MULTILINE | re.DOTALL)
    assert picture
    return set(re.findall(r"^    (\w+) --> (\w+)$", picture[0], re.MULTILINE))


def test_the_arrows_of_the_server_are_its_imports() -> None:
    rooms = {each for layer in LAYERS for each in layer} - {"__init__"}
    found = set()
    for module in MODULES:
        here = module.with_suffix("").parts[0]
        for name in imported(module):
            if name.split(".")[0] == NAME and (there := room(name)) in rooms and here in rooms - LEAVES:
                found.add((here, there))
    assert drawn("server") == {(here, there) for here, there in found if here != there}


def test_the_arrows_of_the_browser_are_its_imports() -> None:
    found = set()
    for here in _ROOMS:
        for file in (SOURCE / here).glob("*.ts*"):
            for there in re.findall(r"from '\.\./(\w+)/", file.read_text()):
                found.add((here, there))
    assert drawn("browser") == {arrow for arrow in found if arrow[1] in _ROOMS}
