"""What became of each photo that was handed in, read from the ledgers: they alone know, also after a restart."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.console import clean_line
from runner.desk.choices import MASK, WORDS, shop_title
from runner.errors import UsageError, WorkflowError
from runner.files.naming import below, safe_suffix
from runner.files.verify import PICTURES
from runner.report.product import Outcome, Product, product_of
from runner.report.record import sections
from runner.server.advice import without_options
from runner.untrusted import items, mapping, text
from runner.words import shortened
from runner.workflow.load import bundled
from runner.workflow.origin import CUTOUT, base_name

OWN = ".prodgen"
"""The folder of what the desk itself needs, in the folder of its batches."""
WAITING, WORKING = "waiting", "working"
"""States of a shot that has not ended; the others are those of `Outcome`."""
_SURE, _FAIRLY, _HALF = 0.9, 0.75, 0.5
"""Confidence from which a cut-out is called sure, fairly sure, unsure (`benchmarks/README.md`: how often such ones are
right); below, it is a guess."""
_WHOLE = ("", "passed", "not passed")
"""What a row is called that is about a report as a whole."""
_FIGURES = re.compile(r" \(confidence [^()]*\)")
_MOST_ADVICE = 600
"""Letters of what to try: a card's."""


@dataclass(frozen=True)
class Shot:
    """One photo and what was made of it: the last of its attempts. `id` is the same in every run.

    `folder`: where its batch is; `words`: what a person said of the scene.
    """

    id: str
    folder: Path
    product: Product
    state: str
    photo: Path
    workflow: str
    shop: str
    words: str
    numbers: tuple[int, ...]
    """Its jobs in the ledger, the last one last."""
    has_mask: bool

    @property
    def entry(self) -> Entry:
        return self.product.entry

    @property
    def has_ended(self) -> bool:
        return self.product.outcome is not Outcome.OPEN

    @property
    def values(self) -> Mapping[str, Any]:
        return self.entry.job.values

    def files(self) -> list[tuple[str, Path]]:
        """(output, file) of the pictures it has, as far as they are there and browsers do not run them."""
        output_of = {
            text(file.get("file")): text(file.get("output"))
            for file in map(mapping, items(self.product.record.get("files")))
        }
        found = []
        for name in self.entry.files:
            path = below(self.folder, name)
            if path is not None and path.suffix.lower() in PICTURES and safe_suffix(path.name) == path.suffix.lower():
                found.append((output_of.get(path.name, ""), path))
        return found

    def cutout(self) -> Path | None:
        """The product on transparency."""
        return next((path for output, path in self.files() if output == CUTOUT and path.suffix == ".png"), None)

    def result(self) -> Path | None:
        """The picture to upload: the JPEG where there is one."""
        made = [path for output, path in self.files() if output != CUTOUT] or [path for _, path in self.files()]
        return next((path for path in made if path.suffix == ".jpg"), made[0] if made else None)

    def pictures(self) -> list[Path]:
        """All that it has."""
        return [path for _, path in self.files()]

    @property
    def advice(self) -> str:
        """What helps, as far as the failure says so."""
        if self.state not in (Outcome.REFUSED.key, Outcome.FAILED.key):
            return ""
        return "\n".join(self.product.reasons).partition("\n")[2].strip()

    def as_data(self, doing: str = "", share: float | None = None) -> dict[str, Any]:
        """What a page shows of it. `doing`, `share`: what its job is at, and how far."""
        product = self.product
        rules = list(_rules(product))
        why = _why(product, rules)
        return {
            "id": self.id,
            "rank": self.entry.id,
            "name": clean_line(self.photo.name),
            "photo": self.photo.parent.name,
            "state": self.state,
            "workflow": self.workflow,
            "shop": self.shop,
            "shop_title": shop_title(self.shop) if self.shop else "",
            "words": self.words,
            "look": product.wants_look,
            "why": why,
            "advice": shortened(without_options(self.advice), _MOST_ADVICE),
            "trust": "" if product.is_unsure and product.why and product.why in why else _trust(product.confidence),
            "rules": rules,
            "doing": doing,
            "share": share,
            "attempts": len(self.numbers),
            "has_mask": self.has_mask,
            "version": f"{self.entry.id}.{int(self.entry.ended_at or 0)}",
            "result": name_of(self.result()),
            "cutout": name_of(self.cutout()) if self.cutout() != self.result() else None,
            "files": [path.name for path in self.pictures()],
        }


def name_of(path: Path | None) -> str | None:
    return None if path is None else path.name


class Shots:
    """Reads the ledgers below a folder; what has ended is read once."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._ended: dict[tuple[Path, int], tuple[float | None, Product]] = {}

    def read(self) -> list[Shot]:
        """The newest first."""
        found: list[tuple[float, Shot]] = []
        for folder in folders(self._out):
            with contextlib.suppress(UsageError, sqlite3.Error):  # which is told where it is to be worked on
                found += self._of(folder)
        return [shot for _, shot in sorted(found, key=lambda pair: (pair[0], pair[1].entry.id), reverse=True)]

    def _of(self, folder: Path) -> Iterator[tuple[float, Shot]]:
        with contextlib.closing(Ledger(folder)) as ledger:
            entries = ledger.entries()
        attempts: dict[str, list[Entry]] = {}
        for entry in entries:
            attempts.setdefault(_id(folder, entry), []).append(entry)
        for number, those in attempts.items():
            last = those[-1]
            photo = Path(last.job.images.get("image") or next(iter(last.job.images.values()), last.title))
            product = self._product(folder, last)
            yield (
                _handed_in(photo),
                Shot(
                    number,
                    folder,
                    product,
                    _state(last, product),
                    photo,
                    base_name(folder.name.partition(".")[0]),
                    text(last.job.values.get("channel")),
                    next((text(last.job.values[word]) for word in WORDS if word in last.job.values), ""),
                    tuple(entry.id for entry in those),
                    MASK in last.job.images,
                ),
            )

    def _product(self, folder: Path, entry: Entry) -> Product:
        key = folder, entry.id
        known = self._ended.get(key)
        if known is not None and known[0] == entry.ended_at and known[1].entry.state == entry.state:
            return known[1]
        product = product_of(entry, clean_line(entry.title), folder)
        if entry.state in (JobState.DONE, JobState.FAILED):
            self._ended[key] = entry.ended_at, product
        return product


def folders(out: Path) -> list[Path]:
    """The folders of the desk's batches in `out`, one a workflow. One that somebody else made there is none."""
    try:
        found = sorted(path for path in out.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []
    return [path for path in found if workflow_of(path) and Ledger.exists(path)]


def workflow_of(folder: Path) -> str:
    """The workflow by which a batch of the desk is made, as `load_workflow` takes it; "" where the folder is none."""
    longer = folder.parent / OWN / f"{folder.name}.json"
    if longer.is_file():
        return str(longer)
    with contextlib.suppress(WorkflowError):
        return folder.name if bundled(folder.name) == folder.name else ""
    return ""


def _id(folder: Path, entry: Entry) -> str:
    """What stays the same when a photo is tried again with a mask, or another seed."""
    values = {name: value for name, value in entry.job.values.items() if name != "seed"}
    images = {name: path for name, path in entry.job.images.items() if name != MASK}
    what = json.dumps([folder.name, values, images], sort_keys=True, default=str)
    return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _handed_in(photo: Path) -> float:
    try:
        return photo.stat().st_mtime
    except OSError:
        return 0.0


def _state(entry: Entry, product: Product) -> str:
    if product.outcome is not Outcome.OPEN:
        return product.outcome.key
    return WORKING if entry.state in (JobState.RUNNING, JobState.SAVING) else WAITING


def _trust(confidence: float | None) -> str:
    if confidence is None:
        return ""
    percent = f"{confidence:.0%} certain"
    if confidence >= _SURE:
        return f"The cut-out is sure ({percent})."
    if confidence >= _FAIRLY:
        return f"The cut-out is fairly sure ({percent})."
    if confidence >= _HALF:
        return f"The cut-out is unsure ({percent}): look at its edges."
    return f"The cut-out is a guess ({percent}): look at all of it."


def _rules(product: Product) -> Iterator[dict[str, str]]:
    """The rules that were checked: what, what was found, what is asked for, and a mark. That a whole report passed is
    one, where nothing finer is said."""
    checked = [one for one in sections(product.entry, product.record) if one.title != "Licences"]
    rows = [(one.title, *row) for one in checked for row in one.rows if row[2]]
    finer = [row for row in rows if row[1] != "passed"]
    for title, what, found, mark in finer or rows:
        measured, _, asked = found.removesuffix(")").partition(" (asked: ")
        yield {"what": title if what in _WHOLE else what, "found": measured, "asked": asked, "mark": mark}


def _why(product: Product, rules: Sequence[Mapping[str, str]]) -> str:
    """Why it did not pass, in a sentence without figures that mean nothing to a seller."""
    failed = next((rule for rule in rules if rule["mark"] == "failed"), None)
    if product.outcome is Outcome.WARNED and failed is not None and not product.is_unsure:
        what = failed["what"]
        return f"{what[:1].upper()}{what[1:]}: {failed['found']}."
    said = [_FIGURES.sub("", product.why)]
    if product.outcome is Outcome.LOOK and product.note:
        note = product.note.removeprefix("Look at it: ")
        said.append(note[:1].upper() + note[1:])
    return " ".join(filter(None, said))
