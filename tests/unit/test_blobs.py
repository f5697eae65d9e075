"""A layer is fetched whole or not at all: it goes on where it broke off, and another one than was named is an error."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire import blobs as blobs_module
from jupyterlab_container_kernels.acquire.blobs import Ahead, Blob, LayerName, fetch, layers_of
from jupyterlab_container_kernels.acquire.compressors import compression, has_zstd
from jupyterlab_container_kernels.acquire.filetree import NotUnderstood
from jupyterlab_container_kernels.acquire.places import Place
from jupyterlab_container_kernels.acquire.reference import parse
from jupyterlab_container_kernels.acquire.registry import Registry
from jupyterlab_container_kernels.errors import ContainerKernelsError

DATA = random.Random(1).randbytes(3_000_000)
LAYER = gzip.compress(DATA, 1)


class Server:
    """Blobs by their digest; breaks off after some bytes, knows no ranges, or sends something else."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.ranges: list[str | None] = []
        self.cuts: Iterator[int | None] = itertools.repeat(None)
        self.knows_ranges = True
        self.at_once = self.most_at_once = 0
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with lock:
                    server.at_once += 1
                    server.most_at_once = max(server.at_once, server.most_at_once)
                    cut = next(server.cuts)
                asked = self.headers.get("Range")
                server.ranges.append(asked)
                data = server.blobs[self.path.rpartition("/")[2]]
                start = int(asked[6:-1]) if asked and server.knows_ranges else 0
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start:][:cut])
                with lock:
                    server.at_once -= 1

            def log_message(self, *_words: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.http.server_address[1]}"

    def add(self, data: bytes) -> LayerName:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.blobs[digest] = data
        return LayerName(digest, len(data))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(blobs_module, "_PAUSE_S", 0.01)
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def get(server: Server, *blobs: Blob) -> None:
    place = Place(server.name)
    place.scheme = "http"  # as after its manifest was read
    registry = Registry(server.name, [place], 10)
    reference = parse(f"{server.name}/org/demo", Path("/"))
    asyncio.run(fetch(registry, reference, list(blobs)))


def test_a_layer_comes_and_is_inflated(server: Server, tmp_path: Path) -> None:
    blob = Blob(server.add(LAYER), tmp_path)
    ahead = Ahead(blob.inflated())
    get(server, blob)
    assert b"".join(iter(ahead.more, b"")) == DATA
    assert blob.path.read_bytes() == LAYER


def test_what_is_here_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    name = server.add(LAYER)
    blob = Blob(name, tmp_path)
    blob.path.write_bytes(LAYER[:1000])
    get(server, blob)
    assert server.ranges == ["bytes=1000-"]
    assert blob.path.read_bytes() == LAYER
    get(server, Blob(name, tmp_path))  # all of it is here
    assert len(server.ranges) == 1


def test_a_registry_without_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.knows_ranges = False
    blob = Blob(server.add(LAYER), tmp_path)
    blob.path.write_bytes(LAYER[:1000])
    get(server, blob)
    assert b"".join(blob.inflated()) == DATA


def test_a_connection_that_breaks_is_taken_up_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cuts = itertools.chain([500_000, 0, 1_000_000], itertools.repeat(None))
    blob = Blob(server.add(LAYER), tmp_path)
    get(server, blob)
    assert blob.path.read_bytes() == LAYER
    assert [asked is not None for asked in server.ranges] == [False, True, True, True]


def test_a_registry_that_only_breaks_off_is_an_error_in_the_end(server: Server, tmp_path: Path) -> None:
    server.cuts = itertools.repeat(0)
    blob = Blob(server.add(LAYER), tmp_path)
    with pytest.raises(ContainerKernelsError) as caught:
        get(server, blob)
    assert caught.value.code == "registry_unreachable"
    with pytest.raises(ContainerKernelsError):
        list(blob.inflated())


def test_another_layer_than_was_named_is_for_the_runtime_and_is_not_kept(server: Server, tmp_path: Path) -> None:
    name = server.add(LAYER)
    server.blobs[name.digest] = LAYER[:-1] + b"?"
    blob = Blob(name, tmp_path)
    with pytest.raises(NotUnderstood, match="another layer"):
        get(server, blob)
    assert not blob.path.exists()
    blob.path.touch()
    with pytest.raises(NotUnderstood, match="another layer"):
        list(blob.inflated())


def test_at_most_three_are_fetched_at_once(server: Server, tmp_path: Path) -> None:
    noise = random.Random(2)
    found = [Blob(server.add(noise.randbytes(200_000)), tmp_path) for _ in range(12)]
    get(server, *found)
    assert 1 <= server.most_at_once <= 3
    assert all(blob.size == 200_000 for blob in found)


def whole(tmp_path: Path, data: bytes) -> Blob:
    """A blob that is here."""
    blob = Blob(LayerName(f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)), tmp_path)
    blob.path.write_bytes(data)
    blob.grow(len(data), whole=True)
    return blob


ZSTD: list[Callable[[bytes], bytes]] = [compression("zstd").compress] if has_zstd() else []


@pytest.mark.parametrize("compress", [gzip.compress, bytes, *ZSTD])
def test_each_compression_is_known_by_its_first_bytes(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert b"".join(whole(tmp_path, compress(DATA)).inflated()) == DATA
    # several members or frames, one after the other, are one layer
    assert b"".join(whole(tmp_path, compress(DATA[:100_000]) + compress(DATA[100_000:])).inflated()) == DATA


@pytest.mark.parametrize("compress", [lambda data: gzip.compress(data, 9), *ZSTD])
def test_what_was_compressed_well_does_not_fill_the_memory(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    pieces = [len(piece) for piece in whole(tmp_path, compress(bytes(100_000_000))).inflated()]
    assert sum(pieces) == 100_000_000
    assert max(pieces) <= 1024 * 1024


def test_a_damaged_gzip_is_not_understood(tmp_path: Path) -> None:
    for number, damaged in enumerate((LAYER[:-100], LAYER[:5000] + b"????" + LAYER[5004:], LAYER + b"more")):
        (tmp_path / str(number)).mkdir()
        with pytest.raises(NotUnderstood):
            list(whole(tmp_path / str(number), damaged).inflated())


def test_only_layers_that_we_know_are_fetched() -> None:
    known = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + "a" * 64, "size": 1}
    assert layers_of({"layers": [known]}) == [LayerName("sha256:" + "a" * 64, 1)]
    for layer in (
        known | {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        known | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"},
        known | {"urls": ["https://elsewhere.example"]},
        known | {"digest": "sha512:abc"},
        known | {"digest": "sha256:../../x"},
        {"size": 1},
    ):
        with pytest.raises(NotUnderstood):
            layers_of({"layers": [known, layer]})
    manifests: tuple[dict[str, Any], ...] = ({}, {"layers": []}, {"layers": None}, {"schemaVersion": 1, "fsLayers": []})
    for manifest in manifests:
        with pytest.raises(NotUnderstood):
            layers_of(manifest)
