"""pip in a container is told what pip on this machine is told."""

from __future__ import annotations

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
    assert (pip.own_package() / "__main__.py").is_file()
