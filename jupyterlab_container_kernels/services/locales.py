"""The locales that an image has: those of the host that it lacks would fail in the kernel."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..languages.base import Interpreter

_MARK = "CONTAINER_KERNELS_LOCALE"
#: POSIX shell. Where ``locale`` is missing, the folders tell, unless the names are in an archive.
LOCALES_SCRIPT = f"""
if names=$(locale -a 2> /dev/null) && [ -n "$names" ]; then
  for name in $names; do echo "{_MARK} $name"; done
elif ! [ -e /usr/lib/locale/locale-archive ]; then
  echo "{_MARK} C"
  for name in /usr/lib/locale/*; do if [ -d "$name" ]; then echo "{_MARK} ${{name##*/}}"; fi; done
fi
echo "{_MARK}_LIBC $(getconf GNU_LIBC_VERSION 2> /dev/null)"
for name in /lib/ld-musl-*; do if [ -e "$name" ]; then echo "{_MARK}_LIBC musl"; fi; done
"""
#: The first glibc that has C.UTF-8 without any file (https://sourceware.org/glibc/wiki/Release/2.35).
_BUILT_IN_SINCE = (2, 35)


def read_locales(output: str, interpreters: Sequence[Interpreter]) -> list[str] | None:
    """Return the locales that a probe told, in lower case, as ``en_us.utf8``; ``None`` when nobody knows.

    Parameters
    ----------
    interpreters : sequence of Interpreter
        Asked where there was no shell: their details may hold ``locales`` and ``libc``.
    """
    names = re.findall(rf"^{_MARK} (\S+)$", output, re.MULTILINE)
    known = bool(names)
    libcs = [words.split() for words in re.findall(rf"^{_MARK}_LIBC (.+)$", output, re.MULTILINE)]
    for each in interpreters:
        libcs.append(each.details.get("libc") or [])
        if not known and each.details.get("locales") is not None:
            names, known = ["C", *each.details["locales"]], True
            break
    if any(_has_utf8(libc) for libc in libcs):
        names.append("C.utf8")
    elif not known:
        return None
    return sorted({name.lower().replace("utf-8", "utf8") for name in names})


def _has_utf8(libc: Sequence[str]) -> bool:
    """Tell whether a libc, as ``["glibc", "2.36"]``, has C.UTF-8 whatever files there are."""
    if libc[:1] == ["musl"]:
        return True
    numbers = tuple(int(number) for number in re.findall(r"\d+", "".join(libc[1:2]))[:2])
    return libc[:1] == ["glibc"] and numbers >= _BUILT_IN_SINCE
