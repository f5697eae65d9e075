"""A registry that means harm: answers without end, that grow when unpacked, or that hold what no registry says."""

from __future__ import annotations

import gzip
import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire.blobs import layers_of
from jupyterlab_container_kernels.acquire.filetree import NotUnderstood
from jupyterlab_container_kernels.acquire.places import Place
from jupyterlab_container_kernels.acquire.reference import ImageReference
from jupyterlab_container_kernels.acquire.registry import Registry
from jupyterlab_container_kernels.errors import ContainerKernelsError
from tests.unit.fake_registry import FakeAnswer, FakeRegistry, digest_of

#: What may be read of an answer, with what lies in the buffers of both ends.
MOST_READ_BYTES = 64 << 20


class Endless:
    """Answers with one head, and a body that ends when nobody reads it."""

    def __init__(self, status: int, **headers: str) -> None:
        self.sent = 0
        self.unread = threading.Event()
        endless = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                code, more = status, headers
                if headers.get("realm") and not self.path.startswith("/token"):
                    realm = f"http://{endless.name}/token"
                    code, more = 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}
                self.send_response(code)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    while code != 401 and endless.sent < 2 * MOST_READ_BYTES:
                        endless.sent += self.wfile.write(b" " * 65536)
                except OSError:
                    endless.unread.set()

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def endless() -> Iterator[Callable[..., Endless]]:
    made: list[Endless] = []

    def make(status: int, **headers: str) -> Endless:
        made.append(Endless(status, **headers))
        return made[-1]

    yield make
    for each in made:
        each.server.shutdown()
        each.server.server_close()


async def refusal(name: str) -> ContainerKernelsError:
    registry = Registry(name, [Place(name, None, True)], 20)
    with pytest.raises(ContainerKernelsError) as caught:
        await registry.manifest(ImageReference("docker", name, "org/demo", "1"), "amd64")
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers"),
    [(200, {}), (302, {"Location": "/elsewhere"}), (200, {"realm": "yes"}), (500, {}), (404, {})],
    ids=["manifest", "redirect", "token", "trouble", "not found"],
)
async def test_an_answer_without_end_is_not_read_to_its_end(
    endless: Callable[..., Endless], status: int, headers: dict[str, str]
) -> None:
    registry = endless(status, **headers)
    assert (await refusal(registry.name)).code in ("registry_unreachable", "image_not_found")
    assert registry.unread.wait(60)
    assert registry.sent < MOST_READ_BYTES


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    yield made
    made.close()


async def test_an_answer_that_was_compressed_is_not_unpacked(fake: FakeRegistry) -> None:
    """256 MiB in a quarter of one; whoever asks has said that it wants the plain answer."""
    bomb = gzip.compress(b" " * (1 << 25), 9)
    bomb *= 8  # gzip may have several members
    fake.before = lambda *_: FakeAnswer(200, bomb, {"Content-Encoding": "gzip"})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await refusal(fake.name)).code == "registry_unreachable"
    assert fake.seen[0][1]["accept-encoding"] == "identity"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "kilobytes"


async def test_a_challenge_that_is_hard_to_read_takes_no_time(fake: FakeRegistry) -> None:
    """Of a header of 60 kB, a careless pattern looks at all pairs of its characters."""
    fake.before = lambda *_: FakeAnswer(401, b"", {"WWW-Authenticate": "Bearer " + "a" * 60_000})
    began = time.process_time()
    assert (await refusal(fake.name)).code == "registry_unreachable"
    assert time.process_time() - began < 5


SIZES = [-1, 1e999, float("nan"), 10**30, "1e3", None, [], {}]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_size_that_no_blob_has_is_said_to_be_unusable(fake: FakeRegistry, size: Any) -> None:
    config = b'{"architecture": "amd64"}'
    fake.contents[f"/v2/org/demo/blobs/{digest_of(config)}"] = FakeAnswer(200, config)
    fake.add("1", {"config": {"digest": digest_of(config), "size": 9}, "layers": [{"size": size}]})
    assert (await refusal(fake.name)).code == "registry_unreachable"
    kind = "application/vnd.oci.image.layer.v1.tar"
    with pytest.raises(NotUnderstood):
        layers_of({"layers": [{"size": size, "mediaType": kind, "digest": "sha256:" + "0" * 64}]})


@pytest.mark.parametrize("digest", ["../../../v2/other/image", "sha256:" + "a" * 5000, "sha256:" + "٣" * 64, "", 7])
async def test_a_digest_that_is_none_becomes_no_part_of_a_path(fake: FakeRegistry, digest: Any) -> None:
    fake.add("1", {"config": {"digest": digest, "size": 9}, "layers": []})
    assert (await refusal(fake.name)).code == "registry_unreachable"
    assert all("/manifests/" in path for path in fake.paths)
    kind = "application/vnd.oci.image.layer.v1.tar"
    with pytest.raises(NotUnderstood):
        layers_of({"layers": [{"size": 1, "mediaType": kind, "digest": digest}]})


async def test_what_a_label_says_is_text_in_one_line(fake: FakeRegistry) -> None:
    script = "<script>alert(1)</script>\x1b[2J\u202e\n\u2028" + "x" * 10_000
    fake.add_image("1", "amd64", labels={"org.opencontainers.image.title": script})
    found = await Registry(fake.name, [Place(fake.name, None, True)], 5).manifest(
        ImageReference("docker", fake.name, "org/demo", "1"), "amd64"
    )
    assert found.title is not None and len(found.title) <= 300
    assert found.title.isprintable() and found.title.startswith("<script>")
    assert json.dumps(found.title)
