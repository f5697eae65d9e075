"""Add, use, delete: with a real registry, a real Apptainer and real kernels."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterlab_container_kernels.models import AddRequest, Bind, RemoveRequest, Task
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import printed, started


def removed(bed: Bed, slug: str, **choices: bool) -> int:
    """Delete a kernel and return the bytes that it says are free again."""

    async def work(services: Services) -> int:
        return (await services.deletion.remove(slug, RemoveRequest(purge=True, **choices))).freed_bytes

    return bed.run(work)


def test_an_image_of_a_registry_becomes_a_kernel_that_runs_in_it_and_goes_without_a_trace(
    bed: Bed, registry: str
) -> None:
    seen: dict[str, int] = {}
    tasks: list[Task] = []

    async def work(services: Services) -> Task:
        task = await services.add.add(AddRequest(f"{registry}/demo/python:1", "Debian"))
        while (task := await services.tasks.get(task.id)).ended is None:
            tasks.append(task)
            seen.setdefault(str(task.phase), task.seq)
            await asyncio.sleep(0.05)
        return task

    task = bed.run(work)
    assert task.error is None
    assert [phase.state for phase in task.phases] == ["done"] * 6
    assert [task.seq for task in tasks] == sorted(task.seq for task in tasks)
    with_bytes = [each.progress for each in tasks if each.phase == "acquire" and each.progress]
    assert with_bytes, "the download told no bytes"
    assert with_bytes[-1].done_bytes <= (with_bytes[-1].total_bytes or 0)

    kernel = bed.kernels / "debian"
    record = json.loads((kernel / "kernel.json").read_text())["metadata"]["container_kernels"]
    assert record["image"]["source"] == f"docker://{registry}/demo/python:1"
    assert record["image"]["digest"].startswith("sha256:")
    assert "ipykernel" in {each.split("==")[0] for each in record["packages"]["installed"]}
    for path in bed.data.rglob("*"):
        if path.is_relative_to(bed.state / "packages"):
            continue  # pip's own modes; their directory is private
        assert path.stat().st_mode & 0o077 == 0, f"others may use {path}"

    with started("debian", Path.home()) as client:
        assert printed(client, "import sys; print(sys.version_info[:2])") == "(3, 11)"
        assert printed(client, "import os; print('APPTAINER_CONTAINER' in os.environ)") == "True"
        inside = printed(client, "import ipykernel; print(ipykernel.__file__)")
        assert inside.startswith(str(bed.state / "packages/shared"))

    size = Path(record["image"]["path"]).stat().st_size
    assert removed(bed, "debian") > size
    bed.assert_nothing_is_left()


def test_a_kernel_of_an_image_that_holds_ipykernel_installs_nothing(bed: Bed, ipykernel_sif: Path) -> None:
    task = bed.add(AddRequest(str(ipykernel_sif), "With ipykernel"))
    assert task.error is None
    states = {phase.name: phase.state for phase in task.phases}
    assert states["install"] == "skipped"
    assert states["acquire"] == "skipped"
    with started("with-ipykernel", Path.home()) as client:
        assert printed(client, "import ipykernel; print(ipykernel.__file__)").startswith("/usr/lib/python3")
    removed(bed, "with-ipykernel")
    assert ipykernel_sif.exists(), "the user's own file was deleted"
    bed.assert_nothing_is_left()


def test_packages_in_the_users_home_are_not_seen_by_the_probe_nor_by_the_kernel(
    bed: Bed, python_sif: Path, ipykernel_sif: Path
) -> None:
    site = Path.home() / ".local/lib/python3.11/site-packages"
    fake = site / "container_kernels_leak"
    made = [path for path in (fake, *fake.parents) if not path.exists()]
    fake.mkdir(parents=True)
    try:
        (fake / "__init__.py").write_text("")
        task = bed.add(AddRequest(str(ipykernel_sif), "Isolated"))
        assert task.error is None
        with started("isolated", Path.home()) as client:
            assert printed(client, "import container_kernels_leak") == "ModuleNotFoundError"
            assert printed(client, "import os; print(os.path.isdir(os.path.expanduser('~/.local')))") == "True"
    finally:
        (fake / "__init__.py").unlink()
        with contextlib.suppress(OSError):  # somebody else may have put something beside it
            for path in made:
                path.rmdir()


def test_folders_with_colons_commas_and_spaces_are_mounted_where_they_were_asked_for(
    bed: Bed, ipykernel_sif: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "a:b,c d"
    odd.mkdir()
    (odd / "file").write_text("here")
    binds = [Bind(str(odd), None, False), Bind(str(odd), "/data/x:y, z", True)]
    task = bed.add(AddRequest(str(ipykernel_sif), "Folders", binds=binds))
    assert task.error is None
    with started("folders", Path.home()) as client:
        assert printed(client, f"print(open({str(odd / 'file')!r}).read())") == "here"
        assert printed(client, "print(open('/data/x:y, z/file').read())") == "here"
        assert printed(client, "open('/data/x:y, z/new', 'w')") == "OSError"


def test_a_folder_that_went_away_is_named_in_the_log_and_the_kernel_starts(
    bed: Bed, ipykernel_sif: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    assert bed.add(AddRequest(str(ipykernel_sif), "Gone", binds=[Bind(str(folder), None, False)])).error is None
    folder.rmdir()
    with started("gone", Path.home()) as client:
        assert printed(client, "print(1)") == "1"
    assert f"The folder {folder} is not there" in (bed.state / "logs/gone/last-start").read_text()


def test_hostile_names_are_taken_literally(
    bed: Bed, ipykernel_sif: Path, copied: Callable[[Path, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = copied(ipykernel_sif, "x;touch${IFS}PWNED;y.sif")
    name = """Py "dq" 'sq' <b>bold</b> $(touch PWNED) `touch PWNED` \\ %s 🚀"""
    task = bed.add(AddRequest(str(image), name))
    assert task.error is None
    assert json.loads((bed.kernels / task.slug / "kernel.json").read_text())["display_name"] == name
    with started(task.slug, tmp_path) as client:
        assert printed(client, "print(6 * 7)") == "42"
    found = [path for place in (tmp_path, Path.home(), bed.kernels / task.slug) for path in place.glob("PWNED*")]
    assert found == []


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN], ids=["in front", "in the background of a script"])
def test_one_interrupt_reaches_the_kernel_once_and_it_answers_again(
    bed: Bed, ipykernel_sif: Path, handler: signal.Handlers
) -> None:
    """A server that a script has put into the background ignores SIGINT, and so do its children, until they undo it."""
    assert bed.add(AddRequest(str(ipykernel_sif), "Interrupted")).error is None
    count = (
        "import signal, time\nhits = []\nold = signal.signal(signal.SIGINT, lambda *_: hits.append(1))\n"
        "print('on', flush=True)\nend = time.monotonic() + 60\n"
        "while not hits and time.monotonic() < end: time.sleep(0.05)\n"
        "time.sleep(1)  # for a second one, which must not come\n"
        "signal.signal(signal.SIGINT, old)\nprint(len(hits))"
    )
    with started("interrupted", Path.home(), handler) as client:
        said: list[str] = []

        def on_output(message: dict) -> None:
            if message["msg_type"] == "stream":
                said.append(message["content"]["text"])
                if "on" in message["content"]["text"]:
                    client.manager.interrupt_kernel()

        client.execute_interactive(count, timeout=90, output_hook=on_output)
        assert "".join(said).split() == ["on", "1"]
        assert printed(client, "print('still here')") == "still here"


def test_two_kernels_share_one_image_and_the_last_one_takes_it_along(bed: Bed, registry: str) -> None:
    async def both(services: Services) -> list[Task]:
        requests = [AddRequest(f"{registry}/demo/python-ipykernel:1", name) for name in ("First", "Second")]
        tasks = [await services.add.add(request) for request in requests]
        return [await services.tasks.wait(task.id) for task in tasks]

    first, second = bed.run(both)
    assert (first.error, second.error) == (None, None)
    images = list((bed.state / "images").glob("*.sif"))
    assert len(images) == 1

    async def plan(services: Services) -> list[tuple[str, bool, list[str]]]:
        details = await services.kernels.get("first")
        return [(item.what, item.goes, item.used_by) for item in details.removal]

    assert ("image", False, ["Second"]) in bed.run(plan)
    removed(bed, "first")
    assert images[0].exists()
    removed(bed, "second")
    assert not images[0].exists()
    bed.assert_nothing_is_left()


def test_an_image_that_is_here_is_not_pulled_again(bed: Bed, registry: str, stored_python: Path) -> None:
    bed.seed(stored_python)

    async def again(services: Services) -> Task:
        resolution = await services.images.resolution.resolve(f"{registry}/demo/python:1")
        assert resolution.stored
        task = await services.add.add(AddRequest(f"{registry}/demo/python:1", "Again"))
        return await services.tasks.wait(task.id)

    task = bed.run(again)
    assert {phase.name: phase.state for phase in task.phases}["acquire"] == "skipped"


def test_a_kernel_in_a_virtual_environment_of_the_image_gets_only_what_is_missing(
    bed: Bed, pulled: Callable[[str], Path]
) -> None:
    image = pulled("test/venv:1")
    task = bed.add(AddRequest(str(image), "Venv"))
    assert task.error is None
    with started("venv", Path.home()) as client:
        assert printed(client, "import sys; print(sys.prefix)") == "/opt/venv"
        assert printed(client, "import ipykernel; print(ipykernel.__file__)").startswith(
            str(bed.state / "packages/shared")
        )
