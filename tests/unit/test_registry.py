"""A registry is asked for digest, platform and sizes, and each way in which it can refuse has its words."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.reference import ImageReference
from jupyterlab_container_kernels.acquire.registry import Registry, credentials, is_loopback
from jupyterlab_container_kernels.errors import ContainerKernelsError

from .fake_registry import DOCKER_LIST, INDEX, FakeAnswer, FakeRegistry, digest_of


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


@pytest.fixture
def reference(fake: FakeRegistry) -> ImageReference:
    return ImageReference("docker", fake.name, "org/demo", "1")


def client(fake: FakeRegistry, user: str | None = None, *, insecure: bool = True, timeout_s: float = 5) -> Registry:
    basic = base64.b64encode(user.encode()).decode() if user else None
    return Registry(fake.name, basic, insecure, timeout_s)


async def refusal(registry: Registry, reference: ImageReference) -> ContainerKernelsError:
    with pytest.raises(ContainerKernelsError) as caught:
        await registry.manifest(reference, "amd64")
    assert registry.name in caught.value.message or reference.repository in caught.value.message
    assert caught.value.hint
    return caught.value


async def test_an_image_is_known_by_digest_platform_and_size(fake: FakeRegistry, reference: ImageReference) -> None:
    digest = fake.add_image("1", "amd64", (1000, 234))
    manifest = await client(fake).manifest(reference, "amd64")
    assert (manifest.digest, manifest.architecture, manifest.download_bytes) == (digest, "amd64", 1234)


@pytest.mark.parametrize("kind", [INDEX, DOCKER_LIST])
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
async def test_of_several_platforms_this_machines_is_taken(
    fake: FakeRegistry, reference: ImageReference, kind: str, architecture: str
) -> None:
    digests = fake.add_index("1", ("windows", "arm"), ("linux", "amd64"), ("linux", "arm64"), kind=kind)
    manifest = await client(fake).manifest(reference, architecture)
    assert manifest.digest == digests[architecture]
    assert manifest.architecture == architecture


async def test_nothing_but_manifests_and_the_configuration_is_fetched(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    fake.add_index("1", ("linux", "amd64"))
    await client(fake).manifest(reference, "amd64")
    assert [path.split("/")[4] for path in fake.paths] == ["manifests", "manifests", "blobs"]
    assert INDEX in fake.seen[0][1]["accept"] and DOCKER_LIST in fake.seen[0][1]["accept"]


async def test_an_image_is_asked_for_by_the_digest_that_names_it(fake: FakeRegistry, reference: ImageReference) -> None:
    digest = fake.add_image("1", "amd64")
    assert (await client(fake).manifest(reference.pinned(digest), "amd64")).digest == digest
    assert fake.paths[0] == f"/v2/org/demo/manifests/{digest}"


async def test_a_manifest_that_is_not_the_one_that_was_asked_for_is_refused(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    digest = fake.add_image("1", "amd64")
    other = fake.add_image("2", "amd64", (5,))
    fake.contents[f"/v2/org/demo/manifests/{digest}"] = fake.contents[f"/v2/org/demo/manifests/{other}"]
    assert (await refusal(client(fake), reference.pinned(digest))).code == "registry_unreachable"


async def test_an_artefact_without_platform_is_taken_as_it_is(fake: FakeRegistry, reference: ImageReference) -> None:
    digest = fake.add_image("1", None)
    assert (await client(fake).manifest(reference, "amd64")).architecture is None
    oras = replace(reference, transport="oras")
    assert (await client(fake).manifest(oras, "amd64")).digest == digest


async def test_an_image_for_another_machine_says_for_which(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "arm64")
    error = await refusal(client(fake), reference)
    assert error.code == "wrong_architecture"
    assert "is for arm64 processors; this machine's are amd64" in error.message
    fake.add_index("1", ("linux", "arm64"), ("linux", "s390x"))
    error = await refusal(client(fake), reference)
    assert error.code == "wrong_architecture"
    assert "arm64, s390x" in error.message and "unknown" not in error.message


async def test_an_image_that_is_not_there_is_named_with_its_tag_or_digest(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    error = await refusal(client(fake), reference)
    assert error.code == "image_not_found"
    assert "org/demo with the tag 1" in error.message
    digest = f"sha256:{3:064}"
    assert digest in (await refusal(client(fake), reference.pinned(digest))).message


# ---- who may


async def test_a_token_is_fetched_from_where_the_registry_says(fake: FakeRegistry, reference: ImageReference) -> None:
    digest = fake.add_image("1", "amd64")
    fake.demand_token()
    assert (await client(fake).manifest(reference, "amd64")).digest == digest
    [token] = [path for path in fake.paths if path.startswith("/token")]
    assert "service=registry.docker.io" in token and "scope=repository%3Aorg%2Fdemo%3Apull" in token


async def test_a_token_that_is_called_access_token_is_one(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "amd64")

    def before(path: str, headers: dict[str, str]) -> FakeAnswer | None:
        if path.startswith("/token"):
            return FakeAnswer(200, b'{"access_token": "t"}')
        return None if headers.get("authorization") == "Bearer t" else fake.challenge()

    fake.before = before
    assert (await client(fake).manifest(reference, "amd64")).architecture == "amd64"


async def test_a_password_is_sent_to_the_token_service_and_nowhere_else(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    fake.add_image("1", "amd64")
    fake.demand_token("me:secret")
    await client(fake, "me:secret").manifest(reference, "amd64")
    for path, headers in fake.seen:
        assert headers.get("authorization", "").startswith("Basic ") == path.startswith("/token")


@pytest.mark.parametrize("user", [None, "me:wrong"])
@pytest.mark.parametrize("kind", ["token", "password", "challenge again", "forbidden", "nothing said"])
async def test_a_registry_that_refuses_wants_a_login(
    fake: FakeRegistry, reference: ImageReference, kind: str, user: str | None
) -> None:
    fake.add_image("1", "amd64")
    if kind == "token":
        fake.demand_token("me:secret")
    elif kind == "password":
        fake.demand_password("me:secret")
    elif kind == "challenge again":  # it takes no token, as for a repository that is private or is not there
        fake.before = lambda path, _: FakeAnswer(200, b'{"token": "t"}') if "token" in path else fake.challenge()
    else:
        fake.before = lambda *_: FakeAnswer(403 if kind == "forbidden" else 401)
    error = await refusal(client(fake, user), reference)
    assert error.code == "login_needed"
    assert ("with the password that is stored here" in error.message) == (user is not None)
    assert "apptainer registry login" in error.hint
    assert "secret" not in error.message + error.hint and "wrong" not in error.message + error.hint


async def test_a_password_opens_a_private_registry(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "amd64")
    fake.demand_password("me:secret")
    assert (await client(fake, "me:secret").manifest(reference, "amd64")).architecture == "amd64"
    assert len([path for path in fake.paths if "manifests" in path]) == 2, "a challenge is answered once"


@pytest.mark.parametrize("realm", ["ftp://x/token", "", "/token", "file:///etc/passwd"])
async def test_a_password_is_not_sent_to_a_place_that_is_not_safe(
    fake: FakeRegistry, reference: ImageReference, realm: str
) -> None:
    fake.before = lambda *_: FakeAnswer(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})
    assert (await refusal(client(fake, "me:secret"), reference)).code == "registry_unreachable"
    assert not any("authorization" in headers for _, headers in fake.seen)


async def test_a_registry_with_tls_may_not_name_a_place_without() -> None:
    """The scheme of a registry is HTTPS until it turned out otherwise on a registry that may speak HTTP."""
    import httpx

    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(401, headers={"WWW-Authenticate": 'Bearer realm="http://evil/token",service="x"'})

    registry = Registry("registry.example", "c2VjcmV0", False, 5)
    reference = ImageReference("docker", "registry.example", "org/demo", "1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(ValueError, match="safe place"):
            await registry._get(http, reference, "manifests/1", ())
    assert asked == ["https://registry.example/v2/org/demo/manifests/1"]


# ---- what does not work


async def test_too_many_requests_are_called_that(fake: FakeRegistry, reference: ImageReference) -> None:
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    fake.before = lambda *_: FakeAnswer(429, body)
    error = await refusal(client(fake), reference)
    assert error.code == "registry_unreachable"
    assert "too many requests" in error.message


#: What came instead of a manifest.
GARBAGE: list[tuple[str, bytes]] = [
    ("a portal's page", b"<html>Log in to the Wi-Fi</html>"),
    ("nothing", b""),
    ("a list", b"[]"),
    ("null", b"null"),
    ("text", b'"x"'),
    ("no config", b'{"schemaVersion": 2}'),
    ("a config that is a list", b'{"config": [1]}'),
    ("a config without digest", b'{"config": {"size": 1}}'),
    ("a size that is no number", b'{"config": {"size": "x"}}'),
    ("manifests that are none", b'{"manifests": 7}'),
    ("manifests of text", b'{"manifests": ["x"]}'),
    ("a platform that is text", b'{"manifests": [{"platform": "x"}]}'),
    ("not UTF-8", b"\xff\xfe"),
    ("nested without end", b"[" * 100_000),
    ("too large", b'"' + b"x" * (5 * 1024 * 1024) + b'"'),
]


@pytest.mark.parametrize(("what", "body"), GARBAGE, ids=[row[0] for row in GARBAGE])
async def test_an_answer_that_is_no_manifest_is_said_to_be_unusable(
    fake: FakeRegistry, reference: ImageReference, what: str, body: bytes
) -> None:
    fake.before = lambda path, _: FakeAnswer(200, body) if "manifests" in path else None
    error = await refusal(client(fake), reference)
    assert error.code == "registry_unreachable", what
    assert len(error.message) < 500


@pytest.mark.parametrize("layers", [[{"digest": "x"}], [{"size": None}], ["x"], "x", [{"size": "1 GB"}]], ids=str)
async def test_layers_that_cannot_be_read_are_said_to_be_unusable(
    fake: FakeRegistry, reference: ImageReference, layers: Any
) -> None:
    config = b'{"architecture": "amd64"}'
    fake.contents[f"/v2/org/demo/blobs/{digest_of(config)}"] = FakeAnswer(200, config)
    fake.add("1", {"config": {"digest": digest_of(config), "size": 9}, "layers": layers})
    assert (await refusal(client(fake), reference)).code == "registry_unreachable"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null"])
async def test_a_token_service_that_answers_garbage_is_said_to_be_unusable(
    fake: FakeRegistry, reference: ImageReference, body: bytes
) -> None:
    fake.before = lambda path, _: FakeAnswer(200, body) if path.startswith("/token") else fake.challenge()
    assert (await refusal(client(fake), reference)).code == "registry_unreachable"


@pytest.mark.parametrize("status", [500, 502, 503, 418])
async def test_a_registry_in_trouble_is_said_to_be(fake: FakeRegistry, reference: ImageReference, status: int) -> None:
    fake.before = lambda *_: FakeAnswer(status)
    error = await refusal(client(fake), reference)
    assert error.code == "registry_unreachable"
    assert str(status) in error.message


async def test_a_registry_that_hangs_is_given_up_in_time(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.before = fake.hang
    began = time.monotonic()
    error = await refusal(client(fake, timeout_s=0.3), reference)
    assert error.code == "registry_unreachable"
    assert "does not answer" in error.message
    assert time.monotonic() - began < 3


async def test_a_registry_that_is_not_there_says_so(fake: FakeRegistry, reference: ImageReference) -> None:
    registry = client(fake)
    fake.close()
    error = await refusal(registry, reference)
    assert error.code == "registry_unreachable"


async def test_plain_http_is_not_spoken_where_it_is_not_allowed(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "amd64")
    registry = client(fake, insecure=False)
    assert (await refusal(registry, reference)).code == "registry_unreachable"
    assert fake.seen == []
    assert not registry.uses_http


async def test_a_registry_that_speaks_plain_http_is_remembered_as_such(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    fake.add_image("1", "amd64")
    registry = client(fake)
    await registry.manifest(reference, "amd64")
    assert registry.uses_http


async def test_a_redirect_is_followed_and_takes_no_token_along(fake: FakeRegistry, reference: ImageReference) -> None:
    """Registries keep blobs elsewhere: the address is signed, and a token in the header is an error there."""
    storage = FakeRegistry()
    try:
        fake.add_image("1", "amd64")
        fake.demand_token()
        [blob] = [path for path in fake.contents if "/blobs/" in path]
        storage.contents["/signed"] = fake.contents[blob]
        fake.contents[blob] = FakeAnswer(307, b"", {"Location": f"http://{storage.name}/signed"})
        assert (await client(fake).manifest(reference, "amd64")).architecture == "amd64"
        assert storage.paths == ["/signed"]
        assert "authorization" not in storage.seen[0][1]
    finally:
        storage.close()


async def test_redirects_without_end_are_given_up(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.before = lambda path, _: FakeAnswer(302, b"", {"Location": path})
    assert (await refusal(client(fake), reference)).code == "registry_unreachable"


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True), ("127.1.2.3", True),
        ("[::1]:5000", True), ("[::1]", True), ("docker.io", False), ("10.0.0.1:5000", False),
        ("localhost.example.org", False), ("127.0.0.1.example.org:5000", False),
    ],
)  # fmt: skip
def test_only_a_registry_on_this_machine_is_one(name: str, local: bool) -> None:
    assert is_loopback(name) is local


# ---- credentials


def encoded(user: str) -> str:
    return base64.b64encode(user.encode()).decode()


def write_auth(path: Path, **auths: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {name.replace("__", "."): {"auth": value} for name, value in auths.items()}}))


def test_without_credentials_nobody_is_asked(home: Path) -> None:
    assert credentials("quay.io", {}, home) is None


@pytest.mark.parametrize("prefix", ["APPTAINER_DOCKER", "SINGULARITY_DOCKER", "DOCKER"])
def test_variables_name_a_user(home: Path, prefix: str) -> None:
    environment = {f"{prefix}_USERNAME": "me", f"{prefix}_PASSWORD": "secret"}
    assert credentials("quay.io", environment, home) == encoded("me:secret")
    assert credentials("quay.io", {f"{prefix}_USERNAME": "me"}, home) is None, "half of it is none"


#: Where a file lies, and the variables that say so. Each line comes before all that follow it.
PLACES: list[tuple[str, dict[str, str]]] = [
    ("named.json", {"REGISTRY_AUTH_FILE": "{home}/named.json"}),
    ("run/containers/auth.json", {"XDG_RUNTIME_DIR": "{home}/run"}),
    (".config/containers/auth.json", {}),
    (".apptainer/docker-config.json", {}),
    ("docker/config.json", {"DOCKER_CONFIG": "{home}/docker"}),
]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_files_are_looked_at_in_their_order(home: Path, first: int) -> None:
    environment = {}
    for number, (path, variables) in enumerate(PLACES):
        environment |= {name: value.format(home=home) for name, value in variables.items()}
        if number >= first:
            write_auth(home / path, quay__io=encoded(f"user{number}:x"))
    assert credentials("quay.io", environment, home) == encoded(f"user{first}:x")


def test_dockers_own_file_is_found_where_docker_puts_it(home: Path) -> None:
    write_auth(home / ".docker" / "config.json", quay__io="x")
    assert credentials("quay.io", {}, home) == "x"


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
    assert credentials(registry, {}, home) == "x"
    assert credentials("ghcr.io", {}, home) is None, "a password is for its own registry"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"auths": []}', '{"auths": {"quay.io": null}}', '{"auths": {"quay.io": {"auth": ""}}}',
     '{"auths": {"quay.io": "x"}}', '{"auths": {"quay.io": {}}}', '{"credsStore": "desktop"}', '{"auths": null}'],
)  # fmt: skip
def test_a_file_that_cannot_be_read_hides_no_other(home: Path, content: str) -> None:
    (home / ".config" / "containers").mkdir(parents=True)
    (home / ".config" / "containers" / "auth.json").write_text(content)
    write_auth(home / ".docker" / "config.json", quay__io="x")
    assert credentials("quay.io", {}, home) == "x"
