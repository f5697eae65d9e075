"""Languages and runtimes of other projects come by entry points, as docs/development.md offers."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from jupyterlab_container_kernels import discovery, languages, runtimes
from jupyterlab_container_kernels.discovery import discover
from jupyterlab_container_kernels.languages.base import Language
from jupyterlab_container_kernels.languages.julia import Julia
from jupyterlab_container_kernels.runtimes.base import Runtime


class Toy(Julia):
    """What another project teaches."""

    name = "toy"
    title = "Toy"


class Unfinished(Language):
    """It lacks what a language has to have."""

    name = "unfinished"


def offer(monkeypatch: pytest.MonkeyPatch, value: str, group: str = languages.__name__) -> None:
    """Let a package be installed that has one entry point."""
    offered = EntryPoint("toy-language", value, group)
    monkeypatch.setattr(discovery, "entry_points", lambda group: [offered] if group == offered.group else [])


def test_a_language_of_another_project_stands_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = discover(languages, Language)  # type: ignore[type-abstract]
    offer(monkeypatch, f"{__name__}:Toy")
    found = discover(languages, Language)  # type: ignore[type-abstract]
    assert set(found) - set(ours) == {"toy"}
    assert type(found["toy"]) is Toy
    assert "toy" not in discover(runtimes, Runtime)  # type: ignore[type-abstract]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("collections:OrderedDict", "the entry point 'toy-language' is no Language"),
        ("math:pi", "the entry point 'toy-language' is no Language"),
        ("jupyterlab_container_kernels.runtimes.apptainer:Apptainer", "the entry point 'toy-language' is no Language"),
        (f"{__name__}:Unfinished", "Unfinished"),
    ],
)
def test_what_is_no_language_is_named(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    offer(monkeypatch, value)
    with pytest.raises(TypeError, match=said):
        discover(languages, Language)  # type: ignore[type-abstract]
