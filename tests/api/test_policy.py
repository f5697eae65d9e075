"""A site's policy over REST: enforced when something is resolved, added and doubled, and told to the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Client
from .test_adding import ended

POLICY = """\
[support]
text = "Ask the help desk."
link = "https://hpc.example.org/help"
[kernels]
binds = ["{project}", "/no/such/folder"]
environment = {{ SITE = "here", OMP_NUM_THREADS = "4" }}
[registries]
allow = ["registry.example.org"]
[folders]
shared_kernels = ["{project}"]
[files]
deny = ["{forbidden}"]
[[catalogue]]
title = "Ours"
image = "{image}"
language = "Python"
"""


@pytest.fixture
def policy(tmp_path: Path, settings: dict[str, Any], image: Path) -> Path:
    """The site's file; the image of the tests is in its catalogue."""
    for name in ("project", "forbidden"):
        (tmp_path / name).mkdir()
    file = tmp_path / "policy.toml"
    file.touch(0o644)
    places = {name: tmp_path / name for name in ("project", "forbidden")}
    file.write_text(POLICY.format(image=image, **places))
    settings["policy_file"] = str(file)
    return file


async def test_the_browser_is_told_what_the_site_says(policy: Path, client: Client, image: Path) -> None:
    site = (await client("get", "info")).holds("Info")["site"]
    assert site["support"] == {"text": "Ask the help desk.", "link": "https://hpc.example.org/help"}
    assert [(each["title"], each["image"], each["gpu"]) for each in site["catalogue"]] == [("Ours", str(image), "auto")]
    assert site["catalogue"][0]["icon"].startswith("data:image/svg+xml,")
    assert (site["registries"], site["files"], site["digest_required"]) == (["registry.example.org"], None, False)


@pytest.mark.parametrize("route", ["resolve", "tags", "kernels"])
async def test_what_the_site_does_not_allow_is_refused_with_whom_to_ask(
    policy: Path, client: Client, route: str
) -> None:
    answer = await client("post", route, {"image": "docker://debian:12"})
    assert answer.refused("not_allowed") == "Your site does not allow docker.io/library/debian."
    assert "It allows images from registry.example.org" in answer.body["hint"]
    assert "Ask the help desk. https://hpc.example.org/help" in answer.body["hint"]
    assert (await client("get", "tasks")).body["tasks"] == []


async def test_a_file_that_is_denied_is_refused(policy: Path, client: Client, tmp_path: Path) -> None:
    answer = await client("post", "kernels", {"image": str(tmp_path / "forbidden" / "x.sif")})
    answer.refused("not_allowed")


async def test_a_new_kernel_has_the_sites_folders_and_variables(
    policy: Path, client: Client, image: Path, tmp_path: Path
) -> None:
    request = {"image": str(image), "environment": {"OMP_NUM_THREADS": "1"}}
    task = await ended(client, (await client("post", "kernels", request)).holds("Task"))
    assert task["state"] == "done", task
    [kernel] = (await client("get", "kernels")).body["kernels"]
    assert kernel["environment"] == {"SITE": "here", "OMP_NUM_THREADS": "1"}
    assert [each["source"] for each in kernel["binds"]] == [str(tmp_path / "project")]
    policy.unlink()  # what was added goes on, and may be doubled as long as the server knows the policy
    assert (await client("post", f"kernels/{kernel['slug']}/duplicate", {})).status == 202


@pytest.fixture
def wrong_policy(policy: Path) -> Path:
    policy.write_text(policy.read_text().replace("[files]\ndeny", "[files]\ndenny"))
    return policy


async def test_a_wrong_file_is_told_in_the_diagnostics_and_closes_what_it_was_about(
    wrong_policy: Path, client: Client, image: Path
) -> None:
    found = {each["title"]: each for each in (await client("get", "diagnostics")).body["findings"]}["Site policy"]
    assert found["state"] == "problem"
    assert "line 12: files.denny is unknown; is it deny?" in found["found"]
    assert "Ask the help desk." in found["action"]
    refused = await client("post", "kernels", {"image": "/some/where.sif"})
    assert "policy.toml is wrong (line 12: files.denny is unknown; is it deny?)" in refused.refused("not_allowed")
    assert (await client("post", "resolve", {"image": str(image)})).status == 200, "the site's own"


async def test_kernels_are_found_in_the_folders_that_the_file_names(
    policy: Path, client: Client, jp_serverapp: Any, tmp_path: Path
) -> None:
    assert jp_serverapp.kernel_spec_manager.kernel_dirs[-1] == str(tmp_path / "project" / "kernels")


async def test_without_a_file_all_is_as_before(client: Client) -> None:
    site = (await client("get", "info")).holds("Info")["site"]
    assert (site["catalogue"], site["support"], site["registries"], site["files"]) == ([], None, None, None)
    found = {each["title"]: each for each in (await client("get", "diagnostics")).body["findings"]}["Site policy"]
    assert (found["state"], found["found"]) == ("ok", "none")
