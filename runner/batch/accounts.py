"""What a batch knows beside its jobs' ends: photos that cannot be used, results that were there before or are gone."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from runner.batch.changed import make_changed_again
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.live import BatchReporter
from runner.batch.mended import take_over
from runner.batch.order import BatchOrder
from runner.batch.plan import listed
from runner.batch.recover import done_before, read_record
from runner.batch.setup import Setup
from runner.files.whole import written_whole
from runner.words import counted


def take_up(order: BatchOrder, setup: Setup, ledger: Ledger, view: BatchReporter) -> None:
    """Bring the ledger to what is asked for now, and say what of it is made again, and why."""
    new = not ledger.facts()
    ledger.bind(setup.facts())
    if not order.joined:
        take_over(setup, order.out, ledger, view.notice)
        ledger.add(setup.jobs)
    if new:
        find_done(order.out, setup, ledger, view)
    note_lost_and_changed(order.out, setup, ledger, view)
    tell_unusable(setup, ledger.done_keys(), view)
    asked = setup.jobs if order.watch is None else None
    if not order.joined and (again := ledger.try_failed_again(asked)):
        view.notice(f"{counted(again, 'failed job is', 'failed jobs are')} tried again.")
    if interrupted := sum(entry.prompt_id is not None for entry in ledger.entries(JobState.WAITING)):
        view.notice(f"{counted(interrupted, 'interrupted job goes', 'interrupted jobs go')} on.")
    if setup.twice:
        view.notice(f"{counted(setup.twice, 'job was', 'jobs were')} asked for more than once; each is made once.")


def tell_unusable(setup: Setup, done: Set[str], view: BatchReporter) -> int:
    """Say all at once which photos of the jobs that are not done cannot be used; returns how many."""
    photos = {file for job in setup.jobs if job.key not in done for file in job.images.values()}
    lines = [line for file, line in setup.unusable.items() if file in photos]
    if lines:
        whole = counted(len(photos), "photo")
        head = f"{len(lines)} of {whole} cannot be used; what needs them fails, the rest is made:"
        view.notice("\n".join([head, *listed(lines)]))
    return len(lines)


def write_metrics(path: Path, text: str, view: BatchReporter) -> bool:
    """Whether it could be written; it is said where not."""
    try:
        with written_whole(path, errors="backslashreplace") as stream:
            stream.write(text)
    except OSError as error:
        view.notice(
            f"warning: {path} could not be written ({error.strerror or error}); the same command writes it again."
        )
        return False
    return True


def find_done(out: Path, setup: Setup, ledger: Ledger, view: BatchReporter) -> None:
    """The ledger is new and the batch is not: what is done is known from the results themselves."""
    results = {
        key: (
            left.sidecar.relative_to(out).as_posix(),
            [path.relative_to(out).as_posix() for path in left.files],
            left.warnings,
        )
        for key, left in done_before(out, setup.workflow.label).items()
    }
    if count := ledger.found_done(results):
        words = counted(count, "job is known to be done by its result", "jobs are known to be done by their results")
        view.notice(f"There was no ledger; {words}.")


def note_lost_and_changed(out: Path, setup: Setup, ledger: Ledger, view: BatchReporter) -> None:
    """Results that were deleted since are made again, and those of photos that have changed since."""
    lost = lost_files(out, ledger)
    if lost:
        words = counted(len(lost), "result is not there any more and is", "results are not there any more and are")
        view.notice(f"{words} made again.")
        ledger.make_again(lost, "its files were gone")
    make_changed_again(out, setup.jobs, ledger, view.notice)


def lost_files(out: Path, ledger: Ledger) -> list[int]:
    return [entry.id for entry in ledger.entries(JobState.DONE) if _is_lost(out, entry)]


def _is_lost(out: Path, entry: Entry) -> bool:
    """Whether a file of a job that is done is gone. One without any made texts alone, which its sidecar holds."""
    if entry.files:
        return not all((out / file).is_file() for file in entry.files)
    record = read_record(out / entry.sidecar) if entry.sidecar is not None else None
    return record is None or bool(record.get("files"))
