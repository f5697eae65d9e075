"""Thousands of requests that nobody means: each is answered in our words, none by a mistake of ours."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import time
from collections import Counter
from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services.shared_places import SharedPlace
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system.paths import Roots
from tests.api.conftest import CONTRACT, Client
from tests.builders import add_kernel

from .hostile import OPERATIONS, request

SEED = 20261126


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads like an image of a registry is asked for at a proxy that is not there."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for each in (name, name.upper()):
            monkeypatch.setenv(each, "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def nothing_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may share from any folder of this machine, as from /."""

    def refuse(place: SharedPlace) -> None:
        raise ContainerKernelsError("forbidden", f"Nothing is made in {place.directory}.")

    monkeypatch.setattr(SharedPlace, "make", refuse)


async def ask_many(count: int, seed: int, client: Client, roots: Roots, image: Path) -> Counter[str]:
    """Send as many, a few at once; whatever begins is cancelled at once. The client waits 30 seconds for an answer."""
    found: Counter[str] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    headers = {"Authorization": f"token {client._token}", "Content-Type": "application/json"}

    async def ask(number: int) -> None:
        verb, path, body = request(random.Random(f"{seed} {number}"))
        answer = await client.raw(verb, path, body, headers)
        assert answer.status != 500, f"seed {seed}, number {number}: {verb} {path} {body!r}: {answer.body}"
        found[str(answer.status)] += 1
        found["bodies"] += bool(body)
        asked[verb, path.partition("?")[0].partition("/")[0]] += 1
        if answer.status == 202:
            await client.raw("delete", f"tasks/{answer.body['id']}", b"{}", headers)

    for first in range(0, count, 8):
        if first % 400 == 0 and not (roots.kernels / "demo").exists():
            add_kernel(roots, "demo", image)
        await asyncio.gather(*(ask(number) for number in range(first, min(first + 8, count))))
    if count > 1000:
        assert {(verb, path[1:].partition("/")[0]) for verb, path, _ in OPERATIONS} <= set(asked)
    return found


async def test_a_request_that_nobody_means_is_answered_in_our_words(client: Client, roots: Roots, image: Path) -> None:
    found = await ask_many(240, SEED, client, roots, image)
    assert found.total() - found["bodies"] == 240
    assert {"200", "400", "404", "422"} <= set(found)


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_twenty_thousand_requests_are_answered_in_our_words(
    client: Client, roots: Roots, image: Path, services: Services
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    found = await ask_many(32_000, SEED + 1, client, roots, image)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seed": SEED + 1, "s": round(time.monotonic() - began), "grown_kB": grown, **found}))
    assert found["bodies"] >= 20_000, "some ask for something only"
    assert found.total() - found["bodies"] == 32_000
    assert grown < 500_000, "kilobytes"


def test_every_operation_of_the_contract_is_asked() -> None:
    assert len(OPERATIONS) >= len(CONTRACT["paths"])
    asked = Counter(request(random.Random(f"{SEED} {number}"))[0] for number in range(400))
    assert {"get", "post", "patch", "delete"} <= set(asked)
