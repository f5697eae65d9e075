"""Ask a real Jupyter server for many container kernels, healthy, stale in every way, and made by others."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from jupyterlab_container_kernels.models import Bind, KernelRuntime  # noqa: E402
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord  # noqa: E402
from jupyterlab_container_kernels.system.paths import Roots  # noqa: E402
from tests.builders import add_kernel, store_image  # noqa: E402
from tests.real.jupyter import JupyterServer  # noqa: E402

#: An extension of the server that tells how long its event loop was kept from other work.
_RECORDER = """
import asyncio, time
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

longest = 0.0

class Handler(RequestHandler):
    def get(self):
        global longest
        self.write({"longest_ms": longest * 1000})
        longest = 0.0

async def watch():
    global longest
    while True:
        begin = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, time.perf_counter() - begin - 0.001)

def _jupyter_server_extension_points():
    return [{"module": "loop_recorder"}]

def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*$", [("/longest-block", Handler)])
    IOLoop.current().add_callback(watch)
"""


@dataclass
class Times:
    """How long each request took, and the longest time for which the event loop was blocked meanwhile, in ms."""

    cold: float
    warm: list[float]
    blocked: list[float]
    idle: list[float]


@contextmanager
def _user() -> Iterator[tuple[Path, Roots]]:
    """Make a user's directories, for this process and those that it starts."""
    with tempfile.TemporaryDirectory() as folder:
        user = Path(folder)
        for name, variable in (
            ("data", "JUPYTER_DATA_DIR"),
            ("config", "JUPYTER_CONFIG_DIR"),
            ("runtime", "JUPYTER_RUNTIME_DIR"),
        ):
            (user / name).mkdir(mode=0o700)
            os.environ[variable] = str(user / name)
        state = user / "data/container-kernels"
        yield user, Roots(user / "data/kernels", state / "images", state / "packages", state)


def _record_the_loop(user: Path) -> None:
    (user / "lib").mkdir()
    (user / "lib/loop_recorder.py").write_text(_RECORDER)
    os.environ["PYTHONPATH"] = str(user / "lib")


def _longest_block(server: JupyterServer) -> float:
    """Return for how long the event loop was blocked at most since this was asked last, in milliseconds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/longest-block", timeout=20) as answer:
        longest: float = json.loads(answer.read())["longest_ms"]
    return longest


def _ask(server: JupyterServer, requests: int, is_right: Callable[[Counter[str]], bool]) -> Times:
    times = Times(0.0, [], [], [])
    for number in range(requests + 1):
        _longest_block(server)
        time.sleep(0.05)
        times.idle.append(_longest_block(server))
        begin = time.perf_counter()
        answer = server.ask("GET", "kernels")
        lasted = (time.perf_counter() - begin) * 1000
        times.blocked.append(_longest_block(server))
        found = Counter(each["status"]["code"] for each in answer["kernels"])
        if not is_right(found):
            raise RuntimeError(f"the list is not what was made: {found}")
        if number == 0:
            times.cold = lasted
        else:
            times.warm.append(lasted)
    return times


def time_lists(count: int, requests: int) -> Times:
    """List healthy kernels, each with an image of its own."""
    with _user() as (user, roots):
        for number in range(count):
            image = store_image(roots, f"sha256-{number:04}")
            add_kernel(roots, f"kernel-{number:03}", image, display_name=f"Kernel {number}")
        return _serve(user, requests, lambda found: found == Counter(ok=count))


def time_mixed_lists(requests: int) -> Times:
    """List 750 healthy kernels, 200 that are stale in ten ways, and 50 that others made."""
    with _user() as (user, roots):
        packages = _package_set(roots)
        images = [store_image(roots, f"sha256-{number:04}") for number in range(250)]
        for number in range(750):
            image = images[number % len(images)]
            add_kernel(roots, f"kernel-{number:03}", image, display_name=f"Kernel {number}", packages=packages(number))
        wanted = Counter(ok=750, unsafe=50)
        for number in range(200):
            wanted[_stale(roots, number, user)] += 1
        for number in range(50):
            _foreign(roots, number, images[number])
        return _serve(user, requests, lambda found: found == wanted)


def time_deletions(count: int) -> float:
    """Return how many seconds it takes to delete so many of 1000 kernels one after the other, as a clean-up does."""
    with _user() as (user, roots):
        images = [store_image(roots, f"sha256-{number:04}") for number in range(250)]
        for number in range(950):
            add_kernel(roots, f"kernel-{number:03}", images[number % len(images)])
        for number in range(50):
            _foreign(roots, number, images[number])
        server = JupyterServer(user)
        try:
            server.ask("GET", "kernels")
            begin = time.perf_counter()
            for number in range(count):
                server.ask("DELETE", f"kernels/kernel-{number:03}", {})
            lasted = time.perf_counter() - begin
            if len(server.ask("GET", "kernels")["kernels"]) != 1000 - count:
                raise RuntimeError("not all were deleted")
            return lasted
        finally:
            server.stop()


def _serve(user: Path, requests: int, is_right: Callable[[Counter[str]], bool]) -> Times:
    _record_the_loop(user)
    server = JupyterServer(user, "loop_recorder")
    try:
        return _ask(server, requests, is_right)
    finally:
        server.stop()
        del os.environ["PYTHONPATH"]


def _package_set(roots: Roots) -> Callable[[int], PackagesRecord]:
    """Make ten sets of packages; returns what the record of a kernel says."""
    for number in range(10):
        site = roots.packages / f"shared/set-{number}/lib/python3.11/site-packages"
        for name in range(30):
            (site / f"p{name}").mkdir(parents=True)
            (site / f"p{name}-1.0.dist-info").mkdir()
            files = [f"p{name}/{file}.py" for file in range(30)]
            for file in files:
                (site / file).touch()
            (site / f"p{name}-1.0.dist-info/RECORD").write_text("".join(f"{file},,\n" for file in files))

    def record_of(number: int) -> PackagesRecord:
        shared = str(roots.packages / f"shared/set-{number % 10}")
        return PackagesRecord(str(roots.packages / f"kernel-{number:03}"), shared, 3, ["p0==1.0"])

    return record_of


def _stale(roots: Roots, number: int, user: Path) -> str:
    """Make a kernel that does not work or about which there is something to say; returns what."""
    slug = f"stale-{number:03}"
    image = store_image(roots, slug)
    file, checked = roots.kernels / slug / "kernel.json", roots.logs / slug / "checked.json"
    changes: dict[str, dict[str, Any]] = {
        "runtime_missing": {"runtime": KernelRuntime("apptainer", "/no/such/apptainer", "1.4.5")},
        "bind_missing": {"binds": [Bind(str(user / "no such folder"), None, False)]},
    }
    result = {"at": "2100-01-01T00:00:00Z", "ok": True, "message": "x", "hint": "", "digest": "sha256:2"}
    breaks: dict[str, Callable[[], object]] = {
        "image_missing": image.unlink,
        "image_changed": lambda: os.utime(image, (1, 1)),
        "image_damaged": lambda: os.truncate(image, 1000),
        "image_writable": lambda: image.chmod(0o666),
        "packages_missing": lambda: (roots.packages / slug).rename(roots.packages / f"{slug}-away"),
        "invalid_kernel_json": lambda: file.write_text('{"argv": ["apptainer"'),
        "update_available": lambda: (
            file.write_text(file.read_text().replace('"digest": null', '"digest": "sha256:1"')),
            checked.write_text(json.dumps(result)),
        ),
        "does_not_start": lambda: checked.write_text(json.dumps({**result, "ok": False})),
        **dict.fromkeys(changes, lambda: None),
    }
    code = sorted(breaks)[number % len(breaks)]
    add_kernel(roots, slug, image, **changes.get(code, {}))
    breaks[code]()
    return code


def _foreign(roots: Roots, number: int, image: Path) -> None:
    directory = roots.kernels / f"foreign-{number}"
    directory.mkdir()
    (directory / "init.sh").write_text(
        f"#!/bin/bash\nml apptainer\napptainer exec --nv {image} python -m ipykernel $@\n"
    )
    (directory / "init.sh").chmod(0o755)
    spec = {"argv": [f"{directory}/init.sh", "-f", "{connection_file}"], "display_name": "x", "language": "python"}
    (directory / "kernel.json").write_text(json.dumps(spec))
