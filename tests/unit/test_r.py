"""What is installed into which R, and how its kernel is started; with a real R in `tests/real/test_languages.py`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from jupyterlab_container_kernels.languages.base import Interpreter, Packages
from jupyterlab_container_kernels.languages.r import R
from jupyterlab_container_kernels.models import Bind

IMAGE = Path("/images/a.sif")
#: Recorded from Debian's R 4.2.2 with IRkernel.
LINE = (
    "CONTAINER_KERNELS_R\t/usr/bin/R\t4.2.2\t1.3.2\tx86_64-pc-linux-gnu\t/usr/lib/R\tDebian GNU/Linux 12 (bookworm)\t"
    "0123456789abcdef0123456789abcdef\t \n"
)


def line(**changes: str) -> str:
    told = {
        "path": "/usr/bin/R", "version": "4.2.2", "kernel": "", "platform": "x86_64-pc-linux-gnu",
        "home": "/usr/lib/R", "system": "Debian GNU/Linux 12 (bookworm)", "holds": "0123", **changes,
    }  # fmt: skip
    return "\t".join(["CONTAINER_KERNELS_R", *told.values(), " "]) + "\n"


def interpreter(**changes: str) -> Interpreter:
    [found] = R().read_probe(line(**changes))
    return found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The directory of packages and a workspace, with no settings of this machine."""
    for name in ("CONTAINER_KERNELS_CRAN", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    packages, workspace = tmp_path / "packages", tmp_path / "workspace"
    packages.mkdir()
    workspace.mkdir()
    return packages, workspace


def test_what_the_probe_printed_is_read_among_other_lines() -> None:
    [found] = R().read_probe("Loading required package: x\n" + LINE + "CONTAINER_KERNELS_PROBE_END\n")
    assert (found.language, found.path, found.version, found.kernel_version) == ("R", "/usr/bin/R", "4.2.2", "1.3.2")
    assert R().title_of(found) == "R 4.2.2"


def test_one_r_under_two_names_is_one_and_one_with_a_kernel_comes_first() -> None:
    output = line() + line(path="/usr/local/bin/R") + line(path="/opt/R/4.4.1/bin/R", kernel="1.3.2", home="/opt/R/lib")
    assert [each.path for each in R().read_probe(output)] == ["/opt/R/4.4.1/bin/R", "/usr/bin/R"]


@pytest.mark.parametrize(
    "bad",
    [
        LINE[:30],
        LINE.rstrip(),  # cut in its last field
        "CONTAINER_KERNELS_R",
        line(version="4.2"),
        line(version="4.2.2; touch x"),
        line(path="R"),
    ],
)
def test_a_line_that_was_cut_or_makes_no_sense_hides_no_other(bad: str) -> None:
    assert [each.path for each in R().read_probe(bad + "\n" + LINE)] == ["/usr/bin/R"]


def test_the_probe_asks_each_r_once_and_an_image_without_r_is_no_error(tmp_path: Path) -> None:
    fake = tmp_path / "R"
    fake.write_text('#!/bin/sh\nprintf "asked %s\\n" "$CONTAINER_KERNELS_CANDIDATE"\n')
    fake.chmod(0o755)
    script = R().probe_script
    for path, wanted in ((str(tmp_path), f"asked {fake}"), (str(tmp_path / "none"), "")):
        done = subprocess.run(["/bin/sh", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=True)
        assert [each for each in done.stdout.splitlines() if str(tmp_path) in each] == ([wanted] if wanted else [])


def test_nothing_that_rs_front_end_would_change_stands_in_an_expression(places: tuple[Path, Path]) -> None:
    """It is a shell script, which hands expressions on by ``echo`` and ``sed``, and writes a blank as ``~+~``."""
    run = R().install(interpreter(), IMAGE, *places)
    assert run is not None
    for text in (R().probe_script.split(" -e ")[1].rsplit("\n  fi")[0], run.argv[run.argv.index("-e") + 1]):
        assert "\\" not in text and "\n" not in text and "~" not in text


def test_nothing_is_installed_where_the_image_holds_a_kernel(places: tuple[Path, Path]) -> None:
    assert R().install(interpreter(kernel="1.3.2"), IMAGE, *places) is None


def test_irkernel_is_installed_into_a_library_that_carries_rs_version(places: tuple[Path, Path]) -> None:
    packages, workspace = places
    run = R().install(interpreter(), IMAGE, *places)
    assert run is not None
    assert run.argv[:5] == ["/usr/bin/R", "--slave", "--no-save", "--no-restore", "--no-init-file"]
    assert run.argv[-2:] == ["--args", f"{packages}/R-4.2"]
    assert (packages / "R-4.2").is_dir()
    assert run.environment == {"TMPDIR": str(workspace), "R_ENVIRON_USER": ""}
    assert run.binds == [Bind(str(packages), None, False), Bind(str(workspace), None, False)]


def test_a_sites_own_cran_is_handed_in_and_stands_on_no_command_line(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONTAINER_KERNELS_CRAN", "https://me:secret@cran")
    (tmp_path / "ca.pem").write_text("x")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    run = R().install(interpreter(), IMAGE, *places)
    assert run is not None
    assert "secret" not in " ".join(run.argv)
    assert run.environment["CONTAINER_KERNELS_CRAN"] == "https://me:secret@cran"
    assert run.environment["CURL_CA_BUNDLE"] == str(tmp_path / "ca.pem")
    assert Bind(str(tmp_path / "ca.pem"), None, False) in run.binds


def test_a_cran_in_a_folder_is_visible_inside_and_cannot_be_written_to(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "my cran"
    folder.mkdir()
    monkeypatch.setenv("CONTAINER_KERNELS_CRAN", folder.as_uri())
    run = R().install(interpreter(), IMAGE, *places)
    assert run is not None
    assert Bind(str(folder), str(folder), True) in run.binds


def test_an_isolated_kernel_has_its_own_library_first_and_no_file_of_the_users_home(tmp_path: Path) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    packages = Packages(own, shared)
    start = R().start(interpreter(), packages, True)
    assert start.argv == ["/usr/bin/R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    assert start.environment == {
        "R_LIBS_USER": f"{own}/R-4.2:{shared}/R-4.2", "R_PROFILE_USER": f"{own}/R-4.2.profile", "R_ENVIRON_USER": "",
    }  # fmt: skip
    assert start.interrupt_mode == "signal", "IRkernel answers no interrupt_request"
    R().prepare(interpreter(), packages, True)
    profile = (own / "R-4.2.profile").read_text()
    assert f'.libPaths(c("{own}/R-4.2", "{shared}/R-4.2", .libPaths()))' in profile
    assert (own / "R-4.2").is_dir(), "R passes over libraries that do not exist"


def test_a_kernel_that_is_open_has_its_own_library_first_and_the_users_after_it(tmp_path: Path) -> None:
    start = R().start(interpreter(), Packages(tmp_path, None), False)
    assert start.environment == {"R_LIBS_USER": f"{tmp_path}/R-4.2:~/R/%p-library/%v"}


def test_a_path_with_quotes_stays_a_path_in_the_profile(tmp_path: Path) -> None:
    own = tmp_path / 'a"); q("no'
    own.mkdir()
    R().prepare(interpreter(), Packages(own, None), True)
    assert r"a\"); q(\"no/R-4.2" in (own / "R-4.2.profile").read_text()


def test_a_set_is_shared_by_kernels_of_the_same_r_in_images_that_hold_the_same(tmp_path: Path) -> None:
    described = json.loads(json.dumps(R().describe(interpreter(), tmp_path)))
    assert R().fits(described, interpreter(path="/opt/R/bin/R"))
    for name, other in (("version", "4.2.3"), ("platform", "aarch64"), ("system", "Ubuntu 22.04"), ("holds", "4567")):
        assert not R().fits(described, interpreter(**{name: other})), name


def test_what_was_installed_is_read_from_the_folder(tmp_path: Path) -> None:
    for path, text in (
        ("R-4.2/IRkernel/DESCRIPTION", "Package: IRkernel\nVersion: 1.3.2\nBuilt: R 4.2.2\n"),
        ("R-4.2/repr/DESCRIPTION", "Package: repr\nVersion: 1.1-4\n"),
        ("R-4.2/broken/DESCRIPTION", "Package: broken\n"),
        ("R-4.2/00LOCK-rlang/rlang/DESCRIPTION", "Package: rlang\nVersion: 1.0\n"),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    assert R().installed(tmp_path) == ["IRkernel==1.3.2", "repr==1.1-4"]
    assert R().has_kernel(interpreter(), tmp_path)
    assert not R().has_kernel(interpreter(), tmp_path / "empty")
    assert os.listdir(tmp_path) == ["R-4.2"]
