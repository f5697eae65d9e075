"""Start JupyterLab's server in a process of its own, up to where it would begin to serve, and tell what that took.

Run as a program it is that process: it reads what to do from its arguments and prints JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = "jupyterlab_container_kernels"
#: What Python tells of starting a process, and of looking into a folder (https://docs.python.org/3/library/audit_events.html).
PROCESS_EVENTS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
FOLDER_EVENTS = {"os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.glob", "glob.glob/2", "pathlib.Path.glob"}


@dataclass
class Start:
    """What a start took, and what our code did in it."""

    #: The whole start.
    wall_ms: float = 0
    #: What of it went into importing, linking and loading our part.
    ours_ms: float = 0
    ours_cpu_ms: float = 0
    processes: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def start(*, enabled: bool, audit: bool = False) -> Start:
    """Start it once, with Jupyter directories of its own."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        (config / "jupyter_server_config.d").mkdir(parents=True)
        # The user's word, which here has precedence over the environment's
        # (https://docs.jupyter.org/en/latest/use/jupyter-directories.html).
        (config / "jupyter_server_config.d/bench.json").write_text(
            json.dumps({"ServerApp": {"jpserver_extensions": {PACKAGE: enabled}}})
        )
        done = subprocess.run(
            [sys.executable, __file__, "audit" if audit else "time", str(int(enabled)), folder],
            env={
                **os.environ,
                "JUPYTER_PREFER_ENV_PATH": "0",
                "JUPYTER_CONFIG_DIR": str(config),
                "JUPYTER_DATA_DIR": f"{folder}/data",
                "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
            },
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode != 0:
        raise RuntimeError(f"JupyterLab did not start: {done.stderr[-2000:]}")
    return Start(**json.loads(done.stdout.splitlines()[-1]))


class Audit:
    """Notes what is done while code of ours is on the stack; what Python does to import a module is not ours."""

    def __init__(self, found: Start) -> None:
        self._found = found
        self._folder = f"{os.sep}{PACKAGE}{os.sep}"
        self.is_on = True

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        kinds = {"open": self._found.files}
        kinds.update(dict.fromkeys(PROCESS_EVENTS, self._found.processes))
        kinds.update(dict.fromkeys(FOLDER_EVENTS, self._found.folders))
        if self.is_on and event in kinds and self._is_ours(sys._getframe(1)):
            kinds[event].append(f"{details[0]}")

    def _is_ours(self, frame: FrameType | None) -> bool:
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith("<frozen importlib"):
                return False
            if self._folder in name:
                return True
            frame = frame.f_back
        return False


def time_our_part(found: Start) -> None:
    """Let the server note how long it is busy with our extension. What JupyterLab has imported before costs nothing."""
    from jupyter_server.extension.manager import ExtensionManager

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(manager: ExtensionManager, name: str, *rest: Any, **options: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return method(manager, name, *rest, **options)
            finally:
                if name == PACKAGE:
                    found.ours_ms += (time.perf_counter() - wall) * 1000
                    found.ours_cpu_ms += (time.process_time() - cpu) * 1000

        return call

    for name in ("add_extension", "link_extension", "load_extension"):
        setattr(ExtensionManager, name, timed(getattr(ExtensionManager, name)))


def main(mode: str, enabled: bool, folder: str) -> None:
    """Start it here."""
    found = Start()
    audit = Audit(found)
    if mode == "audit":
        sys.addaudithook(audit)
    wall = time.perf_counter()
    from jupyterlab.labapp import LabApp

    time_our_part(found)

    arguments = ["--no-browser", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}", "--allow-root"]
    LabApp.initialize_server(arguments)
    found.wall_ms = (time.perf_counter() - wall) * 1000
    audit.is_on = False
    # Python's own search path names a .zip that is not there
    found.folders = [each for each in found.folders if Path(each).is_dir()]
    if (f"{PACKAGE}.app" in sys.modules) != enabled:
        raise SystemExit(f"{PACKAGE} was {'not ' if enabled else ''}loaded")
    print(json.dumps(asdict(found)), flush=True)
    os._exit(0)  # nothing was served, nothing is to be waited for


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "1", sys.argv[3])
