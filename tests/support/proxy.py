"""A proxy before a real server, as companies have them and as networks break them.

It can speak TLS, live under a path, ask for a token or a password, and lose, silence, refuse, delay or trickle what
goes through it. Every request is seen alone: a fault can be about one path and its n-th time.
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType

PASS, LOSE = None, b""
"""What a fault can answer instead of the server: nothing special; or the request is passed on and its answer lost."""


def refusal(status: int, body: bytes = b"no") -> bytes:
    """An answer of the proxy's own."""
    return b"HTTP/1.1 %d Refused\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


Fault = Callable[[str, str], bytes | None]
"""(method, path) → `PASS`, `LOSE`, or the raw answer to give without asking the server."""


def slowly(seconds: float) -> Fault:
    """Every submission takes this long: however fast the machine is, the batch is not over before that."""

    def fault(asked: str, where: str) -> bytes | None:
        if (asked, where) == ("POST", "/prompt"):
            time.sleep(seconds)
        return PASS

    return fault


class Proxy:
    """`with Proxy(port) as proxy:` – `proxy.url` leads to 127.0.0.1:port.

    Args:
        token, login: asked of every request (bearer; `user:password`), WebSockets included.
        prefix: the path everything lies under, for example `/comfy`; everything else is 404.
        tls: (certificate, key) as PEM files.
    """

    def __init__(
        self,
        upstream_port: int,
        *,
        token: str | None = None,
        login: str | None = None,
        prefix: str = "",
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self._upstream_port = upstream_port
        self._allowed = f"Bearer {token}" if token is not None else None
        if login is not None:
            self._allowed = "Basic " + base64.b64encode(login.encode()).decode()
        self._prefix = prefix
        self._tls = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}{prefix}"
        self.sockets: list[socket.socket] = []
        self.websockets_seen = 0
        self.client_ids: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self.fault: Fault = lambda method, path: PASS
        self.refuse_websockets = False
        self.download_pause = 0.0
        """Seconds before each piece of a large answer."""
        self.trickle = 0.0
        """Seconds before each byte of every answer's beginning: a slow loris."""
        self.largest: int | None = None
        """Bodies of more bytes than this are refused with 413."""
        self.doubled: tuple[str, str] | None = None
        """Requests of this kind reach the server twice, as from a proxy that repeats what it thinks was lost."""
        self._frozen = threading.Event()
        self._down_until = 0.0
        self._closing = False

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._listener.close()
        self.drop_websockets()

    def count(self, method: str, path: str) -> int:
        """How many requests of this kind came through."""
        return sum(seen == (method, path) for seen in self.requests)

    def drop_websockets(self) -> None:
        """Break every WebSocket that is open, as a network does: without a goodbye."""
        for one in list(self.sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()

    def outage(self, seconds: float) -> None:
        """Break every connection and refuse new ones for a while."""
        self._down_until = time.monotonic() + seconds

    def freeze_websockets(self) -> None:
        """From now on the open WebSockets stay open and nothing comes through them; new ones are refused."""
        self.refuse_websockets = True
        self._frozen.set()

    @property
    def _down(self) -> bool:
        return self._closing or time.monotonic() < self._down_until

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError, ValueError, HTTPException):
            if self._down:
                return
            plain.settimeout(60.0)
            client = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
            with client:
                while self._one(client):
                    pass

    def _one(self, client: socket.socket) -> bool:
        """One request; returns whether the connection is good for another."""
        data = b""
        while b"\r\n\r\n" not in data:
            received = client.recv(65536)
            if not received:
                return False
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            received = client.recv(1 << 20)
            if not received:
                return False
            body += received
        if self._down:
            return False
        bare = path.partition("?")[0].removeprefix(self._prefix)
        if self._allowed is not None and headers.get("authorization") != self._allowed:
            client.sendall(refusal(401))
            return True
        if not path.startswith(self._prefix + "/"):
            client.sendall(refusal(404))
            return True
        self.requests.append((method, bare))
        answer = refusal(413) if self.largest is not None and len(body) > self.largest else self.fault(method, bare)
        if answer:
            client.sendall(answer)
            return True
        path = path.removeprefix(self._prefix)
        if headers.get("upgrade", "").lower() == "websocket":
            self._websocket(client, path, head.decode("latin-1"))
            return False
        if (method, bare) == self.doubled:
            self._ask(method, path, headers, body).close()
        return self._pass_on(client, method, path, headers, body, lost=answer is not PASS)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HTTPResponse:
        upstream = HTTPConnection("127.0.0.1", self._upstream_port, timeout=120)
        kept = {name: value for name, value in headers.items() if name not in _OURS}
        upstream.request(method, path, body or None, {**kept, "connection": "close"})
        return upstream.getresponse()

    def _pass_on(
        self, client: socket.socket, method: str, path: str, headers: dict[str, str], body: bytes, *, lost: bool
    ) -> bool:
        with self._ask(method, path, headers, body) as reply:
            if lost:
                reply.read()
                return False
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _HOP]
            lines = [f"HTTP/1.1 {reply.status} {reply.reason}", *(f"{name}: {value}" for name, value in kept)]
            length = reply.getheader("Content-Length")
            if length is None:
                lines.append("Connection: close")
            self._send_slowly(client, "\r\n".join([*lines, "", ""]).encode("latin-1"))
            while piece := reply.read(65536):
                if self._down:
                    return False
                if len(piece) > 4096:
                    time.sleep(self.download_pause)
                client.sendall(piece)
            return length is not None

    def _send_slowly(self, client: socket.socket, data: bytes) -> None:
        if not self.trickle:
            client.sendall(data)
            return
        for number in range(len(data)):
            time.sleep(self.trickle)
            client.sendall(data[number : number + 1])

    def _websocket(self, client: socket.socket, path: str, head: str) -> None:
        self.websockets_seen += 1
        self.client_ids.append(path.partition("clientId=")[2].partition("&")[0])
        if self.refuse_websockets:
            return
        self.sockets.append(client)
        lines = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("authorization:")]
        with socket.create_connection(("127.0.0.1", self._upstream_port)) as upstream:
            upstream.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode("latin-1"))
            self._pump(client, upstream)

    def _pump(self, client: socket.socket, upstream: socket.socket) -> None:
        while not self._down:
            pending = isinstance(client, ssl.SSLSocket) and client.pending() > 0
            readable = [client] if pending else select.select([client, upstream], [], [], 0.1)[0]
            if self._frozen.is_set():
                time.sleep(0.2)
                continue
            for source in readable:
                data = source.recv(65536)
                if not data:
                    return
                (upstream if source is client else client).sendall(data)


_OURS = ("connection", "authorization", "content-length")
_HOP = ("connection", "keep-alive", "transfer-encoding")
