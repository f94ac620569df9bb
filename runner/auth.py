"""Credentials for a server behind a login: taken from the environment, sent as a header, shown nowhere.

`$COMFYUI_TOKEN` is sent as a bearer token, `$COMFYUI_BASIC_AUTH` (`user:password`) as basic authentication; a
`user:password@` inside `$COMFYUI_URL` counts as basic authentication too.
"""

from __future__ import annotations

import base64
import os
from urllib.parse import unquote, urlsplit, urlunsplit

TOKEN_VARIABLE = "COMFYUI_TOKEN"  # noqa: S105 - the name of the variable, not a secret
BASIC_VARIABLE = "COMFYUI_BASIC_AUTH"


def auth_headers(url: str) -> dict[str, str]:
    """The `Authorization` header for this server, or none."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    login = os.environ.get(BASIC_VARIABLE, "").strip()
    parts = urlsplit(url)
    if not login and parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    if not login:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(login.encode()).decode("ascii")}


def public_url(url: str) -> str:
    """The URL without user, password, query and trailing slash: what may be printed and recorded."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def has_credentials(url: str) -> bool:
    return "@" in urlsplit(url).netloc
