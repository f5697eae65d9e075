"""Why a registry does not give what it is asked for, each reason with its sentence."""

from __future__ import annotations

import errno
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path

from ..errors import ContainerKernelsError
from .reference import ImageReference

#: In which headers registries say when they answer again: RFC 9110, Docker Hub, the RateLimit draft, and quay.io.
_RESET_HEADERS = ("retry-after", "x-retry-after", "ratelimit-reset", "x-ratelimit-reset")
#: A number that is as large is a time and not a duration.
_A_TIME = 1e9
#: What OpenSSL calls an answer in plain HTTP.
_PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_OTHER_NODE = (
    "This node may have no access to the internet; then add the kernel on a login node, or pull the image there and "
    "add the .sif file."
)


def not_found(reference: ImageReference, registry: str, near: list[str] | None = None) -> ContainerKernelsError:
    """There is no such tag or digest; ``near`` has tags that there are, if it is known that the image is there."""
    if reference.tag and near is not None:
        others = f" There are {', '.join(near)}." if near else ""
        return ContainerKernelsError(
            "image_not_found",
            f"{registry} has {reference.repository}, but no tag {reference.tag}.{others}",
            "Take another tag." if near else "Check the tag, for instance on the registry's web page.",
        )
    return ContainerKernelsError(
        "image_not_found",
        f"{registry} has no image {reference.repository}"
        + (f" with the tag {reference.tag}." if reference.tag else f" with the digest {reference.digest}."),
        "Check the name and the tag, for instance on the registry's web page.",
    )


def login_needed(reference: ImageReference, registry: str, has_password: bool) -> ContainerKernelsError:
    """The registry wants a password, or another one."""
    if has_password:
        message = f"{registry} does not let you read {reference.repository} with the password that is stored here."
    else:
        message = f"{registry} does not let strangers read {reference.repository}, or has no such image."
    return ContainerKernelsError(
        "login_needed",
        message,
        "Check the name. If it is right, log in; in a terminal that is: apptainer registry login --username NAME "
        f"docker://{registry}",
    )


def login_refused(registry: str, user: str) -> ContainerKernelsError:
    """The registry does not take a name and a password."""
    who = f"the name {user} with this password" if user else "strangers"
    return ContainerKernelsError(
        "login_needed",
        f"{registry} does not take {who}.",
        "Check both. Many registries want an access token, made on their web page, in place of the password.",
    )


def rate_limited(registry: str, headers: Mapping[str, str], has_password: bool) -> ContainerKernelsError:
    """Too many requests came from here (status 429)."""
    wait = _reset_s(headers, time.time())
    window = re.search(r";w=(\d+)", headers.get("ratelimit-limit", ""))
    if wait is not None:
        again = f"Try again in {_duration(wait)}"
    elif window:
        again = f"The limit is for {_duration(float(window[1]))}: try again later"
    else:
        again = "Try again in some hours"
    return ContainerKernelsError(
        "rate_limited",
        f"{registry} answers no more questions {'of your account' if has_password else 'from this address'} for now: "
        "there were too many.",
        f"{again}." if has_password else f"{again}, or log in: people with an account may ask for more.",
    )


def wrong_architecture(reference: ImageReference, found: str, wanted: str) -> ContainerKernelsError:
    """The image is for other processors."""
    return ContainerKernelsError(
        "wrong_architecture",
        f"{reference} is for {found} processors; this machine's are {wanted}.",
        f"Look for a tag of the image that is built for {wanted}.",
    )


def blocked(registry: str, file: Path) -> ContainerKernelsError:
    """The site does not want it."""
    return ContainerKernelsError(
        "not_allowed",
        f"Images from {registry} are blocked on this machine by {file}.",
        "Take the image from another registry, or ask your site's support.",
    )


def silent(registry: str, timeout_s: float, connected: bool) -> ContainerKernelsError:
    """Nothing came in time."""
    if connected:
        return ContainerKernelsError(
            "registry_unreachable",
            f"The registry {registry} does not answer within {timeout_s:g} seconds.",
            "Try again later: it may be busy. A site may give it more time with "
            "ContainerKernelsApp.registry_timeout_s.",
        )
    return _unreachable(
        f"The registry {registry} does not answer: no connection within {timeout_s:g} seconds.", _OTHER_NODE
    )


def unusable(registry: str, why: object) -> ContainerKernelsError:
    """What came makes no sense."""
    return _unreachable(
        f"The registry {registry} gave no usable answer ({_short(why)}).",
        "Check its name. A proxy or a login page on the way may have answered instead.",
    )


def ill(registry: str, status: int) -> ContainerKernelsError:
    """The registry itself has a fault."""
    return _unreachable(
        f"The registry {registry} gave no usable answer: it has a fault of its own (status {status}).",
        "Try again later.",
    )


def no_connection(registry: str, error: BaseException) -> ContainerKernelsError:
    """There is no connection, and the error or what lies below it says why."""
    for reason in (_no_trust, _no_address, _no_way):
        for cause in _causes(error):
            if found := reason(registry, cause):
                return found
    return _unreachable(
        f"The registry {registry} cannot be reached ({_short(error)}).", f"Check its name. {_OTHER_NODE}"
    )


def _no_trust(registry: str, cause: BaseException) -> ContainerKernelsError | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _unreachable(
            f"The certificate of the registry {registry} is not trusted: {cause.verify_message}.",
            "Ask your site's support for its certificate, and name the file in SSL_CERT_FILE.",
        )
    if isinstance(cause, ssl.SSLError) and cause.reason in _PLAIN_HTTP:
        return _unreachable(
            f"The registry {registry} speaks plain HTTP, which is not trusted.",
            "Ask your site to add it to ContainerKernelsApp.insecure_registries, if that is right.",
        )
    if isinstance(cause, ssl.SSLError):
        return _unreachable(
            f"No secure connection to the registry {registry} is possible ({cause.reason or _short(cause)}).",
            "Ask your site's support: a proxy on the way may not pass it on.",
        )
    return None


def _no_address(registry: str, cause: BaseException) -> ContainerKernelsError | None:
    if not isinstance(cause, socket.gaierror):
        return None
    host = re.sub(r":\d+$", "", registry)
    if cause.errno == socket.EAI_NONAME:
        return _unreachable(
            f"There is no machine named {host}, or this node cannot look it up.", f"Check the name. {_OTHER_NODE}"
        )
    return _unreachable(f"This node cannot look up where {host} is.", _OTHER_NODE)


def _no_way(registry: str, cause: BaseException) -> ContainerKernelsError | None:
    number = cause.errno if isinstance(cause, OSError) else None
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN):
        return _unreachable(f"There is no way to the registry {registry} from this node.", _OTHER_NODE)
    if number == errno.ECONNREFUSED:
        return _unreachable(
            f"Nothing answers at {registry}.", "Check the registry's name and port. It may be down for the moment."
        )
    if number in (errno.ECONNRESET, errno.EPIPE):
        return _unreachable(f"The registry {registry} broke the connection off.", "Try again later.")
    return None


def proxy(registry: str, error: BaseException) -> ContainerKernelsError:
    """The proxy that the environment names answers, but not with the registry."""
    if "407" in str(error):
        return _unreachable(
            "The proxy of this site wants a name and a password.",
            "Put them into https_proxy before you start JupyterLab: http://NAME:PASSWORD@HOST:PORT.",
        )
    return _unreachable(
        f"The proxy of this site does not lead to the registry {registry} ({_short(error)}).",
        "Check the registry's name, or ask your site's support whether it may be reached.",
    )


def no_proxy(error: BaseException) -> ContainerKernelsError:
    """Nothing is where the environment says that the proxy is."""
    return _unreachable(
        f"The proxy that https_proxy, http_proxy or all_proxy names does not answer ({_short(error)}).",
        "Correct it, or unset it, and restart JupyterLab.",
    )


def unknown_proxy(error: BaseException) -> ContainerKernelsError:
    """The environment names something as a proxy that cannot be used."""
    return _unreachable(
        f"The proxy that the environment names cannot be used: {_short(error)}",
        "Correct https_proxy, http_proxy or all_proxy, or unset them, and restart JupyterLab.",
    )


def is_tls(error: BaseException) -> bool:
    """Tell whether there is a connection, but no secure one."""
    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def is_untrusted(error: BaseException) -> bool:
    """Tell whether there is TLS, but with a certificate that is not trusted."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _unreachable(message: str, hint: str) -> ContainerKernelsError:
    return ContainerKernelsError("registry_unreachable", message, hint)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and all that lies below it: libraries wrap what the system said."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _reset_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return in how many seconds a registry answers again, as far as it says so."""
    for name in _RESET_HEADERS:
        text = headers.get(name, "").partition(";")[0].strip()
        try:
            number = (
                float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text) else parsedate_to_datetime(text).timestamp()
            )
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        wait = number - now if number > _A_TIME else number
        if wait > 0:
            return wait
    return None


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(round(seconds), 1)} seconds"
    return f"{minutes} minutes" if minutes < 90 else f"{round(seconds / 3600)} hours"


def _short(what: object) -> str:
    text = " ".join(str(what).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
