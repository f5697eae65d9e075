"""Two servers of one user on one home: what one does is never half undone by the other."""

from __future__ import annotations

import json
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.real.bed import Bed
from tests.real.jupyter import JupyterServer


@pytest.fixture
def servers(bed: Bed, tmp_path: Path) -> Iterator[tuple[JupyterServer, JupyterServer]]:
    """Two servers on the same Jupyter directories."""
    places = [tmp_path / name for name in ("first", "second")]
    for place in places:
        place.mkdir()
    with ExitStack() as stack:

        def start(place: Path) -> JupyterServer:
            server = JupyterServer(place)
            stack.callback(server.stop)
            return server

        with ThreadPoolExecutor() as pool:
            first, second = pool.map(start, places)
        yield first, second


def ended(server: JupyterServer, task: dict[str, Any]) -> dict[str, Any]:
    while not (task := server.ask("GET", f"tasks/{task['id']}"))["ended"]:
        time.sleep(0.1)
    return task


def published(bed: Bed) -> list[str]:
    """Return the names of all kernels, each of which is whole: its files are there, and all that its record names."""
    for kernel in bed.kernels.iterdir():
        record = json.loads((kernel / "kernel.json").read_text())["metadata"]["container_kernels"]
        assert {"kernel.json", "init.sh", "logo-svg.svg"} <= {file.name for file in kernel.iterdir()}
        assert Path(record["image"]["path"]).is_file(), f"{kernel.name} has no image"
        assert Path(record["packages"]["path"]).is_dir(), f"{kernel.name} has no folder for packages"
        assert Path(record["log"]).parent.is_dir(), f"{kernel.name} has no folder for its log"
    return sorted(kernel.name for kernel in bed.kernels.iterdir())


def test_two_servers_that_add_and_delete_at_once_leave_whole_kernels_only(
    bed: Bed, servers: tuple[JupyterServer, JupyterServer], registry: str
) -> None:
    first, second = servers
    body = {"image": f"{registry}/demo/python-ipykernel:1", "display_name": "Same"}

    def add(server: JupyterServer) -> dict[str, Any]:
        return ended(server, server.ask("POST", "kernels", body))

    with ThreadPoolExecutor() as pool:
        tasks = list(pool.map(add, [first, second]))
    done = [task["slug"] for task in tasks if task["state"] == "done"]
    assert sorted(done) == published(bed), "what is said to be done is there, and nothing else"
    assert max(Counter(done).values()) == 1, "no name twice"
    lost = [task["error"] for task in tasks if task["state"] != "done"]
    assert all(error["code"] == "slug_taken" for error in lost), lost  # two asked within one moment
    assert done
    assert len(list((bed.state / "images").glob("sha256-*.sif"))) == 1, "one image, fetched once"

    # one server deletes all kernels with their image, while the other one adds another of the same image
    task = second.ask("POST", "kernels", {**body, "display_name": "Kept"})
    for slug in done:
        first.ask("DELETE", f"kernels/{slug}", {"purge": True, "delete_image": True})
    kept = ended(second, task)
    assert kept["state"] == "done", kept["error"]
    assert published(bed) == ["kept"]

    # both delete the same one at once
    def delete(server: JupyterServer) -> int:
        try:
            server.ask("DELETE", "kernels/kept", {"purge": True, "delete_image": True})
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    with ThreadPoolExecutor() as pool:
        answers = sorted(pool.map(delete, servers))
    assert answers in ([200, 200], [200, 404])
    bed.assert_nothing_is_left()
