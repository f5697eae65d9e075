"""What is asked of registries, and the passwords for them, through the routes."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..unit.fake_registry import FakeAnswer, FakeRegistry
from .conftest import Client

SECRET = "open-sesame-9"


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    made.contents["/v2/"] = FakeAnswer(200, b"{}")
    yield made
    made.close()


def login(fake: FakeRegistry, password: str = SECRET, user: str = "me") -> dict[str, str]:
    return {"registry": fake.name, "user": user, "password": password}


async def test_an_image_is_told_of_before_it_is_downloaded(client: Client, fake: FakeRegistry) -> None:
    labels = {"org.opencontainers.image.title": "Demo"}
    digest = fake.add_image("1", "amd64", (3 * 10**9, 10**9), labels)
    told = (await client("post", "resolve", {"image": f"{fake.name}/org/demo:1"})).holds("Resolution")
    assert (told["digest"], told["layers"], told["download_bytes"], told["title"]) == (digest, 2, 4 * 10**9, "Demo")
    assert told["verdict"] in ("fits", "fits_elsewhere", "too_large")
    assert told["place"]["needed_bytes"] > 4 * 10**9
    assert (told["stored"], told["user"]) == (False, None)


async def test_tags_are_listed_the_newest_first(client: Client, fake: FakeRegistry) -> None:
    fake.add_tags(["9", "latest"], ["10", "10-slim"])
    told = (await client("post", "tags", {"image": f"{fake.name}/org/demo"})).holds("TagList")
    assert told == {"tags": ["latest", "10-slim", "10", "9"], "complete": True}
    assert (await client("post", "tags", {"image": "/x.sif"})).holds("TagList")["tags"] == []
    (await client("post", "tags", {"image": "A B"})).refused("invalid_reference")


async def test_a_password_is_tried_kept_and_removed(
    client: Client, fake: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.add_image("1", "amd64")
    fake.demand_password(f"me:{SECRET}")
    image = {"image": f"{fake.name}/org/demo:1"}
    (await client("post", "resolve", image)).refused("login_needed")
    file = Path.home() / ".docker/config.json"
    (await client("post", "login", login(fake, "wrong"))).refused("login_needed")
    assert not file.exists(), "what the registry does not take is not kept"

    told = (await client("post", "login", login(fake, user=" me "))).holds("Login")
    assert told == {"registry": fake.name, "user": "me", "path": str(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await client("post", "resolve", image)).holds("Resolution")["user"] == "me"

    assert (await client("delete", "login", {"registry": fake.name})).holds("Login")["user"] is None
    (await client("post", "resolve", image)).refused("login_needed")
    (await client("delete", "login", {"registry": fake.name})).refused("not_found")
    assert SECRET not in caplog.text
    kept = [path for path in Path.home().rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []


async def test_a_password_for_a_registry_that_asks_nobody_is_not_kept(client: Client, fake: FakeRegistry) -> None:
    message = (await client("post", "login", login(fake))).refused("login_needed")
    assert "asks nobody for a password" in message
    assert not (Path.home() / ".docker").exists()


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("me", ""), ("a:b", "x"), ("a\nb", "x"), ("me", "x\ny")])
async def test_half_a_login_is_refused(client: Client, fake: FakeRegistry, user: str, password: str) -> None:
    (await client("post", "login", login(fake, password, user))).refused("login_needed")
    assert fake.seen == []


@pytest.mark.parametrize("name", ["", "a b", "ghcr.io/org", "user@host", "http://ghcr.io", "x"])
async def test_only_a_registry_can_be_logged_in_to(client: Client, name: str) -> None:
    request = {"registry": name, "user": "me", "password": SECRET}
    (await client("post", "login", request)).refused("invalid_reference")
    (await client("delete", "login", {"registry": name})).refused("invalid_reference")


async def test_a_file_of_passwords_that_is_broken_is_named_and_stays(client: Client, fake: FakeRegistry) -> None:
    fake.demand_password(f"me:{SECRET}")
    file = Path.home() / ".docker/config.json"
    file.parent.mkdir()
    file.write_text("{ not json")
    message = (await client("post", "login", login(fake))).refused("runtime_failed")
    assert str(file) in message and SECRET not in message
    assert file.read_text() == "{ not json"


async def test_a_login_that_a_variable_would_hide_is_refused(
    client: Client, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_USERNAME", "me")
    monkeypatch.setenv("DOCKER_PASSWORD", "other")
    fake.demand_password(f"me:{SECRET}")
    assert "the variable DOCKER_PASSWORD" in (await client("post", "login", login(fake))).refused("login_needed")
    assert not (Path.home() / ".docker").exists()


async def test_other_passwords_stay(client: Client, fake: FakeRegistry) -> None:
    file = Path.home() / ".docker/config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auths": {"ghcr.io": {"auth": "x"}}, "psFormat": "y"}))
    fake.demand_token(f"me:{SECRET}")
    (await client("post", "login", login(fake))).holds("Login")
    content = json.loads(file.read_text())
    assert content["psFormat"] == "y"
    assert set(content["auths"]) == {"ghcr.io", fake.name}
