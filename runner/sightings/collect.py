"""What is written once a run ends: the table of all pictures, and the pictures themselves where they belong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.beside import Beside
from runner.batch.ledger import Ledger
from runner.batch.store import in_words
from runner.execution.outputs import FOUND, NOT_FOUND, UNSURE, VERDICTS
from runner.files import spreadsheet
from runner.sightings.verdicts import Find, Picture, pictures

FOLDERS = {FOUND: "found", UNSURE: "unsure", NOT_FOUND: "not_found"}
_NO_VERDICT = "no verdict on it arrived"
_COLUMNS = (
    "picture", "verdict", "label", "score", "left", "top", "width", "height", "share", "delivered", "masks", "why",
    "state", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Collected:
    """How many pictures there are of each verdict ("" for those without one), the table, and why which picture is not
    found or unsure."""

    counts: Mapping[str, int]
    table: Path | None
    why: Mapping[str, str]
    unjudged: tuple[str, ...] = ()
    """Pictures that were looked at and have no verdict."""


def sort_pictures(beside: Beside) -> Collected:
    """`found/`, `unsure/` and `not_found/`: each picture copied byte for byte, in its own sub-folder; `filter.csv`."""
    pictures = _read(beside.folder, 1)
    delivered = [
        beside.copy(one.photo, f"{FOLDERS[one.verdict]}/{one.place}") if one.verdict else None for one in pictures
    ]
    beside.moved_on(frozenset(FOLDERS.values()))
    return _finish(beside, pictures, delivered, "filter.csv")


def pass_on(beside: Beside) -> Collected:
    """The pictures that were not enhanced, byte for byte beside those that were; `enhance.csv`."""
    pictures = _read(beside.folder, 0)
    delivered: list[Path | None] = []
    for one in pictures:
        if one.verdict and one.verdict != FOUND:
            delivered.append(beside.copy(one.photo, one.place))
        else:
            made = next((name for name in one.entry.files if not name.endswith((".txt", "_mask.png"))), None)
            delivered.append(None if made is None else beside.folder / made)
    return _finish(beside, pictures, delivered, "enhance.csv")


def _read(folder: Path, folders_of_its_own: int) -> list[Picture]:
    with in_words(folder), contextlib.closing(Ledger(folder)) as ledger:
        return list(pictures(ledger, folder, folders_of_its_own))


def _finish(beside: Beside, pictures: Sequence[Picture], delivered: Sequence[Path | None], name: str) -> Collected:
    table = beside.write(name, _table(pictures, delivered, beside.folder).encode("utf-8", "replace"))
    counts = {verdict: sum(one.verdict == verdict for one in pictures) for verdict in (*VERDICTS, "")}
    why = {one.source: one.why for one in pictures if one.verdict in (UNSURE, NOT_FOUND)}
    return Collected(counts, table, why, tuple(one.source for one in pictures if one.is_unjudged))


def _table(pictures: Sequence[Picture], delivered: Sequence[Path | None], folder: Path) -> str:
    return spreadsheet.table(_COLUMNS, _rows(pictures, delivered, folder))


def _rows(pictures: Sequence[Picture], delivered: Sequence[Path | None], folder: Path) -> Iterator[dict[str, Any]]:
    for one, path in zip(pictures, delivered, strict=True):
        there = "" if path is None else path.relative_to(folder).as_posix()
        masks = [name for name in one.entry.files if name.endswith(".png") and name != there]
        common = {
            "picture": one.source,
            "verdict": one.verdict,
            "delivered": there,
            "masks": "; ".join(masks),
            "why": one.why,
            "state": one.entry.state,
            "reason": _NO_VERDICT if one.is_unjudged else (one.entry.error or "").partition("\n")[0],
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
