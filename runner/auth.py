"""How a server is entered: which credentials it is shown, and which certificates are believed.

`$COMFYUI_TOKEN` is sent as a bearer token, `$COMFYUI_BASIC_AUTH` (`user:password`) as basic authentication; a
`user:password@` inside `$COMFYUI_URL` counts as basic authentication too. A list of servers may name other variables
for each of them. Secrets come from the environment, go into a header, and are shown nowhere.

Like the environment, what is decided here (`decide`) holds for the whole process: it is done once per command.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    import ssl

TOKEN_VARIABLE = "COMFYUI_TOKEN"  # noqa: S105 - the name of the variable, not a secret
BASIC_VARIABLE = "COMFYUI_BASIC_AUTH"
CERTIFICATE_ADVICE = (
    "Name its certificate (or that of your company's authority) with --ca-file FILE.pem; --insecure takes any "
    "certificate, and with it anybody who stands in between."
)


@dataclass(frozen=True)
class Access:
    """`insecure`: any certificate is believed; `ca_file`: these are believed as well as the system's."""

    token_variable: str = TOKEN_VARIABLE
    basic_variable: str = BASIC_VARIABLE
    insecure: bool = False
    ca_file: Path | None = None


class _Decided:
    default = Access()
    special: Mapping[str, Access] = {}


def decide(default: Access, special: Mapping[str, Access] | None = None) -> None:
    """From now on: `default` for every server, and `special` for those of these URLs.

    Raises:
        OSError: a certificate file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    for access in {default, *(special or {}).values()}:
        if access.ca_file is not None:
            check_certificates(access.ca_file)
    _Decided.default = default
    _Decided.special = {public_url(url): access for url, access in (special or {}).items()}


def check_certificates(path: Path) -> None:
    """Raises OSError when the file cannot be read or holds no certificate (`ssl.SSLError` is one)."""
    import ssl

    ssl.create_default_context().load_verify_locations(cafile=path)


def access_to(url: str) -> Access:
    return _Decided.special.get(public_url(url), _Decided.default)


def tls_context(url: str) -> ssl.SSLContext | None:
    """A fresh context for this server; None for plain http."""
    if urlsplit(url).scheme not in ("https", "wss"):
        return None
    import ssl

    access = access_to(url)
    context = ssl.create_default_context()
    if access.ca_file is not None:
        context.load_verify_locations(cafile=access.ca_file)
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def auth_headers(url: str) -> dict[str, str]:
    """The `Authorization` header for this server, or none."""
    access = access_to(url)
    token = os.environ.get(access.token_variable, "").strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    login = os.environ.get(access.basic_variable, "").strip()
    parts = urlsplit(url)
    if not login and parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    if not login:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode("ascii")}


def login_advice(url: str) -> str:
    """What to set for a server that asks for a login."""
    access = access_to(url)
    kinds = {access.token_variable: "a bearer token", access.basic_variable: "user:password"}
    return f"Set {' or '.join(f'${name} ({kind})' for name, kind in kinds.items() if name)}."


def public_url(url: str) -> str:
    """The URL without user, password, query and trailing slash: what may be printed and recorded."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def has_credentials(url: str) -> bool:
    return "@" in urlsplit(url).netloc
