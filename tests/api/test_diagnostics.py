"""Diagnostics over REST: every finding says what it means, and what does not answer delays no other."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Quota
from jupyterlab_container_kernels.services import diagnostics
from jupyterlab_container_kernels.services.wiring import Services
from jupyterlab_container_kernels.system import node, quota
from jupyterlab_container_kernels.system.node import Switch

from .conftest import Client


def by_title(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["title"]: each for each in body["findings"]}


async def found_by(client: Client) -> dict[str, dict[str, Any]]:
    return by_title((await client("get", "diagnostics")).holds("Diagnostics"))


async def test_everything_is_found_and_explained(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", "hunter2")
    body = (await client("get", "diagnostics")).holds("Diagnostics")
    found = by_title(body)
    assert "as configured: Apptainer 1.4.5" in found["Container runtime"]["found"]
    assert "Container Kernels" in found["Versions"]["found"]
    assert found["Slurm job"]["found"] == "none"
    assert all(each["meaning"] and each["action"] for each in body["findings"] if each["state"] != "ok")
    assert all(each["title"] in body["report"] for each in body["findings"])
    assert "hunter2" not in body["report"]


async def test_a_job_is_named_with_its_time_memory_and_cores(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 600))
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "1024")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    job = (await client("get", "info")).holds("Info")["job"]
    assert (job["id"], job["memory_bytes"], job["cores"]) == ("4711", 1024**3, 1)
    assert job["ends"].endswith("Z")
    finding = (await found_by(client))["Slurm job"]
    assert finding["state"] == "warning", "ten minutes are little"
    assert finding["found"].startswith("job 4711: 10 min left, until ")
    assert "1.1 GB of memory, 1 core" in finding["found"]


async def test_a_quota_counts_before_the_room_on_the_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def quotas(paths: list[str], *_: object) -> dict[str, Quota]:
        return dict.fromkeys(paths, limit)

    monkeypatch.setattr(quota, "quotas", quotas)
    limit = Quota(17_000_000_000, 20_000_000_000)
    finding = (await found_by(client))["Room for kernels, images and packages"]
    assert finding["state"] == "warning"
    assert all(line.endswith(", 17.0 of your 20.0 GB used") for line in finding["found"].splitlines())
    assert "a large image does not fit" in finding["meaning"]


async def test_a_node_without_user_namespaces_is_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "switches", lambda: [Switch("user.max_user_namespaces", "0", True)])
    finding = (await found_by(client))["Start without root"]
    assert (finding["state"], finding["meaning"]) == (
        "problem",
        "user.max_user_namespaces forbids containers without root on this node.",
    )
    monkeypatch.setattr(node, "setuid_starter", lambda folders: Path("/usr/libexec/apptainer/bin/starter-suid"))
    assert (await found_by(client))["Start without root"]["state"] == "ok"


async def test_without_fuse_starts_are_slow_and_this_is_said(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> bool:
        raise FileNotFoundError

    monkeypatch.setattr(node, "may_use_fuse", none)
    finding = (await found_by(client))["Mounting images"]
    assert finding["state"] == "warning"
    assert "/dev/fuse: not there" in finding["found"]
    assert "unpacks its whole image" in finding["meaning"]


async def test_what_does_not_answer_is_unknown_and_keeps_nobody(
    client: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "_TIMEOUT_S", 0.5)
    monkeypatch.setattr(services.session.ladder, "wait_s", 2.0)
    monkeypatch.setattr(services.session, "job", lambda: asyncio.sleep(60))
    started = time.monotonic()
    found = await found_by(client)
    assert time.monotonic() - started < 40
    assert found["Slurm job"]["state"] == "unknown"
    assert found["Versions"]["state"] == "ok"


async def test_a_folder_of_path_that_hangs_leaves_the_runtime_known(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()

    def hangs(_folders: object) -> None:
        gone.wait(60)

    monkeypatch.setattr(diagnostics, "_ASK_TIMEOUT_S", 1.0)
    monkeypatch.setattr(node, "image_mounter", hangs)
    try:
        found = await found_by(client)
    finally:
        gone.set()
    assert found["Mounting images"]["state"] == "unknown"
    assert found["Container runtime"]["state"] == "ok"
    assert found["Start without root"]["state"] != "unknown"


class TestWithoutARuntime:
    """The site named one that is not there."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"runtime_path": "/no/such/apptainer"}

    async def test_that_is_a_problem_with_what_was_looked_at(self, client: Client) -> None:
        finding = (await found_by(client))["Container runtime"]
        assert finding["state"] == "problem"
        assert finding["found"] == "as configured: /no/such/apptainer is missing or not usable."
        assert "No kernel can be added" in finding["meaning"]
        assert finding["action"]


async def test_a_look_that_fails_by_a_mistake_of_ours_hides_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(node, "switches", fails)
    found = await found_by(client)
    assert found["Start without root"]["state"] == "unknown"
    assert "uid not found" in found["Start without root"]["found"]
    assert found["Container runtime"]["state"] == "ok"
