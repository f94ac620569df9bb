"""Choices that a seed decides, alike on every machine, each topic on its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def choose(seed: int, topic: str, options: Sequence[T]) -> T:
    """One of `options` (not empty), uniform over seeds and independent between topics."""
    digest = hashlib.sha256(f"{seed}/{topic}".encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]
