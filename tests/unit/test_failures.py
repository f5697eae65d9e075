"""What tools printed, as it was recorded, and what a person is told."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass

import pytest

from jupyterlab_container_kernels.diagnosis import diagnose, excerpt, explain, last_words
from jupyterlab_container_kernels.errors import STATUS
from jupyterlab_container_kernels.failures import CATALOGUE, Failure

#: What Apptainer 1.4.5 says at every start on a machine without fuse2fs and gocryptfs.
APPTAINER = (
    "INFO:    fuse2fs not found, will not be able to mount EXT3 filesystems\n"
    "INFO:    gocryptfs not found, will not be able to use gocryptfs\n"
)
#: What ipykernel 6.17 with debugpy says at every start.
DEBUGGER = (
    "0.01s - Debugger warning: It seems that frozen modules are being used, which may\n"
    "0.00s - make the debugger miss breakpoints. Please pass -Xfrozen_modules=off\n"
    "0.00s - to python to disable frozen modules.\n"
    "0.00s - Note: Debugging will proceed. Set PYDEVD_DISABLE_FILE_VALIDATION=1 to disable this validation.\n"
)
LAUNCHER = (
    "Traceback (most recent call last):\n"
    '  File "<string>", line 1, in <module>\n'
    '  File "<frozen runpy>", line 226, in run_module\n'
    '  File "<frozen runpy>", line 98, in _run_module_code\n'
    '  File "<frozen runpy>", line 88, in _run_code\n'
)
PACKAGES = "/data/container-kernels/packages/p/lib/python3.11/site-packages"
TITLE = "starting PyTorch 2.9.1"


def ended(code: int) -> str:
    return f"container-kernels: The kernel ended with the exit code {code}.\n"


def runtime(said: str, code: int = 255) -> str:
    """A start that the runtime ended."""
    return f"{APPTAINER}{said}\n{ended(code)}"


def ours(said: str) -> str:
    """A start that the start script ended."""
    return f"container-kernels: {said}\n"


def kernel(said: str, code: int = 1) -> str:
    """A start that the kernel ended, by a traceback."""
    return f"{APPTAINER}{DEBUGGER}{LAUNCHER}{said}\n{ended(code)}"


def signalled(number: int, name: str, word: str, said: str = "") -> str:
    """A kernel that a signal ended: bash tells it as well as the start script."""
    return (
        f"{APPTAINER}{DEBUGGER}{said}/data/kernels/k/init.sh: line 272:  8623 {word:24}"
        '"$runtime" exec --no-eval "${options[@]}" --pwd "$here" "$image" "${kernel[@]}" 0<&0 3>&-\n'
        f"container-kernels: The kernel was ended by signal {number} ({name}).\n"
    )


def pull(said: str) -> str:
    return f"INFO:    Converting OCI blobs to SIF format\nINFO:    Starting build...\nFATAL:   {said}\n"


def fetching(said: str) -> str:
    """A pull that fails before the first layer, in Apptainer 1.4.5's words."""
    return pull(
        "While making image from oci registry: error fetching image to cache: failed to get checksum for "
        f"docker://registry.example/team/tool:1: {said}"
    )


def pip(said: str) -> str:
    return f"Looking in indexes: https://index.example/simple\n{said}\n"


@dataclass(frozen=True)
class Recorded:
    """What was printed, and the whole sentence that it becomes."""

    cause: str
    message: str
    text: str
    remedies: tuple[str, ...] = ()
    action: str = TITLE


IMAGE = "/scratch/mst3k/pytorch-2.9.1.sif"
SESSION = "/var/lib/apptainer/mnt/session"

RECORDED: list[Recorded] = [
    # ---- our own start script's words
    Recorded(
        "memory_limit",
        "The kernel was killed because this session reached its memory limit of 4.3 GB.",
        APPTAINER + DEBUGGER + ours("The kernel was killed because this session reached its memory limit of "
                                    "4294967296 bytes on node7."),
    ),
    Recorded(
        "memory_limit",
        "The kernel was killed because this session reached its memory limit of unknown size.",
        ours("The kernel was killed because this session reached its memory limit of  bytes on node7."),
    ),
    Recorded(
        "cvmfs_not_mounted",
        "The image /cvmfs/images.example/py.sif is not there on node7: CVMFS, its file system, does not show it.",
        ours("The image /cvmfs/images.example/py.sif is not there on node7: it was moved or deleted, or its file "
             "system is not mounted."),
        ("relink", "pull"),
    ),
    Recorded(
        "image_missing",
        f"The image file is no longer at {IMAGE}: it was moved or deleted, or its file system is not mounted here.",
        ours(f"The image {IMAGE} is not there on node7: it was moved or deleted, or its file system is not mounted."),
        ("relink", "pull"),
    ),
    Recorded(  # measured, Apptainer 1.4.5
        "image_missing",
        f"The image file is no longer at {IMAGE}: it was moved or deleted, or its file system is not mounted here.",
        f"FATAL:   While checking container encryption: could not open image {IMAGE}: failed to retrieve path for "
        f"{IMAGE}: lstat {IMAGE}: no such file or directory\n" + ended(255),
        ("relink", "pull"),
    ),
    Recorded(
        "image_not_readable",
        f"You may not read the image file {IMAGE}.",
        ours(f"The image {IMAGE} may not be read by you on node7."),
        ("relink", "pull"),
    ),
    Recorded(  # measured, Apptainer 1.4.5, as an ordinary user
        "image_not_readable",
        f"You may not read the image file {IMAGE}.",
        f"FATAL:   While checking container encryption: could not open image {IMAGE}: {IMAGE} is not readable by the "
        "current user, check permissions\n" + ended(255),
        ("relink", "pull"),
    ),
    Recorded(
        "packages_missing",
        "The folder with this kernel's packages is no longer at /scratch/mst3k/packages/p on node7.",
        ours("The packages of this kernel are no longer at /scratch/mst3k/packages/p on node7."),
        ("reinstall",),
    ),
    Recorded(
        "runtime_missing",
        "Apptainer is no longer on node7: neither /opt/apptainer/1.3/bin/apptainer nor another one on PATH is there.",
        ours("Apptainer is not there on node7: neither /opt/apptainer/1.3/bin/apptainer nor any on PATH."),
    ),
    Recorded(
        "folder_missing",
        "The folder /scratch/mst3k/run, in which the kernel was to start, is not there on node7.",
        ours("The folder /scratch/mst3k/run, in which the kernel was to start, is not there on node7."),
    ),
    Recorded(
        "connection_file_missing",
        "The kernel cannot read /run/user/1001/jupyter/kernel-1.json, by which Jupyter tells it where to answer.",
        ours("Jupyter's connection file '/run/user/1001/jupyter/kernel-1.json' is missing or cannot be read."),
    ),
    # ---- file systems that went away
    Recorded(
        "image_file_system_lost",
        "The kernel lost its image while it ran: the file system that shows the image has ended, or a file that it "
        "used became shorter.",
        signalled(7, "BUS", "Bus error"),
    ),
    Recorded(  # what Python says of a library in an image whose squashfuse was killed (apptainer/apptainer#3504)
        "image_file_system_lost",
        "The kernel lost its image while it ran: the file system that shows the image has ended, or a file that it "
        "used became shorter.",
        kernel("OSError: [Errno 107] Transport endpoint is not connected: '/usr/lib/python3.11/lib-dynload'"),
    ),
    Recorded(  # apptainer/singularity#4879
        "file_system_lost",
        "A file system that the kernel needs has gone away on this node (stale NFS file handle).",
        runtime("FATAL:   exec /.singularity.d/actions/exec failed: stale NFS file handle"),
    ),
    Recorded(  # Linux's words for ESHUTDOWN, which Lustre returns when a client was evicted
        "file_system_lost",
        "A file system that the kernel needs has gone away on this node "
        "(Cannot send after transport endpoint shutdown).",
        kernel("OSError: [Errno 108] Cannot send after transport endpoint shutdown: '/lustre/home/mst3k/.ipython'"),
    ),
    Recorded(  # Linux's words for EKEYEXPIRED: NFS with Kerberos, AFS
        "file_system_lost",
        "A file system that the kernel needs has gone away on this node (Key has expired).",
        kernel("OSError: [Errno 127] Key has expired: '/nfs/home/mst3k/.ipython/profile_default'"),
    ),
    # ---- signals: measured with our own start script
    Recorded(
        "illegal_instruction",
        "The kernel ran into an instruction that this node's processor does not know: something in the image or in "
        "its packages is built for a newer processor.",
        signalled(4, "ILL", "Illegal instruction"),
    ),
    Recorded(  # libstdc++, when new finds no memory and nobody catches it
        "abort_memory",
        "The memory of this session was not enough: the kernel asked for more and ended.",
        signalled(6, "ABRT", "Aborted",
                  "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n"),
    ),
    Recorded(
        "segmentation_fault",
        "The kernel crashed: a compiled part of it touched memory that is not its own (segmentation fault).",
        signalled(11, "SEGV", "Segmentation fault"),
        ("reinstall",),
    ),
    Recorded(
        "killed",
        "The kernel was killed from outside: by this machine for want of memory, by the batch system at a limit, or "
        "by a person.",
        signalled(9, "KILL", "Killed"),
    ),
    Recorded(
        "aborted",
        "The kernel gave up by itself: a compiled part of it found something wrong (abort).",
        signalled(6, "ABRT", "Aborted", "free(): invalid pointer\n"),
    ),
    Recorded(
        "processor_time_limit",
        "The kernel used up the processor time that this machine allows a process.",
        signalled(24, "XCPU", "CPU time limit exceeded"),
    ),
    Recorded(
        "file_size_limit",
        "The kernel wrote a file larger than this session may write.",
        signalled(25, "XFSZ", "File size limit exceeded"),
    ),
    Recorded("ended_by_signal", "The kernel was ended by signal 10 (USR1).",
             signalled(10, "USR1", "User defined signal 1")),
    # ---- the image, in Apptainer's words: measured with 1.4.5 where nothing else is said
    Recorded(
        "not_an_image",
        f"The file {IMAGE} is not a container image.",
        f"FATAL:   While checking container encryption: could not open image {IMAGE}: image format not recognized\n"
        + ended(255),
        ("relink", "pull"),
    ),
    Recorded(  # apptainer/apptainer, pkg/image/sif.go; as users quote it
        "architecture_of_image",
        f"The image {IMAGE} is for arm64 processors; this node's are amd64.",
        f"FATAL:   While checking container encryption: could not open image {IMAGE}: the image's architecture (arm64) "
        "could not run on the host's (amd64)\n" + ended(255),
        ("pull",),
    ),
    Recorded(  # a folder as image whose /bin/sh and Python are for arm64
        "architecture_of_programs",
        "The programs in the image are for arm64 processors; this node's are amd64.",
        runtime("FATAL:   image targets 'arm64', cannot run on 'amd64'"),
        ("pull",),
    ),
    Recorded(  # Singularity 3, as many issues quote it
        "wrong_processor",
        "The image is for another kind of processor.",
        runtime("FATAL:   exec /usr/bin/python3 failed: exec format error"),
        ("pull",),
    ),
    Recorded(  # the words of Apptainer 1.4.5's program
        "image_needs_key",
        "The image is encrypted, and no key for it is there.",
        "FATAL:   required option --passphrase or --pem-path missing\n" + ended(255),
    ),
    Recorded(  # apptainer/singularity#4200
        "image_needs_key",
        "The image is encrypted, and no key for it is there.",
        runtime("FATAL:   container creation failed: mount /proc/self/fd/3->/var/lib/singularity/mnt/session/rootfs "
                "error: can't mount image /proc/self/fd/3: unable to decrypt the file system: cryptsetup open failed"),
    ),
    Recorded(  # apptainer/apptainer, engine/apptainer/prepare_linux.go
        "image_not_signed",
        "Your site runs only images that certain people have signed, and this one is not.",
        runtime("FATAL:   image prohibited by ECL"),
    ),
    Recorded(
        "image_path_forbidden",
        "Your site runs only images that lie in certain folders, and this one does not.",
        runtime("FATAL:   apptainer image is not in an allowed configured path"),
        ("relink",),
    ),
    Recorded(
        "image_owner_forbidden",
        "Your site runs only images whose file belongs to a certain group, and this one does not.",
        runtime("FATAL:   apptainer image is not owned by required group(s)"),
        ("relink",),
    ),
    Recorded(
        "image_kind_forbidden",
        "Your site's settings for containers forbid unencrypted SIF images.",
        runtime("FATAL:   configuration disallows users from running unencrypted SIF containers"),
    ),
    Recorded(  # the words of Apptainer 1.4.5's program
        "image_mount_forbidden",
        "Your site's settings for containers forbid mounting squashFS with root's rights.",
        runtime("FATAL:   container creation failed: configuration disallows users from mounting squashFS in setuid "
                "mode, try --userns"),
    ),
    Recorded(
        "site_paths_broken",
        "Your site's settings for containers name the folder /project/images, which is not there on this node.",
        runtime("FATAL:   failed to resolve path /project/images: lstat /project: no such file or directory"),
    ),
    # ---- the runtime
    Recorded(
        "runtime_flag_unknown",
        "The container runtime on this node does not know the option --no-eval: it is older than the one that the "
        "kernel was made for.",
        'Error for command "exec": unknown flag: --no-eval\n\nOptions for exec command:\n\n'
        "      --add-caps string               a comma separated capability list to add\n"
        "Run 'apptainer --help' for more detailed usage information.\n" + ended(1),
    ),
    Recorded(
        "runtime_too_old",
        "/usr/bin/singularity is Singularity 3.5.2, which is too old; 3.9.0 is needed.",
        "/usr/bin/singularity is Singularity 3.5.2, which is too old; 3.9.0 is needed.\n",
    ),
    Recorded(  # bash 5.2, for a program on a disk that is mounted noexec
        "runtime_not_runnable",
        "The container runtime /home/mst3k/apptainer/bin/apptainer cannot be run on this node.",
        "/home/mst3k/.local/share/jupyter/kernels/k/init.sh: line 272: /home/mst3k/apptainer/bin/apptainer: "
        "Permission denied\n" + ended(126),
    ),
    Recorded(  # bash 5.2, for a program that is built for another processor
        "runtime_not_runnable",
        "The container runtime /opt/apptainer/bin/apptainer cannot be run on this node.",
        "/data/kernels/k/init.sh: line 272: /opt/apptainer/bin/apptainer: cannot execute binary file: Exec format "
            "error\n"
        + ended(126),
    ),
    Recorded(
        "runtime_not_on_path",
        "apptainer is not on PATH on this node.",
        "/home/mst3k/.local/share/jupyter/kernels/old/init.sh: line 4: apptainer: command not found\n",
    ),
    Recorded(
        "no_module_command",
        "The command module, by which a script wanted to load a module, is not known here.",
        "/home/mst3k/.local/share/jupyter/kernels/old/init.sh: line 3: module: command not found\n"
        "/home/mst3k/.local/share/jupyter/kernels/old/init.sh: line 4: singularity: not found\n",
    ),
    Recorded(  # Lmod 8, as EESSI/software-layer#903 quotes it
        "lmod_module_unknown",
        "There is no module apptainer/1.1 on this node.",
        'Lmod has detected the following error:  The following module(s) are unknown: "apptainer/1.1"\n\n'
        'Please check the spelling or version number. Also try "module spider ..."\n',
    ),
    Recorded(  # Environment Modules 4.4.1, singularityhub/singularity-hpc#421
        "tcl_module_unknown",
        "There is no module biocontainers/samtools on this node.",
        "ERROR: Unable to locate a modulefile for 'biocontainers/samtools'\n",
    ),
    Recorded(
        "namespaces_used_up",
        "This node has no user namespaces left, or allows none, so no container can start without root.",
        APPTAINER + "INFO   : A system administrator may need to enable user namespaces, install\n"
        "INFO   :   apptainer-suid, or compile with ./mconfig --with-suid\n"
        "\x1b[91mERROR  : Failed to create user namespace: maximum number of user namespaces exceeded, check "
        "/proc/sys/user/max_user_namespaces\n\x1b[0m" + ended(1),
    ),
    Recorded(  # apptainer/apptainer, cmd/starter/c/starter.c
        "namespaces_sysctl",
        "This node does not allow containers that are started without root: "
        "/proc/sys/kernel/unprivileged_userns_clone is 0.",
        "ERROR  : Failed to create user namespace: user namespace requires to set "
        "/proc/sys/kernel/unprivileged_userns_clone to 1\n" + ended(1),
    ),
    Recorded(  # Ubuntu 24.04, apptainer/apptainer#2608
        "namespaces_apparmor",
        "This node's AppArmor does not let Apptainer make a user namespace, so no container can start without root.",
        "ERROR  : Could not write info to setgroups: Permission denied\n"
        "ERROR  : Error while waiting event for user namespace mappings: Bad file descriptor\n" + ended(255),
    ),
    Recorded(  # Ubuntu 24.04, apptainer/apptainer#2027
        "namespaces_apparmor",
        "This node's AppArmor does not let Apptainer make a user namespace, so no container can start without root.",
        "INFO   : A system administrator may need to enable user namespaces, install\n"
        "INFO   :   apptainer-suid, or compile with ./mconfig --with-suid\n"
        "ERROR  : Failed to create user namespace: Permission denied\n" + ended(255),
    ),
    Recorded(  # apptainer/apptainer, cmd/starter/c/starter.c
        "no_user_namespaces",
        "This machine does not allow containers that are started without root.",
        "ERROR  : Failed to create user namespace: not allowed to create user namespace\n" + ended(255),
    ),
    Recorded(
        "no_squashfuse",
        "This node lacks squashfuse, with which Apptainer shows an image without root.",
        "INFO:    squashfuse not found, will not be able to mount SIF or other squashfs files\n" + APPTAINER
        + "INFO:    Converting SIF file to temporary sandbox...\n"
        f"FATAL:   while extracting {IMAGE}: root filesystem extraction failed: failed to copy content in staging "
        "file: write /tmp/rootfs-954193048/archive-2038661899: no space left on device\n" + ended(255),
    ),
    Recorded(
        "root_lacks_right",
        "This machine's root lacks a right that Apptainer wants.",
        runtime("\x1b[91mERROR  : Requesting capability set 0x000001ffffffffff while permitted capability set is "
                "0x000001fffeffffff\n\x1b[0m"),
    ),
    Recorded(  # apptainer/singularity#3264
        "setuid_broken",
        "Apptainer is installed in a way that needs root's rights, and does not get them here.",
        "ERROR  : Failed to set effective UID to 0\n" + ended(255),
    ),
    Recorded(
        "no_fuse_device",
        "This node does not let ordinary users mount images: /dev/fuse is missing or cannot be used.",
        runtime("FATAL:   container creation failed: image driver mount failure: image driver squashfuse_ll instance "
                "exited with error: squashfuse_ll exited: fuse: device not found, try 'modprobe fuse' first"),
    ),
    Recorded(  # apptainer/apptainer#2324
        "fuse_refused",
        "This node does not let ordinary users mount images: its kernel or its fusermount refuses.",
        "INFO:    A fusermount error may indicate that the kernel is too old\n"
        "INFO:    The --unsquash option may work around it\n"
        "FATAL:   container creation failed: image driver mount failure: image driver squashfuse_ll instance exited "
        "with error: squashfuse_ll exited: fusermount3: mount failed: Operation not permitted\n" + ended(255),
    ),
    Recorded(
        "mount_timed_out",
        "The image was not mounted within 10 seconds: its file system or this node is very slow now.",
        runtime(f"FATAL:   container creation failed: mount hook function failure: mount /proc/self/fd/3->{SESSION}"
                "/rootfs error: while mounting image /proc/self/fd/3: squashfuse_ll failed to mount "
                f"{SESSION}/rootfs in 10s"),
        ("relink",),
    ),
    Recorded(  # apptainer/apptainer#2477
        "squashfuse_broken",
        "squashfuse, with which Apptainer shows an image, does not run on this node.",
        runtime("FATAL:   container creation failed: image driver mount failure: image driver squashfuse_ll instance "
                "exited with error: squashfuse_ll exited: /sw/squashfuse/0.5.1/bin/squashfuse_ll: "
            "/lib64/libfuse3.so.3: "
                "version `FUSE_3.12' not found (required by /sw/squashfuse/0.5.1/bin/squashfuse_ll)"),
    ),
    Recorded(
        "image_damaged",
        "The image file is damaged or incomplete.",
        runtime("FATAL:   container creation failed: image driver mount failure: image driver squashfuse_ll instance "
                "exited with error: squashfuse_ll exited: Something went wrong trying to read the squashfs image."),
        ("pull", "relink"),
    ),
    Recorded(  # apptainer/singularity#6494
        "image_damaged",
        "The image file is damaged or incomplete.",
        "FATAL:   container creation failed: mount hook function failure: mount /proc/self/fd/3->/var/lib/apptainer"
        "/mnt/session/rootfs error: while mounting image /proc/self/fd/3: squashfuse_ll exited with status 255: \n",
        ("pull", "relink"),
    ),
    Recorded(  # apptainer/apptainer#2121
        "image_damaged",
        "The image file is damaged or incomplete.",
        "FATAL:   container creation failed: mount hook function failure: mount /proc/self/fd/3->/var/lib/apptainer"
        "/mnt/session/rootfs error: while mounting image /proc/self/fd/3: kernel reported a bad superblock for "
        "squashfs image partition, possible causes are that your kernel doesn't support the compression algorithm\n",
        ("pull", "relink"),
    ),
    Recorded(
        "too_many_files",
        "The kernel opened more files than this session allows a process.",
        runtime("FATAL:   container creation failed: mount hook function failure: mount /proc/self/fd/3->"
                f"{SESSION}/rootfs error: while mounting image /proc/self/fd/3: squashfuse_ll Start failed: fork/exec "
                "/usr/bin/squashfuse_ll: too many open files: "),
    ),
    Recorded(
        "too_many_processes",
        "The kernel could not start another process or thread: this session's limit on processes or on memory is "
            "reached.",
        "runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort\n"
        "PC=0x7f86667aed0c m=0 sigcode=18446744073709551610\n" + ended(2),
    ),
    Recorded(
        "too_many_processes",
        "The kernel could not start another process or thread: this session's limit on processes or on memory is "
            "reached.",
        kernel('  File "/usr/lib/python3.11/threading.py", line 957, in start\n'
               "    _start_new_thread(self._bootstrap, ())\nRuntimeError: can't start new thread"),
    ),
    Recorded(
        "no_address_space",
        "The container runtime got no memory: this session limits the memory of each process.",
        "fatal error: failed to reserve page summary memory\n\nruntime stack:\n"
        "runtime.throw({0x55ed6cd97c96?, 0x20000000?})\n\t/usr/lib/go-1.26/src/runtime/panic.go:1229 +0x4a\n"
        + ended(2),
    ),
    Recorded(
        "bind_source_missing",
        "The folder /nope is not there on this machine.",
        runtime("WARNING: skipping mount of /nope: stat /nope: no such file or directory\n"
                "INFO:    Terminating squashfuse_ll after timeout\n"
                "INFO:    Timeouts can be caused by a running background process\n"
                f"INFO:    Cleanup error: while stopping driver for {SESSION}/rootfs: squashfuse_ll exited: fuse: "
            f"failed "
                f"to unmount {SESSION}/rootfs: Invalid argument\n"
                "FATAL:   container creation failed: mount hook function failure: mount /nope->/data error: while "
                "mounting /nope: mount source /nope doesn't exist"),
    ),
    Recorded(
        "bind_place_missing",
        "The folder /scratch cannot be shown at /nothere/x: the image has no such place, and your site's settings let "
        "none be made.",
        runtime("WARNING: No layer in use (overlay or underlay), check your configuration, Apptainer can't create "
                "/nothere/x destination automatically without overlay or underlay\n"
                "FATAL:   container creation failed: mount hook function failure: mount /scratch->/nothere/x error: "
                "while mounting /scratch: destination /nothere/x doesn't exist in container"),
    ),
    Recorded(
        "bind_mismatch",
        "/etc/hosts cannot be shown in the container: one of it and its place inside is a file, the other a folder.",
        runtime("FATAL:   container creation failed: mount hook function failure: mount /etc/hosts->/usr error: while "
                "mounting /etc/hosts: could not mount /etc/hosts: not a directory"),
    ),
    Recorded(  # the same place in Apptainer's sources, with EACCES
        "bind_not_permitted",
        "The folder /project/other may not be shown in the container.",
        runtime("FATAL:   container creation failed: mount hook function failure: mount /project/other->/project/other "
                "error: while mounting /project/other: could not mount /project/other: permission denied"),
    ),
    Recorded(
        "start_folder_missing",
        "The folder /scratch/run, in which the kernel was to start, is not visible in the container "
        "(no such file or directory).",
        runtime("FATAL:   failed to set working directory: chdir /scratch/run: no such file or directory"),
    ),
    Recorded(
        "nvccli_missing",
        "nvidia-container-cli, by which this site gives containers their GPU, is not there on this node.",
        "INFO:    Setting 'NVIDIA_VISIBLE_DEVICES=all' to emulate legacy GPU binding.\n"
        "INFO:    Setting --writable-tmpfs (required by nvidia-container-cli)\n"
        + runtime('FATAL:   container creation failed: exec: "nvidia-container-cli": executable file not found in '
            '$PATH'),
    ),
    Recorded(  # nvidia-container-cli's words, NVIDIA/nvidia-container-toolkit#152
        "driver_too_old_for_image",
        "The GPU driver of this node is too old for the image, which wants cuda>=12.8.",
        runtime("FATAL:   container creation failed: nvidia-container-cli failed with exit status 1: "
                "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver "
                "to a newer version, or use an earlier cuda container"),
    ),
    Recorded(  # the frame is of Apptainer 1.4.5's program, the rest of nvidia-container-cli
        "nvccli_failed",
        "The GPU could not be given to the container: initialization error: nvml error: driver not loaded.",
        runtime("FATAL:   container creation failed: nvidia-container-cli failed with exit status 1: "
                "initialization error: nvml error: driver not loaded"),
    ),
    Recorded(  # an empty folder in the image's place
        "image_is_no_system",
        "What lies in the image's place holds no system: /usr/bin/python3 is not in it, nor the folders that each "
        "system has.",
        "WARNING: passwd file doesn't exist in container, not updating\n"
        "WARNING: group file doesn't exist in container, not updating\n"
        "WARNING: Skipping mount /var/tmp [tmp]: /var/tmp doesn't exist in container\n"
        "FATAL:   stat /usr/bin/python3: no such file or directory\n" + ended(255),
        ("relink", "pull"),
    ),
    Recorded(
        "interpreter_missing",
        "The image no longer holds /usr/bin/python3, from which the kernel runs: it is another image than when the "
        "kernel was added.",
        runtime("FATAL:   stat /usr/bin/python3: no such file or directory"),
        ("pull", "relink"),
    ),
    Recorded(
        "interpreter_missing",
        "The image no longer holds python, from which the kernel runs: it is another image than when the kernel was "
        "added.",
        runtime('FATAL:   "python": executable file not found in $PATH'),
        ("pull", "relink"),
    ),
    Recorded(
        "interpreter_without_libraries",
        "/opt/venv/bin/python3 in the image lacks a library or an interpreter without which it cannot be run.",
        runtime("FATAL:   exec /opt/venv/bin/python3 failed: a shared library is likely missing in the image"),
        ("pull", "relink"),
    ),
    Recorded(
        "no_shell",
        "The kernel's program in the image cannot be run, and the image has no /bin/sh to look into why.",
        runtime("FATAL:   failed to open /bin/sh for inspection: failed to open elf binary /bin/sh: open /bin/sh: no "
                "such file or directory"),
        ("pull", "relink"),
    ),
    Recorded(
        "not_executable",
        "The kernel's program in the image may not be run: it lacks the permission, or lies on a disk from which "
        "nothing may be run.",
        runtime("FATAL:   permission denied"),
        ("pull", "relink"),
    ),
    Recorded(  # glibc, apptainer/singularity#1275
        "linux_too_old",
        "The Linux kernel of this node is too old for the image.",
        runtime("FATAL: kernel too old", 139),
    ),
    # ---- the kernel's last words: measured with ipykernel 6.17 and 7, Python 3.11
    Recorded(  # the warning with Apptainer 1.4.5 and `user bind control = no`
        "binds_forbidden",
        "Your site does not let users show folders in containers, so the kernel does not see /data/packages/p.",
        APPTAINER + "WARNING: Ignoring /data/packages/p bind mount: user bind control disabled by system "
            "administrator\n"
        "WARNING: Not mounting current directory: user bind control is disabled by system administrator\n"
        + LAUNCHER + "ModuleNotFoundError: No module named 'ipykernel'\n" + ended(1),
    ),
    Recorded(
        "run_user_not_visible",
        "The kernel cannot use /run/user, where Jupyter keeps what it tells its kernels.",
        kernel('  File "<frozen os>", line 225, in makedirs\nOSError: [Errno 30] Read-only file system: \'/run/user\''),
    ),
    Recorded(  # Linux's words for EDQUOT, in Python's frame
        "quota_reached",
        "Your quota is used up: there is no room left for starting PyTorch 2.9.1.",
        kernel("OSError: [Errno 122] Disk quota exceeded: '/home/mst3k/.ipython/profile_default/security'"),
        ("free_space",),
    ),
    Recorded(  # and in Go's
        "quota_reached",
        "Your quota is used up: there is no room left for pulling the image.",
        pull("While making image from oci registry: error fetching image to cache: while building SIF from layers: "
             "write /scratch/mst3k/bundle-temp-1/layout: disk quota exceeded"),
        ("free_space",),
        "pulling the image",
    ),
    Recorded(  # a home directory of 4 KiB
        "no_room_at",
        "There is no room left on the disk of /home/mst3k/.ipython/profile_default/startup/README for starting "
        "PyTorch 2.9.1.",
        kernel('  File "/usr/lib/python3.11/shutil.py", line 144, in _fastcopy_sendfile\n'
               "    sent = os.sendfile(outfd, infd, offset, blocksize)\n"
               "OSError: [Errno 28] No space left on device: '/usr/lib/python3/dist-packages/IPython/core/profile/"
               "README_STARTUP' -> '/home/mst3k/.ipython/profile_default/startup/README'"),
        ("free_space",),
    ),
    Recorded(  # pip 23
        "no_room_at",
        "There is no room left on the disk of /data/packages/p/zmq for installing ipykernel.",
        pip("Installing collected packages: pyzmq\nERROR: Could not install packages due to an OSError: [Errno 28] No "
            "space left on device: '/data/packages/p/zmq'"),
        ("free_space",),
        "installing ipykernel",
    ),
    Recorded(
        "no_room_at",
        "There is no room left on the disk of /t/squashfs-1 for pulling the image.",
        pull("While performing build: write /t/squashfs-1: no space left on device"),
        ("free_space",),
        "pulling the image",
    ),
    Recorded(  # what our own code hands over: str(OSError)
        "no_room",
        "There is no room left on the disk for writing the kernel's files.",
        "[Errno 28] No space left on device",
        ("free_space",),
        "writing the kernel's files",
    ),
    Recorded(  # SQLite's words for SQLITE_FULL
        "no_room",
        "There is no room left on the disk for starting PyTorch 2.9.1.",
        kernel("sqlite3.OperationalError: database or disk is full"),
        ("free_space",),
    ),
    Recorded(
        "disk_read_only",
        "The kernel needs to write where the disk is read-only (/home/mst3k/.ipython).",
        kernel("OSError: [Errno 30] Read-only file system: '/home/mst3k/.ipython'"),
    ),
    Recorded(
        "disk_read_only",
        "The kernel needs to write where the disk is read-only.",
        kernel("sqlite3.OperationalError: attempt to write a readonly database"),
    ),
    Recorded(
        "permission_denied",
        "The kernel may not use /home/mst3k/.ipython/profile_default.",
        kernel("PermissionError: [Errno 13] Permission denied: '/home/mst3k/.ipython/profile_default'"),
    ),
    Recorded(
        "config_error",
        "A setting of yours for IPython ends the kernel: The 'exec_lines' trait of an IPKernelApp instance expected a "
        "list, not the int 5.",
        APPTAINER + DEBUGGER + "[IPKernelApp] CRITICAL | Bad config encountered during initialization: The "
        "'exec_lines' trait of an IPKernelApp instance expected a list, not the int 5.\n" + ended(1),
    ),
    Recorded(  # IPython/core/profiledir.py
        "profile_error",
        "IPython cannot use its profile: Profile directory not found in paths: profile_lab.",
        kernel("IPython.core.profiledir.ProfileDirError: Profile directory not found in paths: profile_lab"),
    ),
    Recorded(  # ipython/ipython#10753
        "history_locked",
        "IPython cannot open the file of its history (disk I/O error); network file systems often cause this.",
        kernel('  File "/opt/conda/lib/python3.5/site-packages/IPython/core/history.py", line 257, in init_db\n'
               "sqlite3.OperationalError: disk I/O error"),
    ),
    Recorded(  # ipython/ipython#12513
        "history_locked",
        "IPython cannot open the file of its history (database is locked); network file systems often cause this.",
        kernel("    cur = conn.execute(\"\"\"INSERT INTO sessions VALUES (NULL, ?, NULL,\n"
               "sqlite3.OperationalError: database is locked"),
    ),
    Recorded(  # spyder-ide/spyder#8006
        "shadowed_module",
        "A file of yours has the name of a module that the kernel needs (random), and is taken instead of it.",
        kernel("ImportError: cannot import name 'Random' from 'random' (/home/mst3k/work/random.py)"),
    ),
    Recorded(  # CPython 3.11, a random.py that imports what imports random
        "shadowed_module",
        "A file of yours has the name of a module that the kernel needs (random), and is taken instead of it.",
        kernel("AttributeError: partially initialized module 'random' has no attribute 'randint' (most likely due to a "
               "circular import)"),
    ),
    Recorded(  # CPython 3.13, an empty random.py
        "shadowed_module",
        "A file of yours has the name of a module that the kernel needs (random), and is taken instead of it.",
        kernel("AttributeError: module 'random' has no attribute 'Random' (consider renaming '/home/mst3k/random.py' "
               "since it has the same name as the standard library module named 'random' and prevents importing that "
               "standard library module)"),
    ),
    Recorded(  # an empty zmq.py on PYTHONPATH
        "shadowed_module",
        "A file of yours has the name of a module that the kernel needs (zmq), and is taken instead of it.",
        kernel("    import zmq.asyncio\nModuleNotFoundError: No module named 'zmq.asyncio'; 'zmq' is not a package"),
    ),
    Recorded(  # microsoft/vscode-jupyter#11805
        "packages_do_not_fit",
        "The kernel's packages do not fit together: psutil has no _psutil_linux.",
        kernel("    from . import _psutil_linux as cext\nImportError: cannot import name '_psutil_linux' from "
            "partially "
               "initialized module 'psutil' (most likely due to a circular import) "
               "(/usr/lib/python3/dist-packages/psutil/__init__.py)"),
        ("reinstall", "pull"),
    ),
    Recorded(
        "python_home_broken",
        "The image's Python does not find its own library.",
        APPTAINER + "Fatal Python error: init_fs_encoding: failed to get the Python codec of the filesystem encoding\n"
        "Python runtime state: core initialized\nModuleNotFoundError: No module named 'encodings'\n\n"
        "Current thread 0x00007fed9b30e040 (most recent call first):\n  <no Python frame>\n" + ended(1),
        ("pull",),
    ),
    Recorded(
        "ipykernel_missing",
        "The image's Python does not find ipykernel: the image is another one than when the kernel was added, or its "
        "packages are gone.",
        APPTAINER + 'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\n'
        '  File "<frozen runpy>", line 222, in run_module\n'
        '  File "<frozen runpy>", line 142, in _get_module_details\n'
        "ImportError: No module named ipykernel_launcher\n" + ended(1),
        ("reinstall", "pull"),
    ),
    Recorded(
        "packages_incomplete",
        "The kernel's packages are incomplete: traitlets is missing. Some sites delete files that were not used for "
        "weeks.",
        kernel(f'  File "{PACKAGES}/jupyter_client/asynchronous/client.py", line 10, in <module>\n'
               "    from traitlets import Instance, Type\nModuleNotFoundError: No module named 'traitlets'"),
        ("reinstall", "pull"),
    ),
    Recorded(  # a sweep of old files left the folder
        "packages_incomplete",
        "The kernel's packages are incomplete: traitlets is missing. Some sites delete files that were not used for "
        "weeks.",
        kernel("    from traitlets import Any, Bool\n"
               "ImportError: cannot import name 'Any' from 'traitlets' (unknown location)"),
        ("reinstall", "pull"),
    ),
    Recorded(  # pyzmq 27 whose compiled part is for another Python
        "packages_of_other_python",
        "The kernel's packages are built for another Python than the one that the image has now.",
        kernel(f'  File "{PACKAGES}/zmq/backend/cython/_zmq.py", line 34, in <module>\n    raise ImportError(msg)\n'
               "ImportError: \n    Attempting to import zmq Cython backend, which has not been compiled.\n\n"
               "    This probably means you are importing zmq from its source tree.\n"
               f"    if this is what you want, make sure to do an in-place build first:\n\n        pip install -e "
            f"'{PACKAGES}'\n"),
        ("reinstall", "pull"),
    ),
    Recorded(  # the dynamic linker's words, for an extension of another Python
        "packages_of_other_python",
        "The kernel's packages are built for another Python than the one that the image has now.",
        kernel(f"ImportError: {PACKAGES}/zmq/backend/cython/_zmq.cpython-311-x86_64-linux-gnu.so: undefined symbol: "
               "_PyThreadState_UncheckedGet"),
        ("reinstall", "pull"),
    ),
    Recorded(
        "package_file_damaged",
        f"A file of the kernel's packages is damaged ({PACKAGES}/zmq/backend/cython/_zmq.abi3.so).",
        kernel(f"ImportError: {PACKAGES}/zmq/backend/cython/_zmq.abi3.so: file too short"),
        ("reinstall", "pull"),
    ),
    Recorded(  # apptainer/apptainer#2421
        "gpu_libraries_too_new",
        "The libraries of this node's GPU driver are too new for the image: libGLdispatch.so.0 wants GLIBC_2.34.",
        kernel("ImportError: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by "
               "/.singularity.d/libs/libGLdispatch.so.0)"),
    ),
    Recorded(  # apptainer/apptainer#3041
        "gpu_libraries_too_new",
        "The libraries of this node's GPU driver are too new for the image: libGLX.so.0 wants GLIBC_ABI_DT_RELR.",
        runtime("/opt/bin/rv: /opt/lib/libc.so.6: version `GLIBC_ABI_DT_RELR' not found (required by "
                "/.singularity.d/libs/libGLX.so.0)\n/opt/bin/rv: /opt/lib/libc.so.6: version `GLIBC_2.38' not found "
                "(required by /.singularity.d/libs/libGLX.so.0)", 1),
    ),
    Recorded(  # the same linker's words, for a package
        "system_of_image_too_old",
        f"The system in the image is too old: {PACKAGES}/zmq/_zmq.abi3.so wants GLIBCXX_3.4.29.",
        kernel("ImportError: /lib64/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by "
               f"{PACKAGES}/zmq/_zmq.abi3.so)"),
        ("reinstall",),
    ),
    Recorded(
        "library_missing",
        "The image lacks the library libstdc++.so.6, which the kernel's packages need.",
        kernel("ImportError: libstdc++.so.6: cannot open shared object file: No such file or directory"),
    ),
    Recorded(
        "program_library_missing",
        "The image lacks the library libm.so.6, which /usr/bin/python3 needs.",
        runtime("/usr/bin/python3: error while loading shared libraries: libm.so.6: cannot open shared object file: No "
                "such file or directory", 127),
        ("pull", "relink"),
    ),
    Recorded(
        "locale_missing",
        "The image does not know the language that LANG or LC_ALL ask for.",
        kernel('  File "/usr/lib/python3.11/locale.py", line 626, in setlocale\n'
               "    return _setlocale(category, locale)\nlocale.Error: unsupported locale setting"),
    ),
    Recorded(
        "port_in_use",
        "A port that Jupyter had chosen for the kernel was taken by another program meanwhile.",
        kernel('  File "zmq/backend/cython/checkrc.pxd", line 28, in zmq.backend.cython.checkrc._check_rc\n'
               "zmq.error.ZMQError: Address already in use"),
    ),
    Recorded(
        "address_not_here",
        "The kernel cannot listen where Jupyter told it to (Cannot assign requested address).",
        kernel('  File "zmq/backend/cython/checkrc.pxd", line 28, in zmq.backend.cython.checkrc._check_rc\n'
               "zmq.error.ZMQError: Cannot assign requested address"),
    ),
    Recorded(  # ipykernel/parentpoller.py
        "parent_gone",
        "The kernel believed that Jupyter had ended, and ended as well.",
        APPTAINER + DEBUGGER + "[IPKernelApp] WARNING | Parent appears to have exited, shutting down.\n" + ended(1),
    ),
    Recorded(  # oobabooga/textgen#4407, SYSTRAN/faster-whisper#653
        "driver_too_old",
        "The GPU driver of this node is too old for the CUDA in the image.",
        kernel("RuntimeError: Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before "
               "calling NumCudaDevices() that might have already set an error? Error 804: forward compatibility was "
               "attempted on non supported HW"),
    ),
    Recorded(  # NVIDIA/hpc-container-maker#239
        "driver_too_old",
        "The GPU driver of this node is too old for the CUDA in the image.",
        runtime("ERROR: CUDA driver version is insufficient for CUDA runtime version in ml_optimiser.cpp at line 1143",
            1),
    ),
    Recorded(  # torch/cuda/__init__.py
        "no_gpu_found",
        "The kernel wants a GPU, and there is none on this node, or none for this session.",
        kernel("RuntimeError: No CUDA GPUs are available"),
    ),
    Recorded(
        "out_of_memory",
        "The memory of this session was not enough for starting PyTorch 2.9.1.",
        kernel("MemoryError"),
    ),
    Recorded(  # IRkernel/IRkernel#689
        "irkernel_missing",
        "The R in the image does not find IRkernel.",
        APPTAINER + "Error in loadNamespace(name) : there is no package called ‘IRkernel’\n"
        "Calls: :: ... loadNamespace -> withRestarts -> withOneRestart -> doWithOneRestart\nExecution halted\n"
        + ended(1),
        ("reinstall", "pull"),
    ),
    Recorded(  # IRkernel/IRkernel#443
        "r_package_missing",
        "The kernel's R packages are incomplete: assertthat is missing or cannot be loaded.",
        "Error in loadNamespace(i, c(lib.loc, .libPaths()), versionCheck = vI[[i]]) :\n"
        "  there is no package called 'assertthat'\nExecution halted\n" + ended(1),
        ("reinstall",),
    ),
    Recorded(  # R 4's words (src/main/Rdynload.c)
        "r_package_of_other_r",
        "The kernel's R packages are built for another R than the one that the image has now.",
        "Error in dyn.load(file, DLLpath = DLLpath, ...) :\n"
        "  unable to load shared object '/data/packages/r/pbdZMQ/libs/pbdZMQ.so':\n"
        "  libR.so: cannot open shared object file: No such file or directory\nExecution halted\n" + ended(1),
        ("reinstall",),
    ),
    Recorded(
        "r_halted",
        "R ended by itself in the middle of its work.",
        APPTAINER + "Error in poll.socket(list(sockets), events) : \nExecution halted\n" + ended(1),
    ),
    Recorded(  # JuliaLang/IJulia.jl#742
        "ijulia_missing",
        "The Julia in the image does not find IJulia.",
        "ERROR: LoadError: ArgumentError: Package IJulia not found in current path:\n"
        '- Run `import Pkg; Pkg.add("IJulia")` to install the IJulia package.\n\nStacktrace:\n'
        " [1] require(into::Module, mod::Symbol)\n   @ Base ./loading.jl:967\n" + ended(1),
        ("reinstall", "pull"),
    ),
    Recorded(  # Julia's loading.jl, as in the row before
        "julia_package_missing",
        "The kernel's Julia packages are incomplete: ZMQ is missing.",
        "ERROR: LoadError: ArgumentError: Package ZMQ [c2297ded-f4af-51ae-bb23-16f91089e4e1] is required but does not "
        "seem to be installed:\n - Run `Pkg.instantiate()` to install all recorded dependencies.\n" + ended(1),
        ("reinstall",),
    ),
    Recorded(
        "pip_missing",
        "The image's Python has no pip, with which the kernel package is installed.",
        APPTAINER + "/usr/bin/python3: No module named pip\n",
        action="installing ipykernel",
    ),
    # ---- registries: measured with Apptainer 1.4.5 against registries of our own
    Recorded(
        "rate_limit",
        "The registry lets this node's address download no more images for some time.",
        fetching("reading manifest 1 in registry.example/team/tool: toomanyrequests: You have reached your pull rate "
                 "limit. You may increase the limit by authenticating and upgrading: https://limits.example"),
    ),
    Recorded(
        "tag_not_in_registry",
        "The registry has no image registry.example/team/tool with the tag or digest 1.",
        fetching("reading manifest 1 in registry.example/team/tool: manifest unknown"),
    ),
    Recorded(  # the distribution specification's NAME_UNKNOWN
        "image_not_in_registry",
        "The registry has no such image.",
        fetching("name unknown: repository name not known to registry"),
    ),
    Recorded(  # containers/image, manifest/oci_index.go
        "no_platform",
        "The registry has this image for other processors only; this machine's are amd64.",
        fetching('choosing image instance: no image found in image index for architecture "amd64", variant "", OS '
                 '"linux"'),
    ),
    Recorded(
        "login_refused",
        "The registry does not let you read registry.example/team/tool.",
        fetching("reading manifest 1 in registry.example/team/tool: authentication required"),
    ),
    Recorded(
        "login_refused",
        "The registry does not let you read registry.example/team/tool.",
        fetching("reading manifest 1 in registry.example/team/tool: denied"),
    ),
    Recorded(
        "login_needed",
        "The registry does not let you read this image.",
        pull("While pulling image from oci registry: error fetching image to cache: failed to get checksum for "
             "oras://registry.example/x:1: HEAD https://registry.example/v2/x/manifests/1: unexpected status code 401 "
             "Unauthorized"),
    ),
    Recorded(
        "registry_http",
        "The registry 10.0.0.1:5000 speaks plain HTTP, which is not trusted.",
        fetching('pinging container registry 10.0.0.1:5000: Get "https://10.0.0.1:5000/v2/": http: server gave HTTP '
                 "response to HTTPS client"),
    ),
    Recorded(
        "registry_certificate",
        "The certificate of the registry 10.0.0.1:5000 is not trusted (cannot validate certificate for 10.0.0.1 "
            "because "
        "it doesn't contain any IP SANs).",
        fetching('pinging container registry 10.0.0.1:5000: Get "https://10.0.0.1:5000/v2/": tls: failed to verify '
                 "certificate: x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs"),
    ),
    Recorded(  # Go's net/http, for a proxy that answers 407
        "proxy_login",
        "The proxy of this site wants a name and a password.",
        fetching('pinging container registry registry.example: Get "https://registry.example/v2/": Proxy '
            'Authentication '
                 "Required"),
    ),
    Recorded(  # Go's net/http, for a proxy that is not there
        "proxy_silent",
        "The proxy that https_proxy names does not answer (dial tcp 10.0.0.9:3128: connect: connection refused).",
        fetching('pinging container registry registry.example: Get "https://registry.example/v2/": proxyconnect tcp: '
                 "dial tcp 10.0.0.9:3128: connect: connection refused"),
    ),
    Recorded(
        "registry_name_unknown",
        "There is no machine named registry.invalid, or this node cannot look it up.",
        fetching('pinging container registry registry.invalid: Get "https://registry.invalid/v2/": dial tcp: lookup '
                 "registry.invalid on 10.0.0.53:53: no such host"),
    ),
    Recorded(
        "registry_refuses",
        "Nothing answers at 127.0.0.1:1.",
        fetching('pinging container registry 127.0.0.1:1: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: '
                 "connection refused"),
    ),
    Recorded(  # Go's net package
        "registry_silent",
        "The registry does not answer.",
        fetching('pinging container registry registry.example: Get "https://registry.example/v2/": dial tcp '
                 "192.0.2.1:443: i/o timeout"),
    ),
    Recorded(
        "registry_ill",
        "The registry has a fault of its own (503 Service Unavailable).",
        fetching("reading manifest 1 in registry.example/team/tool: received unexpected HTTP status: 503 Service "
                 "Unavailable"),
    ),
    Recorded(
        "digest_mismatch",
        "What came from the registry is not what it announced: the download is damaged.",
        pull("While making image from oci registry: error fetching image to cache: while building SIF from layers: "
             "conveyor failed to get: error writing layer: error verifying sha256 checksum after reading 100 bytes; "
            "got "
             '"sha256:bd7475717a88", want "sha256:09ecb6ebc8bc"'),
    ),
    Recorded(
        "download_broken_off",
        "The download broke off.",
        pull("While making image from oci registry: error fetching image to cache: while building SIF from layers: "
             "conveyor failed to get: error writing layer: unexpected EOF"),
    ),
    Recorded(
        "no_library",
        "This machine's Apptainer has no library to take library:// images from.",
        "FATAL:   Unable to get library client configuration: no default remote with library client in use\n",
    ),
    Recorded(
        "no_hub",
        "Singularity Hub, where shub:// images came from, was closed in 2021.",
        "FATAL:   While pulling shub image: error fetching image to cache: failed to get manifest for: shub://x/y: no "
        "response received from singularity hub\n",
    ),
    Recorded(
        "not_an_oras_image",
        "What the registry has under this name is no image file (it is application/vnd.oci.image.layer.v1.tar+gzip).",
        "FATAL:   While pulling image from oci registry: error fetching image to cache: failed to get checksum for "
        "oras://registry.example/x:1: invalid layer mediatype: application/vnd.oci.image.layer.v1.tar+gzip\n",
    ),
    Recorded(
        "transport_unknown",
        "Apptainer does not know images that begin with foo:.",
        "FATAL:   Unsupported transport type: foo\n",
    ),
    Recorded(
        "reference_unreadable",
        "The image's name cannot be read.",
        fetching("unable to parse image name docker://A/B:1: invalid reference format: repository name must be "
                 "lowercase"),
    ),
    Recorded(  # a job with 250 MB of memory
        "conversion_out_of_memory",
        "The memory of this session was not enough for pulling the image: converting the image was killed.",
        pull("While making image from oci registry: error fetching image to cache: while building SIF from layers: "
            "while "
             "creating squashfs: create command failed: signal: killed: "),
        action="pulling the image",
    ),
    # ---- pip: measured with 23, where nothing else is said
    Recorded(
        "certificate",
        "pip does not trust the certificate of the package index.",
        pip("Could not fetch URL https://index.example/simple/ipykernel/: There was a problem confirming the ssl "
            "certificate: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate "
            "(_ssl.c:992) - skipping\n"
            "ERROR: Could not find a version that satisfies the requirement ipykernel (from versions: none)\n"
            "ERROR: No matching distribution found for ipykernel"),
    ),
    Recorded(  # R 4.2
        "r_no_compiler",
        "The R package digest has to be compiled, and the image has no compiler.",
        "* installing *source* package ‘digest’ ...\n** libs\nsh: 1: make: not found\n"
        "ERROR: compilation failed for package ‘digest’\n* removing ‘/packages/R-4.2/digest’\n",
    ),
    Recorded(  # R 4.2
        "r_repository_silent",
        "R cannot reach its package repository, http://127.0.0.1:9/src/contrib.",
        "Warning: unable to access index for repository http://127.0.0.1:9/src/contrib:\n"
        "  cannot open URL 'http://127.0.0.1:9/src/contrib/PACKAGES'\n"
        "Warning message:\npackage ‘IRkernel’ is not available for this version of R\n",
    ),
    Recorded(
        "index_silent",
        "pip cannot reach the package index.",
        pip("WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
            "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
            "establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/ipykernel/\n"
            "ERROR: Could not find a version that satisfies the requirement ipykernel (from versions: none)\n"
            "ERROR: No matching distribution found for ipykernel"),
    ),
    Recorded(
        "python_too_old",
        "The image's Python 3.6.9 is not one that ipykernel runs with (>=3.10).",
        pip("ERROR: Package 'ipykernel' requires a different Python: 3.6.9 not in '>=3.10'"),
    ),
    Recorded(
        "hash_mismatch",
        "A package that came is not the one that was asked for: its checksum differs.",
        pip("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package "
            "versions, please update the hashes. Otherwise, examine the package contents carefully; someone may have "
            "tampered with them.\n    foo==1 from https://index.example/foo-1-py3-none-any.whl:\n"
            "        Expected sha256 aaaa\n             Got        4422"),
    ),
    Recorded(
        "no_compiler",
        "A package has no ready form for this image's Python, and the image has no compiler (gcc) to build it.",
        pip("  error: subprocess-exited-with-error\n  \n  × Running setup.py install for psutil did not run "
            "successfully."
            "\n  │ exit code: 1\n  ╰─> [10 lines of output]\n      building 'psutil._psutil_linux' extension\n"
            "      gcc -fPIC -I/usr/include/python3.11 -c psutil/_psutil_common.c\n"
            "      error: command 'gcc' failed: No such file or directory\n      [end of output]\n"
            "error: legacy-install-failure"),
    ),
    Recorded(
        "wheel_not_built",
        "A package could not be built for this image's Python.",
        pip("  error: subprocess-exited-with-error\n  × Preparing metadata (pyproject.toml) did not run successfully.\n"
            "  │ exit code: 1\nerror: metadata-generation-failed\n\n× Encountered error while generating package "
            "metadata."),
    ),
    Recorded(  # PEP 668, Debian 12
        "externally_managed",
        "The image's Python does not let pip install anything.",
        "error: externally-managed-environment\n\n× This environment is externally managed\n╰─> To install Python "
        "packages system-wide, try apt install\n    python3-xyz, where xyz is the package you are trying to "
            "install.\n\n"
        "hint: See PEP 668 for the detailed specification.\n",
    ),
    Recorded(  # pip's documentation, "Dependency resolution"
        "conflicting_packages",
        "What is in the image and what the kernel needs exclude each other.",
        pip("ERROR: Cannot install ipykernel because these package versions have conflicting dependencies.\n"
            "ERROR: ResolutionImpossible: for help visit https://pip.example"),
    ),
    Recorded(
        "no_distribution",
        "pip found no ipykernel that fits this image's Python.",
        pip("ERROR: Could not find a version that satisfies the requirement ipykernel (from versions: none)\n"
            "ERROR: No matching distribution found for ipykernel"),
    ),
    # ---- nobody said more
    Recorded(
        "gpu_absent",
        "The kernel ended with the exit code 3 and said nothing; no GPU is visible on this node.",
        "container-kernels: No GPU is visible on node7; the kernel runs without one.\n" + APPTAINER + DEBUGGER
        + ended(3),
    ),
    Recorded(  # Apptainer's words on a node without a driver
        "gpu_absent",
        "The kernel ended with the exit code 3 and said nothing; no GPU is visible on this node.",
        "INFO:    Could not find any nv files on this host!\n" + APPTAINER + DEBUGGER + ended(3),
    ),
    Recorded("said_nothing", "The kernel ended with the exit code 3 and said nothing.",
            APPTAINER + DEBUGGER + ended(3)),
]  # fmt: skip

#: What starts that went well have printed: Apptainer 1.4.5 with and without options, ipykernel 6.17, our start script.
GOOD = [
    APPTAINER + DEBUGGER,
    "INFO:    Environment variable SINGULARITYENV_A is set, but APPTAINERENV_A is preferred\n"
    "INFO:    Could not find any nv files on this host!\n"
    "INFO:    squashfuse not found, will not be able to mount SIF or other squashfs files\n"
    "INFO:    Converting SIF file to temporary sandbox...\n"
    "WARNING: passwd file doesn't exist in container, not updating\n"
    "WARNING: group file doesn't exist in container, not updating\n"
    "WARNING: Skipping mount /var/tmp [tmp]: /var/tmp doesn't exist in container\n"
    "WARNING: While bind mounting '/scratch:/scratch': destination is already in the mount point list\n"
    "WARNING: Ignoring /scratch bind mount: user bind control disabled by system administrator\n"
    "WARNING: Not mounting current directory: user bind control is disabled by system administrator\n"
    "WARNING: Error changing the container working directory. Using '/home/x' instead: chdir /scratch: no such file or "
    "directory\n"
    "INFO:    Terminating squashfuse_ll after timeout\nINFO:    Timeouts can be caused by a running background "
    "process\n"
    "INFO:    Cleaning up image...\n",
    "container-kernels: /opt/bin/apptainer is gone; /usr/bin/apptainer is used instead.\n"
    "container-kernels: The folder /data of APPTAINER_BIND is not there on node7; the kernel starts without it.\n"
    "container-kernels: No GPU is visible on node7; the kernel runs without one.\n"
    "container-kernels: The Jupyter server ignores SIGINT, so this kernel cannot be interrupted.\n",
    "/usr/lib/python3/dist-packages/IPython/paths.py:70: UserWarning: IPython parent '/home/x' is not a writable "
    "location, using a temp directory.\n  warn(\"IPython parent '{0}' is not a writable location,\"\n",
    "[IPKernelApp] ERROR | Failed to open SQLite history /home/x/.ipython/profile_default/history.sqlite (disk I/O "
    "error).\n[IPKernelApp] ERROR | KeyboardInterrupt caught in kernel.\n",
]
#: Sixteen lines that a user's cells may have printed hours before.
QUOTED = (
    "Traceback (most recent call last):\n  File \"x.py\", line 1\nModuleNotFoundError: No module named 'foo'\n"
    "MemoryError\nOSError: [Errno 28] No space left on device: '/x'\nno space left on device\n"
    "zmq.error.ZMQError: Address already in use\nlocale.Error: unsupported locale setting\n"
    "my tool says: FATAL: image format not recognized\nerror: signal: killed\nExecution halted\n"
    "step 7: manifest unknown, authentication required, connection refused, dial tcp\n"
    "RuntimeError: No CUDA GPUs are available\nsee container-kernels: The kernel was ended by signal 11 (SEGV).\n"
    "log: [IPKernelApp] CRITICAL | Bad config encountered during initialization: x\nall is well\n"
)

ROWS = {failure.cause: failure for failure in CATALOGUE}


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.cause)
def test_what_was_printed_becomes_the_sentence_of_its_cause(recorded: Recorded) -> None:
    known = diagnose(recorded.text, recorded.action)
    assert (known.cause, known.message) == (recorded.cause, recorded.message)
    assert known.remedies == list(recorded.remedies)
    assert known.hint and "{" not in known.hint
    error = explain(recorded.text, recorded.action, "internal")
    assert (error.code, error.message, error.hint) == (ROWS[recorded.cause].code, known.message, known.hint)


def test_every_cause_is_named_once_and_was_recorded() -> None:
    assert len(ROWS) == len(CATALOGUE) >= 40
    assert {recorded.cause for recorded in RECORDED} == set(ROWS)


@pytest.mark.parametrize("failure", CATALOGUE, ids=lambda failure: failure.cause)
def test_every_row_has_a_code_of_the_contract_a_sentence_and_a_hint(failure: Failure) -> None:
    assert failure.code in STATUS
    for sentence in (failure.message, failure.hint):
        assert sentence.endswith(".") and "!" not in sentence
        words = set(re.findall(r"\w+", re.sub(r"`.*?`", "", sentence).casefold()))
        assert words.isdisjoint({"spec", "artefact", "overlay", "bind", "orchestrate", "invalid", "illegal", "must"})
    assert failure.cause == failure.cause.lower().replace(" ", "_")


@pytest.mark.parametrize("good", GOOD, ids=range(len(GOOD)))
def test_what_good_starts_print_is_no_cause(good: str) -> None:
    matched = [failure.cause for failure in CATALOGUE if failure.compiled.search(excerpt(good))]
    assert matched == []
    assert diagnose(good, TITLE).cause == "unknown"


@pytest.mark.parametrize("good", GOOD, ids=range(len(GOOD)))
def test_what_good_starts_print_does_not_hide_the_cause(good: str) -> None:
    assert diagnose(good + "MemoryError\n" + ended(1), TITLE).cause == "out_of_memory"
    assert diagnose(good + signalled(11, "SEGV", "Segmentation fault"), TITLE).cause == "segmentation_fault"


def test_what_a_user_has_printed_is_not_taken_for_the_cause() -> None:
    assert diagnose(APPTAINER + QUOTED, TITLE).cause == "unknown"
    assert diagnose(APPTAINER + QUOTED + ended(3), TITLE).cause == "unknown"
    assert diagnose(APPTAINER + QUOTED + signalled(9, "KILL", "Killed"), TITLE).cause == "killed"


def test_the_head_and_the_end_of_a_starts_log_are_no_words_of_anybody() -> None:
    head = "# started: 2026-11-25T22:03:27+0000\n# node: vm\n# jupyter: 1\n# runtime: /x\n# image: /y.sif\n"
    end = "# ended: 2026-11-25T22:03:27+0000 failed 1\n"
    assert diagnose(head + kernel("MemoryError") + end, TITLE).cause == "out_of_memory"
    assert diagnose(head + ended(3) + end, TITLE).cause == "said_nothing"


def test_what_is_not_known_is_told_in_the_tools_own_words() -> None:
    output = "INFO:    Starting build...\nFATAL:   While performing build: the moon is in the wrong phase\n\n"
    error = explain(output, "pulling the image", "runtime_failed")
    assert error.code == "runtime_failed"
    assert error.message == (
        "Pulling the image failed: FATAL:   While performing build: the moon is in the wrong phase"
    )  # fmt: skip
    assert "not known" in error.hint
    assert diagnose(output, "pulling the image").cause == "unknown"


def test_the_last_twenty_lines_go_with_a_diagnosis() -> None:
    known = diagnose("\n\n".join(f"line {number}" for number in range(50)) + "\n\x1b[91mred\x1b[0m\n", TITLE)
    assert known.lines == [*(f"line {number}" for number in range(31, 50)), "red"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "it said nothing"),
        ("\n  \n", "it said nothing"),
        ("first\nlast\n", "last"),
        ("ERROR: the reason\nand more talk\n", "ERROR: the reason"),
        ("Traceback (most recent call last):\n  File\nImportError: no zmq\n[exited]\n", "ImportError: no zmq"),
        ("Traceback (most recent call last):\n  File\nKeyboardInterrupt\n" + ended(1), "KeyboardInterrupt"),
        ("something odd\n" + ended(7), "something odd"),
        (ended(7), ended(7).strip()),
        ("KeyError: 'a'\nValueError: b\n" + ended(1), "ValueError: b"),
        ("x" * 1000, "x" * 297 + "…"),
    ],
)
def test_the_line_that_says_most_is_chosen(output: str, words: str) -> None:
    assert last_words(output) == words


def test_braces_in_a_tools_words_are_no_placeholders() -> None:
    error = explain("FATAL:   while mounting x: mount source /{action}{0} doesn't exist", TITLE, "verify_failed")
    assert "/{action}{0}" in error.message


_SIZE = 256 * 1024
_DICE = random.Random(1)
_WORDS = [
    " ".join("".join(_DICE.choices("abcdefgh/:.'", k=_DICE.randint(2, 12))) for _ in range(12)) for _ in range(3500)
]
#: What fills a log, and what is made to be slow.
NOISE = {
    "words": "\n".join(_WORDS),
    "one line": "x" * _SIZE,
    "blank": "\n" * _SIZE,
    "progress": "10%\r" * (_SIZE // 4),
    "tracebacks": 'Traceback (most recent call last):\n  File "/x/y.py", line 1, in <module>\nValueError: no\n' * 2800,
    "our remarks": "container-kernels: The folder /x is not there on vm; the kernel starts without it.\n" * 3100,
    "memory errors": "MemoryError\n" * (_SIZE // 12),
    "one long word": "Error" * (_SIZE // 5),
}
HOSTILE = {
    "FATAL": "FATAL:   While making image: something: other: dial something\n" * 4200,
    "libraries": "x: /libc.so.6: version `GLIBC_2.34' not found (required by /.singularity.d/libs/libGL.so)\n" * 2700,
    "GPU": "container-kernels: No GPU is visible on vm; the kernel runs without one.\n" * 3500,
    "aborts": "terminate called after throwing an instance of 'std::bad_alloc'\n" * 4000,
    "short lines": "a\n" * (_SIZE // 2),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "limit_s"),
    [*((text, 0.05) for text in NOISE.values()), *((text, 0.5) for text in HOSTILE.values())],
    ids=[*NOISE, *HOSTILE],
)
def test_a_log_of_256_kib_is_diagnosed_at_once(text: str, limit_s: float) -> None:
    diagnose("", TITLE)  # patterns are compiled once

    def seconds() -> float:
        began = time.process_time()
        diagnose(text, TITLE)
        return time.process_time() - began

    assert min(seconds() for _ in range(5)) < limit_s


def test_a_cause_at_the_end_of_a_long_log_is_found() -> None:
    assert diagnose(APPTAINER + NOISE["words"] + "\nMemoryError\n" + ended(1), TITLE).cause == "out_of_memory"
    assert diagnose(runtime("FATAL:   permission denied") + NOISE["words"], TITLE).cause == "not_executable"
