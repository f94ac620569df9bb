"""A host of large files on this machine, with every manner real ones have: ranges, redirects, drops, refusals."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from runner.models.download import Downloader
from tests.support.fake import QuietServer


class ModelHost:
    """Serves `content` at any path; the attributes say how. `seen` holds (path, headers) of every request."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = True
        self.version: str | None = None
        """The ETag of `content`; a range is only sent to those who have the beginning of this very version."""
        self.minds_version = True
        self.drop_after: list[int] = []
        self.trickle: tuple[int, float] | None = None
        """Bytes of a piece, and the seconds after each."""
        """Bytes after which the next answers break off, one entry an answer."""
        self.statuses: list[int] = []
        """Statuses of the next answers, before any real one."""
        self.redirect: str | None = None
        self.headers: dict[str, str] = {}
        self.content_type = "application/octet-stream"
        self.announce_length = True
        self.seen: list[tuple[str, dict[str, str]]] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # the base class calls it so
                host.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}/models/a.safetensors"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.seen.append((request.path, dict(request.headers)))
        extra = dict(self.headers)
        if self.statuses:
            self._plain(request, self.statuses.pop(0), extra)
            return
        if self.redirect is not None:
            self._plain(request, 302, {"Location": self.redirect, **extra})
            return
        start, total = 0, len(self.content)
        if self.version is not None:
            extra["ETag"] = self.version
        asked = request.headers.get("Range", "")
        status = 200
        same = not self.minds_version or request.headers.get("If-Range", self.version) == self.version
        if self.ranges and same and asked.startswith("bytes="):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= total:
                self._plain(request, 416, {"Content-Range": f"bytes */{total}", **extra})
                return
            status = 206
            extra["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        body = self.content[start:]
        request.send_response(status)
        request.send_header("Content-Type", self.content_type)
        if self.announce_length:
            request.send_header("Content-Length", str(len(body)))
        else:
            request.send_header("Connection", "close")
        for name, value in extra.items():
            request.send_header(name, value)
        request.end_headers()
        if self.drop_after:
            request.wfile.write(body[: self.drop_after.pop(0)])
            request.wfile.flush()
            request.connection.shutdown(2)
            request.close_connection = True
            return
        with contextlib.suppress(ConnectionError):  # the client has seen enough
            if self.trickle is not None:
                size, pause = self.trickle
                for at in range(0, len(body), size):
                    request.wfile.write(body[at : at + size])
                    time.sleep(pause)
                return
            request.wfile.write(body)
        request.close_connection = not self.announce_length

    @staticmethod
    def _plain(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name, value)
        request.end_headers()


@contextmanager
def model_host(content: bytes) -> Iterator[ModelHost]:
    host = ModelHost(content)
    thread = threading.Thread(target=host.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.server.shutdown()
        host.server.server_close()
        thread.join()


def weights(size: int, seed: int = 5) -> bytes:
    """A whole safetensors file of `size` bytes."""
    inside = size - 8 - _HEAD
    head = json.dumps({"a": {"dtype": "U8", "shape": [inside], "data_offsets": [0, inside]}}).encode().ljust(_HEAD)
    return _HEAD.to_bytes(8, "little") + head + random.Random(seed).randbytes(inside)


_HEAD = 96
"""Bytes of the head of such a file, filled up with spaces as the format allows."""
CONTENT = weights(3_000_000)
"""What a host of the tests usually serves."""
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def downloader(**options: object) -> Downloader:
    return Downloader(**{"tokens": {}, "backoff": 0.01, **options})  # type: ignore[arg-type]
