"""One file at its host: asked for from any byte on, redirects followed by hand, refusals put into words.

Tokens come from the environment, go to their own host over https and nowhere else: the storage host a model host
redirects to never sees them, and no message holds one.
"""

from __future__ import annotations

import os
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from runner.errors import ManifestError
from runner.files.hashes import file_sha256
from runner.files.lock import lock_beside
from runner.http.address import is_loopback, public_url
from runner.http.answers import retry_after
from runner.http.auth import check_certificates, sendable
from runner.http.certificates import tls_fault
from runner.http.proxies import proxy_url
from runner.invocation import spell

TOKEN_VARIABLES = {"huggingface.co": "HF_TOKEN", "civitai.com": "CIVITAI_TOKEN"}
LARGEST_MODEL = 1 << 40
"""Bytes; where the manifest knows the size, that is the limit."""
CHUNK = 1 << 16  # what is lost of an answer that breaks off is less than this
MISMATCH_ADVICE = "The file at the host was replaced, or the manifest is wrong: check its page before trusting it."
_REDIRECTS = (301, 302, 303, 307, 308)
"""HTTP: elsewhere, for now or for good."""
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
"""HTTP: what may be otherwise in a moment."""
_BELIEVE = (
    "A proxy of your network may stand in between: put its certificate into a PEM file, and its name into "
    "$REQUESTS_CA_BUNDLE."
)
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Where requests looks for the certificates to believe; the first that is set counts."""
_PAGES = ("text/html", "application/xhtml")
"""How the kind of a page for people begins: a login, a licence to accept."""
_TIMEOUTS = (5.0, 60.0)  # to be let in, and between two pieces
PACE_S = 60.0
"""Seconds in which `LEAST_BYTES` have to come: as long as a host may be silent between two pieces."""
LEAST_BYTES = CHUNK
"""Fewer in `PACE_S` is no download: at a kilobyte a second the smallest network here (4.5 MB) takes more than an hour,
a checkpoint of 7 GB ten weeks."""


class DownloadError(ManifestError):
    """The file cannot be had, or is not what it should be."""


class DroppedError(Exception):
    """The connection ended early or the host is busy; `wait` is what it asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class UnreachableError(DroppedError):
    """No connection to `host` (with its port, if any) could be made at all."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host}: {reason}")
        self.host, self.reason = host, reason


@dataclass(frozen=True)
class WantedFile:
    """What to fetch and what it must be; `bytes` and `sha256` are None where they are not known beforehand."""

    url: str
    path: Path
    bytes: int | None = None
    sha256: str | None = None
    page: str | None = None
    """Where its licence can be accepted."""
    login: str = field(default="", repr=False)
    """`user:password` for the host of `url`."""


def tokens_from_environment() -> dict[str, str]:
    """Host → token, for the hosts whose variable is set."""
    tokens = {host: os.environ.get(variable, "").strip() for host, variable in TOKEN_VARIABLES.items()}
    return {host: token for host, token in tokens.items() if token}


@contextmanager
def one_fetching(wanted: Path, size: int | None, sha256: str | None, notice: Callable[[str], None]) -> Iterator[str]:
    """Only one process at a time fetches a file; the others wait for it.

    Gives the sha256 of what another one has fetched meanwhile, if that is what is wanted; otherwise "".
    """
    waiting = f"{wanted.name}: another run is fetching it; waiting for that."
    with lock_beside(wanted, on_wait=lambda: notice(waiting)) as lock:
        there = lock.waited and wanted.is_file() and size in (None, wanted.stat().st_size)
        digest = file_sha256(wanted) if there else ""
        yield digest if sha256 in (None, digest) else ""


class Source:
    """The host's side of one download."""

    def __init__(self, wanted: WantedFile, tokens: Mapping[str, str], unreachable: Mapping[str, str]) -> None:
        """`unreachable`: hosts that are not asked any more, each with the reason."""
        _check_bundle()
        self.wanted, self.tokens, self.unreachable = wanted, tokens, unreachable
        self.session = requests.Session()
        self.reached: set[str] = set()
        """The hosts that have answered."""
        self.published_sha256: str | None = None
        """The hash the host itself publishes, once it has answered."""

    @contextmanager
    def open(self, start: int, version: str = "") -> Iterator[requests.Response]:
        """The answer after all redirects, its status one that brings the file (200, 206 or 416).

        `version`: what `version_of` said of the file whose first `start` bytes are here; another one is sent whole.
        """
        url = self.wanted.url
        for _ in range(10):
            host = host_of(url)
            if host in self.unreachable:
                raise UnreachableError(host, self.unreachable[host])
            headers = {"Accept-Encoding": "identity", "User-Agent": "prodgen", **self._authorization(url)}
            if start:
                headers["Range"] = f"bytes={start}-"
                headers |= {"If-Range": version} if version else {}
            try:
                way = dict.fromkeys(
                    ("http", "https", "all"), proxy_url(url)
                )  # empty: no proxy, whatever requests finds
                response = self.session.get(
                    url,
                    headers=headers,
                    auth=_no_netrc,
                    stream=True,
                    timeout=_TIMEOUTS,
                    allow_redirects=False,
                    proxies=way,
                )
            except (requests.RequestException, LocationParseError, ValueError) as error:
                raise self._refused(error, url, host) from error
            self.reached.add(host)
            with response:
                self._note_published_hash(response)
                if response.status_code in _REDIRECTS and "Location" in response.headers:
                    url = _redirected(url, response.headers["Location"])
                    continue
                self._check_status(response)
                yield response
                return
        raise DownloadError(f"{self.wanted.path.name}: the host redirects in circles.")

    def _refused(self, error: Exception, url: str, host: str) -> Exception:
        """What to raise where no answer came: a DownloadError for what trying again does not change."""
        name = self.wanted.path.name
        if (fault := tls_fault(error, host, to_believe=_BELIEVE)) is not None:
            return DownloadError(f"{name}: {fault.message}", advice=fault.advice)
        if isinstance(error, ValueError):
            return DownloadError(
                f"{name}: {public_url(url)} cannot be asked for it: that, or where it sends us on to, is no address.",
                advice="Where they are set, check what $HF_ENDPOINT and $HTTPS_PROXY say.",
            )
        why = _not_connected(error)
        return (
            UnreachableError(host, why)
            if why and host not in self.reached
            else DroppedError(f"{host}: {_in_words(error)}")
        )

    def _authorization(self, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        token = self.tokens.get(parts.netloc.lower())
        safe = parts.scheme == "https" or is_loopback(parts.hostname)
        if self.wanted.login and safe and host_of(url) == host_of(self.wanted.url):
            return {"Authorization": "Basic " + b64encode(self.wanted.login.encode()).decode()}
        if not token or not safe:
            return {}
        return {"Authorization": f"Bearer {sendable(token, TOKEN_VARIABLES.get(parts.netloc.lower(), 'the token'))}"}

    def _note_published_hash(self, response: requests.Response) -> None:
        """Hugging Face publishes a large file's sha256 as the tag of the redirect to its storage."""
        tag = response.headers.get("X-Linked-Etag", "").strip('W/"')
        if re.fullmatch(r"[0-9a-f]{64}", tag):
            self.published_sha256 = tag
            if self.wanted.sha256 and tag != self.wanted.sha256:
                raise DownloadError(
                    f"{self.wanted.path.name}: its host now publishes sha256 {tag}, the manifest says "
                    f"{self.wanted.sha256}. It was not downloaded.",
                    advice=MISMATCH_ADVICE,
                )

    def _check_status(self, response: requests.Response) -> None:
        status, name = response.status_code, self.wanted.path.name
        host = urlsplit(self.wanted.url).hostname or "the host"
        if status in (200, 206, 416):
            kind = response.headers.get("Content-Type", "").strip().lower()
            if status == 200 and kind.startswith(_PAGES):
                raise DownloadError(f"{name}: {host} answers with a web page.", advice=self._access_advice(host))
            return
        if status in (401, 403):
            raise DownloadError(f"{name}: {host} refuses it (HTTP {status}).", advice=self._access_advice(host))
        if status in _TEMPORARY:
            asked = {name.lower(): value for name, value in response.headers.items()}
            raise DroppedError(f"HTTP {status}", min(60.0, retry_after(asked)))
        if status in (404, 410):
            raise DownloadError(
                f"{name}: it is no longer at {public_url(self.wanted.url)} (HTTP {status}).",
                advice=f"See its alternatives with: {spell('models', 'list')}",
            )
        raise DownloadError(f"{name}: {host} answers HTTP {status}.")

    def _access_advice(self, host: str) -> str:
        variable = next((v for h, v in TOKEN_VARIABLES.items() if host == h or host.endswith("." + h)), None)
        if variable is None:
            return f"Download it by hand from {self.wanted.page or public_url(self.wanted.url)}."
        where = self.wanted.page or f"https://{host}"
        if self.tokens.get(host) is not None:
            return f"Accept its licence at {where} with the account that the token in {variable} belongs to."
        return f"Sign in and accept its licence at {where}, make an access token there and put it into {variable}."


def _check_bundle() -> None:
    """Raises DownloadError where the environment names certificates to believe that cannot be read."""
    variable = next((name for name in _BUNDLES if os.environ.get(name)), None)
    if variable is None or Path(os.environ[variable]).is_dir():
        return
    try:
        check_certificates(Path(os.environ[variable]))
    except OSError as error:
        raise DownloadError(
            f"${variable} {os.environ[variable]}: {error.strerror or error}.", advice="It must hold PEM text."
        ) from error


def version_of(response: requests.Response) -> str:
    """What tells this version of a file from any other, as `If-Range` takes it; empty where the host does not say."""
    tag = response.headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "").strip()


def host_of(url: str) -> str:
    """The host with its port, without a user or password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _not_connected(error: Exception) -> str:
    """Why no connection was made; "" for a failure of one that was."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no answer"
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError):
        return "no such name in this network"
    return "no connection" if isinstance(reason, NewConnectionError) else ""


def chunks_of(
    response: requests.Response, name: str, largest: int = LARGEST_MODEL, *, pace: float = PACE_S
) -> Iterator[bytes]:
    """The body of an answer, in pieces of up to `CHUNK` bytes, as they come.

    Raises DownloadError when it goes on beyond `largest` bytes. Raises DroppedError where it breaks off, and where
    fewer than `LEAST_BYTES` come in `pace` seconds: no limit between two pieces ends a host that sends one byte each.
    """
    received, began, before = 0, time.monotonic(), 0
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            received += len(chunk)
            if received > largest:
                raise DownloadError(
                    f"{name}: the host goes on sending after {largest / 2**30:.0f} GB, more than any model has.",
                    advice=MISMATCH_ADVICE,
                )
            yield chunk
            if received - before >= LEAST_BYTES:
                began, before = time.monotonic(), received
            elif time.monotonic() - began >= pace:
                raise DroppedError(f"only {received - before} bytes came in {pace:g} s")
    except (requests.RequestException, HTTPError) as error:
        raise DroppedError(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    """A failure of the network, as people know it."""
    kinds = requests.exceptions
    if isinstance(error, (kinds.Timeout, ReadTimeoutError)) or "Read timed out" in str(error):
        return "nothing came for too long"
    if isinstance(error, (kinds.ContentDecodingError, DecodeError)):
        return "what it sends cannot be unpacked"
    if isinstance(error, (kinds.ConnectionError, kinds.ChunkedEncodingError, HTTPError)):
        return "the connection broke off"
    return type(error).__name__


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from adding credentials of its own."""
    return request


def _redirected(url: str, location: str) -> str:
    before = urlsplit(url)
    try:
        target = urljoin(url, location)
        after = urlsplit(target)
        after.port  # noqa: B018 - it is read when it is asked for
    except ValueError as error:
        raise DownloadError(f"{before.hostname} redirects to what is no address ({location[:80]!r}).") from error
    if after.scheme not in ("http", "https") or (before.scheme == "https" and after.scheme != "https"):
        raise DownloadError(f"{before.hostname} redirects to an unsafe address ({after.scheme}://{after.hostname}).")
    return target
