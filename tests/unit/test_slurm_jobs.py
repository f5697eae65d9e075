"""Jobs of ours: what they get of the session, how Slurm is asked, and what its answers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.system import slurm, slurm_jobs
from jupyterlab_container_kernels.system.slurm_jobs import JobState


@pytest.fixture(autouse=True)
def no_usual_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_USUAL_FOLDERS", ())


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_job_gets_what_it_needs_of_the_environment_and_no_secret_nor_what_is_of_this_job_or_node() -> None:
    handed_on = {
        "HOME": "/home/u", "PATH": "/usr/bin", "LANG": "C.UTF-8", "LC_ALL": "C", "SLURM_CONF": "/etc/slurm.conf",
        "JUPYTER_DATA_DIR": "/scratch/u", "XDG_CONFIG_HOME": "/scratch/u", "APPTAINER_CONFIGDIR": "/scratch/u",
        "MODULEPATH": "/apps", "https_proxy": "http://proxy:3128", "NO_PROXY": ".example.org", "PYTHONNOUSERSITE": "1",
    }  # fmt: skip
    kept = {
        "JUPYTER_TOKEN": "s", "JUPYTERHUB_API_TOKEN": "s", "AWS_SECRET_ACCESS_KEY": "s", "http_proxy": "http://u:s@p:1",
        "APPTAINER_DOCKER_PASSWORD": "s", "DOCKER_PASSWORD": "s", "SLURM_MEM_PER_NODE": "512", "SLURM_JOB_ID": "1",
        "SBATCH_EXPORT": "ALL", "TMPDIR": "/tmp/job1", "LD_PRELOAD": "x", "BASH_ENV": "x", "XDG_RUNTIME_DIR": "/run",
        "APPTAINER_TMPDIR": "/tmp/job1", "CUDA_VISIBLE_DEVICES": "0",
    }  # fmt: skip
    assert slurm_jobs.environment_of_job({**handed_on, **kept}) == handed_on


#: What `squeue -o '%A|%T|%r'` prints, the job, and whether it waits, and whether for ever.
QUEUES = [
    ("", None, False, False),
    ("12|PENDING|Priority\n", JobState("12", "PENDING", "Priority"), True, False),
    ("12|PENDING|None\n", JobState("12", "PENDING"), True, False),
    ("12|PENDING|PartitionTimeLimit\n", JobState("12", "PENDING", "PartitionTimeLimit"), True, True),
    ("12|PENDING|QOSMaxWallDurationPerJobLimit\n",
     JobState("12", "PENDING", "QOSMaxWallDurationPerJobLimit"), True, True),
    ("12|RUNNING|None\n", JobState("12", "RUNNING"), False, False),
    ("9|RUNNING|None\n12|PENDING|Priority\n", JobState("12", "PENDING", "Priority"), True, False),
    ("12|PENDING|(Nodes required for job are DOWN, DRAINED)\n",
     JobState("12", "PENDING", "(Nodes required for job are DOWN, DRAINED)"), True, False),
    ("slurm_load_jobs error: Unable to contact slurm controller\n", None, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("output", "job", "waits", "stuck"), QUEUES)
def test_the_queue_is_read(output: str, job: JobState | None, waits: bool, stuck: bool) -> None:
    found = slurm_jobs.read_queue(output)
    assert found == job
    assert found is None or (found.waits, found.is_stuck) == (waits, stuck)


async def test_a_job_is_submitted_with_a_known_environment_and_the_site_s_options_last(
    empty_path: Path, tmp_path: Path
) -> None:
    tool(empty_path, "sbatch", f'printf "%s\\n" "$@" > {tmp_path}/asked; /usr/bin/env > {tmp_path}/env; echo "12;main"')
    told = {"HOME": "/h", "JUPYTER_TOKEN": "secret", "PATH": "/usr/bin:/bin"}
    job = await slurm_jobs.submit(tmp_path / "job.sh", "name", tmp_path / "log", ["--mem=2G"], told)
    assert job == "12"
    assert (tmp_path / "asked").read_text().splitlines() == [
        "--parsable", "--export=ALL", "--job-name=name", f"--output={tmp_path}/log", "--open-mode=append", "--chdir=/",
        "--ntasks=1", "--no-requeue", "--mem=2G", f"{tmp_path}/job.sh",
    ]  # fmt: skip
    assert "secret" not in (tmp_path / "env").read_text()


async def test_what_slurm_has_against_a_job_is_said(empty_path: Path, tmp_path: Path) -> None:
    tool(empty_path, "sbatch", "echo 'sbatch: error: Invalid account or account/partition combination' >&2; exit 1")
    with pytest.raises(ContainerKernelsError, match="Invalid account") as caught:
        await slurm_jobs.submit(tmp_path / "job.sh", "name", tmp_path / "log", [], {})
    assert "pull_job_options" in caught.value.hint


async def test_a_slurm_that_does_not_answer_is_no_job_that_has_gone(empty_path: Path) -> None:
    tool(empty_path, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(ContainerKernelsError, match="does not answer"):
        await slurm_jobs.queued("name", {})


#: What `scontrol -o show job` prints, and what that means.
ENDS = [
    ("JobId=12 JobState=TIMEOUT Reason=TimeLimit ExitCode=0:15", JobState("12", "TIMEOUT", "TimeLimit")),
    ("JobId=12 JobState=FAILED Reason=None ExitCode=127:0", JobState("12", "FAILED", "exit code 127:0")),
    ("JobId=12 JobState=OUT_OF_MEMORY Reason=OutOfMemory ExitCode=0:125",
     JobState("12", "OUT_OF_MEMORY", "OutOfMemory")),
    ("slurm_load_jobs error: Invalid job id specified", None),
]  # fmt: skip


@pytest.mark.parametrize(("output", "state"), ENDS)
async def test_the_end_of_a_job_is_read(empty_path: Path, output: str, state: JobState | None) -> None:
    tool(empty_path, "scontrol", f"echo '{output}'")
    assert await slurm_jobs.ended("12", {}) == state
