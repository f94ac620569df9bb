"""What is written beside the cut-outs once a run ends: `index.csv`, `coco.json`, `contact_sheet.jpg`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.batch.ledger import Ledger
from runner.batch.store import in_words
from runner.cutouts.finds import pictures
from runner.cutouts.sheet import sheets
from runner.cutouts.tables import coco, index
from runner.files.whole import written_whole

INDEX, COCO, SHEET = "index.csv", "coco.json", "contact_sheet"


def collect(folder: Path, notice: Callable[[str], None]) -> list[Path]:
    """Write the table, the annotations and the sheets of all that the ledger knows; what was written.

    Each is replaced whole, so that two runners that end together leave one of them whole.
    """
    with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
        found = list(pictures(ledger, folder))
    written = []
    for name, text in ((INDEX, index(found)), (COCO, coco(found))):
        with _told(folder / name, notice), written_whole(folder / name, errors="replace", newline="") as stream:
            stream.write(text)
            written.append(folder / name)
    for number, page in enumerate(sheets(found, folder), 1):
        path = folder / (f"{SHEET}.jpg" if number == 1 else f"{SHEET}_{number}.jpg")
        with _told(path, notice), written_whole(path, "wb") as stream:
            page.save(stream, "JPEG", quality=85)
            written.append(path)
    return written


@contextlib.contextmanager
def _told(path: Path, notice: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        notice(f"warning: {path} could not be written ({error.strerror or error}); --resume writes it again.")
