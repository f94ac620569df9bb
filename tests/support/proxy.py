"""A TCP proxy before a real server, which can lose, silence or refuse its WebSockets and ask for a token."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from types import TracebackType


class Proxy:
    """`with Proxy(port) as proxy:` – `proxy.url` leads to 127.0.0.1:port."""

    def __init__(self, upstream_port: int, *, token: str | None = None) -> None:
        self._upstream_port = upstream_port
        self._token = token
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.sockets: list[socket.socket] = []
        self.websockets_seen = 0
        self.client_ids: list[str] = []
        self._frozen = threading.Event()
        self.refuse_websockets = False
        self.download_pause = 0.0
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

    def drop_websockets(self) -> None:
        """Break every WebSocket that is open, as a network does: without a goodbye."""
        for one in self.sockets:
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

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if time.monotonic() < self._down_until:
                return
            first = client.recv(65536)
            head = first.partition(b"\r\n\r\n")[0]
            is_websocket = b"upgrade: websocket" in head.lower()
            if self._token is not None and f"Authorization: Bearer {self._token}".encode() not in head:
                client.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if is_websocket:
                self.websockets_seen += 1
                self.client_ids.append(head.partition(b"clientId=")[2].split()[0].decode())
                if self.refuse_websockets:
                    return
                self.sockets.append(client)
            with socket.create_connection(("127.0.0.1", self._upstream_port)) as upstream:
                upstream.sendall(first)
                self._pump(client, upstream, is_websocket)

    def _pump(self, client: socket.socket, upstream: socket.socket, is_websocket: bool) -> None:
        while True:
            readable, _, _ = select.select([client, upstream], [], [], 0.1)
            if time.monotonic() < self._down_until:
                return
            if is_websocket and self._frozen.is_set():
                self._frozen.wait()
                if self._closing:
                    return
                threading.Event().wait(0.2)
                continue
            for source in readable:
                data = source.recv(65536)
                if not data:
                    return
                if source is upstream and len(data) > 4096:
                    time.sleep(self.download_pause)
                (upstream if source is client else client).sendall(data)
