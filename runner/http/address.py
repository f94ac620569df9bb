"""A server's address as people write it: `host:port`, a login or a token in it, ComfyUI under a path.

It is taken apart once. What is passed around, printed and recorded from there on is `Address.url`, which holds no
secret; the login and the query go to `runner.http.auth`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from runner.errors import UsageError

_AUTHORITY = re.compile(r"([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]\\\x00-\x20\x7f]+)(?::(\d{0,5}))?")
_NUMBERS = re.compile(r"[0-9a-fx.]+")
_SAFE = "/%:!$&'()*+,;=~-._"
ADVICE = "Write it like http://192.168.1.20:8188, gpu.example.com:8188 or https://example.com/comfy."


@dataclass(frozen=True)
class Address:
    """`url`: scheme, host, port and path, without a trailing slash. `login`: `user:password`, decoded."""

    url: str
    login: str = field(default="", repr=False)
    query: str = field(default="", repr=False)


def parse_address(text: str) -> Address:
    """Take an address apart; without a scheme it is http.

    Raises UsageError for what is none, without repeating what may be a password.
    """
    scheme, login, place = _divided(text)
    if login is None:
        raise UsageError(
            "The server's address has an @ behind its first /, which may be a part of a password.",
            advice="Write %40 for an @ in a path, and %2F for a / in a password.",
        )
    authority = _AUTHORITY.fullmatch(place)
    host = _HOST.fullmatch(authority[1]) if authority is not None else None
    if (
        scheme not in ("http", "https")
        or authority is None
        or host is None
        or int(host[2] or 0) > 65535
        or not _is_readable(f"//{authority[1]}{authority[2]}")
    ):
        raise UsageError(f"{public_url(text)!r} is not a server's address.", advice=ADVICE)
    path, _, query = authority[2].partition("#")[0].partition("?")
    port = f":{int(host[2])}" if host[2] else ""
    url = f"{scheme}://{host[1].lower()}{port}{quote(path, safe=_SAFE).rstrip('/')}"
    user, colon, password = login.partition(":")
    return Address(url, unquote(user) + colon + unquote(password), quote(query, safe=_SAFE + "?@"))


def public_url(text: str) -> str:
    """The address without user, password, query and trailing slash: what may be printed and recorded."""
    scheme, _, place = _divided(text)
    shown = re.split(r"[?#]", place, maxsplit=1)[0].rstrip("/")
    return f"{scheme}://{shown}" if scheme else shown


def has_credentials(text: str) -> bool:
    """Whether a user or a password may stand in this address."""
    return _divided(text)[1] != ""


def is_loopback(host: str | None) -> bool:
    """Whether this host name can only be this machine, in every way that the system reads it (`127.1`)."""
    name = (host or "").lower().rstrip(".").strip("[]")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if not _NUMBERS.fullmatch(name):
            return False
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))  # as only the system reads it
        except (OSError, ValueError):
            return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_loopback_url(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname)
    except ValueError:
        return False


def _is_readable(address: str) -> bool:
    """Whether it is text (a byte that is none, from a command line, is half a character) with a host that can be."""
    try:
        address.encode()
        urlsplit(address)
    except ValueError:
        return False
    return True


def _divided(text: str) -> tuple[str, str | None, str]:
    """(scheme, login, the rest). The login is None where it cannot be told where it ends: a password may hold / ? # @.

    Whatever comes before the last @ is never in the rest, unless it can only be a part of the query.
    """
    text = text.strip()
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = ("" if re.match(r"https?:", text, re.IGNORECASE) or not text else "http"), text
    authority, after = _AUTHORITY.fullmatch(rest).groups()  # type: ignore[union-attr]  # it matches everything
    before, _, host = authority.rpartition("@")
    if "@" in after and _HOST.fullmatch(host) is None:  # “user:pa” is no host: the password goes on behind the /
        before, _, place = rest.rpartition("@")
        return scheme.lower(), before, place
    if "@" in re.split(r"[?#]", after, maxsplit=1)[0]:
        return scheme.lower(), None, rest.rpartition("@")[2]
    return scheme.lower(), before, host + after
