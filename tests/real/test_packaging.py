"""The wheel, as a user gets it: one `pip install`, no Node.js, everything on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


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


def test_after_pip_install_jupyter_says_that_both_parts_are_ok(wheel: Path, tmp_path: Path) -> None:
    """In an environment that sees JupyterLab, but not this checkout."""
    made = tmp_path / "venv"
    venv.create(made, with_pip=False)
    (site,) = made.glob("lib/python*/site-packages")
    outer = [path for path in sys.path if path.endswith("site-packages")]
    # what the checkout's own environment holds, but for this project installed from the checkout
    (site / "outer.pth").write_text("".join(f"{path}\n" for path in outer))
    python = str(made / "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--force-reinstall"]
    subprocess.run([*pip, "--quiet", str(wheel)], check=True, timeout=120)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTHON"))}
    env |= {"JUPYTER_PREFER_ENV_PATH": "1", "HOME": str(tmp_path), "JUPYTER_PATH": ""}

    def said(*words: str) -> str:
        done = subprocess.run(
            [python, *words], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
        )
        return re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)

    version = json.loads((_ROOT / "package.json").read_text())["version"]
    listed = said("-m", "jupyter", "labextension", "list")
    (line,) = [line for line in listed.splitlines() if "jupyterlab-container-kernels" in line]
    assert "enabled" in line
    assert "OK" in line
    servers = said("-m", "jupyter", "server", "extension", "list")
    lines = [line.split() for line in servers.splitlines()]
    assert ["jupyterlab_container_kernels", "enabled"] in lines
    assert ["jupyterlab_container_kernels", version, "OK"] in lines
    assert said("-m", "jupyterlab_container_kernels.cli", "--version").strip() == version
