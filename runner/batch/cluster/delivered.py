"""Files on their way: photos to an actor, and what it delivers, put where the saver and the metrics look for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.batch.cluster.messages import Delivery
from runner.photos.prepare import MAX_FILE_BYTES, prepare_photo
from runner.server.records import ServerFile


def carried(path: Path) -> bytes:
    """The file as it is. Raises PhotoError, with what to do, when it cannot be read."""
    try:
        if path.is_file() and 0 < path.stat().st_size <= MAX_FILE_BYTES:
            return path.read_bytes()
    except OSError:
        pass
    return prepare_photo(path).data


@dataclass(frozen=True)
class Load:
    """What the actor's sampler measured for one job (a `LoadMeter`)."""

    figures: Mapping[str, float]

    def between(self, _begin: float, _end: float) -> dict[str, float]:
        return dict(self.figures)


class Delivered:
    """The files of the delivery that is being saved (a `FileSource`)."""

    def __init__(self) -> None:
        self._delivery: Delivery | None = None

    @property
    def busy(self) -> bool:
        return self._delivery is not None

    def hold(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def release(self) -> Delivery:
        delivery, self._delivery = self._held, None
        return delivery

    @contextmanager
    def open_file(self, file: ServerFile) -> Iterator[Iterator[bytes]]:
        yield iter([self._held.contents[file]])

    @property
    def _held(self) -> Delivery:
        if self._delivery is None:
            raise RuntimeError("nothing is being saved")
        return self._delivery
