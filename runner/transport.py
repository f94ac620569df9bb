"""HTTP to one server: kept-alive connections (one per thread), a deadline on every answer, failures by kind.

On the standard library: a command starts in a fraction of the time the usual packages take to import, and a deadline
for the whole answer (a server that trickles a byte a second must not hold a run) needs the socket itself.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from runner.auth import CERTIFICATE_ADVICE, tls_context
from runner.errors import ServerUnavailableError, UsageError

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
IDLE_TIMEOUT_S = 60.0
CHUNK = 1 << 18


class NotReachedError(ServerUnavailableError):
    """The request never left: nothing was changed on the server."""


class NoAccessError(ServerUnavailableError):
    """A server is there, and its certificate is not trusted or it asks for a login: waiting changes nothing."""


class NoAnswerError(ServerUnavailableError):
    """The request left and no answer came: the server may or may not have acted on it."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class _Deadline:
    """Mixed into a socket: every read gets what is left until `deadline`, so the whole answer has one limit."""

    deadline: float | None = None

    def recv_into(self, *arguments: Any) -> int:
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self.settimeout(left)  # type: ignore[attr-defined]  # from the socket class this is mixed into
        return super().recv_into(*arguments)  # type: ignore[misc,no-any-return]  # likewise


class _PlainSocket(_Deadline, socket.socket):
    pass


class _TlsSocket(_Deadline, ssl.SSLSocket):
    pass


class _Plain(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        connected = self.sock
        self.sock = _PlainSocket(connected.family, connected.type, connected.proto, fileno=connected.detach())
        self.sock.settimeout(self.timeout)


class Transport:
    """Requests to one server. Thread-safe: each thread has its own connection."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is not a server's address: {error}.") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is not a server's address.", advice="Write it like http://127.0.0.1:8188.")
        self._host, self._port, self._prefix = parts.hostname, port, parts.path.rstrip("/")
        self._context = tls_context(url)
        if self._context is not None:
            self._context.sslsocket_class = _TlsSocket
        self._headers = dict(headers)
        self._local = threading.local()
        self.label = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._prefix}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = ANSWER_TIMEOUT_S,
    ) -> Reply:
        """One request and its whole answer, within `timeout` seconds.

        Raises:
            NotReachedError: the server could not be connected to.
            NoAnswerError: it was, but no complete answer came.
        """
        with self._exchange(method, path, body, headers, timeout) as response:
            data = response.read()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, data)

    @contextlib.contextmanager
    def stream(self, path: str) -> Iterator[tuple[HTTPResponse, Iterator[bytes]]]:
        """A GET whose body comes in chunks; each may take `IDLE_TIMEOUT_S`, the whole as long as it needs.

        Leaving the block early, or with an error, drops the connection.
        """
        with self._exchange("GET", path, None, None, ANSWER_TIMEOUT_S) as response:

            def chunks() -> Iterator[bytes]:
                while True:
                    self._set_deadline(IDLE_TIMEOUT_S)
                    data = response.read(CHUNK)
                    if not data:
                        return
                    yield data

            yield response, chunks()
            if not response.isclosed():
                self.drop()

    @contextlib.contextmanager
    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None, timeout: float
    ) -> Iterator[HTTPResponse]:
        """Failures while sending, waiting or reading become this module's; the caller's own pass through."""
        connection = self._connected(min(timeout, CONNECT_TIMEOUT_S))
        finished = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(max(timeout, IDLE_TIMEOUT_S) if body else timeout)
            connection.request(method, self._prefix + path, body, {**self._headers, **(headers or {})})
            self._set_deadline(timeout)
            yield connection.getresponse()
            finished = True
        except (TimeoutError, HTTPException, ConnectionError, ssl.SSLError, socket.gaierror) as error:
            raise NoAnswerError(
                f"{self.label} did not complete its answer to {method} {path.partition('?')[0]} ({_reason(error)})."
            ) from error
        finally:
            if not finished:
                self.drop()

    def _set_deadline(self, seconds: float) -> None:
        connection = self._local.connection
        if connection is not None and isinstance(connection.sock, _Deadline):
            connection.sock.deadline = time.monotonic() + seconds

    def _connected(self, timeout: float) -> HTTPConnection:
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None and (connection.sock is None or _closed_by_peer(connection.sock)):
            self.drop()
            connection = None
        if connection is not None:
            if isinstance(connection.sock, _Deadline):
                connection.sock.deadline = None
            return connection
        if self._context is not None:
            connection = HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
        else:
            connection = _Plain(self._host, self._port, timeout=timeout)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.strip().rstrip(".")
            raise NoAccessError(
                f"The certificate of {self.label} is not trusted: {why}.", advice=CERTIFICATE_ADVICE
            ) from error
        except (OSError, UnicodeError) as error:
            raise NotReachedError(f"No server answers at {self.label} ({_reason(error)}).") from error
        self._local.connection = connection
        return connection

    def drop(self) -> None:
        """Close this thread's connection; the next request opens another."""
        connection: HTTPConnection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            connection.close()


def _closed_by_peer(sock: socket.socket) -> bool:
    """An idle connection with something to read has been closed by the server (or answered out of turn)."""
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
