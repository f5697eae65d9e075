"""Which locales an image has, from what the probe tells."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from jupyterlab_container_kernels.languages.base import Interpreter
from jupyterlab_container_kernels.services.locales import LOCALES_SCRIPT, read_locales

MARK = "CONTAINER_KERNELS_LOCALE"


def python(**details: Any) -> Interpreter:
    return Interpreter("python", "/usr/bin/python3", "3.11.2", None, details)


@pytest.mark.parametrize(
    ("lines", "details", "locales"),
    [
        # Debian 12, by `locale -a`
        (["C", "C.utf8", "POSIX"], {}, ["c", "c.utf8", "posix"]),
        (["C", "en_US.UTF-8", "de_DE@euro"], {}, ["c", "de_de@euro", "en_us.utf8"]),
        (["C"], {"libc": ["glibc", "2.35"]}, ["c", "c.utf8"]),
        (["C"], {"libc": ["glibc", "2.34"]}, ["c"]),
        (["C"], {"libc": ["musl", "1.2.4"]}, ["c", "c.utf8"]),
        # no `locale`, and an archive that nobody can read
        ([], {"libc": ["glibc", "2.31"]}, None),
        ([], {}, None),
        # no shell: Python has looked
        ([], {"libc": ["glibc", "2.31"], "locales": ["C.UTF-8"]}, ["c", "c.utf8"]),
        ([], {"libc": ["glibc", "2.31"], "locales": []}, ["c"]),
        ([], {"libc": ["glibc", "2.36"], "locales": None}, ["c.utf8"]),
    ],
)
def test_the_locales_of_an_image_are_read(lines: list[str], details: dict[str, Any], locales: list[str] | None) -> None:
    output = "WARNING: else\n" + "".join(f"{MARK} {line}\n" for line in lines)
    assert read_locales(output, [python(**details)]) == locales


@pytest.mark.parametrize(
    ("libc", "has"), [("glibc 2.36", True), ("glibc 2.9", False), ("glibc 2.31", False), ("musl", True), ("", False)]
)
def test_the_shell_tells_the_libc_where_no_interpreter_does(libc: str, has: bool) -> None:
    assert ("c.utf8" in (read_locales(f"{MARK} C\n{MARK}_LIBC {libc}\n", []) or [])) is has


def test_the_script_tells_what_this_machine_has() -> None:
    done = subprocess.run(["/bin/sh", "-euc", LOCALES_SCRIPT], capture_output=True, text=True, check=True)
    assert "c" in (read_locales(done.stdout, []) or [])
