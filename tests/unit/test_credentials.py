"""A password is found where users keep it, and kept where the runtime finds it."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire.credentials import (
    as_variables,
    decode,
    encode,
    find,
    kept,
    login_file,
    remove,
    store,
    variable,
)


def write_auth(path: Path, **auths: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {name.replace("__", "."): {"auth": value} for name, value in auths.items()}}))


def test_without_credentials_nobody_is_asked(home: Path) -> None:
    assert find("quay.io", {}, home) is None


@pytest.mark.parametrize("prefix", ["APPTAINER_DOCKER", "SINGULARITY_DOCKER", "DOCKER"])
def test_variables_name_a_user(home: Path, prefix: str) -> None:
    environment = {f"{prefix}_USERNAME": "me", f"{prefix}_PASSWORD": "secret"}
    assert find("quay.io", environment, home) == encode("me", "secret")
    assert variable(environment) == f"{prefix}_PASSWORD"
    assert kept("quay.io", environment, home) is None, "that is in no file"
    half = {f"{prefix}_USERNAME": "me", f"{prefix}_PASSWORD": ""}
    assert find("quay.io", half, home) is None, "half of it is none"
    assert variable(half) is None


#: Where a file lies, and the variables that say so. Each line comes before all that follow it.
PLACES: list[tuple[str, dict[str, str]]] = [
    (".apptainer/docker-config.json", {}),
    ("named.json", {"REGISTRY_AUTH_FILE": "{home}/named.json"}),
    ("run/containers/auth.json", {"XDG_RUNTIME_DIR": "{home}/run"}),
    (".config/containers/auth.json", {}),
    (".singularity/docker-config.json", {}),
    ("docker/config.json", {"DOCKER_CONFIG": "{home}/docker"}),
]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_files_are_looked_at_in_their_order(home: Path, first: int) -> None:
    environment: dict[str, str] = {}
    for number, (path, variables) in enumerate(PLACES):
        environment |= {name: value.format(home=home) for name, value in variables.items()}
        if number >= first:
            write_auth(home / path, quay__io=encode(f"user{number}", "x"))
    assert find("quay.io", environment, home) == encode(f"user{first}", "x")


def test_dockers_own_file_is_found_where_docker_puts_it(home: Path) -> None:
    write_auth(home / ".docker" / "config.json", quay__io="x")
    assert find("quay.io", {}, home) == "x"


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        ("docker.io", "https://index.docker.io/v1/"),
        ("docker.io", "docker.io"),
        ("quay.io", "https://quay.io"),
        ("localhost:5000", "http://localhost:5000"),
    ],
)
def test_a_registry_is_found_by_the_names_that_tools_give_it(home: Path, registry: str, name: str) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {name: {"auth": "x"}}}))
    assert find(registry, {}, home) == "x"
    assert find("ghcr.io", {}, home) is None, "a password is for its own registry"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"auths": []}', '{"auths": {"quay.io": null}}', '{"auths": {"quay.io": {"auth": ""}}}',
     '{"auths": {"quay.io": "x"}}', '{"auths": {"quay.io": {}}}', '{"credsStore": "desktop"}', '{"auths": null}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_hides_no_other(home: Path, content: str) -> None:
    (home / ".config" / "containers").mkdir(parents=True)
    (home / ".config" / "containers" / "auth.json").write_text(content)
    write_auth(home / ".docker" / "config.json", quay__io="x")
    assert find("quay.io", {}, home) == "x"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"auth": encode("me", "a:b")}, ("me", "a:b")),  # a password may hold colons
        ({"auth": "", "identitytoken": "t0ken"}, ("<token>", "t0ken")),
        ({"auth": encode("x", ""), "identitytoken": "t0ken"}, ("<token>", "t0ken")),
        ({"username": "me", "password": "secret"}, ("me", "secret")),
        ({"auth": base64.b64encode(b"me:secret\0\0").decode()}, ("me", "secret")),  # as old Dockers pad it
    ],
)
def test_an_entry_is_read_in_each_of_its_forms(home: Path, entry: dict[str, str], said: tuple[str, str]) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {"quay.io": entry}}))
    found = find("quay.io", {}, home)
    assert found is not None
    assert decode(found) == said


@pytest.mark.parametrize("basic", ["%%%", "gA==", "pässwörd", ""])
def test_what_is_no_password_is_none(basic: str) -> None:
    assert decode(basic) == ("", "")


@pytest.mark.parametrize("written", ["pässwörd", "bWU6c2VjcmV0\n", "me:secret"])
def test_what_no_header_can_hold_is_passed_over(home: Path, written: str) -> None:
    write_auth(home / ".docker/config.json", quay__io=written)
    assert find("quay.io", {}, home) is None
    write_auth(home / ".config/containers/auth.json", quay__io=encode("me", "secret"))
    assert find("quay.io", {}, home) == encode("me", "secret")


def test_the_password_for_a_part_of_a_registry_comes_first(home: Path) -> None:
    (home / ".docker").mkdir()
    auths = {"quay.io": {"auth": "x"}, "quay.io/org": {"auth": "y"}, "quay.io/org/image": {"auth": "z"}}
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    assert [find("quay.io", {}, home, name) for name in ("org/image", "org/other", "organ", "")] == ["z", "y", "x", "x"]


# ---- keeping


def test_a_login_is_kept_where_apptainer_reads_it(home: Path) -> None:
    """Its own file, once there is one, hides Docker's from it: so that is not made."""
    docker, own = home / ".docker/config.json", home / ".apptainer/docker-config.json"
    assert login_file({}, home) == docker
    own.parent.mkdir()
    own.write_text("{}")
    assert login_file({}, home) == own
    assert login_file({"APPTAINER_CONFIGDIR": str(home / "x")}, home) == docker
    assert login_file({"APPTAINER_AUTHFILE": "/y/auth.json"}, home) == Path("/y/auth.json")


@pytest.mark.parametrize("registry", ["docker.io", "quay.io", "127.0.0.1:5000"])
def test_what_is_kept_is_found_and_all_else_stays(home: Path, registry: str) -> None:
    file = home / ".docker/config.json"
    store(file, "ghcr.io", encode("other", "x"))
    file.write_text(json.dumps({**json.loads(file.read_text()), "credHelpers": {"gcr.io": "gcloud"}}))
    file.chmod(0o644)
    store(file, registry, encode("me", "old"))
    store(file, registry, encode("me", "secret"))
    assert find(registry, {}, home) == encode("me", "secret")
    assert find("ghcr.io", {}, home) == encode("other", "x")
    assert json.loads(file.read_text())["credHelpers"] == {"gcr.io": "gcloud"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file], "nothing is left beside it"
    assert remove(file, registry)
    assert find(registry, {}, home) is None
    assert not remove(file, registry)
    assert find("ghcr.io", {}, home) is not None


def test_a_login_comes_before_what_other_programs_have_kept(home: Path) -> None:
    write_auth(home / ".config/containers/auth.json", quay__io=encode("old", "x"))
    store(login_file({}, home), "quay.io", encode("me", "secret"))
    assert find("quay.io", {}, home) == encode("me", "secret")


def test_a_login_takes_the_place_of_older_names_of_the_same_registry(home: Path) -> None:
    file = home / ".docker/config.json"
    write_auth(file, **{"https://quay__io": encode("old", "x")})
    store(file, "quay.io", encode("me", "secret"))
    assert list(json.loads(file.read_text())["auths"]) == ["quay.io"]


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"auths": []}'])
def test_a_file_that_is_no_such_file_is_left_as_it_is(home: Path, content: str) -> None:
    file = home / "config.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"config\.json"):
        store(file, "quay.io", "x")
    assert file.read_text() == content


def test_a_link_to_the_file_stays_one(home: Path) -> None:
    real, link = home / "dotfiles.json", home / ".docker/config.json"
    real.write_text("{}")
    link.parent.mkdir()
    link.symlink_to(real)
    store(link, "quay.io", "x")
    assert link.is_symlink()
    assert "quay.io" in real.read_text()


def test_the_runtime_gets_a_password_by_variables_but_no_identity_token() -> None:
    assert as_variables(encode("me", "a:b")) == {
        "APPTAINER_DOCKER_USERNAME": "me",
        "APPTAINER_DOCKER_PASSWORD": "a:b",
        "SINGULARITY_DOCKER_USERNAME": "me",
        "SINGULARITY_DOCKER_PASSWORD": "a:b",
    }
    assert as_variables(encode("<token>", "x")) == as_variables(None) == as_variables("%%%") == {}
