"""What is written once a run ends: the table of all pictures, and the pictures themselves where they belong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.beside import Beside
from runner.batch.ledger import Ledger
from runner.batch.store import in_words
from runner.files import spreadsheet
from runner.files.naming import leads_out, safe_folder, safe_name
from runner.sightings.verdicts import FOUND, NOT_FOUND, UNSURE, VERDICTS, Find, Picture, pictures

FOLDERS = {FOUND: "found", UNSURE: "unsure", NOT_FOUND: "not_found"}
_COLUMNS = (
    "picture", "verdict", "label", "score", "left", "top", "width", "height", "share", "delivered", "masks", "why",
    "state", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Collected:
    """How many pictures there are of each verdict ("" for those without one), and the table."""

    counts: Mapping[str, int]
    table: Path | None


def sort_pictures(folder: Path, notice: Callable[[str], None]) -> Collected:
    """`found/`, `unsure/` and `not_found/`: each picture copied byte for byte, in its own sub-folder; `filter.csv`."""
    pictures, beside = _read(folder, 1, notice)
    delivered: list[Path | None] = []
    for one in pictures:
        delivered.append(beside.copy(one.photo, f"{FOLDERS[one.verdict]}/{_safe(one.place)}") if one.verdict else None)
    beside.moved_on(frozenset(FOLDERS.values()))
    return _finish(folder, beside, pictures, delivered, "filter.csv")


def pass_on(folder: Path, notice: Callable[[str], None]) -> Collected:
    """The pictures that were not enhanced, byte for byte beside those that were; `enhance.csv`."""
    pictures, beside = _read(folder, 0, notice)
    delivered: list[Path | None] = []
    for one in pictures:
        if one.verdict and one.verdict != FOUND:
            delivered.append(beside.copy(one.photo, _safe(one.place)))
        else:
            made = next((name for name in one.entry.files if not name.endswith((".txt", "_mask.png"))), None)
            delivered.append(None if made is None else folder / made)
    return _finish(folder, beside, pictures, delivered, "enhance.csv")


def _read(folder: Path, folders_of_its_own: int, notice: Callable[[str], None]) -> tuple[list[Picture], Beside]:
    with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
        return list(pictures(ledger, folder, folders_of_its_own)), Beside(folder, notice)


def _finish(
    folder: Path, beside: Beside, pictures: Sequence[Picture], delivered: Sequence[Path | None], name: str
) -> Collected:
    table = beside.write(name, _table(pictures, delivered, folder).encode("utf-8", "replace"))
    counts = {verdict: sum(one.verdict == verdict for one in pictures) for verdict in (*VERDICTS, "")}
    return Collected(counts, table)


def _safe(place: str) -> str:
    """A photo's place as a place for its copy: its own, where that is one on every system."""
    if not leads_out(place):
        return place
    *folders, name = place.split("/")
    return "/".join([*map(safe_folder, folders), safe_name(name)])


def _table(pictures: Sequence[Picture], delivered: Sequence[Path | None], folder: Path) -> str:
    return spreadsheet.table(_COLUMNS, _rows(pictures, delivered, folder))


def _rows(pictures: Sequence[Picture], delivered: Sequence[Path | None], folder: Path) -> Iterator[dict[str, Any]]:
    for one, path in zip(pictures, delivered, strict=True):
        masks = [name for name in one.entry.files if name.endswith(".png")]
        common = {
            "picture": one.place,
            "verdict": one.verdict,
            "delivered": "" if path is None else path.relative_to(folder).as_posix(),
            "masks": "; ".join(masks),
            "why": one.why,
            "state": one.entry.state,
            "reason": (one.entry.error or "").partition("\n")[0],
        }
        # Of a picture that holds it, each find; of any other the likest thing, which says how near it was.
        finds = [find for find in one.finds if find.verdict == FOUND] if one.verdict == FOUND else one.finds[:1]
        for find in finds or (None,):
            yield {**common, **({} if find is None else _cells(one, find))}


def _cells(picture: Picture, find: Find) -> dict[str, Any]:
    left, top, right, bottom = find.box
    pixels = picture.width * picture.height
    return {
        "label": find.label, "score": find.score, "left": left, "top": top, "width": right - left,
        "height": bottom - top, "share": round(find.area / pixels, 5) if pixels else "",
    }  # fmt: skip
