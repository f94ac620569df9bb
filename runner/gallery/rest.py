"""Rests between pictures, so that a graphics card that works for days stays cool."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

EVERY = (1, 3, 9)
"""After how many pictures the three rests come."""
_LONGEST_S = 86400.0
"""A day; a graphics card is cold after a few minutes."""
_WORTH_SAYING_S = 5.0
"""A rest that is shorter is over before it is read."""


@dataclass(frozen=True)
class Rest:
    """Seconds after every picture, every third and every ninth; where two meet, the longest counts."""

    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __bool__(self) -> bool:
        return any(self.seconds)

    def after(self, made: int) -> float:
        """Seconds to rest when `made` pictures are done."""
        due = [seconds for every, seconds in zip(EVERY, self.seconds, strict=True) if made and made % every == 0]
        return max(due, default=0.0)

    def take(self, made: int, notice: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
        """Rest as long as is due. Ctrl-C ends a rest at once."""
        seconds = self.after(made)
        if seconds >= _WORTH_SAYING_S:
            notice(f"Resting for {seconds:g} s after {made} pictures.")
        if seconds > 0:
            sleep(seconds)


def rest(text: str) -> Rest:
    """The type of `--rest`: `2`, `2,10` or `2,10,30`."""
    try:
        seconds = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of seconds like 2,10,30") from None
    if not 1 <= len(seconds) <= len(EVERY) or not all(0 <= value <= _LONGEST_S for value in seconds):
        raise argparse.ArgumentTypeError(f"needs one to three numbers of seconds, 0 to {_LONGEST_S:.0f} (a day)")
    first, third, ninth = (*seconds, 0.0, 0.0)[:3]
    return Rest((first, third, ninth))
