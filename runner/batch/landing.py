"""Which photos of a folder have landed: those that nobody is writing to any more.

The folder is looked at again and again, which holds on network shares, memory cards and synchronised folders alike;
what systems tell of changes does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from runner.batch.photo_folder import found
from runner.errors import UsageError

SETTLE_S = 2.0
"""How long a photo's size and time stand still before it is taken: a camera or a share writes in bursts, with pauses
well below a second."""

Sign = tuple[int, int]
"""(bytes, time of the last change): what differs while a file grows."""


class Landing:
    """One folder with all below it. `settle`: seconds that a photo stands still before it is taken."""

    def __init__(
        self, folder: Path, out: Path, settle: float = SETTLE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._out, self._settle, self._clock = folder, out, settle, clock
        self._seen: dict[Path, tuple[Sign, float]] = {}
        """Photo → how it was seen last, and since when it is so."""
        self._taken: dict[Path, Sign] = {}

    def look(self) -> list[Path]:
        """The photos that have landed since they were taken last, if ever.

        Raises UsageError where the folder is not there or cannot be read.
        """
        if not self._folder.is_dir():
            raise UsageError(f"{self._folder} is not there.")
        now, seen = self._clock(), {}
        ready = []
        for path, _ in found(str(self._folder), self._out)[0]:
            try:
                status = path.stat()
            except OSError:  # it went while we looked
                continue
            sign = (status.st_size, status.st_mtime_ns)
            before, since = self._seen.get(path, (None, now))
            since = since if sign == before else now
            seen[path] = sign, since
            if sign[0] and now - since >= self._settle and self._taken.get(path) != sign:
                ready.append(path)
        self._seen = seen
        return ready

    def empty(self, seconds: float = 0.0) -> list[Path]:
        """The photos without a single byte, that have been so for this long: whoever writes them may have given up."""
        now = self._clock()
        return [path for path, (sign, since) in self._seen.items() if not sign[0] and now - since >= seconds]

    def take(self, photos: list[Path]) -> None:
        """They are being made: they count as new only once they have changed again."""
        self._taken |= {path: self._seen[path][0] for path in photos if path in self._seen}
