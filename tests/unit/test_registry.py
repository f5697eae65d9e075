"""A registry is asked for digest, platform and sizes, and each way in which it can refuse has its words."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire import trust
from jupyterlab_container_kernels.acquire.connection import Connection
from jupyterlab_container_kernels.acquire.credentials import TOKEN_USER, encode
from jupyterlab_container_kernels.acquire.places import Place, is_loopback
from jupyterlab_container_kernels.acquire.reference import ImageReference
from jupyterlab_container_kernels.acquire.registry import Registry, itself, registry_of
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


def encoded(user: str) -> str:
    return base64.b64encode(user.encode()).decode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts unasked, and its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    argv = [
        "openssl",
        *words.split(),
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(file),
        "-out",
        f"{file}.crt",
    ]
    subprocess.run(argv, check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[FakeRegistry]:
    """A registry that speaks TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    made = FakeRegistry(tls)
    yield made
    made.close()


def client(fake: FakeRegistry, user: str | None = None, *, insecure: bool = True, timeout_s: float = 5) -> Registry:
    place = Place(fake.name, encoded(user) if user else None, insecure)
    return Registry(fake.name, [place], timeout_s)


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
    assert "no image org/demo with the tag 1" in error.message
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

    place = Place("registry.example", encoded("me:secret"))
    reference = ImageReference("docker", "registry.example", "org/demo", "1")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(ValueError, match="safe place"):
            await Connection(place.host, place, reference, http).get("manifests/1")
    assert asked == ["https://registry.example/v2/org/demo/manifests/1"]


# ---- what does not work


async def test_too_many_requests_are_called_that(fake: FakeRegistry, reference: ImageReference) -> None:
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'
    fake.before = lambda *_: FakeAnswer(429, body)
    error = await refusal(client(fake), reference)
    assert error.code == "rate_limited"
    assert "answers no more questions from this address for now" in error.message


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


#: What else a registry says when there were too many requests, and what people are told.
LIMITS: list[tuple[dict[str, str], str]] = [
    ({"Retry-After": "60"}, "Try again in 60 seconds, or log in"),
    ({"Retry-After": "1500"}, "Try again in 25 minutes, or log in"),
    ({"Retry-After": "{http}"}, "Try again in 10 minutes, or log in"),
    ({"X-Retry-After": "{epoch}"}, "Try again in 10 minutes, or log in"),
    ({"RateLimit-Reset": "12000"}, "Try again in 3 hours, or log in"),
    ({"Retry-After": "soon", "X-RateLimit-Reset": "{epoch}"}, "Try again in 10 minutes, or log in"),
    ({"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}, "The limit is for 6 hours: try again"),
    ({"Retry-After": "0"}, "Try again in some hours, or log in"),
    ({"Retry-After": "9" * 400}, "Try again in some hours, or log in"),
]


@pytest.mark.parametrize(("headers", "told"), LIMITS, ids=[str(row[0]) for row in LIMITS])
async def test_when_a_registry_answers_again_is_told(
    fake: FakeRegistry, reference: ImageReference, headers: dict[str, str], told: str
) -> None:
    later = time.time() + 600
    values = {"epoch": str(int(later)), "http": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(later))}
    headers = {name: value.format(**values) for name, value in headers.items()}
    fake.before = lambda *_: FakeAnswer(429, b"", headers)
    assert (await refusal(client(fake), reference)).hint.startswith(told)
    hint = (await refusal(client(fake, "me:secret"), reference)).hint
    assert "log in" not in hint and hint.endswith(".")


async def test_a_registry_that_hangs_is_given_up_in_time(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.before = fake.hang
    began = time.monotonic()
    error = await refusal(client(fake, timeout_s=0.3), reference)
    assert error.code == "registry_unreachable"
    assert "does not answer" in error.message
    assert time.monotonic() - began < 9


async def test_a_registry_that_sends_a_byte_now_and_then_is_given_up_in_time(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    fake.before = lambda *_: FakeAnswer(200, b" " * 200, drip_s=0.1)
    began = time.monotonic()
    error = await refusal(client(fake, timeout_s=0.3), reference)
    assert "does not answer within 0.9 seconds" in error.message
    assert time.monotonic() - began < 9


async def test_a_registry_that_is_not_there_says_so(fake: FakeRegistry, reference: ImageReference) -> None:
    registry = client(fake)
    fake.close()
    error = await refusal(registry, reference)
    assert (error.code, error.message) == ("registry_unreachable", f"Nothing answers at {fake.name}.")


#: What a look-up of the name, or of the way, comes to, and what people are told.
UNREACHED: list[tuple[OSError, str]] = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "There is no machine named registry.example, or"),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "This node cannot look up where registry.example is."),
    (OSError(101, "Network is unreachable"), "There is no way to the registry registry.example:5000 from this node."),
    (OSError(113, "No route to host"), "There is no way to the registry registry.example:5000 from this node."),
    (ConnectionResetError(104, "reset"), "The registry registry.example:5000 broke the connection off."),
]


@pytest.mark.parametrize(("cause", "told"), UNREACHED, ids=lambda value: str(value)[:30])
async def test_a_node_without_network_says_so(monkeypatch: pytest.MonkeyPatch, cause: OSError, told: str) -> None:
    def look_up(*_arguments: object, **_more: object) -> None:
        raise cause

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    registry = Registry("registry.example:5000", [Place("registry.example:5000")], 5)
    with pytest.raises(ContainerKernelsError) as caught:
        await registry.manifest(ImageReference("docker", "registry.example:5000", "org/demo", "1"), "amd64")
    assert caught.value.message.startswith(told)
    assert ("may have no access to the internet" in caught.value.hint) != isinstance(cause, ConnectionResetError)


async def test_plain_http_is_not_spoken_where_it_is_not_allowed(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "amd64")
    registry = client(fake, insecure=False)
    error = await refusal(registry, reference)
    assert error.message == f"The registry {fake.name} speaks plain HTTP, which is not trusted."
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


# ---- certificates


@pytest.mark.parametrize("insecure", [False, True])
async def test_a_certificate_that_is_not_trusted_is_refused(
    secure: FakeRegistry, insecure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where plain HTTP may be spoken: whoever shows a certificate does not speak it."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    reference = ImageReference("docker", secure.name, "org/demo", "1")
    error = await refusal(client(secure, "me:secret", insecure=insecure), reference)
    assert error.message == f"The certificate of the registry {secure.name} is not trusted: self-signed certificate."
    assert "SSL_CERT_FILE" in error.hint
    assert secure.seen == [], "no password goes there"


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_a_certificate_is_trusted_that_the_environment_names(
    secure: FakeRegistry, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for each in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, f"{certificate}.crt")
    digest = secure.add_image("1", "amd64")
    secure.demand_password("me:secret")
    registry = client(secure, "me:secret", insecure=False)
    assert (await registry.manifest(ImageReference("docker", secure.name, "org/demo", "1"), "amd64")).digest == digest
    assert not registry.uses_http


async def test_a_certificate_is_trusted_that_the_machine_keeps_for_one_registry(
    secure: FakeRegistry, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / secure.name).mkdir()
    (tmp_path / secure.name / "ca.crt").write_text(Path(f"{certificate}.crt").read_text())
    (tmp_path / secure.name / "empty.crt").touch()
    monkeypatch.setattr(trust, "_BY_REGISTRY", (str(tmp_path),))
    secure.add_image("1", "amd64")
    reference = ImageReference("docker", secure.name, "org/demo", "1")
    assert (await client(secure).manifest(reference, "amd64")).architecture == "amd64"


async def test_registries_conf_may_waive_the_certificate(
    secure: FakeRegistry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = home / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{secure.name}"\ninsecure = true\n')
    secure.add_image("1", "amd64")
    reference = ImageReference("docker", secure.name, "org/demo", "1")
    registry = registry_of(reference, {"CONTAINERS_REGISTRIES_CONF": str(conf)}, home, timeout_s=5)
    assert (await registry.manifest(reference, "amd64")).architecture == "amd64"


# ---- mirrors and proxies


def mirrored(fake: FakeRegistry, mirror: str, home: Path, more: str = "", **variables: str) -> Registry:
    conf = home / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{fake.name}"\n{more}[[registry.mirror]]\nlocation = "{mirror}"\n')
    reference = ImageReference("docker", fake.name, "demo", "1")
    return registry_of(reference, {"CONTAINERS_REGISTRIES_CONF": str(conf), **variables}, home, timeout_s=2)


def move_to_demo(fake: FakeRegistry) -> None:
    """Serve what is there as ``demo``."""
    for path in list(fake.contents):
        fake.contents[path.replace("/org/demo/", "/demo/")] = fake.contents.pop(path)


async def test_a_mirror_is_asked_first_with_its_own_password(fake: FakeRegistry, home: Path) -> None:
    mirror = FakeRegistry()
    try:
        (home / ".docker").mkdir()
        auths = {mirror.name: {"auth": encoded("me:mirror")}, fake.name: {"auth": encoded("me:secret")}}
        (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))
        digest = mirror.add_image("1", "amd64")
        mirror.demand_password("me:mirror")
        reference = ImageReference("docker", fake.name, "demo", "1")
        registry = mirrored(fake, f"{mirror.name}/org", home)
        assert (await registry.manifest(reference, "amd64")).digest == digest
        assert (await registry.parts(reference, "amd64")).digest == digest
        assert fake.seen == []
        assert not registry.uses_http, "what a mirror speaks is not what its registry speaks"
    finally:
        mirror.close()


async def test_a_password_of_a_variable_goes_to_no_mirror(fake: FakeRegistry, home: Path) -> None:
    mirror = FakeRegistry()
    try:
        mirror.demand_password("me:secret")
        fake.add_image("1", "amd64")
        move_to_demo(fake)
        fake.demand_password("me:secret")
        registry = mirrored(fake, mirror.name, home, DOCKER_USERNAME="me", DOCKER_PASSWORD="secret")
        reference = ImageReference("docker", fake.name, "demo", "1")
        assert (await registry.manifest(reference, "amd64")).architecture == "amd64"
        assert mirror.seen and not any("authorization" in headers for _, headers in mirror.seen)
        assert registry.uses_http and registry.user == "me"
    finally:
        mirror.close()


async def test_mirrors_do_not_make_people_wait_longer(fake: FakeRegistry) -> None:
    """Each of them sends a byte now and then; the registry itself has its part of the time all the same."""
    mirror = FakeRegistry()
    try:
        mirror.before = lambda *_: FakeAnswer(200, b" " * 200, drip_s=0.1)
        fake.add_image("1", "amd64")
        # without certificates to load, which takes a busy machine as long as all of this
        places = [Place(each.name, insecure=True, certificate=False) for each in (mirror, mirror, fake)]
        began = time.monotonic()
        registry = Registry(fake.name, places, 1.5)
        found = await registry.manifest(ImageReference("docker", fake.name, "org/demo", "1"), "amd64")
        assert found.architecture == "amd64"
        assert time.monotonic() - began < 9, "one of them alone would be waited for as long"
    finally:
        mirror.close()


@pytest.mark.parametrize("kind", ["dead", "hangs", "lacks it", "refuses", "is ill"])
async def test_a_mirror_that_does_not_help_is_passed_over(fake: FakeRegistry, home: Path, kind: str) -> None:
    mirror = FakeRegistry()
    try:
        answers = {"refuses": FakeAnswer(403), "is ill": FakeAnswer(500)}
        mirror.before = mirror.hang if kind == "hangs" else lambda *_: answers.get(kind)
        if kind == "dead":
            mirror.close()
        fake.add_image("1", "amd64")
        move_to_demo(fake)
        registry = mirrored(fake, mirror.name, home)
        reference = ImageReference("docker", fake.name, "demo", "1")
        assert (await registry.manifest(reference, "amd64")).architecture == "amd64"
        asked = len(mirror.seen)
        await registry.manifest(reference, "amd64")
        assert len(mirror.seen) == asked, "it is not asked again"
    finally:
        mirror.close()


def test_a_registry_that_the_site_has_blocked_is_not_asked(fake: FakeRegistry, home: Path) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        mirrored(fake, "m.example", home, "blocked = true\n")
    assert caught.value.message == f"Images from {fake.name} are blocked on this machine by {home}/registries.conf."
    assert caught.value.code == "not_allowed", "another node would not be allowed to ask it either"


async def test_the_proxy_of_the_environment_is_used_unless_it_says_no(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add_image("1", "amd64")
    for path in list(fake.contents):  # a proxy is asked for the whole address
        fake.contents[f"http://registry.example{path}"] = fake.contents[path]
    reference = ImageReference("docker", "registry.example", "org/demo", "1")
    place = Place("registry.example", insecure=True)
    place.scheme = "http"
    registry = Registry("registry.example", [place], 5)
    monkeypatch.setenv("http_proxy", f"http://{fake.name}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert (await registry.manifest(reference, "amd64")).architecture == "amd64"
    monkeypatch.setenv("no_proxy", "registry.example")
    assert (await refusal(registry, reference)).code == "registry_unreachable"


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("http://{fake}", "The proxy of this site wants a name and a password."),
        ("http://{fake}", "The proxy of this site does not lead to the registry registry.example (502"),
        ("http://127.0.0.1:9", "The proxy that https_proxy, http_proxy or all_proxy names does not answer"),
        ("socks5://127.0.0.1:9", "The proxy that the environment names cannot be used"),
        ("nonsense", "The proxy that https_proxy, http_proxy or all_proxy names does not answer"),
    ],
)
async def test_a_proxy_that_does_not_do_its_work_is_named(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, proxy: str, told: str
) -> None:
    fake.before = lambda *_: FakeAnswer(407 if "password" in told else 502)
    monkeypatch.setenv("https_proxy", proxy.format(fake=fake.name))
    monkeypatch.delenv("no_proxy", raising=False)
    registry = Registry("registry.example", [Place("registry.example")], 5)
    with pytest.raises(ContainerKernelsError) as caught:
        await registry.manifest(ImageReference("docker", "registry.example", "org/demo", "1"), "amd64")
    assert caught.value.message.startswith(told)


# ---- tags, labels, logins


async def test_a_wrong_tag_is_answered_with_near_ones(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_tags(["2.9.0", "2.9.1-cuda12.6"], ["2.9.1-cuda12.8", "other"])
    error = await refusal(client(fake), replace(reference, tag="2.9.1-cuda12.5"))
    assert error.code == "image_not_found"
    assert error.message == (
        f"{fake.name} has org/demo, but no tag 2.9.1-cuda12.5. There are 2.9.1-cuda12.8, 2.9.1-cuda12.6, 2.9.0."
    )


async def test_tags_come_page_by_page_to_an_end(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_tags(["1"], ["2", "3"], [])
    assert await client(fake).tags(reference) == (["1", "2", "3"], True)
    fake.before = lambda path, _: FakeAnswer(200, b'{"tags": ["x"]}', {"Link": f'<{path}>; rel="next"'})
    tags, complete = await client(fake).tags(reference)
    assert not complete and 1 < len(tags) < 20


@pytest.mark.parametrize("link", ["http://evil.example/v2/x", "//evil.example/v2/", "/other", "", ">;"])
async def test_a_list_does_not_lead_elsewhere(fake: FakeRegistry, reference: ImageReference, link: str) -> None:
    fake.before = lambda *_: FakeAnswer(200, b'{"tags": ["x"]}', {"Link": f'<{link}>; rel="next"'})
    assert await client(fake).tags(reference) == (["x"], True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"tags": 7}', b'{"tags": ["x"', b"\xff"])
async def test_a_list_that_is_none_is_said_to_be_unusable(
    fake: FakeRegistry, reference: ImageReference, body: bytes
) -> None:
    fake.before = lambda path, _: FakeAnswer(200, body) if "tags" in path else None
    with pytest.raises(ContainerKernelsError):
        await client(fake).tags(reference)
    assert (await refusal(client(fake), reference)).code == "image_not_found"


async def test_what_the_maker_calls_an_image_is_read(fake: FakeRegistry, reference: ImageReference) -> None:
    labels = {"org.opencontainers.image.title": " Demo\n\x1b[31m ", "org.opencontainers.image.description": "x" * 999}
    fake.add_image("1", "amd64", labels=labels)
    manifest = await client(fake).manifest(reference, "amd64")
    assert manifest.title == "Demo [31m"
    assert manifest.description == "x" * 299 + "…"


@pytest.mark.parametrize("kind", ["password", "token"])
async def test_a_login_is_tried_at_the_registry(fake: FakeRegistry, kind: str) -> None:
    fake.contents["/v2/"] = FakeAnswer(200, b"{}")
    assert not await client(fake, "me:secret").admits("me"), "it asks nobody"
    (fake.demand_password if kind == "password" else fake.demand_token)("me:secret")
    assert await client(fake, "me:secret").admits("me")
    with pytest.raises(ContainerKernelsError) as caught:
        await client(fake, "me:wrong").admits("me")
    assert caught.value.code == "login_needed"
    assert caught.value.message == f"{fake.name} does not take the name me with this password."


@pytest.mark.parametrize("conf", ['mirror = [{{location = "{0}"}}]', 'prefix = "{1}"'])
async def test_a_login_is_tried_at_nothing_that_stands_for_the_registry(
    fake: FakeRegistry, home: Path, conf: str
) -> None:
    other = FakeRegistry()
    try:
        file = home / "registries.conf"
        location = fake.name if "mirror" in conf else other.name
        file.write_text(f'[[registry]]\nlocation = "{location}"\n{conf.format(other.name, fake.name)}\n')
        fake.contents["/v2/"] = FakeAnswer(200, b"{}")
        fake.demand_password("me:secret")
        reference = ImageReference("docker", fake.name, "name/image", "latest")
        environment = {"CONTAINERS_REGISTRIES_CONF": str(file)}
        assert registry_of(reference, environment, home, timeout_s=5)._places[0].host == other.name
        registry = itself(reference, encoded("me:secret"), environment, home, timeout_s=5)
        assert await registry.admits("me")
        assert other.seen == []
    finally:
        other.close()


async def test_a_token_is_asked_for_with_what_the_realm_says_by_itself(
    fake: FakeRegistry, reference: ImageReference
) -> None:
    fake.add_image("1", "amd64")

    def before(path: str, headers: dict[str, str]) -> FakeAnswer | None:
        if path.startswith("/token?account=a&service=registry.docker.io&scope="):
            return FakeAnswer(200, b'{"token": "t"}')
        return None if "authorization" in headers else fake.challenge(f"http://{fake.name}/token?account=a")

    fake.before = before
    assert (await client(fake).manifest(reference, "amd64")).architecture == "amd64"


async def test_an_identity_token_is_exchanged_for_a_token(fake: FakeRegistry, reference: ImageReference) -> None:
    fake.add_image("1", "amd64")
    fake.demand_token(identity="s3cret")
    registry = Registry(fake.name, [Place(fake.name, encode(TOKEN_USER, "s3cret"), insecure=True)], 5)
    assert (await registry.manifest(reference, "amd64")).architecture == "amd64"
    assert not any("s3cret" in str(asked) for asked in fake.seen), "it is in no header and in no address"
    assert registry.user is None, "a token is nobody's name"
    registry = Registry(fake.name, [Place(fake.name, encode(TOKEN_USER, "wrong"), insecure=True)], 5)
    assert (await refusal(registry, reference)).code == "login_needed"


def test_a_place_keeps_its_password_to_itself() -> None:
    place = Place("registry.example", encoded("me:secret"))
    place.authorization = "Bearer t0ken"
    assert encoded("me:secret") not in repr(place) and "t0ken" not in repr(place)
