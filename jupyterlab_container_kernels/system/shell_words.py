"""Reads shell scripts without running them, as far as the start of a container is concerned.

What is understood: quotes, backslashes, line continuations, comments, separators of commands, assignments and the
variables they set. What is not (loops, functions, arrays, command substitution) stays in the words as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL)
#: Words that may stand before a command, and that do not change what it is.
_BEFORE_COMMANDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "(", "time", "command", "nohup"}
_DECLARING = {"export", "declare", "typeset", "local", "readonly"}
#: A script that assigns more than this to one word is up to something else.
_MOST_CHARACTERS = 4096


@dataclass(frozen=True)
class ShellCommand:
    """One simple command of a script.

    Parameters
    ----------
    words : list of str
        Without quotes; variables that are known are filled in.
    environment : mapping of str to str
        What is assigned for this command alone, or was exported before.
    replaces_shell : bool
        It begins with ``exec``.
    """

    words: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    replaces_shell: bool = False


def commands(text: str, variables: Mapping[str, str]) -> list[ShellCommand]:
    """Return the commands of a script in the order in which they are written.

    Parameters
    ----------
    text : str
        The script; what cannot be understood is passed over.
    variables : mapping of str to str
        What is set before it begins, as ``HOME``.
    """
    known = dict(variables)
    exported: dict[str, str] = {}
    found = []
    for words in _split(text, known):
        own, replaces = _take_beginning(words, known)
        if not words:
            known.update(own)
        elif words[0] in _DECLARING:
            _declare(words[1:], known, exported)
        else:
            found.append(ShellCommand(words, {**exported, **own}, replaces))
    return found


def _take_beginning(words: list[str], known: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """Remove what may stand before a command; return what is assigned there, and whether ``exec`` stands there."""
    own: dict[str, str] = {}
    replaces = False
    while words:
        assigned = _ASSIGNMENT.fullmatch(words[0])
        if assigned:
            name, adds, value = assigned.groups()
            own[name] = ((known.get(name, "") if adds else "") + value)[:_MOST_CHARACTERS]
        elif words[0] == "exec":
            replaces = True
        elif words[0] == "env":
            while len(words) > 1 and words[1].startswith("-"):
                del words[1 : 3 if words[1] in ("-u", "--unset", "-C", "--chdir") else 2]
        elif words[0] not in _BEFORE_COMMANDS:
            break
        del words[0]
    return own, replaces


def _declare(words: list[str], known: dict[str, str], exported: dict[str, str]) -> None:
    for word in words:
        if assigned := _ASSIGNMENT.fullmatch(word):
            known[assigned[1]] = assigned[3][:_MOST_CHARACTERS]
        if (name := word.partition("=")[0]) in known:
            exported[name] = known[name]


def _split(text: str, known: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the words of one command after the other; ``known`` is read anew for each of them."""
    words: list[str] = []
    word: str | None = None
    position = 0
    while position < len(text):
        char = text[position]
        if char in " \t\r\n;&|()":
            if word is not None:
                words.append(word)
                word = None
            if char in "\n;&|()" and words:
                yield words
                words = []
            position += 1
        elif char == "#" and word is None:
            newline = text.find("\n", position)
            position = len(text) if newline < 0 else newline
        elif text.startswith("\\\n", position):
            position += 2
        else:
            piece, position = _piece(text, position, known, begins=word is None or word.endswith(("=", ":")))
            word = (word or "") + piece
    if word is not None:
        words.append(word)
    if words:
        yield words


def _piece(text: str, position: int, known: Mapping[str, str], *, begins: bool) -> tuple[str, int]:
    """Return the next piece of a word without its quotes, and the position behind it."""
    char = text[position]
    if char == "\\":
        return text[position + 1 : position + 2], position + 2
    if char == "'":
        close = text.find("'", position + 1)
        close = len(text) if close < 0 else close
        return text[position + 1 : close], close + 1
    if char == '"':
        return _double_quoted(text, position + 1, known)
    if char in "$`":
        return _expanded(text, position, known)
    if char == "~" and begins and text[position + 1 : position + 2] in ("", *"/: \t\r\n;&|"):
        return known.get("HOME", "~"), position + 1
    return char, position + 1


def _double_quoted(text: str, position: int, known: Mapping[str, str]) -> tuple[str, int]:
    """Return what stands in double quotes, and the position behind them."""
    inside: list[str] = []
    while position < len(text) and text[position] != '"':
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] in ("$", "`", '"', "\\", "\n"):
            inside.append("" if text[position + 1] == "\n" else text[position + 1])
            position += 2
        elif char in "$`":
            value, position = _expanded(text, position, known)
            inside.append(value)
        else:
            inside.append(char)
            position += 1
    return "".join(inside), position + 1


def _expanded(text: str, position: int, known: Mapping[str, str]) -> tuple[str, int]:
    """Return what stands for a variable, or what is written where nobody knows, and the position behind it."""
    if text[position] == "`":
        close = text.find("`", position + 1)
        close = len(text) - 1 if close < 0 else close
        return text[position : close + 1], close + 1
    follows = text[position + 1 : position + 2]
    if follows in ("{", "("):
        close = _closing(text, position + 1)
        written = text[position : close + 1]
        name = _NAME.match(text, position + 2) if follows == "{" else None
        if name is not None:
            rest = text[name.end() : close]
            if not rest and name[0] in known:
                return known[name[0]], close + 1
            if default := re.match(r":?-", rest):
                return known.get(name[0]) or rest[default.end() :], close + 1
        return written, close + 1
    name = _NAME.match(text, position + 1)
    if name is None:
        return text[position : position + 2], position + 2
    return known.get(name[0], f"${name[0]}"), name.end()


def _closing(text: str, position: int) -> int:
    """Return the position of the bracket that closes the one at ``position``, or that of the last character."""
    opening = text[position]
    closing = {"{": "}", "(": ")"}[opening]
    depth = 0
    for index in range(position, len(text)):
        depth += (text[index] == opening) - (text[index] == closing)
        if depth == 0:
            return index
    return len(text) - 1
