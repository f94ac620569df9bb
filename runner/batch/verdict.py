"""What a person should look at once a batch is through: rules that are not met, cut-outs that are more of a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.batch.entries import Entry, JobState
from runner.batch.names import names_of
from runner.batch.records import record_of
from runner.execution.doubts import TRUSTED, certainty, is_unsure, not_checked
from runner.execution.missing_verdicts import is_missing
from runner.words import counted

_LISTED = 5
"""Names that a line shows: enough to begin with."""


@dataclass(frozen=True)
class Verdict:
    """Of `made` results: the names of those that do not meet the rules, of those that were cut out unsurely, of those
    of which nobody can tell whether the product is whole, and of those that a check was to judge and did not."""

    made: int
    unmet: tuple[str, ...]
    unsure: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()

    def lines(self, *, strict: bool) -> list[str]:
        """What to say last; nothing where all is well. `strict`: what it means for the exit code, too."""
        lines = []
        code = " (exit code 7, for --strict was asked)" if strict else ""
        if self.unjudged:
            lines.append(
                f"warning: the verdict of a check did not arrive for {len(self.unjudged)} of "
                f"{counted(self.made, 'product')}{code}: {_shown(self.unjudged)}"
            )
        if self.unmet:
            lines.append(
                f"warning: {len(self.unmet)} of {counted(self.made, 'product')} "
                f"{'does' if len(self.unmet) == 1 else 'do'} not meet the rules{code}: {_shown(self.unmet)}"
            )
        if self.unsure:
            lines.append(
                f"warning: {len(self.unsure)} of {counted(self.made, 'product')} "
                f"{'was' if len(self.unsure) == 1 else 'were'} cut out with a certainty below {TRUSTED:.0%}; "
                f"look at {'it' if len(self.unsure) == 1 else 'these'}: {_shown(self.unsure)}"
            )
        if self.unchecked:
            lines.append(
                f"Whether the product is whole could not be checked in {len(self.unchecked)} of "
                f"{counted(self.made, 'result')}; look at {'it' if len(self.unchecked) == 1 else 'these'}: "
                f"{_shown(self.unchecked)}"
            )
        return lines

    def more(self) -> str:
        """What the line that counts the results adds."""
        unmet = f", {len(self.unmet)} of them against the rules" if self.unmet else ""
        return f"{unmet}, {len(self.unjudged)} of them not judged" if self.unjudged else unmet


def verdict(folder: Path, entries: Sequence[Entry]) -> Verdict:
    """What became of the jobs that are done, by the ledger and the records beside their results in `folder`."""
    names = names_of(entries)
    done = [entry for entry in entries if entry.state == JobState.DONE]
    records = {entry.id: record_of(folder, entry) for entry in done}
    certain = {job: certainty(record) for job, record in records.items()}
    return Verdict(
        len(done),
        tuple(names[entry.id] for entry in done if not all(map(is_missing, entry.warnings))),
        tuple(names[job] for job, value in certain.items() if is_unsure(value)),
        tuple(names[job] for job, record in records.items() if not_checked(record)),
        tuple(names[entry.id] for entry in done if any(map(is_missing, entry.warnings))),
    )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"
