"""A server that answers what a test tells it to: for what a real ComfyUI does not do (lies, 500s, endless answers)."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeVar

Answer = tuple[int, bytes]
Own = TypeVar("Own", bound="Served")


class QuietServer(ThreadingHTTPServer):
    """Says nothing about connections that the other side broke off."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Served:
    """What serves in a thread of its own for as long as it is entered; whoever derives from it makes `_server`."""

    _server: QuietServer

    def __enter__(self: Own) -> Own:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class FakeServer(Served):
    """`answer(path)` gives status and body; `raw(socket)` takes over the connection instead."""

    def __init__(
        self, answer: Callable[[str], Answer] | None = None, raw: Callable[[socket.socket], None] | None = None
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if raw is not None:
                    with contextlib.suppress(OSError):
                        raw(self.connection)
                    self.close_connection = True
                    return
                assert answer is not None
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
