"""What is written beside the cut-outs once a run ends: `index.csv`, `coco.json`, `contact_sheet.jpg`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from runner.batch.ledger import Ledger
from runner.batch.store import LEDGER_FILE, in_words
from runner.cutouts.finds import pictures
from runner.cutouts.sheet import sheets
from runner.cutouts.tables import coco, index
from runner.files.whole import written_whole

INDEX, COCO, SHEET = "index.csv", "coco.json", "contact_sheet.jpg"
_MADE = "beside.txt"
"""In the ledger's folder: the names under which these files were written here before."""


def collect(folder: Path, notice: Callable[[str], None]) -> list[Path]:
    """Write the table, the annotations and the sheets of all that the ledger knows; what was written.

    Each is replaced whole, so that two runners that end together leave one of them whole. A file of that name that was
    not made here is somebody's own and stays.
    """
    with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
        every = list(pictures(ledger, folder))
    beside = _Beside(folder, notice)
    for name, text in ((INDEX, index(every)), (COCO, coco(every))):
        beside.write(name, text.encode("utf-8", "replace"))
    for number, page in enumerate(sheets(every, folder), 1):
        jpeg = io.BytesIO()
        page.save(jpeg, "JPEG", quality=85)
        beside.write(SHEET if number == 1 else f"{Path(SHEET).stem}_page_{number}.jpg", jpeg.getvalue())
    return beside.written


class _Beside:
    """The files beside the cut-outs in `folder`."""

    def __init__(self, folder: Path, notice: Callable[[str], None]) -> None:
        self._folder, self._notice = folder, notice
        self._list = (folder / LEDGER_FILE).parent / _MADE
        try:
            self._made = set(self._list.read_text(encoding="utf-8").split("\n"))
        except (OSError, ValueError):
            self._made = set()
        self.written: list[Path] = []

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole under this name, or under the next one (`index_2.csv`) where that is somebody's own."""
        path = self._free(name)
        try:
            with written_whole(path, "wb") as stream:
                stream.write(data)
            if path.name not in self._made:
                self._made.add(path.name)
                with written_whole(self._list) as lines:
                    lines.write("\n".join(sorted(self._made)))
        except OSError as error:
            why = error.strerror or error
            self._notice(f"warning: {path} could not be written ({why}); --resume writes it again.")
            return
        self.written.append(path)

    def _free(self, name: str) -> Path:
        path = self._folder / name
        for number in count(2):
            if path.name in self._made or not os.path.lexists(path):
                break
            path = path.with_name(f"{Path(name).stem}_{number}{path.suffix}")
        return path
