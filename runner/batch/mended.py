"""A photo that is asked for again with another mask, or another trust in its cut-out, is the same job of the batch.

What failed is made in its own place then, in its own sub-folder and under its own name, and the command that it failed
in takes it for done from then on: a photo is mended, and the batch is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.batch.changed import move_away
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.plan import CONFIDENCE, CUTTING, BatchJob
from runner.batch.setup import Setup
from runner.data import figure
from runner.words import counted


@dataclass(frozen=True)
class Mended:
    """Jobs of the ledger by number. `instead`: what each is asked for as now; `answered`: by what is done it is
    answered, whose cut-out was sure enough."""

    instead: Mapping[int, BatchJob] = field(default_factory=dict)
    answered: Mapping[int, BatchJob] = field(default_factory=dict)


def mended(
    jobs: Iterable[BatchJob],
    entries: Sequence[Entry],
    known: Iterable[str],
    least: float | None,
    *,
    once: bool,
) -> Mended:
    """Which jobs that are asked for are those of `entries` in another cut-out.

    Args:
        known: under which keys else jobs were asked for before.
        least: the confidence that the workflow asks for where nothing is set.
        once: what is done, too, gives way: the results of the batch are put together.
    """
    asked = list(jobs)
    keys = {job.key for job in asked}
    had = {*known, *(entry.key for entry in entries)}
    alike: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.key not in keys:
            alike.setdefault(_what(entry.job), []).append(entry)
    instead: dict[int, BatchJob] = {}
    answered: dict[int, BatchJob] = {}
    for job in asked:
        free = [
            one
            for one in alike.get(_what(job), ())
            if one.id not in instead and one.id not in answered and _cutting(one.job) != _cutting(job)
        ]
        if job.key in had or not free:
            continue
        done = next((one for one in free if one.state == JobState.DONE and _is_sure_enough(one.job, job, least)), None)
        open_ = next((one for one in free if one.state in (JobState.FAILED, JobState.WAITING)), None)
        if done is not None:
            answered[done.id] = job
        elif open_ is not None:
            instead[open_.id] = job
        elif once and free[-1].state == JobState.DONE:
            instead[free[-1].id] = job
    return Mended(instead, answered)


def take_over(setup: Setup, out: Path, ledger: Ledger, notice: Callable[[str], None]) -> None:
    """Let the jobs of the ledger be what is asked for now; results of those that are made again are moved away."""
    entries = {entry.id: entry for entry in ledger.entries()}
    is_alike = setup.options is not None
    found = mended(setup.jobs, list(entries.values()), ledger.formers(), setup.least, once=is_alike)
    if not found.instead and not found.answered:
        return
    move_away(out, [entries[job] for job in found.instead if entries[job].files])
    ledger.ask_otherwise(found.instead, found.answered)
    if found.instead:
        names = ", ".join(entries[job].title for job in list(found.instead)[:3])
        more = f" and {len(found.instead) - 3} more" if len(found.instead) > 3 else ""
        notice(f"{counted(len(found.instead), 'job is', 'jobs are')} cut out in another way now: {names}{more}.")


def _what(job: BatchJob) -> str:
    """All that a job is asked for but how the product is cut out."""
    given: dict[str, Any] = {**job.values, **job.images}
    kept = sorted((name, str(value)) for name, value in given.items() if name not in CUTTING)
    return repr((kept, job.seed))


def _cutting(job: BatchJob) -> dict[str, str]:
    return {name: str(value) for name, value in {**job.values, **job.images}.items() if name in CUTTING}


def _is_sure_enough(done: BatchJob, job: BatchJob, least: float | None) -> bool:
    """Whether what was made as `done` is what would be made as `job`: they differ in the confidence alone, and `job`
    asks for no more."""
    before, now = (_confidence(one, least) for one in (done, job))
    others = ({**_cutting(one), CONFIDENCE: ""} for one in (done, job))
    return next(others) == next(others) and before is not None and now is not None and now <= before


def _confidence(job: BatchJob, least: float | None) -> float | None:
    said = job.values.get(CONFIDENCE, least)
    try:
        return None if said is None else figure(float(said))
    except (TypeError, ValueError):
        return None
