"""What is the matter with a kernel, by a quick look at its files: a status with a sentence, a hint and remedies.

Pure functions of what is recorded and what was seen. What was not answered in time is unknown, and so is what lies on a
file system that is not there: neither is ever called stale.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ..models import KernelStatus, Remedy, StatusCode, StatusLevel
from ..system.foreign import HAZARDS, Foreign
from ..system.kernelspecs import Record
from . import facts
from .facts import Checked, ImageFacts, StartFacts
from .package_facts import OwnFacts, SetFacts

OK = KernelStatus("ok", "ok", "OK", "", [])
_SEVERITY: Mapping[StatusLevel, int] = {"stale": 0, "unknown": 1, "note": 2, "ok": 3}
#: Worth knowing, but nothing is wrong with the kernel.
_NEVER_THE_STATUS: set[StatusCode] = {"never_started", "read_only"}
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
_DENIED = {errno.EACCES, errno.EPERM}

#: Answers by what was asked: ``image``, ``place``, ``runtime``, ``own``, ``shared``, ``start``, ``checked``, and
#: ``bind:`` with a path. A value, an OSError, or absent when there was no answer (of a bind ``None``: it is absent when
#: it was not asked).
Seen = Mapping[str, Any]


def sum_up(found: Iterable[KernelStatus]) -> tuple[KernelStatus, list[KernelStatus]]:
    """Return the worst of what was found as the status, and the rest as notes, worst first."""
    ordered = sorted(found, key=lambda each: _SEVERITY[each.level])
    status = next((each for each in ordered if each.code not in _NEVER_THE_STATUS), OK)
    return status, [each for each in ordered if each is not status]


def of_ours(
    record: Record,
    seen: Seen,
    *,
    written_s: float,
    version: str | None = None,
    others: Iterable[str] = (),
) -> list[KernelStatus]:
    """Judge a kernel of ours.

    Parameters
    ----------
    record : Record
    seen : mapping
        See :data:`Seen`.
    written_s : float
        When ``kernel.json`` was written; what was checked before that tells nothing.
    version : str or None
        The version that the runtime has now, if it is known.
    others : iterable of str
        Other programs on ``PATH`` with which the kernel would start if its own is gone.
    """
    found = [
        *_image(record, seen),
        *_packages(record, seen),
        *_runtime(record, seen, version, list(others)),
        *_binds([each.source for each in record.binds], seen, is_fatal=False),
        *_checks(record, seen, written_s),
    ]
    if last_used(record, seen) is None and isinstance(seen.get("start"), StartFacts):
        hint = "Open a notebook with it from the Launcher."
        found.append(_note("never_started", "It has not been started since it was added.", hint))
    return found


def excuse(found: list[KernelStatus], seen: Seen, written_s: float) -> list[KernelStatus]:
    """Return what :func:`of_ours` found, with nothing called stale with which the kernel was seen to start."""
    checked = _checked(seen, written_s)
    known = checked.known if checked is not None and checked.ok else ()
    return [_harmless(each) if each.level == "stale" and each.message in known else each for each in found]


def last_used(record: Record, seen: Seen) -> datetime | None:
    """Return when a kernel was last started by somebody, which its verification is not."""
    start = seen.get("start")
    if not isinstance(start, StartFacts) or start.started is None:
        return None
    created = _time(record.created)
    verified = created and created + timedelta(seconds=1 + max(1.0, record.start_s or 0))
    return None if start.is_first and verified and start.started <= verified else start.started


def of_foreign(foreign: Foreign, seen: Seen) -> list[KernelStatus]:
    """Judge a kernel that somebody else made, as far as it was understood."""
    found = [*(_foreign_image(foreign, seen) if foreign.path else []), *_foreign_program(foreign, seen)]
    is_fatal = foreign.runtime in ("apptainer", "singularity", "podman", "podman-hpc", "docker", "ch-run")
    found += _binds([each.source for each in foreign.binds], seen, is_fatal=is_fatal)
    found = [_with(each, "adopt") if each.level == "stale" else each for each in found]
    hint = "Repair makes a safe kernel from the same image beside it, and leaves this one alone."
    found += [_note("unsafe", HAZARDS[hazard], hint, "adopt") for hazard in foreign.hazards]
    return found


def _image(record: Record, seen: Seen) -> list[KernelStatus]:
    image, path, unpacked = seen.get("image"), record.image.path, record.image.unpacked
    again: list[Remedy] = ["pull"] if "://" in record.image.source else []
    trouble = _not_there(path, seen, "folder" if unpacked else "file")
    if trouble is not None:
        return [_with(trouble, "relink", *again) if trouble.level == "stale" else trouble]
    if not isinstance(image, ImageFacts):
        return []
    if image.is_directory != unpacked:
        message = f"{path} is a file now, not a folder." if unpacked else f"{path} is a folder now, not an image file."
        return [_stale("image_damaged", message, _choose(again), "relink", *again)]
    if not image.is_readable:
        return [_not_readable(path)]
    if image.damage and unpacked:
        return [_stale("image_missing", image.damage, _choose(again), "relink", *again)]
    if image.damage:
        return [_stale("image_damaged", image.damage, _choose(again), *again, "relink")]
    found = []
    if _has_changed(record, image):
        own = seen.get("own")
        now = own.interpreter if isinstance(own, OwnFacts) else None
        if now is not None and now != (record.interpreter, record.language_version):
            message = f"Its packages are for {record.language_version}, and the image has {now[1]} at {now[0]}."
            hint = "Install its packages again."
            found.append(_stale("other_python", message, hint, "reinstall"))
        message = f"{path} is another image than the one with which the kernel was added."
        hint = "Check the kernel. If it does not start, install its packages again or pull the image that it had."
        found.append(_note("image_changed", message, hint, "reinstall", *again))
    return found + _writable(image)


def _has_changed(record: Record, image: ImageFacts) -> bool:
    if image.is_directory:
        return False  # nobody knows
    if image.size_bytes != record.image.size_bytes:
        return True
    if record.image.sif_id is not None and image.sif_id is not None:  # a copy has the id of its original
        return record.image.sif_id != image.sif_id
    return record.image.mtime_ns != image.mtime_ns


def _not_there(path: str, seen: Seen, what: str = "file") -> KernelStatus | None:
    """Return what is wrong if an image cannot be looked at; there is no remedy in it yet."""
    if "image" not in seen:
        return _unknown(path)
    error = seen["image"]
    if not isinstance(error, OSError):
        return None
    if error.errno in _DENIED:
        return _not_readable(path)
    if error.errno not in _MISSING:
        return _unknown(path, f"{error.strerror}.")
    place = seen.get("place")
    if not isinstance(place, bool):
        return _unknown(path, f"{facts.top(path)} is not there on this machine.")
    return _stale("image_missing", f"The image {what} is no longer at {path}.", "Put it back, or choose its new place.")


def _packages(record: Record, seen: Seen) -> list[KernelStatus]:
    packages = record.packages
    for name, path in (("own", packages.path), ("shared", packages.shared)):
        if not path:
            continue
        if name not in seen:
            return [_unknown(path)]
        if isinstance(seen[name], OSError):
            if seen[name].errno not in _MISSING:
                return [_unknown(path, f"{seen[name].strerror}.")]
            message = f"The packages of this kernel are no longer at {path}."
            return [_stale("packages_missing", message, "Install them again.", "reinstall")]
    shared = seen.get("shared")
    if not isinstance(shared, SetFacts):
        return []
    gone = sorted(set(packages.installed) - set(shared.installed))
    if not shared.missing and not gone:
        return []
    what = ", ".join([*gone, *shared.missing][:2])
    rest = len(gone) + len(shared.missing) - 2
    message = (
        f"Of the packages in {packages.shared}, files are missing: {what}{f' and {rest} more' if rest > 0 else ''}."
    )
    hint = "Some sites remove files that nobody has read for long. Install the packages again."
    return [_stale("packages_incomplete", message, hint, "reinstall")]


def _runtime(record: Record, seen: Seen, version: str | None, others: list[str]) -> list[KernelStatus]:
    runtime = record.runtime
    if "runtime" not in seen:
        return [_unknown(runtime.path)]
    changed = seen["runtime"]
    if isinstance(changed, OSError) and changed.errno not in _MISSING | _DENIED:
        return [_unknown(runtime.path, f"{changed.strerror}.")]
    if isinstance(changed, OSError) or changed is None:
        message = f"{runtime.name} is no longer at {runtime.path}."
        if others:
            hint = f"The kernel starts with {others[0]} meanwhile. Find the runtime again to keep to that."
            return [_note("runtime_missing", message, hint, "find_runtime")]
        hint = "Load its module before you start JupyterLab, then find the runtime again."
        return [_stale("runtime_missing", message, hint, "find_runtime")]
    if version and runtime.version and version != runtime.version:
        message = f"{runtime.path} is version {version} now; the kernel was added with {runtime.version}."
        return [_note("runtime_changed", message, "Check the kernel once.", "find_runtime")]
    return []


def _binds(sources: list[str], seen: Seen, *, is_fatal: bool) -> list[KernelStatus]:
    found = []
    for source in sources:
        if (answer := seen.get(f"bind:{source}", True)) is True:
            continue
        if answer is None or answer.errno not in _MISSING | _DENIED:
            found.append(_unknown(source))
        if answer is None or answer.errno not in _MISSING:
            continue
        message = f"The folder {source}, which the kernel mounts, is not there."
        if is_fatal:
            hint = "Make the folder, or let Repair make a kernel that starts without it."
            found.append(_stale("bind_missing", message, hint, "adopt"))
        else:
            hint = "The kernel starts without it. Make the folder, or take it out of the kernel."
            found.append(_note("bind_missing", message, hint, "edit"))
    return found


def _checked(seen: Seen, written_s: float) -> Checked | None:
    """Return what a deep check found of the kernel as it is; what was checked before it was mended tells nothing."""
    checked = seen.get("checked")
    return checked if isinstance(checked, Checked) and _moment(checked).timestamp() >= written_s else None


def _moment(checked: Checked) -> datetime:
    return checked.at if checked.at.tzinfo else checked.at.replace(tzinfo=timezone.utc)


def _checks(record: Record, seen: Seen, written_s: float) -> list[KernelStatus]:
    checked, start = seen.get("checked"), seen.get("start")
    if not isinstance(checked, Checked):
        return []
    found = []
    later = isinstance(start, StartFacts) and start.started and start.started > _moment(checked)
    is_over = later and isinstance(start, StartFacts) and not start.has_failed
    # what the quick look knew as the reason is said as long as it is there, and when it is gone, nothing is known
    if not checked.ok and not checked.known and _checked(seen, written_s) and not is_over:
        found.append(_stale("does_not_start", checked.message, checked.hint, "reinstall", "edit"))
    if checked.digest and record.image.digest and checked.digest != record.image.digest:
        message = f"{record.image.reference} names a newer image by now."
        hint = "Update pulls it; the kernel stays as it is until the new image has answered."
        found.append(_note("update_available", message, hint, "update"))
    return found


def _foreign_image(foreign: Foreign, seen: Seen) -> list[KernelStatus]:
    trouble = _not_there(foreign.path, seen)
    if trouble is not None:
        return [trouble]
    image = seen["image"]
    if not image.is_readable:
        return [_not_readable(foreign.path)]
    is_cut = image.damage and ("incomplete" in image.damage or image.size_bytes == 0)
    if foreign.path.endswith(".sif") and is_cut and not image.is_directory:
        return [_stale("image_damaged", image.damage, "Copy or pull it again.", "adopt")]
    return _writable(image)


def _foreign_program(foreign: Foreign, seen: Seen) -> list[KernelStatus]:
    found = []
    program = seen.get("runtime")
    is_gone = program is None or (isinstance(program, OSError) and program.errno in _MISSING | _DENIED)
    if "runtime" in seen and is_gone and not foreign.modules:
        message = f"{foreign.program}, with which it starts, is not there."
        hint = "Load its module before you start JupyterLab, or let Repair make a kernel with the one that is here."
        found.append(_stale("runtime_missing", message, hint, "adopt"))
    if seen.get("is_executable") is False:
        message = f"Its start script {foreign.script} may not be executed."
        found.append(_stale("does_not_start", message, f"Run chmod +x {foreign.script}.", "adopt"))
    return found


def _writable(image: ImageFacts) -> list[KernelStatus]:
    place = image.writable_by_others
    if place is None:
        return []
    message = f"Others than you may write to {place}, so they could change what this kernel runs."
    return [_note("image_writable", message, f"Take that right away: chmod go-w {place}")]


def invalid(directory: str, problem: str, *, is_hidden: bool) -> KernelStatus:
    """Return the status of a kernel with a ``kernel.json`` that cannot be read."""
    if is_hidden:
        message = f"Jupyter does not show it, because its kernel.json cannot be read: {problem}."
        return _stale("invalid_kernel_json", message, f"Correct {directory}/kernel.json, or delete the kernel.")
    message = f"What Container Kernels wrote into its kernel.json cannot be read: {problem}."
    return _note("invalid_kernel_json", message, "It may start all the same. Add it again to be able to change it.")


def shadowed(by: str) -> KernelStatus:
    """Return the status of a kernel of whose name there is another one, earlier on Jupyter's path."""
    message = f"Jupyter shows another kernel of this name, from {by}."
    return _note("shadowed", message, "Delete one of the two, or rename its folder.")


def hidden() -> KernelStatus:
    """Return the status of a kernel that the site does not let Jupyter show."""
    message = "Jupyter does not show it: your site allows only certain kernel names."
    return _note("hidden", message, "Ask your site's support about KernelSpecManager.allowed_kernelspecs.")


def shared(directory: str) -> KernelStatus:
    """Return the note on a kernel that this user shares with others."""
    message = f"You share it from {directory}; it is as others see it."
    return _note("read_only", message, "Withdraw it when nobody needs it any longer.")


def read_only(directory: str, owner: str | None = None) -> KernelStatus:
    """Return the note on a kernel that this user cannot change."""
    whose = "the system or a project" if owner in (None, "root") else owner
    message = f"It belongs to {whose}: {directory} cannot be changed by you."
    return _note("read_only", message, "Ask whoever made it to change it, or add a kernel of your own.")


def unanswered(directory: str) -> KernelStatus:
    """Return the status of a kernel of which not even the folder answers."""
    return _unknown(directory)


def _choose(again: list[Remedy]) -> str:
    return "Pull it again, or choose another image file." if again else "Put it back, or choose another image file."


def _not_readable(path: str) -> KernelStatus:
    return _stale("image_not_readable", f"You may not read {path}.", "Ask its owner for read permission.", "relink")


def _unknown(path: str, why: str = "its file system does not answer.") -> KernelStatus:
    message = f"Nobody can tell about {path} at the moment: {why}"
    return KernelStatus("unknown", "unknown", message, "Refresh the list when it is back.", [])


def _stale(code: StatusCode, message: str, hint: str, *remedies: Remedy) -> KernelStatus:
    return KernelStatus(code, "stale", message, hint, list(remedies))


def _note(code: StatusCode, message: str, hint: str, *remedies: Remedy) -> KernelStatus:
    return KernelStatus(code, "note", message, hint, list(remedies))


def _harmless(status: KernelStatus) -> KernelStatus:
    return replace(status, level="note", message=f"{status.message} When it was checked, it started all the same.")


def _with(status: KernelStatus, *remedies: Remedy) -> KernelStatus:
    return KernelStatus(status.code, status.level, status.message, status.hint, list(remedies))


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
