"""Languages of other projects, as the server meets them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_discovery import offer

from .conftest import Client


async def test_a_language_of_another_project_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "tests.unit.test_discovery:Toy")
    assert "toy" in (await client("get", "info")).holds("Info")["languages"]


async def test_an_entry_point_that_is_no_language_is_named_in_the_log_and_breaks_nothing_else(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, jp_fetch: Any
) -> None:
    with monkeypatch.context() as broken:
        offer(broken, "collections:OrderedDict")
        for _ in range(2):
            (await client("get", "info")).refused("internal")
        assert "the entry point 'toy-language' is no Language" in caplog.text
        assert (await jp_fetch("api", "kernelspecs")).code == 200
    (await client("get", "info")).holds("Info")
