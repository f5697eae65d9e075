"""What a site may set, what the browser is told, and that loading costs nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from jupyterlab_container_kernels.app import EVENT_SCHEMA, ContainerKernelsApp, Events
from jupyterlab_container_kernels.traits import Traits

TIMES = sorted(name for name in ContainerKernelsApp.class_trait_names() if name.endswith("_timeout_s"))
PATHS = ["runtime_path", "images_dir", "packages_dir", "temporary_dir", "wheelhouse"]


@pytest.fixture
def app(home: Path, monkeypatch: pytest.MonkeyPatch) -> ContainerKernelsApp:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home / "data"))
    return ContainerKernelsApp()


def test_by_default_all_lies_in_jupyters_data_directory(app: ContainerKernelsApp, home: Path) -> None:
    settings = app.values()
    assert settings.images_dir == home / "data" / "container-kernels" / "images"
    assert settings.packages_dir == home / "data" / "container-kernels" / "packages"
    assert settings.temporary_dir is None
    assert settings.wheelhouse is None
    assert settings.runtime_path == ""


@pytest.mark.parametrize("name", PATHS)
def test_home_and_variables_are_filled_in(
    app: ContainerKernelsApp, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SCRATCH", "/scratch/u")
    setattr(app, name, "~/x")
    assert getattr(app, name) == f"{home}/x"
    setattr(app, name, "$SCRATCH/x")
    assert getattr(app, name) == "/scratch/u/x"
    setattr(app, name, "")
    assert getattr(app, name) == ""


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("value", ["images", "./images", "$NOT_SET_ANYWHERE/x", "apptainer"])
def test_a_path_that_is_not_in_full_is_refused(app: ContainerKernelsApp, name: str, value: str) -> None:
    with pytest.raises(TraitError, match=name):
        setattr(app, name, value)


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", [0, -1, -0.5])
def test_a_time_that_is_none_is_refused(app: ContainerKernelsApp, name: str, value: float) -> None:
    with pytest.raises(TraitError, match=name):
        setattr(app, name, value)


@pytest.mark.parametrize("name", TIMES)
def test_times_reach_the_services(app: ContainerKernelsApp, name: str) -> None:
    setattr(app, name, 7)
    assert getattr(app.values(), name) == 7


def test_every_trait_of_ours_says_what_it_is_for() -> None:
    ours = Traits.class_own_traits(config=True)
    assert {*PATHS, *TIMES, "insecure_registries"} <= set(ours)
    for name, trait in ours.items():
        assert trait.help.endswith("."), name
        assert not name.endswith("_timeout_s") or "Seconds" in trait.help


class Logger:
    """Takes what is emitted."""

    def __init__(self) -> None:
        self.emitted: list[dict[str, Any]] = []

    def emit(self, *, schema_id: str, data: dict[str, Any]) -> None:
        assert schema_id == EVENT_SCHEMA
        self.emitted.append(data)


def test_a_change_is_told_at_once_and_many_at_a_time_once() -> None:
    logger = Logger()
    events = Events(logger)
    for seq in range(1, 50):
        events.tell("a", seq, "running")
    assert logger.emitted == [{"task_id": "a", "seq": 1, "state": "running"}]
    time.sleep(0.3)
    events.tell("a", 50, "running")
    assert [each["seq"] for each in logger.emitted] == [1, 50]


def test_one_task_silences_no_other() -> None:
    logger = Logger()
    events = Events(logger)
    for task in ("a", "b"):
        events.tell(task, 1, "running")
    assert [each["task_id"] for each in logger.emitted] == ["a", "b"]


@pytest.mark.parametrize("state", ["cancelling", "done", "failed", "cancelled", "interrupted"])
def test_an_end_is_always_told(state: str) -> None:
    logger = Logger()
    events = Events(logger)
    events.tell("a", 1, "running")
    events.tell("a", 2, state)
    assert logger.emitted[-1] == {"task_id": "a", "seq": 2, "state": state}


#: Imports the extension, links it to a server and writes down what that opened and started.
LOAD = """
import sys, os
sys.path.remove("")  # importing looks there
watched = []
recording = False
def hook(event, arguments):
    if not recording:
        return
    if event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec", "os.forkpty"):
        watched.append(f"{event} {arguments}")
    if event in ("os.listdir", "os.scandir", "socket.connect", "urllib.Request", "os.mkdir", "os.rename", "os.remove"):
        watched.append(f"{event} {arguments[0] if arguments else ''}")
    if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.fsdecode(arguments[0])
        if not path.endswith((".py", ".pyc", ".so", ".json")) and path.startswith(os.environ["JUPYTER_DATA_DIR"]):
            watched.append(f"open {path}")
sys.addaudithook(hook)
from jupyter_server.serverapp import ServerApp
server = ServerApp()
server.initialize(argv=["--allow-root"], new_httpserver=False, find_extensions=False)
recording = True
import jupyterlab_container_kernels
[point] = jupyterlab_container_kernels._jupyter_server_extension_points()
extension = point["app"]()
extension._link_jupyter_server_extension(server)
extension.initialize()
recording = False
for line in watched:
    print(line)
print(len(extension.handlers))
"""


def test_loading_starts_no_process_and_looks_at_no_file_of_the_user(home: Path, tmp_path: Path) -> None:
    data = home / "data"
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "JUPYTER_DATA_DIR": str(data),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    *watched, routes = done.stdout.splitlines()
    assert int(routes) > 5, "it was not loaded"
    code = (str(Path(__file__).parents[2]), sys.prefix, sys.base_prefix)  # importing looks there, too
    assert [line for line in watched if not any(path in line for path in code)] == []
    assert not (data / "container-kernels").exists()


def test_importing_the_package_imports_no_server() -> None:
    code = "import sys, jupyterlab_container_kernels; print('tornado' in sys.modules, 'jupyter_server' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]
