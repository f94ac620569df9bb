"""A batch's command line, checked as a whole before anything is submitted: every problem at once."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from runner.batch.compatibility import CannotRunError, Compatibility
from runner.batch.entries import JobState
from runner.batch.ledger import Ledger
from runner.batch.metrics import METRICS_BEGIN
from runner.batch.order import BatchOrder
from runner.batch.photo_folder import LeftOut, photos, unusable
from runner.batch.plan import (
    CONFIDENCE,
    CUTTING,
    BatchJob,
    Seeds,
    Stems,
    check_values,
    expand,
    listed,
    occurrences,
    refuse,
    sweeps,
)
from runner.batch.rows import MANY_SEEDS, Row, seed_list, table
from runner.console import clean_line
from runner.data import figure
from runner.errors import PhotoError, UsageError, WorkflowRejectedError
from runner.execution.attachments import HINT, input_of
from runner.files.naming import check_template
from runner.files.paths import expanded, own_path
from runner.files.records import record_of
from runner.files.writable import check_file, check_folder
from runner.suggest import Suggestions
from runner.validation.standing_in import NAME
from runner.words import counted
from runner.workflow.channels import for_channels, without_channel
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import recorded_object_info, that_knows_all


@dataclass(frozen=True)
class Setup:
    """What is to be done, as far as it can be known without a server."""

    workflow: Workflow
    jobs: list[BatchJob]
    twice: int
    """How many jobs were asked for more than once; they are made once."""
    unusable: Mapping[str, str] = field(default_factory=dict)
    """Photo (as jobs name it) → why it cannot be used, and where it is named."""
    left_out: tuple[str, ...] = ()
    """What in the folder of the photos is none, a line for each kind."""
    options: str | None = None
    """What was set, where that must stay the same (`BatchOrder.alike`)."""

    @property
    def notes(self) -> list[str]:
        """What may not be meant: one mask for many photos."""
        masked: dict[str, dict[str, None]] = {}
        for job in self.jobs:
            name, photo = next(iter(job.images.items()), (HINT, ""))
            if name != HINT and HINT in job.images:
                masked.setdefault(job.images[HINT], {})[photo] = None
        return [
            f"warning: {Path(mask).name} says what is product in {counted(len(photos), 'photo')}; a mask of one "
            "photo is for that photo: name it alone."
            for mask, photos in masked.items()
            if len(photos) > 1
        ]

    @property
    def least(self) -> float | None:
        """How sure the workflow asks a cut-out to be where nothing is set; None where it does not."""
        spec = input_of(self.workflow, CONFIDENCE, recorded_object_info(WORKFLOWS_DIR))
        return None if spec is None else figure(spec.default)

    def facts(self) -> dict[str, str]:
        """What must be the same when the batch goes on."""
        text = self.workflow.path.read_bytes()
        more = f" {NAME}" if self.workflow.smoke else ""
        more += f" for {', '.join(self.workflow.channels)}" if self.workflow.channels else ""
        facts = {"workflow": f"{self.workflow.label} {hashlib.sha256(text).hexdigest()[:16]}{more}"}
        return facts if self.options is None else {**facts, "options": self.options}


def prepare(order: BatchOrder) -> Setup:
    """Everything that can be checked without a server. The job of a folder that is watched is there for the check only.

    Raises UsageError, WorkflowError with every problem and what to do.
    """
    if order.joined:
        return _joined(order)
    waits = order.watch is not None and order.images is None
    if order.seeds is not None and (order.count != 1 or order.seed is not None):
        raise UsageError("--seeds says it all: leave out --seed and --count.")
    if order.name is not None:
        check_template(order.name)
    _check_folder(order)
    recorded = recorded_object_info(WORKFLOWS_DIR)
    workflow = replace(load_workflow(order.workflow), smoke=order.smoke)
    if order.channels:
        workflow = for_channels(workflow, order.channels, recorded)
    is_named = order.images is not None or order.jobs is not None or order.photos or waits
    if not is_named and _takes_photos(workflow, recorded):
        raise UsageError(
            f"there is nothing to work on: {workflow.label} takes photos.",
            advice="Name photos or a folder of them, or a table with --jobs.",
        )
    schema = that_knows_all(recorded, workflow.graph)
    problems: list[str] = []
    left_out: list[str] = []
    rows = _rows(order, workflow, schema, problems, left_out)
    faults = {} if waits else _unusable(rows)
    if problems or (len(faults) == len(_photos(rows)) > 0 and not Ledger.exists(order.out)):
        problems += faults.values()  # all that is wrong at once
    swept = sweeps(workflow, order.set, order.prompt, schema, one_each=order.one_each)
    jobs: list[BatchJob] = []
    if not problems:
        seeds = Seeds(_seeds(order.seeds), order.seed, order.count)
        template = without_channel(order.name) if workflow.channels else order.name
        jobs = list(expand(workflow, rows, swept, seeds, schema, template, problems))
        check_values(workflow, jobs, schema, problems)
    refuse(problems, alone=len(rows) == 1 and order.jobs is None and order.watch is None)
    distinct = list({job.key: job for job in jobs}.values())
    told = sorted(text for text in order.set if text.partition("=")[0] not in CUTTING)
    options = ", ".join(told) or "none" if order.alike else None
    return Setup(workflow, distinct, len(jobs) - len(distinct), faults, tuple(left_out), options)


def _takes_photos(workflow: Workflow, schema: Mapping[str, Any]) -> bool:
    loaders = any(node["class_type"] == "LoadImage" for node in workflow.graph.values())
    return loaders or bool(workflow.image_inputs(schema))


def _joined(order: BatchOrder) -> Setup:
    """What of the batch in `out` is not through."""
    workflow = replace(load_workflow(order.workflow), smoke=order.smoke)
    with contextlib.closing(Ledger(order.out)) as ledger:
        entries = [entry for entry in ledger.entries() if entry.state not in (JobState.DONE, JobState.FAILED)]
    return Setup(workflow, [replace(entry.job, where=entry.title) for entry in entries], 0)


def check_on_servers(
    setup: Setup,
    fits: Sequence[tuple[str, Compatibility]],
    notice: Callable[[str], None],
    *,
    more_may_come: bool = False,
) -> list[tuple[str, list[str]]]:
    """Check every job against what the servers say of themselves. A job that some of them can run is no problem.

    Args:
        fits: (what the server is called, what it can run).
        notice: told of the jobs that name a file which is nowhere: they fail, the others are made.
        more_may_come: servers that could not be asked yet may still be able to run what these cannot.

    Returns:
        The servers that can run none of the jobs, each with what it lacks.

    Raises UsageError where values fit nowhere, or no job has its files. Raises WorkflowRejectedError where no job can
    run anywhere, for want of nodes or models.
    """
    wrong: dict[str, list[str]] = {}
    without_file: dict[str, list[str]] = {}
    able: set[str] = set()
    lacks: dict[str, dict[str, None]] = {name: {} for name, _ in fits}
    trials: list[str] = []
    for job in setup.jobs:
        errors = [(name, fit.why_not(job)) for name, fit in fits]
        able |= {name for name, error in errors if error is None}
        trials += [error.trial for _, error in errors if isinstance(error, CannotRunError) and error.trial]
        for name, error in errors:
            if error is not None:
                lacks[name].update(dict.fromkeys(error.problems if isinstance(error, CannotRunError) else [str(error)]))
        if all(isinstance(error, UsageError) for _, error in errors):
            faults = without_file if all(isinstance(error, PhotoError) for _, error in errors) else wrong
            faults.setdefault(str(errors[0][1]), []).append(job.where)
    lines = occurrences({**wrong, **without_file})
    if wrong or sum(map(len, without_file.values())) == len(setup.jobs):
        refuse(lines, alone=len(setup.jobs) == 1)
    if lines:
        notice("\n".join(["Some jobs name a file that is nowhere; they fail, the rest is made:", *listed(lines)]))
    unable = [(name, list(lacks[name])) for name, _ in fits if name not in able]
    if setup.jobs and not able and not more_may_come:
        told = [line if len(fits) == 1 else f"{name}: {line}" for name, lines in unable for line in lines]
        where = "there" if len(fits) == 1 else "on any of the servers"
        told += list(dict.fromkeys(trials))
        refuse(told, WorkflowRejectedError, f"{setup.workflow.label} cannot run {where}; nothing was submitted:")
    return unable


def _rows(
    order: BatchOrder,
    workflow: Workflow,
    schema: Mapping[str, Any] | None,
    problems: list[str],
    left_out: list[str],
) -> list[Row]:
    pictures = [spec.name for spec in workflow.image_inputs(schema)]
    names = [spec.name for spec in workflow.inputs(schema) if spec.name not in pictures]

    recorded = recorded_object_info(WORKFLOWS_DIR)

    @cache
    def kind_of(name: str) -> str:
        spec = input_of(workflow, name, recorded)
        return "" if spec is None else spec.type

    if order.jobs is not None:
        rows = table(order.jobs, pictures, names, problems, kind_of)
    else:
        rows = list(order.rows) or [Row("the command line")]
    if order.images is None and not order.photos and order.watch is None:
        return rows
    if not pictures:
        raise UsageError(
            f"{workflow.label} has no input for photos.", advice="Title one of its LoadImage nodes “input: image”."
        )
    if all(pictures[0] in row.images for row in rows):
        raise UsageError(
            f"{order.images or order.photos[0]}: no photo of it would be used, for every line of {order.jobs} names "
            "its own.",
            advice=f"Leave it out, or the column {pictures[0]}.",
        )
    # What a watched folder will hold nobody knows: one photo stands for all of them until the first has landed.
    stand_in = [(order.watch / "photo.jpg", Path())] if order.watch is not None and order.images is None else None
    taken = photographed(order, left_out) if stand_in is None else stand_in
    with_photos = []
    for row in rows:
        if pictures[0] in row.images:
            with_photos.append(row)
            continue
        for path, folder in taken:
            name = f"{path.stem}_{row.name}" if row.name else ""
            with_photos.append(
                Row(
                    str(path) if order.jobs is None else row.where,
                    row.values,
                    {pictures[0]: path, **row.images},  # the photo names the job
                    name,
                    folder,
                    row.group,
                    row.category,
                    row.seeds,
                    row.count,
                )
            )
    return with_photos


def photographed(order: BatchOrder, left_out: list[str]) -> list[tuple[Path, Path]]:
    """(photo, its folder below the one that was named): those of `--images`, and each that is named by itself.

    Among many that are named (by a pattern, as a rule) those that were made here are left out; `left_out` says so.
    """
    named = [expanded(word) for word in order.photos]
    made_here = [path for path in named if path.is_file() and record_of(path) is not None]
    if order.takes_results or len(made_here) == len(named):
        made_here = []
    taken: list[tuple[Path, Path]] = []
    others = LeftOut(made_here=made_here)
    for word in [*([] if order.images is None else [order.images]), *order.photos]:
        path = expanded(word)
        if word in order.photos and path.is_file():
            taken += [] if path in made_here else [(path, Path())]
        else:
            kept, more = photos(word, order.out)
            taken += kept
            left_out += more.told()
    left_out += others.told()
    unneeded = order.leave_out or (lambda _: False)
    return [pair for pair in dict.fromkeys(taken) if not unneeded(pair[0])]


def _photos(rows: Sequence[Row]) -> dict[str, tuple[str, Path]]:
    """Each photo as a job names it → (the first row that names it, how that one does)."""
    named: dict[str, tuple[str, Path]] = {}
    for row in rows:
        for path in row.images.values():
            named.setdefault(str(own_path(path)), (row.where, path))
    return named


def _unusable(rows: Sequence[Row]) -> dict[str, str]:
    suggestions = Suggestions()
    faults = {}
    for file, (where, path) in _photos(rows).items():
        if why := unusable(path, suggestions):
            faults[file] = why if where == str(path) else f"{where}: {why}"
    return faults


def _seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return seed_list(text)
    except ValueError:
        raise UsageError(f"--seeds {text}: this is no list of seeds (1,2,3 or 10-19; up to {MANY_SEEDS}).") from None


def _check_folder(order: BatchOrder) -> None:
    out: Path = order.out
    check_folder(out)
    if order.metrics is not None:
        check_file(order.metrics, "--metrics", METRICS_BEGIN)


def describe(setup: Setup, done: set[str], *, runs: bool = True) -> str:
    """What `--dry-run` shows: a line per job that would run, and how many are done already (`done`: their keys).
    `runs`: whether anything would run as things stand."""
    lines, stems = [], Stems()
    for job in setup.jobs:
        values = ", ".join(f"{name}={_short(value)}" for name, value in job.values.items())
        mark = "  (done already)" if job.key in done else ""
        stem, photos = stems.free(job.stem.as_posix()), ", ".join(job.images.values()) or "no photo"
        lines.append(clean_line(f"{stem}  <- {photos}  {values}{mark}"))
    shops = f", each for {', '.join(setup.workflow.channels)}" if setup.workflow.channels else ""
    more = f"{shops}, {setup.twice} asked for twice and made once" if setup.twice else shops
    left = counted(sum(job.key not in done for job in setup.jobs), "job")
    lines.append(
        f"{left} would run with {setup.workflow.label}{more}."
        if runs
        else f"None of {left} would run with {setup.workflow.label}, as things stand{more}."
    )
    return "\n".join(lines)


def describe_as_json(setup: Setup, done: set[str], *, runs: bool = True) -> Iterator[dict[str, Any]]:
    """The same for programs: an object per job, and one at the end."""
    stems = Stems()
    for number, job in enumerate(setup.jobs):
        photos, values = list(job.images.values()), dict(job.values)
        is_done = {"job": number, "done": job.key in done}
        yield {
            "event": "planned",
            **is_done,
            "name": stems.free(job.stem.as_posix()),
            "photos": photos,
            "values": values,
        }
    left = sum(job.key not in done for job in setup.jobs)
    channels = {"channels": list(setup.workflow.channels)} if setup.workflow.channels else {}
    yield {
        "event": "plan",
        "workflow": setup.workflow.label,
        **channels,
        "jobs": left,
        "twice": setup.twice,
        "runs": runs,
    }


def _short(value: Any) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= 40 else f"{text[:37]}…"
