"""What a quick look says of kernels that a real Apptainer starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .bed import Bed
from .kernels import printed, started


def listed(bed: Bed) -> dict[str, Any]:
    kernel: dict[str, Any]
    (kernel,) = json.loads(bed.cli("list", "--json").stdout)["kernels"]
    return kernel


def test_a_new_kernel_has_never_been_started_until_somebody_starts_it(bed: Bed, ipykernel_sif: Path) -> None:
    added = bed.cli("add", str(ipykernel_sif), "--name", "Demo")
    assert added.returncode == 0, added.stderr
    kernel = listed(bed)
    assert kernel["status"]["code"] == "ok"
    assert [note["code"] for note in kernel["notes"]] == ["never_started"], "its verification does not count"
    assert kernel["last_used"] is None
    with started("demo", bed.path) as client:
        assert printed(client, "print(1 + 1)") == "2"
        kernel = listed(bed)
        assert kernel["notes"] == []
        assert kernel["last_used"] > kernel["created"]
    assert listed(bed)["status"]["code"] == "ok"
