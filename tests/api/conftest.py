"""A Jupyter server with the extension, and a client that holds every answer to the contract."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from traitlets.config import Config

import jupyterlab_container_kernels
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.errors import STATUS
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import FAKE_APPTAINER, write_sif

CONTRACT = yaml.safe_load((Path(jupyterlab_container_kernels.__file__).parent / "openapi.yaml").read_text())


@dataclass
class Answer:
    """Status, JSON and headers of an answer."""

    status: int
    body: Any
    headers: Any

    def holds(self, schema: str) -> Any:
        """Return the body, which is what the contract promises."""
        assert self.status < 300, self.body
        promised = {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
        jsonschema.Draft202012Validator(promised).validate(self.body)
        return self.body

    def refused(self, code: str) -> str:
        """Return the message of an error, which has this code and the status that goes with it."""
        assert (self.status, self.body["code"]) == (STATUS[code], code), self.body
        return self.body["message"]


class Client:
    """Talks to the extension; every error has to be exactly ``{code, message, hint}``."""

    def __init__(self, fetch: Callable[..., Any], base_url: str, token: str) -> None:
        self._fetch = fetch
        self._base_url = base_url
        self._token = token

    async def raw(self, verb: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        answer = await self._fetch(
            f"{self._base_url}container-kernels/{path}",
            method=verb.upper(),
            body=body,
            headers=headers,
            raise_error=False,
            allow_nonstandard_methods=True,
            request_timeout=30,
        )
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        parsed = json.loads(answer.body)
        if answer.code >= 400:
            assert set(parsed) == {"code", "message", "hint"}
            assert all(isinstance(value, str) for value in parsed.values())
            assert parsed["code"] in STATUS and parsed["message"]
            assert "Traceback" not in parsed["message"] + parsed["hint"]
        return Answer(answer.code, parsed, answer.headers)

    async def __call__(self, verb: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask as the user does; a mutating request carries JSON."""
        all_headers = {"Authorization": f"token {self._token}"}
        content = None
        if verb != "get":
            all_headers["Content-Type"] = "application/json"
            content = json.dumps({} if body is None else body).encode()
        return await self.raw(verb, path, content, all_headers | headers)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what a server does after its answer, as removing files that takes longer than anybody waits."""
    for _ in range(1500):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not happen in time")


@pytest.fixture
def settings() -> dict[str, Any]:
    """The traits of the extension; tests change them before the server starts."""
    return {"runtime_path": str(FAKE_APPTAINER)}


@pytest.fixture
def jp_server_config(settings: dict[str, Any]) -> Config:
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"jupyterlab_container_kernels": True}},
            "ContainerKernelsApp": settings,
        }
    )


@pytest.fixture
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own Python comes first on ``PATH``: it is what the stand-in for Apptainer finds "inside"."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")


@pytest.fixture
def client(search_path: None, jp_serverapp: Any, http_server_client: Any, jp_base_url: str) -> Client:
    return Client(http_server_client.fetch, jp_base_url, jp_serverapp.identity_provider.token)


@pytest.fixture
def extension(client: Client, jp_serverapp: Any) -> ContainerKernelsApp:
    [app] = jp_serverapp.extension_manager.extension_apps["jupyterlab_container_kernels"]
    return app


@pytest.fixture
def services(extension: ContainerKernelsApp) -> Services:
    assert extension.services is not None
    return extension.services


@pytest.fixture
def roots(services: Services) -> Roots:
    return services.session.roots


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image file of the user's own."""
    return write_sif(tmp_path / "images of mine" / "demo-1.0.sif")
