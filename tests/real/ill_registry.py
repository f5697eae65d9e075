"""A registry on this machine that serves one image and has, on request, what registries and networks can have."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PIECE_BYTES = 64 * 1024


@dataclass
class Illness:
    """What happens to layers.

    Parameters
    ----------
    resets_after : int or None
        Bytes of each answer after which the connection is reset.
    rate : float or None
        Bytes a second of each answer.
    is_endless : bool
        No end comes, though all was sent.
    is_gone : bool
        Every connection breaks.
    changed : callable or None
        What becomes of the bytes of a layer.
    """

    resets_after: int | None = None
    rate: float | None = None
    is_endless: bool = False
    is_gone: bool = False
    changed: Callable[[bytes], bytes] | None = None


@dataclass
class IllRegistry:
    """Serves an OCI layout as ``org/demo:1``."""

    layout: Path
    illness: Illness = field(default_factory=Illness)
    #: The digests of layers, with the bytes from which on they were asked for.
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        index = json.loads((self.layout / "index.json").read_text())
        self.digest = str(index["manifests"][0]["digest"])
        manifest = json.loads(self.blob(self.digest))
        self.kind = manifest["mediaType"]
        self.layers: dict[str, int] = {layer["digest"]: layer["size"] for layer in manifest["layers"]}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                if "/manifests/" in self.path and name in ("1", registry.digest):
                    self.answer(registry.blob(registry.digest), registry.kind)
                elif name in registry.layers and self.command == "GET":
                    registry.ail(self, name)
                elif (registry.layout / "blobs/sha256" / name[7:]).is_file():
                    self.answer(registry.blob(name), "application/octet-stream")
                else:
                    self.answer(b"{}", "application/json", 200 if self.path == "/v2/" else 404)

            def answer(self, body: bytes, kind: str, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def reference(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}/org/demo:1"

    def blob(self, digest: str) -> bytes:
        return (self.layout / "blobs/sha256" / digest[7:]).read_bytes()

    def ail(self, handler: BaseHTTPRequestHandler, digest: str) -> None:
        """Answer with a layer."""
        illness = self.illness
        data = self.blob(digest)
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        self.asked.append((digest, start))
        handler.send_response(206 if asked else 200)
        if illness.is_endless:
            handler.send_header("Connection", "close")
        else:
            handler.send_header("Content-Length", str(len(data) - start))
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.end_headers()
        try:
            for piece in _pieces((illness.changed or bytes)(data)[start:], illness):
                handler.wfile.write(piece)
        except OSError:
            handler.close_connection = True
            return
        if illness.resets_after is not None or illness.is_gone:
            # closed with what is called a linger of 0 seconds, it sends RST
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(handler.connection.detach())
            handler.close_connection = True

    def close(self) -> None:
        self.illness = Illness()
        self.server.shutdown()
        self.server.server_close()


def _pieces(data: bytes, illness: Illness) -> Iterator[bytes]:
    data = data[: illness.resets_after]
    for place in range(0, len(data), _PIECE_BYTES):
        if illness.is_gone:
            return
        yield data[place : place + _PIECE_BYTES]
        if illness.rate:
            time.sleep(_PIECE_BYTES / illness.rate)
    while illness.is_endless:
        yield bytes(_PIECE_BYTES)
