"""pip in a container is told what pip on this machine is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system import pip


def settings(environment: Mapping[str, str], home: Path) -> tuple[dict[str, str], list[Path]]:
    """Read the settings as on a machine whose site has none."""
    return pip.settings(environment, home, home / "site.conf")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_settings_nothing_is_told(home: Path) -> None:
    assert settings({}, home) == ({}, [])


#: Where pip reads its settings, and the variables that say so. Each line overrides those before it.
FILES: list[tuple[str, dict[str, str]]] = [
    ("site.conf", {}),
    (".pip/pip.conf", {}),
    (".config/pip/pip.conf", {}),
    ("named.conf", {"PIP_CONFIG_FILE": "{home}/named.conf"}),
]


@pytest.mark.parametrize("last", range(len(FILES)))
def test_later_files_override_earlier_ones(home: Path, last: int) -> None:
    environment = {}
    for number, (path, variables) in enumerate(FILES[: last + 1]):
        write(home / path, f"[global]\nindex-url = https://index{number}/simple\ntimeout = {number}\n")
        environment |= {name: value.format(home=home) for name, value in variables.items()}
    told, _ = settings(environment, home)
    assert told == {"PIP_INDEX_URL": f"https://index{last}/simple", "PIP_TIMEOUT": str(last)}


def test_a_folder_of_settings_can_be_elsewhere(home: Path) -> None:
    write(home / "xdg" / "pip" / "pip.conf", "[global]\nproxy = http://p:1\n")
    assert settings({"XDG_CONFIG_HOME": str(home / "xdg")}, home)[0] == {"PIP_PROXY": "http://p:1"}


def test_variables_override_files_and_empty_ones_do_not(home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nindex-url = https://file/\nretries = 1\n")
    told, _ = settings({"PIP_INDEX_URL": "https://variable/", "PIP_RETRIES": ""}, home)
    assert told == {"PIP_INDEX_URL": "https://variable/", "PIP_RETRIES": "1"}


def test_what_is_for_install_beats_what_is_for_all(home: Path) -> None:
    write(home / ".pip/pip.conf", "[install]\nretries = 2\n[global]\nretries = 1\n[download]\nretries = 3\n")
    assert settings({}, home)[0] == {"PIP_RETRIES": "2"}


def test_several_lines_are_one_value_and_a_percent_sign_is_one(home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nextra-index-url =\n    https://u:p%40ss@a/\n    https://b/\n")
    assert settings({}, home)[0] == {"PIP_EXTRA_INDEX_URL": "https://u:p%40ss@a/ https://b/"}


def test_settings_that_would_install_elsewhere_are_not_handed_on(home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nuser = true\ntarget = /x\nprefix = /y\nrequire-virtualenv = true\n")
    assert settings({"PIP_TARGET": "/x", "PIP_USER": "1"}, home) == ({}, [])


@pytest.mark.parametrize("name", ["cert", "client-cert"])
def test_certificates_are_visible_inside_by_their_full_path(home: Path, name: str) -> None:
    file = home / "my certificates" / "ca.pem"
    write(file, "x")
    write(home / ".pip/pip.conf", f"[global]\n{name} = ~/my certificates/ca.pem\n")
    variable = "PIP_" + name.upper().replace("-", "_")
    assert settings({}, home) == ({variable: str(file)}, [file])
    assert settings({variable: str(file)}, home) == ({variable: str(file)}, [file])


@pytest.mark.parametrize("value", ["/no/such/file.pem", "relative.pem"])
def test_a_certificate_that_is_not_there_is_left_out(home: Path, value: str) -> None:
    assert settings({"PIP_CERT": value}, home) == ({}, [])


def test_folders_of_packages_are_visible_and_addresses_stay(home: Path) -> None:
    (home / "wheels").mkdir()
    told, visible = settings({"PIP_FIND_LINKS": f"{home}/wheels https://links/ /no/such"}, home)
    assert told == {"PIP_FIND_LINKS": f"{home}/wheels https://links/"}
    assert visible == [home / "wheels"]


@pytest.mark.parametrize("text", ["no section\n", "[global\n", "[global]\n  x\n", "[global]\na=1\na=2\n"])
def test_a_file_that_cannot_be_read_hides_no_other(home: Path, text: str) -> None:
    write(home / ".pip/pip.conf", "[global]\nretries = 1\n")
    write(home / ".config/pip/pip.conf", text)
    assert settings({}, home)[0] == {"PIP_RETRIES": "1"}


def test_a_file_that_is_not_text_hides_no_other(home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nretries = 1\n")
    (home / ".config/pip").mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_bytes(b"[global]\nretries = \xff\xfe\n")
    assert settings({}, home)[0] == {"PIP_RETRIES": "1"}


def test_no_file_counts_when_the_user_says_so(home: Path) -> None:
    write(home / ".pip/pip.conf", "[global]\nretries = 1\n")
    assert settings({"PIP_CONFIG_FILE": "/dev/null"}, home) == ({}, [])


def test_our_own_pip_is_a_package_that_can_be_mounted() -> None:
    own = pip.own_package()
    assert own is not None and (own / "__main__.py").is_file()


@pytest.mark.parametrize(("python", "fits"), [((3, 13, 1), True), (sys.version_info[:3], True), ((3, 6, 9), False)])
def test_our_own_pip_runs_only_on_pythons_that_it_says(python: tuple[int, ...], fits: bool) -> None:
    assert pip.own_fits(python) is fits


def test_a_pip_for_an_older_python_is_fetched_by_our_own_with_this_machines_settings(tmp_path: Path) -> None:
    environment = {"PIP_INDEX_URL": "https://me:secret@index/", "PIP_TARGET": "/x", "PIP_USER": "1", "HOME": "/h"}
    command = pip.fetch((3, 8, 10), tmp_path, environment)
    assert command is not None
    assert command.argv == [
        sys.executable, str(pip.own_package()), "download", "--no-input", "--no-deps", "--disable-pip-version-check",
        "--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any", "--python-version=3.8",
        f"--dest={tmp_path}", "pip",
    ]  # fmt: skip
    assert command.env == {"PIP_INDEX_URL": "https://me:secret@index/", "HOME": "/h", "PIP_REQUIRE_VIRTUALENV": "false"}


def test_our_own_pip_can_be_run_by_the_path_of_its_package(tmp_path: Path) -> None:
    command = pip.fetch((3, 8, 10), tmp_path, os.environ)
    assert command is not None
    done = subprocess.run([*command.argv[:2], "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("pip ")


def test_a_directory_of_wheels_takes_the_place_of_every_index() -> None:
    environment = {"PIP_INDEX_URL": "https://a/", "PIP_EXTRA_INDEX_URL": "https://b/", "PIP_FIND_LINKS": "/c", "X": "y"}
    assert pip.offline(environment, Path("/site/my wheels")) == {
        "X": "y", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "file:///site/my%20wheels",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Requires-Dist: traitlets>=5.4.0", {"traitlets"}),
        ("Requires-Dist: jupyter_client (>=8.0.0)", {"jupyter-client"}),
        ("Requires-Dist: Zope.Interface", {"zope-interface"}),
        ("Requires-Dist: appnope>=0.1.2; platform_system == 'Darwin'", {"appnope"}),  # the image will not have it
        ("Requires-Dist: pytest; extra == 'test'", set()),
        ('Requires-Dist: pytest>=7 ; extra=="test"', set()),
        ("", set()),
        ("\nRequires-Dist: in-the-description", set()),
    ],
)
def test_what_a_distribution_needs_is_read(tmp_path: Path, line: str, names: set[str]) -> None:
    (tmp_path / "METADATA").write_text(f"Name: x\n{line}\n")
    assert pip.requirements(tmp_path) == names
    assert pip.requirements(tmp_path / "missing") == set()


@pytest.mark.parametrize(
    ("text", "platforms"),
    [
        ("Tag: py3-none-any\n", ["any"]),
        ("Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n",
         ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]),
        ("Tag: cp36-abi3-musllinux_1_1_x86_64.linux_x86_64", ["musllinux_1_1_x86_64", "linux_x86_64"]),
        ("", []),
    ],
)  # fmt: skip
def test_the_platforms_of_a_wheel_are_read(tmp_path: Path, text: str, platforms: list[str]) -> None:
    (tmp_path / "WHEEL").write_text(f"Wheel-Version: 1.0\n{text}")
    assert pip.platform_tags(tmp_path) == platforms


@pytest.mark.parametrize(
    ("platform", "version"),
    [
        ("manylinux_2_28_x86_64", (2, 28)),
        ("musllinux_1_1_aarch64", (1, 1)),
        ("manylinux2014_x86_64", (2, 17)),
        ("manylinux1_i686", (2, 5)),
        ("linux_x86_64", None),
        ("any", None),
    ],
)
def test_a_platform_names_the_libc_that_it_asks_for(platform: str, version: tuple[int, int] | None) -> None:
    assert pip.libc_of(platform) == version
