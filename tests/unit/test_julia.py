"""How Julia's kernels are made. No real Julia was available: what its probe prints is written by hand."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.languages.base import Interpreter, Packages
from jupyterlab_container_kernels.languages.julia import Julia

IMAGE = Path("/images/a.sif")
MARK = "CONTAINER_KERNELS_JULIA "


def line(**changes: Any) -> str:
    """Return what the probe should print for an image as Jupyter's own, with Julia in /opt and a depot beside it."""
    told = {
        "path": "/opt/julia-1.10.4/bin/julia", "version": "1.10.4",
        "ijulia": "/opt/julia/packages/IJulia/Vo51o/src/IJulia.jl", "ijulia_version": "1.25.0",
        "depots": ["/opt/julia", "/opt/julia-1.10.4/share/julia"], "load_path": ["@", "@v#.#", "@stdlib"],
        "home": "/home/me", "environment": "/opt/julia/environments/v1.10/Project.toml",
        "machine": "x86_64-linux-gnu", "project": "", **changes,
    }  # fmt: skip
    return MARK + json.dumps(told) + "\n"


WITHOUT = {
    "ijulia": "", "ijulia_version": "", "environment": "",
    "depots": ["/home/me/.julia", "/usr/local/share/julia", "/usr/share/julia"],
}  # fmt: skip


def interpreter(**changes: Any) -> Interpreter:
    [found] = Julia().read_probe(line(**changes))
    return found


def test_handwritten_probe_output_is_read_among_other_lines_no_real_julia() -> None:
    [found] = Julia().read_probe("WARNING: x\n" + line() + MARK + '{"path": "/cut\n' + MARK + "[]\n")
    assert (found.language, found.version, found.kernel_version) == ("julia", "1.10.4", "1.25.0")
    assert Julia().read_probe(line(**WITHOUT))[0].kernel_version is None


@pytest.mark.parametrize(
    "odd",
    [
        {"version": "1.10"},
        {"version": "../../1.10.4"},
        {"depots": "/a"},
        {"depots": [1]},
        {"path": None},
        {"home": "\ud800"},
    ],
)
def test_a_line_that_makes_no_sense_is_passed_over_no_real_julia(odd: dict[str, Any]) -> None:
    assert [each.version for each in Julia().read_probe(line(**odd) + line())] == ["1.10.4"]
    assert Julia().read_probe(line(**odd)) == []


def test_a_line_that_is_nested_too_deeply_is_passed_over_no_real_julia() -> None:
    assert [each.version for each in Julia().read_probe(f"{MARK}{'[' * 16_000}\n" + line())] == ["1.10.4"]


def test_one_julia_under_two_names_is_one_no_real_julia() -> None:
    assert len(Julia().read_probe(line() + line(path="/usr/local/bin/julia"))) == 1


def test_a_fake_julia_is_asked_once_and_hears_the_whole_script(tmp_path: Path) -> None:
    fake = tmp_path / "julia"
    fake.write_text('#!/bin/sh\nprintf "asked %s %s\\n" "$CONTAINER_KERNELS_CANDIDATE" "$#"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", Julia().probe_script], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert [each for each in done.stdout.splitlines() if str(tmp_path) in each] == [f"asked {fake} 3"]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.28.0", ["-e", "import IJulia; IJulia.run_kernel()"]),
        ("1.30.5", ["-e", "import IJulia; IJulia.run_kernel()"]),
        ("1.27.0", ["/opt/julia/packages/IJulia/Vo51o/src/kernel.jl"]),
    ],
)
def test_ijulia_is_started_as_its_version_wants_it_no_real_julia(
    tmp_path: Path, version: str, words: list[str]
) -> None:
    start = Julia().start(interpreter(ijulia_version=version), Packages(tmp_path, None), True)
    julia = "/opt/julia-1.10.4/bin/julia"
    assert start.argv == [julia, "-i", "--color=yes", "--project=@.", *words, "{connection_file}"]
    assert start.interrupt_mode == "signal"


def test_an_older_ijulia_that_was_installed_is_started_by_its_file_no_real_julia(tmp_path: Path) -> None:
    source = tmp_path / "shared/julia/packages/IJulia/abcde"
    (source / "src").mkdir(parents=True)
    (source / "src/kernel.jl").touch()
    (source / "Project.toml").write_text('name = "IJulia"\nversion = "1.24.2"\n')
    packages = Packages(tmp_path / "own", tmp_path / "shared")
    start = Julia().start(interpreter(**WITHOUT), packages, True)
    assert start.argv[-2:] == [str(source / "src/kernel.jl"), "{connection_file}"]
    assert Julia().installed(tmp_path / "shared") == ["IJulia==1.24.2"]
    assert Julia().has_kernel(interpreter(**WITHOUT), tmp_path / "shared")
    assert not Julia().has_kernel(interpreter(**WITHOUT), tmp_path / "own")


def test_julia_writes_into_the_kernels_own_depot_and_reads_those_of_the_image_no_real_julia(tmp_path: Path) -> None:
    packages = Packages(tmp_path / "own", tmp_path / "shared")
    environment = Julia().start(interpreter(), packages, True).environment
    depots = ["/opt/julia", "/opt/julia-1.10.4/share/julia"]
    assert environment["JULIA_DEPOT_PATH"].split(":") == [f"{tmp_path}/own/julia", f"{tmp_path}/shared/julia", *depots]
    assert environment["JULIA_LOAD_PATH"].split(":") == [
        "@", "@v#.#", "@stdlib", f"{tmp_path}/shared/julia/environments/v1.10", "/opt/julia/environments/v1.10",
    ]  # fmt: skip
    Julia().prepare(interpreter(), packages, True)
    project = tmp_path / "own/julia/environments/v1.10/Project.toml"
    assert project.is_file(), "Julia takes the first default environment that exists, and adds packages to that"


@pytest.mark.parametrize("isolated", [True, False])
def test_the_users_depot_is_read_only_by_a_kernel_that_is_open_no_real_julia(tmp_path: Path, isolated: bool) -> None:
    start = Julia().start(interpreter(**WITHOUT), Packages(tmp_path, None), isolated)
    depots = start.environment["JULIA_DEPOT_PATH"].split(":")
    assert depots[0] == f"{tmp_path}/julia"
    assert ("~/.julia" in depots) != isolated
    assert "/home/me/.julia" not in depots
    assert depots[-2:] == ["/usr/local/share/julia", "/usr/share/julia"]


@pytest.mark.parametrize(("version", "last"), [("1.10.4", "/usr/share/julia"), ("1.11.0-rc1", ""), ("1.12.1", "")])
def test_an_empty_last_entry_is_written_where_it_does_not_mean_the_users_depot_no_real_julia(
    tmp_path: Path, version: str, last: str
) -> None:
    start = Julia().start(interpreter(**WITHOUT | {"version": version}), Packages(tmp_path, None), True)
    assert start.environment["JULIA_DEPOT_PATH"].split(":")[-1] == last


def test_a_set_is_shared_by_kernels_of_the_same_julia_no_real_julia(tmp_path: Path) -> None:
    described = Julia().describe(interpreter(**WITHOUT), tmp_path)
    assert Julia().fits(described, interpreter(**WITHOUT, path="/usr/bin/julia"))
    assert not Julia().fits(described, interpreter(**WITHOUT, version="1.10.5"))
    assert not Julia().fits(described, interpreter(**WITHOUT, machine="x86_64-linux-musl"))


def test_a_project_that_the_image_names_stays_the_project_no_real_julia(tmp_path: Path) -> None:
    assert "--project=@." not in Julia().start(interpreter(project="/opt/p"), Packages(tmp_path, None), True).argv


def test_ijulia_is_installed_into_the_packages_and_writes_no_kernelspec_no_real_julia(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("JULIA_PKG_SERVER", "JULIA_SSL_CA_ROOTS_PATH", "JULIA_PKG_PRESERVE_TIERED_INSTALLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JULIA_PKG_SERVER", "https://packages")
    packages, workspace = tmp_path / "packages", tmp_path / "workspace"
    assert Julia().install(interpreter(), IMAGE, packages, workspace) is None
    run = Julia().install(interpreter(**WITHOUT), IMAGE, packages, workspace)
    assert run is not None
    assert run.argv[0] == "/opt/julia-1.10.4/bin/julia"
    assert 'Pkg.add("IJulia")' in run.argv[-1]
    assert run.environment == {
        "JULIA_DEPOT_PATH": f"{packages}/julia:/usr/local/share/julia:/usr/share/julia",
        "JULIA_PROJECT": f"{packages}/julia/environments/v1.10", "JULIA_PKG_SERVER": "https://packages",
        "TMPDIR": str(workspace), "IJULIA_NODEFAULTKERNEL": "true",
    }  # fmt: skip
