"""The server's WebSocket, read on its own thread. It is a hint: whoever listens also polls the job records.

A client that stops reading holds up the messages of every client of that server, so the thread only reads, decodes and
hands over; it touches no disk. Each connection has its own client id: ComfyUI loses the messages of a client that comes
back under the old one. Jobs submitted under an earlier id get no more messages and must be polled.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from runner.data import BadDataError, parse_answer
from runner.http.sockets import PlainSocket, TlsSocket
from runner.server.client import ComfyClient
from runner.server.preview_message import unpacked
from runner.untrusted import mapping, text

PING_AFTER_S = 5.0
"""Without a word, for so long: then it is asked whether anybody is there, and it has as long to answer."""
RECONNECT_CAP_S = 5.0
"""Between tries to be heard again."""
_READ_S = 1.0
"""How soon a request to stop is heeded."""
_LARGEST_GREETING, _LARGEST_MESSAGE = 1 << 16, 64 << 20
"""Bytes: of the handshake; of a message, in however many pieces it comes."""
_MOST_WAITING = 10_000
"""Messages that nobody has taken yet; see `_put`."""
_IGNORED = (b'{"type": "progress_state"', b'{"type": "crystools')  # frequent, long, and said by other messages too


@dataclass(frozen=True)
class ServerMessage:
    """One message of the server about one of its jobs."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Connected:
    client_id: str


@dataclass(frozen=True)
class Disconnected:
    reason: str


Inbox = queue.SimpleQueue[Any]
"""Where the listener and the saver put what they have to say to the one thread that decides."""


class Listener(threading.Thread):
    """Puts `Connected`, `ServerMessage` and `Disconnected` into the inbox until stopped; reconnects by itself."""

    def __init__(self, client: ComfyClient, inbox: Inbox, *, previews: bool = False) -> None:
        super().__init__(name="comfyui-socket", daemon=True)
        self._client = client
        self._inbox = inbox
        self._previews = previews
        self._stop_asked = threading.Event()
        self._ping_asked = threading.Event()
        self._first_attempt = threading.Event()
        self._client_id: str | None = None
        self.last_heard = 0.0

    @property
    def client_id(self) -> str | None:
        """The id of the connection that is open now, to submit jobs under; None while there is none."""
        return self._client_id

    def wait_for_first_attempt(self, timeout: float) -> None:
        self._first_attempt.wait(timeout)

    def ask_for_sign_of_life(self) -> None:
        """Ping at the next chance; an answer moves `last_heard`."""
        self._ping_asked.set()

    def stop(self) -> None:
        """Return at once; the thread closes its own socket within a second."""
        self._stop_asked.set()

    def run(self) -> None:
        pause = 0.1
        while not self._stop_asked.is_set():
            began = time.monotonic()
            try:
                self._listen()
                reason = "closed"
            except Exception as error:
                reason = self._client.transport.secrets.masked_text(f"{type(error).__name__}: {error}")
            was_open = self._client_id is not None
            self._client_id = None
            self._first_attempt.set()
            if was_open and not self._stop_asked.is_set():
                self._inbox.put(Disconnected(reason))
            pause = 0.1 if time.monotonic() - began > RECONNECT_CAP_S else min(RECONNECT_CAP_S, pause * 2)
            self._stop_asked.wait(pause)

    def _listen(self) -> None:
        import websocket

        client_id = uuid.uuid4().hex
        url, headers = self._client.socket_target(client_id)
        opened = self._client.transport.open_socket()
        try:
            opened.allowance = _LARGEST_GREETING
            # Our own socket: the way there is that of every request. A redirect would take the headers with it.
            connection = websocket.create_connection(
                url, timeout=5.0, header=headers, skip_utf8_validation=True, socket=opened, redirect_limit=0
            )
            if connection.getstatus() != 101:
                raise ConnectionError("the server does not open a WebSocket")
            self._converse(connection, opened, client_id)
        finally:
            opened.close()

    def _converse(self, connection: Any, opened: PlainSocket | TlsSocket, client_id: str) -> None:
        import websocket

        connection.settimeout(_READ_S)
        features = {"supports_preview_metadata": self._previews}
        connection.send(json.dumps({"type": "feature_flags", "data": features}))
        self.last_heard = time.monotonic()
        self._client_id = client_id
        self._inbox.put(Connected(client_id))
        self._first_attempt.set()
        self._read(connection, opened, websocket.WebSocketTimeoutException, websocket.ABNF)

    def _read(self, connection: Any, opened: PlainSocket | TlsSocket, silence: type[Exception], codes: Any) -> None:
        pinged_at: float | None = None
        while not self._stop_asked.is_set():
            now = time.monotonic()
            if pinged_at is not None and self.last_heard < pinged_at and now - pinged_at > PING_AFTER_S:
                raise ConnectionError("the connection is open, but nothing comes through")
            due = pinged_at is None or pinged_at <= self.last_heard
            if due and (self._ping_asked.is_set() or now - self.last_heard > PING_AFTER_S):
                self._ping_asked.clear()
                pinged_at = now
                connection.ping()
            try:
                code, payload = connection.recv_data(control_frame=True)
            except silence:
                continue
            self.last_heard = time.monotonic()
            opened.allowance = _LARGEST_MESSAGE
            if code == codes.OPCODE_CLOSE:
                raise ConnectionError("the server closed the connection")
            if code == codes.OPCODE_TEXT and not payload.startswith(_IGNORED):
                self._hand_over(payload)
            elif code == codes.OPCODE_BINARY and self._previews:
                self._hand_over_preview(payload)

    def _hand_over(self, payload: bytes) -> None:
        with contextlib.suppress(BadDataError):
            message = mapping(parse_answer(self._client.transport.secrets.masked(payload)))
            data = mapping(message.get("data"))
            if isinstance(data.get("prompt_id"), str):
                self._put(ServerMessage(text(message.get("type")), data))

    def _hand_over_preview(self, payload: bytes) -> None:
        preview = unpacked(payload, self._client.transport.secrets.masked)
        if preview is not None and isinstance(preview.get("prompt_id"), str):
            self._put(ServerMessage("preview", preview))

    def _put(self, message: ServerMessage) -> None:
        """A server that talks faster than it is listened to is not written down: its records say the same."""
        if self._inbox.qsize() < _MOST_WAITING:
            self._inbox.put(message)
