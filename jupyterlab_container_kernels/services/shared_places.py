"""Folders from which others read kernels: who these are, whether it is safe to put something there, and its modes.

A shared folder is a data directory as Jupyter's own: ``kernels/<name>`` beside
``container-kernels/<name>-<random>`` with what the kernel needs. Nobody but its owner may change anything in it, or a
colleague's kernel would run what somebody else has put there.
"""

from __future__ import annotations

import grp
import json
import logging
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ContainerKernelsError
from ..system import kernelspecs, paths
from ..system.kernelspecs import Spec
from .facts import is_private_group, others_may_write, user_name

_log = logging.getLogger(__name__)

#: The directories in a shared folder: where Jupyter looks for kernels, and what these need.
KERNELS, DATA = "kernels", "container-kernels"
#: The file in the user's own state that lists the folders from which kernels are shared.
NOTE = "shared-from.json"
#: What the name of a kernel begins with in its data when it was withdrawn, and what a removal leaves that is killed.
_WITHDRAWN = "withdrawn"
_REST = re.compile(r"\..+-[0-9a-f]{8}\.[0-9a-f]{12}\.removing")
_OWN_FOLDER = "Name a folder that is not there yet; it is made so that you alone can change it."


@dataclass(frozen=True)
class Audience:
    """Who may read a shared folder: the members of a group, and with ``everybody`` all users of the machine."""

    gid: int
    everybody: bool

    @property
    def group(self) -> str:
        """The group's name."""
        try:
            return grp.getgrgid(self.gid).gr_name
        except KeyError:
            return str(self.gid)

    def may_read(self, path: Path) -> bool:
        """Tell whether they can read a file or folder where it lies, as far as permissions tell."""
        try:
            status = path.stat()
            above = [each.stat() for each in path.resolve().parents]
        except OSError:
            return False
        reaches_it = all(self._has(each, stat.S_IXGRP, stat.S_IXOTH) for each in above)
        return reaches_it and self._has(status, stat.S_IRGRP, stat.S_IROTH)

    def may_enter(self, directory: Path) -> bool:
        """Tell whether they can list a directory and open what lies in it, once they are there."""
        status = directory.stat()
        return self._has(status, stat.S_IRGRP, stat.S_IROTH) and self._has(status, stat.S_IXGRP, stat.S_IXOTH)

    def _has(self, status: os.stat_result, of_group: int, of_others: int) -> bool:
        by_group = not self.everybody and status.st_gid == self.gid and bool(status.st_mode & of_group)
        return by_group or bool(status.st_mode & of_others)


@dataclass(frozen=True)
class SharedPlace:
    """A folder from which others can read kernels.

    Parameters
    ----------
    directory : Path
        Its real path. It need not exist.
    audience : Audience
    remarks : list of str
        What its owner should know.
    """

    directory: Path
    audience: Audience
    remarks: list[str] = field(default_factory=list)

    @property
    def kernels(self) -> Path:
        return self.directory / KERNELS

    @property
    def data(self) -> Path:
        return self.directory / DATA

    def readers(self) -> str | None:
        """Return the group whose members can read it, or ``None`` if all users of the machine can."""
        if not self.audience.everybody:
            return self.audience.group
        above = [each.stat() for each in self.directory.parents if each.exists()]
        closed = [each.st_gid for each in above if not each.st_mode & stat.S_IXOTH]
        return Audience(closed[0], everybody=False).group if closed else None

    def make(self) -> None:
        """Make what is missing of it.

        Raises
        ------
        ContainerKernelsError
            ``forbidden``: the user may not.
        """
        missing = [each for each in (self.directory, *self.directory.parents) if not each.exists()]
        try:
            for directory in [*reversed(missing), *(each for each in (self.kernels, self.data) if not each.exists())]:
                directory.mkdir(mode=0o700)
                give_one(directory, self.audience)
        except OSError as error:
            where = error.filename or self.directory
            raise ContainerKernelsError(
                "forbidden", f"{where} cannot be made: {error.strerror}.", "Name a folder in which you may write."
            ) from error


def path_of(named: str) -> Path:
    """Return the path that a user named, in full where they wrote it short."""
    return Path(os.path.expandvars(os.path.expanduser(named.strip())))  # noqa: PTH111 (it raises for unknown users)


def find(named: str) -> SharedPlace:
    """Return the folder that a user named for sharing.

    Raises
    ------
    ContainerKernelsError
        ``invalid_directory``, with the reason: it is no full path, others could change what lies in it, or nobody but
        the user could read it.
    """
    path = path_of(named)
    if not path.is_absolute() or not str(path).isprintable() or ".." in path.parts:
        raise _refusal(f"“{named.strip()}” is not a full path.", "Begin it with /, or with ~/ for your home directory.")
    _require_own_links(path)
    directory = Path(os.path.realpath(path))
    above = [each for each in directory.parents if each.exists()]
    remarks = _look_above(above)
    if not os.path.lexists(directory):
        if not os.access(above[0], os.W_OK | os.X_OK):
            raise _refusal(f"You may not write to {above[0]}.", "Name a folder in which you may.")
        return SharedPlace(directory, _audience_below(directory, above[0]), remarks)
    for each in (directory, directory / KERNELS, directory / DATA):
        if os.path.lexists(each):
            _require_own(each)
    status = directory.stat()
    everybody = status.st_mode & 0o005 == 0o005
    if not everybody and (status.st_mode & 0o050 != 0o050 or is_private_group(status.st_gid)):
        raise _refusal(
            f"Nobody but you can read {directory}.",
            f"Let a group read it: chgrp GROUP {directory}; chmod g+rx {directory}",
        )
    audience = Audience(status.st_gid, everybody)
    for each in (directory / KERNELS, directory / DATA):
        if each.exists() and not audience.may_enter(each):
            rights = f"chmod a+rx {each}" if everybody else f"chgrp {audience.group} {each}; chmod g+rx {each}"
            raise _refusal(f"{each} cannot be read by all who can read {directory}.", f"Let them: {rights}")
    return SharedPlace(directory, audience, remarks)


def _look_above(above: list[Path]) -> list[str]:
    """Return what is to be said of the folders above a shared one."""
    remarks = []
    for each in above:
        status = each.stat()
        mode = status.st_mode
        if not mode & stat.S_IXOTH and (not mode & stat.S_IXGRP or is_private_group(status.st_gid)):
            raise _refusal(f"Nobody but you can enter {each}.", "Name a folder of your project, or of your site.")
        if mode & stat.S_ISVTX or not others_may_write(status):
            continue
        if mode & stat.S_IWOTH:
            raise _refusal(f"Everybody may write to {each}, and so put another folder in its place.", _OWN_FOLDER)
        group = Audience(status.st_gid, everybody=False).group
        remarks.append(f"Members of {group} could put another folder in its place, as they may write to {each}.")
    return remarks


def _audience_below(directory: Path, parent: Path) -> Audience:
    """Return who could read a new folder: who can read the one in which it is made."""
    status = parent.stat()
    everybody = status.st_mode & 0o005 == 0o005
    if not everybody and status.st_gid not in {os.getegid(), *os.getgroups()} and os.geteuid() != 0:
        raise _refusal(f"You are not a member of the group of {parent}.", "Name a folder of one of your groups.")
    if not everybody and is_private_group(status.st_gid):
        raise _refusal(f"Nobody but you could read {directory}.", "Name a folder of your project, or of your site.")
    mine = {os.getegid(), *os.getgroups()}
    return Audience(status.st_gid if status.st_gid in mine or os.geteuid() == 0 else os.getegid(), everybody)


def _require_own_links(path: Path) -> None:
    """Raise if a link on the way belongs to a stranger, who could lead it elsewhere."""
    for each in (*reversed(path.parents), path):
        if each.is_symlink() and each.lstat().st_uid not in (0, os.geteuid()):
            raise _refusal(f"{each} is a link of {user_name(each.lstat().st_uid)}.", "Name the folder itself.")


def _require_own(directory: Path) -> None:
    """Raise unless a directory of a shared place is the user's own, and nobody else's to change."""
    status = directory.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise _refusal(f"{directory} is a link.", _OWN_FOLDER)
    if not stat.S_ISDIR(status.st_mode):
        raise _refusal(f"{directory} is not a folder.", _OWN_FOLDER)
    if status.st_uid != os.geteuid():
        raise _refusal(f"{directory} belongs to {user_name(status.st_uid)}, who could change your kernel.", _OWN_FOLDER)
    if others_may_write(status):
        who = (
            "Everybody"
            if status.st_mode & stat.S_IWOTH
            else f"Members of {Audience(status.st_gid, everybody=False).group}"
        )
        raise _refusal(f"{who} may write to {directory}, and so could change what your colleagues run.", _OWN_FOLDER)


def give(tree: Path, audience: Audience) -> None:
    """Let others read a tree and change nothing in it, whatever the umask was; its top is opened last.

    Raises
    ------
    OSError
        The user is not in the group.
    """
    for directory, folders, files in os.walk(tree, topdown=False):
        for name in (*files, *folders):
            give_one(Path(directory, name), audience)
    give_one(tree, audience)


def give_one(path: Path, audience: Audience) -> None:
    """Let others read a file or a directory."""
    os.chown(path, -1, audience.gid, follow_symlinks=False)
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return
    rights = 0o750 if stat.S_ISDIR(mode) or mode & 0o100 else 0o640
    path.chmod(rights | (rights & 0o050) >> 3 if audience.everybody else rights)


def data_of(spec: Spec) -> Path | None:
    """Return what belongs to a shared kernel, or ``None`` if it is none of ours that was shared."""
    packages, directory = Path(spec.record.packages.path), spec.resource_dir
    data = directory.parent.parent / DATA / packages.parent.name
    # the packages of other kernels may lie below a directory of that name, too
    is_shared = packages.name == "packages" and is_data(packages.parent) and data.name.startswith(f"{directory.name}-")
    return data if is_shared and directory.parent.name == KERNELS else None


def require_own_share(spec: Spec) -> Path:
    """Return what belongs to a kernel that this user has shared and may withdraw.

    Raises
    ------
    ContainerKernelsError
        ``not_ours``, with the reason.
    """
    data, directory = data_of(spec), spec.resource_dir
    why = None
    if data is None:
        why = "it was not shared by Container Kernels"
    elif any(each.is_symlink() for each in (directory, directory.parent, data, data.parent)):
        why = f"a link stands on the way to {directory}"
    elif directory.lstat().st_uid != os.geteuid():
        why = f"it belongs to {user_name(directory.lstat().st_uid)}"
    elif data.exists() and not (paths.is_ours(data, data.parent) and data.lstat().st_uid == os.geteuid()):
        why = f"{data} does not carry Container Kernels' marker"
    if why is not None or data is None:
        raise ContainerKernelsError(
            "not_ours", f"{spec.display_name} was not withdrawn: {why}.", "Ask its owner to withdraw it."
        )
    return data


def noted(path: str) -> list[str]:
    """Return the directories of kernels that the user shares, by the file in which that is noted."""
    said = paths.read_json(Path(path))
    return [f"{each}/{KERNELS}" for each in said if isinstance(each, str)] if isinstance(said, list) else []


def note(state: Path, place: Path, *, is_used: bool) -> None:
    """Note from which folders the user shares, so that the panel shows what is shared wherever Jupyter looks."""
    file = state / NOTE
    before = noted(str(file))
    after = sorted({*before, f"{place}/{KERNELS}"} if is_used else {*before} - {f"{place}/{KERNELS}"})
    if after != before:
        paths.make_private(state)
        directories = [each.removesuffix(f"/{KERNELS}") for each in after]
        paths.write_private(file, json.dumps(directories, indent=1, ensure_ascii=False) + "\n")


def is_data(path: Path) -> bool:
    """Tell whether a path is that of what a shared kernel needs, by its form."""
    is_named_so = re.fullmatch(r".+-[0-9a-f]{8}", path.name) is not None
    return is_named_so and path.parent.name == DATA and path.parent.parent.name != ""


def remove_unpublished(data: Path) -> None:
    """Remove what a task had made for a shared kernel, unless the kernel was published with it."""
    for kernel in (data.parent.parent / KERNELS).glob("*"):
        spec = kernelspecs.read(kernel)
        if spec is not None and Path(spec.record.packages.path).parent.name == data.name:
            return
    is_mine = data.exists() and data.lstat().st_uid == os.geteuid()
    if is_mine and not paths.remove_begun(data, data.parent):
        paths.remove_marked(data, data.parent)


def withdrawn(data: Path) -> Path:
    """Return where a kernel goes that is withdrawn: into what belongs to it, all of which is removed then."""
    return data / f"{_WITHDRAWN}-{secrets.token_hex(4)}"


def finish_withdrawals(kernels: str) -> None:
    """Remove what withdrawals that were killed have left beside a directory of kernels that the user shares.

    Raises
    ------
    OSError
        It cannot be looked at.
    """
    data = Path(kernels).with_name(DATA)
    for each in data.iterdir() if data.is_dir() and not data.is_symlink() else ():
        try:
            if each.is_symlink() or not each.is_dir() or each.lstat().st_uid != os.geteuid():
                continue
            if _REST.fullmatch(each.name):
                paths.remove_tree(each)
            elif is_data(each) and paths.is_ours(each, data) and any(each.glob(f"{_WITHDRAWN}-*/kernel.json")):
                paths.remove_marked(each, data)
        except (OSError, ContainerKernelsError) as error:  # another process may be at it
            _log.warning("%s, which was withdrawn, was not removed: %s", each, error)


def _refusal(message: str, hint: str) -> ContainerKernelsError:
    return ContainerKernelsError("invalid_directory", message, hint)
