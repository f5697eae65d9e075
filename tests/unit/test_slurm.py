"""The Slurm job of a session, from what the job's environment, its control group and Slurm itself tell."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from jupyterlab_container_kernels.system import slurm

END = datetime(2026, 11, 26, 14, 30, 5, tzinfo=timezone.utc)

#: What stands in /proc/self/cgroup, and the job.
GROUPS = [
    ("0::/system.slice/slurmstepd.scope/job_4711/step_batch/user/task_0\n", "4711"),  # version 2, Slurm 22.05 and later
    ("9:memory:/slurm/uid_1000/job_4712/step_0\n8:pids:/user.slice\n", "4712"),  # version 1
    ("0::/user.slice/user-1000.slice/session-1.scope\n", None),
    ("0::/slurm/my_job_12x/step\n", None),
]


@pytest.mark.parametrize(("text", "job"), GROUPS)
def test_a_job_is_known_by_its_control_group_where_the_environment_was_emptied(
    tmp_path: Path, text: str, job: str | None
) -> None:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "cgroup").write_text(text)
    assert slurm.job_id({}, tmp_path) == job
    assert slurm.job_id({"SLURM_JOB_ID": "1"}, tmp_path) == "1"


#: A part of what `scontrol -o show job` prints (22.05 and 24.11), and the end.
SHOWN = [
    ("JobId=7 JobName=x TimeLimit=00:10:00 TimeMin=N/A StartTime=2026-11-26T14:20:05 EndTime=2026-11-26T14:30:05 "
     "Deadline=N/A SuspendTime=None\n", END),
    ("JobId=7 TimeLimit=UNLIMITED StartTime=2026-11-26T14:20:05 EndTime=2027-11-26T14:30:05 Deadline=N/A\n", None),
    ("JobId=7 StartTime=Unknown EndTime=Unknown\n", None),
    ("slurm_load_jobs error: Invalid job id specified\n", None),
    ("", None),
]  # fmt: skip


@pytest.mark.parametrize(("output", "end"), SHOWN)
def test_the_end_of_a_job_is_read(output: str, end: datetime | None) -> None:
    assert slurm.read_end(output) == end


@pytest.fixture(autouse=True)
def no_usual_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_USUAL_FOLDERS", ())


def scontrol(folder: Path, script: str) -> None:
    (folder / "scontrol").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "scontrol").chmod(0o755)


async def test_slurm_itself_is_asked_first_and_in_utc(empty_path: Path) -> None:
    scontrol(
        empty_path, 'echo "$@" TZ=$TZ EndTime=2026-11-26T14:30:05 > ' + f"{empty_path}/asked; cat {empty_path}/asked"
    )
    told = {"SLURM_JOB_END_TIME": "1", "PATH": "/usr/bin:/bin"}
    assert await slurm.end("7", told) == END
    assert (empty_path / "asked").read_text().startswith("-o show job 7 TZ=UTC ")


async def test_what_the_job_was_told_at_its_start_is_next(empty_path: Path) -> None:
    told = {"SLURM_JOB_END_TIME": str(int(END.timestamp())), "PATH": "/usr/bin:/bin"}
    assert await slurm.end("7", told) == END, "no scontrol"
    scontrol(empty_path, "exit 1")
    assert await slurm.end("7", told) == END
    assert await slurm.end("7", {"PATH": "/usr/bin:/bin"}) is None
    assert await slurm.end("7", {"SLURM_JOB_END_TIME": "soon", "PATH": "/usr/bin:/bin"}) is None


async def test_a_slurm_that_does_not_answer_is_not_waited_for(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "_TIMEOUT_S", 0.3)
    scontrol(empty_path, "exec /bin/sleep 65.5")
    assert await slurm.end("7", {"SLURM_JOB_END_TIME": str(int(END.timestamp()))}) == END


async def test_scontrol_is_found_where_a_session_lacks_it_on_path(
    empty_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setattr(slurm, "_USUAL_FOLDERS", (str(tmp_path / "no such folder"), str(folder)))
    scontrol(folder, "echo EndTime=2026-11-26T14:30:05")
    assert await slurm.end("7", {"PATH": "/usr/bin:/bin"}) == END
