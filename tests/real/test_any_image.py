"""Kernels of images of all kinds: what they lack is installed once, and what the user installs stays with its kernel.

All tests share one user's Jupyter, so that a set is installed once in the whole file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import AddRequest, Kernel, RemovalItem, RemoveRequest, Task
from jupyterlab_container_kernels.services.wiring import Services

from .bed import Bed
from .kernels import printed, started

#: Image, the interpreter that is chosen (None: the best), its version, where ``%pip install`` puts things.
IMAGES = [
    pytest.param("demo/python", None, "3.11", "lib/python3.11/site-packages", id="Debian without pip"),
    pytest.param("test/conda", None, "3.11", "lib/python3.11/site-packages", id="conda"),
    pytest.param("test/conda", "/usr/bin/python3", "3.11", "lib/python3.11/site-packages", id="the second Python"),
    pytest.param("test/conda-off-path", None, "3.11", "lib/python3.11/site-packages", id="conda off PATH"),
    pytest.param("test/venv", None, "3.11", "target-cpython-311-x86_64-linux-gnu", id="virtual environment"),
    pytest.param("test/no-shell", None, "3.11", "lib/python3.11/site-packages", id="no shell"),
    pytest.param("test/no-user-site", None, "3.11", "lib/python3.11/site-packages", id="PYTHONNOUSERSITE"),
    pytest.param("test/old-pip", None, "3.9", "lib/python3.9/site-packages", id="Python 3.9 with pip 20.3"),
    pytest.param("test/old-no-pip", None, "3.9", "lib/python3.9/site-packages", id="Python 3.9 without pip"),
    pytest.param("test/newer", None, "3.13", "lib/python3.13/site-packages", id="Python 3.13"),
]
#: Settings of pip with which nothing can be fetched; without a second try pip does not even say why.
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": ""}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """The Jupyter that all tests here share."""
    made = Bed(tmp_path_factory.mktemp("house"))
    made.data.mkdir()
    made.temporary.mkdir()
    yield made
    made.assert_no_process_is_left()


@pytest.fixture(autouse=True)
def at_home(house: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(house.data))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(house.path / "runtime"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(house.path / "config"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a package of one line."""
    path = tmp_path_factory.mktemp("wheel") / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_thing.py", "answer = 42\n")
        info = "tiny_thing-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"tiny_thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def sets(house: Bed) -> list[Path]:
    return sorted((house.state / "packages/shared").glob("[!.]*"))


def states(task: Task) -> dict[str, str]:
    assert task.error is None, task.error
    return {phase.name: phase.state for phase in task.phases}


def log(house: Bed, task: Task) -> str:
    return (house.state / "tasks" / task.id / "log").read_text()


def kernel(house: Bed, slug: str) -> Kernel:
    async def work(services: Services) -> Kernel:
        return (await services.kernels.get(slug)).kernel

    found: Kernel = house.run(work)
    return found


def spec(house: Bed, slug: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((house.kernels / slug / "kernel.json").read_text())
    return read


def remove(house: Bed, slug: str) -> list[RemovalItem]:
    async def work(services: Services) -> list[RemovalItem]:
        return (await services.deletion.remove(slug, RemoveRequest(purge=True))).removal

    items: list[RemovalItem] = house.run(work)
    return items


def install_cell(image: str, wheel: Path) -> str:
    """Return the cell that installs a wheel; IPython's ``%pip`` wants a shell."""
    options = ["install", "--no-index", "--disable-pip-version-check", str(wheel)]
    if image != "test/no-shell":
        return f"%pip {' '.join(options)}"
    command = f"[sys.executable, '-m', 'pip', *{options}]"
    return f"import subprocess, sys; print(subprocess.run({command}, capture_output=True, text=True).stdout)"


@pytest.mark.parametrize(("image", "interpreter", "version", "place"), IMAGES)
def test_a_kernel_finds_ipykernel_and_keeps_what_its_user_installs(
    house: Bed,
    pulled: Callable[[str], Path],
    wheel: Path,
    image: str,
    interpreter: str | None,
    version: str,
    place: str,
) -> None:
    before = sets(house)
    task = house.add(AddRequest(str(pulled(f"{image}:1")), f"Of {image} {interpreter or ''}", interpreter=interpreter))
    install = states(task)["install"]
    made = [each for each in sets(house) if each not in before]
    assert (install, len(made)) in (("done", 1), ("skipped", 0)), "it is installed, or a set that fits is taken"
    shared = Path(spec(house, task.slug)["metadata"]["container_kernels"]["packages"]["shared"])
    assert shared in sets(house)
    own = house.state / "packages" / task.slug
    with started(task.slug, Path.home()) as client:
        assert printed(client, "import sys; print('%d.%d' % sys.version_info[:2])") == version
        assert printed(client, "import ipykernel; print(ipykernel.__file__)").startswith(f"{shared}/")
        said = printed(client, install_cell(image, wheel))
        assert "Successfully installed tiny-thing-1.0" in said, said
        client.manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=60)
        assert printed(client, "import tiny_thing; print(tiny_thing.__file__)") == str(own / place / "tiny_thing.py")
    assert kernel(house, task.slug).packages.added == ["tiny_thing==1.0"]
    assert "tiny_thing==1.0" not in kernel(house, task.slug).packages.installed


def test_what_is_there_is_taken_by_kernels_that_lack_the_same_and_by_no_others(house: Bed) -> None:
    """This is what the tests above have left."""
    users: dict[str, set[str]] = {}
    for file in house.kernels.glob("*/kernel.json"):
        record = json.loads(file.read_text())["metadata"]["container_kernels"]
        users.setdefault(record["packages"]["shared"], set()).add(file.parent.name)
    assert sorted(map(sorted, users.values())) == [
        ["of-demo-python", "of-test-conda-usr-bin-python3", "of-test-no-shell", "of-test-no-user-site"],  # without pip
        ["of-test-conda", "of-test-conda-off-path", "of-test-venv"],  # with one
        ["of-test-newer"],
        ["of-test-old-no-pip"],
        ["of-test-old-pip"],
    ]
    for place in users:
        assert Path(place).stat().st_mode & 0o777 == 0o700
        inside = [each for each in Path(place).rglob("*") if each.is_dir()]
        assert {each.stat().st_mode & 0o777 for each in inside} == {0o500}, "a kernel could change what others use"


def test_a_second_kernel_costs_no_installation_and_does_not_see_what_was_installed_for_the_first(
    house: Bed, python_sif: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)  # it needs no network
    task = house.add(AddRequest(str(python_sif), "Second"))
    assert states(task)["install"] == "skipped"
    assert "Nothing is downloaded." in log(house, task)
    with started("second", Path.home()) as client:
        assert printed(client, "import tiny_thing") == "ModuleNotFoundError"
    metadata = spec(house, "second")["metadata"]
    assert metadata["debugger"] is True
    assert metadata["supported_encryption"] == ["curve"]
    facts = json.loads((house.state / "packages/second/interpreter.json").read_text())
    assert (facts["path"], facts["details"]["libc"][0]) == ("/usr/bin/python3", "glibc")


def test_two_kernels_added_at_once_share_one_set(house: Bed, pulled: Callable[[str], Path]) -> None:
    image = str(pulled("test/newer:1"))
    for slug in ("of-test-newer",):
        if (house.kernels / slug).exists():
            remove(house, slug)
    assert not [each for each in sets(house) if "-313-" in each.name], "the last kernel did not take its set along"

    async def both(services: Services) -> list[Task]:
        tasks = [await services.add.add(AddRequest(image, name)) for name in ("One", "Other")]
        return [await services.tasks.wait(task.id) for task in tasks]

    one, other = house.run(both)
    assert sorted([states(one)["install"], states(other)["install"]]) == ["done", "skipped"]
    assert len([each for each in sets(house) if "-313-" in each.name]) == 1
    assert list(house.state.glob(".*.lock")) == []


def test_packages_in_the_users_home_are_seen_only_by_a_kernel_that_is_open_to_them(
    house: Bed, python_sif: Path, home: Path
) -> None:
    site = home / ".local/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (site / "tiny_leak.py").write_text("")
    (site / "traitlets.py").write_text("raise SystemExit('the host won')\n")
    for name, isolated, seen in (
        ("Isolated", True, "ModuleNotFoundError"),
        ("Open", False, str(site / "tiny_leak.py")),
    ):
        task = house.add(AddRequest(str(python_sif), name, isolated=isolated))
        assert states(task)["install"] == "skipped"
        with started(task.slug, home) as client:
            assert printed(client, "import tiny_leak; print(tiny_leak.__file__)") == seen
            assert "shared" in printed(client, "import traitlets; print(traitlets.__file__)"), "ours did not win"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bed:
    """Another user's Jupyter, without sets, and without a package index."""
    made = Bed(tmp_path / "user")
    made.data.mkdir(parents=True)
    made.temporary.mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(made.data))
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    return made


def test_without_a_network_the_message_says_so_and_nothing_is_left(empty: Bed, python_sif: Path) -> None:
    task = empty.add(AddRequest(str(python_sif), "Nowhere"))
    assert task.error is not None
    assert task.error.code == "install_failed"
    assert "index" in task.error.message
    empty.assert_nothing_is_left()


def test_a_wheelhouse_that_lacks_what_is_needed_is_named(
    empty: Bed, python_sif: Path, tmp_path: Path, wheel: Path
) -> None:
    empty.changes["wheelhouse"] = wheel.parent
    task = empty.add(AddRequest(str(python_sif), "Nowhere"))
    assert task.error is not None
    assert f"{wheel.parent} did not do either" in task.error.message
    empty.assert_nothing_is_left()


def test_a_wheelhouse_does_without_a_network(
    house: Bed, empty: Bed, python_sif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheelhouse = tmp_path / "wheel house"
    online = {name: value for name, value in os.environ.items() if name not in NOWHERE}
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheelhouse), "ipykernel", "pip"]
    subprocess.run([*command, "--python-version=3.11", "--only-binary=:all:"], env=online, check=True, timeout=300)
    empty.changes["wheelhouse"] = wheelhouse
    task = empty.add(AddRequest(str(python_sif), "Offline"))
    assert states(task)["install"] == "done"
    with started("offline", Path.home()) as client:
        assert printed(client, "import ipykernel; print(ipykernel.__file__)").startswith(
            str(empty.state / "packages/shared")
        )


def test_a_set_goes_with_the_last_kernel_that_uses_it_and_until_then_its_users_are_named(house: Bed) -> None:
    slugs = sorted(each.parent.name for each in house.kernels.glob("*/kernel.json"))
    assert slugs
    for slug in slugs:
        record = spec(house, slug)["metadata"]["container_kernels"]
        shared = record["packages"]["shared"]
        others = [
            spec(house, other)["display_name"]
            for other in slugs
            if (house.kernels / other).exists()
            and other != slug
            and spec(house, other)["metadata"]["container_kernels"]["packages"]["shared"] == shared
        ]
        [item] = [item for item in remove(house, slug) if item.path == shared]
        assert (item.what, item.goes, sorted(item.used_by)) == ("shared_packages", not others, sorted(others))
        assert Path(shared).exists() == bool(others)
    house.assert_nothing_is_left()
