"""Kernels that earlier versions made are listed and judged as those of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyterlab_container_kernels.services import status
from jupyterlab_container_kernels.system import kernel_dirs, kernelspecs

#: As the first version that had a record wrote it: without sets of packages, isolation, GPU and time of the start.
FIRST: dict[str, Any] = {
    "argv": ["/bin/bash", "{resource_dir}/init.sh", "{connection_file}"],
    "display_name": "PyTorch 2.9.1",
    "language": "python",
    "interrupt_mode": "signal",
    "metadata": {
        "debugger": True,
        "container_kernels": {
            "schema": 1,
            "image": {
                "reference": "docker://pytorch/pytorch:2.9.1",
                "source": "docker://docker.io/pytorch/pytorch:2.9.1",
                "digest": "sha256:" + "1" * 64,
                "path": "/home/u/.local/share/jupyter/container-kernels/images/sha256-1.sif",
                "size_bytes": 3,
                "mtime_ns": 4,
                "sif_id": None,
                "stored": True,
            },
            "runtime": {"name": "apptainer", "path": "/usr/bin/apptainer", "version": "1.3.0"},
            "language": "python",
            "language_version": "3.11.2",
            "interpreter": "/usr/bin/python3",
            "gpu": "auto",
            "packages": {"path": "/home/u/packages/pytorch", "size_bytes": 5, "installed": ["ipykernel==6.29.5"]},
            "binds": [{"source": "/scratch", "destination": None, "read_only": False}],
            "environment": {"A": "1"},
            "log": "/home/u/logs/pytorch/last-start",
            "task": "0" * 32,
            "created": "2026-01-01T00:00:00.000Z",
        },
    },
}


def test_a_kernel_of_the_first_version_is_read_with_what_was_true_then(tmp_path: Path) -> None:
    directory = tmp_path / "pytorch"
    directory.mkdir()
    (directory / "kernel.json").write_text(json.dumps(FIRST))
    spec = kernelspecs.read(directory)
    assert spec is not None
    record = spec.record
    assert (record.isolated, record.packages.shared, record.gpu_name, record.start_s) == (True, None, None, None)
    entry = kernel_dirs.read(str(directory))
    assert entry is not None
    assert (entry.problem, entry.spec) == (None, spec)
    found = status.of_ours(record, {}, written_s=0.0)
    assert {each.level for each in found} == {"unknown"}, "nothing of it answered, which is not its fault"


def test_what_a_later_version_adds_to_the_record_does_no_harm(tmp_path: Path) -> None:
    later = json.loads(json.dumps(FIRST))
    later["metadata"]["container_kernels"] |= {"new": {"a": 1}, "isolated": False}
    (tmp_path / "kernel.json").write_text(json.dumps(later))
    spec = kernelspecs.read(tmp_path)
    assert spec is not None
    assert spec.record.isolated is False
