"""R, and kernels that an image ships, with real images; no image with Julia can be had here (see `test_julia.py`)."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import AddRequest, Inspection
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import printed, started


@pytest.fixture(scope="module")
def irkernel_sif(pulled: Callable[[str], Path]) -> Path:
    """An image with Debian's R and IRkernel."""
    return pulled("test/r-irkernel:1")


@pytest.fixture(scope="module")
def shipped_sif(pulled: Callable[[str], Path]) -> Path:
    """An image with ipykernel and two kernelspecs of its own (`tests/real/shipped`)."""
    return pulled("test/shipped:1")


@pytest.fixture(scope="module")
def cran(irkernel_sif: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repository on this machine with IRkernel and what it needs, built by Debian, and a package of ours."""
    contrib = tmp_path_factory.mktemp("cran") / "src/contrib"
    package = contrib / "mine"
    package.mkdir(parents=True)
    (package / "DESCRIPTION").write_text(
        "Package: mine\nVersion: 1.5\nTitle: Mine\nDescription: Mine.\nLicense: GPL-2\n"
        "Author: me\nMaintainer: me <me@x>\n"
    )
    (package / "NAMESPACE").write_text("export(answer)\n")
    (package / "R").mkdir()
    (package / "R/answer.R").write_text("answer <- function() 42\n")
    script = f"""
        pack <- function(folder, name) {{
          setwd(folder)
          version <- read.dcf(file.path(name, "DESCRIPTION"), "Version")
          tar(sprintf("{contrib}/%s_%s.tar.gz", name, version), name, compression = "none", tar = "internal")
        }}
        site <- "/usr/lib/R/site-library"
        for (name in list.files(site)) pack(site, name)
        pack("{contrib}", "mine")
        tools::write_PACKAGES("{contrib}", type = "source")
    """
    command = ["apptainer", "exec", "--bind", str(contrib), str(irkernel_sif), "Rscript", "-e", script]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return f"file://{contrib.parent.parent}"


def kernel_json(bed: Bed, slug: str) -> dict[str, Any]:
    return json.loads((bed.kernels / slug / "kernel.json").read_text())


def interrupted(client: Any, code: str) -> str:
    """Run a cell, interrupt it when it has begun, and return the status of its reply."""
    told: list[str] = []

    def on_output(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and "begun" in message["content"]["text"] and not told:
            told.append("begun")
            time.sleep(0.05)
            client.manager.interrupt_kernel()

    reply = client.execute_interactive(code, timeout=20, output_hook=on_output)
    assert told == ["begun"]
    return reply["content"]["status"]


def test_r_of_an_image_is_a_kernel_that_is_interrupted_ten_times_of_ten_and_leaves_nothing(
    bed: Bed, irkernel_sif: Path
) -> None:
    task = bed.add(AddRequest(str(irkernel_sif), "R"))
    assert task.error is None
    assert {phase.name: phase.state for phase in task.phases}["install"] == "skipped"
    assert kernel_json(bed, "r")["language"] == "R"
    with started("r", Path.home()) as client:
        assert printed(client, "cat(6 * 7)") == "42"
        before = client.manager.provisioner.pid
        for _ in range(10):
            code = 'cat("begun\\n"); flush.console(); Sys.sleep(15); cat("slept to its end")'
            assert interrupted(client, code) != "ok"
            assert printed(client, "cat(2 + 3)") == "5"
        assert client.manager.provisioner.pid == before and client.manager.is_alive()
    deadline = time.monotonic() + 10
    while bed.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert bed.processes() == []


@pytest.mark.parametrize("isolated", [True, False])
def test_the_hosts_own_packages_and_profile_reach_only_a_kernel_that_is_open(
    bed: Bed, irkernel_sif: Path, home: Path, isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = home / "R/x86_64-pc-linux-gnu-library/4.2/leak"
    package.mkdir(parents=True)
    (package / "DESCRIPTION").write_text("Package: leak\nVersion: 1.0\n")
    (home / ".Rprofile").write_text('leaked_profile <- "yes"\n')
    (home / ".Renviron").write_text("LEAKED_VARIABLE=yes\n")
    monkeypatch.setenv("R_LIBS", str(package.parent))
    assert bed.add(AddRequest(str(irkernel_sif), "R", isolated=isolated)).error is None
    with started("r", home) as client:
        seen = printed(
            client,
            'cat(exists("leaked_profile"), Sys.getenv("LEAKED_VARIABLE") == "yes", '
            'nzchar(system.file(package = "leak")))',
        )
    assert seen == ("FALSE FALSE FALSE" if isolated else "TRUE TRUE TRUE")


def test_irkernel_is_installed_beside_an_image_and_a_notebooks_packages_land_with_the_kernel(
    bed: Bed, pulled: Callable[[str], Path], cran: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTAINER_KERNELS_CRAN", cran)
    image = pulled("test/r:1")
    for name, state in (("R", "done"), ("R again", "skipped")):  # the second kernel costs nothing
        task = bed.add(AddRequest(str(image), name))
        assert task.error is None
        assert {phase.name: phase.state for phase in task.phases}["install"] == state
    with started("r", Path.home()) as client:
        assert printed(client, 'cat(dirname(system.file(package = "IRkernel")))').startswith(
            str(bed.state / "packages")
        )
        printed(client, 'install.packages("mine")')
        assert printed(client, "cat(mine::answer())") == "42"
        assert interrupted(client, 'cat("begun\\n"); flush.console(); Sys.sleep(15)') != "ok"
        assert printed(client, "cat(2 + 3)") == "5"
    own = Path(kernel_json(bed, "r")["metadata"]["container_kernels"]["packages"]["path"])
    assert (own / "R-4.2/mine/DESCRIPTION").is_file()

    async def added(services: Services) -> list[str]:
        return (await services.kernels.get("r")).kernel.packages.added

    assert "mine==1.5" in bed.run(added)


def test_a_kernel_that_the_image_ships_is_taken_as_it_is(bed: Bed, shipped_sif: Path) -> None:
    async def inspect(services: Services) -> Inspection:
        return await services.add.inspect(str(shipped_sif))

    shown = bed.run(inspect).interpreters
    path = "/usr/local/share/jupyter/kernels/echo"
    assert [(each.language, each.path) for each in shown] == [
        ("python", "/usr/bin/python3"), ("kernelspec", path), ("kernelspec", path.replace("echo", "hostile")),
    ], "Python comes first, and its own kernelspec is not shown again"  # fmt: skip
    assert shown[1].title == "Echo"

    task = bed.add(AddRequest(str(shipped_sif), "Said", interpreter=path))
    assert task.error is None
    spec = kernel_json(bed, "said")
    assert (spec["language"], spec["interrupt_mode"]) == ("echo", "message")
    assert spec["metadata"].keys() == {"container_kernels", "debugger", "supported_encryption"}
    with started("said", Path.home()) as client:
        assert printed(client, "hello") == "said: hello"
        assert printed(client, "$ECHO_PATH").startswith("said: /opt/echo:/")
        assert "/usr/bin" in printed(client, "$ECHO_PATH")


def test_a_kernelspec_of_an_image_cannot_make_a_shell_run_what_it_says(bed: Bed, shipped_sif: Path) -> None:
    trap = Path("/tmp/ck-pwned")
    trap.unlink(missing_ok=True)
    path = "/usr/local/share/jupyter/kernels/hostile"
    task = bed.add(AddRequest(str(shipped_sif), "Hostile", interpreter=path))
    assert task.error is None
    asked = json.loads((Path(__file__).parent / "shipped/hostile/kernel.json").read_text())["env"]
    with started("hostile", Path.home()) as client:
        assert printed(client, "import os; print(os.environ['HOSTILE'])") == asked["HOSTILE"]
        home = printed(client, "import os; print(os.environ['HOME'])")
        filled_in = printed(client, "print(os.environ['HOSTILE_TOO'])")
        assert filled_in == asked["HOSTILE_TOO"].replace("${HOME}", home)
    assert not trap.exists()
