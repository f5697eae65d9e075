"""Finds out why something failed from what was printed: which row of the catalogue :mod:`.failures` fits."""

from __future__ import annotations

import re

from .errors import ContainerKernelsError
from .failures import CATALOGUE
from .models import Diagnosis

#: How many of the last lines are shown with a failure.
_LAST_LINES = 20
#: How much of the beginning and of the end of a long output is looked at: runtimes speak first, deaths come last.
_FIRST_CHARS, _LAST_CHARS = 8 * 1024, 32 * 1024
_CODES = {failure.cause: failure.code for failure in CATALOGUE}
_UNKNOWN = "This failure is not known to us. The last lines tell what the tool itself said."
#: What good starts print, too: pydevd's advice, and bash's word that a job of the start script has ended.
_HARMLESS = re.compile(
    r"\n(?:\d+\.\d\ds - (?:Debugger warning: It seems|make the debugger|to python to disable|Note: Debugging)[^\n]*|"
    r"[^\n]{0,300}/init\.sh: line \d+: +\d+ [^\n]*\"\$runtime\" exec [^\n]*|# (?:\w+: |\(earlier)[^\n]*)(?=\n|\Z)"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: Lines that tell how, but not why.
_BARE = re.compile(r"container-kernels: The kernel (?:ended with|was ended by)|# \w+: ")
_TELLING = re.compile(
    r"(?:FATAL|ERROR|error|container-kernels|[\w.]{0,60}(?:Error|Exception|Interrupt|Exit)) *(?::|$)|"
    r"\[\w+\] (?:ERROR|CRITICAL) \|"
)


def diagnose(output: str, action: str) -> Diagnosis:
    """Find out why something failed from what was printed.

    Parameters
    ----------
    output : str
        What a tool or a kernel's start said.
    action : str
        What it was to do, as "starting PyTorch 2.9.1".
    """
    said = excerpt(output)
    lines = [line for line in said.split("\n") if line][-_LAST_LINES:]
    text = _HARMLESS.sub("", said)
    for failure in CATALOGUE:
        if found := failure.compiled.search(text):
            message, hint = (_fill(sentence, found, action) for sentence in (failure.message, failure.hint))
            return Diagnosis(failure.cause, message, hint, list(failure.remedies), lines)
    return Diagnosis("unknown", f"{action[:1].upper()}{action[1:]} failed: {last_words(text)}", _UNKNOWN, [], lines)


def port_was_taken(output: str) -> bool:
    """Tell whether a kernel's last words are that a port was taken. Its process may live on, and never answers."""
    return "Address already in use" in output and diagnose(output, "").cause == "port_in_use"


def explain(output: str, action: str, otherwise: str) -> ContainerKernelsError:
    """Turn what a tool printed into an error.

    Parameters
    ----------
    output : str
        The tool's last lines.
    action : str
        What it was to do, as "pulling the image".
    otherwise : str
        The error code when nothing in the catalogue matches.
    """
    known = diagnose(output, action)
    return ContainerKernelsError(_CODES.get(known.cause, otherwise), known.message, known.hint)


def excerpt(output: str) -> str:
    """Return the beginning and the end of what was said: no colours, no blank lines, a newline before each line."""
    if len(output) > _FIRST_CHARS + _LAST_CHARS:
        _, _, end = output[-_LAST_CHARS:].partition("\n")  # a line that was cut is none
        output = f"{output[:_FIRST_CHARS]}\n{end}"
    lines = (line.rstrip() for line in _COLOURS.sub("", output).replace("\r", "\n").split("\n"))
    return "".join(f"\n{line}" for line in lines if line)


def _fill(sentence: str, found: re.Match[str], action: str) -> str:
    """Put what was matched into a sentence."""
    groups = [text or "" for text in found.groups()]
    words = {"action": action, "first": next(filter(None, groups), "")}
    for number, text in enumerate(groups, 1):
        words[str(number)] = text
        words[f"{number} GB"] = f"{int(text) / 1e9:.1f} GB" if text.isdecimal() else "unknown size"
    filled = re.sub(r"\{(\w+(?: GB)?)\}", lambda place: words[place[1]], sentence)
    return filled.replace(" ()", "")


def last_words(output: str) -> str:
    """Return the line of a tool's output that most probably says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    lines = [line for line in lines if not _BARE.match(line)] or lines
    chosen = ([line for line in lines if _TELLING.match(line)] or lines or ["it said nothing"])[-1]
    return chosen if len(chosen) <= 300 else chosen[:297] + "…"
