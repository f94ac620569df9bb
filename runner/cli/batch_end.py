"""How a batch ends: what became of it, what a person should look at, and its exit code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from runner import events
from runner.batch.accounts import lost_files, write_metrics
from runner.batch.changed import Changes
from runner.batch.entries import Entry, JobState
from runner.batch.metrics import table, totals
from runner.batch.names import names_of
from runner.batch.store import LedgerGoneError
from runner.batch.verdict import Verdict, verdict
from runner.cli.told import show
from runner.data import figure
from runner.errors import EXIT_QUALITY, EXIT_USAGE, ServerUnavailableError, worst_code
from runner.words import counted

if TYPE_CHECKING:
    from runner.batch.ledger import Ledger
    from runner.batch.live import BatchReporter
    from runner.batch.order import BatchOrder
    from runner.batch.setup import Setup

_MANY = 10
"""Jobs from which on a screen is full: failures are said again at the end, and what the machine did in an hour."""
_LISTED = 20
"""Failures that are said again at the end: a screen's."""


def is_all_done(order: BatchOrder, setup: Setup, ledger: Ledger) -> bool:
    """Whether nothing is left of the batch, nor anything of `setup` that it does not have: no server is needed."""
    entries = ledger.entries()
    if any(entry.state != JobState.DONE for entry in entries):
        return False
    if not ledger.done_keys().issuperset(job.key for job in setup.jobs):
        return False
    return not lost_files(order.out, ledger) and not Changes(order.out, setup.jobs, ledger.formers()).among(entries)


def end_with_nothing_to_make(order: BatchOrder, view: BatchReporter, entries: Sequence[Entry]) -> int:
    """Say where the results of earlier runs are; the exit code."""
    is_written = order.metrics is None or write_metrics(order.metrics, table(entries), view)
    for event in _told_again(order, entries):
        view.was_done(event)
    judged = _judged(order, view, entries)
    view.nothing_to_make(len(entries), len(entries), order.out, judged.more())
    return _code(order, entries, is_written=is_written)


def tell_figures(order: BatchOrder, view: BatchReporter, entries: Sequence[Entry], before: Iterable[int]) -> bool:
    """What the batch cost, into the table of `--metrics` and in words; `before`: the jobs that were done before.
    Returns whether that table could be written."""
    is_written = order.metrics is None or write_metrics(order.metrics, table(entries), view)
    known = set(before)
    if any(entry.state == JobState.DONE and entry.id not in known for entry in entries) or not known:
        for line in totals(entries, order.watts).lines(few=len(entries) < _MANY):
            view.notice(line)
    return is_written


def end(
    order: BatchOrder,
    view: BatchReporter,
    ledger: Ledger,
    entries: Sequence[Entry],
    *,
    began: float,
    shared: bool,
    is_written: bool,
) -> int:
    """Say what became of it; the exit code. Raises where something is left that nobody is at. `is_written`: whether
    every table is there that was asked for."""
    lost = lost_files(order.out, ledger)
    if lost:
        raise LedgerGoneError(
            f"{counted(len(lost), 'result was', 'results were')} deleted from {order.out} while the batch ran.",
            advice="The same command makes them again.",
        )
    failed = [entry for entry in entries if entry.state == JobState.FAILED]
    names = names_of(entries)
    listed = failed if shared or len(entries) >= _MANY else []  # of few, each was just told
    for entry in listed[:_LISTED]:
        view.notice(f"failed: {names[entry.id]}: {(entry.error or '').partition(chr(10))[0]}")
    if len(listed) > _LISTED:
        view.notice(f"… and {counted(len(listed) - _LISTED, 'more failed job')} (see the report, or --metrics).")
    left = sum(entry.state not in (JobState.DONE, JobState.FAILED) for entry in entries)
    if left and not shared:
        raise ServerUnavailableError(
            f"{counted(left, 'job is', 'jobs are')} left for a server that is not there.",
            advice="The same command goes on.",
        )
    judged = _judged(order, view, entries)
    seconds = time.monotonic() - began
    view.ends(judged.made, len(entries), len(failed), order.out, seconds, judged.more())
    return _code(order, entries, is_written=is_written)


def _judged(order: BatchOrder, view: BatchReporter, entries: Sequence[Entry]) -> Verdict:
    judged = verdict(order.out, entries)
    for line in judged.lines(strict=order.strict):
        view.notice(line)
    return judged


def _code(order: BatchOrder, entries: Sequence[Entry], *, is_written: bool) -> int:
    """The exit code; with `--open`, the results are shown first. 0 says that every file that was asked for is there."""
    done = [entry for entry in entries if entry.state == JobState.DONE]
    if order.open and done:
        show(order.out)
    codes = [entry.exit_code for entry in entries if entry.state == JobState.FAILED]
    codes += [EXIT_QUALITY] if order.strict and any(entry.warnings for entry in done) else []
    return worst_code([*codes, *([] if is_written else [EXIT_USAGE])])


def _told_again(order: BatchOrder, entries: Sequence[Entry]) -> Iterator[events.Output | events.Done]:
    """The last events of each job, as when it was done."""
    for entry in entries:
        paths = tuple(str(order.out / file) for file in entry.files)
        for path in paths:
            yield events.Output(entry.id, entry.prompt_id, path)
        seconds = figure(entry.metrics.get("seconds")) or 0
        sidecar = None if entry.sidecar is None else str(order.out / entry.sidecar)
        yield events.Done(entry.id, entry.prompt_id, paths, sidecar, seconds, entry.warnings)
