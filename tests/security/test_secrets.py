"""One secret of each kind is planted, everything is done, and then everything is searched for them."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.app import EVENT_SCHEMA
from jupyterlab_container_kernels.routes import KERNEL_EVENT_SCHEMA
from jupyterlab_container_kernels.system import machine
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.slurm_jobs import environment_of_job
from tests.api.conftest import CONTRACT, Client, until
from tests.api.test_access import example
from tests.api.test_adding import ended
from tests.unit.fake_registry import FakeAnswer, FakeRegistry

USER, PASSWORD = "planted-user", "planted-registry-5ecret"
PLANTED = {
    "APPTAINER_DOCKER_PASSWORD": PASSWORD,
    "AWS_SECRET_ACCESS_KEY": "planted-aws-5ecret",
    "JUPYTER_TOKEN": "planted-jupyter-5ecret",
    "JUPYTERHUB_API_TOKEN": "planted-hub-5ecret",
    "HTTPS_PROXY": "http://me:planted-proxy-5ecret@127.0.0.1:9",
}


def secrets(token: str) -> list[bytes]:
    """Return all that must not be found, as it is and as registries want it."""
    both = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    proxy = base64.b64encode(b"me:planted-proxy-5ecret")
    return [
        *(value.encode() for value in PLANTED.values()),
        b"planted-proxy-5ecret",
        b"t0ken",  # what the registry's token service gives for the password
        both,
        proxy,
        token.encode(),
    ]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PLANTED | {"APPTAINER_DOCKER_USERNAME": USER}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    made = FakeRegistry()
    made.demand_token(f"{USER}:{PASSWORD}")
    made.contents["/v2/"] = FakeAnswer(200, b"{}")
    made.add_image("1", machine.architecture())
    yield made
    made.close()


@pytest.fixture
def handed_on(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Slurm that writes down what it is given, and its job never begins."""
    handed, tools = tmp_path / "handed on", tmp_path / "slurm"
    for directory in (handed, tools):
        directory.mkdir()
    for name, script in {
        "sbatch": f"env > '{handed}/environment'; echo \"$@\" > '{handed}/arguments'; echo 12",
        "squeue": f"[ ! -e '{handed}/arguments' ] || echo '12|PENDING|Priority'",
        "scancel": f"rm '{handed}/arguments'",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return handed


@pytest.fixture
def arguments() -> Iterator[set[bytes]]:
    """The arguments of all processes that are seen meanwhile."""
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((process / "cmdline").read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    done.set()
    thread.join()


async def test_no_secret_is_anywhere_but_where_it_belongs(
    planted: None,
    client: Client,
    roots: Roots,
    image: Path,
    fake: FakeRegistry,
    arguments: set[bytes],
    handed_on: Path,
    tmp_path: Path,
    jp_serverapp: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[str] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        said.append(json.dumps(data))

    for schema in (EVENT_SCHEMA, KERNEL_EVENT_SCHEMA):
        jp_serverapp.event_logger.add_listener(schema_id=schema, listener=listen)
    hunted = secrets(jp_serverapp.identity_provider.token)

    # all that handles a password: a login, one that is wrong, a look at an image, and its way here by both ways
    login = {"registry": fake.name, "user": USER, "password": PASSWORD}
    with monkeypatch.context() as patched:
        patched.delenv("APPTAINER_DOCKER_PASSWORD")  # it would count before any login
        wrong = (await client("post", "login", login | {"password": PASSWORD + "-wrong"})).refused("login_needed")
        kept = Path((await client("post", "login", login)).holds("Login")["path"])
    resolved = (await client("post", "resolve", {"image": f"{fake.name}/org/demo:1"})).holds("Resolution")
    said += [wrong, json.dumps(resolved)]
    task = await ended(client, (await client("post", "kernels", {"image": f"{fake.name}/org/demo:1"})).holds("Task"))
    assert task["error"] is not None, "there is nothing behind this image"
    # and a kernel that comes to be
    body = {"image": str(image), "display_name": "Demo", "gpu": "off", "slug": "demo"}
    task = await ended(client, (await client("post", "kernels", body)).holds("Task"))
    assert task["error"] is None
    # and an image that a job is to bring
    body = {"image": f"{fake.name}/org/demo:1", "slug": "later", "pull_from": "job"}
    ordered = (await client("post", "kernels", body)).holds("Task")
    await until((handed_on / "arguments").is_file)
    [folder] = roots.staging.glob("pull-*")
    assert {"order.json", "job.sh"} <= {path.name for path in folder.iterdir()}
    assert any(headers.get("authorization") == "Bearer t0ken" for _, headers in fake.seen)

    for path, item in CONTRACT["paths"].items():
        if "get" in item:
            said.append(json.dumps((await client("get", example(path))).body))
    for each in (await client("get", "tasks")).body["tasks"]:
        said.append(json.dumps((await client("get", f"tasks/{each['id']}/log")).body))
    said += [record.getMessage() for record in caplog.records if record.name.startswith("jupyterlab_container_kernels")]
    assert [secret for secret in hunted for text in said if secret.decode() in text] == []

    assert any(b"fake-apptainer" in words for words in arguments), "processes were seen"
    assert [words for words in arguments if any(secret in words for secret in hunted)] == []

    # Jupyter keeps its own token in its runtime directory
    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    holders = {
        path
        for path in [*tmp_path.rglob("*"), *roots.state.rglob("*"), *roots.kernels.rglob("*")]
        if path.is_file() and not path.is_relative_to(runtime) and any(each in path.read_bytes() for each in hunted)
    }
    assert holders == {kept}
    await ended(client, (await client("delete", f"tasks/{ordered['id']}")).holds("Task"))


def test_no_secret_goes_into_a_job(planted: None) -> None:
    """Slurm keeps the environment of a job; who looks after Slurm can read it."""
    handed_on = environment_of_job({**os.environ, "no_proxy": "localhost"})
    assert {"PATH", "HOME", "no_proxy"} <= set(handed_on)
    assert not set(PLANTED) & set(handed_on)
