"""What is handed on names neither the user nor what logs in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from jupyterlab_container_kernels.models import Finding
from jupyterlab_container_kernels.services import report

HOMES = {"/home/mst3k", "/nfs/home/mst3k", "/"}

#: A line, and what is handed on of it.
LINES = [
    ("data: /home/mst3k/.local/share", "data: ~/.local/share"),
    ("home: /home/mst3k", "home: ~"),
    ("/nfs/home/mst3k/x:/home/mst3k/y", "~/x:~/y"),
    ("/scratch/mst3k/images", "/scratch/USER/images"),
    ("/home/mst3k2/x and /home/mst3k.old", "/home/mst3k2/x and /home/USER.old"),  # another's
    ("mst3ks", "mst3ks"),
    ("https://mst3k:hunter2@registry/x", "https://…registry/x"),
    ("JUPYTER_TOKEN=abc123 x", "JUPYTER_TOKEN=… x"),
    ("password: hunter2", "password: …"),
    ("api_key = hunter2", "api_key = …"),
    ("67 % of / used", "67 % of / used"),
]


@pytest.mark.parametrize(("line", "handed_on"), LINES)
def test_a_report_is_redacted(monkeypatch: pytest.MonkeyPatch, line: str, handed_on: str) -> None:
    monkeypatch.setenv("LOGNAME", "mst3k")
    assert report.redacted(line, HOMES) == handed_on


def test_a_report_has_all_that_the_panel_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mst3k")
    findings = [
        Finding("disks", "Disks", "warning", "home: /home/mst3k\nscratch: /s", "There is little room.", "Free some."),
        Finding("node", "GPU", "ok", "none", "", ""),
    ]
    assert report.write("2026-01-01T00:00:00Z", findings, HOMES) == (
        "Container Kernels: diagnostics of 2026-01-01T00:00:00Z\n"
        "\nDisks: warning\n  home: ~\n  scratch: /s\n  There is little room.\n  Free some.\n"
        "\nGPU: ok\n  none\n"
    )


def test_root_is_no_name_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "root")
    assert report.redacted("as root in /root", {"/root"}) == "as root in ~"


#: Seconds, and how people say that.
DURATIONS = [(-5, "0 min"), (59, "1 min"), (1800, "30 min"), (3600, "1 h 0 min"), (12_000, "3 h 20 min"),
             (3 * 86400 + 7200, "3 days 2 h")]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), DURATIONS)
def test_a_time_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_the_time_left_may_have_gone_by() -> None:
    moment = datetime.now(timezone.utc) - timedelta(minutes=1)
    left = report.seconds_until(moment.isoformat().replace("+00:00", "Z"))
    assert left is not None
    assert -70 < left < -50
    assert report.seconds_until(None) is None
