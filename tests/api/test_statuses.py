"""All statuses that there are, each produced for real, by the quick look and by the deep check: no false verdict.

A deep check starts the kernel with its real start script; what stands in for Apptainer runs this machine's own kernel.
What only a real image can show, tests/real/test_edit.py shows.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels import models
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import sif_bytes

from .conftest import Client
from .test_adding import ended
from .test_changing import added
from .test_listing import PYTHON, codes, rows, write_kernel


@dataclass
class Site:
    """Where the kernels of these tests are, all copies of one that was added."""

    client: Client
    roots: Roots
    folder: Path
    system: Path

    def image(self, slug: str) -> Path:
        return self.folder / f"images/image-{slug}.sif"

    def bind(self, slug: str) -> Path:
        return self.folder / f"folder-{slug}"

    def spec(self, slug: str) -> Path:
        return self.roots.kernels / slug / "kernel.json"

    def change(self, slug: str, **parts: Any) -> None:
        """Change parts of a kernel's record."""
        data = json.loads(self.spec(slug).read_text())
        for part, values in parts.items():
            data["metadata"]["container_kernels"][part].update(values)
        self.spec(slug).write_text(json.dumps(data))

    def copy(self, slug: str) -> None:
        """Make a kernel that has nothing in common with the first one, as if it had been added."""
        shutil.copyfile(self.image("demo"), self.image(slug))
        self.bind(slug).mkdir()
        shutil.copytree(self.roots.packages / "demo", self.roots.packages / slug)
        shutil.copytree(self.roots.logs / "demo", self.roots.logs / slug)
        shutil.copytree(self.roots.kernels / "demo", self.roots.kernels / slug)
        for name in ("kernel.json", "init.sh"):
            file = self.roots.kernels / slug / name
            text = file.read_text()
            for before in ("packages/demo", "logs/demo", "image-demo", "folder-demo", "Demo"):
                text = text.replace(before, before.replace("demo", slug).replace("Demo", slug))
            file.write_text(text)
        self.change(slug, image={"mtime_ns": self.image(slug).stat().st_mtime_ns})

    async def check(self, slug: str) -> str:
        """Begin a deep check and return the id of its task, or the code with which it is refused."""
        answer = await self.client("post", f"kernels/{slug}/check", {"updates": False})
        return str(answer.body["id"] if answer.status == 202 else answer.body["code"])


def incomplete(site: Site, slug: str) -> None:
    """Let the kernel have a set of packages of which a file that its RECORD names is missing."""
    made = site.roots.packages / "shared" / slug
    (made / "lib/python3.11/site-packages/x-1.0.dist-info").mkdir(parents=True)
    (made / "lib/python3.11/site-packages/x-1.0.dist-info/RECORD").write_text("x/__init__.py,,\n")
    site.change(slug, packages={"shared": str(made), "installed": ["x==1.0"]})


def other_python(site: Site, slug: str) -> None:
    facts = site.roots.packages / slug / "interpreter.json"
    facts.write_text(json.dumps({"path": "/usr/bin/python3", "version": "2.7.18"}))
    site.image(slug).write_bytes(sif_bytes(payload=65))


def updated(site: Site, slug: str) -> None:
    site.change(slug, image={"digest": "sha256:1"})
    result = {"at": "2026-01-01T00:00:00Z", "ok": True, "message": "", "hint": "", "digest": "sha256:2"}
    (site.roots.logs / slug / "checked.json").write_text(json.dumps(result))


def not_mounted(site: Site, slug: str) -> None:
    script = site.roots.kernels / slug / "init.sh"
    for file in (site.spec(slug), script):
        file.write_text(file.read_text().replace(str(site.image(slug)), "/no-such-file-system/a.sif"))


def broken(site: Site, slug: str) -> None:
    script = site.roots.kernels / slug / "init.sh"
    script.write_text(script.read_text().replace("\nimage=", "\necho the disk is haunted >&2; exit 3\nimage="))


def shadowed(site: Site, slug: str) -> None:
    write_kernel(site.system, slug, ["/usr/bin/python3", *PYTHON[1:]])


def moved_to_the_system(site: Site, slug: str) -> None:
    site.system.mkdir(exist_ok=True)
    shutil.move(site.roots.kernels / slug, site.system / slug)


def by_hand(site: Site, slug: str) -> None:
    shutil.rmtree(site.roots.kernels / slug)
    (site.folder / "apptainer").symlink_to("/bin/sh")
    write_kernel(site.roots.kernels, slug, [str(site.folder / "apptainer"), "exec", str(site.image(slug)), *PYTHON])


@dataclass
class Case:
    """How to get a status, and what the two checks make of it.

    Parameters
    ----------
    do : callable
    quick : list of str
        The codes that the quick look says, the level of the first one before them.
    deep : str
        ``works``, the code of the error with which the check ends, or that with which it is refused.
    after : list of str or None
        What the quick look says after the deep check, if it is something else.
    undo : callable or None
        Puts it right from outside, as a user would; then nothing must be said of it any more.
    """

    do: Callable[[Site, str], object]
    quick: str
    deep: str
    after: str | None = None
    undo: Callable[[Site, str], object] | None = None


CASES: dict[str, Case] = {
    "ok": Case(lambda _site, _slug: None, "ok: ok", "works"),
    "never_started": Case(lambda s, k: (s.roots.logs / k / "last-start").unlink(), "ok: ok never_started", "works"),
    "image_missing": Case(
        lambda s, k: s.image(k).rename(s.folder / "away"), "stale: image_missing", "image_not_found",
        undo=lambda s, k: (s.folder / "away").rename(s.image(k)),
    ),
    "image_changed": Case(
        lambda s, k: s.image(k).write_bytes(sif_bytes(payload=65)), "note: image_changed", "works",
    ),
    "image_writable": Case(lambda s, k: s.image(k).chmod(0o666), "note: image_writable", "works"),
    "packages_missing": Case(
        lambda s, k: (s.roots.packages / k).rename(s.folder / "packages"),
        "stale: packages_missing", "install_failed",
        undo=lambda s, k: (s.folder / "packages").rename(s.roots.packages / k),
    ),
    # it starts all the same, and is not called stale after that was seen
    "packages_incomplete": Case(incomplete, "stale: packages_incomplete", "works", "note: packages_incomplete"),
    "other_python": Case(
        other_python, "stale: other_python image_changed", "works", "note: other_python image_changed"
    ),
    "runtime_changed": Case(lambda s, k: s.change(k, runtime={"version": "1.3.0"}), "note: runtime_changed", "works"),
    "bind_missing": Case(
        lambda s, k: s.bind(k).rmdir(), "note: bind_missing", "works", undo=lambda s, k: s.bind(k).mkdir()
    ),
    "invalid_kernel_json": Case(
        lambda s, k: s.spec(k).write_text(s.spec(k).read_text()[:100]), "stale: invalid_kernel_json", "not_found"
    ),
    "shadowed": Case(shadowed, "note: shadowed", "works"),
    "hidden": Case(lambda _site, _slug: None, "note: hidden", "works"),
    "read_only": Case(moved_to_the_system, "ok: ok read_only", "not_found"),
    "unsafe": Case(by_hand, "note: unsafe", "not_found"),
    "update_available": Case(updated, "note: update_available", "works"),
    "does_not_start": Case(broken, "ok: ok", "verify_failed", "stale: does_not_start"),
    # nobody can tell, so the check says so, tries nothing, and leaves no verdict behind
    "unknown": Case(not_mounted, "unknown: unknown", "timed_out"),
}  # fmt: skip

#: Those that need a real image, another user or another PATH: tests/real/test_edit.py, tests/unit/test_status.py.
ELSEWHERE = {"image_damaged", "image_not_readable", "runtime_missing"}


@pytest.fixture
def site(client: Client, roots: Roots, jp_environ: Any, jp_env_jupyter_path: Path, tmp_path: Path) -> Site:
    return Site(client, roots, tmp_path, jp_env_jupyter_path / "kernels")


def said(kernel: dict[str, Any]) -> str:
    return " ".join([f"{kernel['status']['level']}:", *dict.fromkeys(codes(kernel))])


def test_there_is_a_case_for_each_status() -> None:
    assert set(CASES) | ELSEWHERE == set(models.StatusCode.__args__)  # type: ignore[attr-defined]


async def test_the_quick_look_and_the_deep_check_say_of_each_kernel_what_is_so_and_nothing_else(
    site: Site, jp_serverapp: Any
) -> None:
    site.bind("demo").mkdir()
    site.image("demo").parent.mkdir()
    site.image("demo").write_bytes(sif_bytes())
    bind = {"source": str(site.bind("demo")), "destination": None, "read_only": False}
    await added(site.client, site.image("demo"), display_name="Demo", binds=[bind])
    shutil.copyfile(site.roots.logs / "demo/last-start", site.roots.logs / "demo/last-start.before")  # started since
    for slug, case in CASES.items():
        site.copy(slug)
        case.do(site, slug)
    names = {*CASES, "demo"} - {"hidden"}
    jp_serverapp.kernel_spec_manager.allowed_kernelspecs = names

    async def look() -> dict[str, str]:
        found = {kernel["slug"]: kernel for kernel in (await rows(site.client)).values()}
        return {slug: said(found[slug]) for slug in CASES}

    assert await look() == {slug: case.quick for slug, case in CASES.items()}
    checks = {slug: await site.check(slug) for slug in CASES}
    deep = {}
    for slug, told in checks.items():
        if len(told) < 32:
            deep[slug] = told
            continue
        task = await ended(site.client, (await site.client("get", f"tasks/{told}")).holds("Task"))
        deep[slug] = task["error"]["code"] if task["error"] else "works"
    assert deep == {slug: case.deep for slug, case in CASES.items()}
    assert await look() == {slug: case.after or case.quick for slug, case in CASES.items()}
    assert not os.path.exists(site.roots.logs / "unknown/checked.json")

    for slug, case in CASES.items():
        if case.undo is not None:
            case.undo(site, slug)
    found = await look()
    assert {found[slug] for slug, case in CASES.items() if case.undo} == {"ok: ok"}
