#!/usr/bin/env python3
"""Add up what the test suites reported: ``sum-results.py FOLDER SUITE…``.

Reads, for each suite, its exit code (``SUITE.exit-code``) and its report: ``js.json`` (jest --json), ``py.xml``,
``slow.xml`` and ``root.xml`` (pytest --junitxml), ``ui.json`` (Playwright's JSON reporter). A suite that has no
readable report, ended badly without a failed test, or ran no test counts as one failed test. First it says why tests
were skipped, as far as reports do. The last line is ``N passed, N failed`` and, if any, ``, N skipped``; the exit code
is 1 if anything failed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree


class Sum(NamedTuple):
    """Numbers of tests."""

    passed: int
    failed: int
    skipped: int
    retried: int = 0  # of the passed ones: those that passed when they were tried again


def read_jest(path: Path) -> Sum:
    """Read jest's report; a file of tests that could not run at all is one failed test."""
    report = json.loads(path.read_text())
    return Sum(
        report["numPassedTests"],
        report["numFailedTests"] + report["numRuntimeErrorTestSuites"],
        report["numPendingTests"] + report["numTodoTests"],
    )


def read_junit(path: Path) -> Sum:
    """Read pytest's report. An expected failure stands in it as skipped, an error in a fixture as an error."""
    cases = ElementTree.parse(path).getroot().findall(".//testcase")  # noqa: S314 — our own file
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Sum(len(cases) - failed - skipped, failed, skipped)


def read_playwright(path: Path) -> Sum:
    """Read Playwright's report. A test that passed when it was tried again has passed, but is named as such."""
    report = json.loads(path.read_text())
    stats = report["stats"]
    return Sum(
        stats["expected"] + stats["flaky"],
        stats["unexpected"] + len(report["errors"]),
        stats["skipped"],
        stats["flaky"],
    )


def reasons(path: Path) -> list[str]:
    """Return why tests were skipped, one reason a test, from pytest's or Playwright's report; jest's says nothing."""
    try:
        if path.suffix == ".xml":
            skipped = ElementTree.parse(path).getroot().iter("skipped")  # noqa: S314 — our own file
            found = [each.get("message", "") for each in skipped]
        else:
            found = _reasons_of_playwright(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError):
        return []  # that there is no good report is said elsewhere
    return [" ".join(each.split()) or "no reason given" for each in found]


def _reasons_of_playwright(suite: dict[str, Any]) -> list[str]:
    tests = [test for spec in suite.get("specs", []) for test in spec["tests"] if test["status"] == "skipped"]
    found = [next((each.get("description") or "" for each in test["annotations"]), "") for test in tests]
    return found + [each for inner in suite.get("suites", []) for each in _reasons_of_playwright(inner)]


READERS = {
    "js": ("js.json", read_jest),
    "py": ("py.xml", read_junit),
    "slow": ("slow.xml", read_junit),
    "root": ("root.xml", read_junit),
    "ui": ("ui.json", read_playwright),
}


def read_suite(folder: Path, suite: str) -> tuple[Sum, str]:
    """Return a suite's numbers, and what is wrong with the suite itself or an empty string."""
    name, read = READERS[suite]
    try:
        code = int((folder / f"{suite}.exit-code").read_text())
    except (OSError, ValueError):
        return Sum(0, 1, 0), "did not run"
    try:
        found = read(folder / name)
    except (OSError, ValueError, KeyError, TypeError, ElementTree.ParseError) as error:
        return Sum(0, 1, 0), f"crashed with exit code {code} (its report: {error!r})"
    if found.passed + found.failed == 0:
        return found._replace(failed=1), f"ran no test (exit code {code})"
    if code != 0 and found.failed == 0:
        return found._replace(failed=1), f"ended with exit code {code} although no test failed"
    return found, f"{found.retried} passed only when tried again" if found.retried else ""


def main() -> int:
    """Print why tests were skipped, one line a suite, and the sum."""
    folder, suites = Path(sys.argv[1]), sys.argv[2:]
    for reason, count in Counter(
        each for suite in suites for each in reasons(folder / READERS[suite][0])
    ).most_common():
        print(f"skipped, {count}: {reason}")
    sums = []
    for suite in suites:
        found, problem = read_suite(folder, suite)
        sums.append(found)
        print(f"{suite}: {line(found)}{'; ' + problem if problem else ''}")
    total = Sum(*(sum(column) for column in zip(*sums, strict=True)))
    print(line(total))
    return 1 if total.failed else 0


def line(numbers: Sum) -> str:
    """Write the numbers as a person reads them."""
    skipped = f", {numbers.skipped} skipped" if numbers.skipped else ""
    return f"{numbers.passed} passed, {numbers.failed} failed{skipped}"


if __name__ == "__main__":
    sys.exit(main())
