"""A proxy of HTTP and of tunnels, for one server behind it."""

from __future__ import annotations

import contextlib
import socket
import threading


class Tunnel:
    """A proxy that leads everything to one port and notes what it was asked."""

    def __init__(self, port: int, asked: list[str]) -> None:
        self._port, self._asked = port, asked
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as upstream:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            self._asked.append(head.decode("latin-1"))
            if head.startswith(b"CONNECT"):
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                upstream.sendall(head)
            other = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
            other.start()
            _pump(upstream, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
