"""What ``make coverage`` says at its end is true, also where nothing was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "sum-coverage.py"
SERVICE, OTHER = "jupyterlab_container_kernels/services/a.py", "jupyterlab_container_kernels/app.py"


def python(**files: tuple[int, int, int, int]) -> str:
    keys = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    names = {"service": SERVICE, "other": OTHER}
    return json.dumps(
        {"files": {names[file]: {"summary": dict(zip(keys, sums, strict=True))} for file, sums in files.items()}}
    )


def jest(run: int, statements: int) -> str:
    sums = {"statements": {"covered": run, "total": statements}, "branches": {"covered": 1, "total": 1}}
    return json.dumps({"total": sums, str(ROOT / "src/model/a.ts"): sums})


@pytest.mark.parametrize(
    ("of_python", "of_jest", "lacking"),
    [
        (python(service=(80, 90, 10, 10)), jest(9, 10), []),
        # only what has a limit has to meet it
        (python(service=(80, 90, 10, 10), other=(0, 900, 0, 0)), jest(9, 10), []),
        # 89.96 % is less than 90 %
        (python(service=(2249, 2500, 0, 0)), jest(9, 10), [SERVICE]),
        (python(service=(90, 90, 0, 20)), jest(9, 10), [SERVICE]),
        (python(service=(90, 90, 0, 0)), jest(7, 10), ["src/model/a.ts"]),
        # what was not measured is not well covered
        (python(other=(9, 9, 0, 0)), jest(9, 10), [SERVICE]),
        (python(service=(9, 9, 0, 0)), "{}", ["src/model/a.ts"]),
    ],
)
def test_the_exit_code_says_whether_enough_was_run(
    tmp_path: Path, of_python: str, of_jest: str, lacking: list[str]
) -> None:
    (tmp_path / "python.json").write_text(of_python)
    (tmp_path / "coverage-summary.json").write_text(of_jest)
    ended = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False)
    said = [line.split()[0] for line in ended.stdout.splitlines() if "less than 90 %" in line]
    assert said == [f"{Path(name).parent}/" for name in lacking]
    assert ended.returncode == (1 if lacking else 0)


def test_a_report_that_is_not_there_is_no_success(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode != 0
