"""Jobs of our own in Slurm: submitted with an environment of which every variable is known, watched, cancelled.

Slurm's programs print differently in different versions; what is used here is the same from 20.02 to 24.11.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ContainerKernelsError
from .process import Command, Finished, run
from .slurm import find_tool

_TIMEOUT_S = 20.0
#: What a job of ours gets of this session's environment. All else stays: tokens, Slurm's own variables of the job in
#: which the session runs (``SLURM_MEM_PER_NODE`` breaks what runs in the new one), a temporary folder of this node.
_HANDED_ON = re.compile(
    r"HOME|USER|LOGNAME|SHELL|PATH|LD_LIBRARY_PATH|LANG|LC_[A-Z]+|TZ|SLURM_CONF|SLURM_CLUSTERS"
    r"|PYTHON(PATH|HOME|NOUSERSITE|USERBASE)|JUPYTER_(DATA_DIR|CONFIG_DIR|CONFIG_PATH|PATH)|XDG_(CONFIG|DATA|CACHE)_HOME"
    r"|LMOD_CMD|MODULESHOME|MODULEPATH|MODULES_CMD|APPTAINER_(CONFIGDIR|CACHEDIR|AUTHFILE|USERNS)|SINGULARITY_CACHEDIR"
    r"|DOCKER_CONFIG|REGISTRY_AUTH_FILE|SSL_CERT_(FILE|DIR)|SCRATCH|PSCRATCH|WORK|PROJECT"
)
_PROXY = re.compile(r"(https?|all|no)_proxy", re.IGNORECASE)
#: Why a job waits that may never start (squeue(1), *job reason codes*).
_STUCK = re.compile(
    r"Partition(TimeLimit|NodeLimit|Config|Down|Inactive)|DependencyNeverSatisfied|Assoc\w+|QOS\w+|Invalid(Account|QOS)"
    r"|AccountNotAllowed|JobHeld\w+|BadConstraints"
)
#: States of a job that may still do something, beside those in which it waits.
_ALIVE = (
    "RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "REQUEUE_HOLD", "REQUEUE_FED",
    "RESV_DEL_HOLD", "SPECIAL_EXIT",
)  # fmt: skip


@dataclass(frozen=True)
class JobState:
    """How a job is.

    Parameters
    ----------
    id : str
    state : str
        Slurm's word for it, as ``PENDING``.
    reason : str
        Why it waits, or why it ended; may be empty.
    """

    id: str
    state: str
    reason: str = ""

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.state in ("PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED")

    @property
    def is_alive(self) -> bool:
        """Whether it waits, runs, or is just ending."""
        return self.waits or self.state in _ALIVE

    @property
    def is_stuck(self) -> bool:
        """Whether it may never begin as it was submitted."""
        return self.state == "PENDING" and _STUCK.fullmatch(self.reason) is not None


def environment_of_job(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a job gets of an environment; a proxy only if its address holds no password."""
    return {
        name: value
        for name, value in environment.items()
        if _HANDED_ON.fullmatch(name) or (_PROXY.fullmatch(name) and "@" not in value)
    }


async def submit(script: Path, name: str, log: Path, options: Sequence[str], environment: Mapping[str, str]) -> str:
    """Submit a job and return its id.

    Parameters
    ----------
    script : Path
        What it runs. Slurm keeps a copy.
    name : str
        What it is called in the queue, and how :func:`queued` finds it.
    log : Path
        Where its output goes. The folder has to be there when the job starts.
    options : sequence of str
        More options of ``sbatch``, which win.
    environment : mapping of str to str
        Of this session.

    Raises
    ------
    ContainerKernelsError
        ``runtime_failed``: Slurm does not take it; ``timed_out``; ``runtime_missing``: this node has no ``sbatch``.
    """
    # the environment of sbatch is all that the job gets, so ALL is what was chosen above
    argv = [
        "--parsable", "--export=ALL", f"--job-name={name}", f"--output={log}", "--open-mode=append", "--chdir=/",
        "--ntasks=1", "--no-requeue", *options, str(script),
    ]  # fmt: skip
    finished = await _ask("sbatch", argv, environment)
    found = re.search(r"^(\d+)(?:;\S+)?$", finished.output, re.MULTILINE)
    if finished.returncode != 0 or found is None:
        said = [line for line in finished.output.splitlines() if line.strip()]
        raise ContainerKernelsError(
            "runtime_failed",
            f"Slurm did not take the job that pulls the image: {said[-1] if said else 'it said nothing'}.",
            "Pull it in another way, or ask your site's support which partition and account such a job needs "
            "(ContainerKernelsApp.pull_job_options).",
        )
    return found[1]


async def queued(name: str, environment: Mapping[str, str]) -> JobState | None:
    """Return a job of this user by its name, or ``None`` if it does not wait or run any more.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``, ``runtime_failed``, ``runtime_missing``: nobody knows, for Slurm does not answer.
    """
    finished = await _ask("squeue", ["-h", "--me", f"--name={name}", "-o", "%A|%T|%r"], environment)
    if finished.returncode != 0:
        raise ContainerKernelsError("runtime_failed", f"Slurm does not answer: {finished.output[-200:].strip()}")
    return read_queue(finished.output)


def read_queue(output: str) -> JobState | None:
    """Read what ``squeue`` printed as ``id|state|reason``; of several jobs, the newest."""
    rows = [line.split("|") for line in output.splitlines() if re.match(r"\d+\|\w+\|", line)]
    if not rows:
        return None
    job, state, reason = max((row[:3] for row in rows), key=lambda row: int(row[0]))
    return JobState(job, state, "" if reason == "None" else reason)


async def ended(job: str, environment: Mapping[str, str]) -> JobState | None:
    """Return how a job ended; ``None`` if Slurm has forgotten it, or does not answer."""
    try:
        finished = await _ask("scontrol", ["-o", "show", "job", job], environment)
    except ContainerKernelsError:
        return None
    found = dict(re.findall(r"(?:^|\s)(JobState|Reason|ExitCode)=(\S+)", finished.output))
    if finished.returncode != 0 or "JobState" not in found:
        return None
    reason = found.get("Reason", "")
    return JobState(job, found["JobState"], f"exit code {found.get('ExitCode')}" if reason in ("", "None") else reason)


async def cancel(job: str, environment: Mapping[str, str]) -> None:
    """Cancel a job; one that has ended stays as it is.

    Raises
    ------
    ContainerKernelsError
        ``timed_out``, ``runtime_failed``, ``runtime_missing``.
    """
    await _ask("scancel", [job], environment)


async def _ask(tool: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Finished:
    program = await asyncio.to_thread(find_tool, tool)
    if program is None:
        raise ContainerKernelsError(
            "runtime_missing", f"There is no {tool} on this node.", "Pull the image in another way."
        )
    env = {**environment_of_job(environment), "LC_ALL": "C"}
    return await run(Command([program, *arguments], env), timeout_s=_TIMEOUT_S)
