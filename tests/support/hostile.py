"""A ComfyUI made of answers: it runs one small workflow as the real one does, until a test has it lie.

For what a real ComfyUI never says: any JSON or any bytes at any endpoint and on the socket, redirects, doors, limits.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from PIL import Image

from tests.support.fake import QuietServer, Served


@dataclass
class Said:
    """An answer. `body`: JSON, unless it is bytes. `raw`: these bytes instead of any HTTP."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Lie = Said | Callable[[], Said]
SAVE = {
    "input": {
        "required": {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {"default": "x"}]},
        "hidden": {"prompt": "PROMPT"},
    },
    "output": [],
    "output_node": True,
}
EMPTY = {
    "input": {
        "required": {
            "width": ["INT", {"default": 512, "min": 1, "max": 16384}],
            "height": ["INT", {"default": 512, "min": 1, "max": 16384}],
            "batch_size": ["INT", {"default": 1, "min": 1, "max": 4096}],
            "color": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFF}],
        }
    },
    "output": ["IMAGE"],
}
LOAD = {"input": {"required": {"image": [["none.png"], {"image_upload": True}]}}, "output": ["IMAGE", "MASK"]}
NODES = {"SaveImage": SAVE, "EmptyImage": EMPTY, "LoadImage": LOAD}
STATS = {"system": {"comfyui_version": "0.30.0", "pytorch_version": "2"}, "devices": [{"name": "cpu", "type": "cpu"}]}


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(stream, "PNG")
    return stream.getvalue()


class HostileComfy(Served):
    """`with HostileComfy() as server:` – `server.lies["GET /queue"] = Said([1])`.

    A lie's key is a method and how the path begins; the longest that fits is told. `messages` are what the socket says
    once it is open: text, bytes, or dicts as JSON; `"$ID"` in them is the id of the last job.
    """

    def __init__(self) -> None:
        self.lies: dict[str, Lie] = {}
        self.messages: list[Any] = []
        self.raw_messages: list[bytes] = []
        """Bytes put on the open socket as they are."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.chatters = False
        """The socket says `messages` again and again, without end."""
        self.prompt_id = ""
        self.prompt_ids: set[str] = set()
        self.filename = "made_00001_.png"
        self.picture = png()
        self.announces = True
        """The socket tells the end of every job, as a real one does; else it is silent, and the job is polled for: a
        second of waiting for each."""
        self._listening: list[socket.socket] = []
        self.takes_and_denies = False
        """Submissions are taken, and answered with 503."""
        self._posted = threading.Event()
        comfy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                comfy._serve(self, b"")

            def do_POST(self) -> None:
                comfy._serve(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def log_message(self, *_: object) -> None:
                pass

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """No lies, no messages, no memory: as new."""
        self.lies, self.messages, self.raw_messages, self.requests, self.chatters = {}, [], [], [], False
        self.prompt_id, self.filename = "", "made_00001_.png"
        self.prompt_ids.clear()
        self._posted.clear()

    def seen(self, method: str, path: str) -> list[dict[str, str]]:
        """The headers of every request of this kind."""
        return [headers for asked, where, headers in self.requests if asked == method and where.startswith(path)]

    # inside

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path = re.sub(r"^https?://[^/]*", "", handler.path)  # as a proxy is asked
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append((handler.command, handler.path, headers))
        said = self._answer(handler.command, path, body)
        with contextlib.suppress(OSError):
            if said is None:
                self._talk(handler, headers.get("sec-websocket-key", ""))
            elif said.raw is not None:
                handler.connection.sendall(said.raw)
                handler.close_connection = True
            else:
                data = said.encoded()
                handler.send_response(said.status)
                for name, value in {"Content-Type": "application/json", **said.headers}.items():
                    handler.send_header(name, value)
                if not any(name.lower() == "content-length" for name in said.headers):
                    handler.send_header("Content-Length", str(len(data)))
                handler.end_headers()
                handler.wfile.write(data)
                if self.announces and (handler.command, path) == ("POST", "/prompt"):
                    self._announce()

    def _answer(self, method: str, path: str, body: bytes) -> Said | None:
        fitting = [key for key in self.lies if f"{method} {path}".startswith(key)]
        if fitting:
            lie = self.lies[max(fitting, key=len)]
            said = lie() if callable(lie) else lie
            if (method, path.partition("?")[0]) == ("POST", "/prompt") and said.status == 200:
                self._note(body)
            return said
        bare = path.partition("?")[0]
        if bare == "/ws":
            return None
        if bare.startswith("/object_info/"):
            name = bare.rpartition("/")[2]
            return Said({name: NODES[name]} if name in NODES else {})
        if bare == "/prompt" and method == "POST":
            self._note(body)
            if self.takes_and_denies:
                return Said(b"", 503)
            return Said({"prompt_id": self.prompt_id, "number": 1, "node_errors": {}})
        if bare.startswith("/api/jobs/") and not bare.endswith("/cancel"):
            return self._job(bare.rpartition("/")[2])
        fixed: dict[str, Any] = {
            "/system_stats": STATS,
            "/features": {"max_upload_size": 100 << 20},
            "/object_info": NODES,
            "/upload/image": {"name": "photo.png", "subfolder": "", "type": "input"},
            "/queue": {"queue_running": [], "queue_pending": []},
            "/view": self.picture,
            "/node_replacements": {},
            "/free": {},
        }
        return Said(fixed[bare]) if bare in fixed else Said({"cancelled": False} if method == "POST" else {})

    def _note(self, body: bytes) -> None:
        with contextlib.suppress(ValueError, KeyError):
            self.prompt_id = json.loads(body)["prompt_id"]
            self.prompt_ids.add(self.prompt_id)
            self._posted.set()

    def _job(self, prompt_id: str) -> Said:
        if prompt_id not in self.prompt_ids:
            return Said({"error": "Job not found"}, 404)
        files = [{"filename": self.filename, "subfolder": "", "type": "output"}]
        return Said({"id": prompt_id, "status": "completed", "outputs": {"2": {"images": files}}})

    def _talk(self, handler: BaseHTTPRequestHandler, key: str) -> None:
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        handler.connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        handler.close_connection = True
        if self.messages or self.raw_messages:
            self._posted.wait(5.0)
            for data in [*map(self._frame, self.messages), *self.raw_messages]:
                handler.connection.sendall(data)
            while self.chatters:
                time.sleep(0.005)
                handler.connection.sendall(b"".join(map(self._frame, self.messages)))
        self._listening.append(handler.connection)
        _hold(handler.connection)
        self._listening.remove(handler.connection)

    def _announce(self) -> None:
        end = self._frame({"type": "execution_success", "data": {"prompt_id": "$ID"}})
        for connection in [*self._listening]:
            with contextlib.suppress(OSError):
                connection.sendall(end)

    def _frame(self, message: Any) -> bytes:
        code = 0x82 if isinstance(message, bytes) else 0x81
        if not isinstance(message, (str, bytes)):
            message = json.dumps(message)
        data = (
            message if isinstance(message, bytes) else message.replace("$ID", self.prompt_id).encode("utf-8", "replace")
        )
        return frame(code, data)


def frame(first: int, data: bytes, announced: int | None = None) -> bytes:
    """A WebSocket frame as a server sends it; `announced`: the length it claims."""
    length = len(data) if announced is None else announced
    if length < 126:
        head = struct.pack(">BB", first, length)
    elif length < 1 << 16:
        head = struct.pack(">BBH", first, 126, length)
    else:
        head = struct.pack(">BBQ", first, 127, length)
    return head + data


def _hold(connection: socket.socket) -> None:
    """Until the other side goes."""
    connection.settimeout(0.2)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            heard = connection.recv(4096)
            if not heard:
                return
            if heard[0] == 0x89:  # a ping
                connection.sendall(frame(0x8A, b""))
        except TimeoutError:
            continue
        except OSError:
            return


def endless(head: bytes, piece: bytes = b"x" * 65536) -> Callable[[socket.socket], None]:
    """For `FakeServer(raw=…)`: a beginning, and then no end."""

    def raw(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return raw
