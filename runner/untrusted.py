"""What a server says, read as what it should be, whatever it is. Nothing here raises."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

MOST_LINES, LONGEST_LINE = 50, 1000
"""Lines of one kind that a person is told of one picture, and characters of each: ten times what any check of the pack
says. All of it is in the record beside the picture."""
LONGEST_NAME = 200
"""Characters of a name that is shown: more than a file system or a canvas takes."""


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item for item in items(value) if isinstance(item, str))


def text(value: Any, otherwise: str = "") -> str:
    return value if isinstance(value, str) else otherwise


def told(lines: Iterable[str], most: int = MOST_LINES) -> list[str]:
    """The lines as people are told them: no more than `most`, none endless, and what was left out is counted."""
    lines = list(lines)
    kept = [cut(line) for line in lines[:most]]
    return kept if len(lines) <= most else [*kept, f"… and {len(lines) - most} more"]


def cut(line: str, most: int = LONGEST_LINE) -> str:
    """The text, where it is endless its beginning, and how much more there was."""
    return line if len(line) <= most else f"{line[:most]} … ({len(line) - most} more characters)"


def whole_number(digits: str | None) -> int | None:
    """A number written in decimal digits, up to 18 of them; None for anything else. `int` refuses 4 301 of them."""
    return int(digits) if digits and re.fullmatch(r"[0-9]{1,18}", digits) else None


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # a whole number beyond every float
        return None
