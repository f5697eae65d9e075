"""An image without the kernel package gets it beside it, once for all kernels that it fits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.system import kernelspecs
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import FAKE_APPTAINER, tree

from .conftest import Client
from .test_adding import ended, fake, leftovers, probe


@pytest.fixture
def runtime(tmp_path: Path) -> str:
    """A program in the place of Apptainer, in which pip installs; it runs the script ``on-install`` before."""
    (tmp_path / "on-install").write_text("")
    return fake(
        tmp_path,
        probe("null").replace('"soabi": "x"', '"soabi": "x", "libc": ["glibc", "2.36"]')
        + f"""
if [ "${{@: -1}}" = ipykernel ]; then # what pip is to install
  echo "${{APPTAINERENV_PIP_FIND_LINKS:-index}}" >> "{tmp_path}/installs"
  . "{tmp_path}/on-install"
  mkdir -p "$APPTAINERENV_PYTHONUSERBASE/lib/python3.11/site-packages/ipykernel-6.0.dist-info"
  exit
fi
exec "{FAKE_APPTAINER}" "$@"
""",
    )


@pytest.fixture
def settings(runtime: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return {"runtime_path": runtime}


async def added(client: Client, image: Path, slug: str) -> dict[str, Any]:
    """Add a kernel and return the task when it has ended."""
    body = {"image": str(image), "display_name": slug, "slug": slug, "gpu": "off"}
    return await ended(client, (await client("post", "kernels", body)).holds("Task"))


def installs(tmp_path: Path) -> list[str]:
    """From where pip was to install, time by time."""
    return (tmp_path / "installs").read_text().splitlines()


async def test_kernels_that_are_added_at_once_install_once_and_the_last_one_takes_it_away(
    client: Client, roots: Roots, image: Path, tmp_path: Path
) -> None:
    tasks = await asyncio.gather(*(added(client, image, slug) for slug in ("one", "two")))
    assert [(task["state"], task["error"]) for task in tasks] == [("done", None)] * 2
    assert installs(tmp_path) == ["index"]
    installed = {each["name"]: each["state"] for task in tasks for each in task["phases"] if each["state"] == "skipped"}
    assert installed["install"] == "skipped"
    specs = [kernelspecs.read(roots.kernels / slug) for slug in ("one", "two")]
    shared = {spec.record.packages.shared for spec in specs if spec is not None}
    assert len(shared) == 1 and (shared.copy().pop() or "").startswith(str(roots.packages))

    for slug in ("one", "two"):
        assert tree(roots.packages) != []
        (await client("delete", f"kernels/{slug}", {"purge": True})).holds("Removal")
    assert tree(roots.packages) == []


class TestWithAWheelhouse:
    """What a site has laid ready is taken first; what it lacks is asked of the index, and that is said."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
        (tmp_path / "wheels").mkdir()
        return settings | {"wheelhouse": str(tmp_path / "wheels")}

    async def test_nothing_else_is_asked_when_it_will_do(self, client: Client, image: Path, tmp_path: Path) -> None:
        assert (await added(client, image, "demo"))["state"] == "done"
        assert installs(tmp_path) == [f"file://{tmp_path}/wheels"]

    async def test_the_index_is_asked_when_it_will_not(self, client: Client, image: Path, tmp_path: Path) -> None:
        (tmp_path / "on-install").write_text(
            'if [ -n "$APPTAINERENV_PIP_FIND_LINKS" ]; then echo "ERROR: No matching distribution"; exit 1; fi'
        )
        task = await added(client, image, "demo")
        assert (task["state"], task["error"]) == ("done", None)
        assert installs(tmp_path) == [f"file://{tmp_path}/wheels", "index"]
        log = (await client("get", f"tasks/{task['id']}/log")).holds("LogChunk")["text"]
        assert f"{tmp_path}/wheels does not do; the package index is asked." in log

    async def test_both_are_named_when_neither_will(
        self, client: Client, roots: Roots, image: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "on-install").write_text(
            'echo "ERROR: nothing in ${APPTAINERENV_PIP_FIND_LINKS:-the index}"; exit 1'
        )
        task = await added(client, image, "demo")
        assert (task["state"], task["phase"], task["error"]["code"]) == ("failed", "install", "install_failed")
        message = task["error"]["message"]
        assert "nothing in the index" in message
        assert f"The site's wheelhouse {tmp_path}/wheels did not do either" in message
        assert f"nothing in file://{tmp_path}/wheels" in message
        assert leftovers(roots) == {}


async def test_an_image_is_looked_into_before_a_kernel_is_made_of_it(client: Client, image: Path) -> None:
    [found] = (await client("post", "inspect", {"image": str(image)})).holds("Inspection")["interpreters"]
    assert (found["language"], found["version"], found["kernel_version"]) == ("python", "3.11.0", None)
    (await client("post", "inspect", {"image": f"{image}.other"})).refused("image_not_found")


async def test_an_interpreter_that_the_image_lacks_is_named_with_those_it_has(
    client: Client, roots: Roots, image: Path
) -> None:
    body = {"image": str(image), "display_name": "Demo", "interpreter": "/opt/other/bin/python"}
    task = await ended(client, (await client("post", "kernels", body)).holds("Task"))
    assert (task["state"], task["error"]["code"]) == ("failed", "language_missing")
    assert "no /opt/other/bin/python; it has /" in task["error"]["message"]
    assert leftovers(roots) == {}
