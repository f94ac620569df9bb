"""The folders that a training makes below --out. The folder may come from anybody, so none of them leads out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from runner.errors import UsageError
from runner.files.naming import below

_TRAINERS = ("kohya", "musubi", "ai-toolkit")
_NOTES = ".prodgen"
OWN = (_NOTES, "masks", "cutouts", "compared", *_TRAINERS)
_PARTS = ("images", "masks", "control")
"""Of a trainer's folder: what is written there. Its `output` is the trainer's, and may be a link to a larger disk."""


def check_own_folders(out: Path) -> None:
    """Raises UsageError where one of them is a link that leads out of `out`: what is there is somebody else's."""
    for name in _names(out):
        path = out / name
        if os.path.lexists(path) and below(out, name) is None:
            raise UsageError(
                f"{path}: a link leads its results out of {out}.",
                advice="Take the link away, or choose another --out.",
            )


def _names(out: Path) -> Iterator[str]:
    yield from OWN
    yield from (f"{name}/{_NOTES}" for name in OWN[1:])
    yield from (f"{trainer}/{part}" for trainer in _TRAINERS for part in _PARTS)
    for path in sorted(out.glob("run_*")):
        yield path.name
