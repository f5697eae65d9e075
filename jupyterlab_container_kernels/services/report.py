"""Diagnostics as text that can be handed on: without the user's name, home directory and what logs in."""

from __future__ import annotations

import getpass
import re
from collections.abc import Collection, Sequence
from datetime import datetime, timezone

from ..models import Finding

_STATES = {"ok": "ok", "warning": "warning", "problem": "PROBLEM", "unknown": "unknown"}
#: What logs in, in text that a program of the site's may have printed.
_SECRETS = re.compile(r"(?i)((?:token|password|passwd|secret|api_?key)\s*[=:]\s*)\S+|(?<=://)[^/\s@]+@")


def write(created: str, findings: Sequence[Finding], homes: Collection[str]) -> str:
    """Return the report. ``homes`` are the names that the home directory has."""
    lines = [f"Container Kernels: diagnostics of {created}"]
    for each in findings:
        lines += ["", f"{each.title}: {_STATES[each.state]}"]
        lines += [f"  {line}" for line in each.found.splitlines()]
        lines += [f"  {text}" for text in (each.meaning, each.action) if text]
    return redacted("\n".join(lines) + "\n", homes)


def redacted(text: str, homes: Collection[str]) -> str:
    """Return text in which ``~`` stands for the home directory and USER for the user, without what logs in."""
    text = _SECRETS.sub(lambda match: f"{match[1] or ''}…", text)
    for home in sorted(set(homes) - {"/"}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(home)}(?![\w.-])", "~", text)
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # nobody knows the name of this user
        return text
    # root is no name of a person, and stands in many a sentence
    return text if name == "root" else re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "USER", text)


def seconds_until(moment: str | None) -> float | None:
    """Return how long it is until a moment as the wire writes it; less than 0 if it has gone by."""
    if moment is None:
        return None
    return (datetime.fromisoformat(moment.replace("Z", "+00:00")) - datetime.now(timezone.utc)).total_seconds()


def duration(seconds: float) -> str:
    """Return a time as people write it, as ``3 h 20 min``."""
    minutes = max(0, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} days {minutes % 1440 // 60} h"
