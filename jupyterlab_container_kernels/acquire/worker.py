"""The process that makes a SIF: ``python -m jupyterlab_container_kernels.acquire.worker [JOB]``.

It reads a job as JSON from standard input, or from a file that it is given, so that nothing of it stands in its
arguments::

    {"reference": "docker://HOST/NAME@sha256:…", "architecture": "amd64", "runtime": "/usr/bin/apptainer",
     "target": "/…/x.sif.part", "spool": "/…", "compression": "zstd", "threads": 4, "layers": "/…",
     "insecure": false, "timeout_s": 30}

``compression`` may be left out (zstd where this Python has it), and so may all that follows it. The password is looked
up where users keep it. It writes lines of JSON to standard output::

    {"event": "progress", "done_bytes": 1, "total_bytes": 2}
    {"event": "done", "digest": "sha256:…", "size_bytes": 3, "entries": 4}                   exit code 0
    {"event": "failed", "code": "…", "message": "…", "hint": "…"}                            exit code 1
    {"event": "not_understood", "reason": "…"}: the runtime has to pull the image            exit code 3

Killed at any point, it leaves nothing but the target and the spool, with which the next try goes on. The layers in the
spool are removed when the target is whole, or kept in ``layers``.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from ..errors import ContainerKernelsError
from ..system import limits
from . import layout, registry
from .compressors import has_zstd
from .filetree import NotUnderstood
from .reference import parse
from .stream import Job, make_sif

DONE, FAILED, NOT_UNDERSTOOD = 0, 1, 3
_NICENESS = 10
_TIMEOUT_S = 30.0
#: What it takes for an image of a hundred thousand files beside its threads, and what each of these takes.
_MEMORY_BYTES, _THREAD_BYTES = 128 << 20, 32 << 20


def tell(event: str, **fields: object) -> None:
    """Write one line."""
    print(json.dumps({"event": event, **fields}), flush=True)


def read_job(text: str) -> tuple[Job, registry.Registry]:
    """Read a job and whom to ask.

    Raises
    ------
    ValueError, KeyError, TypeError
        It is not what it should be.
    ContainerKernelsError
        ``invalid_reference``
    """
    given: dict[str, Any] = json.loads(text)
    reference = parse(given["reference"], Path.home())
    if reference.transport != "docker":
        raise ValueError(f"{reference} is not in a registry")
    job = Job(
        reference,
        given["architecture"],
        given["runtime"],
        Path(given["target"]),
        Path(given["spool"]),
        given.get("compression") or ("zstd" if has_zstd() else "gzip"),
        int(given.get("threads") or _threads()),
        Path(given["layers"]) if given.get("layers") else None,
    )
    return job, registry.registry_of(
        reference,
        os.environ,
        Path.home(),
        insecure=bool(given.get("insecure")),
        timeout_s=float(given.get("timeout_s") or _TIMEOUT_S),
    )


def _threads() -> int:
    """Return how many threads may compress in this session."""
    room = limits.memory_bytes(os.environ) - _MEMORY_BYTES
    return max(1, min(limits.cores(os.environ), room // _THREAD_BYTES))


def main(arguments: list[str]) -> int:
    """Do a job and return the exit code."""
    try:
        job, source = read_job(Path(arguments[0]).read_text() if arguments else sys.stdin.read())
    except (ValueError, KeyError, TypeError, OSError) as error:
        tell("failed", code="internal", message=f"The job cannot be read: {error!r}.", hint="")
        return FAILED
    except ContainerKernelsError as error:
        return _failed(error)
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    try:
        made = asyncio.run(
            make_sif(job, source, lambda done, total: tell("progress", done_bytes=done, total_bytes=total))
        )
    except NotUnderstood as outcome:
        tell("not_understood", reason=str(outcome))
        return NOT_UNDERSTOOD
    except ContainerKernelsError as error:
        return _failed(error)
    except OSError as error:
        return _failed(_cannot_write(job, error))
    if job.layers is not None:
        try:
            layout.keep(job.layers, job.reference, made.parts, job.spool)
        except OSError as error:
            print(f"The layers are not kept in {job.layers}: {error.strerror or error}.", flush=True)
    for layer in job.spool.glob("sha256-*"):
        layer.unlink(missing_ok=True)
    tell("done", digest=made.parts.digest, size_bytes=made.size_bytes, entries=made.entries)
    return DONE


def _failed(error: ContainerKernelsError) -> int:
    tell("failed", code=error.code, message=error.message, hint=error.hint)
    return FAILED


def _cannot_write(job: Job, error: OSError) -> ContainerKernelsError:
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        places = [path for path in (job.spool, job.target.parent) if path.is_dir()]
        fullest = min(places, key=lambda path: shutil.disk_usage(path).free, default=job.target)
        return ContainerKernelsError(
            "disk_full",
            f"There is no room left on the disk of {fullest} for {job.reference}: {why}.",
            "Delete what you no longer need there, or keep images elsewhere.",
        )
    return ContainerKernelsError(
        "runtime_failed",
        f"{job.reference} cannot be stored in {job.target.parent}: {why}.",
        "Check that you may write there.",
    )


if __name__ == "__main__":
    # not sys.exit: threads that wait for more of a layer would hold it up
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
