"""What the page says of one job of a batch: a product, how it came out, and how sure that is."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from runner.batch.changed import is_as_recorded
from runner.batch.entries import DECLINED, Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.names import names_of
from runner.batch.records import record_of
from runner.console import clean, clean_line
from runner.data import figure
from runner.execution.doubts import certainty, doubts, is_unsure, not_checked
from runner.untrusted import mapping, text, texts
from runner.words import sentences

_NODE = re.compile(r'"[^"\n]{1,200}" \([^()\n]{1,100}, node [^()\n]{1,60}\) failed: ')
_ENLARGED = re.compile(r"enlargement: ×(\d{1,4}(?:\.\d{1,4})?)")
_LONGEST = 160
_OF_THE_FILE = frozenset({
    "pixels", "zoom", "aspect", "fill", "enlargement", "file type", "bytes", "PNG bytes", "colour space", "shadow",
    "border", "border in the JPEG", "background",
})  # fmt: skip
"""Rules that a larger photo or another setting meets; every other one is about the product itself."""
_WRONG_COLOUR = 10.0
"""ΔE00 at which a colour is as wrong as a cut-out that is a mere guess."""


class Outcome(Enum):
    """How a job ended: (in the page, for people). The worst first."""

    FAILED = ("failed", "Failed")
    REFUSED = ("refused", "Not cut out")
    """A node declined to work on the photo."""
    WARNED = ("warned", "Rule not met")
    """It was made, and a check of its workflow did not pass."""
    LOOK = ("look", "Look at it")
    """Every check passed, and its cut-out is unsure, or nobody could tell whether it is whole."""
    OPEN = ("open", "Not finished")
    PASSED = ("passed", "Passed")

    @property
    def key(self) -> str:
        return self.value[0]

    @property
    def words(self) -> str:
        return self.value[1]


@dataclass(frozen=True)
class Product:
    """`name`: how a seller finds its photo; `why`: a sentence, where it did not pass; `reasons`: all that is said."""

    entry: Entry
    name: str
    outcome: Outcome
    why: str
    reasons: tuple[str, ...]
    confidence: float | None
    delta_e00: float | None
    record: Mapping[str, Any]

    @property
    def photos(self) -> list[Path]:
        return [Path(path) for path in self.entry.job.images.values()]

    def shows(self, path: Path) -> bool:
        """Whether one of `photos` may stand in the page: the record knows what it holds. A ledger may be somebody's and
        name any picture of this computer, and a page is passed on."""
        record = self.record if self.entry.state == JobState.DONE else {"batch": self.entry.metrics}
        names = [name for name, file in self.entry.job.images.items() if Path(file) == path]
        return any(is_as_recorded(path, name, record) for name in names)

    @property
    def group(self) -> str:
        return "/".join(part for part in (self.entry.job.group, self.entry.job.category) if part)

    @property
    def wants_look(self) -> bool:
        """Whether a person should look at it: one answer for rank, badge, filters and what is copied."""
        return self.outcome not in (Outcome.PASSED, Outcome.OPEN)

    @property
    def is_unsure(self) -> bool:
        """Whether its cut-out is more of a guess."""
        return is_unsure(self.confidence)

    @property
    def doubt(self) -> tuple[int, int, float, float]:
        """Products in this order, the largest first, are the worst first: by how they ended and what it concerns, by
        how many checks they did not pass, by how far the photo was enlarged, by how sure the cut-out is and how true
        the colour."""
        unsure = 0.0 if self.confidence is None else 1 - self.confidence
        untrue = 0.0 if self.delta_e00 is None else self.delta_e00 / _WRONG_COLOUR
        return self._weight, len(self.reasons), self._enlarged, max(unsure, untrue)

    @property
    def _enlarged(self) -> float:
        found = (_ENLARGED.search(reason) for reason in self.reasons)
        return max((float(match[1]) for match in found if match), default=0.0)

    @property
    def shops(self) -> tuple[str, ...]:
        """The shops that its pictures are for."""
        several = tuple(texts(self.record.get("channels")))
        one = text(mapping(self.record.get("inputs")).get("channel")) or text(self.entry.job.values.get("channel"))
        return several or ((one,) if one else ())

    @property
    def note(self) -> str:
        """What a person should look at although every check passed; "" where there is nothing."""
        why = clean_line(not_checked(self.record))
        return f"Look at it: whether the product is whole was not checked ({why})." if why else ""

    @property
    def _weight(self) -> int:
        """Nothing came of it; the product is not right; nobody is sure of it; a size or the background is not."""
        if self.outcome in (Outcome.FAILED, Outcome.REFUSED):
            return 7 if self.outcome is Outcome.FAILED else 6
        if self.outcome is Outcome.WARNED and _concerns_product(self.reasons[0]):
            return 5
        if self.wants_look and self.is_unsure:
            return 4
        return {Outcome.WARNED: 3, Outcome.LOOK: 2, Outcome.OPEN: 1}.get(self.outcome, 0)


def products(ledger: Ledger, folder: Path) -> list[Product]:
    """Every job of the batch, in its order."""
    entries = ledger.entries()
    names = names_of(entries)
    named = [names[entry.id] for entry in entries]
    often = Counter(named)
    return [
        product_of(entry, name if often[name] == 1 else f"{name} · {clean_line(entry.job.stem.name)}", folder)
        for entry, name in zip(entries, named, strict=True)
    ]


def product_of(entry: Entry, name: str, folder: Path) -> Product:
    """One job of the batch in `folder`, called `name`."""
    record = record_of(folder, entry)
    reasons = (entry.error,) if entry.error else tuple(sorted(entry.warnings, key=_concerns_product, reverse=True))
    outcome, certain = _outcome(entry), certainty(record)
    if outcome is Outcome.PASSED and doubts(record):
        outcome = Outcome.LOOK
    return Product(
        entry,
        name,
        outcome,
        _why(entry, outcome, reasons, certain),
        tuple(clean(reason).strip() for reason in reasons),
        certain,
        figure(entry.metrics.get("delta_e00_mean")),
        record,
    )


def _outcome(entry: Entry) -> Outcome:
    if entry.state == JobState.DONE:
        return Outcome.WARNED if entry.warnings else Outcome.PASSED
    if entry.state == JobState.FAILED:
        return Outcome.REFUSED if entry.metrics.get(DECLINED) is True else Outcome.FAILED
    return Outcome.OPEN


def _concerns_product(reason: str) -> bool:
    """Whether what a check says (`Amazon: fill: 80% (asked: …)`) is about the product, not about sizes and colours of
    the picture around it."""
    return _OF_THE_FILE.isdisjoint(reason.split(": ")[:-1])


def _why(entry: Entry, outcome: Outcome, reasons: Sequence[str], certain: float | None) -> str:
    """The most telling reason, in a sentence; "" where there is none."""
    is_told = outcome in (Outcome.FAILED, Outcome.REFUSED) or any(map(_concerns_product, reasons[:1]))
    if is_unsure(certain) and not is_told and outcome is not Outcome.OPEN:
        return f"The cut-out is only {certain:.0%} certain: look at its edges."
    return _sentence(reasons[0], entry) if reasons and outcome is not Outcome.PASSED else ""


def _sentence(said: str, entry: Entry) -> str:
    """The first sentence, without what the card says already: which photo, and which node of the workflow."""
    sentence = _NODE.sub("", clean(said), count=1).strip()
    for name in (name for path in entry.job.images.values() for name in (clean(path), clean(Path(path).name))):
        sentence = sentence.removeprefix(name).lstrip(": \n") if name else sentence
    first = " ".join(sentences(sentence)[0].split())
    if len(first) > _LONGEST:
        clauses, cut, _ = first[:_LONGEST].rpartition(";")
        clauses += ")" * (clauses.count("(") - clauses.count(")"))
        first = f"{clauses}." if cut else textwrap.shorten(first, _LONGEST, placeholder=" …")
    return first[:1].upper() + first[1:]
