"""The servers of a batch: from `--server URL`s, and from a list in a YAML file that may say more about each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from runner.data import BadDataError, parse_yaml
from runner.errors import UsageError
from runner.files.declared import Declared, DeclaredError, Worded, fault, read
from runner.files.reading import read_text
from runner.http.address import ADVICE, Address, has_credentials, parse_address, public_url
from runner.http.auth import Access, check_certificates, decide
from runner.server.availability import Limits
from runner.suggest import did_you_mean

_VARIABLES = ("token_env", "basic_env", "headers_env")
_MOST = 16
"""Jobs in one server's queue: it does one at a time, so two keep it busy; more only wait there."""
_SECRETS = re.compile(r"token|password|passwd|secret|user|login|auth|basic|bearer|key|header", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _address(url: Any) -> Address:
    """What is written is not repeated where it may hold a password."""
    written = url.strip() if isinstance(url, str) else ""
    if has_credentials(written):
        raise fault("url holds a password. Put it into an environment variable and name that with basic_env.")
    if not written:
        raise fault(f"there is no url. {ADVICE}")
    try:
        return parse_address(written)
    except UsageError:
        raise fault(f"{public_url(written)!r} is no address. {ADVICE}") from None


def _variable(name: Any, info: ValidationInfo) -> str:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        # It may be the secret itself: it is not repeated.
        raise fault(
            f"{info.field_name}: this is not the name of an environment variable. The secret itself stays out of here."
        )
    if not os.environ.get(name, "").strip():
        raise fault(f"{info.field_name}: the environment variable ${name} is not set.")
    return name


def _certificates(given: Any, info: ValidationInfo) -> Path | None:
    """A path is seen from the folder of the list."""
    if given is None:
        return None
    path: Path = (info.context or {})["folder"] / Path(str(given)).expanduser()
    try:
        check_certificates(path)
    except OSError as error:
        raise fault(f"ca_file: {path}: {error.strerror or error}. It must hold a certificate as PEM text.") from None
    return path


Variable = Annotated[str, BeforeValidator(_variable)]


class Entry(Declared):
    """One server of the list, as it is written down."""

    url: Annotated[Address, BeforeValidator(_address)] = Field(default=Address(""), validate_default=True)
    name: Annotated[str, Worded("name: {value!r} is no text.")] = ""
    """What people read instead of the address alone."""
    window: Annotated[
        int,
        Field(ge=1, le=_MOST),
        Worded(f"window: {{value!r}} is no whole number from 1 to {_MOST} (jobs in its queue; 2 is usual)."),
    ] = Limits().window
    token_env: Variable = ""
    """The environment variable with its bearer token; `basic_env`: with `user:password`; `headers_env`: with others."""
    basic_env: Variable = ""
    headers_env: Variable = ""
    insecure: bool = False
    """Any certificate is believed."""
    ca_file: Annotated[Path | None, BeforeValidator(_certificates)] = None
    """Its certificate, or that of the authority that has signed it."""

    def access(self, base: Access) -> Access:
        """The way in. An entry that names a variable of its own is sent that one and no other."""
        access = replace(base, insecure=base.insecure or self.insecure, ca_file=self.ca_file or base.ca_file)
        if self.model_fields_set.intersection(_VARIABLES):
            token, basic, headers = (getattr(self, name) for name in _VARIABLES)
            access = replace(access, token_variable=token, basic_variable=basic, headers_variable=headers)
        return access.of(self.url)


FIELDS = tuple(Entry.model_fields)
_FORMAT = "Each entry is a URL, or `url:` with any of " + ", ".join(FIELDS[1:]) + "."


@dataclass(frozen=True)
class Server:
    """One ComfyUI that a batch may use. `window`: how many jobs may be in its queue."""

    url: str
    name: str = ""
    window: int = Limits().window
    access: Access = field(default_factory=Access)

    @property
    def label(self) -> str:
        """What people read. Never with a credential."""
        return f"{self.name} ({public_url(self.url)})" if self.name else public_url(self.url)


def asked_servers(urls: Iterable[str], listed: Path | None, base: Access) -> list[Server]:
    """What `--server` and `--servers` name, in that order; the way into each is decided on here.

    Raises UsageError with everything that is wrong with the file.
    """
    servers = [_from_the_command_line(url, base) for url in dict.fromkeys(urls)]
    if listed is not None:
        servers += read_servers(listed, base)
    twice = [one.label for number, one in enumerate(servers) if one.url in {other.url for other in servers[:number]}]
    if twice:
        raise UsageError(f"The server {twice[0]} is named twice.", advice="Each server once; `window` says how much.")
    decide(base, {server.url: server.access for server in servers})
    return servers


def _from_the_command_line(url: str, access: Access) -> Server:
    if has_credentials(url):
        raise UsageError(
            "--server holds a password, which other users of this machine can read.",
            advice="Put it into $COMFYUI_BASIC_AUTH (user:password) or $COMFYUI_TOKEN and leave it out of the URL.",
        )
    if "://" not in url and url.lower().endswith((".yaml", ".yml")):
        raise UsageError(f"--server {url}: this is a file, not an address.", advice=f"Write --servers {url}.")
    try:
        address = parse_address(url)
    except UsageError as error:
        raise UsageError(f"--server: {error.message}", advice=error.advice) from error
    return Server(address.url, access=access.of(address))


def read_servers(path: Path, base: Access) -> list[Server]:
    """The list in a YAML file. `base` is what the command line says about certificates, for all of them.

    Raises UsageError with every problem at once.
    """
    try:
        data = parse_yaml(read_text(path, named=True))
    except FileNotFoundError:
        raise UsageError(f"--servers {path}: there is no such file.") from None
    except BadDataError as error:
        # What is quoted of the file may hold what should not be in it: only the place is told.
        where = f" (line {error.line})" if error.line else ""
        raise UsageError(f"--servers {path}: this is not valid YAML{where}.", advice=_FORMAT) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--servers {path}: cannot be read ({error}).") from error
    if isinstance(data, Mapping) and set(data) == {"servers"}:
        data = data["servers"]
    if not isinstance(data, list) or not data:
        raise UsageError(f"--servers {path}: this must be a list of servers (lines that begin with “- ”).\n  {_FORMAT}")
    problems: list[str] = []
    servers = []
    for number, item in enumerate(data, 1):
        try:
            servers.append(_server(item, base, path.parent))
        except DeclaredError as error:
            problems += [f"server {number}: {fault}" for fault in error.faults]
    if problems:
        raise UsageError(f"--servers {path}:\n" + "\n".join(f"  - {problem}" for problem in problems), advice=_FORMAT)
    return servers


def _server(item: Any, base: Access, folder: Path) -> Server:
    """Raises DeclaredError with everything that is wrong with this entry."""
    entry = {"url": item} if isinstance(item, str) else item
    if not isinstance(entry, Mapping):
        raise DeclaredError(["this is neither a URL nor `url: …`."])
    declared = read(Entry, {str(key): value for key, value in entry.items()}, _unknown, folder=folder)
    return Server(declared.url.url, declared.name, declared.window, declared.access(base))


def _unknown(key: str) -> str:
    if _SECRETS.search(key):
        return (
            f"{key}: secrets do not belong into this file. Name the environment variable that holds it: token_env for "
            "a bearer token, basic_env for user:password, headers_env for any other headers."
        )
    return f"there is no field {key!r}.{did_you_mean(key, FIELDS)}"
