"""Whose certificates are trusted: those that the runtime trusts, too."""

from __future__ import annotations

import contextlib
import os
import ssl
from functools import lru_cache
from pathlib import Path

#: Where Linux distributions keep what all programs trust, as Go looks for it (``crypto/x509/root_linux.go``): a Python
#: from elsewhere, as conda's, has its own list, on which a site's own certificate is not.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
#: containers-certs.d(5), and Docker's
_BY_REGISTRY = ("/etc/containers/certs.d", "/etc/docker/certs.d")


def context(registry: str) -> ssl.SSLContext:
    """Return what a registry's certificate is checked against.

    That is the file or the directory that ``SSL_CERT_FILE``, ``SSL_CERT_DIR`` or ``REQUESTS_CA_BUNDLE`` names, else
    what this machine trusts; and what it trusts of this registry alone.
    """
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or ""
    return _context(registry, named, os.environ.get("SSL_CERT_DIR") or "")


@lru_cache(maxsize=32)
def _context(registry: str, file: str, directory: str) -> ssl.SSLContext:
    made = ssl.create_default_context()
    files = [Path(file)] if file else [Path(each) for each in _SYSTEM if not directory]
    files += [each for place in _BY_REGISTRY for each in sorted(Path(place, registry).glob("*.crt"))]
    for each in files:
        with contextlib.suppress(OSError):  # also of a file without a certificate
            made.load_verify_locations(each)
    return made
