"""What is written beside the cut-outs once a run ends: `index.csv`, `coco.json`, `contact_sheet.jpg`."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from runner.batch.beside import Beside
from runner.batch.ledger import Ledger
from runner.batch.store import in_words
from runner.cutouts.finds import pictures
from runner.cutouts.sheet import sheets
from runner.cutouts.tables import coco, index

INDEX, COCO, SHEET = "index.csv", "coco.json", "contact_sheet.jpg"


def collect(beside: Beside) -> list[Path]:
    """Write the table, the annotations and the sheets of all that the ledger knows; what was written."""
    folder = beside.folder
    with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
        every = list(pictures(ledger, folder))
    for name, text in ((INDEX, index(every)), (COCO, coco(every))):
        beside.write(name, text.encode("utf-8", "replace"))
    for number, page in enumerate(sheets(every, folder), 1):
        jpeg = io.BytesIO()
        page.save(jpeg, "JPEG", quality=85)
        beside.write(SHEET if number == 1 else f"{Path(SHEET).stem}_page_{number}.jpg", jpeg.getvalue())
    return beside.written
