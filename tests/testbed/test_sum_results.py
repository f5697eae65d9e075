"""What ``make test`` says at its end is true, also of suites that broke."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "sum-results.py"


def jest(passed: int, failed: int = 0, skipped: int = 0, broken_files: int = 0) -> str:
    return json.dumps(
        {
            "numPassedTests": passed,
            "numFailedTests": failed,
            "numPendingTests": skipped,
            "numTodoTests": 0,
            "numRuntimeErrorTestSuites": broken_files,
        }
    )


def playwright(passed: int, failed: int = 0, flaky: int = 0, errors: int = 0) -> str:
    stats = {"expected": passed, "unexpected": failed, "flaky": flaky, "skipped": 0}
    return json.dumps({"stats": stats, "errors": [{"message": "no browser"}] * errors})


def junit(*inside: str) -> str:
    cases = "".join(f'<testcase name="t">{text}</testcase>' for text in inside)
    return f"<testsuites><testsuite>{cases}</testsuite></testsuites>"


PASSED, FAILED, ERROR, SKIPPED = "", "<failure/>", "<error/>", "<skipped/>"
FILES = {"js": "js.json", "py": "py.xml", "root": "root.xml", "ui": "ui.json"}


@pytest.mark.parametrize(
    ("suite", "code", "report", "last", "ok"),
    [
        ("js", 0, jest(3), "3 passed, 0 failed", True),
        ("js", 0, jest(3, skipped=2), "3 passed, 0 failed, 2 skipped", True),
        ("js", 1, jest(3, failed=1), "3 passed, 1 failed", False),
        # a file that does not compile has no test that could fail
        ("js", 1, jest(3, broken_files=1), "3 passed, 1 failed", False),
        ("py", 0, junit(PASSED, SKIPPED), "1 passed, 0 failed, 1 skipped", True),
        ("py", 1, junit(PASSED, FAILED, ERROR), "1 passed, 2 failed", False),
        ("ui", 0, playwright(2), "2 passed, 0 failed", True),
        ("ui", 0, playwright(2, flaky=1), "3 passed, 0 failed", True),
        ("ui", 1, playwright(0, errors=1), "0 passed, 1 failed", False),
        # by an ordinary user
        ("root", 0, junit(SKIPPED, SKIPPED), "0 passed, 1 failed, 2 skipped", False),
        # a suite that ran nothing has shown nothing, whatever its exit code
        ("py", 5, junit(), "0 passed, 1 failed", False),
        ("js", 0, jest(0), "0 passed, 1 failed", False),
        ("py", 0, junit(SKIPPED), "0 passed, 1 failed, 1 skipped", False),
        # a suite that was killed, before or after it wrote its report
        ("py", 137, None, "0 passed, 1 failed", False),
        ("py", 139, junit(PASSED), "1 passed, 1 failed", False),
        ("js", 0, "{", "0 passed, 1 failed", False),
        ("ui", 0, "[]", "0 passed, 1 failed", False),
        # a suite that was not reached
        ("ui", None, None, "0 passed, 1 failed", False),
    ],
)
def test_the_last_line_and_the_exit_code_say_whether_all_is_well(
    tmp_path: Path, suite: str, code: int | None, report: str | None, last: str, ok: bool
) -> None:
    if code is not None:
        (tmp_path / f"{suite}.exit-code").write_text(f"{code}\n")
    if report is not None:
        (tmp_path / FILES[suite]).write_text(report)
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), suite], capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines()[-1] == last
    assert (ended.returncode == 0) is ok
    assert ended.stderr == ""


def test_a_test_that_passed_only_when_tried_again_is_named(tmp_path: Path) -> None:
    (tmp_path / "ui.exit-code").write_text("0")
    (tmp_path / "ui.json").write_text(playwright(2, flaky=1))
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "ui"], capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines()[0] == "ui: 3 passed, 0 failed; 1 passed only when tried again"


def test_suites_are_added_up(tmp_path: Path) -> None:
    for suite, code, report in (
        ("js", 0, jest(2)),
        ("py", 1, junit(PASSED, FAILED)),
        ("root", 0, junit(PASSED)),
        ("ui", 0, playwright(5)),
    ):
        (tmp_path / f"{suite}.exit-code").write_text(str(code))
        (tmp_path / FILES[suite]).write_text(report)
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), *FILES], capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines() == [
        "js: 2 passed, 0 failed",
        "py: 1 passed, 1 failed",
        "root: 1 passed, 0 failed",
        "ui: 5 passed, 0 failed",
        "9 passed, 1 failed",
    ]
    assert ended.returncode == 1


def test_why_tests_were_skipped_is_said_once_with_its_count_before_the_sums(tmp_path: Path) -> None:
    card, cluster = "there is no card here", "There is no cluster here: the test-bed has none"
    told = [{"type": "skip", "description": cluster}]
    one = {"tests": [{"status": "skipped", "annotations": told}]}
    ran = {"tests": [{"status": "expected", "annotations": []}]}
    report = json.loads(playwright(1)) | {"suites": [{"specs": [ran], "suites": [{"specs": [one]}]}]}
    report["stats"]["skipped"] = 1
    skipped = f'<skipped type="pytest.skip" message="{card}">a.py:1: {card}</skipped>'
    for suite, text in (
        ("py", junit(skipped, PASSED, skipped)),
        ("ui", json.dumps(report)),
        ("js", jest(1, skipped=1)),
    ):
        (tmp_path / f"{suite}.exit-code").write_text("0")
        (tmp_path / FILES[suite]).write_text(text)
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "js", "py", "ui"], capture_output=True, text=True, check=False
    )
    assert ended.stdout.splitlines() == [
        f"skipped, 2: {card}",
        f"skipped, 1: {cluster}",
        "js: 1 passed, 0 failed, 1 skipped",
        "py: 1 passed, 0 failed, 2 skipped",
        "ui: 1 passed, 0 failed, 1 skipped",
        "3 passed, 0 failed, 4 skipped",
    ]
