"""The catalogue of failures: what a tool printed → what a person should know.

Tools end with one exit code for everything (Apptainer: 255), so their words are all there is. Patterns were recorded
from Apptainer 1.4.5 and pip 23 to 26 unless a line says otherwise; the first that matches counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import ContainerKernelsError
from .models import Diagnosis, Remedy


@dataclass(frozen=True)
class Failure:
    """One kind of failure.

    Parameters
    ----------
    cause : str
        Its name, in snake case; there is one of each.
    pattern : str
        A regular expression that finds it in what was said.
    code : str
        A key of :data:`.errors.STATUS`.
    message : str
        What happened to what. ``{action}`` stands for what was tried, ``{1}`` for a group of the pattern.
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


#: How many of the last lines are shown with a failure.
_LAST_LINES = 20
_UNKNOWN = "This failure is not known to us. The last lines tell what the tool itself said."
_ROOM = "Free some room or let your site choose another folder (ContainerKernelsApp.images_dir, .temporary_dir)."

#: From the most to the least particular.
CATALOGUE: tuple[Failure, ...] = (
    Failure("no_room", r"no space left on device|disk quota exceeded|Errno 28|Errno 122", "disk_full",
            "There is no room left on the disk for {action}.", _ROOM),
    Failure("out_of_memory", r"signal: killed|Out of memory|Cannot allocate memory|MemoryError", "runtime_failed",
            "The memory of this session was not enough for {action}.",
            "Start a session with more memory and try again."),
    Failure("image_not_in_registry", r"manifest unknown|name unknown|repository name not known", "image_not_found",
            "The registry has no such image.", "Check the name and the tag."),
    Failure("login_needed", r"authentication required|unauthorized|denied: requested access", "login_needed",
            "The registry does not let you read this image.",
            "Log in with `apptainer registry login` in a terminal and try again."),
    Failure("no_library", r"no default remote with library client", "registry_unreachable",
            "This machine's Apptainer has no library to take library:// images from.",
            "Ask for the docker:// name of the image, or run `apptainer remote add` as its manual tells."),
    Failure("registry_silent", r"connection refused|dial tcp|no such host|i/o timeout|network is unreachable|TLS handshake timeout",
            "registry_unreachable", "The registry does not answer.",
            "Check its name. This node may have no access to the internet; then pull the image on a login node and "
            "add the .sif file."),
    Failure("registry_http", r"server gave HTTP response to HTTPS client", "registry_unreachable",
            "The registry speaks plain HTTP, which is not trusted.",
            "Ask your site to add it to ContainerKernelsApp.insecure_registries."),
    Failure("reference_unreadable", r"invalid reference format|unable to parse image name", "invalid_reference",
            "The image's name cannot be read.", "Check its spelling."),
    Failure("no_user_namespaces", r"[Ff]ailed to create user namespace|user namespaces? .{0,40}(?:disabled|not enabled)", "runtime_failed",
            "This machine does not allow containers that are started without root.",
            "Ask your site's support for user namespaces on this node."),
    Failure("root_lacks_right", r"Requesting capability set \S+ while permitted", "runtime_failed",
            "This machine's root lacks a right that Apptainer wants.",
            "Start JupyterLab as an ordinary user, or with APPTAINER_USERNS=1 in its environment."),
    Failure("image_damaged", r"image format not recogni[sz]ed|squashfuse_ll exited|unable to open squashfs|bad superblock",
            "image_unusable", "The image file is damaged or is not an image.", "Pull or copy it again."),
    Failure("wrong_processor", r"exec format error", "wrong_architecture",
            "The image is for another kind of processor.", "Look for a tag that is built for this machine."),
    Failure("bind_source_missing", r"mount source (\S+) doesn't exist", "invalid_bind",
            "The folder {1} is not there on this machine.", "Take it out of the folders to mount, or make it."),
    Failure("library_missing", r"ImportError: (lib\S+): cannot open shared object file", "install_failed",
            "The image lacks the library {1}, which ipykernel needs.",
            "Take a fuller image, for instance one that is not called slim or minimal, or one that holds ipykernel."),
    Failure("no_distribution", r"No matching distribution found for (\S+)", "install_failed",
            "pip found no {1} that fits this image's Python.",
            "If this node has no access to the internet, try again on one that has. If the image's Python is very "
            "old, take a newer image."),
    Failure("index_silent", r"(?:Temporary failure in name resolution|Failed to establish a new connection|ConnectTimeout)",
            "install_failed", "pip cannot reach the package index.",
            "This node may have no access to the internet. Try again on one that has."),
    Failure("certificate", r"CERTIFICATE_VERIFY_FAILED", "install_failed",
            "pip does not trust the certificate of the package index.",
            "Ask your site which certificate file to name in PIP_CERT."),
)  # fmt: skip


def diagnose(output: str, action: str) -> Diagnosis:
    """Find out why something failed from what was printed.

    Parameters
    ----------
    output : str
        What a tool or a kernel's start said.
    action : str
        What it was to do, as "starting PyTorch 2.9.1".
    """
    lines = [line for line in output.splitlines() if line.strip()][-_LAST_LINES:]
    for failure in CATALOGUE:
        if found := re.search(failure.pattern, output):
            return Diagnosis(
                failure.cause, _fill(failure.message, found, action), failure.hint, list(failure.remedies), lines
            )
    return Diagnosis("unknown", f"{_capital(action)} failed: {last_words(output)}", _UNKNOWN, [], lines)


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
    code = next((failure.code for failure in CATALOGUE if failure.cause == known.cause), otherwise)
    return ContainerKernelsError(code, known.message, known.hint)


def _fill(message: str, found: re.Match[str], action: str) -> str:
    """Put what was matched into a sentence: ``{1}``, ``{2}`` are groups of the pattern."""
    words = {"action": action, **{str(number): text or "" for number, text in enumerate(found.groups(), 1)}}
    return re.sub(r"\{(\w+)\}", lambda place: words[place[1]], message)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def last_words(output: str) -> str:
    """Return the line of a tool's output that most probably says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(FATAL|ERROR|error|[\w.]+(Error|Exception)):?", line)]
    chosen = (telling or lines or ["it said nothing"])[-1]
    return chosen if len(chosen) <= 300 else chosen[:297] + "…"
