"""Which proxy the way to a host leads through: one answer for requests, WebSockets and downloads.

`$HTTP_PROXY`, `$HTTPS_PROXY` and `$ALL_PROXY` (or the system's settings) name it, `$NO_PROXY` lists what is reached
without one: names, `.endings`, networks like 192.168.0.0/16, `*`. This machine itself is never asked for via a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import sys
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from runner.errors import UsageError
from runner.http.address import is_loopback, public_url


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy; `authorization` is the value of its own header, or empty."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}"


def proxy_url(url: str) -> str:
    """The proxy for this address as the environment names it (it may hold a password); empty: none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or (sys.platform.startswith("linux") and not _environment_names_one()):
        return ""
    from urllib.request import getproxies, proxy_bypass

    found = getproxies()
    if proxy_bypass(f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}") or _in_a_network(host):
        return ""
    return str(found.get(parts.scheme) or found.get("all") or "").strip()


def proxy_for(url: str) -> Proxy | None:
    """The same, taken apart. Raises UsageError for a kind of proxy that is not spoken here."""
    text = proxy_url(url)
    if not text:
        return None
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not port:
        raise UsageError(
            f"The proxy {public_url(text)!r} of the environment cannot be used: only http:// proxies can.",
            advice=f"Set $HTTP_PROXY and $HTTPS_PROXY to an http:// proxy, or add {urlsplit(url).hostname} to "
            "$NO_PROXY.",
        )
    authorization = ""
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(login.encode()).decode("ascii")
    return Proxy(parts.hostname, port, authorization)


def _environment_names_one() -> bool:
    return any(
        name.lower() in ("http_proxy", "https_proxy", "all_proxy") and value for name, value in os.environ.items()
    )


def _in_a_network(host: str) -> bool:
    """Whether `$NO_PROXY` lists a network (192.168.0.0/16) that this address belongs to."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for item in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(","):
        try:
            if address in ipaddress.ip_network(item.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
