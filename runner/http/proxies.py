"""Which proxy the way to a host leads through: one answer for requests, WebSockets and downloads.

`$HTTP_PROXY`, `$HTTPS_PROXY` and `$ALL_PROXY` (or the system's settings) name it, `$NO_PROXY` lists what is reached
without one: names, `.endings`, networks like 192.168.0.0/16, `*`. This machine itself is never asked for via a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from runner.errors import UsageError
from runner.http.address import is_loopback, public_url

_ANY = ("0.0.0.0", "::")  # noqa: S104 - what a ComfyUI says it listens on; named as an address, it is this machine


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
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown of it: the login as it is sent, and the password."""
        kind, _, encoded = self.authorization.partition(" ")
        if not encoded:
            return ()
        login = base64.b64decode(encoded).decode(errors="replace")
        return f"{kind} {encoded}", encoded, login, login.partition(":")[2]

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}"


def proxy_url(url: str) -> str:
    """The proxy for this address as the environment names it (it may hold a password); empty: none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or host in _ANY or (sys.platform.startswith("linux") and not _environment_names_one()):
        return ""
    from urllib.request import getproxies, getproxies_environment, proxy_bypass

    port = parts.port or (443 if parts.scheme == "https" else 80)
    if _environment_names_one():
        proxies = getproxies_environment()
        if _is_listed(host, port, proxies.get("no", "")):
            return ""
    else:
        proxies = getproxies()
        if proxy_bypass(f"{host}:{port}"):
            return ""
    return str(proxies.get(parts.scheme) or proxies.get("all") or "").strip()


def proxy_for(url: str) -> Proxy | None:
    """The same, taken apart. Raises UsageError for a kind of proxy that is not spoken here."""
    text = proxy_url(url)
    if not text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
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


def _is_listed(host: str, port: int, listed: str) -> bool:
    """Whether `$NO_PROXY` lists this host, in any of the ways that curl, Go, Python and Windows write it:

    `*`, `example.com`, `.example.com`, `*.example.com` (each with all below it), `10.1.2.3`, `10.0.0.0/8`, `10.1.*`,
    `fd00::1`, `[fd00::1]`, each with a `:port` or without; between them commas or blanks.
    """
    name = host.lower().rstrip(".")
    for item in filter(None, re.split(r"[\s,]+", listed.lower())):
        place, _, of_port = item.rpartition(":")
        if not place or not of_port.isdecimal() or (":" in place and not place.endswith("]")):
            place, of_port = item, ""  # what is behind the last colon of fd00::1 is no port
        if of_port in ("", str(port)) and _is_at(name, place.strip("[]")):
            return True
    return False


def _is_at(name: str, place: str) -> bool:
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(place, strict=False)
    except ValueError:
        ending = place.removeprefix("*").strip(".")
        return fnmatchcase(name, place) or (bool(ending) and (name == ending or name.endswith(f".{ending}")))
