"""What we write is private under any umask and on any disk that others use as well; what others can change is named."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.acquire import credentials
from jupyterlab_container_kernels.services import facts
from jupyterlab_container_kernels.system.paths import Roots
from tests.api.conftest import Client
from tests.api.test_adding import ended
from tests.builders import FAKE_APPTAINER, write_sif

#: Secrets that a session may hold, and what the test-user of another user must not see.
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "aws-5ecret",
    "JUPYTER_TOKEN": "jupyter-5ecret",
    "APPTAINER_DOCKER_PASSWORD": "reg-5ecret",
}


class TestUnderAnyUmask:
    """A kernel is added, checked, and deleted by a server with an unusual umask."""

    @pytest.fixture
    def under(self, umask: int, client: Client) -> int:
        return umask

    @pytest.mark.parametrize("umask", [0o000, 0o077], indirect=True)
    async def test_nobody_else_can_read_or_change_what_adding_and_deleting_write(
        self, under: int, client: Client, roots: Roots, image: Path
    ) -> None:
        body = {"image": str(image), "display_name": "Demo", "gpu": "off", "environment": {"A": "1"}}
        task = await ended(client, (await client("post", "kernels", body)).holds("Task"))
        assert task["error"] is None
        ours = [roots.kernels / "demo", *(path for path in roots.state.rglob("*"))]
        loose = {str(path): oct(path.lstat().st_mode) for path in ours if private_breach(path, roots)}
        assert loose == {}
        (await client("delete", "kernels/demo")).holds("Removal")
        loose = {str(path): oct(path.lstat().st_mode) for path in roots.state.rglob("*") if private_breach(path, roots)}
        assert loose == {}


def private_breach(path: Path, roots: Roots) -> bool:
    """Tell whether others may read or write something, and enter all directories up to our own root."""
    if path.is_symlink() or not stat.S_IMODE(path.lstat().st_mode) & 0o077:
        return False
    above = [each for each in path.parents if each.is_relative_to(roots.state) or each.is_relative_to(roots.kernels)]
    return all(stat.S_IMODE(each.lstat().st_mode) & 0o011 for each in above if each != roots.kernels)


def test_a_password_is_written_where_only_its_user_reads_it(tmp_path: Path, umask: int) -> None:
    file = tmp_path / "config" / "config.json"
    file.parent.mkdir()
    file.write_text("{}")
    file.chmod(0o666)
    credentials.store(file, "registry.example", credentials.encode("me", "reg-5ecret"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("modes", "writable"),
    [
        ((0o755, 0o755, 0o644), None),
        ((0o755, 0o755, 0o666), 2),
        ((0o755, 0o777, 0o644), 1),
        ((0o777, 0o755, 0o644), 0),
        ((0o1777, 0o755, 0o644), None),
        ((0o755, 0o1777, 0o644), None),
    ],
    ids=["safe", "file", "folder", "folder above", "sticky above", "sticky"],
)
def test_an_image_that_others_can_change_or_replace_is_named(
    tmp_path: Path, modes: tuple[int, int, int], writable: int | None
) -> None:
    above = tmp_path / "above"
    image = write_sif(above / "images" / "x.sif")
    chain = [above, above / "images", image]
    for path, mode in zip(chain, modes, strict=True):
        path.chmod(mode)
    found = facts.image(str(image)).writable_by_others
    assert found == (None if writable is None else str(chain[writable]))


# ---- with another user on the machine

VICTIM, STRANGER = 23451, 23452
PACKAGE = Path(facts.__file__).parents[1]


@pytest.fixture
def home_of_victim(public_dir: Path) -> Path:
    """A home directory that others may enter, of a user with the most careless umask."""
    home = public_dir / "home"
    home.mkdir()
    home.chmod(0o777)
    return home


@pytest.fixture
def python_of_victim(public_dir: Path) -> Path:
    """A Python that other users may run, with our package: a copy, where this checkout is shut to them."""

    def runs(python: Path, code: str) -> bool:
        try:
            done = subprocess.run([python, "-c", code], user=VICTIM, cwd="/", check=False, capture_output=True)
        except OSError:
            return False
        return done.returncode == 0

    python = Path(sys.executable)
    if runs(python, "import jupyter_core, jupyterlab_container_kernels.cli"):
        return python
    copy = public_dir / "python"
    subprocess.run(["cp", "-r", sys.prefix, copy], check=True)
    [packages] = copy.glob("lib/python*/site-packages")
    subprocess.run(["cp", "-r", PACKAGE, packages], check=True)
    subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    python = copy / "bin" / python.name
    if not runs(python, ""):
        pytest.skip("Python itself lies where other users may not run it")
    return python


@pytest.mark.root("only root can be two users")
def test_another_user_can_neither_read_nor_change_anything_nor_see_a_secret(
    home_of_victim: Path, python_of_victim: Path
) -> None:
    """A kernel is added in a terminal by one user; another looks at files and processes meanwhile and afterwards."""
    home = home_of_victim
    image = write_sif(home / "demo.sif")
    image.chmod(0o644)
    env = {
        **SECRETS, "HOME": str(home), "PATH": f"{python_of_victim.parent}:/usr/bin:/bin",
        "JUPYTER_PREFER_ENV_PATH": "0", "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }  # fmt: skip
    bin_dir = home / "bin"
    bin_dir.mkdir(mode=0o755)
    shutil.copy(FAKE_APPTAINER, bin_dir / "apptainer")
    (bin_dir / "apptainer").chmod(0o755)
    env["PATH"] = f"{bin_dir}:{env['PATH']}"
    words = ["add", str(image), "--name", "Demo", "--json"]
    adding = subprocess.Popen(
        [python_of_victim, "-m", "jupyterlab_container_kernels.cli", *words],
        env=env, user=VICTIM, group=VICTIM, extra_groups=[], umask=0, cwd="/", stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    spying: dict[str, Any] = {"user": STRANGER, "group": STRANGER, "extra_groups": [], "cwd": "/"}
    seen = ""
    while adding.poll() is None:
        seen += subprocess.run(
            ["/bin/bash", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; true"],
            capture_output=True, text=True, errors="replace", check=True, **spying,
        ).stdout  # fmt: skip
    assert adding.stdout is not None
    said = adding.stdout.read()
    assert adding.returncode == 0, said
    assert "container_kernels" in seen, "processes were seen"
    assert not [value for value in SECRETS.values() if value in seen]

    kernels = home / ".local/share/jupyter"
    assert list(kernels.glob("kernels/*/kernel.json"))
    look = f"find {kernels} \\( -readable -type f -o -writable \\) -print 2>/dev/null; true"
    reached = subprocess.run(["/bin/bash", "-c", look], capture_output=True, text=True, check=True, **spying).stdout
    reached_ours = [line for line in reached.splitlines() if "kernels" in line]
    assert reached_ours == []
    held = [
        p for p in kernels.rglob("*") if p.is_file() and any(v.encode() in p.read_bytes() for v in SECRETS.values())
    ]
    assert held == []
