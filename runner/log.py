"""The log of a run (`--log FILE`): everything that happened, with the time, without secrets or control characters."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TextIO

from runner.redaction import hidden


class _Log:
    stream: TextIO | None = None
    fault: str = ""
    guard = threading.Lock()


def start(path: Path) -> None:
    """From now on, everything that `record` is given goes to the end of this file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stop()
    _Log.fault = ""
    _Log.stream = path.open("a", encoding="utf-8", errors="backslashreplace")


def stop() -> str:
    """End it. Returns why it is not whole, "" where it is: a disk that was full, as a rule."""
    stream, _Log.stream = _Log.stream, None
    if stream is not None:
        _close(stream)
    fault, _Log.fault = _Log.fault, ""
    return fault


def _close(stream: TextIO) -> None:
    """What is still in its buffer may not find room either."""
    try:
        stream.close()
    except OSError as error:
        _Log.fault = _Log.fault or error.strerror or str(error)


def record(text: str) -> None:
    """Note a text, cleaned already, where there is a log."""
    with _Log.guard:
        if _Log.stream is None or not text.strip():
            return
        first, *more = hidden(text.rstrip("\n")).split("\n")
        now = time.time()
        moment = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03d}"
        stream = _Log.stream
        try:
            stream.write("\n".join([f"{moment} {first}", *(f"    {line}" for line in more)]) + "\n")
            stream.flush()
        except OSError as error:  # a full disk is no reason to end the run
            _Log.stream = None
            _Log.fault = error.strerror or str(error)
            _close(stream)
