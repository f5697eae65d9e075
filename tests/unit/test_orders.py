"""Orders: what one process wants pulled, and another one brings."""

from __future__ import annotations

import shlex
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services.orders import Order, OrderFolder, shared
from jupyterlab_container_kernels.services.pull_ways import offer, way_of
from jupyterlab_container_kernels.settings import Settings
from jupyterlab_container_kernels.system import paths, slurm
from jupyterlab_container_kernels.system.kernelspecs import ImageRecord
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.patience import Patience

IMAGE = "docker://docker.io/library/debian:12"


@pytest.fixture
def settings() -> Settings:
    return ContainerKernelsApp().values()


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "kernels", tmp_path / "images", tmp_path / "packages", tmp_path / "state")


def test_whoever_fulfils_an_order_has_the_settings_that_matter_of_whoever_placed_it(
    settings: Settings, roots: Roots
) -> None:
    ours = replace(
        settings, images_dir=Path("/scratch/u"), site_images=(Path("/apps/images"),), acquire="runtime",
        insecure_registries=("registry:5000",), temporary_dir=Path("/local/job1"),
    )  # fmt: skip
    folder = OrderFolder.of(roots, IMAGE)
    folder.place(Order(IMAGE, None, False, False, shared(ours)))
    theirs = folder.read().applied(settings)
    for name in ("images_dir", "site_images", "acquire"):
        assert getattr(theirs, name) == getattr(ours, name)
    assert list(theirs.insecure_registries) == ["registry:5000"]
    assert theirs.temporary_dir is None, "that is a folder of this node"


def test_an_order_is_private_and_the_next_try_finds_what_came_of_it(
    settings: Settings, roots: Roots, tmp_path: Path
) -> None:
    folder, order = OrderFolder.of(roots, IMAGE), Order(IMAGE, None, False, False, shared(settings))
    folder.place(order)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "order.json").stat().st_mode) == 0o600
    assert folder.image() is None
    image = ImageRecord(IMAGE, IMAGE, "sha256:0", str(tmp_path), 1, 2, "id", True)
    folder.fulfil(image)
    OrderFolder.of(roots, IMAGE).place(order)
    assert folder.image() == image
    folder.place(replace(order, anew=True))
    assert folder.image() is None, "that is another order"
    folder.withdraw()
    assert not folder.is_wanted()
    with pytest.raises(ContainerKernelsError, match="cancelled"):
        folder.read()


def test_an_order_that_others_may_write_is_not_fulfilled(settings: Settings, roots: Roots) -> None:
    folder = OrderFolder.of(roots, IMAGE)
    folder.place(Order(IMAGE, None, False, False, shared(settings)))
    folder.path.chmod(0o770)
    with pytest.raises(ContainerKernelsError, match="yours alone"):
        folder.read()


def test_terminals_that_pull_at_the_same_moment_have_a_folder_each(roots: Roots) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: OrderFolder.new(roots).path, range(40)))
    assert len(set(folders)) == 40
    assert all(paths.is_ours(folder, roots.staging) for folder in folders)


def test_the_line_is_what_a_shell_reads_as_the_command(tmp_path: Path) -> None:
    folder = OrderFolder(tmp_path / "it's $HOME" / "pull-0")
    command = folder.command("docker://a/b:$(id)")
    assert shlex.split(folder.line("docker://a/b:$(id)")) == command
    assert command[-4:] == ["pull", "docker://a/b:$(id)", "--order", str(folder.path)]


class Silent(Patience):
    """A file system that does not answer."""

    async def ask(self, key: object, question: object, timeout_s: float = 0) -> Any:
        raise TimeoutError


async def test_a_folder_of_path_that_does_not_answer_has_no_slurm(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(slurm, "find_tool", lambda name: f"/usr/bin/{name}")
    patience = Patience()
    assert (await offer(settings, patience)).ways == ["here", "job", "login"]
    patience.close()
    assert "job" not in (await offer(settings, Silent())).ways


def test_a_site_s_choice_counts_else_the_user_s(settings: Settings) -> None:
    assert way_of(settings, "auto") == "here"
    assert way_of(settings, "login") == "login"
    assert way_of(replace(settings, pull_from="job"), "auto") == "job"
    assert way_of(replace(settings, pull_from="here"), "job") == "here"
