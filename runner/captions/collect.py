"""Captions of a batch put where trainers look for them, with what was kept; the table of all."""

from __future__ import annotations

import contextlib
import csv
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from runner.batch.beside import Beside
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.photo_folder import PHOTO_SUFFIXES
from runner.batch.records import record_of
from runner.batch.sidecars import photo_of, reports_of
from runner.batch.store import in_words
from runner.captions.dataset import Pair, caption_of, problems, read_caption
from runner.data import figure
from runner.files import spreadsheet
from runner.files.naming import below
from runner.files.paths import is_within, own_path
from runner.files.reading import open_file, read_text
from runner.files.whole import written_whole
from runner.untrusted import text

TABLE = "captions.csv"
_COLUMNS = ("photo", "caption", "source", "tokens", "problems")


@dataclass(frozen=True)
class Wanted:
    """How captions are delivered: beside the photos themselves or beside copies below `out`; whether those that are
    there already are written again; the photos that were named now; and the (photo, its folder) of those that were
    kept as they are. A ledger may name any file there is: nothing is put beside one that was not named."""

    out: Path
    in_place: bool
    again: bool
    tag: str
    photos: Sequence[Path]
    kept: Sequence[tuple[Path, Path]] = ()


class Captions(NamedTuple):
    """What there is now, what is wrong with the caption of which photo, and the table of both."""

    pairs: list[Pair]
    faults: dict[Path, list[str]]
    table: Path | None


def collect(wanted: Wanted, beside: Beside, notice: Callable[[str], None]) -> Captions:
    """Deliver every caption that the ledger knows, and what was kept."""
    pairs = [*_made(wanted, beside, notice), *_kept(wanted, beside)]
    return write_table(Captions(pairs, problems(pairs, wanted.tag), None), beside)


def write_table(captions: Captions, beside: Beside) -> Captions:
    """The same, its table written."""
    pairs, faults, _ = captions
    return Captions(pairs, faults, beside.write(TABLE, _table(pairs, faults).encode("utf-8", "replace")))


def captions_below(root: Path, out: Path, tag: str) -> Captions:
    """The captions that lie below `root` now, and the table of them in `out`, which may be older than they are.

    How a caption was made is known from that table as long as it is the same; what it says has none, has none.
    """
    table = out / TABLE
    known = _rows_of(table)
    pairs = []
    for photo in _photos_below(root, out):
        row = known.pop(own_path(photo), {})
        pair = Pair(photo, caption_of(photo))
        if row.get("caption") and row["caption"] == pair.text:
            tokens = row.get("tokens", "")
            pair = replace(pair, source=row.get("source") or "", tokens=int(tokens) if tokens.isdecimal() else None)
        pairs.append(pair)
    for photo, row in known.items():
        if not row.get("caption"):  # it was never put anywhere
            pairs.append(Pair(photo, photo, source="", refused=row.get("problems") or "has no caption"))
    return Captions(pairs, problems(pairs, tag), table if table.is_file() else None)


def latest_about(root: Path, folders: Iterable[Path]) -> Path | None:
    """Of the folders with a table, the one about photos below `root` that was written last."""
    tables = [folder / TABLE for folder in folders if (folder / TABLE).is_file()]
    about = [table for table in tables if any(is_within(photo, root) for photo in _rows_of(table))]
    return max(about, key=lambda table: table.stat().st_mtime).parent if about else None


def _photos_below(root: Path, out: Path) -> list[Path]:
    """The photos of a folder that no link leads out of it to; without those of results that lie in it."""
    found = []
    for path in sorted(path for path in root.rglob("*") if path.suffix.lower() in PHOTO_SUFFIXES):
        place = path.relative_to(root)
        hidden = any(part.startswith(".") for part in place.parts)
        others = own_path(root) != own_path(out) and is_within(path, out)
        if path.is_file() and not hidden and not others and below(root, place.as_posix()) is not None:
            found.append(path)
    return found


def _rows_of(table: Path) -> dict[Path, dict[str, str]]:
    """The lines of a table, by their photos; none where it cannot be read."""
    try:
        lines = csv.DictReader(read_text(table).splitlines())
        rows = [{name: value for name, value in row.items() if isinstance(value, str)} for row in lines]
    except (OSError, ValueError, csv.Error):
        return {}
    return {own_path(Path(row["photo"])): row for row in rows if row.get("photo") and "\0" not in row["photo"]}


def _made(wanted: Wanted, beside: Beside, notice: Callable[[str], None]) -> Iterator[Pair]:
    if not Ledger.exists(wanted.out):
        return
    with in_words(wanted.out), contextlib.closing(Ledger(wanted.out)) as ledger:
        entries = ledger.entries()
    left_alone = {own_path(photo) for photo, _ in wanted.kept}
    named = {own_path(photo) for photo in wanted.photos}
    for entry in entries:
        photo = photo_of(entry)
        if photo in left_alone or (wanted.in_place and photo not in named):
            continue
        made = next((below(wanted.out, name) for name in entry.files if name.endswith(".txt")), None)
        if entry.state != JobState.DONE or made is None:
            place = f"{entry.job.stem.as_posix()}.txt"
            refused = "" if below(wanted.out, place) else f"has no caption: a link leads {place} out of {wanted.out}"
            yield Pair(photo, wanted.out / place, source="", refused=refused)
        elif wanted.in_place:
            refused = _put(photo, made, wanted.again, notice)
            yield replace(_pair(wanted, entry, photo, caption_of(photo)), refused=refused)
        else:
            copy = beside.copy(photo, made.relative_to(wanted.out).with_suffix(photo.suffix).as_posix())
            yield _pair(wanted, entry, copy or photo, made)


def _pair(wanted: Wanted, entry: Entry, photo: Path, file: Path) -> Pair:
    report = next((one for one in reports_of(record_of(wanted.out, entry)) if "common_tag" in one), {})
    tokens = figure(report.get("tokens"))
    same = text(report.get("caption")) == Pair(photo, file).text  # not edited since
    counted = int(tokens) if tokens is not None and same else None
    return Pair(photo, file, text(report.get("source")), counted, report.get("common_tag") is True)


def _put(photo: Path, made: Path, again: bool, notice: Callable[[str], None]) -> str:
    """The caption beside its photo; one that is there stays, unless `again`. Why that could not be done, or ""."""
    target = caption_of(photo)
    if again or not os.path.lexists(target):
        try:
            write_caption(target, read_caption(made))
        except OSError as error:
            why = error.strerror or error
            notice(f"warning: {target} could not be written ({why}); the same command writes it again.")
            return f"has a caption that could not be written beside it ({why})"
    return ""


def write_caption(target: Path, caption: str) -> None:
    """Write one caption whole: one line."""
    with written_whole(target) as stream:
        stream.write(" ".join(caption.split()) + "\n")


def _kept(wanted: Wanted, beside: Beside) -> Iterator[Pair]:
    taken: dict[Path, Path | None] = {}  # two photos may have one caption: bag.jpg and bag.png
    for photo, folder in wanted.kept:
        caption = caption_of(photo)
        if wanted.in_place:
            yield Pair(photo, caption)
            continue
        copy = beside.copy(photo, (folder / photo.name).as_posix())
        place = (copy or wanted.out / folder / photo.name).with_suffix(".txt")
        refused = Pair(photo, caption).fault
        if not refused and caption not in taken:
            taken[caption] = _copied(beside, caption, place.relative_to(wanted.out).as_posix())
        file = taken.get(caption)
        if not refused and file is None:
            refused = f"has a caption that could not be copied to {place}"
        yield Pair(copy or photo, file or place, refused=refused)


def _copied(beside: Beside, caption: Path, name: str) -> Path | None:
    """A caption as it is, without Notepad's mark: to a trainer it is a letter before the tag."""
    with contextlib.suppress(OSError), open_file(caption) as stream:
        if stream.read(len(BOM_UTF8)) == BOM_UTF8:
            return beside.write(name, f"{read_caption(caption)}\n".encode())
    return beside.copy(caption, name)


def _table(pairs: Sequence[Pair], faults: dict[Path, list[str]]) -> str:
    rows = (
        {
            "photo": str(pair.photo),
            "caption": pair.text or "",
            "source": pair.source,
            "tokens": "" if pair.tokens is None else pair.tokens,
            "problems": "; ".join(faults.get(pair.photo, [])),
        }
        for pair in pairs
    )
    return spreadsheet.table(_COLUMNS, rows)
