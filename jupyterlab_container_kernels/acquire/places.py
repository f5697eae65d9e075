"""Where a registry is asked: at itself, or at a mirror."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.request import getproxies, proxy_bypass


@dataclass
class Place:
    """Where a registry is asked: at itself or at a mirror.

    Parameters
    ----------
    host : str
        Host and optional port.
    basic : str or None
        The password for it, as :func:`.credentials.find` returns it.
    insecure : bool
        Whether plain HTTP is tried when TLS fails.
    repository : str or None
        What the image is called there; ``None``: as everywhere.
    certificate : bool
        Whether the certificate has to be trusted.
    """

    host: str
    basic: str | None = field(default=None, repr=False)
    insecure: bool = False
    repository: str | None = None
    certificate: bool = True
    scheme: str = field(default="https", init=False)
    authorization: str | None = field(default=None, init=False, repr=False)

    def url(self, path: str) -> str:
        """Return the address of something there."""
        return f"{self.scheme}://{'registry-1.docker.io' if self.host == 'docker.io' else self.host}{path}"

    @property
    def is_proxied(self) -> bool:
        """Whether the environment names a proxy for it."""
        proxies = getproxies()
        return (self.scheme in proxies or "all" in proxies) and not proxy_bypass(self.host)


def is_loopback(registry: str) -> bool:
    """Tell whether a registry is on this machine; such are asked by plain HTTP when TLS fails, as Docker does."""
    host = registry.rpartition(":")[0] if re.search(r":\d+$", registry) else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
