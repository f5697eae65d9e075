"""Documents say what the code does."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

import pytest

from jupyterlab_container_kernels.runtimes.base import USUAL_FOLDERS
from jupyterlab_container_kernels.services.policy_file import KEYS, read
from jupyterlab_container_kernels.traits import Traits

ADMINISTRATORS = Path(__file__).parents[2] / "docs" / "administrators.md"
_KEYS = re.compile(r"(<!-- policy: .*? -->\n\n).*?(<!-- /policy -->)", re.DOTALL)
_TABLE = re.compile(r"(<!-- traits: .*? -->\n\n).*?(<!-- /traits -->)", re.DOTALL)


def table_of_traits() -> str:
    """Return what can be configured, as Markdown."""
    rows = ["| setting | default | what it is for |", "|---|---|---|"]
    for name, trait in sorted(Traits.class_own_traits(config=True).items()):
        default = trait.default() if callable(getattr(trait, "default", None)) else trait.default_value
        text = trait.help.replace("|", "\\|")
        rows.append(f"| `{name}` | {f'`{default!r}`' if default not in ('', [], {}, None) else ''} | {text} |")
    return "\n".join(rows) + "\n\n"


def test_the_settings_of_a_site_stand_in_its_document() -> None:
    """To renew it: ``UPDATE_GOLDEN=1 pytest …``, and read the difference."""
    text = ADMINISTRATORS.read_text()
    renewed = _TABLE.sub(lambda match: match[1] + table_of_traits() + match[2], text)
    if os.environ.get("UPDATE_GOLDEN"):
        ADMINISTRATORS.write_text(renewed)
        text = renewed
    assert text == renewed


def table_of_keys() -> str:
    """Return what can stand in a policy file, as Markdown."""
    rows = ["| key | what it has to be | setting |", "|---|---|---|"]
    rows += [f"| `{key.name}` | {key.kind} | `{key.trait}` |" for key in KEYS]
    return "\n".join(rows) + "\n\n"


def test_the_keys_of_a_policy_file_stand_in_it() -> None:
    text = ADMINISTRATORS.read_text()
    renewed = _KEYS.sub(lambda match: match[1] + table_of_keys() + match[2], text)
    if os.environ.get("UPDATE_GOLDEN"):
        ADMINISTRATORS.write_text(renewed)
        text = renewed
    assert text == renewed


def test_the_example_of_a_policy_file_has_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "mst3k")
    example = re.search(r"For example:\n\n((?:    .*\n|\n)+)\nEach key", ADMINISTRATORS.read_text())
    assert example
    file = tmp_path / "container-kernels.toml"
    file.touch(0o644)
    file.write_text(textwrap.dedent(example[1]))
    found = read(file)
    assert found.problems == [] and len(found.values) == 9


def test_the_usual_folders_stand_in_it() -> None:
    text = ADMINISTRATORS.read_text()
    for folder in USUAL_FOLDERS:
        assert folder in text or folder.startswith("/cvmfs/oasis.opensciencegrid.org/"), folder


def test_every_finding_of_the_diagnostics_is_explained_in_it() -> None:
    source = (Path(__file__).parents[2] / "jupyterlab_container_kernels" / "services" / "diagnostics.py").read_text()
    titles = re.findall(r'^            \("\w+", "([^"]+)", self\._', source, re.MULTILINE)
    assert len(titles) >= 10
    text = ADMINISTRATORS.read_text()
    for title in titles:
        assert f"| {title} |" in text, title
