"""Where a Ray cluster is, and whether one really answers there."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from pathlib import Path

from runner.errors import ServerUnavailableError

_CONNECT_S = 5.0
"""A cluster that is there greets at once, also across the world."""
# How two ends of HTTP/2, which Ray speaks, greet each other.
_HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_HTTP2_SETTINGS = b"\x04"
ADVICE = (
    "Write --ray HOST:PORT (`ray status` on the cluster shows it; the port is 6379 unless `ray start` was told "
    "another), and run this on a machine of the cluster. A cluster that asks for a token wants $RAY_AUTH_MODE=token "
    "and $RAY_AUTH_TOKEN here as well. --ray local uses this machine alone."
)


def running_here() -> str:
    """The address of a cluster that `ray start` began on this machine, if it answers."""
    note = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    try:
        address = note.read_text(encoding="utf-8").strip()
        check(address)
    except (OSError, ServerUnavailableError):
        return ""
    return address


def check(address: str) -> None:
    """A cluster listens there. Raises ServerUnavailableError at once, where Ray itself would try for minutes."""
    parts = re.fullmatch(r"\[?([^\[\]/\s]+)\]?:(\d{1,5})", address)
    if parts is None:
        raise ServerUnavailableError(f"--ray {address}: this is no address of a Ray cluster.", advice=ADVICE)
    try:
        with socket.create_connection((parts[1], int(parts[2])), _CONNECT_S) as connection:
            connection.settimeout(_CONNECT_S)
            connection.sendall(_HTTP2_HELLO)
            answer = connection.recv(9)
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ServerUnavailableError(f"No Ray cluster answers at {address} ({why}).", advice=ADVICE) from error
    if answer[3:4] != _HTTP2_SETTINGS and os.environ.get("RAY_USE_TLS", "0") != "1":
        raise ServerUnavailableError(f"What answers at {address} is no Ray cluster.", advice=ADVICE)
