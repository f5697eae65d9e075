"""The catalogue of failures: what a tool printed → what a person should know.

Tools end with one exit code for everything (Apptainer: 255), so their words are all there is. They were recorded from
Apptainer 1.4.5, pip 23 to 26 and ipykernel 6 and 7, or read where the tests say. Rows run from the particular to the
general, and the first that matches counts:

1. the start script's own words, and how the kernel's process ended;
2. the runtime's, before the kernel runs;
3. the kernel's last words: a traceback counts where nothing came after it (:data:`_LAST`), for a kernel may have
   printed many in its life;
4. registries; 5. installing packages; 6. what is left when nobody said more.

What is made of a row is the matter of :mod:`.diagnosis`.

Patterns begin with a newline (re looks for such a literal much faster than for ``^``) and what only the tool prints at
the beginning of a line, so that a user's own output does not look like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from .models import Remedy


@dataclass(frozen=True)
class Failure:
    """One kind of failure.

    Parameters
    ----------
    cause : str
        Its name, in snake case; there is one of each.
    pattern : str
        A regular expression that finds it in what was said, as :func:`.diagnosis.excerpt` leaves it: without blank
        lines, each line with its newline before it.
    code : str
        A key of :data:`.errors.STATUS`.
    message : str
        What happened to what. ``{action}`` stands for what was tried, ``{1}`` for a group of the pattern, ``{first}``
        for the first group that took part, ``{1 GB}`` for a group with a number of bytes.
    hint : str
        What to click, type or ask for next.
    remedies : tuple of {"relink", "pull", "reinstall", "free_space"}
        Which buttons mend it, best first.
    """

    cause: str
    pattern: str
    code: str
    message: str
    hint: str
    remedies: tuple[Remedy, ...] = ()

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready to be searched."""
        return re.compile(self.pattern)


_MEMORY = "Start a session with more memory, or hold less data at once."
_ROOM = "Free some room or let your site choose another folder (ContainerKernelsApp.images_dir, .temporary_dir)."
_LOST = "Try again in a moment. If it stays like this, start a session on another node and tell your site's support."
_SUPPORT = "Send your site's support this line; a user cannot change it."
_SUPPORT_IMAGE = "Ask your site's support which images may be run here."
_NAMESPACES = "Start a session on another node, or send your site's support this line."
_NEW_IMAGE = "Pull the image again, choose its new place, or delete the kernel and add it again."
_REINSTALL = "Install its packages again; the image stays as it is."
_FULLER = "Take a fuller image, for instance one that is not called slim or minimal, or one that holds ipykernel."
_OTHER_NODE = "This node may have no access to the internet. Try again on one that has, for instance a login node."
_DRIVER = "Take an image that is built for an older CUDA, or start a session on a node with a newer driver."

_FATAL = r"\nFATAL: +"
_OURS = r"\ncontainer-kernels: "
#: What may come after the last words of a kernel: the runtime cleans up, the start script says how it ended.
_LAST = r"[^\n]*(?:\n(?:INFO: |container-kernels: )[^\n]*)*\Z"
#: The runtime's and the start script's remarks.
_REMARKS = r"(?:\n(?:INFO|WARNING|container-kernels): [^\n]*)*"
#: How systems put it that a file system has gone away (NFS, Lustre, GPFS, CVMFS, Kerberos).
_AWAY = (
    r"(?i:stale (?:nfs )?file handle|transport endpoint is not connected|cannot send after transport endpoint shutdown|"
    r"input/output error|remote i/o error|key has expired|required key not available|host is down)"
)

CATALOGUE: tuple[Failure, ...] = (
    # ---- 1. the start script, and how the process ended
    Failure("memory_limit",
            _OURS + r"The kernel was killed because this session reached its memory limit of (\d*) bytes",
            "runtime_failed", "The kernel was killed because this session reached its memory limit of {1 GB}.",
            _MEMORY),
    Failure("cvmfs_not_mounted", _OURS + r"The image (/cvmfs/.+) is not there on ([^\n]+?): it was moved or deleted",
            "image_not_found", "The image {1} is not there on {2}: CVMFS, its file system, does not show it.",
            "Start the kernel again, for CVMFS mounts its folders when they are asked for. If that does not "
            "help, start a session on another node, or choose the image's new place.", ("relink", "pull")),
    Failure("image_missing",
            r"\n(?:container-kernels: The image (.+) is not there on [^\n]+?: it was moved or deleted|"
            r"FATAL: [^\n]*?could not open image ([^\n]+?): failed to retrieve path for [^\n]*no such file or "
            "directory)", "image_not_found",
            "The image file is no longer at {first}: it was moved or deleted, or its file system is not mounted "
            "here.", "Choose its new place, or pull it again if it came from a registry. "
            "Some sites empty their scratch folders after some weeks.",
            ("relink", "pull")),
    Failure("image_not_readable",
            r"\n(?:container-kernels: The image (.+) may not be read by you on|"
            r"FATAL: [^\n]*?could not open image ([^\n]+?): (?:[^\n]*is not readable by the current user|"
            r"[^\n]*permission denied))", "image_not_readable", "You may not read the image file {first}.",
            "Ask its owner for read permission, also on the folders above it, or choose a copy of your own.",
            ("relink", "pull")),
    Failure("packages_missing", _OURS + r"The packages of this kernel are no longer at (.+) on ([^\n]+)\.",
            "install_failed", "The folder with this kernel's packages is no longer at {1} on {2}.",
            "Install them again. If the folder's file system is not mounted here, start a session on another node.",
            ("reinstall",)),
    Failure("runtime_missing", _OURS + "(.+?) is not there on (.+?): neither (.+) nor any on PATH", "runtime_missing",
            "{1} is no longer on {2}: neither {3} nor another one on PATH is there.",
            "Load its module before you start JupyterLab, start a session on another node, or let your site name "
            "it in ContainerKernelsApp.runtime_path."),
    Failure("folder_missing", _OURS + r"The folder (.+), in which the kernel was to start, is not there on ([^\n]+)\.",
            "invalid_bind", "The folder {1}, in which the kernel was to start, is not there on {2}.",
            "Open the notebook from a folder that is there, or move it to one."),
    Failure("connection_file_missing", _OURS + r"Jupyter's connection file '([^\n]*)' is missing or cannot be read",
            "verify_failed", "The kernel cannot read {1}, by which Jupyter tells it where to answer.",
            "Start the kernel again. If it stays like this, the folder may be full, or no longer yours: restart "
            "JupyterLab."),
    Failure("image_file_system_lost",
            r"\n(?:container-kernels: The kernel was ended by signal 7 \(BUS\)|"
            r"OSError: \[Errno 107\] [^\n]*: '/(?:usr|opt|lib|lib64|bin)/[^'\n]*'" + _LAST
            + ")", "runtime_failed",
            "The kernel lost its image while it ran: the file system that shows the image has ended, or a file "
            "that it used became shorter.",
            "Restart the kernel. If it happens after interrupts, ask your site for Apptainer 1.4.5 or newer; if "
            "it happens while data is loaded, /dev/shm may be full."),
    Failure("file_system_lost",
            r"\n(?:FATAL|ERROR|OSError|FileNotFoundError|PermissionError|bash|/bin/bash|"
            r"[^\n]{0,200}/init\.sh)\b[^\n]*?[:\] ]+(" + _AWAY + r")(?:: '([^'\n]*)')?" + _LAST, "runtime_failed",
            "A file system that the kernel needs has gone away on this node ({1}).", _LOST),
    Failure("illegal_instruction", _OURS + r"The kernel was ended by signal 4 \(ILL\)", "wrong_architecture",
            "The kernel ran into an instruction that this node's processor does not know: something in the image "
            "or in its packages is built for a newer processor.",
            "Start a session on a newer node, or take an image or packages that are built for older processors."),
    Failure("abort_memory", r"\nterminate called after throwing an instance of 'std::bad_alloc'(?:\n[^\n]*){1,12}\Z",
            "runtime_failed", "The memory of this session was not enough: the kernel asked for more and ended.",
            _MEMORY),
    Failure("segmentation_fault", _OURS + r"The kernel was ended by signal 11 \(SEGV\)", "runtime_failed",
            "The kernel crashed: a compiled part of it touched memory that is not its own (segmentation fault).",
            "Start it again. If the same cell crashes it each time, the package that the cell uses is the likely "
            "cause; if it crashes at its start, install its packages again.", ("reinstall",)),
    Failure("killed", _OURS + r"The kernel was ended by signal 9 \(KILL\)", "runtime_failed",
            "The kernel was killed from outside: by this machine for want of memory, by the batch system at a "
            "limit, or by a person.",
            _MEMORY + " If memory is not short, ask your site's support what ends processes here."),
    Failure("aborted", _OURS + r"The kernel was ended by signal 6 \(ABRT\)", "runtime_failed",
            "The kernel gave up by itself: a compiled part of it found something wrong (abort).",
            "The last lines of the log say what. Start the kernel again; if the same cell ends it each time, the "
            "package that the cell uses is the likely cause."),
    Failure("processor_time_limit", _OURS + r"The kernel was ended by signal 24 \(XCPU\)", "runtime_failed",
            "The kernel used up the processor time that this machine allows a process.",
            "Start a session on a compute node; login nodes often have such limits."),
    Failure("file_size_limit", _OURS + r"The kernel was ended by signal 25 \(XFSZ\)", "runtime_failed",
            "The kernel wrote a file larger than this session may write.",
            "Look at `ulimit -f` in a terminal, and ask your site's support for a higher limit."),
    Failure("ended_by_signal", _OURS + r"The kernel was ended by signal (\d+) \((\w+)\)", "runtime_failed",
            "The kernel was ended by signal {1} ({2}).",
            "Start it again. If it happens again, show the log to your site's support."),

    # ---- 2. the runtime, before the kernel runs
    Failure("not_an_image", _FATAL + r"[^\n]*?could not open image ([^\n]+?): image format not recogni[sz]ed",
            "image_unusable", "The file {1} is not a container image.",
            "Choose the image's new place, or pull it again if it came from a registry; something else lies there "
            "now.", ("relink", "pull")),
    Failure("architecture_of_image",
            _FATAL + r"[^\n]*?could not open image ([^\n]+?): the image's architecture \((\w+)\) could not run on "
            r"the host's \((\w+)\)", "wrong_architecture", "The image {1} is for {2} processors; this node's are {3}.",
            "Look for a tag that is built for this machine, or start a session on a node with {2} processors.",
            ("pull",)),
    Failure("architecture_of_programs", _FATAL + r"image targets '(\w+)', cannot run on '(\w+)'", "wrong_architecture",
            "The programs in the image are for {1} processors; this node's are {2}.",
            "Look for a tag that is built for this machine, or start a session on a node with {1} processors.",
            ("pull",)),
    Failure("wrong_processor", _FATAL + r"[^\n]*: (?i:exec format error)",
            "wrong_architecture", "The image is for another kind of processor.",
            "Look for a tag that is built for this machine.", ("pull",)),
    Failure("image_needs_key",
            _FATAL + r"[^\n]*(?:required option --passphrase or --pem-path missing|unable to decrypt|"
            "mounting an encrypted filesystem requires|cannot mount device-mapper encrypted)", "image_unusable",
            "The image is encrypted, and no key for it is there.",
            "Add an image that is not encrypted: `apptainer build` with its key makes one."),
    Failure("image_not_signed", _FATAL + r"[^\n]*(?:prohibited by ECL|image not signed|with ECL: )([^\n]*)",
            "image_unusable", "Your site runs only images that certain people have signed, and this one is not.",
            _SUPPORT_IMAGE),
    Failure("image_path_forbidden", _FATAL + "(?:apptainer|singularity) image is not in an allowed configured path",
            "image_unusable", "Your site runs only images that lie in certain folders, and this one does not.",
            "Ask your site's support for the folders, put the image there, and choose its new place.", ("relink",)),
    Failure("image_owner_forbidden",
            _FATAL + r"(?:apptainer|singularity) image is not owned by required (user|group)\(s\)", "image_unusable",
            "Your site runs only images whose file belongs to a certain {1}, and this one does not.", _SUPPORT_IMAGE,
            ("relink",)),
    Failure("image_kind_forbidden", _FATAL + "configuration disallows users from running (.+?) containers",
            "image_unusable", "Your site's settings for containers forbid {1} images.", _SUPPORT_IMAGE),
    Failure("image_mount_forbidden", _FATAL + r"[^\n]*configuration disallows users from mounting (.+?) in setuid mode",
            "runtime_failed", "Your site's settings for containers forbid mounting {1} with root's rights.", _SUPPORT),
    Failure("site_paths_broken", _FATAL + r"failed to resolve path (\S+): lstat", "runtime_failed",
            "Your site's settings for containers name the folder {1}, which is not there on this node.", _SUPPORT),
    Failure("runtime_flag_unknown", r'\nError for command "(\w+)": unknown (?:shorthand )?flag: ([^\n]+)',
            "runtime_failed",
            "The container runtime on this node does not know the option {2}: it is older than the one that the "
            "kernel was made for.",
            "Load a newer module before you start JupyterLab, or delete the kernel and add it here."),
    Failure("runtime_too_old",
            r"\n(\S+) is ((?:Apptainer|Singularity)\w* [\d.]+), which is too old; ([\d.]+) is needed",
            "runtime_missing", "{1} is {2}, which is too old; {3} is needed.",
            "Load a newer module before you start JupyterLab, or ask your site's support for one."),
    Failure("runtime_not_runnable",
            r"\n[^\n]{0,300}init\.sh: line \d+: (/\S+): (?:Permission denied|cannot execute[^\n]*)", "runtime_missing",
            "The container runtime {1} cannot be run on this node.",
            "It may lie on a disk from which nothing may be run. Load its module before you start JupyterLab, or "
            "ask your site's support."),
    Failure("runtime_not_on_path", r"\n[^\n]{0,300}: (?:line \d+: )?(apptainer|singularity): command not found",
            "runtime_missing", "{1} is not on PATH on this node.",
            "Load its module before you start JupyterLab, or start a session on a node that has it."),
    Failure("no_module_command", r"\n[^\n]{0,300}: (?:line \d+: )?(module|ml): command not found", "runtime_missing",
            "The command {1}, by which a script wanted to load a module, is not known here.",
            "Load the module before you start JupyterLab, and add the kernel again: it keeps the runtime's place."),
    Failure("lmod_module_unknown",
            r"\n(?:Lmod has detected the following error: +)?The following module\(s\) are "
            r'unknown: *\n? *\"([^\"\n]+)\"', "runtime_missing", "There is no module {1} on this node.",
            "`module spider {1}` tells what is there now. Load that before you start JupyterLab."),
    Failure("tcl_module_unknown", r"\n[^\n]{0,200}ERROR:? ?(?:\S+: )?Unable to locate a modulefile for '([^'\n]+)'",
            "runtime_missing", "There is no module {1} on this node.",
            "`module avail` tells what is there now. Load that before you start JupyterLab."),
    Failure("namespaces_used_up",
            r"\nERROR +: Failed to create user namespace: (?:maximum number of user namespaces exceeded, check "
            r"(\S+)|limit on the nesting depth)", "runtime_failed",
            "This node has no user namespaces left, or allows none, so no container can start without root.",
            _NAMESPACES),
    Failure("namespaces_sysctl",
            r"\nERROR +: Failed to create user namespace: user namespace requires to set (\S+) to 1", "runtime_failed",
            "This node does not allow containers that are started without root: {1} is 0.", _NAMESPACES),
    Failure("namespaces_apparmor",
            r"\nERROR +: (?:Could not write info to setgroups: Permission denied|"
            "Failed to create user namespace: Permission denied|"
            "Failed to create mount namespace: mount namespace requires privileges)", "runtime_failed",
            "This node's AppArmor does not let Apptainer make a user namespace, so no container can start "
            "without root.",
            "Ask your site's support for Apptainer's AppArmor profile; Ubuntu 23.10 and newer need it."),
    Failure("no_user_namespaces",
            r"\n(?:ERROR|FATAL|INFO) *: [^\n]*(?:[Ff]ailed to create user namespace|"
            r"user namespaces? [^\n]{0,40}(?:disabled|not enabled|not supported)|"
            "not allowed to create user namespace)", "runtime_failed",
            "This machine does not allow containers that are started without root.", _NAMESPACES),
    Failure("no_squashfuse",
            r"\n(?:INFO: +squashfuse(?:_ll)? not found[^\n]*(?:\n[^\n]*){0,8}?\nFATAL: +while extracting|"
            r'FATAL: [^\n]*(?:squashfuse(?:_ll)? not found|"fuseapps": no such image driver))', "runtime_failed",
            "This node lacks squashfuse, with which Apptainer shows an image without root.",
            "Ask your site's support to install squashfuse on this node, or start a session on another one."),
    Failure("root_lacks_right", r"\n(?:ERROR|FATAL)[^\n]*Requesting capability set \S+ while permitted",
            "runtime_failed", "This machine's root lacks a right that Apptainer wants.",
            "Start JupyterLab as an ordinary user, or with APPTAINER_USERNS=1 in its environment."),
    Failure("setuid_broken",
            r"\n(?:FATAL|ERROR) *: [^\n]*(?:Failed to set effective UID to 0|must be owned by root|"
            "(?i:suid workflow disabled by administrator)|setuid bit|(?:pid|ipc|"
            "network) namespace requires privileges)", "runtime_failed",
            "Apptainer is installed in a way that needs root's rights, and does not get them here.", _SUPPORT),
    Failure("no_fuse_device",
            r"\nFATAL: [^\n]*(?:fuse: device not found|/dev/fuse: (?:no such|permission denied)|opening /dev/fuse|"
            "fuse: (?:failed to open|mount failed))", "runtime_failed",
            "This node does not let ordinary users mount images: /dev/fuse is missing or cannot be used.",
            "Start a session on another node, or ask your site's support for /dev/fuse on this one."),
    Failure("fuse_refused", r"\nFATAL: [^\n]*(?:fusermount3?: |failed to exec fusermount)([^\n]*)", "runtime_failed",
            "This node does not let ordinary users mount images: its kernel or its fusermount refuses.",
            "Ask your site's support; kernels before 4.18 cannot, and fuse3 has to be installed."),
    Failure("mount_timed_out", _FATAL + r"[^\n]*squashfuse(?:_ll)? failed to mount \S+ in (\d+)s", "timed_out",
            "The image was not mounted within {1} seconds: its file system or this node is very slow now.",
            "Start the kernel again; the second time is often quicker. A copy of the image on a faster disk "
            "helps, too.", ("relink",)),
    Failure("squashfuse_broken",
            _FATAL + r"[^\n]*squashfuse(?:_ll)? exited[^\n]*(?:version .\S+ not found|"
            "error while loading shared libraries)", "runtime_failed",
            "squashfuse, with which Apptainer shows an image, does not run on this node.", _SUPPORT),
    Failure("image_damaged",
            _FATAL + r"[^\n]*(?:trying to read the squashfs image|"
            r"squashfuse(?:_ll)? exited: *(?:exit status \d+)?(?=\n|\Z)|"
            r"squashfuse(?:_ll)? exited with status \d+:(?=\n|\Z)|unable to open squashfs|bad superblock|"
            "failed to mount squashfs filesystem: invalid argument|no root ?fs partition|SIF magic not found|"
            "while getting root filesystem partition)", "image_unusable", "The image file is damaged or incomplete.",
            "Pull it again, or copy it again and choose its place.", ("pull", "relink")),
    Failure("too_many_files",
            r"\n(?:FATAL|ERROR|OSError|zmq\.error\.ZMQError|ImportError)\b[^\n]*(?i:too many open files)",
            "runtime_failed", "The kernel opened more files than this session allows a process.",
            "Look at `ulimit -n` in a terminal, and start JupyterLab with a higher one."),
    Failure("too_many_processes",
            r"\n(?:runtime/cgo: pthread_create failed: Resource temporarily|"
            r"runtime: failed to create new OS thread|[^\n]{0,300}\bfork: (?:retry: )?Resource temporarily|"
            r"FATAL: [^\n]*fork/exec [^\n]*resource temporarily unavailable|"
            "(?:RuntimeError: can't start new thread|"
            r"BlockingIOError: \[Errno 11\] Resource temporarily unavailable|"
            "OpenBLAS blas_thread_init: pthread_create failed)" + _LAST + ")", "runtime_failed",
            "The kernel could not start another process or thread: this session's limit on processes or on memory is "
            "reached.",
            "Shut down kernels that you do not need; `ulimit -u` and `ulimit -v` in a terminal tell the limits. Fewer "
            "threads help, too: OMP_NUM_THREADS=1 among the kernel's variables."),
    Failure("no_address_space",
            r"\n(?:fatal error: (?:failed to reserve page summary memory|runtime: (?:cannot allocate|"
            r"out of) memory)|FATAL: [^\n]*cannot allocate memory)", "runtime_failed",
            "The container runtime got no memory: this session limits the memory of each process.",
            "Look at `ulimit -v` in a terminal, and start a session with more memory."),
    Failure("bind_source_missing", _FATAL + r"[^\n]*mount source (.+) doesn't exist", "invalid_bind",
            "The folder {1} is not there on this machine.", "Take it out of the folders to mount, or make it."),
    Failure("bind_place_missing", _FATAL + r"[^\n]*while mounting (.+?): destination (.+?) doesn't exist in container",
            "invalid_bind",
            "The folder {1} cannot be shown at {2}: the image has no such place, and your site's settings let "
            "none be made.", "Let it be shown at a place that the image has, for instance below /mnt or /media."),
    Failure("bind_mismatch", _FATAL + r"[^\n]*could not mount (.+?): (?:not a directory|is a directory)",
            "invalid_bind",
            "{1} cannot be shown in the container: one of it and its place inside is a file, the other a folder.",
            "Let it be shown at another place."),
    Failure("bind_not_permitted",
            _FATAL + r"[^\n]*while mounting (.+?): could not mount \S+: (?:permission denied|"
            "operation not permitted)", "invalid_bind", "The folder {1} may not be shown in the container.",
            "Take it out of the folders to mount, or ask its owner for permission."),
    Failure("binds_forbidden",
            r"\A(?:\n(?!WARNING: Ignoring)(?:INFO|WARNING|"
            r"container-kernels): [^\n]*)*\nWARNING: Ignoring (.+?) bind mount: user bind control disabled by "
            r"system administrator[^\0]*\n(?:ModuleNotFoundError|ImportError|FileNotFoundError|OSError|"
            r"PermissionError|FATAL): " + _LAST, "invalid_bind",
            "Your site does not let users show folders in containers, so the kernel does not see {1}.",
            "Ask your site's support for `user bind control = yes`, or for {1} among its own `bind path` entries."),
    Failure("start_folder_missing",
            _FATAL + "(?:failed to set|"
            r"Error changing the container) working directory[^\n]*?chdir (\S+): (no such file or directory|"
            "permission denied)", "invalid_bind",
            "The folder {1}, in which the kernel was to start, is not visible in the container ({2}).",
            "Open the notebook from another folder, or add this one to the folders to mount."),
    Failure("nvccli_missing", _FATAL + r'[^\n]*"nvidia-container-cli": executable file not found', "runtime_failed",
            "nvidia-container-cli, by which this site gives containers their GPU, is not there on this node.",
            "Start a session on a GPU node, or switch the kernel's GPU off."),
    Failure("driver_too_old_for_image",
            r"\n(?:FATAL|ERROR|"
            r"nvidia)[^\n]*container-cli: requirement error: unsatisfied condition: (cuda ?>= ?[\d.]+)",
            "runtime_failed", "The GPU driver of this node is too old for the image, which wants {1}.", _DRIVER),
    Failure("nvccli_failed", r"\n(?:FATAL|ERROR|nvidia)[^\n]*container-cli(?: failed with [^:\n]*)?: ([^\n]+)",
            "runtime_failed", "The GPU could not be given to the container: {1}.",
            "Start a session on another GPU node, or switch the kernel's GPU off."),
    Failure("image_is_no_system",
            r"\nWARNING: Skipping mount /var/tmp \[tmp\]: [^\n]*(?:\n[^\n]*){0,6}?\nFATAL: +(?:stat (\S+): no "
            r'such file|"(\S+)": executable file not found)', "image_unusable",
            "What lies in the image's place holds no system: {first} is not in it, nor the folders that each "
            "system has.", "Choose the image's new place, or pull it again if it came from a registry.",
            ("relink", "pull")),
    Failure("interpreter_missing",
            _FATAL + r'(?:stat (\S+): no such file or directory|"([^"\n]+)": executable file not found in \$PATH|'
            r"exec (\S+) failed: no such file or directory)", "language_missing",
            "The image no longer holds {first}, from which the kernel runs: it is another image than when the "
            "kernel was added.", _NEW_IMAGE, ("pull", "relink")),
    Failure("interpreter_without_libraries",
            _FATAL + r"exec (\S+) failed: a shared library is likely missing in the image", "language_missing",
            "{1} in the image lacks a library or an interpreter without which it cannot be run.", _NEW_IMAGE,
            ("pull", "relink")),
    Failure("no_shell", _FATAL + "failed to open (/bin/sh) for inspection", "language_missing",
            "The kernel's program in the image cannot be run, and the image has no {1} to look into why.", _NEW_IMAGE,
            ("pull", "relink")),
    Failure("not_executable", _FATAL + r"(?:exec (\S+) failed: )?permission denied", "image_unusable",
            "The kernel's program in the image may not be run: it lacks the permission, or lies on a disk from "
            "which nothing may be run.",
            "Pull the image again. A folder as an image has to lie on a disk that is not mounted noexec.",
            ("pull", "relink")),
    Failure("linux_too_old", r"\n(?:FATAL: )?FATAL: +kernel too old", "runtime_failed",
            "The Linux kernel of this node is too old for the image.",
            "Take an image with an older system, or start a session on a newer node."),

    # ---- 3. the kernel's last words
    Failure("run_user_not_visible",
            r"\n(?:OSError|PermissionError|FileNotFoundError): \[Errno \d+\] [^\n]*: '(/run/user[^'\n]*)'" + _LAST,
            "verify_failed", "The kernel cannot use {1}, where Jupyter keeps what it tells its kernels.",
            "Start JupyterLab with JUPYTER_RUNTIME_DIR set to a folder in your home directory, or add /run/user "
            "to the folders to mount."),
    Failure("quota_reached",
            r"\n(?:(?:FATAL|ERROR|Write failed)[^\n]*(?i:disk quota exceeded)|(?:[\w.]{1,60}Error: [^\n]*|"
            r")\[Errno 122\] " + _LAST + ")", "disk_full", "Your quota is used up: there is no room left for {action}.",
            "Delete what you do not need, for instance images and packages of old kernels; `quota -s` or `lfs "
            "quota` tell what is used. " + _ROOM, ("free_space",)),
    Failure("no_room_at",
            r"\n(?:FATAL|ERROR)[^\n]*?: (?:write|open|mkdir|copy_file_range|"
            r"close) (/[^:\n]+): no space left on device|"
            r"\n(?:ERROR: [^\n]*: )?\[Errno 28\] No space left on device: '([^'\n]+)'|"
            r"\n[\w.]{1,60}Error: \[Errno 28\] No space left on device: (?:'[^'\n]*' -> )?'([^'\n]+)'" + _LAST,
            "disk_full", "There is no room left on the disk of {first} for {action}.", _ROOM, ("free_space",)),
    Failure("no_room",
            r"\n(?:(?:FATAL|ERROR|Write failed|\[Errno 28\])[^\n]*(?i:no space left on device)|"
            r"[\w.]{1,60}Error: [^\n]*(?:No space left on device|database or disk is full)" + _LAST
            + ")", "disk_full", "There is no room left on the disk for {action}.", _ROOM, ("free_space",)),
    Failure("disk_read_only",
            r"\n(?:OSError|sqlite3\.OperationalError|FATAL|ERROR)\b[^\n]*?(?i:read-only file system|"
            r"attempt to write a readonly database)(?:: '([^'\n]+)')?" + _LAST, "disk_full",
            "The kernel needs to write where the disk is read-only ({first}).",
            "Start a session whose home directory and scratch folders can be written; TMPDIR may point to one "
            "that cannot."),
    Failure("permission_denied", r"\nPermissionError: \[Errno 13?\] [^\n:]+: '([^'\n]+)'" + _LAST, "runtime_failed",
            "The kernel may not use {1}.",
            "Look at the owner and the permissions of it. On Kerberos file systems a new ticket (`kinit`) may be "
            "needed."),
    Failure("config_error",
            r"\n\[IPKernelApp\] CRITICAL \| Bad config encountered during initialization: ([^\n]+?)\.?(?=\n|\Z)"
            + _LAST,
            "verify_failed", "A setting of yours for IPython ends the kernel: {1}.",
            "Mend it in ~/.ipython/profile_default/ipython_kernel_config.py, or move that file away, and start "
            "the kernel again."),
    Failure("profile_error", r"\n(?:IPython\.core\.profiledir\.)?ProfileDirError: ([^\n]+)" + _LAST, "verify_failed",
            "IPython cannot use its profile: {1}.",
            "Move ~/.ipython away and start the kernel again; it makes a new one."),
    Failure("history_locked",
            r"\nsqlite3\.(?:OperationalError|DatabaseError): (database is locked|disk I/O error|locking protocol|"
            "database disk image is malformed|file is not a database|unable to open database file)" + _LAST,
            "verify_failed",
            "IPython cannot open the file of its history ({1}); network file systems often cause this.",
            "Move ~/.ipython/profile_default/history.sqlite away. If it happens again, let the kernel have the "
            "variable IPYTHONDIR with a folder on another disk."),
    Failure("shadowed_module",
            r"\n(?:AttributeError: partially initialized module '(\w+)' |"
            r"AttributeError: module '(\w+)' has no attribute '\w+' \(consider renaming |"
            r"ModuleNotFoundError: No module named '[\w.]+'; '(\w+)' is not a package|"
            r"ImportError: cannot import name '\w+' from (?:partially initialized module )?'(\w+)' "
            r"(?!\((?:unknown location|[^\n]*(?:-packages|/lib/python))))" + _LAST, "verify_failed",
            "A file of yours has the name of a module that the kernel needs ({first}), and is taken instead of it.",
            "Rename {first}.py, beside the notebook or on PYTHONPATH, remove its __pycache__, and start the kernel "
            "again."),
    Failure("packages_incomplete",  # a folder of which only the folder is left has an unknown location
            r"\n(?:ModuleNotFoundError: No module named '([^'\n]+)'|"
            r"ImportError: cannot import name '\w+' from '([\w.]+)' \(unknown location\))" + _LAST, "install_failed",
            "The kernel's packages are incomplete: {first} is missing. Some sites delete files that were not used "
            "for weeks.", _REINSTALL, ("reinstall", "pull")),
    Failure("packages_do_not_fit", r"\nImportError: cannot import name '(\w+)' from [^\n]*?'([\w.]+)'" + _LAST,
            "install_failed", "The kernel's packages do not fit together: {2} has no {1}.", _REINSTALL,
            ("reinstall", "pull")),
    Failure("python_home_broken",
            r"\nFatal Python error: (?:init_fs_encoding|init_import_site|initfsencoding|Py_Initialize)[^\n]*",
            "language_missing", "The image's Python does not find its own library.",
            "Take PYTHONHOME out of the kernel's variables. If it is not there, the image is damaged: pull it "
            "again.", ("pull",)),
    Failure("ipykernel_missing",
            r"\n(?:ModuleNotFoundError: |ImportError: |/\S+: )No module named '?ipykernel(?:_launcher)?'?" + _LAST,
            "install_failed",
            "The image's Python does not find ipykernel: the image is another one than when the kernel was "
            "added, or its packages are gone.", _REINSTALL, ("reinstall", "pull")),
    Failure("packages_of_other_python",
            r"\n(?:ImportError: *\n +Attempting to import zmq Cython backend|"
            r"ImportError: [^\n]*(?:undefined symbol: |does not define module export function|"
            "Importing the numpy C-extensions failed)|ImportError: Unable to import required dependenc)",
            "install_failed", "The kernel's packages are built for another Python than the one that the image has now.",
            _REINSTALL, ("reinstall", "pull")),
    Failure("package_file_damaged",
            r"\n(?:ImportError|OSError|SyntaxError|zipimport\.ZipImportError|"
            r"EOFError): (?:(/[^\n:]+\.so[\w.]*): (?:file too short|invalid ELF header|"
            r"cannot read file data[^\n]*)|source code string cannot contain null bytes|marshal data too short)"
            + _LAST, "install_failed", "A file of the kernel's packages is damaged ({first}).", _REINSTALL,
            ("reinstall", "pull")),
    Failure("gpu_libraries_too_new",
            r"\n[^\n]{0,400}version .(GLIBC\w*_[\w.]+)' not found \(required by "
            r"/\.singularity\.d/libs/(\S+)\)(?:[^\n]*\n[^\n]{0,300}GLIBC){0,20}" + _LAST, "runtime_failed",
            "The libraries of this node's GPU driver are too new for the image: {2} wants {1}.",
            "Take an image with a newer system, or switch the kernel's GPU off."),
    Failure("system_of_image_too_old",
            r"\n[^\n]{0,400}version .((?:GLIBC|GLIBCXX|"
            r"CXXABI)\w*_[\w.]+)' not found \(required by ([^)\n]+)\)(?:[^\n]*\n[^\n]{0,300}GLIBC){0,20}" + _LAST,
            "install_failed", "The system in the image is too old: {2} wants {1}.",
            "Install the packages again, or take an image with a newer system.", ("reinstall",)),
    Failure("library_missing", r"\nImportError: (lib\S+): cannot open shared object file", "install_failed",
            "The image lacks the library {1}, which the kernel's packages need.", _FULLER),
    Failure("program_library_missing",
            r"\n(/\S+|\w[\w.+-]*): error while loading shared libraries: ([^\s:]+): (?:cannot open shared object "
            "file|file too short|invalid ELF header)" + _LAST, "language_missing",
            "The image lacks the library {2}, which {1} needs.", _NEW_IMAGE, ("pull", "relink")),
    Failure("locale_missing", r"\nlocale\.Error: unsupported locale setting" + _LAST, "verify_failed",
            "The image does not know the language that LANG or LC_ALL ask for.",
            "Set LC_ALL to C.UTF-8 among the kernel's variables."),
    Failure("port_in_use", r"\nzmq\.error\.ZMQError: Address already in use" + _LAST, "verify_failed",
            "A port that Jupyter had chosen for the kernel was taken by another program meanwhile.",
            "Restart the kernel. If that does not help, shut it down and start it again: it gets other ports then."),
    Failure("address_not_here",
            r"\nzmq\.error\.ZMQError: (Cannot assign requested address|No such device|Permission denied|"
            "Address family not supported by protocol)" + _LAST, "verify_failed",
            "The kernel cannot listen where Jupyter told it to ({1}).",
            "Look at KernelManager.ip and .transport in your Jupyter settings; the kernel runs on the Jupyter "
            "server's node."),
    Failure("parent_gone", r"\n\[\w+\] [^\n]{0,60}Parent appears to have exited, shutting down\." + _LAST,
            "verify_failed", "The kernel believed that Jupyter had ended, and ended as well.",
            "Start it again. A kernel that does so at once was made for a container without its own processes: "
            "delete it and add it again."),
    Failure("driver_too_old",
            r"\n[\w.]{0,60}(?:Error|Exception|"
            r"ERROR): [^\n]*(?i:CUDA driver version is insufficient for CUDA runtime version|"
            "forward compatibility was attempted on non supported HW|driver on your system is too old)" + _LAST,
            "runtime_failed", "The GPU driver of this node is too old for the CUDA in the image.", _DRIVER),
    Failure("no_gpu_found",
            r"\n[\w.]{0,60}(?:Error|Exception|ERROR): [^\n]*(?:No CUDA GPUs are available|"
            "Found no NVIDIA driver on your system|no CUDA-capable device is detected|CUDA_ERROR_NO_DEVICE|"
            "No HIP GPUs are available)" + _LAST, "runtime_failed",
            "The kernel wants a GPU, and there is none on this node, or none for this session.",
            "Start a session with a GPU, and see that the kernel's GPU is on or automatic."),
    Failure("out_of_memory",
            r"\n(?:MemoryError|numpy\.\S*MemoryError|OSError: \[Errno 12\] Cannot allocate memory|"
            r"RuntimeError: [^\n]*DefaultCPUAllocator: can't allocate memory|"
            "Error: cannot allocate vector of size|ERROR: LoadError: OutOfMemoryError|OutOfMemoryError)" + _LAST,
            "runtime_failed", "The memory of this session was not enough for {action}.", _MEMORY),
    Failure("irkernel_missing", r"\nError in loadNamespace\(\w+\) : +there is no package called .IRkernel.",
            "install_failed", "The R in the image does not find IRkernel.", _REINSTALL, ("reinstall", "pull")),
    Failure("r_package_missing",
            r"\nError (?:in [^\n]*|): *\n? *(?:there is no package called|"
            r"package or namespace load failed for) .([\w.]+).", "install_failed",
            "The kernel's R packages are incomplete: {1} is missing or cannot be loaded.", _REINSTALL, ("reinstall",)),
    Failure("r_package_of_other_r",
            r"\nError[^\n]*: *\n? *(?:package .([\w.]+). was (?:installed before R|built (?:before|"
            r"under) R) ([\d.]+)|unable to load shared object '([^'\n]+)')", "install_failed",
            "The kernel's R packages are built for another R than the one that the image has now.", _REINSTALL,
            ("reinstall",)),
    Failure("r_halted", r"\nExecution halted" + _LAST, "runtime_failed", "R ended by itself in the middle of its work.",
            "The line above the last one in the log says where. After an interrupt this means that R got it "
            "twice: delete the kernel and add it again."),
    Failure("ijulia_missing",
            r"\nERROR: (?:LoadError: ArgumentError: Package (IJulia) not found in current path|"
            r'SystemError: opening file \"[^\"\n]*IJulia[^\n]*|could not open file [^\n]*IJulia)', "install_failed",
            "The Julia in the image does not find IJulia.", _REINSTALL, ("reinstall", "pull")),
    Failure("julia_package_missing",
            r"\nERROR: (?:LoadError: )?ArgumentError: Package (\S+) (?:not found in current path|"
            r"\[[\w-]+\] is required but does not seem to be installed)", "install_failed",
            "The kernel's Julia packages are incomplete: {1} is missing.", _REINSTALL, ("reinstall",)),
    Failure("pip_missing", r"\n(?:/\S+: )?(?:ModuleNotFoundError: )?No module named '?pip'?" + _LAST, "install_failed",
            "The image's Python has no pip, with which the kernel package is installed.",
            "Take an image that holds pip or the kernel package."),

    # ---- 4. registries
    Failure("rate_limit", r"\nFATAL: [^\n]*toomanyrequests: ", "rate_limited",
            "The registry lets this node's address download no more images for some time.",
            "Log in with `apptainer registry login` in a terminal, for people with an account may download more, "
            "or try again in some hours; on Docker Hub the limit is per six hours."),
    Failure("tag_not_in_registry",
            r"\nFATAL: [^\n]*reading manifest (\S+) in (\S+): (?:manifest unknown|name unknown|not found)",
            "image_not_found", "The registry has no image {2} with the tag or digest {1}.",
            "Check the name and the tag."),
    Failure("image_not_in_registry", r"\nFATAL: [^\n]*(?:manifest unknown|name unknown|repository name not known)",
            "image_not_found", "The registry has no such image.", "Check the name and the tag."),
    Failure("no_platform",
            r'\nFATAL: [^\n]*no image found in (?:image index|manifest list) for architecture \"?(\w+)\"?',
            "wrong_architecture", "The registry has this image for other processors only; this machine's are {1}.",
            "Look for a tag that is built for this machine."),
    Failure("login_refused",
            r"\nFATAL: [^\n]*(?:reading manifest \S+|initializing source|"
            r"checking whether a blob) in (\S+): (?:authentication required|unauthorized|denied|requested access)",
            "login_needed", "The registry does not let you read {1}.",
            "Log in with `apptainer registry login` in a terminal and try again. A name with a mistake looks "
            "like this, too."),
    Failure("login_needed",
            r"\n(?:FATAL|ERROR)[^\n]*(?:authentication required|unauthorized|denied: requested access|"
            "invalid username/password|403 Forbidden|401 Unauthorized)", "login_needed",
            "The registry does not let you read this image.",
            "Log in with `apptainer registry login` in a terminal and try again."),
    Failure("registry_http", r'\nFATAL: [^\n]*Get \"https://([^/\"\n]+)[^\n]*server gave HTTP response to HTTPS client',
            "registry_unreachable", "The registry {1} speaks plain HTTP, which is not trusted.",
            "Ask your site to add it to ContainerKernelsApp.insecure_registries."),
    Failure("registry_certificate", r'\nFATAL: [^\n]*Get \"https://([^/\"\n]+)[^\n]*x509: ([^\n]+)',
            "registry_unreachable", "The certificate of the registry {1} is not trusted ({2}).",
            "Ask your site's support to install the certificate on this node, or to name the registry in "
            "ContainerKernelsApp.insecure_registries."),
    Failure("proxy_login", r"\n(?:FATAL|ERROR|WARNING): [^\n]*Proxy Authentication Required", "registry_unreachable",
            "The proxy of this site wants a name and a password.",
            "Put them into https_proxy before you start JupyterLab: http://NAME:PASSWORD@HOST:PORT."),
    Failure("proxy_silent", r"\nFATAL: [^\n]*proxyconnect tcp: ([^\n]*)", "registry_unreachable",
            "The proxy that https_proxy names does not answer ({1}).",
            "Correct https_proxy, or unset it, and restart JupyterLab."),
    Failure("registry_name_unknown",
            r"\nFATAL: [^\n]*dial tcp: lookup ([^\s:]+)[^\n]*: (?:no such host|server misbehaving|"
            "Temporary failure)", "registry_unreachable",
            "There is no machine named {1}, or this node cannot look it up.", "Check the name. " + _OTHER_NODE),
    Failure("registry_refuses", r"\nFATAL: [^\n]*dial tcp (\S+): connect: connection refused", "registry_unreachable",
            "Nothing answers at {1}.", "Check the registry's name and port. It may be down for the moment."),
    Failure("registry_silent",
            r"\nFATAL: [^\n]*(?:connection refused|dial tcp|no such host|i/o timeout|network is unreachable|"
            "no route to host|TLS handshake timeout|context deadline exceeded|Client.Timeout exceeded)",
            "registry_unreachable", "The registry does not answer.",
            "Check its name. This node may have no access to the internet; then pull the image on a login node "
            "and add the .sif file."),
    Failure("registry_ill",
            r"\nFATAL: [^\n]*(?:received unexpected HTTP status|unexpected status code[^\n]*?): (5\d\d [^\n]+)",
            "registry_unreachable", "The registry has a fault of its own ({1}).", "Try again later."),
    Failure("digest_mismatch",
            r"\nFATAL: [^\n]*(?:error verifying sha256 checksum|does not match (?:the )?digest|"
            "Digest did not match|digest mismatch)", "registry_unreachable",
            "What came from the registry is not what it announced: the download is damaged.",
            "Try again. If it happens again, a proxy on the way changes what it passes on: ask your site's support."),
    Failure("download_broken_off",
            r"\nFATAL: [^\n]*(?:unexpected EOF|connection reset by peer|broken pipe|stream error|: EOF(?=\n|\Z))",
            "registry_unreachable", "The download broke off.", "Try again; large images come best at quiet hours."),
    Failure("no_library", r"\nFATAL: [^\n]*no default remote with library client", "registry_unreachable",
            "This machine's Apptainer has no library to take library:// images from.",
            "Ask for the docker:// name of the image, or run `apptainer remote add` as its manual tells."),
    Failure("no_hub", r"\nFATAL: [^\n]*no response received from singularity hub", "registry_unreachable",
            "Singularity Hub, where shub:// images came from, was closed in 2021.",
            "Look for the image under docker:// or oras://."),
    Failure("not_an_oras_image", r"\nFATAL: [^\n]*invalid layer mediatype: (\S+)", "image_unusable",
            "What the registry has under this name is no image file (it is {1}).",
            "Take docker:// instead of oras://."),
    Failure("transport_unknown", r"\nFATAL: [^\n]*Unsupported transport type: (\S+)", "invalid_reference",
            "Apptainer does not know images that begin with {1}:.", "Take docker://, oras://, library://, or a file."),
    Failure("reference_unreadable", r"\nFATAL: [^\n]*(?:invalid reference format|unable to parse image name)",
            "invalid_reference", "The image's name cannot be read.", "Check its spelling."),
    Failure("conversion_out_of_memory", r"\nFATAL: [^\n]*signal: killed", "runtime_failed",
            "The memory of this session was not enough for {action}: converting the image was killed.",
            "Start a session with more memory and try again; some 2 GB more than the kernel itself needs are "
            "enough for most images."),

    # ---- 5. installing packages
    Failure("certificate",
            r"\n(?:WARNING|ERROR|Could not fetch|[\w.]{1,60}Error)[^\n]*(?:CERTIFICATE_VERIFY_FAILED|"
            "confirming the ssl certificate)", "install_failed",
            "pip does not trust the certificate of the package index.",
            "Ask your site which certificate file to name in PIP_CERT."),
    Failure("r_no_compiler",
            r"\n(?:sh: \d+: make: not found|[^\n]*(?:gcc|g\+\+|gfortran): (?:command )?not found)(?:\n[^\n]*)*?"
            r"\nERROR: compilation failed for package .(\w+).", "install_failed",
            "The R package {1} has to be compiled, and the image has no compiler.",
            "Take an image with R's build tools, as rocker/r-ver or r-base, or one that holds IRkernel."),
    Failure("r_repository_silent",
            r"\n(?:Warning: |  )?(?:unable to access index for repository (\S+?):?(?=\n)|"
            r"cannot open (?:compressed file|URL) '([^']+)')", "install_failed",
            "R cannot reach its package repository, {first}.", _OTHER_NODE),
    Failure("index_silent",
            r"\n(?:WARNING|ERROR|Could not fetch|[\w.]{1,60}Error)[^\n]*(?:Temporary failure in name resolution|"
            "Name or service not known|Failed to establish a new connection|ConnectTimeout|NewConnectionError|"
            r"ReadTimeoutError|Cannot connect to proxy|Connection to \S+ timed out)", "install_failed",
            "pip cannot reach the package index.", _OTHER_NODE),
    Failure("python_too_old", r"\nERROR: Package '(\S+)' requires a different Python: (\S+) not in '([^'\n]+)'",
            "install_failed", "The image's Python {2} is not one that {1} runs with ({3}).",
            "Take an image with another Python."),
    Failure("hash_mismatch", r"\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "install_failed",
            "A package that came is not the one that was asked for: its checksum differs.",
            "Try again. If it happens again, ask your site's support what the package index hands out."),
    Failure("no_compiler",
            r"\n *(?:error: command '([^'\n]+)' failed: No such file or directory|"
            r"unable to execute '([^'\n]+)': No such|unable to execute ([^:\n]+): No such file)", "install_failed",
            "A package has no ready form for this image's Python, and the image has no compiler ({first}) to "
            "build it.", "Take an image with another Python (3.9 or newer), or one that holds ipykernel."),
    Failure("wheel_not_built",
            r"\n *(?:ERROR: Failed building wheel for \S+|error: (?:metadata-generation-failed|"
            "legacy-install-failure|subprocess-exited-with-error))", "install_failed",
            "A package could not be built for this image's Python.",
            "Take an image with a newer Python, or one that holds ipykernel."),
    Failure("externally_managed",
            r"\n(?:error: externally-managed-environment|ERROR: Can not perform a '--user' install)", "install_failed",
            "The image's Python does not let pip install anything.",
            "Delete the kernel and add it again; take an image that holds ipykernel if it happens again."),
    Failure("conflicting_packages", r"\nERROR: (?:ResolutionImpossible|Cannot install [^\n]*conflicting dependencies)",
            "install_failed", "What is in the image and what the kernel needs exclude each other.",
            "Take a newer tag of the image, or one that holds ipykernel."),
    Failure("no_distribution", r"\nERROR: No matching distribution found for (\S+)", "install_failed",
            "pip found no {1} that fits this image's Python.",
            "If this node has no access to the internet, try again on one that has. If the image's Python is "
            "very old, take a newer image."),

    # ---- 6. nobody said more
    Failure("gpu_absent",
            r"\A" + _REMARKS + r"\n(?:container-kernels: No GPU is visible on ([^\n;]+); [^\n]*|(?:INFO|"
            "WARNING): +Could not find any (?:nv|rocm) (?:files|libraries) on this host!)" + _REMARKS
            + r"\ncontainer-kernels: The kernel ended with the exit code (\d+)\.\Z", "runtime_failed",
            "The kernel ended with the exit code {2} and said nothing; no GPU is visible on this node.",
            "Start a session with a GPU, or switch the kernel's GPU off to see whether it runs without one."),
    Failure("said_nothing", r"\A" + _REMARKS + r"\ncontainer-kernels: The kernel ended with the exit code (\d+)\.\Z",
            "runtime_failed", "The kernel ended with the exit code {1} and said nothing.",
            "Start it again. If it ends each time, look at what the last cell and your own start-up files "
            "(~/.ipython/profile_default/startup) do."),
)  # fmt: skip
