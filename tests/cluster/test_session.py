"""A session as users have it: JupyterLab in a job, behind the portal, in an environment with modules alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyterlab_container_kernels.system.process import find_program

from .conftest import CACHE, Session, is_portal


@pytest.fixture(scope="module")
def modulefiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module for the real Apptainer, which is on nobody's PATH."""
    program = find_program("apptainer")
    assert program, "`make testbed` sets it up"
    folder = tmp_path_factory.mktemp("modulefiles") / "apptainer"
    folder.mkdir()
    lines = ["#%Module", f"prepend-path PATH {Path(program).parent}"]
    if "APPTAINER_USERNS" in os.environ:  # root in a container needs it; only the module tells
        lines.append("setenv APPTAINER_USERNS 1")
    (folder / "1.4.5").write_text("\n".join(lines) + "\n")
    return folder.parent


@pytest.fixture(scope="module")
def session(start_session: Callable[..., Session], modulefiles: Path, slurm: dict[str, str]) -> Session:
    """Ten minutes, half a GB, two cores; modules by Lmod."""
    return start_session(
        "--time=10", "--mem=512M", "--cpus-per-task=2", "--gres=gpu:1",
        LMOD_CMD=str(CACHE / "modules" / "lmod"), MODULEPATH=str(modulefiles),
        PATH=slurm["PATH"], SLURM_CONF=slurm["SLURM_CONF"], CUDA_VISIBLE_DEVICES="0",
    )  # fmt: skip


def test_the_job_is_named_with_its_time_memory_and_cores(session: Session) -> None:
    while (job := session.ask("GET", "info")["job"])["ends"] is None:  # Slurm may be too busy to tell at once
        time.sleep(1)
    assert (job["id"], job["memory_bytes"]) == (session.job, 512 * 1024**2)
    assert 1 <= job["cores"] <= 2
    left = datetime.fromisoformat(job["ends"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert 0 < left.total_seconds() <= 600


def test_the_diagnostics_name_it_and_how_the_runtime_was_found(session: Session) -> None:
    diagnostics = session.ask("GET", "diagnostics")
    findings = {each["title"]: each for each in diagnostics["findings"]}
    assert findings["Slurm job"]["found"].startswith(f"job {session.job}: ")
    assert "0.5 GB of memory" in findings["Slurm job"]["found"]
    assert findings["Slurm job"]["state"] == "warning", "ten minutes are little"
    assert "with the module apptainer/1.4.5" in findings["Container runtime"]["found"]
    assert "PYTHONNOUSERSITE = 1" in findings["Jupyter's folders"]["found"]
    assert "CUDA_VISIBLE_DEVICES = 0" in findings["GPU"]["found"]


async def test_a_kernel_is_added_started_and_deleted_through_the_portal(session: Session) -> None:
    registry = os.environ.get("CK_TEST_REGISTRY")
    if not registry:
        pytest.fail("CK_TEST_REGISTRY is not set: run these tests by scripts/with-registry.sh")
    add(session, f"{registry}/demo/python-ipykernel:1")
    [kernel] = session.ask("GET", "kernels")["kernels"]
    assert kernel["status"]["level"] == "ok"
    started = session.start(kernel["slug"])
    assert await value_of(session, started, "6 * 7") == "42"
    session.shut_down(started)
    session.delete(kernel["slug"])
    assert session.ask("GET", "kernels")["kernels"] == []


def add(session: Session, image: str) -> None:
    """Add a kernel as soon as the runtime is found, and wait until it is there."""
    while session.ask("GET", "info")["runtimes"][0]["searching"]:
        time.sleep(0.5)
    task = session.add(image)
    while task["ended"] is None:
        time.sleep(0.5)
        task = session.ask("GET", f"tasks/{task['id']}")
    assert task["state"] == "done", task["error"]


async def run_cell(session: Session, kernel_id: str, code: str) -> WebSocketClientConnection:
    """Run a cell as a page does, through the portal's socket, and return that."""
    address = f"{session.client.base_url}api/kernels/{kernel_id}/channels".replace("http:", "ws:")
    cookies = "; ".join(f"{each.name}={each.value}" for each in session.client.cookies.jar)
    for _ in range(12):  # Jupyter opens the socket when the kernel has answered; the portal does not wait that long
        try:
            socket = await websocket_connect(HTTPRequest(address, headers={"Cookie": cookies}))
            break
        except HTTPClientError:
            await asyncio.sleep(1)
    else:
        pytest.fail("the portal opens no socket to the kernel")
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
    header = {"msg_id": "m1", "msg_type": "execute_request", "session": "s1", "username": "", "version": "5.3"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    return socket


async def value_of(session: Session, kernel_id: str, code: str) -> str:
    """Run a cell, and return its value."""
    socket = await run_cell(session, kernel_id, code)
    while (received := await asyncio.wait_for(socket.read_message(), 60)) is not None:
        told = json.loads(received)
        if told["msg_type"] == "execute_result":
            socket.close()
            return str(told["content"]["data"]["text/plain"])
    pytest.fail("the portal has closed the socket")


def test_no_user_text_stands_in_a_path_which_the_portal_would_refuse(session: Session) -> None:
    answer = session.client.get("container-kernels/kernels/a%2Fb")
    assert answer.status_code == 404
    assert "container-kernels" not in answer.headers.get("content-type", "")


def test_a_session_that_has_ended_is_no_answer_of_ours(session: Session, slurm: dict[str, Any]) -> None:
    """What the browser takes for a lost connection: neither JSON nor one of our errors."""
    port = session.client.base_url.path.rstrip("/").rpartition("/")[2]
    gone = str(session.client.base_url).replace(f"/{port}/", "/1/")
    answer = session.client.get(f"{gone}container-kernels/info")
    assert answer.status_code == 503
    assert "json" not in answer.headers["content-type"]


async def test_what_a_session_did_at_its_end_is_interrupted_and_the_next_one_goes_on(
    start_session: Callable[..., Session], modulefiles: Path, slurm: dict[str, str], tmp_path: Path
) -> None:
    """As some sites have it: a symlinked home, folders moved off it, files for the group, the XSRF check on."""
    real = tmp_path / "real home"
    real.mkdir()
    (tmp_path / "home").symlink_to(real)
    scratch = tmp_path / "scratch"
    variables = {
        "HOME": str(tmp_path / "home"), "MODULES_CMD": str(CACHE / "modules" / "modulecmd.tcl"),
        "MODULEPATH": str(modulefiles), "JUPYTER_DATA_DIR": str(scratch / "data"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"), "XDG_CACHE_HOME": str(scratch / "cache"),
        "XDG_CONFIG_HOME": str(scratch / "config"), "XDG_DATA_HOME": str(scratch / "share"),
    }  # fmt: skip
    shaped = {"SESSION_XSRF": "1", "SESSION_UMASK": "002"}
    first = start_session("--time=10", **variables)
    while first.ask("GET", "info")["runtimes"][0]["searching"]:
        time.sleep(0.5)
    image = f"{os.environ['CK_TEST_REGISTRY']}/demo/python-ipykernel:1"
    task = first.add(image)
    subprocess.run(["scancel", first.job], env=slurm, check=True, timeout=30)
    second = start_session("--time=10", settings=shaped, **variables)
    diagnostics = second.ask("GET", "diagnostics")
    findings = {each["title"]: each for each in diagnostics["findings"]}
    assert findings["Home directory"]["found"] == f"{tmp_path}/home → {real}"
    assert str(scratch / "data") in findings["Jupyter's folders"]["found"]
    assert "with the module apptainer/1.4.5" in findings["Container runtime"]["found"]
    assert str(real) not in diagnostics["report"]
    until = time.monotonic() + 60  # the first server may take its time to end
    while (ended := second.ask("GET", f"tasks/{task['id']}"))["ended"] is None and time.monotonic() < until:
        time.sleep(0.5)
    assert (ended["state"], ended["error"]["code"]) == ("interrupted", "interrupted")
    add(second, image)
    [kernel] = second.ask("GET", "kernels")["kernels"]
    assert kernel["status"]["level"] == "ok"
    while is_portal(without := second.client.post("container-kernels/kernels", json={"image": image})):
        time.sleep(0.5)
    assert (without.status_code, without.json()["code"]) == (403, "forbidden")
    assert await value_of(second, second.start(kernel["slug"]), "6 * 7") == "42"
    for folder, folders, files in os.walk(scratch / "data"):
        if Path(folder).name in ("container-kernels", "kernels"):
            assert not any(Path(folder, name).stat().st_mode & 0o022 for name in [*folders, *files, "."])
            folders[:] = [
                name for name in folders if Path(folder, name).stat().st_mode & 0o077
            ]  # others look no further
    assert not list(real.glob(".local/share/jupyter/*")), "nothing of it lies in the home"


def test_a_jupyterlab_in_a_container_says_that_it_is_in_one(
    start_session: Callable[..., Session],
) -> None:
    """The session's own Python, in a container of this machine's own files: there are no modules for a runtime."""
    session = start_session("--time=5", settings={"SESSION_RUNTIME": find_program("apptainer") or ""})
    while (runtime := session.ask("GET", "info")["runtimes"][0])["searching"]:
        time.sleep(0.5)
    assert not runtime["available"]
    assert "This JupyterLab itself runs in a container" in runtime["reason"]


@pytest.fixture
def memory_groups() -> Iterator[Path]:
    """Where control groups for memory may be made: root may, and `scripts/as-user.sh` gives the test user a place."""
    groups = Path(os.environ.get("CK_TEST_MEMORY_CGROUP", "/sys/fs/cgroup/memory")) / f"testbed-{os.getpid()}"
    try:
        groups.mkdir()
        if (groups / "cgroup.subtree_control").exists():
            (groups / "cgroup.subtree_control").write_text("+memory")
    except OSError as error:
        pytest.skip(f"no control group for memory may be made here, so nothing enforces a job's memory: {error}")
    yield groups
    for each in [*groups.glob("job_*"), groups]:
        until = time.monotonic() + 30
        while each.exists() and time.monotonic() < until:
            with contextlib.suppress(OSError):  # its processes are ending
                each.rmdir()
            time.sleep(0.1)


@pytest.mark.slow
async def test_a_kernel_that_takes_more_memory_than_the_job_has_is_killed_and_the_limit_is_named(
    start_session: Callable[..., Session], modulefiles: Path, slurm: dict[str, str], memory_groups: Path
) -> None:
    session = start_session(
        "--time=10", "--mem=1G", settings={"SESSION_MEMORY": str(memory_groups)},
        LMOD_CMD=str(CACHE / "modules" / "lmod"), MODULEPATH=str(modulefiles),
    )  # fmt: skip
    try:
        add(session, f"{os.environ['CK_TEST_REGISTRY']}/demo/python-ipykernel:1")
        assert session.ask("GET", "info")["job"]["memory_bytes"] == 1024**3
        [kernel] = session.ask("GET", "kernels")["kernels"]
        started = session.start(kernel["slug"])
        assert await value_of(session, started, "6 * 7") == "42"
        await run_cell(session, started, "x = bytearray(2**32)\nfor i in range(0, len(x), 4096): x[i] = 1")
        until = time.monotonic() + 60
        while (start := session.ask("GET", f"kernels/{kernel['slug']}/log")["start"])["state"] != "failed":
            assert time.monotonic() < until, start
            await asyncio.sleep(0.1)
        assert start["diagnosis"]["cause"] == "memory_limit"
        assert "its memory limit of 1.1 GB" in start["diagnosis"]["message"]
        assert session.client.get("api/status").status_code == 200, "the session lives on"
    finally:
        subprocess.run(["scancel", session.job], env=slurm, check=False, timeout=30)
