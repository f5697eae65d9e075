"""A cluster on this machine: a real Slurm, OnDemand's proxy with a short time-out, sessions that are jobs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("CONTAINER_KERNELS_CACHE") or ROOT / ".cache")
#: That of another suite of Debian if SLURM_SUITE names one.
SLURM = CACHE / "-".join(["slurm", *filter(None, [os.environ.get("SLURM_SUITE")])])
#: Each process of tests has a cluster of its own.
NAME = os.environ.get("CK_TEST_CLUSTER") or os.environ.get("PYTEST_XDIST_WORKER", "tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.cluster)


def script(name: str, *arguments: str) -> None:
    subprocess.run([ROOT / "scripts" / name, *arguments], check=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="session")
def slurm() -> Iterator[dict[str, str]]:
    """A Slurm of one node; the environment in which its commands work."""
    try:
        script("slurm.sh", "up", NAME)
        yield {
            **os.environ,
            "SLURM_CONF": str(SLURM / f"run-{NAME}" / "slurm.conf"),
            "PATH": f"{SLURM}/usr/bin:/usr/bin:/bin",
            "CONTAINER_KERNELS_PYTHON": sys.executable,
        }
    finally:
        script("slurm.sh", "down", NAME)


@pytest.fixture(scope="session")
def portal() -> Iterator[str]:
    """OnDemand's proxy, which closes what is silent for 5 seconds; its address."""
    try:
        yield f"http://127.0.0.1:{_portal_up()}"
    finally:
        script("ondemand.sh", "down", NAME)


def _portal_up(tries: int = 3) -> int:
    """Start the portal, and return its port; somebody else may take a free port before it does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    try:
        script("ondemand.sh", "up", str(port), NAME)
    except subprocess.CalledProcessError:
        if tries == 1:
            raise
        return _portal_up(tries - 1)
    return port


@dataclass
class Session:
    """A JupyterLab in a job, as a browser reaches it: through the portal, with the cookie of its password."""

    job: str
    folder: Path
    client: httpx.Client

    def ask(self, verb: str, path: str, body: object = None, done: Callable[[], Any] | None = None) -> Any:
        """Ask the extension as :meth:`send` does."""
        return self.send(verb, f"container-kernels/{path}", body, done)

    def send(self, verb: str, path: str, body: object = None, done: Callable[[], Any] | None = None) -> Any:
        """Send a request as a page does, and return the JSON of its answer.

        Where the portal answers for a busy session, it is sent again. What must not be done twice has ``done``, which
        returns what came of it, or ``None``: the session may be at it still.
        """
        headers = {"X-XSRFToken": self.client.cookies.get("_xsrf") or ""}
        deadline = time.monotonic() + 90
        while is_portal(answer := self.client.request(verb, path, json=body, headers=headers)):
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.5)
            until = time.monotonic() + 30
            while done is not None and time.monotonic() < until:
                if (found := done()) is not None:
                    return found
                time.sleep(0.5)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    def add(self, image: str, name: str = "Demo", **more: object) -> Any:
        """Begin to add a kernel, and return the task."""
        before = {task["id"] for task in self.ask("GET", "tasks")["tasks"]}

        def begun() -> Any:
            return next((each for each in self.ask("GET", "tasks")["tasks"] if each["id"] not in before), None)

        return self.ask("POST", "kernels", {"image": image, "display_name": name, **more}, begun)

    def cancel(self, task: Any) -> None:
        """Cancel a task; asked twice, it would be dismissed."""

        def ends() -> Any:
            now = self.ask("GET", f"tasks/{task['id']}")
            return now if now["state"] in ("cancelling", "cancelled") else None

        self.ask("DELETE", f"tasks/{task['id']}", {}, ends)

    def delete(self, slug: str, **more: object) -> None:
        """Delete a kernel."""

        def gone() -> Any:
            there = {each["slug"] for each in self.ask("GET", "kernels")["kernels"]}
            return None if slug in there else {}

        self.ask("DELETE", f"kernels/{slug}", more, gone)

    def start(self, slug: str) -> str:
        """Start a kernel without a notebook, and return its id."""
        before = {each["id"] for each in self.send("GET", "api/kernels")}

        def begun() -> Any:
            return next((each for each in self.send("GET", "api/kernels") if each["id"] not in before), None)

        return str(self.send("POST", "api/kernels", {"name": slug}, begun)["id"])

    def shut_down(self, kernel_id: str) -> None:
        """End a kernel."""

        def gone() -> Any:
            return None if kernel_id in {each["id"] for each in self.send("GET", "api/kernels")} else {}

        self.send("DELETE", f"api/kernels/{kernel_id}", done=gone)


def is_portal(answer: httpx.Response) -> bool:
    """Tell whether the portal has answered in place of a session that was too busy."""
    return answer.status_code >= 500 and "json" not in answer.headers.get("content-type", "")


@pytest.fixture(scope="module")
def start_session(
    slurm: dict[str, str], portal: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Session]]:
    """Return what starts a session: options of ``sbatch``, variables that the site's script sets, its settings."""
    jobs: list[str] = []
    with contextlib.ExitStack() as stack:

        def start(*options: str, settings: dict[str, str] | None = None, **variables: str) -> Session:
            folder = tmp_path_factory.mktemp("session")
            home = folder / "home"
            home.mkdir()
            named = [f"{name}={value}" for name, value in variables.items()]
            program = str(ROOT / "scripts" / "ondemand-session.sh")
            submit = ["sbatch", "--parsable", f"--output={folder}/job.log", *options, program, str(folder), *named]
            job = subprocess.check_output(
                submit, env={**slurm, "HOME": str(home), **(settings or {})}, text=True, timeout=30
            ).strip()
            jobs.append(job)
            told = json.loads(wait_for(folder / "connection.json", folder))
            base = f"{portal}/node/127.0.0.1/{told['port']}/"
            client = stack.enter_context(httpx.Client(base_url=base, timeout=30, follow_redirects=True))
            log_in(client, told["password"], folder)
            return Session(job, folder, client)

        yield start
    subprocess.run(["scancel", *jobs], env=slurm, check=False, timeout=30)


def wait_for(file: Path, folder: Path) -> str:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, said(folder)
        time.sleep(0.1)
    return file.read_text()


def log_in(client: httpx.Client, password: str, folder: Path) -> None:
    deadline = time.monotonic() + 90
    while client.get("api/status").status_code != 200:
        assert time.monotonic() < deadline, said(folder)
        time.sleep(0.2)
        if client.get("login").status_code == 200:  # the portal answers until the session listens
            client.post("login", data={"password": password, "_xsrf": client.cookies.get("_xsrf") or ""})


def said(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.glob("*.log")) or "the job has said nothing"
