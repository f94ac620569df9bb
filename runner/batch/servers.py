"""The servers of a batch: from `--server URL`s, and from a list in a YAML file that may say more about each."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.data import BadDataError, parse_yaml
from runner.errors import UsageError
from runner.files.reading import read_text
from runner.http.address import ADVICE, Address, has_credentials, parse_address, public_url
from runner.http.auth import Access, check_certificates, decide
from runner.server.availability import Limits
from runner.suggest import did_you_mean

_VARIABLES = ("token_env", "basic_env", "headers_env")
FIELDS = ("url", "name", "window", *_VARIABLES, "insecure", "ca_file")
_MOST = 16
_SECRETS = re.compile(r"token|password|passwd|secret|user|login|auth|basic|bearer|key|header", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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


def asked_servers(args: argparse.Namespace) -> list[Server]:
    """What `--server` and `--servers` name, in that order; the way into each is decided on here.

    Raises:
        UsageError: with everything that is wrong with the file.
    """
    base = Access(insecure=args.insecure, ca_file=args.ca_file)
    servers = [_from_the_command_line(url, base) for url in dict.fromkeys(args.server)]
    if args.servers is not None:
        servers += read_servers(args.servers, base)
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

    Raises:
        UsageError: every problem at once.
    """
    try:
        data = parse_yaml(read_text(path, encoding="utf-8-sig", named=True))
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
    found = [
        _Entry(f"server {number}", item, base, path.parent, problems).read() for number, item in enumerate(data, 1)
    ]
    if problems:
        raise UsageError(f"--servers {path}:\n" + "\n".join(f"  - {problem}" for problem in problems), advice=_FORMAT)
    return [server for server in found if server is not None]


@dataclass
class _Entry:
    where: str
    item: Any
    base: Access
    folder: Path
    problems: list[str]

    def read(self) -> Server | None:
        """The server, or None after its problems are noted."""
        entry = {"url": self.item} if isinstance(self.item, str) else self.item
        if not isinstance(entry, Mapping):
            self._wrong("this is neither a URL nor `url: …`.")
            return None
        before = len(self.problems)
        for key in entry:
            if key not in FIELDS:
                self._wrong(_unknown(str(key)))
        address = self._address(entry.get("url"))
        name = entry.get("name", "")
        if not isinstance(name, str):
            self._wrong(f"name: {name!r} is no text.")
        window: Any = entry.get("window", Limits().window)
        if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= _MOST:
            self._wrong(f"window: {window!r} is no whole number from 1 to {_MOST} (jobs in its queue; 2 is usual).")
        access = self._access(entry)
        return Server(address.url, name, window, access.of(address)) if len(self.problems) == before else None

    def _address(self, url: Any) -> Address:
        written = url.strip() if isinstance(url, str) else ""
        if has_credentials(written):
            self._wrong("url holds a password. Put it into an environment variable and name that with basic_env.")
        elif not written:
            self._wrong(f"there is no url. {ADVICE}")
        else:
            try:
                return parse_address(written)
            except UsageError:
                self._wrong(f"{public_url(written)!r} is no address. {ADVICE}")
        return Address("")

    def _access(self, entry: Mapping[Any, Any]) -> Access:
        """An entry that names a variable of its own is sent that one and no other."""
        own = {key: self._variable(key, entry[key]) for key in _VARIABLES if key in entry}
        access = self.base
        if own:
            token, basic, headers = (own.get(key, "") for key in _VARIABLES)
            access = replace(access, token_variable=token, basic_variable=basic, headers_variable=headers)
        insecure = entry.get("insecure", False)
        if not isinstance(insecure, bool):
            self._wrong(f"insecure: {insecure!r} is neither true nor false.")
        ca_file = entry.get("ca_file")
        if ca_file is not None:
            path = self.folder / Path(str(ca_file)).expanduser()
            try:
                check_certificates(path)
                access = replace(access, ca_file=path)
            except OSError as error:
                self._wrong(f"ca_file: {path}: {error.strerror or error}. It must hold a certificate as PEM text.")
        return replace(access, insecure=access.insecure or insecure is True)

    def _variable(self, key: str, name: Any) -> str:
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            # It may be the secret itself: it is not repeated.
            self._wrong(f"{key}: this is not the name of an environment variable. The secret itself stays out of here.")
            return ""
        if not os.environ.get(name, "").strip():
            self._wrong(f"{key}: the environment variable ${name} is not set.")
        return name

    def _wrong(self, text: str) -> None:
        self.problems.append(f"{self.where}: {text}")


def _unknown(key: str) -> str:
    if _SECRETS.search(key):
        return (
            f"{key}: secrets do not belong into this file. Name the environment variable that holds it: token_env for "
            "a bearer token, basic_env for user:password, headers_env for any other headers."
        )
    return f"there is no field {key!r}.{did_you_mean(key, FIELDS)}"
