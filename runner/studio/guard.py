"""Who may speak to the studio: its own page, in a browser of this machine (or, with a key, of this room).

A page of somebody else, open in the same browser, must neither read nor change anything here. Its requests are told by
the browser's own words (`Host` against rebound names, `Origin`, `Sec-Fetch-Site`), and what changes something carries a
header that no form and no foreign page can send.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MARK = "x-prodgen"
"""The header of a request that changes something."""
COOKIE = "prodgen-key"
_KEY_BYTES = 16
"""128 bits: nobody guesses it."""
_OWN = ("same-origin", "none")

POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:", "connect-src 'self'",
    "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
))  # fmt: skip
"""What the page may load: its own files, and pictures that it made itself."""
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True)
class Door:
    """`hosts`: the names and ports under which the studio is spoken to; `key`: what opens it, "" where none does."""

    hosts: Collection[str]
    key: str = ""


def new_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


class Guard:
    """Lets through what the door is open for, and writes what browsers must keep to into every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(Request(scope))
        await (answer or self._app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """Why a request is not answered; None: it is."""
        headers = request.headers
        host = headers.get("host", "").casefold()
        if host not in self._door.hosts:
            return _refused("This address is none of the studio's.", 421)
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        is_visit = request.method == "GET" and request.url.path == "/" and headers.get("sec-fetch-mode") == "navigate"
        if site not in _OWN and not is_visit:  # a link on another page may lead here, and no more
            return _refused("Only the studio's own page may ask this.")
        if origin is not None and urlsplit(origin).netloc.casefold() != host:
            return _refused("Only the studio's own page may ask this.")
        if request.method not in ("GET", "HEAD") and headers.get(MARK) != "studio":
            return _refused("Only the studio's own page may ask this.")
        return self._locked(request) if self._door.key else None

    def _locked(self, request: Request) -> Response | None:
        if request.url.path == "/" and (shown := request.query_params.get("key")) is not None and self._opens(shown):
            answer = RedirectResponse("/", 303)
            # Lax: a browser sends a strict cookie to nothing that began with a link on another page, such as a mailbox.
            answer.set_cookie(COOKIE, self._door.key, httponly=True, samesite="lax", path="/")
            return answer
        if self._opens(request.cookies.get(COOKIE, "")):
            return None
        if request.query_params.get("key"):
            why = "the key at its end is wrong. Each start of the studio has a new one."
        else:
            why = "the key at its end is missing."
        return _refused(f"Open the whole address that the studio has printed: {why}", 401)

    def _opens(self, key: str) -> bool:
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._door.key.encode())


def _refused(why: str, status: int = 403) -> Response:
    return PlainTextResponse(why + "\n", status)
