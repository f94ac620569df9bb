"""The studio at an address: on this machine alone, or in this network where a person asked for that."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from runner.desk.desk import Desk
from runner.errors import UsageError
from runner.studio.app import Studio
from runner.studio.guard import Door, new_key

LOOPBACK = "127.0.0.1"
PORT = 8199
"""Where it is looked for first: near ComfyUI's 8188, and so that the address is the same tomorrow."""
_BACKLOG = 64
"""Connections that wait to be taken: a browser opens six."""
_END_S = 3
"""Seconds that answers which are under way are given at the end."""
_NOWHERE = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737). Nothing is sent there: the system only says by which of ours it would go."""


@dataclass(frozen=True)
class Address:
    """Where it listens, and the door it has. `url` opens the page, with the key where there is one."""

    listener: socket.socket
    host: str
    port: int
    door: Door

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/" + (f"?key={self.door.key}" if self.door.key else "")


def listen(port: int | None, *, phone: bool) -> Address:
    """`port` None: `PORT`, or a free one where that is taken. `phone`: in this network, with a key.

    Raises UsageError where the port cannot be had, or there is no network.
    """
    host = _own_address() if phone else LOOPBACK
    listener = _bound(host, port)
    number = listener.getsockname()[1]
    names = {host} if phone else {LOOPBACK, "localhost"}
    return Address(listener, host, number, Door({f"{name}:{number}" for name in names}, new_key() if phone else ""))


def _bound(host: str, port: int | None) -> socket.socket:
    for number in (PORT, 0) if port is None else (port,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # begun again at once; on Windows it would mean to share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError as error:
            listener.close()
            fault = error
            continue
        listener.listen(_BACKLOG)
        return listener
    raise UsageError(
        f"Port {port} cannot be had ({fault.strerror or fault}).", advice="Name another --port, or leave it out."
    )


def _own_address() -> str:
    """This machine's address in its network."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_NOWHERE)
        address = str(probe.getsockname()[0])
        if not address.startswith(("127.", "0.")):
            return address
    raise UsageError(
        "--phone needs a network that the phone is in, too, and this machine is in none.",
        advice="Join the room's Wi-Fi, or leave out --phone.",
    )


@contextlib.contextmanager
def served(desk: Desk, address: Address) -> Iterator[None]:
    """The page is there for as long as the block lasts, on a thread of its own: signals stay the main thread's."""
    ending = threading.Event()
    app = Studio(desk, ending.is_set).app(address.door)
    config = uvicorn.Config(
        app,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_END_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([address.listener],), name="studio", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        server.should_exit = True
        thread.join(_END_S + 1)
        address.listener.close()
