"""What is installed into which Python, and how its kernel is started."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.languages import python_probe
from jupyterlab_container_kernels.languages.base import Interpreter, Packages
from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.system import process

MARK = "CONTAINER_KERNELS_PYTHON "
IMAGE = Path("/images/a.sif")


def told(**changes: Any) -> dict[str, Any]:
    """Return what the probe prints for Debian's Python with pip, without ipykernel."""
    packages = {"ipykernel": None, "debugpy": None, "pip": "23.0.1", "ipywidgets": None} | changes.pop("packages", {})
    return {
        "path": "/usr/bin/python3", "version": "3.11.2", "prefix": "/usr", "packages": packages, "venv": False,
        "soabi": "cpython-311-x86_64-linux-gnu", "externally_managed": True, "pythonpath": "", "machine": "x86_64",
        "libc": ["glibc", "2.36"], "user_site_path": "lib/python3.11/site-packages", "conda": False, **changes,
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
    [
        MARK + '{"path": "/usr/bi',
        MARK,
        MARK + "[]",
        MARK + "null",
        MARK + '{"path": "/x"}',
        MARK + '{"packages": []}',
        # what an image says must not lead to other folders of this machine
        line(soabi="../../../etc"),
        line(soabi="/etc"),
        line(machine="a/b"),
        line(libc=["glibc", "../x"]),
        line(user_site_path="../../.ssh"),
        line(user_site_path="/etc"),
        line(user_site_path="lib/../../x"),
        line(path="python3"),
        line(path="/usr/bin/python3\nrm"),
        line(version="3.11.2; rm"),
        line(distributions=[]),
        MARK + "[" * 16_000,
    ],
)
def test_a_line_that_was_cut_or_tells_nonsense_hides_no_other(bad: str) -> None:
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
    facts = python_probe.facts_of(mine[0].details)
    assert facts.distributions["pytest"] == pytest.__version__
    assert facts.packages["ipykernel"] == facts.distributions["ipykernel"]
    assert facts.libc[0] in ("glibc", "musl") and facts.machine == os.uname().machine
    assert facts.user_site_path == f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    assert facts.curve is True, "pyzmq's wheel can encrypt"
    assert sorted(each.path for each in found) == sorted({each.path for each in found})


def test_the_probe_tells_what_hints_at_a_gpu(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "CUDA_VERSION": "12.6", "NVIDIA_VISIBLE_DEVICES": "all", "CUDA_X": "no"}
    argv = [sys.executable, "-c", python_probe.PROBE]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    [found] = Python().read_probe(done.stdout)
    assert found.details["gpu"][:2] == ["CUDA_VERSION=12.6", "NVIDIA_VISIBLE_DEVICES=all"]


@pytest.mark.parametrize(
    ("name", "distribution", "version"),
    [
        ("pyzmq-27.1.0.dist-info", "pyzmq", "27.1.0"),
        ("jupyter_client-8.6.3.dist-info", "jupyter-client", "8.6.3"),
        ("zope.interface-5.4.0.egg-info", "zope-interface", "5.4.0"),
        ("python_dateutil-2.8.1-py3.9.egg-info", "python-dateutil", "2.8.1"),
        ("ruamel.yaml-0.17-py3.8-linux-x86_64.egg-info", "ruamel-yaml", "0.17"),
        ("distro_info.egg-info", "distro-info", ""),
    ],
)
def test_the_probe_reads_distributions_from_names_of_folders(
    tmp_path: Path, name: str, distribution: str, version: str
) -> None:
    (tmp_path / name).mkdir()
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-c", python_probe.PROBE]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    [found] = Python().read_probe(done.stdout)
    assert found.details["distributions"].get(distribution) == version


def test_the_probe_is_written_for_pythons_of_all_ages() -> None:
    ast.parse(python_probe.PROBE, feature_version=(3, 5))
    assert 'f"' not in python_probe.PROBE


@pytest.mark.parametrize(
    ("version", "fetches"),
    [("3.8.10", True), ("3.10.12", False), ("3.12.3", False)],
)
def test_python_3_8_and_3_10_and_3_12_cannot_be_had_here_and_are_covered_by_probe_output_alone(
    tmp_path: Path, version: str, fetches: bool
) -> None:
    major, minor, _ = version.split(".")
    found = interpreter(
        version=version, soabi=f"cpython-{major}{minor}-x86_64-linux-gnu", packages={"pip": None},
        user_site_path=f"lib/python{major}.{minor}/site-packages",
    )  # fmt: skip
    fetch = Python().before_install(found, tmp_path, None)
    assert (fetch is not None) == fetches
    assert fetch is None or f"--python-version={major}.{minor}" in fetch.argv
    Python().prepare(found, Packages(tmp_path / "own", None), True)
    assert (tmp_path / f"own/lib/python{major}.{minor}/site-packages/container-kernels.pth").is_file()


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({}, ["managed by its distribution"]),
        ({"conda": True, "externally_managed": False}, ["conda"]),
        ({"venv": True, "externally_managed": False}, ["virtual environment"]),
        ({"externally_managed": False}, []),
        ({"packages": {"ipykernel": "6.17.1"}}, ["managed by its distribution", "with ipykernel 6.17.1"]),
    ],
)
def test_what_tells_pythons_apart_is_said_in_words(changes: dict[str, Any], notes: list[str]) -> None:
    assert Python().notes(interpreter(**changes)) == notes


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
        "TMPDIR": str(workspace), "PYTHONDONTWRITEBYTECODE": "", "PIP_TARGET": "", "PIP_PREFIX": "", "PIP_USER": "",
        "PIP_REQUIRE_VIRTUALENV": "", "PIP_NO_COMPILE": "",
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


def write_wheel(directory: Path, name: str, version: str) -> Path:
    """Write a wheel with one empty package."""
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\nVersion: {version}\n")
    return wheel


@pytest.mark.parametrize(
    ("kind", "pip_version", "ours"),
    [
        ({}, None, True),  # an image without pip
        ({}, "20.3.4", False),
        ({}, "20.0.2", True),  # it knows none of today's wheels
        (VENV, None, True),
        (VENV, "21.3.1", True),  # it knows no --report
        (VENV, "22.2", False),
    ],
)
def test_our_own_pip_is_handed_in_where_the_image_has_none_that_will_do(
    places: tuple[Path, Path], kind: dict[str, Any], pip_version: str | None, ours: bool
) -> None:
    run = Python().install(interpreter(**kind, packages={"pip": pip_version}), IMAGE, *places)
    assert run is not None
    mounted = [bind for bind in run.binds if bind.read_only]
    assert bool(mounted) == ours
    if ours:
        assert (Path(mounted[0].source) / "__main__.py").is_file()
        assert mounted[0].destination is not None
        assert run.environment["PYTHONPATH"] == str(Path(mounted[0].destination).parent)
        assert Path(mounted[0].destination).is_dir(), "the place to mount it at exists"


def test_a_python_without_pip_gets_one_for_its_notebooks_as_well(places: tuple[Path, Path]) -> None:
    run = Python().install(interpreter(packages={"pip": None}), IMAGE, *places)
    assert run is not None
    assert run.argv[-2:] == ["ipykernel", "pip"]


def test_a_pip_that_was_fetched_is_unpacked_without_counting_as_installed(places: tuple[Path, Path]) -> None:
    _, workspace = places
    old = interpreter(version="3.9.2", packages={"pip": None})
    fetch = Python().before_install(old, workspace, None)
    assert fetch is not None
    assert f"--dest={workspace / 'fetched'}" in fetch.argv
    write_wheel(workspace / "fetched", "pip", "25.3")
    run = Python().install(old, IMAGE, *places)
    assert run is not None
    place = Path(run.environment["PYTHONPATH"])
    assert sorted(each.name for each in place.iterdir()) == ["pip"]
    assert (place / "pip/__init__.py").is_file()
    assert not [bind for bind in run.binds if bind.read_only]


def test_a_python_too_old_for_our_pip_and_without_one_is_told_beforehand(places: tuple[Path, Path]) -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        Python().install(interpreter(version="3.9.2", packages={"pip": None}), IMAGE, *places)
    assert caught.value.code == "install_failed"
    assert "3.9.2" in caught.value.message


def test_a_python_that_sees_no_user_packages_is_treated_as_a_virtual_environment(places: tuple[Path, Path]) -> None:
    run = Python().install(interpreter(user_site=False), IMAGE, *places)
    assert run is not None
    assert run.argv[1] == "-c" and "PYTHONUSERBASE" not in run.environment


def test_the_images_own_path_counts_while_our_pip_installs(places: tuple[Path, Path]) -> None:
    run = Python().install(interpreter(packages={"pip": None}, pythonpath="/image/a"), IMAGE, *places)
    assert run is not None
    assert run.environment["PYTHONPATH"] == f"{places[1]}/pip:/image/a"


def test_from_a_wheelhouse_no_index_is_asked(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index/simple")
    wheelhouse = places[0].parent / "wheel house"
    step = Python().install(interpreter(), IMAGE, *places)
    assert step is not None
    offline = Python().from_wheelhouse(step, wheelhouse)
    assert offline.environment["PIP_NO_INDEX"] == "1"
    assert offline.environment["PIP_FIND_LINKS"] == f"file://{wheelhouse}".replace(" ", "%20")
    assert "PIP_INDEX_URL" not in offline.environment
    assert Bind(str(wheelhouse), str(wheelhouse), True) in offline.binds
    fetch = Python().before_install(interpreter(version="3.9.2", packages={"pip": None}), places[1], wheelhouse)
    assert fetch is not None and fetch.env["PIP_NO_INDEX"] == "1"


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


def write_distribution(
    site: Path, name: str, version: str, *, requires: tuple[str, ...] = (), tags: tuple[str, ...] = ("py3-none-any",)
) -> None:
    """Write what pip leaves of a distribution that says what it needs and for what it was built."""
    directory = site / f"{name}-{version}.dist-info"
    directory.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in requires), "", "Read me"]
    (directory / "METADATA").write_text("\n".join(lines))
    (directory / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    """An empty directory of a kernel's own, and a set of ordinary packages."""
    site = tmp_path / "shared/lib/python3.11/site-packages"
    for name, version in (("ipykernel", "7.4.0"), ("debugpy", "1.8.0"), ("pyzmq", "27.1.0")):
        write_distribution(site, name, version)
    return Packages(tmp_path / "own", tmp_path / "shared")


def test_an_ordinary_kernel_is_started_with_its_own_user_base_and_the_set(packages: Packages) -> None:
    start = Python().start(interpreter(), packages, True)
    assert start.argv[0] == "/usr/bin/python3"
    assert start.argv[-2:] == ["-f", "{connection_file}"]
    assert start.interrupt_mode == "signal"
    assert start.environment == {
        "JPY_PARENT_PID": "1", "PYTHONNOUSERSITE": "", "PYTHONUSERBASE": str(packages.own), "PIP_USER": "1",
        "PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_PREFIX": "", "PIP_TARGET": "",
        "CONTAINER_KERNELS_SITES": f"{packages.shared}/lib/python3.11/site-packages",
        "CONTAINER_KERNELS_PYCACHE": f"{packages.own}/pycache",
    }  # fmt: skip


LAUNCHER = """
import os, sys, users_own
print(sys.argv, users_own.__cached__, sys.pycache_prefix, "CONTAINER_KERNELS_PYCACHE" in os.environ)
"""


@pytest.mark.parametrize("dated", [True, False])
def test_bytecode_of_what_every_start_imports_and_of_nothing_else_is_kept_with_the_kernel(
    packages: Packages, tmp_path: Path, dated: bool
) -> None:
    site = tmp_path / "site"
    (site / "ipykernel").mkdir(parents=True)
    for name, text in {
        "ipykernel/__init__.py": "", "ipykernel/kernelapp.py": "import asked_by_ipykernel\n",
        "asked_by_ipykernel.py": "", "users_own.py": "", "ipykernel_launcher.py": LAUNCHER,
    }.items():  # fmt: skip
        (site / name).write_text(text)
    start = Python().start(interpreter(path=sys.executable), packages, True)
    argv = [each if each != "{connection_file}" else "x.json" for each in start.argv]
    if not dated:  # as in an image whose files are all of 1970
        argv[2] = f"import importlib; importlib.__file__ = {str(site)!r}\n{argv[2]}"
        os.utime(site, (1, 1))
    environment = {"PYTHONPATH": str(site), "CONTAINER_KERNELS_PYCACHE": start.environment["CONTAINER_KERNELS_PYCACHE"]}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.endswith(
        f"'-f', 'x.json'] {site}/__pycache__/users_own.{sys.implementation.cache_tag}.pyc None False\n"
    )
    kept = {path.name.partition(".")[0] for path in packages.own.glob("pycache/**/*.pyc")}
    assert ("kernelapp" in kept and "asked_by_ipykernel" in kept) is dated
    assert not kept & {"users_own", "ipykernel_launcher"}
    Python().prepare(interpreter(), packages, True)
    assert not (packages.own / "pycache").exists()


def test_a_kernel_of_an_image_that_holds_ipykernel_has_its_own_user_base_all_the_same(tmp_path: Path) -> None:
    start = Python().start(interpreter(packages={"ipykernel": "6.29.5"}), Packages(tmp_path, None), True)
    assert start.environment["PYTHONUSERBASE"] == str(tmp_path)
    assert start.environment["CONTAINER_KERNELS_SITES"] == ""


def test_an_open_kernel_sees_the_users_own_packages_after_ours(packages: Packages, home: Path) -> None:
    start = Python().start(interpreter(), packages, False)
    shared = f"{packages.shared}/lib/python3.11/site-packages"
    assert start.environment["CONTAINER_KERNELS_SITES"] == f"{shared}:{home}/.local/lib/python3.11/site-packages"
    # what the host may have set, and what would break the kernel or its pip
    assert {
        "PYTHONHOME": "",
        "PIP_REQUIRE_VIRTUALENV": "",
        "PIP_PYTHON": "",
        "PIP_TARGET": "",
        "PIP_PREFIX": "",
    }.items() <= (start.environment.items())


@pytest.mark.parametrize("of_image", ["", "/image/a:/image/b"])
def test_a_kernel_of_a_virtual_environment_keeps_the_images_own_path(packages: Packages, of_image: str) -> None:
    start = Python().start(interpreter(**VENV, pythonpath=of_image), packages, True)
    target = f"{packages.own}/target-cpython-311-x86_64-linux-gnu"
    path = f"{target}:{packages.shared}/lib/python3.11/site-packages"
    assert start.environment["PYTHONPATH"] == (f"{path}:{of_image}" if of_image else path)
    assert start.environment["PIP_TARGET"] == target
    assert "PYTHONUSERBASE" not in start.environment


def test_the_users_packages_come_before_the_set_and_the_set_before_the_image(packages: Packages) -> None:
    """Python itself tells, by the file that is prepared."""
    own_site = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    real = interpreter(path=sys.executable, user_site_path=own_site)
    Python().prepare(real, packages, True)
    environment = {"PATH": "/usr/bin:/bin", **Python().start(real, packages, True).environment}
    code = "import site, sys; site.main(); print('\\n'.join(sys.path))"
    python = os.path.realpath(sys.executable)  # outside of the virtual environment
    done = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True, check=True)
    seen = done.stdout.splitlines()
    own, shared = f"{packages.own}/{own_site}", f"{packages.shared}/lib/python3.11/site-packages"
    image = next(each for each in seen if each.endswith("-packages") and each not in (own, shared))
    assert seen.index(own) < seen.index(shared) < seen.index(image)
    assert done.stderr == ""


def test_what_is_prepared_says_nothing_of_the_set_so_that_a_kernel_can_be_mended_beside_its_old_self(
    packages: Packages, tmp_path: Path
) -> None:
    Python().prepare(interpreter(), packages, True)
    file = packages.own / "lib/python3.11/site-packages/container-kernels.pth"
    before = file.read_text()
    Python().prepare(interpreter(), Packages(packages.own, tmp_path / "other"), False)
    assert file.read_text() == before
    assert len(before.splitlines()) == 1
    assert Python().installed(packages.own) == []


@pytest.mark.parametrize(
    ("told", "metadata"),
    [
        ({"ipykernel": "6.29.5", "debugpy": "1.8.0"}, {"debugger": True}),
        ({"ipykernel": "6.29.5"}, {}),  # it cannot debug without
        ({"ipykernel": "5.5.6", "debugpy": "1.8.0"}, {}),  # too old to debug
        ({"ipykernel": "7.2.0"}, {}),
        ({"ipykernel": "7.3.0"}, {"supported_encryption": ["curve"]}),
    ],
)
def test_the_debugger_and_encryption_are_offered_where_they_work(
    tmp_path: Path, told: dict[str, str], metadata: dict[str, Any]
) -> None:
    found = interpreter(packages=told, curve=True)
    assert Python().start(found, Packages(tmp_path, None), True).metadata == metadata


def test_no_encryption_is_offered_where_the_images_zeromq_cannot(tmp_path: Path) -> None:
    found = interpreter(packages={"ipykernel": "7.4.0"}, curve=False)
    assert Python().start(found, Packages(tmp_path, None), True).metadata == {}


def test_what_the_set_holds_counts_as_what_the_image_holds(packages: Packages) -> None:
    metadata = Python().start(interpreter(), packages, True).metadata
    assert metadata == {"debugger": True, "supported_encryption": ["curve"]}


@pytest.mark.parametrize("safe", ["", "1"])
def test_a_file_beside_the_notebook_takes_no_modules_place(tmp_path: Path, safe: str) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("print('the notebook folder won')")
    (tmp_path / "traitlets.py").write_text("raise SystemExit('the notebook folder won')")
    found = interpreter(path=sys.executable, packages={"ipykernel": "7.0"})
    start = Python().start(found, Packages(tmp_path / "p", None), True)
    argv = [word for word in start.argv if word not in ("-f", "{connection_file}")]
    environment = {**os.environ, "PYTHONSAFEPATH": safe}
    done = subprocess.run(
        [*argv, "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()[:1].isdigit()


@pytest.fixture
def described(packages: Packages) -> dict[str, Any]:
    """What is kept of a set that needs an older comm of the image and a newer traitlets than the image's."""
    assert packages.shared is not None
    site = packages.shared / "lib/python3.11/site-packages"
    compiled = ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64")
    newer = ("cp311-cp311-manylinux_2_28_x86_64",)
    needs = (
        "comm>=0.1.1",
        "debugpy (>=1.6.5)",
        "sphinx; extra == 'docs'",
        "appnope>=0.1.2; platform_system == 'Darwin'",
    )
    write_distribution(site, "ipython", "9.0", requires=needs)
    write_distribution(site, "psutil", "7.0", tags=compiled)
    write_distribution(site, "tornado", "6.5", tags=newer)
    write_distribution(site, "traitlets", "5.14")
    had = {"comm": "0.1.2", "traitlets": "4.0", "sphinx": "5.0", "numpy": "1.24"}
    kept: dict[str, Any] = json.loads(json.dumps(Python().describe(interpreter(distributions=had), packages.shared)))
    assert kept["counts_on"] == {"comm": "0.1.2"}
    assert kept["replaces"] == {"traitlets": "4.0"}
    assert kept["libc_version"] == [2, 28]
    return kept


FITTING = {"comm": "0.1.2", "traitlets": "4.0"}


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"distributions": FITTING | {"numpy": "2.0", "pandas": "2"}}, True),
        ({"path": "/opt/conda/bin/python3", "prefix": "/opt/conda", "externally_managed": False}, True),
        ({**VENV}, True),  # the same packages, found by another way
        ({"libc": ["glibc", "2.28"]}, True),  # an older system, on which the wheels still run
        ({"version": "3.11.9"}, True),
        ({"libc": ["glibc", "2.27"]}, False),
        ({"libc": ["musl", "1.2.3"]}, False),
        ({"libc": []}, False),
        ({"machine": "aarch64"}, False),
        ({"soabi": "cpython-312-x86_64-linux-gnu"}, False),
        ({"distributions": {"traitlets": "4.0"}}, False),  # comm is missing
        ({"distributions": FITTING | {"comm": "0.1.3"}}, False),
        ({"distributions": {"comm": "0.1.2"}}, False),  # it had a traitlets when the set was made
        ({"distributions": FITTING | {"traitlets": "5.14"}}, False),
        ({"distributions": FITTING | {"pyzmq": "25.0"}}, False),  # the set would shadow it
        ({"packages": {"pip": None}}, False),  # the set has no pip either
    ],
)
def test_a_set_fits_what_lacks_the_same(described: dict[str, Any], changes: dict[str, Any], fits: bool) -> None:
    found = interpreter(**{"distributions": FITTING, **changes})
    assert Python().fits(described, found) is fits


@pytest.mark.parametrize("broken", [{}, {"soabi": 3}, {"provides": []}])
def test_a_set_that_tells_nonsense_fits_nothing(described: dict[str, Any], broken: dict[str, Any]) -> None:
    assert not Python().fits({**described, **broken} if broken else {}, interpreter(distributions=FITTING))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "cpython-311-x86_64-linux-gnu-glibc"),
        ({"soabi": "cpython-39-aarch64-linux-gnu", "machine": "aarch64"}, "cpython-39-aarch64-linux-gnu-glibc"),
        ({"soabi": "cpython-312", "libc": ["musl", "1.2"]}, "cpython-312-musl-x86_64"),
        ({"soabi": None, "libc": []}, "3.11.2-x86_64"),
    ],
)
def test_sets_are_named_by_what_they_are_for(changes: dict[str, Any], kind: str) -> None:
    assert Python().kind(interpreter(**changes)) == kind


def test_the_gpu_cell_says_in_one_line_what_is_missing_and_leaves_no_name_behind() -> None:
    """This machine has no GPU, or its driver answers: either way the cell says so."""
    code = f"{Python.gpu_cell}\nprint(sorted(name for name in dir() if not name.startswith('__')))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    *said, names = done.stdout.splitlines()
    assert names == "[]"
    assert all(line.startswith("CONTAINER_KERNELS_GPU ") for line in said) or (
        len(said) == 1 and said[0].startswith("No GPU: ")
    )


DRIVER = """
#include <string.h>
#include <stddef.h>
int cuInit(unsigned f) { return INIT; }
int cuDeviceGetCount(int *n) { *n = COUNT; return 0; }
int cuDeviceGet(int *d, int n) { *d = n; return 0; }
int cuDeviceGetName(char *s, int l, int d) { strcpy(s, d ? "Second" : "First GPU"); return 0; }
int cuDeviceTotalMem_v2(size_t *b, int d) { *b = 80ull << 30; return 0; }
int hipGetDeviceCount(int *n) { *n = COUNT; return INIT; }
int hipDeviceGetName(char *s, int l, int d) { strcpy(s, "Instinct"); return 0; }
int hipDeviceTotalMem(size_t *b, int d) { *b = 64ull << 30; return 0; }
"""


@pytest.mark.parametrize(
    ("library", "init", "count", "said"),
    [
        ("libcuda.so.1", 0, 2, ["CONTAINER_KERNELS_GPU First GPU (80 GB)", "CONTAINER_KERNELS_GPU Second (80 GB)"]),
        ("libcuda.so.1", 100, 0, ["No GPU: CUDA error 100; libamdhip64.so is missing."]),
        ("libcuda.so.1", 0, 0, ["No GPU: CUDA finds no device; libamdhip64.so is missing."]),
        ("libamdhip64.so.6", 0, 1, ["CONTAINER_KERNELS_GPU Instinct (64 GB)"]),
        ("libamdhip64.so.6", 100, 0, ["No GPU: HIP error 100; libcuda.so.1 is missing."]),
    ],
)
def test_the_gpu_cell_asks_a_fake_driver(tmp_path: Path, library: str, init: int, count: int, said: list[str]) -> None:
    compiler = process.find_program("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a fake driver with")
    (tmp_path / "driver.c").write_text(DRIVER)
    options = [f"-DINIT={init}", f"-DCOUNT={count}", "-shared", "-fPIC", "-o", str(tmp_path / library)]
    subprocess.run([compiler, str(tmp_path / "driver.c"), *options], check=True)
    done = subprocess.run(
        [sys.executable, "-c", str(Python.gpu_cell)], env={"LD_LIBRARY_PATH": str(tmp_path)}, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == said


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
