"""What is remembered of a registry's answer between what a user is shown and the task that begins with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire import credentials
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.cli import TerminalJupyter
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services import resolution
from jupyterlab_container_kernels.services.resolution import ResolutionService
from jupyterlab_container_kernels.services.wiring import connect

from .fake_registry import FakeRegistry


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


@pytest.fixture
def service(tmp_path: Path, home: Path, empty_path: Path) -> ResolutionService:
    settings = replace(ContainerKernelsApp().values(), images_dir=tmp_path / "images")
    return connect(settings, tmp_path, TerminalJupyter()).images.resolution


async def test_what_is_added_is_what_was_shown_and_the_registry_is_asked_once(
    service: ResolutionService, fake: FakeRegistry
) -> None:
    image = f"{fake.name}/org/demo:1"
    digest = fake.add_image("1", "amd64")
    assert (await service.resolve(image)).digest == digest
    asked = len(fake.seen)
    fake.add_image("1", "amd64", (5, 6))  # the tag moves at this moment
    added = await service.look_up(image, shown=True)
    assert added.manifest is not None and (added.manifest.digest, len(fake.seen)) == (digest, asked)
    assert added.insecure, "how it was asked is remembered, too"
    again = await service.look_up(image, shown=True)
    assert again.manifest is not None and again.manifest.digest != digest, "a second try asks anew"


async def test_whoever_wants_to_know_what_is_there_now_always_asks(
    service: ResolutionService, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = f"{fake.name}/org/demo:1"
    fake.add_image("1", "amd64")
    await service.resolve(image)
    digest = fake.add_image("1", "amd64", (5, 6))
    found = await service.look_up(image)
    assert found.manifest is not None and found.manifest.digest == digest
    monkeypatch.setattr(resolution, "_SHOWN_S", 0.0)
    fake.contents.clear()
    with pytest.raises(ContainerKernelsError, match="has no image") as raised:
        await service.look_up(image, shown=True)
    assert raised.value.code == "image_not_found"


async def test_nothing_is_remembered_after_a_failure_or_for_somebody_else(
    service: ResolutionService, fake: FakeRegistry, home: Path
) -> None:
    image = f"{fake.name}/org/demo:1"
    fake.add_image("1", "amd64")
    await service.resolve(image)
    contents = dict(fake.contents)
    fake.contents.clear()
    with pytest.raises(ContainerKernelsError):
        await service.resolve(image)
    fake.contents.update(contents)
    asked = len(fake.seen)
    await service.look_up(image, shown=True)
    assert len(fake.seen) > asked, "what was said before the failure is forgotten"

    await service.resolve(image)
    asked = len(fake.seen)
    credentials.store(credentials.login_file({}, home), fake.name, credentials.encode("me", "open-sesame-9"))
    assert (await service.look_up(image, shown=True)).user == "me"
    assert len(fake.seen) > asked
