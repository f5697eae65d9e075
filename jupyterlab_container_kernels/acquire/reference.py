"""What a user may type or paste for an image, read into its parts.

The grammar of names, tags and digests is that of ``github.com/distribution/reference``, which Docker, Podman and
Apptainer use. ``src/model/imageReference.ts`` reads the same in the browser; ``tests/references.json`` holds both to
the same cases.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import ContainerKernelsError

Transport = Literal["docker", "oras", "library", "file"]

_TRANSPORTS: dict[str, Transport] = {"docker": "docker", "oras": "oras", "library": "library"}
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])"
    r"(?::[0-9]{1,5})?"
)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL)
#: ``docker pull X``, ``podman run … X``, ``apptainer pull [FILE] X``
_PULLERS = {"docker", "podman", "podman-hpc", "nerdctl", "apptainer", "singularity"}
#: Options of `docker run` that stand alone (docker-run(1)).
_RUN_SWITCHES = {
    "--rm", "--init", "--privileged", "--read-only", "--no-healthcheck", "--publish-all", "--quiet", "--detach",
    "--interactive", "--tty", "--oom-kill-disable", "--replace", "--no-hosts",
}  # fmt: skip
_MAX_LENGTH = 2048


@dataclass(frozen=True)
class ImageReference:
    """An image in a registry or a library, or a file.

    Parameters
    ----------
    transport : {"docker", "oras", "library", "file"}
        How it is fetched. A file, or a folder in which an image lies unpacked, is used where it lies.
    registry : str
        Host and optional port; empty for a library's default and for a file.
    repository : str
        The name in the registry, as ``library/debian``; for a file, its absolute path.
    tag : str or None
        ``None`` for a file or when a digest names the image.
    digest : str or None
        ``sha256:…``
    """

    transport: Transport
    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def path(self) -> Path:
        """The path of a file."""
        return Path(self.repository)

    def __str__(self) -> str:
        """Write the reference in full, as ``docker://docker.io/library/debian:12``, or the path of a file."""
        if self.transport == "file":
            return self.repository
        name = "/".join(part for part in (self.registry, self.repository) if part)
        suffix = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.transport}://{name}{suffix}"

    def pinned(self, digest: str) -> ImageReference:
        """Return the same image named by its digest, so that what was looked at is what is pulled."""
        return replace(self, tag=None, digest=digest)


def _unreadable(text: str, why: str) -> ContainerKernelsError:
    shown = text if len(text) <= 80 else text[:77] + "…"
    return ContainerKernelsError(
        "invalid_reference",
        f"“{shown}” is not an image reference: {why}." if shown else "No image was named.",
        "Name an image as in docker://pytorch/pytorch:2.9.1-cuda12.6-cudnn9-runtime, or the path of a .sif file.",
    )


def parse(text: str, home: Path) -> ImageReference:
    """Read an image reference.

    Parameters
    ----------
    text : str
        ``docker://…``, ``oras://…``, ``library://…``, a bare name, a pasted ``docker pull …`` line, or a path.
    home : Path
        What ``~`` stands for.

    Raises
    ------
    ContainerKernelsError
        ``invalid_reference``
    """
    text = text.strip()
    # a lone surrogate can be sent as JSON but not be written to a file
    if len(text) <= _MAX_LENGTH and not re.search("[\ud800-\udfff]", text):
        text = _unwrap_command(text)
    if not text:
        raise _unreadable("", "")
    if len(text) > _MAX_LENGTH or not text.isprintable():
        shown = text[:_MAX_LENGTH].encode("unicode_escape").decode()
        raise _unreadable(shown, "it is too long or holds control characters")
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if text.startswith("~/"):
        return ImageReference("file", "", str(home / text[2:].lstrip("/")))
    if text.startswith("/"):
        return ImageReference("file", "", text.rstrip("/") or "/")  # shells complete the name of a folder with one
    if text.startswith(("./", "../")) or ("://" not in text and text.endswith((".sif", ".simg", ".sqsh"))):
        raise _unreadable(text, "the path of a file has to be in full, beginning with / or ~/")
    transport: Transport = "docker"
    if match := _SCHEME.fullmatch(text):
        scheme, text = match.groups()
        if scheme not in _TRANSPORTS:
            raise _unreadable(f"{scheme}://{text}", f"“{scheme}://” is not among docker://, oras:// and library://")
        transport = _TRANSPORTS[scheme]
    return _parse_name(transport, text)


def _parse_name(transport: Transport, text: str) -> ImageReference:
    name, _, digest = text.partition("@")
    if digest and not _DIGEST.fullmatch(digest):
        raise _unreadable(text, "what follows @ has to be sha256: and 64 hexadecimal digits")
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _unreadable(text, "a tag has letters, digits, '.', '_' and '-', and at most 128 of them")
    name = head + slash + last
    registry, slash, repository = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, repository = ("", name) if transport == "library" else ("docker.io", name)
    elif not _REGISTRY.fullmatch(registry):
        raise _unreadable(text, f"“{registry}” is not the name of a registry")
    if transport != "library" and registry == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    if not _REPOSITORY.fullmatch(repository):
        why = "a name has lower-case letters, digits and '.', '_', '-' between them, and '/' between its parts"
        raise _unreadable(text, why)
    if digest:
        return ImageReference(transport, registry, repository, None, digest)
    return ImageReference(transport, registry, repository, tag or "latest")


def _unwrap_command(text: str) -> str:
    """Return the image that a pasted command line names, or the text as it is."""
    first, _, _ = text.partition(" ")
    program = first.removeprefix("$").rpartition("/")[2]
    if first in ("$", "sudo", "#"):
        return _unwrap_command(text.partition(" ")[2].strip())
    if program not in _PULLERS:
        return text
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        return text
    plain = [word for word in words if not word.startswith("-")]
    if len(plain) < 2 or plain[0] not in ("pull", "run", "exec", "shell", "build", "image"):
        return text
    if program in ("apptainer", "singularity"):
        # options with a value and the target file come before the image, which has a transport or is a file
        named = next((word for word in plain[1:] if "://" in word), None)
        return named or (plain[-1] if plain[0] in ("pull", "build") else plain[1])
    if plain[0] == "run":
        return _first_argument(words[words.index("run") + 1 :]) or text
    return plain[-1]


def _first_argument(words: list[str]) -> str | None:
    """Return the image of a `docker run` line: all of its options but a few take a value."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if "=" not in word and word not in _RUN_SWITCHES and not re.fullmatch(r"-[itdPq]+", word):
            next(rest, None)
    return None


def suggest_name(reference: ImageReference) -> str:
    """Return a display name for an image, as "PyTorch 2.9.1"-like as its reference allows: ``pytorch 2.9.1``."""
    if reference.transport == "file":
        return re.sub(r"\.(sif|simg|sqsh)$|:latest$", "", reference.path.name)[:100] or "Container"
    name = reference.repository.rpartition("/")[2]
    version = reference.tag if reference.tag not in (None, "latest") else ""
    number = re.match(r"v?\d+(?:\.\d+)*", version or "")
    return (f"{name} {number.group()}" if number else name)[:100]
