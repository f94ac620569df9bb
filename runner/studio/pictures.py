"""Small copies of pictures for the page, each made once and kept in memory as long as there is room."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from pathlib import Path

from runner.report.small import small_copy

SIDES = {"card": 480, "paint": 1400}
"""Longest side in pixels: sharp on a card of a phone; large enough to paint on."""
_KEPT = 900
"""Copies that are kept: those of 300 photos, some 25 MB."""
_AT_ONCE = 2
"""Copies that are made at the same time: the server that paints needs the processor more."""


class Copies:
    """WebP copies by file and size."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, int], bytes | None] = OrderedDict()
        self._guard = threading.Lock()
        self._turn = threading.Semaphore(_AT_ONCE)

    def of(self, path: Path, side: int) -> bytes | None:
        """None where the file shows nothing."""
        try:
            key = str(path), path.stat().st_mtime_ns, side
        except OSError:
            return None
        with self._guard:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._turn:
            small = small_copy(path, side)
        data = None if small is None else base64.b64decode(small.address.partition(",")[2])
        with self._guard:
            self._kept[key] = data
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return data
