"""Passwords that a program keeps for Docker are found as Docker finds them, and a program that fails has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire import credential_helpers
from jupyterlab_container_kernels.acquire.credentials import TOKEN_USER, encode, find

#: Says what it was asked, in the way of a helper.
HELPER = """#!/bin/sh
server=$(cat)
echo "$@ $server" >> "$0.asked"
echo "a warning" >&2
case $server in
  *.none) echo "credentials not found in native keychain"; exit 1;;
esac
printf '{"ServerURL": "%s", "Username": "me",\\n "Secret": "of %s"}\\n' "$server" "$server"
"""


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A helper on PATH that is called demo."""
    program = tmp_path / "bin" / "docker-credential-demo"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return program


def configure(home: Path, **content: Any) -> None:
    file = home / ".docker/config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))


#: What Docker's file says, the registry, and what its helper is asked for.
ASKED = [
    ({"credHelpers": {"ghcr.io": "demo"}}, "ghcr.io", "ghcr.io"),
    ({"credsStore": "demo", "auths": {"ghcr.io": {}}}, "ghcr.io", "ghcr.io"),
    ({"credsStore": "demo"}, "docker.io", "https://index.docker.io/v1/"),
    ({"credsStore": "missing", "credHelpers": {"https://ghcr.io": "demo"}}, "ghcr.io", "ghcr.io"),
]


@pytest.mark.parametrize(("content", "registry", "asked"), ASKED)
def test_a_helper_is_asked_as_docker_asks_it(
    home: Path, helper: Path, content: dict[str, Any], registry: str, asked: str
) -> None:
    configure(home, **content)
    assert find(registry, {"PATH": "/usr/bin:/bin"}, home) == encode("me", f"of {asked}")
    assert Path(f"{helper}.asked").read_text() == f"get {asked}\n"


#: What names no helper, or one that has nothing.
NOTHING: list[dict[str, Any]] = [
    {"credHelpers": {"other.io": "demo"}}, {"credHelpers": {"r.none": "missing"}}, {"credsStore": "../bin/x"},
    {"credsStore": 3, "credHelpers": [1]}, {"credHelpers": {"r.none": "demo"}}, {"credsStore": ""},
]  # fmt: skip


@pytest.mark.parametrize("content", NOTHING, ids=str)
@pytest.mark.usefixtures("helper")
def test_where_no_helper_has_a_password_there_is_none(home: Path, content: dict[str, Any]) -> None:
    configure(home, **content)
    assert find("r.none", {}, home) is None


@pytest.mark.usefixtures("helper")
def test_a_password_in_the_file_counts_before_the_helper(home: Path) -> None:
    configure(home, credsStore="demo", auths={"ghcr.io": {"auth": encode("you", "x")}})
    assert find("ghcr.io", {}, home) == encode("you", "x")


def test_an_identity_token_is_one(home: Path, helper: Path) -> None:
    helper.write_text(f"""#!/bin/sh\necho '{{"Username": "{TOKEN_USER}", "Secret": "t"}}'\n""")
    configure(home, credsStore="demo")
    assert find("ghcr.io", {}, home) == encode(TOKEN_USER, "t")


def test_a_keychain_that_waits_for_somebody_has_none(home: Path, helper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_helpers, "_TIMEOUT_S", 0.3)
    helper.write_text("#!/bin/sh\nsleep 600\n")
    configure(home, credsStore="demo")
    assert find("ghcr.io", {}, home) is None
