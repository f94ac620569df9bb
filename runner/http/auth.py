"""How a server is entered: which credentials it is shown, and which certificates are believed.

`$COMFYUI_TOKEN` is sent as a bearer token, `$COMFYUI_BASIC_AUTH` (`user:password`) as basic authentication, and
`$COMFYUI_HEADERS` holds any other headers a door asks for, as lines `X-API-Key: …` or as one JSON object. A
`user:password@` inside `$COMFYUI_URL` counts as basic authentication too; a query in an address (`?token=…`) goes with
every request. A list of servers may name other variables for each of them. Secrets come from the environment, go to
the server they were given for, and are shown nowhere.

Like the environment, what is decided here (`decide`, `admit`, `withhold`) holds for the whole process: it is done once
per command.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from runner.errors import UsageError
from runner.files.reading import read_text
from runner.http.address import Address, has_credentials, parse_address, public_url

if TYPE_CHECKING:
    import ssl

__all__ = ["Access", "admit", "auth_headers", "decide", "has_credentials", "public_url", "tls_context", "withhold"]

TOKEN_VARIABLE = "COMFYUI_TOKEN"  # noqa: S105 - the name of the variable, not a secret
BASIC_VARIABLE = "COMFYUI_BASIC_AUTH"
HEADERS_VARIABLE = "COMFYUI_HEADERS"
CERTIFICATE_ADVICE = (
    "Name its certificate (or that of your company's authority) with --ca-file FILE.pem; --insecure takes any "
    "certificate, and with it anybody who stands in between."
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_PARTS = re.compile(r"[\s;,=]+")
_LONG_PART = 8
"""Characters of a part of a header (`session=…; theme=dark`) that is taken for a secret by itself."""
_OURS = ("host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade", "te", "trailer")
"""Headers that say how a request is sent, not who sends it."""


@dataclass(frozen=True)
class Access:
    """`insecure`: any certificate is believed; `ca_file`: these are believed as well as the system's.

    `login` and `query` are what the address itself held (see `Address`).
    """

    token_variable: str = TOKEN_VARIABLE
    basic_variable: str = BASIC_VARIABLE
    insecure: bool = False
    ca_file: Path | None = None
    headers_variable: str = HEADERS_VARIABLE
    login: str = field(default="", repr=False)
    query: str = field(default="", repr=False)

    def of(self, address: Address) -> Access:
        """The same, with what this address holds."""
        return replace(self, login=address.login or self.login, query=address.query or self.query)


class _Decided:
    default = Access()
    special: Mapping[str, Access] = {}


def decide(default: Access, special: Mapping[str, Access] | None = None) -> None:
    """From now on: `default` for every server, and `special` for those of these URLs.

    Raises OSError where a certificate file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    for access in {default, *(special or {}).values()}:
        if access.ca_file is not None:
            check_certificates(access.ca_file)
    _Decided.default = default
    _Decided.special = {_key(url): access for url, access in (special or {}).items()}


def admit(text: str) -> str:
    """Keep the login and the query of an address for its server; returns the URL without them.

    Raises UsageError for what is no address.
    """
    address = parse_address(text)
    if address.login or address.query:
        _Decided.special = {**_Decided.special, address.url: access_to(address.url).of(address)}
    return address.url


def withhold(url: str) -> None:
    """This server was found, not named: it is shown none of the environment's secrets."""
    bare = replace(access_to(url), token_variable="", basic_variable="", headers_variable="")
    _Decided.special = {**_Decided.special, _key(url): bare}


def check_certificates(path: Path) -> None:
    """Raises OSError when the file cannot be read or holds no certificate (`ssl.SSLError` is one)."""
    import ssl

    read_text(path, errors="replace")  # a pipe would be waited for
    ssl.create_default_context().load_verify_locations(cafile=path)


def access_to(url: str) -> Access:
    return _Decided.special.get(_key(url), _Decided.default)


def _key(url: str) -> str:
    """The same for every way to write a server's address."""
    try:
        return parse_address(url).url
    except UsageError:
        return public_url(url)


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
    """The headers that let us into this server.

    Raises UsageError when the environment's cannot be sent.
    """
    access = access_to(url).of(parse_address(url))
    headers = {}
    token = _variable(access.token_variable)
    login = _variable(access.basic_variable) or access.login
    if token:
        headers["Authorization"] = f"Bearer {sendable(token, access.token_variable)}"
    elif login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode(errors="replace")).decode("ascii")
    for name, value in _free_headers(access.headers_variable).items():
        headers = {header: kept for header, kept in headers.items() if header.lower() != name.lower()}
        headers[name] = value
    return headers


def secrets_of(url: str) -> list[str]:
    """Everything secret that a request to this server carries, whole and in its parts; longest first."""
    access = access_to(url).of(parse_address(url))
    secrets = {unquote(pair.partition("=")[2] or pair) for pair in access.query.split("&")}
    secrets |= {_variable(access.token_variable), _variable(access.basic_variable), access.login}
    secrets |= {login.partition(":")[2] for login in (_variable(access.basic_variable), access.login)}
    for value in auth_headers(url).values():
        secrets |= {value, *(part for part in _PARTS.split(value)[1:] if len(part) >= _LONG_PART)}
        secrets.add(value.rpartition(" ")[2])
    return sorted(secrets - {""}, key=len, reverse=True)


def login_advice(url: str) -> str:
    """What to set for a server that asks for a login."""
    access = access_to(url)
    kinds = {
        access.token_variable: "a bearer token",
        access.basic_variable: "user:password",
        access.headers_variable: "any other headers, such as `X-API-Key: …`",
    }
    ways = [f"${name} ({kind})" for name, kind in kinds.items() if name]
    if not ways:
        return "If it is yours, name it with --server or $COMFYUI_URL: only such a server is sent a token."
    return f"Set {', '.join(ways[:-1]) + ' or ' if len(ways) > 1 else ''}{ways[-1]}."


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip() if name else ""


def sendable(value: str, variable: str) -> str:
    """The value, where an HTTP header can carry it. Raises UsageError, which does not repeat it."""
    if not _HEADER_VALUE.fullmatch(value):
        raise UsageError(f"${variable} holds a line break or another character that no HTTP header can carry.")
    return value


def _free_headers(variable: str) -> dict[str, str]:
    """The headers of `$COMFYUI_HEADERS`. What it holds is not repeated in an error: it is secret."""
    text = _variable(variable)
    if not text:
        return {}
    pairs: list[tuple[object, object]] = []
    if text.startswith("{"):
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise UsageError(f"${variable} begins like JSON and is none.", advice='Write {"X-API-Key": "…"}.')
        pairs += data.items()
    else:
        pairs += [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in _lines(text))]
    for number, (name, value) in enumerate(pairs, 1):
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or not isinstance(value, str) or not value:
            raise UsageError(
                f"${variable}: header {number} is not a name with a text.",
                advice="One a line, like `X-API-Key: …`; or one JSON object of names and texts.",
            )
        if name.lower() in _OURS or name.lower().startswith("sec-websocket-"):
            raise UsageError(f"${variable}: {name} says how a request is sent and cannot be set.")
    return {str(name): sendable(str(value), variable) for name, value in pairs}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
