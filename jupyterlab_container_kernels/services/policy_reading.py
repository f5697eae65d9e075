"""Finds a site's policy file and reads it in a thread, since its file system may hang.

The start of the server waits for this. So what understands such a file is imported only where there is one.
"""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event, Thread

from jupyter_core import paths

from ..settings import PolicyFile, PolicyProblem

NAME = "container-kernels.toml"
_READ_S = 3.0
#: What could not be read is tried again at most this often, in seconds.
_AGAIN_S = 30.0


class PolicyReading:
    """What a site's policy file says, as soon as its file system answers.

    Parameters
    ----------
    named : str
        Its path; empty: the system's, else that of the environment in which Jupyter is installed.
    """

    def __init__(self, named: str) -> None:
        self._named = named
        self._found = PolicyFile()
        self._begin()

    def get(self) -> PolicyFile:
        """Return it, or after a short while that its file system hangs. Never raises."""
        if self._is_over.wait(max(0.0, self._began + _READ_S - time.monotonic())):
            return self._found
        return _unread(self._at, "does not answer: its file system hangs")

    def has_come(self) -> bool:
        """Tell, without waiting, whether it was read by now; if it could not be, it is tried again."""
        if not self._is_over.is_set():
            return False
        if not self._found.is_read and time.monotonic() - self._began > _AGAIN_S:
            self._begin()
            return False
        return self._found.is_read

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._is_over = Event()
        self._at: Path | None = None
        Thread(target=self._look, name="container-kernels-policy", daemon=True).start()

    def _look(self) -> None:
        try:
            self._found = self._read()
        except Exception as error:  # nothing about a file may end as if there were none
            self._found = _unread(self._at, f"cannot be read: {error}")
        self._is_over.set()

    def _read(self) -> PolicyFile:
        folders = [*reversed(paths.SYSTEM_CONFIG_PATH), *paths.ENV_CONFIG_PATH]
        for file in [Path(self._named)] if self._named else [Path(folder) / NAME for folder in folders]:
            self._at = file
            if self._named or _is_there(file):
                from .policy_file import read

                return read(file)
        return PolicyFile()


def _is_there(file: Path) -> bool:
    """Tell whether there is a file. A folder that the user may not enter holds none, as for Jupyter's own files."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    except OSError:
        return True  # reading it tells what it has
    return True


def _unread(path: Path | None, reason: str) -> PolicyFile:
    return PolicyFile(path, problems=[PolicyProblem("", None, reason, ("registries", "files"))], is_read=False)
