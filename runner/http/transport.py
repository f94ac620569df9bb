"""HTTP to one server: kept-alive connections (one per thread), answers limited in time and size, failures by kind.

On http.client, which urllib3 stands on, too: urllib3 limits each read and not the whole answer (a server that trickles
a byte a second must not hold a run), reads no $NO_PROXY, and hands out no connection for the WebSocket. What it would
spare, pooling and retries, is little here: one connection a thread, and only `ComfyClient` knows what may be repeated.

No redirect is followed. The WebSocket opens its connection here as well (`open_socket`): the same proxy, the same
certificates.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from runner.errors import ServerUnavailableError
from runner.http.address import parse_address
from runner.http.auth import CERTIFICATE_ADVICE, access_to, secrets_of, tls_context
from runner.http.certificates import greets_in_tls, tls_fault
from runner.http.masking import Secrets
from runner.http.proxies import proxy_for
from runner.http.sockets import Limited, PlainConnection, PlainSocket, TlsSocket

CONNECT_TIMEOUT_S = 5.0
"""A server that is there takes a connection at once, also one that is busy."""
ANSWER_TIMEOUT_S = 30.0
"""A node that holds Python's lock keeps ComfyUI from answering: half a minute of that is waited for."""
IDLE_TIMEOUT_S = 60.0
"""And between two pieces of a file."""
CHUNK = 1 << 18
"""Bytes taken at a time: a file's deadline is looked at in between."""
LARGEST_ANSWER = 64 << 20
"""Bytes of an answer that is read into memory. The node descriptions of a large installation are some 10 MB."""


_SENDING = (OSError, HTTPException)
_READING = (*_SENDING, ValueError, OverflowError, MemoryError)


class NotReachedError(ServerUnavailableError):
    """The request never left: nothing was changed on the server."""


class BusyError(NotReachedError):
    """The server takes nothing just now (429, 503): nothing was changed. `wait`: the seconds it asks for, or 0."""

    def __init__(self, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class NoAccessError(ServerUnavailableError):
    """A server is there, and only the user can open it (certificate, login, redirect): waiting changes nothing."""


class NoAnswerError(ServerUnavailableError):
    """The request left and no answer came: the server may or may not have acted on it."""


class TooLargeError(ServerUnavailableError):
    """The answer is larger than anything that is meant."""


class NonsenseError(ServerUnavailableError):
    """A server is there and answers, and what it says is nothing that a ComfyUI says: time alone changes little."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class Transport:
    """Requests to one server. Thread-safe: each thread has its own connection."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        check_peer: Callable[[str], None] | None = None,
        answers_are_files: bool = False,
    ) -> None:
        """`headers` go with every request, and so does the query of the address (see `runner.http.auth`).

        `check_peer` is told the number of the machine that was reached, before anything is asked of it, and raises
        where it must not be asked. A proxy's number says nothing of what is behind it, and is not told.
        `answers_are_files`: what comes with 200 is kept byte for byte; in every other answer our secrets are masked.
        """
        address = parse_address(url)
        parts = urlsplit(address.url)
        self.label = address.url
        self._host, self._port, self._prefix = parts.hostname or "", parts.port, parts.path
        self._query = address.query or access_to(address.url).query
        self._proxy = proxy_for(address.url)
        self.secrets = Secrets([*secrets_of(url), *(self._proxy.secrets if self._proxy is not None else ())])
        """What is masked wherever the server repeats it."""
        self._answers_are_files = answers_are_files
        self._context = tls_context(address.url)
        if self._context is not None:
            self._context.sslsocket_class = TlsSocket
        self._headers = dict(headers)
        self._local = threading.local()
        self._check_peer = check_peer

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = ANSWER_TIMEOUT_S,
        largest: int = LARGEST_ANSWER,
    ) -> Reply:
        """One request and its whole answer, within `timeout` seconds. An error's text repeats none of our secrets.

        Raises NotReachedError where the server could not be connected to. Raises NoAnswerError where it was, but no
        complete answer came. Raises TooLargeError where more than `largest` bytes came, or are announced.
        """
        with self._exchange(method, path, body, headers, timeout) as response:
            data = bytearray()
            self._check_size(response.length or 0, largest, path)  # before any of it is waited for
            for piece in self._pieces(response, method, path):
                data += piece
                self._check_size(len(data), largest, path)
            if _was_cut_off(response, bytes(data)):
                raise NoAnswerError(_incomplete(self.label, method, path, "the connection ended early"))
            is_answer = response.status == 200
            if not (is_answer and self._answers_are_files):
                data = bytearray(self.secrets.masked(bytes(data), is_answer=is_answer))
            return Reply(response.status, self.headers_of(response), bytes(data))

    def _check_size(self, size: int, largest: int, path: str) -> None:
        if size > largest:
            much = f"{largest >> 20} MB" if largest >> 20 else f"{largest >> 10} kB"
            raise TooLargeError(
                f"{self.label} sends more than {much} for {path.partition('?')[0]}, which is no answer.",
                advice="Check that the address is the right one.",
            )

    def headers_of(self, response: HTTPResponse) -> dict[str, str]:
        """The headers of an answer by their names in small letters, without our secrets."""
        return {name.lower(): self.secrets.masked_text(value) for name, value in response.getheaders()}

    @contextlib.contextmanager
    def stream(self, path: str) -> Iterator[tuple[HTTPResponse, Iterator[bytes]]]:
        """A GET whose body comes in chunks; each may take `IDLE_TIMEOUT_S`, the whole as long as it needs.

        Leaving the block early, or with an error, drops the connection.
        """
        with self._exchange("GET", path, None, None, ANSWER_TIMEOUT_S) as response:
            yield response, self._pieces(response, "GET", path, idle=IDLE_TIMEOUT_S)
            if not response.isclosed():
                self.drop()

    def open_socket(self, timeout: float = CONNECT_TIMEOUT_S) -> PlainSocket | TlsSocket:
        """A connection of its own to the server, through the proxy and TLS if need be; the caller closes it.

        Raises NotReachedError, NoAccessError.
        """
        opened = self._connect(timeout, tunnel=True).sock
        assert isinstance(opened, (PlainSocket, TlsSocket))  # noqa: S101 - for the type checker: `_connect` opens no other
        return opened

    def speaks_tls_instead(self, timeout: float = CONNECT_TIMEOUT_S) -> bool:
        """Whether what makes no sense in http wants https: asked on a connection of its own."""
        if self._context is not None or self._proxy is not None:
            return False
        with contextlib.suppress(ServerUnavailableError), self.open_socket(timeout) as connected:
            return greets_in_tls(connected)
        return False

    def with_query(self, path: str) -> str:
        """The path as it is asked for: with the prefix, and with what the address had in its query."""
        whole = self._prefix + path
        return whole + ("&" if "?" in path else "?") + self._query if self._query else whole

    @contextlib.contextmanager
    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, timeout: float
    ) -> Iterator[HTTPResponse]:
        """Failures while sending and waiting become this module's; the caller's own pass through."""
        connection = self._connected(min(timeout, CONNECT_TIMEOUT_S))
        target, sent = self.with_query(path), {**self._headers, **(headers or {})}
        if self._proxy is not None and self._context is None:
            port = "" if self._port is None else f":{self._port}"
            host = f"[{self._host}]" if ":" in self._host else self._host
            target, sent = f"http://{host}{port}{target}", {**sent, **self._proxy.headers}
        finished = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(max(timeout, IDLE_TIMEOUT_S) if body else timeout)
            with self._failures(method, path, _SENDING):
                connection.request(method, target, body, sent)
            self._set_deadline(timeout)
            with self._failures(method, path):
                response = connection.getresponse()
            yield response
            finished = True
        finally:
            if not finished:
                self.drop()

    @contextlib.contextmanager
    def _failures(self, method: str, path: str, kinds: tuple[type[Exception], ...] = _READING) -> Iterator[None]:
        """Whatever http.client makes of what a server sends, and of a connection that ends, is no answer."""
        try:
            yield
        except Exception as error:
            if not isinstance(error, kinds):
                raise
            why = self.secrets.masked_text(_reason(error))  # it may quote what came
            raise NoAnswerError(_incomplete(self.label, method, path, why)) from error

    def _pieces(self, response: HTTPResponse, method: str, path: str, *, idle: float | None = None) -> Iterator[bytes]:
        while True:
            with self._failures(method, path):
                if idle is not None:
                    self._set_deadline(idle)
                data = response.read(CHUNK)
            if not data:
                return
            yield data

    def _set_deadline(self, seconds: float) -> None:
        connection = self._local.connection
        if connection is not None and isinstance(connection.sock, Limited):
            connection.sock.deadline = time.monotonic() + seconds

    def _connected(self, timeout: float) -> HTTPConnection:
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None and (connection.sock is None or _closed_by_peer(connection.sock)):
            self.drop()
            connection = None
        if connection is not None:
            if isinstance(connection.sock, Limited):
                connection.sock.deadline = None
            return connection
        connection = self._connect(timeout, tunnel=self._context is not None)
        self._local.connection = connection
        return connection

    def _connect(self, timeout: float, *, tunnel: bool) -> HTTPConnection:
        host, port = (self._host, self._port) if self._proxy is None else (self._proxy.host, self._proxy.port)
        if self._context is not None:
            connection: HTTPConnection = HTTPSConnection(host, port, timeout=timeout, context=self._context)
        else:
            connection = PlainConnection(host, port, timeout=timeout)
        if self._proxy is not None and tunnel:
            connection.set_tunnel(self._host, self._port or connection.default_port, self._proxy.headers)
        try:
            connection.connect()
        except (OSError, ValueError, HTTPException) as error:
            connection.close()
            raise self._not_reached(error) from error
        if self._check_peer is not None and self._proxy is None:
            try:
                self._check_peer(str(connection.sock.getpeername()[0]))
            except BaseException:
                connection.close()
                raise
        return connection

    def _not_reached(self, error: Exception) -> ServerUnavailableError:
        fault = tls_fault(error, self.label, to_believe=CERTIFICATE_ADVICE)
        if fault is not None:
            return NoAccessError(fault.message, advice=fault.advice)
        through = "" if self._proxy is None else f", through the proxy {self._proxy.label}"
        why = self.secrets.masked_text(_reason(error))
        return NotReachedError(f"No server answers at {self.label} ({why}{through}).")

    def drop(self) -> None:
        """Close this thread's connection; the next request opens another."""
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


def _incomplete(label: str, method: str, path: str, why: str) -> str:
    return f"{label} did not complete its answer to {method} {path.partition('?')[0]} ({why})."


def _was_cut_off(response: HTTPResponse, body: bytes) -> bool:
    """Whether the connection ended before the answer did, of which http.client says nothing.

    A body without a length ends with its connection, and so does one whose headers were cut off: there only the
    content tells.
    """
    if response.length is not None or response.chunked or response.status != 200:
        return bool(response.length)
    if body.strip()[:1] not in (b"{", b"["):
        return not body.strip()
    try:
        json.loads(body)
    except RecursionError:
        return False  # whole or not, nobody means it
    except ValueError:
        return True
    return False


def _closed_by_peer(sock: socket.socket) -> bool:
    """An idle connection with something to read has been closed by the server (or answered out of turn)."""
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return (str(error) or type(error).__name__)[:200]
