"""What comes in is read strictly, and what is wrong with it is said in our words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import SIF_CODES, tree, write_sif

from .conftest import Client

JSON = {"Content-Type": "application/json"}


async def test_what_is_not_json_is_unreadable(client: Client, jp_auth_header: dict[str, str]) -> None:
    # nothing, cut, in the wrong quotes, not UTF-8, not closed, nested without end
    for body in (b"", b"{", b"{'image': 1}", b"\xff", b'"x', b"[" * 100_000):
        for path in ("resolve", "kernels"):
            (await client.raw("post", path, body, jp_auth_header | JSON)).refused("unreadable")


#: A body for POST kernels that cannot be read.
UNREADABLE: list[tuple[str, object]] = [
    ("a list", []),
    ("null", None),
    ("text", "docker://debian"),
    ("a number", 5),
    ("no image", {}),
    ("an unknown field", {"image": "debian", "imag": "x"}),
    ("an image that is a number", {"image": 5}),
    ("an image that is null", {"image": None}),
    ("an image that is a list", {"image": ["debian"]}),
    ("a name that is a number", {"image": "debian", "display_name": 3}),
    ("a GPU that is none", {"image": "debian", "gpu": "maybe"}),
    ("a GPU that YAML would make of on", {"image": "debian", "gpu": True}),
    ("binds that are text", {"image": "debian", "binds": "/a"}),
    ("binds that are null", {"image": "debian", "binds": None}),
    ("a bind that is text", {"image": "debian", "binds": ["/a"]}),
    ("a bind without a field", {"image": "debian", "binds": [{"source": "/a"}]}),
    ("a bind with a field more", {"image": "debian", "binds": [
        {"source": "/a", "destination": None, "read_only": False, "x": 1}]}),
    ("a bind with a number", {"image": "debian", "binds": [{"source": "/a", "destination": None, "read_only": 1}]}),
]  # fmt: skip


async def test_a_request_of_another_shape_is_unreadable(client: Client, jp_auth_header: dict[str, str]) -> None:
    for what, body in UNREADABLE:
        answer = await client.raw("post", "kernels", json.dumps(body).encode(), jp_auth_header | JSON)
        assert answer.status == 400, what
        answer.refused("unreadable")


async def test_a_field_that_is_not_known_is_named(client: Client) -> None:
    message = (await client("post", "resolve", {"image": "debian", "colour": 1})).refused("unreadable")
    assert "colour" in message
    message = (await client("delete", "kernels/demo", {"delete_everything": True})).refused("unreadable")
    assert "delete_everything" in message


async def test_an_offset_that_is_none_is_unreadable(client: Client) -> None:
    for offset in ("-1", "x", "1.5", "", "٣", "9" * 20, "0x10"):
        (await client("get", f"tasks/{'0' * 32}/log?offset={quote(offset)}")).refused("unreadable")


async def test_words_of_the_web_server_are_filled_in(client: Client) -> None:
    """Tornado keeps the values beside the message."""
    message = (await client("get", f"tasks/{'0' * 32}/log?offset=%ff")).refused("unreadable")
    assert "%s" not in message and "offset" in message


async def test_a_percent_sign_is_one(client: Client) -> None:
    message = (await client("post", "resolve", {"image": "/no/such/100%d/50%% off.sif"})).refused("image_not_found")
    assert "/no/such/100%d/50%% off.sif" in message


#: A body for POST kernels that reads well and is not acceptable: the code, and a word of what is said.
UNACCEPTABLE: list[tuple[dict[str, Any], str, str]] = [
    ({"image": ""}, "invalid_reference", "No image was named"),
    ({"image": "docker://Debian"}, "invalid_reference", "lower-case"),
    ({"image": "debian; touch x"}, "invalid_reference", "debian; touch x"),
    ({"image": "\ud800"}, "invalid_reference", "ud800"),
    ({"image": "{tmp}/missing.sif"}, "image_not_found", "missing.sif"),
    ({"image": "{tmp}"}, "image_unusable", "holds no image"),
    ({"image": "{tmp}/text.sif"}, "image_unusable", "not an image in SIF format"),
    ({"image": "{tmp}/other.sif"}, "wrong_architecture", "processors"),
    ({"image": "{tmp}/good.sif", "display_name": ""}, "invalid_display_name", "no name"),
    ({"image": "{tmp}/good.sif", "display_name": "x" * 300}, "invalid_display_name", "300 characters"),
    ({"image": "{tmp}/good.sif", "display_name": "a\nb"}, "invalid_display_name", "line break"),
    ({"image": "{tmp}/good.sif", "slug": "a/b"}, "invalid_slug", "a/b"),
    ({"image": "{tmp}/good.sif", "slug": ".."}, "invalid_slug", ".."),
    ({"image": "{tmp}/good.sif", "slug": "Demo"}, "invalid_slug", "Demo"),
    ({"image": "{tmp}/good.sif", "slug": ""}, "invalid_slug", "cannot be a kernel name"),
    ({"image": "{tmp}/good.sif", "slug": "python3"}, "slug_taken", "python3"),
    ({"image": "{tmp}/good.sif", "slug": "echo"}, "slug_taken", "echo"),  # a kernel of somebody else's
    ({"image": "{tmp}/good.sif", "binds": [{"source": "/no/such", "destination": None, "read_only": False}]},
     "invalid_bind", "/no/such"),
]  # fmt: skip


async def test_what_cannot_be_added_is_refused_and_leaves_nothing(client: Client, roots: Roots, tmp_path: Path) -> None:
    (tmp_path / "text.sif").write_text("not an image\n" * 100)
    write_sif(tmp_path / "good.sif")
    write_sif(tmp_path / "other.sif", architecture=SIF_CODES["386"])
    before = tree(roots.kernels)
    for body, code, words in UNACCEPTABLE:
        answer = await client("post", "kernels", {**body, "image": body["image"].replace("{tmp}", str(tmp_path))})
        assert words in answer.refused(code)
    assert tree(roots.kernels) == before
    assert not roots.tasks.exists() and not roots.staging.exists()
    assert (await client("get", "tasks")).holds("TaskList") == {"tasks": []}


async def test_a_file_is_resolved_without_a_download(client: Client, image: Path) -> None:
    resolution = (await client("post", "resolve", {"image": f" {image} "})).holds("Resolution")
    assert resolution["reference"] == str(image)
    assert (resolution["download_bytes"], resolution["stored"], resolution["verdict"]) == (0, True, "fits")


async def test_a_file_in_the_home_directory_is_found_by_its_tilde(client: Client, jp_home_dir: Path) -> None:
    write_sif(jp_home_dir / "x;touch${IFS}PWNED;y.sif")
    resolution = (await client("post", "resolve", {"image": "~/x;touch${IFS}PWNED;y.sif"})).holds("Resolution")
    assert resolution["reference"] == str(jp_home_dir / "x;touch${IFS}PWNED;y.sif")


class TestWithoutARuntime:
    """No Apptainer on this machine."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {}

    @pytest.fixture
    def search_path(self, empty_path: Path) -> None:
        pass

    async def test_adding_says_what_is_missing_and_what_to_do(self, client: Client, roots: Roots, image: Path) -> None:
        answer = await client("post", "kernels", {"image": str(image)})
        assert "Neither Apptainer nor Singularity was found on" in answer.refused("runtime_missing")
        assert "module" in answer.body["hint"]
        assert answer.status == 501
        assert not roots.tasks.exists()

    async def test_info_says_why_there_is_none(self, client: Client) -> None:
        while (runtime := (await client("get", "info")).holds("Info")["runtimes"][0])["searching"]:
            await asyncio.sleep(0.1)
        assert (runtime["available"], runtime["path"], runtime["version"]) == (False, None, None)
        assert "PATH" in runtime["reason"]

    async def test_info_does_not_wait_for_a_slow_start_up_file(self, client: Client, jp_home_dir: Path) -> None:
        (jp_home_dir / ".profile").write_text("sleep 65.5\n")
        [runtime] = (await client("get", "info")).holds("Info")["runtimes"]
        assert (runtime["available"], runtime["searching"]) == (False, True)
        assert "still being looked for" in runtime["reason"]

    async def test_inside_a_container_it_says_so(
        self, client: Client, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("APPTAINER_CONTAINER", "/x.sif")
        answer = await client("post", "kernels", {"image": str(image)})
        assert "itself runs in a container" in answer.refused("runtime_missing")


class TestWithARuntimeThatIsNone:
    """The site named a program that is another one, or gone."""

    @pytest.fixture(params=["/bin/true", "/no/such/apptainer", "/tmp"])
    def settings(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"runtime_path": request.param}

    async def test_adding_names_the_program(self, client: Client, settings: dict[str, Any], image: Path) -> None:
        message = (await client("post", "kernels", {"image": str(image)})).refused("runtime_missing")
        assert settings["runtime_path"] in message


async def test_info_tells_what_this_server_offers(client: Client, roots: Roots, jp_root_dir: Path) -> None:
    info = (await client("get", "info")).holds("Info")
    assert info["root_dir"] == str(jp_root_dir)
    assert info["languages"] == sorted(info["languages"]) and {"R", "julia", "python"} <= set(info["languages"])
    [runtime] = info["runtimes"]
    assert (runtime["title"], runtime["version"], runtime["available"]) == ("Apptainer", "1.4.5", True)
    disks = {disk["purpose"]: disk for disk in info["disks"]}
    assert disks["images"]["path"] == str(roots.images)
    assert disks["images"]["free_bytes"] > 0
    assert not roots.images.exists(), "looking makes nothing"
    assert info["limits"]["display_name_length"] == 100


async def test_an_unexpected_mistake_is_called_one_and_tells_no_more(
    client: Client, monkeypatch: pytest.MonkeyPatch, services: Any
) -> None:
    async def fail() -> None:
        raise LookupError("secret 100%")

    monkeypatch.setattr(services.kernels, "list_kernels", fail)
    answer = await client("get", "kernels")
    message = answer.refused("internal")
    assert "secret" not in message
    assert "log" in answer.body["hint"]
