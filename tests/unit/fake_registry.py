"""A small registry on this machine that speaks the formats recorded from real ones, and misbehaves on request."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class FakeAnswer:
    """Status, headers and body of one answer, at once or byte by byte."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: Seconds before each byte.
    drip_s: float = 0


class FakeRegistry:
    """Images by tag and digest; ``before`` may answer instead, and ``seen`` has all that was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.contents: dict[str, FakeAnswer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.posted: list[str] = []
        self.before: Callable[[str, dict[str, str]], FakeAnswer | None] = lambda path, headers: None
        self.released = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                registry.seen.append((self.path, headers))
                answer = registry.before(self.path, headers) or registry.contents.get(self.path)
                answer = answer or registry.unknown()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if not answer.drip_s:
                    self.wfile.write(answer.body)
                    return
                for number in range(len(answer.body)):
                    time.sleep(answer.drip_s)
                    self.wfile.write(answer.body[number : number + 1])

            do_CONNECT = do_GET  # as a proxy is asked

            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                registry.posted.append(form)
                self.do_GET()

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.seen]

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def hang(self, *_asked: object) -> FakeAnswer | None:
        """Answer nothing until the test is over."""
        self.released.wait(30)
        return FakeAnswer(503)

    @staticmethod
    def unknown() -> FakeAnswer:
        """What the distribution registry says of a tag that it does not have."""
        body = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": {"Tag": "x"}}]}
        return FakeAnswer(404, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def challenge(self, realm: str | None = None) -> FakeAnswer:
        """What a registry says that wants a token, as Docker Hub writes it."""
        realm = realm or f"http://{self.name}/token"
        told = f'Bearer realm="{realm}",service="registry.docker.io",scope="repository:org/demo:pull"'
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}]}
        return FakeAnswer(401, json.dumps(body).encode(), {"WWW-Authenticate": told})

    def add(self, name: str, value: object, kind: str = MANIFEST) -> str:
        """Serve a manifest by a tag and by its digest, which is returned."""
        body = json.dumps(value).encode()
        answer = FakeAnswer(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest_of(body)})
        for each in (name, digest_of(body)):
            self.contents[f"/v2/org/demo/manifests/{each}"] = answer
        return digest_of(body)

    def add_image(
        self,
        name: str,
        architecture: str | None,
        sizes: tuple[int, ...] = (1000, 234),
        labels: dict[str, str] | None = None,
    ) -> str:
        """Serve an image with its configuration."""
        known: dict[str, Any] = {"architecture": architecture} if architecture else {}
        config = json.dumps({"os": "linux", "config": {"Labels": labels}} | known).encode()
        self.contents[f"/v2/org/demo/blobs/{digest_of(config)}"] = FakeAnswer(200, config)
        layers = [
            {"mediaType": "x", "digest": f"sha256:{number:064}", "size": size} for number, size in enumerate(sizes)
        ]
        return self.add(
            name,
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": "x", "digest": digest_of(config), "size": len(config)},
                "layers": layers,
            },
        )

    def add_index(self, name: str, *platforms: tuple[str, str], kind: str = INDEX) -> dict[str, str]:
        """Serve an image for several platforms, with the attestation that buildx adds; return digests by platform."""
        digests = {arch: self.add_image(f"{name}-{arch}", arch) for _, arch in platforms}
        entries: list[dict[str, Any]] = [
            {"mediaType": MANIFEST, "digest": digests[arch], "size": 1, "platform": {"os": os, "architecture": arch}}
            for os, arch in platforms
        ]
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.append({"mediaType": MANIFEST, "digest": f"sha256:{7:064}", "size": 1, "platform": unknown})
        self.add(name, {"schemaVersion": 2, "mediaType": kind, "manifests": entries}, kind)
        return digests

    def add_tags(self, *pages: list[str]) -> None:
        """List tags, page by page, as the distribution registry does."""
        for number, tags in enumerate(pages):
            path = "/v2/org/demo/tags/list?n=1000" + (f"&last={number}" if number else "")
            link = {"Link": f'</v2/org/demo/tags/list?n=1000&last={number + 1}>; rel="next"'}
            body = json.dumps({"name": "org/demo", "tags": tags}).encode()
            self.contents[path] = FakeAnswer(200, body, link if number + 1 < len(pages) else {})

    def demand_token(self, user: str | None = None, identity: str | None = None) -> None:
        """Ask for a token, which anybody gets, or only one user, or who has an identity token."""

        def before(path: str, headers: dict[str, str]) -> FakeAnswer | None:
            if path.startswith("/token"):
                wanted = f"Basic {base64.b64encode((user or '').encode()).decode()}"
                if identity and not (self.posted and f"refresh_token={identity}&" in self.posted[-1]):
                    return FakeAnswer(401)
                if user and headers.get("authorization") != wanted:
                    return FakeAnswer(401)
                return FakeAnswer(200, json.dumps({"token": "t0ken", "expires_in": 300}).encode())
            return None if headers.get("authorization") == "Bearer t0ken" else self.challenge()

        self.before = before

    def demand_password(self, user: str) -> None:
        """Ask for a password, as a private registry without a token service does."""
        wanted = f"Basic {base64.b64encode(user.encode()).decode()}"
        refusal = FakeAnswer(401, b"", {"WWW-Authenticate": 'Basic realm="Registry Realm"'})
        self.before = lambda _path, headers: None if headers.get("authorization") == wanted else refusal
