"""The wheel, as users and sites get it: one `pip install`, no Node.js, everything on, nothing to be written later."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.system.paths import read_json

from ..unit.test_upgrade import FIRST

_ROOT = Path(__file__).parents[2]
_TOKEN = "test-token"  # the test's own, for a server that lives for seconds
#: A block of commands in the document, by the name that stands above it.
_TESTED = re.compile(r"<!-- tested: ([\w-]+) -->\n+```bash\n(.*?)```", re.DOTALL)
#: As the wheel of an earlier version would be called.
_EARLIER = "0.0.1"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, whose front end `make build` has built."""
    if not (_ROOT / "jupyterlab_container_kernels/labextension/package.json").is_file():
        pytest.fail("the front end is not built: run these tests by `make test-py`")
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(directory), str(_ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (made,) = directory.glob("*.whl")
    return made


def test_the_wheel_holds_both_parts_and_what_turns_them_on(wheel: Path) -> None:
    names = {name.partition(".data/data/")[2] or name for name in zipfile.ZipFile(wheel).namelist()}
    extension = "share/jupyter/labextensions/jupyterlab-container-kernels"
    assert {
        f"{extension}/package.json",
        f"{extension}/install.json",
        f"{extension}/schemas/jupyterlab-container-kernels/package.json.orig",
        "etc/jupyter/jupyter_server_config.d/jupyterlab_container_kernels.json",
        "jupyterlab_container_kernels/templates/init.sh.j2",
        "jupyterlab_container_kernels/openapi.yaml",
        "jupyterlab_container_kernels/event_schema.yaml",
        "jupyterlab_container_kernels/kernel_event_schema.yaml",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "ui-tests/", "scripts/", ".cache"))]


class Site:
    """An environment that holds JupyterLab, and a user of it.

    The commands are those of ``docs/administrators.md``. The environment stands for ``/opt/jupyter``, the folder for
    configuration in it for ``/etc/jupyter``, where nobody but root may write.
    """

    def __init__(self, folder: Path) -> None:
        self.environment = folder / "environment"
        self.home = folder / "home"
        self.wheels = folder / "wheels"
        self.home.mkdir()
        self.wheels.mkdir()
        venv.create(self.environment, with_pip=False)
        (site,) = self.environment.glob("lib/python*/site-packages")
        # what the checkout's own environment holds, but for this project, which is installed there from the checkout
        for outer in {Path(each) for each in sys.path if each.endswith("site-packages")}:
            for entry in outer.iterdir():
                is_ours = "jupyterlab_container_kernels" in entry.name
                if not is_ours and entry.suffix != ".pth" and not (site / entry.name).exists():
                    (site / entry.name).symlink_to(entry)
        for name in ("jupyter", "jupyter-server", "jupyter-labextension", "jupyter-kernelspec"):
            _, _, rest = Path(sys.executable).with_name(name).read_text().partition("\n")
            script = self.environment / "bin" / name
            script.write_text(f"#!{self.environment}/bin/python\n{rest}")
            script.chmod(0o755)
        self._blocks = dict(_TESTED.findall((_ROOT / "docs" / "administrators.md").read_text()))
        self._env = {
            "HOME": str(self.home),
            "USER": "mst3k",
            "PATH": "/usr/bin:/bin",
            "PIP_NO_INDEX": "1",  # the wheel from here, what it needs from the environment
            "PIP_FIND_LINKS": str(self.wheels),
            "JUPYTER_TOKEN": _TOKEN,
        }

    def run(self, block: str) -> str:
        """Run the commands of a block as they stand in the document, and return what they print."""
        places = {
            "/opt/jupyter/": f"{self.environment}/",
            "/opt/jupyter\n": f"{self.environment}\n",
            "/etc/jupyter": str(self.configuration),
            "/opt/apptainer/bin/apptainer": shutil.which("apptainer") or "apptainer",
            "/scratch": str(self.home / "scratch"),
        }
        text = self._blocks[block]
        for place, here in places.items():
            text = text.replace(place, here)
        command, output = ["bash", "-euxo", "pipefail", "-c", text], subprocess.PIPE
        done = subprocess.run(
            command, check=False, env=self._env, cwd=self.home, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        said = re.sub(r"\x1b\[\d+m", "", done.stdout)
        assert done.returncode == 0, said
        return said

    @property
    def configuration(self) -> Path:
        return self.environment / "etc" / "jupyter"

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "jupyter"

    def told(self, *routes: str) -> list[Any]:
        """Return what a server that a user starts answers to GET, with the settings of the site and no others."""
        command = [
            str(self.environment / "bin" / "jupyter"),
            "server",
            "--no-browser",
            "--ip=127.0.0.1",
            "--allow-root",
        ]
        log = (self.home / "server.log").open("wb")
        server = subprocess.Popen(command, env=self._env, cwd=self.home, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + 120
            # the port is the first free one that Jupyter finds
            while not (found := [each for each in map(read_json, self.data.glob("runtime/jpserver-*.json")) if each]):
                assert server.poll() is None and time.monotonic() < deadline, (self.home / "server.log").read_text()
                time.sleep(0.1)

            def answer(route: str) -> Any:
                request = urllib.request.Request(
                    f"{found[0]['url']}container-kernels/{route}", headers={"Authorization": f"token {_TOKEN}"}
                )
                with urllib.request.urlopen(request, timeout=120) as said:
                    return json.loads(said.read())

            while any(each["searching"] for each in answer("info")["runtimes"]):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            return [answer(route) for route in routes]
        finally:
            server.terminate()
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
                raise
            log.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)


def earlier(wheel: Path, folder: Path, version: str) -> Path:
    """Write the same wheel under an earlier version's number."""
    made = folder / wheel.name.replace(version, _EARLIER)
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(("/METADATA", "/RECORD", "/package.json")):
                data = data.replace(version.encode(), _EARLIER.encode())
            target.writestr(name.replace(f"-{version}.", f"-{_EARLIER}."), data)
    return made


def test_a_site_installs_upgrades_and_removes_it_as_its_document_says(wheel: Path, site: Site) -> None:
    """In an environment that nobody can write to but root, whom modes do not bind."""
    version = json.loads((_ROOT / "package.json").read_text())["version"]
    kernel = site.data / "kernels" / "pytorch" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps(FIRST))

    earlier(wheel, site.wheels, version)
    site.run("site-install")
    assert os.access(site.environment / "bin", os.W_OK) == (os.getuid() == 0)
    shutil.copy(wheel, site.wheels)
    site.run("site-upgrade")
    assert os.access(site.environment / "bin", os.W_OK) == (os.getuid() == 0)

    said = site.run("site-look")
    (extension,) = [line for line in said.splitlines() if "jupyterlab-container-kernels" in line]
    assert f"jupyterlab-container-kernels v{version} enabled OK" in extension
    lines = [line.split() for line in said.splitlines()]
    assert ["jupyterlab_container_kernels", "enabled"] in lines
    assert ["jupyterlab_container_kernels", version, "OK"] in lines
    assert f"{site.configuration}/container-kernels.toml" in said

    before = sorted(site.environment.rglob("*"))
    info, kernels = site.told("info", "kernels")
    assert info["version"] == version
    images = f"{site.home}/scratch/mst3k/container-kernels/images"
    assert [disk["path"] for disk in info["disks"] if disk["purpose"] == "images"] == [images]
    assert info["runtimes"][0]["path"] == shutil.which("apptainer")
    assert [(each["display_name"], each["slug"]) for each in kernels["kernels"]] == [("PyTorch 2.9.1", "pytorch")]
    assert sorted(site.environment.rglob("*")) == before

    said = site.run("site-removal")
    assert str(kernel.parent) in said
    assert not list(site.environment.rglob("*container*kernels*"))
    assert json.loads(kernel.read_text()) == FIRST
