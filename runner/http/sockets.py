"""Sockets whose reading has a limit: in time for an answer, in bytes for a WebSocket's message."""

from __future__ import annotations

import socket
import ssl
import time
from http.client import HTTPConnection
from typing import Any


class Limited:
    """Mixed into a socket: every read gets what is left until `deadline`, so the whole answer has one limit.

    `allowance`: how many bytes may still be received by `recv`, which is how the WebSocket reads.
    """

    deadline: float | None = None
    allowance: int | None = None

    def recv_into(self, *arguments: Any) -> int:
        if self.deadline is not None:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self.settimeout(left)  # type: ignore[attr-defined]  # from the socket class this is mixed into
        return super().recv_into(*arguments)  # type: ignore[misc,no-any-return]  # likewise

    def recv(self, *arguments: Any) -> bytes:
        data: bytes = super().recv(*arguments)  # type: ignore[misc]  # likewise
        if self.allowance is not None:
            self.allowance -= len(data)
            if self.allowance < 0:
                raise ConnectionError("the message is larger than any that is meant")
        return data


class PlainSocket(Limited, socket.socket):
    pass


class TlsSocket(Limited, ssl.SSLSocket):
    pass


class PlainConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        connected = self.sock
        self.sock = PlainSocket(connected.family, connected.type, connected.proto, fileno=connected.detach())
        self.sock.settimeout(self.timeout)
