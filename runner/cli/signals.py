"""Ctrl-C and a request to terminate end a run the same way, once; a second one does not disturb the cleaning up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from runner.errors import InterruptedRunError

PICTURES_ARE_THERE = "The pictures made until then are there."
"""Advice of a run that makes several pictures, one after the other."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt in the main thread, the first time only.

    The handler itself does nothing else: sockets must not be closed from inside a signal handler. Once one of them
    came, they stay without effect until the process ends, which it does with the code of the first: what is left to do
    then lies outside of the block, too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous: dict[int, Any] = {}

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` means it
            previous[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)


@contextlib.contextmanager
def told_when_interrupted(advice: str = "") -> Iterator[None]:
    """Inside, KeyboardInterrupt becomes an InterruptedRunError that says what Ctrl-C has ended."""
    try:
        yield
    except KeyboardInterrupt:
        from runner.execution.cancel import interrupted

        raise InterruptedRunError(interrupted(), advice=advice) from None
