"""All of it with a newer Slurm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT


@pytest.mark.slow
def test_sessions_and_jobs_are_the_same_with_a_newer_slurm() -> None:
    environment = {**os.environ, "SLURM_SUITE": "trixie", "CK_TEST_CLUSTER": "newer"}
    subprocess.run([ROOT / "scripts" / "slurm.sh", "unpack"], env=environment, check=True, timeout=1200)
    tests = [sys.executable, "-m", "pytest", "-q", "-x", str(Path(__file__).parent)]
    ran = subprocess.run(tests, env=environment, cwd=ROOT, check=False, timeout=1800, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passed" in ran.stdout
