"""A real Jupyter server with the extension, as a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from .ports import free_port


class JupyterServer:
    """A server on a free port of this machine; its Jupyter directories come from the environment."""

    def __init__(self, root_dir: Path, *extensions: str) -> None:
        self.token = "test-token"  # the test's own, for a server that lives for seconds
        self.port = free_port()
        config = {
            "ServerApp": {
                "ip": "127.0.0.1", "port": self.port, "port_retries": 0, "root_dir": str(root_dir),
                "open_browser": False, "allow_root": True,
                "jpserver_extensions": dict.fromkeys(["jupyterlab_container_kernels", *extensions], True),
            },
        }  # fmt: skip
        path = root_dir / "jupyter_server_test_config.json"
        path.write_text(json.dumps(config))
        # no secret on the command line, not even here
        env = {**os.environ, "JUPYTER_TOKEN": self.token}
        self.log = (root_dir / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", f"--config={path}"],
            env=env,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                self.ask("GET", "info")
                return
            except OSError:  # nothing listens, or it is slow to answer
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.1)
        raise AssertionError("the server did not answer")

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        """Ask a route of ours and return its JSON."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/container-kernels/{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def kill(self) -> None:
        """End it at once, as a node that runs out of memory would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self) -> None:
        """End it as a user would."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()
