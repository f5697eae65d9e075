"""What a site allows: registries, paths, digests, and its own images always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.services.policy import PolicyService, is_below
from jupyterlab_container_kernels.settings import PolicyFile, PolicyProblem, Settings
from jupyterlab_container_kernels.system.patience import Patience

DIGEST = "sha256:" + "0" * 64


def policy(**rules: Any) -> PolicyService:
    settings = Settings("", Path("/i"), Path("/p"), None, (), 1, 1, 1, 1, **rules)
    return PolicyService(settings, Patience())


async def is_allowed(rules: dict[str, Any], image: str, *, is_pinned: bool = False) -> bool:
    try:
        await policy(**rules).require(parse(image, Path.home()), is_pinned=is_pinned)
    except ContainerKernelsError as error:
        assert error.code == "not_allowed" and error.hint
        return False
    return True


#: A rule, what it is about, and whether it is.
PATTERNS = [
    ("docker.io", "docker.io/library/debian", True),
    ("docker.io/pytorch", "docker.io/pytorch/pytorch", True),
    ("docker.io/pytorch", "docker.io/pytorchx/pytorch", False),
    ("*.example.org", "a.example.org/x", True),
    ("*.example.org", "example.org/x", False),
    ("*.example.org", "a.example.org.evil.net/x", False),
    ("ghcr.io/*/jupyter", "ghcr.io/lab/jupyter", True),
    ("ghcr.io/*/jupyter", "ghcr.io/lab/deep/jupyter", False),
    ("library://", "library://me/x", True),
    ("library://me", "library://me/x", True),
    ("library://me", "library://you/x", False),
    ("/shared/", "/shared/x.sif", True),
    ("/shared", "/shared2/x.sif", False),
    ("/", "/anything", True),
    ("*", "ghcr.io/x", True),
]


@pytest.mark.parametrize(("pattern", "name", "is_so"), PATTERNS)
def test_a_rule_holds_for_what_lies_below_it(pattern: str, name: str, is_so: bool) -> None:
    assert is_below(pattern, name) is is_so


@pytest.mark.parametrize(
    ("rules", "image", "allowed"),
    [
        ({}, "debian:12", True),
        ({"allowed_registries": ["docker.io/debian"]}, "debian:12", True),  # as people call it
        ({"allowed_registries": ["docker.io/library/debian"]}, "docker://debian:12", True),
        ({"allowed_registries": ["ghcr.io"]}, "debian:12", False),
        ({"allowed_registries": ["ghcr.io"]}, "oras://GHCR.io/x/y:1", True),
        ({"allowed_registries": []}, "debian:12", False),
        ({"allowed_registries": ["ghcr.io"]}, "/any/file.sif", True),  # rules of registries are not about files
        ({"denied_registries": ["docker.io/pytorch"]}, "pytorch/pytorch:2", False),
        ({"denied_registries": ["docker.io/pytorch"]}, "debian:12", True),
        ({"allowed_registries": ["docker.io"], "denied_registries": ["docker.io/pytorch"]}, "pytorch/x:1", False),
        ({"allowed_registries": ["docker.io"]}, "library://me/x:1", False),
        ({"digest_required": True}, "debian:12", False),
        ({"digest_required": True}, f"debian@{DIGEST}", True),
        ({"digest_required": True}, "/any/file.sif", True),
    ],
)
async def test_what_may_be_added_from_registries(rules: dict[str, Any], image: str, allowed: bool) -> None:
    assert await is_allowed(rules, image) is allowed


async def test_what_the_site_offers_may_always_be_added() -> None:
    catalogue = [{"title": "A", "image": "debian:12"}]
    closed = PolicyFile(Path("/p.toml"), problems=[PolicyProblem("", 1, "is no TOML", ("registries", "files"))])
    rules: dict[str, Any]
    for rules in (
        {"allowed_registries": []},
        {"denied_registries": ["*"]},
        {"digest_required": True},
        {"policy": closed},
    ):
        assert await is_allowed({**rules, "catalogue": catalogue}, "docker://docker.io/library/debian:12")
        assert not await is_allowed({**rules, "catalogue": catalogue}, "debian:11")


async def test_a_mistake_closes_what_it_is_about(tmp_path: Path) -> None:
    problem = PolicyProblem("files.deny[1]", 7, "has to be a full path", ("files",))
    closed = {"policy": PolicyFile(Path("/etc/p.toml"), problems=[problem])}
    assert await is_allowed(closed, "debian:12")
    with pytest.raises(ContainerKernelsError) as refused:
        await policy(**closed).require(parse("/x.sif", tmp_path))
    assert "/etc/p.toml is wrong (line 7: files.deny[1] has to be a full path)" in refused.value.message


async def test_files_are_allowed_where_they_lie_in_truth(tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    for folder in (shared, shared / "old", mine):
        folder.mkdir()
    (tmp_path / "link").symlink_to(shared)
    (shared / "out.sif").symlink_to(mine / "x.sif")
    (mine / "in.sif").symlink_to(shared / "x.sif")
    rules = {"allowed_paths": [str(tmp_path / "link")], "denied_paths": [str(shared / "old")]}
    assert await is_allowed(rules, str(shared / "x.sif"))
    assert await is_allowed(rules, str(tmp_path / "link" / "x.sif"))
    assert await is_allowed(rules, str(mine / "in.sif"))
    assert not await is_allowed(rules, str(mine / "x.sif"))
    assert not await is_allowed(rules, str(shared / "out.sif")), "it leads out"
    assert not await is_allowed(rules, str(shared / ".." / "mine" / "x.sif"))
    assert not await is_allowed(rules, str(tmp_path / "link" / "old" / "x.sif")), "by another name"
    assert await is_allowed({"allowed_paths": [str(tmp_path / "l*" / "*")]}, str(tmp_path / "lab" / "a" / "x.sif"))


async def test_a_refusal_says_what_is_allowed_and_whom_to_ask() -> None:
    rules = {
        "allowed_registries": ["ghcr.io", "docker.io/pytorch"],
        "catalogue": [{"title": "A", "image": "x:1"}],
        "support_text": "Ask the help desk.",
        "support_link": "https://help",
    }
    with pytest.raises(ContainerKernelsError) as refused:
        await policy(**rules).require(parse("evil/x:1", Path.home()))
    assert refused.value.message == "Your site does not allow docker.io/evil/x."
    assert refused.value.hint == (
        "It allows images from ghcr.io, docker.io/pytorch and its own images. Ask the help desk. https://help"
    )
    assert refused.value.status == 403


def test_where_a_digest_is_wanted_it_is_told() -> None:
    with pytest.raises(ContainerKernelsError) as refused:
        policy(digest_required=True).require_digest(parse("debian:12", Path.home()), DIGEST)
    assert f"docker://docker.io/library/debian@{DIGEST}" in refused.value.hint


def test_images_of_the_catalogue_show_their_language(home: Path) -> None:
    from jupyterlab_container_kernels import languages
    from jupyterlab_container_kernels.discovery import discover
    from jupyterlab_container_kernels.languages.base import Language

    app = ContainerKernelsApp()
    catalogue = [
        {"title": "A", "image": "x:1", "language": "R"},
        {"title": "B", "image": "y:1", "icon": "data:image/x"},
    ]
    app.catalogue = catalogue
    site = PolicyService(app.values(), Patience()).site(discover(languages, Language))  # type: ignore[type-abstract]
    assert (site.catalogue[0].icon or "").startswith("data:image/svg+xml,%3Csvg")
    assert (site.catalogue[1].icon, site.catalogue[1].gpu, site.support) == ("data:image/x", "auto", None)
