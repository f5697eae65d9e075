"""Every container kernel is listed, whoever made it and wherever it lies, with what Jupyter makes of it."""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from jupyterlab_container_kernels.cli import _parser
from jupyterlab_container_kernels.commands.arguments import request_of
from jupyterlab_container_kernels.models import Bind, KernelRuntime
from jupyterlab_container_kernels.system.kernelspecs import PackagesRecord
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, write_sif
from tests.hung import hung_file_system

from .conftest import Client

PYTHON = ["python", "-m", "ipykernel", "-f", "{connection_file}"]


def write_kernel(kernels: Path, name: str, argv: list[str], script: str = "", **more: Any) -> Path:
    """Write a kernel as other tools do."""
    directory = kernels / name
    directory.mkdir(parents=True)
    spec = {"argv": argv, "display_name": name, "language": "python", **more}
    (directory / "kernel.json").write_text(json.dumps(spec))
    if script:
        (directory / "init.sh").write_text(script)
        (directory / "init.sh").chmod(0o755)
    return directory


async def rows(client: Client) -> dict[str, dict[str, Any]]:
    """Return all rows by their id."""
    kernels = (await client("get", "kernels")).holds("KernelList")["kernels"]
    assert len({kernel["id"] for kernel in kernels}) == len(kernels)
    return {kernel["id"]: kernel for kernel in kernels}


def codes(kernel: dict[str, Any]) -> list[str]:
    """Return the codes of all that is said of a kernel, worst first."""
    return [kernel["status"]["code"], *(note["code"] for note in kernel["notes"])]


async def test_a_kernel_of_somebody_else_is_listed_with_what_was_understood(
    client: Client, roots: Roots, image: Path
) -> None:
    home = Path.home()
    packages = home / "local/demo"
    packages.mkdir(parents=True)
    script = (
        f"#!/bin/bash\nml apptainer\n"
        f"apptainer exec --nv --bind {packages}:{home}/.local {shlex.quote(str(image))} python -m ipykernel $@\n"
    )
    directory = roots.kernels / "PyTorch-2.9"
    write_kernel(roots.kernels, "PyTorch-2.9", [f"{directory}/init.sh", "-f", "{connection_file}"], script)
    kernel = (await rows(client))["pytorch-2.9"]
    assert (kernel["maker"], kernel["ours"], kernel["read_only"]) == ("jkrollout2", False, False)
    assert (kernel["display_name"], kernel["gpu"]) == ("PyTorch-2.9", "on")
    assert kernel["image"]["path"] == str(image)
    assert kernel["image"]["size_bytes"] == image.stat().st_size
    assert kernel["binds"] == [{"source": str(packages), "destination": f"{home}/.local", "read_only": False}]
    assert kernel["runtime"]["name"] == "apptainer"
    assert set(codes(kernel)) == {"unsafe"}
    assert kernel["status"]["remedies"] == ["adopt"]
    said = " ".join([kernel["status"]["message"], *(note["message"] for note in kernel["notes"])])
    assert "module" in said

    details = (await client("get", "kernels/pytorch-2.9")).holds("KernelDetails")
    assert details["kernel"] == kernel
    assert details["argv"] == [f"{directory}/init.sh", "-f", "{connection_file}"]
    assert {Path(each["path"]).name for each in details["files"]} == {"kernel.json", "init.sh"}
    assert details["command"] == ""
    [item] = details["removal"]
    assert (item["what"], item["path"], item["goes"]) == ("kernelspec", str(directory), True)
    message = (await client("get", "kernels/pytorch-2.9/log")).refused("not_found")
    assert "PyTorch-2.9" in message


async def test_what_is_wrong_with_a_kernel_of_somebody_else_is_said(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    inside = ["--no-home", "--bind", str(tmp_path), str(image), *PYTHON]
    write_kernel(roots.kernels, "gone", ["/bin/apptainer", "exec", str(tmp_path / "gone.sif"), *PYTHON])
    write_kernel(roots.kernels, "bind", ["/bin/sh", "-c", f"exec apptainer exec -B /tmp/no/such '{image}' python $0"])
    write_kernel(roots.kernels, "runtime", ["/no/such/apptainer", "exec", *inside])
    cut = write_sif(tmp_path / "cut.sif")
    cut.write_bytes(cut.read_bytes()[:-10])
    write_kernel(roots.kernels, "cut", ["/no/such/apptainer", "exec", str(cut), *PYTHON])
    script = f"exec apptainer exec '{image}' python\n"
    start = write_kernel(roots.kernels, "no-x", [str(roots.kernels / "no-x/init.sh")], script) / "init.sh"
    start.chmod(0o644)
    write_kernel(roots.kernels, "podman", ["podman", "run", "--network=host", "quay.io/x/y:1", *PYTHON])
    found = await rows(client)
    assert "image_missing" in codes(found["gone"])
    assert "bind_missing" in codes(found["bind"])
    assert "runtime_missing" in codes(found["runtime"])
    assert codes(found["cut"])[:2] == ["image_damaged", "runtime_missing"]
    assert "does_not_start" in codes(found["no-x"])
    assert (found["podman"]["image"]["reference"], found["podman"]["image"]["path"]) == ("quay.io/x/y:1", "")
    for name in ("gone", "bind", "runtime", "cut", "no-x"):
        assert found[name]["status"]["level"] == "stale"
        assert found[name]["status"]["remedies"] == ["adopt"], name


async def test_kernels_without_a_container_are_not_listed(client: Client, roots: Roots) -> None:
    write_kernel(roots.kernels, "conda", ["/opt/conda/bin/python", *PYTHON[1:]])
    write_kernel(
        roots.kernels, "env", [str(roots.kernels / "env/init.sh")], "#!/bin/bash\nexec python -m ipykernel $@\n"
    )
    (write_kernel(roots.kernels, "broken", []) / "kernel.json").write_text("{")
    assert await rows(client) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "argv": ["apptainer", "exec"],\n "display_name": "a "b""\n}', "line 3, column 22"),
        ('{"argv": ["apptainer"]', "line 1"),
        ('{"display_name": "apptainer"}', "argv"),
        ('{"argv": [], "display_name": "apptainer"}', "argv"),
        ('["apptainer"]', "no JSON object"),
        ('{"argv": ["apptainer"], "metadata": []}', "metadata"),
        ('{"argv": ["apptainer"], "interrupt_mode": "no"}', "interrupt_mode"),
        ('{"argv": ["apptainer"], "display_name": "\udcff"}', "UTF-8"),
    ],
)
async def test_a_kernel_that_jupyter_cannot_read_is_listed_with_the_reason(
    client: Client, roots: Roots, text: str, said: str
) -> None:
    (roots.kernels / "broken").mkdir(parents=True)
    (roots.kernels / "broken/kernel.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    kernel = (await rows(client))["broken"]
    assert codes(kernel) == ["invalid_kernel_json"]
    assert kernel["status"]["level"] == "stale"
    assert said in kernel["status"]["message"]
    assert not kernel["ours"]


async def test_a_damaged_kernel_of_ours_is_known_by_its_start_script(client: Client, roots: Roots, image: Path) -> None:
    directory = add_kernel(roots, "damaged", image, script="# Written by Container Kernels\nexec apptainer exec\n")
    (directory / "kernel.json").write_text((directory / "kernel.json").read_text()[:100])
    assert codes((await rows(client))["damaged"]) == ["invalid_kernel_json"]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"schema": 99}, "version 99"),
        ({"image": None}, "image"),
        ({"isolated": "yes"}, "isolated"),
        (None, "no JSON object"),
    ],
)
async def test_a_record_that_cannot_be_read_is_said_of_a_kernel_that_may_start(
    client: Client, roots: Roots, image: Path, record: dict[str, Any] | None, said: str
) -> None:
    directory = add_kernel(roots, "newer", image)
    spec = json.loads((directory / "kernel.json").read_text())
    ours = spec["metadata"]["container_kernels"]
    spec["metadata"]["container_kernels"] = None if record is None else ours | record
    (directory / "kernel.json").write_text(json.dumps(spec))
    kernel = (await rows(client))["newer"]
    assert codes(kernel) == ["invalid_kernel_json"]
    assert (kernel["status"]["level"], kernel["maker"]) == ("note", "Container Kernels")
    assert said in kernel["status"]["message"]


@pytest.fixture
def system(jp_environ: Any, jp_env_jupyter_path: Path) -> Path:
    """A directory of kernels that is not the user's own; in an environment, it comes first on Jupyter's path."""
    return jp_env_jupyter_path / "kernels"


async def test_a_kernel_of_the_system_is_read_only_and_of_two_with_a_name_one_is_shadowed(
    client: Client, roots: Roots, image: Path, system: Path, tmp_path: Path
) -> None:
    def elsewhere(name: str) -> Roots:
        return Roots(system, roots.images, tmp_path / name / "packages", tmp_path / name)

    add_kernel(elsewhere("a"), "theirs", image)
    add_kernel(elsewhere("b"), "both", image)
    mine = add_kernel(roots, "both", image)
    found = await rows(client)
    assert set(found) == {"theirs", "both", f"both {mine}"}
    assert (found["theirs"]["ours"], found["theirs"]["read_only"]) == (True, True)
    assert codes(found["theirs"]) == ["ok", "read_only"]
    assert codes(found["both"]) == ["ok", "read_only"]
    assert (await client("get", "kernels/theirs/log")).holds("KernelLog")["text"] == "a line\n"
    shadowed = found[f"both {mine}"]
    assert codes(shadowed) == ["shadowed"]
    assert str(system / "both") in shadowed["status"]["message"]
    details = (await client("get", "kernels/both")).holds("KernelDetails")
    assert details["kernel"]["resource_dir"] == str(system / "both"), "the one that Jupyter shows"
    details = (await client("get", f"kernels/both?{urlencode({'directory': mine})}")).holds("KernelDetails")
    assert details["kernel"] == shadowed
    assert {Path(file["path"]).name for file in details["files"]} >= {"kernel.json", "init.sh"}
    assert [item["goes"] for item in details["removal"] if item["what"] == "kernelspec"] == [True]
    assert (await client("get", "kernels/both?directory=/nowhere")).status == 404
    details = (await client("get", "kernels/theirs")).holds("KernelDetails")
    assert [item["goes"] for item in details["removal"]] == [False]


async def test_a_kernel_that_the_site_does_not_allow_is_hidden(
    client: Client, roots: Roots, image: Path, jp_serverapp: Any
) -> None:
    add_kernel(roots, "demo", image)
    jp_serverapp.kernel_spec_manager.allowed_kernelspecs = {"python3"}
    [kernel] = (await rows(client)).values()
    assert codes(kernel) == ["hidden"]
    assert "allowed_kernelspecs" in kernel["status"]["hint"]
    assert (await client("get", "kernels/demo")).holds("KernelDetails")["kernel"] == kernel


async def test_a_kernel_behind_a_link_is_listed(client: Client, roots: Roots, image: Path, tmp_path: Path) -> None:
    directory = add_kernel(roots, "demo", image)
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    assert set(await rows(client)) == {"demo"}


async def test_a_directory_that_jupyter_knows_by_two_names_has_its_kernels_once(
    client: Client, roots: Roots, image: Path, tmp_path: Path, jp_serverapp: Any
) -> None:
    add_kernel(roots, "demo", image)
    (tmp_path / "link").symlink_to(roots.kernels)
    manager = jp_serverapp.kernel_spec_manager
    manager.kernel_dirs = [str(tmp_path / "link"), *manager.kernel_dirs]
    [kernel] = (await rows(client)).values()
    assert codes(kernel) == ["ok"]
    assert not kernel["read_only"]


@pytest.mark.parametrize(
    "argv",
    [
        ["docker", "run", "--mount", "type=bind,source=/a\nb,destination=/c", "quay.io/x/y:1", *PYTHON],
        ["docker", "run", "--mount", f"type=bind,source=/{'a' * 140_000}", "quay.io/x/y:1", *PYTHON],
        ["/bin/bash", "/no\0such/init.sh", "{connection_file}"],
        ["/bin/bash", "/no\ud800such/init.sh", "{connection_file}"],
        ["apptainer", "exec", "/no\0such.sif", *PYTHON],
        ["apptainer", "exec", "--bind", "/no\ud800such", "/x.sif", *PYTHON],
    ],
    ids=["line end", "long", "null byte", "half a character", "null byte of an image", "half a character of a folder"],
)
async def test_what_no_command_line_can_hold_hides_no_other_kernel(
    client: Client, roots: Roots, image: Path, argv: list[str]
) -> None:
    add_kernel(roots, "demo", image)
    write_kernel(roots.kernels, "odd", argv)
    assert "demo" in await rows(client)
    (await client("delete", "kernels/odd")).refused("not_ours")


async def test_a_named_pipe_in_the_place_of_a_kernel_keeps_nobody(client: Client, roots: Roots, image: Path) -> None:
    add_kernel(roots, "demo", image)
    (roots.kernels / "pipe").mkdir()
    os.mkfifo(roots.kernels / "pipe/kernel.json")
    assert set(await rows(client)) == {"demo"}
    assert set(await rows(client)) == {"demo"}


async def test_who_shares_an_image_is_counted(client: Client, roots: Roots, image: Path, tmp_path: Path) -> None:
    add_kernel(roots, "one", image)
    add_kernel(roots, "two", image)
    write_kernel(roots.kernels, "three", ["apptainer", "exec", str(image), *PYTHON])
    add_kernel(roots, "four", write_sif(tmp_path / "b.sif"))
    used = {slug: kernel["image"]["used_by"] for slug, kernel in (await rows(client)).items()}
    assert used == {"one": 3, "two": 3, "three": 3, "four": 1}


async def test_the_command_of_a_kernel_says_all_that_was_asked_for(client: Client, roots: Roots, image: Path) -> None:
    binds = [Bind("/data sets", None, False), Bind("/a", "/b c", False), Bind("/c", "/d", True)]
    add_kernel(
        roots,
        "demo",
        image,
        display_name="Demo 'x' $HOME",
        gpu="on",
        binds=binds,
        environment={"A": "1 2"},
        isolated=False,
    )
    details = (await client("get", "kernels/demo")).holds("KernelDetails")
    words = shlex.split(details["command"])
    assert words[:3] == ["jupyter", "container-kernels", "add"]
    request = request_of(_parser().parse_args(words[2:]))
    assert request.display_name == "Demo 'x' $HOME"
    assert (request.slug, request.gpu, request.interpreter) == ("demo", "on", "/usr/bin/python3")
    assert request.binds == binds
    assert (request.environment, request.isolated) == ({"A": "1 2"}, False)
    assert request.image == "docker://demo:1"


async def test_a_file_system_that_hangs_makes_its_own_kernels_unknown_and_no_others(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    hung = tmp_path / "hung"
    hung.mkdir()
    add_kernel(roots, "good", image)
    add_kernel(roots, "image", hung / "a.sif")
    packages = PackagesRecord(str(hung / "packages"), None, 1, [])
    add_kernel(roots, "packages", image, packages=packages)
    add_kernel(roots, "bind", image, binds=[Bind(str(hung), None, False)])
    add_kernel(roots, "both", hung / "a.sif", runtime=KernelRuntime("apptainer", "/no/such", None))
    podman = tmp_path / "podman"
    podman.symlink_to("/bin/sh")
    write_kernel(roots.kernels, "foreign", [str(podman), "run", "-v", f"{hung}:/x", "x:1", *PYTHON])
    with hung_file_system(hung):
        begin = time.monotonic()
        found = await rows(client)
        first_s = time.monotonic() - begin
        begin = time.monotonic()
        assert (await rows(client)).keys() == found.keys()
        again_s = time.monotonic() - begin
        begin = time.monotonic()
        details = (await client("get", "kernels/image")).holds("KernelDetails")
        details_s = time.monotonic() - begin
    assert details["kernel"]["status"]["code"] == "unknown"
    assert details_s < 2
    assert codes(found["good"]) == ["ok"]
    for name in ("image", "packages", "bind", "foreign"):
        assert (found[name]["status"]["code"], found[name]["status"]["level"]) == ("unknown", "unknown"), name
        assert str(hung) in found[name]["status"]["message"]
    assert "unknown" in codes(found["both"])
    assert found["image"]["image"]["size_bytes"] is None
    assert first_s < 5
    assert again_s < 1


async def test_a_hung_directory_of_kernels_hides_none_of_the_others(
    client: Client, roots: Roots, image: Path, tmp_path: Path, jp_serverapp: Any
) -> None:
    (tmp_path / "project").mkdir()
    theirs = Roots(tmp_path / "project", roots.images, tmp_path / "p", tmp_path / "s")
    add_kernel(theirs, "theirs", image)
    add_kernel(roots, "mine", image)
    jp_serverapp.kernel_spec_manager.kernel_dirs = [*jp_serverapp.kernel_spec_manager.kernel_dirs, str(theirs.kernels)]
    assert {name: codes(kernel)[0] for name, kernel in (await rows(client)).items()} == {"mine": "ok", "theirs": "ok"}
    with hung_file_system(tmp_path / "project"):
        await rows(client)
        begin = time.monotonic()
        found = await rows(client)
        lasted_s = time.monotonic() - begin
    assert codes(found["mine"]) == ["ok"]
    assert codes(found["theirs"])[0] == "unknown"
    assert lasted_s < 1
