"""What somebody types is refused, or is that text and nothing else: in kernel.json, in init.sh, and when it runs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.errors import STATUS
from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.runtimes.base import FoundRuntime
from jupyterlab_container_kernels.system.modules import Difference
from jupyterlab_container_kernels.system.paths import Roots
from jupyterlab_container_kernels.system.scripts import fill
from tests.api.conftest import CONTRACT, Client
from tests.api.test_access import example
from tests.api.test_adding import ended
from tests.builders import add_kernel, write_sif
from tests.unit.fake_registry import FakeAnswer, FakeRegistry
from tests.unit.test_start_script import Stage, script

from .hostile import MARK, OPERATIONS, VALUES

#: What can stand in an argument, a variable or a script at all.
POSSIBLE = [each for each in VALUES if "\0" not in each and "\ud800" not in each and len(each) < 9999]
#: What can be the name of a file as well.
NAMES = [each for each in POSSIBLE if each.strip() and "/" not in each and len(each) < 200]


@pytest.fixture(autouse=True)
def nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No text was run as a command, here or in a directory below."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody is asked about an image of that name
    yield
    assert [*tmp_path.rglob(MARK), *Path.home().glob(MARK)] == []


#: Each field of a script that somebody, an image or a site fills in.
SCRIPT_FIELDS: dict[str, Any] = {
    "display_name": lambda text: {"display_name": text},
    "image": lambda text: {"image": Path(f"/images/{text}")},
    "log": lambda text: {"log": Path(f"/logs/{text}")},
    "needed": lambda text: {"needed": [Path(f"/packages/{text}")]},
    "argv": lambda text: {"argv": [text, "{connection_file}"]},
    "environment": lambda text: {"environment": {"A": text}},
    "bind": lambda text: {"binds": [Bind(f"/{text}", f"/in/{text}", True), Bind(f"/{text}", None, False)]},
    "locales": lambda text: {"locales": [text]},
}


@pytest.mark.parametrize("field", [*SCRIPT_FIELDS, "module"])
def test_bash_reads_every_field_of_a_script_as_text(field: str, tmp_path: Path) -> None:
    """Each is a script all the same; what runs of it is shown by the next test."""
    for number, text in enumerate(POSSIBLE):
        path = tmp_path / f"{number}.sh"
        if field == "module":
            found = FoundRuntime(
                "apptainer", "Apptainer", "/usr/bin/apptainer", (1, 4, 5), text, Difference({}, {"A": text})
            )
            path.write_text(script(found))
        else:
            path.write_text(script(**SCRIPT_FIELDS[field](text)))
    command = 'for each in *.sh; do bash -n "$each" || echo "$each"; done'
    checked = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (checked.stdout, checked.stderr) == ("", "")


def test_a_container_gets_every_text_as_it_is(tmp_path: Path) -> None:
    """All at once, in all places, run with what only says what it was given."""
    stage = Stage(tmp_path / "stage")
    folders = []
    for number, text in enumerate(NAMES):
        folder = tmp_path / "folders" / f"{number}{text}"
        folder.mkdir(parents=True)
        folders.append(folder)
    for directory in (stage.log.parent, stage.connection.parent, stage.work):
        directory.mkdir(parents=True)
    stage.connection.write_text("{}")
    image = write_sif(stage.directory / NAMES[5])
    stage.changes = {
        "image": image,
        "display_name": NAMES[0],
        "argv": ["/bin/true", "{connection_file}", *POSSIBLE[1:]],
        "environment": {f"TEXT{number}": text for number, text in enumerate(POSSIBLE)},
        "binds": [Bind(str(folder), None, False) for folder in folders if folder.name.isprintable()],
        "needed": folders,
        "locales": POSSIBLE,
    }
    started = stage.start()
    [run] = started.runs
    # {connection_file} is what a kernel's command may say of itself
    literal = [str(stage.connection) if each == "{connection_file}" else each for each in POSSIBLE[1:]]
    assert run["command"][2:] == literal
    assert run["image"] == str(image)
    inside = {name: value for name, value in run["environment"].items() if name.startswith("APPTAINERENV_TEXT")}
    assert inside == {f"APPTAINERENV_TEXT{number}": text for number, text in enumerate(POSSIBLE)}
    mounted = {re.sub(r"\\(.)", r"\1", each) for each in run["options"]["--bind"]}
    assert mounted >= {bind.source for bind in stage.changes["binds"]}


def test_a_job_script_takes_every_text_as_it_is(tmp_path: Path) -> None:
    """All in its command, and each that can be one as the name of its folder."""
    for name in NAMES:
        folder = tmp_path / "orders" / name
        folder.mkdir(parents=True)
        (folder / "order.json").write_text("{}")
        command = ["/usr/bin/printf", "%s\\0", *POSSIBLE]
        job = tmp_path / "job.sh"
        job.write_text(fill("pull-job.sh.j2", version="1", folder=folder, command=command))
        done = subprocess.run(["bash", job], capture_output=True, check=True, cwd=tmp_path)
        assert (done.stdout.decode().split("\0")[:-1], done.stderr) == (POSSIBLE, b""), name


def _bodies(image: Path, text: str) -> dict[str, dict[str, Any]]:
    """Return requests to add a kernel in which one field holds a text."""
    folder = str(image.parent)
    bind = {"source": folder, "destination": None, "read_only": True}
    changes: dict[str, dict[str, Any]] = {
        "image": {"image": text},
        "display_name": {"display_name": text},
        "slug": {"slug": text},
        "image_dir": {"image_dir": text},
        "gpu": {"gpu": text},
        "interpreter": {"interpreter": text},
        "name of a variable": {"environment": {text: "x"}},
        "folder": {"binds": [bind | {"source": text}]},
        "place of a folder": {"binds": [bind | {"destination": text}]},
    }
    return {name: {"image": str(image), "gpu": "off"} | change for name, change in changes.items()}


async def test_every_field_of_a_request_is_refused_or_taken_as_it_is(client: Client, image: Path, roots: Roots) -> None:
    taken: dict[str, int] = {}
    for text in VALUES:
        for field, body in _bodies(image, text).items():
            answer = await client("post", "kernels", body)
            if answer.status == 202:
                request = answer.body["request"]
                if field == "place of a folder" and not text.strip():
                    body["binds"][0]["destination"] = None
                expected = {name: body[name].strip() if name == "display_name" else body[name] for name in body}
                assert {name: request[name] for name in body} == expected, (field, text)
                taken[field] = taken.get(field, 0) + 1
                await client("delete", f"tasks/{answer.body['id']}")
            else:
                assert answer.status == STATUS[answer.body["code"]], (field, text)
                assert answer.status in (400, 409, 422, 504), (field, text)
    assert taken.keys() <= {"display_name", "interpreter", "place of a folder", "image", "slug", "name of a variable"}
    assert taken["display_name"] >= len(NAMES) // 2
    for _ in range(600):
        tasks = (await client("get", "tasks")).body["tasks"]
        if all(task["ended"] for task in tasks):
            break
        await asyncio.sleep(0.1)
    assert [each.name for each in roots.kernels.iterdir()] == ["echo"]


#: What each field that a request needs holds while another holds a text.
PLAIN: dict[str, Any] = {
    "image": "docker://registry.invalid/a:1", "user": "me", "password": "x", "action": "relink",
    "resource_dir": "/none", "source": "~", "destination": None, "read_only": True,
}  # fmt: skip
#: Fields that name a file or folder.
PATHS = {"image", "image_dir", "directory", "resource_dir", "source"}


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _with(schema: dict[str, Any], text: str, plain: dict[str, Any], name: str = "") -> Iterator[Any]:
    """Yield what a schema of the contract describes with a text in each place that takes one, one place at a time."""
    schema = _schema(schema)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "string" in kinds:
        yield text
        if name in PATHS and ".." not in text:
            yield f"{plain['folder']}/{text}"
    if "array" in kinds:
        yield from ([each] for each in _with(schema["items"], text, plain))
    if "object" in kinds and "properties" not in schema:
        yield from ({text: "x"}, {"A": text})
    for field, each in schema.get("properties", {}).items():
        needed = {field: plain[field] for field in schema.get("required", [])}
        yield from (needed | {field: value} for value in _with(each, text, plain, field))


async def test_what_else_is_asked_of_a_kernel_or_a_registry_is_refused_or_taken_as_it_is(
    client: Client, image: Path, roots: Roots, public_dir: Path
) -> None:
    """Every request of the contract with a body, but the one that adds a kernel, of which the test above tells more."""
    fake = FakeRegistry()
    fake.contents["/v2/"] = FakeAnswer(200, b"{}")  # whoever logs in may
    plain = PLAIN | {"registry": fake.name, "directory": str(public_dir / "lab"), "folder": public_dir}
    kernel = add_kernel(roots, "demo", image)
    before = {path: path.read_bytes() for path in kernel.iterdir()}
    taken: set[str] = set()
    for verb, path, operation in OPERATIONS:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if not content or (verb, path) == ("post", "/kernels"):
            continue
        for text in VALUES:
            for body in _with(content["schema"], text, plain):
                answer = await client(verb, example(path), body)
                assert answer.status < 300 or answer.body["code"] != "internal", (path, body)
                if answer.status == 202:
                    told = answer.body["edit"] or answer.body["repair"] or answer.body["share"]
                    assert body.items() <= told.items(), path
                    taken.add(path)
                    await client("delete", f"tasks/{answer.body['id']}")
    fake.close()
    for _ in range(600):
        tasks = (await client("get", "tasks")).body["tasks"]
        if all(task["ended"] for task in tasks):
            break
        await asyncio.sleep(0.1)
    assert taken == {"/kernels/{slug}", "/kernels/{slug}/duplicate", "/kernels/{slug}/share"}
    assert [*public_dir.rglob(MARK)] == []
    assert {path.name for path in roots.kernels.iterdir()} == {"demo", "echo"}
    assert {path: path.read_bytes() for path in kernel.iterdir()} == before


async def test_a_kernel_holds_every_text_as_it_is_and_runs(client: Client, roots: Roots, tmp_path: Path) -> None:
    """A kernel that is added, with a hostile text in every field; it is started for real before it is published."""
    image = write_sif(tmp_path / "images" / "'; touch PWNED; '.sif")
    folder = tmp_path / "$(touch PWNED) `touch PWNED`"
    folder.mkdir()
    name = """'"; $(touch PWNED) `touch PWNED` ${A} %s {x} </script> \u202e\U0001f680"""
    environment = {f"TEXT{number}": text for number, text in enumerate(POSSIBLE)}
    body = {
        "image": str(image), "display_name": name, "slug": "demo", "environment": environment, "gpu": "off",
        "binds": [{"source": str(folder), "destination": "/data/$(touch PWNED)", "read_only": True}],
    }  # fmt: skip
    task = await ended(client, (await client("post", "kernels", body)).holds("Task"))
    assert task["error"] is None, task["error"]
    spec = json.loads((roots.kernels / "demo" / "kernel.json").read_bytes())
    record = spec["metadata"]["container_kernels"]
    assert spec["argv"] == ["/bin/bash", "{resource_dir}/init.sh", "{connection_file}"]
    assert spec["display_name"] == name
    assert record["environment"] == environment
    assert record["binds"] == body["binds"]
    assert record["image"]["path"] == str(image)
    assert "env" not in spec
    assert os.access(roots.kernels / "demo" / "init.sh", os.R_OK)
