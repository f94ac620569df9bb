"""What a server says, read as what it should be, whatever it is. Nothing here raises."""

from __future__ import annotations

import math
import re
from typing import Any


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item for item in items(value) if isinstance(item, str))


def text(value: Any, otherwise: str = "") -> str:
    return value if isinstance(value, str) else otherwise


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
