"""What is installed into which Python, and how its kernel is started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.languages.base import Interpreter
from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.models import Bind

MARK = "CONTAINER_KERNELS_PYTHON "
IMAGE = Path("/images/a.sif")


def told(**changes: Any) -> dict[str, Any]:
    """Return what the probe prints for Debian's Python with pip, without ipykernel."""
    packages = {"ipykernel": None, "debugpy": None, "pip": "23.0.1", "ipywidgets": None} | changes.pop("packages", {})
    return {
        "path": "/usr/bin/python3", "version": "3.11.2", "prefix": "/usr", "packages": packages, "venv": False,
        "soabi": "cpython-311-x86_64-linux-gnu", "externally_managed": True, "pythonpath": "", **changes,
    }  # fmt: skip


def line(**changes: Any) -> str:
    return MARK + json.dumps(told(**changes)) + "\n"


def interpreter(**changes: Any) -> Interpreter:
    [found] = Python().read_probe(line(**changes))
    return found


CONDA = {"path": "/opt/conda/bin/python3", "prefix": "/opt/conda", "version": "3.12.4", "externally_managed": False}


def test_what_the_probe_printed_is_read_among_other_lines() -> None:
    output = "WARNING: something\n" + line() + "INFO: else\nCONTAINER_KERNELS_PROBE_END\n"
    [found] = Python().read_probe(output)
    assert (found.language, found.path, found.version, found.kernel_version) == (
        "python", "/usr/bin/python3", "3.11.2", None,
    )  # fmt: skip


def test_one_python_under_two_names_is_one() -> None:
    assert len(Python().read_probe(line() + line(path="/usr/bin/python"))) == 1


def test_one_that_holds_a_kernel_comes_first_and_else_the_order_of_path_counts() -> None:
    other = line(path="/opt/a/bin/python3", prefix="/opt/a")
    with_kernel = line(**CONDA, packages={"ipykernel": "6.29.5"})
    assert [each.path for each in Python().read_probe(line() + other + with_kernel)] == [
        "/opt/conda/bin/python3", "/usr/bin/python3", "/opt/a/bin/python3",
    ]  # fmt: skip


def test_a_python_that_no_kernel_runs_on_is_passed_over() -> None:
    old = MARK + json.dumps({"path": "/usr/bin/python", "version": "2.7.18", "prefix": "/usr"}) + "\n"
    assert Python().read_probe(old) == []
    assert Python().read_probe(line(version="3.7.9")) == []
    assert len(Python().read_probe(line(version="3.8.0"))) == 1


@pytest.mark.parametrize(
    "bad",
    [MARK + '{"path": "/usr/bi', MARK, MARK + "[]", MARK + "null", MARK + '{"path": "/x"}', MARK + '{"packages": []}'],
)
def test_a_line_that_was_cut_hides_no_other(bad: str) -> None:
    assert len(Python().read_probe(bad + "\n" + line())) == 1


def test_the_probe_finds_the_python_that_runs_it(tmp_path: Path) -> None:
    """The script is plain shell and Python; here it runs on this machine, in a container in `tests/real`."""
    script = Python().probe_script
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": "/image/path"}
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    found = Python().read_probe(done.stdout)
    mine = [each for each in found if Path(each.path).parent == Path(sys.executable).parent]
    assert mine[0].version == ".".join(map(str, sys.version_info[:3]))
    assert mine[0].details["pythonpath"] == "/image/path"
    assert mine[0].details["venv"] == (sys.prefix != sys.base_prefix)


@pytest.fixture
def places(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The directory of packages and a workspace, with no settings of pip on this machine."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_PROXY",
                 "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_NO_INDEX", "PIP_CLIENT_CERT"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    packages, workspace = tmp_path / "packages", tmp_path / "workspace"
    packages.mkdir()
    workspace.mkdir()
    return packages, workspace


def test_nothing_is_installed_where_the_image_holds_a_kernel(places: tuple[Path, Path]) -> None:
    assert Python().install(interpreter(packages={"ipykernel": "6.29.5"}), IMAGE, *places) is None


@pytest.mark.parametrize("kind", [{}, CONDA], ids=["externally managed", "conda"])
def test_an_ordinary_python_gets_a_user_base_of_its_own(places: tuple[Path, Path], kind: dict[str, Any]) -> None:
    packages, workspace = places
    run = Python().install(interpreter(**kind), IMAGE, *places)
    assert run is not None
    assert run.argv == [
        kind.get("path", "/usr/bin/python3"), "-m", "pip", "install", "--user", "--no-input", "--no-cache-dir",
        "--disable-pip-version-check", "--no-warn-script-location", "ipykernel",
    ]  # fmt: skip
    assert run.environment == {
        "PYTHONUSERBASE": str(packages), "PYTHONNOUSERSITE": "", "PIP_BREAK_SYSTEM_PACKAGES": "1",
        "TMPDIR": str(workspace), "PYTHONDONTWRITEBYTECODE": "",
    }  # fmt: skip
    assert run.binds == [Bind(str(packages), None, False), Bind(str(workspace), None, False)]
    assert run.image == IMAGE


VENV = {"path": "/opt/venv/bin/python3", "prefix": "/opt/venv", "venv": True, "externally_managed": False}


def test_a_virtual_environment_gets_a_folder_that_carries_its_abi(places: tuple[Path, Path]) -> None:
    packages, _ = places
    run = Python().install(interpreter(**VENV), IMAGE, *places)
    assert run is not None
    target = packages / "target-cpython-311-x86_64-linux-gnu"
    assert run.argv[:2] == ["/opt/venv/bin/python3", "-c"]
    assert run.argv[3:] == [str(target), "ipykernel"]
    assert "PYTHONUSERBASE" not in run.environment and "PYTHONPATH" not in run.environment
    assert target.is_dir()


@pytest.mark.parametrize(
    ("kind", "pip", "ours"),
    [
        ({}, None, True),  # an image without pip
        ({}, "20.3.4", False),
        (VENV, None, True),
        (VENV, "21.3.1", True),  # it knows no --report
        (VENV, "22.2", False),
    ],
)
def test_our_own_pip_is_handed_in_where_the_image_has_none_that_will_do(
    places: tuple[Path, Path], kind: dict[str, Any], pip: str | None, ours: bool
) -> None:
    run = Python().install(interpreter(**kind, packages={"pip": pip}), IMAGE, *places)
    assert run is not None
    mounted = [bind for bind in run.binds if bind.read_only]
    assert bool(mounted) == ours
    if ours:
        assert (Path(mounted[0].source) / "__main__.py").is_file()
        assert mounted[0].destination is not None
        assert run.environment["PYTHONPATH"] == str(Path(mounted[0].destination).parent)
        assert Path(mounted[0].destination).is_dir(), "the place to mount it at exists"


def test_a_python_too_old_for_our_pip_and_without_one_is_told_beforehand(places: tuple[Path, Path]) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        Python().install(interpreter(version="3.9.2", packages={"pip": None}), IMAGE, *places)
    assert caught.value.code == "install_failed"
    assert "3.9.2" in caught.value.message


def test_passwords_and_certificates_are_handed_in_and_stand_on_no_command_line(
    places: tuple[Path, Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "ca.pem").write_text("x")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@index/simple")
    monkeypatch.setenv("PIP_CERT", str(home / "ca.pem"))
    run = Python().install(interpreter(), IMAGE, *places)
    assert run is not None
    assert "secret" not in " ".join(run.argv)
    assert run.environment["PIP_INDEX_URL"] == "https://me:secret@index/simple"
    assert run.environment["PIP_CERT"] == str(home / "ca.pem")
    assert Bind(str(home / "ca.pem"), None, False) in run.binds


def test_an_ordinary_kernel_is_started_with_its_own_user_base(tmp_path: Path) -> None:
    start = Python().start(interpreter(packages={"ipykernel": "6.29.5"}), tmp_path)
    assert start.argv[0] == "/usr/bin/python3"
    assert start.argv[-2:] == ["-f", "{connection_file}"]
    assert start.environment == {
        "JPY_PARENT_PID": "1", "PYTHONNOUSERSITE": "", "PYTHONUSERBASE": str(tmp_path), "PIP_USER": "1",
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
    }  # fmt: skip


@pytest.mark.parametrize("of_image", ["", "/image/a:/image/b"])
def test_a_kernel_of_a_virtual_environment_keeps_the_images_own_path(tmp_path: Path, of_image: str) -> None:
    start = Python().start(interpreter(**VENV, pythonpath=of_image, packages={"ipykernel": "6.29.5"}), tmp_path)
    target = f"{tmp_path}/target-cpython-311-x86_64-linux-gnu"
    assert start.environment["PYTHONPATH"] == (f"{target}:{of_image}" if of_image else target)
    assert start.environment["PIP_TARGET"] == target


@pytest.mark.parametrize(
    ("packages", "metadata"),
    [
        ({"ipykernel": "6.29.5", "debugpy": "1.8.0"}, {"debugger": True}),
        ({"ipykernel": "6.29.5"}, {}),  # it cannot debug without
        ({"ipykernel": "5.5.6", "debugpy": "1.8.0"}, {}),  # too old to debug
    ],
)
def test_the_debugger_is_offered_where_it_works(
    tmp_path: Path, packages: dict[str, str], metadata: dict[str, bool]
) -> None:
    assert Python().start(interpreter(packages=packages), tmp_path).metadata == metadata


def test_a_file_beside_the_notebook_takes_no_modules_place(tmp_path: Path) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("print('the notebook folder won')")
    (tmp_path / "traitlets.py").write_text("raise SystemExit('the notebook folder won')")
    start = Python().start(interpreter(path=sys.executable, packages={"ipykernel": "7.0"}), tmp_path / "p")
    argv = [word for word in start.argv if word not in ("-f", "{connection_file}")]
    done = subprocess.run([*argv, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()[:1].isdigit()


def test_what_was_installed_is_read_from_the_folder(tmp_path: Path) -> None:
    for path in (
        "lib/python3.11/site-packages/ipykernel-6.29.5.dist-info",
        "local/lib/python3.11/dist-packages/pyzmq-26.0.dist-info",
        "target-cpython-311/my_package-1.0.dist-info",
        "lib/python3.11/site-packages/ipykernel",
    ):
        (tmp_path / path).mkdir(parents=True)
    assert Python().installed(tmp_path) == ["ipykernel==6.29.5", "my_package==1.0", "pyzmq==26.0"]
    assert Python().has_kernel(interpreter(), tmp_path)
    assert not Python().has_kernel(interpreter(), tmp_path / "empty")
    assert Python().has_kernel(interpreter(packages={"ipykernel": "6.0"}), tmp_path / "empty")
