"""Images that are pulled where that is allowed: by a job of a real Slurm, or by a line that the user runs elsewhere."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Session, is_portal

#: A proxy that is not there; it has a password, so jobs do not get it, and reach the registry.
NO_NETWORK = "http://user:secret@127.0.0.1:9"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def begin(start_session: Callable[..., Session], slurm: dict[str, str], home: Path) -> Callable[..., Session]:
    """Return what starts a session of the same user."""

    def start(**variables: str) -> Session:
        handed = {name: value for name, value in os.environ.items() if name in ("APPTAINER_USERNS", "PYTHONPATH")}
        return start_session(
            "--time=30", "--mem=1G", HOME=str(home), PATH=slurm["PATH"] + f":{os.environ['PATH']}",
            SLURM_CONF=slurm["SLURM_CONF"], **handed, **variables,
        )  # fmt: skip

    return start


@pytest.fixture(scope="module")
def session(begin: Callable[..., Session]) -> Session:
    return begin(http_proxy=NO_NETWORK, HTTP_PROXY=NO_NETWORK, no_proxy="", NO_PROXY="")


@pytest.fixture
def image() -> str:
    registry = os.environ.get("CK_TEST_REGISTRY")
    if not registry:
        pytest.fail("CK_TEST_REGISTRY is not set: run these tests by scripts/with-registry.sh")
    return f"{registry}/demo/python-ipykernel:1"


@pytest.fixture
def busy(slurm: dict[str, str]) -> Iterator[Callable[[], None]]:
    """A cluster on which nothing else starts, until what is given is called."""
    node = subprocess.check_output(["sinfo", "-h", "-o", "%n"], env=slurm, text=True).split()[0]

    def set_to(state: str) -> None:
        more = ["reason=test"] if state == "drain" else []
        subprocess.run(["scontrol", "update", f"nodename={node}", f"state={state}", *more], env=slurm, check=True)

    set_to("drain")
    yield lambda: set_to("resume")
    if "drain" in subprocess.check_output(["sinfo", "-h", "-o", "%T"], env=slurm, text=True):
        set_to("resume")


def until(session: Session, task: dict[str, Any], reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 180
    while not reached(task):
        assert task["ended"] is None, f"{task['error']}\n{log_of(session, task)}"
        assert time.monotonic() < deadline, f"{task}\n{log_of(session, task)}"
        time.sleep(0.2)
        task = session.ask("GET", f"tasks/{task['id']}")
    return task


def log_of(session: Session, task: dict[str, Any]) -> str:
    return str(session.ask("GET", f"tasks/{task['id']}/log")["text"])


def add(session: Session, image: str, way: str, name: str = "Demo") -> dict[str, Any]:
    task: dict[str, Any] = session.add(image, name, pull_from=way)
    return task


def data(home: Path) -> Path:
    return home / ".local/share/jupyter/container-kernels"


def jobs(slurm: dict[str, str]) -> list[str]:
    """Return the jobs that pull images."""
    names = subprocess.check_output(["squeue", "-h", "-o", "%i %j"], env=slurm, text=True).splitlines()
    return [name.split()[0] for name in names if "container-kernels-pull" in name]


def nothing_left(home: Path) -> None:
    assert not list(data(home).glob("staging/pull-*"))
    assert [path.name for path in data(home).glob("images/*") if path.suffix != ".json"] == []
    assert not [path.name for path in data(home).glob("images/.*")]


def test_a_job_that_waits_says_why_keeps_secrets_out_and_is_cancelled(
    session: Session, slurm: dict[str, str], image: str, home: Path, busy: Callable[[], None]
) -> None:
    assert session.ask("GET", "info")["pull"] == {"policy": "auto", "ways": ["here", "job", "login"]}
    while is_portal(refused := session.client.post("container-kernels/resolve", json={"image": image})):
        time.sleep(0.5)
    assert refused.json()["code"] == "registry_unreachable", "so that the panel offers the other ways"
    task = until(session, add(session, image, "job"), lambda task: "waits in the queue: " in task["message"])
    [job] = jobs(slurm)
    assert task["message"].startswith(f"Slurm job {job} waits")
    [folder] = data(home).glob("staging/pull-*")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes.pop(folder.name) == modes.pop("job.sh") == 0o700
    assert set(modes.values()) == {0o600}
    shown = subprocess.check_output(["scontrol", "show", "job", job], env=slurm, text=True)
    written = shown + "".join(path.read_text() for path in folder.iterdir() if path.is_file())
    assert "secret" not in written
    session.cancel(task)
    ended = until(session, task, lambda task: task["ended"] is not None)
    assert (ended["state"], jobs(slurm)) == ("cancelled", [])
    nothing_left(home)


def test_a_line_that_the_user_runs_elsewhere_brings_it(session: Session, image: str, home: Path) -> None:
    task = until(session, add(session, image, "login", "By hand"), lambda task: task["command"] is not None)
    assert "login node" in task["message"]
    # as a user would: in a shell that knows nothing of the session
    shell = {name: os.environ[name] for name in ("PATH", "APPTAINER_USERNS") if name in os.environ}
    ran = subprocess.run(
        ["bash", "-c", task["command"]], env={**shell, "HOME": str(home.parent)}, capture_output=True, text=True,
        timeout=170, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    done = until(session, task, lambda task: task["ended"] is not None)
    assert done["state"] == "done", f"{done['error']}\n{log_of(session, done)}"
    assert done["command"] is None
    [kernel] = session.ask("GET", "kernels")["kernels"]
    assert kernel["image"]["digest"].startswith("sha256:")
    assert kernel["image"]["source"].startswith("docker://")
    assert not list(data(home).glob("staging/pull-*"))
    session.delete(kernel["slug"], purge=True)
    nothing_left(home)


def test_a_session_that_ends_leaves_the_job_and_the_next_one_goes_on_with_it(
    begin: Callable[..., Session],
    slurm: dict[str, str],
    image: str,
    home: Path,
    session: Session,
    busy: Callable[[], None],
) -> None:
    waiting = until(session, add(session, image, "job"), lambda task: "waits in the queue: " in task["message"])
    [job] = jobs(slurm)
    subprocess.run(["scancel", session.job], env=slurm, check=True, timeout=30)
    busy()
    again = begin(http_proxy=NO_NETWORK, HTTP_PROXY=NO_NETWORK, no_proxy="", NO_PROXY="")
    deadline = time.monotonic() + 60  # the first server may take its time to end
    while (ended := again.ask("GET", f"tasks/{waiting['id']}"))["ended"] is None and time.monotonic() < deadline:
        time.sleep(0.5)
    assert ended["state"] == "interrupted"
    assert "Continue" in ended["error"]["hint"]
    task = add(again, image, "job")
    done = until(again, task, lambda task: task["ended"] is not None)
    assert done["state"] == "done", f"{done['error']}\n{log_of(again, done)}"
    submitted = [line for line in log_of(again, done).splitlines() if "was submitted" in line]
    assert submitted == [], f"job {job} had brought it, or still did"
    assert jobs(slurm) == []
    assert not list(data(home).glob("staging/pull-*"))
