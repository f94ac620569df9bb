"""Which jobs a batch consists of: rows × prompts × swept values × seeds, each with its name and its place."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from runner.batch.rows import Row
from runner.errors import RunnerError, UsageError, WorkflowError
from runner.execution.attachments import HINT, input_of, own_file
from runner.execution.build import channel_of
from runner.execution.seeds import SeedError, first_seed, set_by
from runner.files import naming
from runner.files.naming import safe_folder, safe_name
from runner.files.paths import own_path
from runner.validation import problem
from runner.validation.pictures import missing_in_batch
from runner.workflow.graph import Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.patch import parse_assignment, patch_workflow, resolve_name
from runner.workflow.schema import ObjectInfo, recorded_object_info

CONFIDENCE = "cutout_confidence"
CUTTING = (HINT, "cutout", CONFIDENCE)
"""Inputs that say how the product is cut out and how sure that must be, not what is made of it."""
MOST_JOBS = 500_000
"""Of one batch. Each is kept in memory; what is asked for beyond is a slip, as a number in the wrong column."""
_SHOWN = 20
"""Lines of a list that is shown: a screen's."""


@dataclass(frozen=True)
class BatchJob:
    """One job as the ledger keeps it. `images`: input name → photo; `stem`: the result's place below the output folder,
    without extension."""

    where: str
    stem: Path
    values: Mapping[str, Any]
    images: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    group: str = ""
    category: str = ""
    name: str = ""
    """What its row calls it: rows that differ in nothing else are different jobs."""

    @cached_property
    def key(self) -> str:
        """What makes it this job and no other: the same in every run of the same command."""
        return self._key([self.name] if self.name else [])

    @cached_property
    def former_key(self) -> str:
        """What ledgers were made with before a row's name counted."""
        return self._key([])

    def _key(self, more: list[str]) -> str:
        parts = [dict(self.values), dict(self.images), self.seed, self.group, self.category, *more]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def title(self) -> str:
        """How a person recognises it."""
        photo = next(iter(self.images.values()), "")
        return Path(photo).name if photo else self.stem.as_posix()


class Stems:
    """What results are called: each job's is another's on no file system."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {stem.lower() for stem in taken}
        self._numbers: dict[str, int] = {}

    def free(self, base: str) -> str:
        """`base`, or that with a number; taken from now on."""
        stem = base
        while stem.lower() in self._taken:
            self._numbers[base] = self._numbers.get(base, 1) + 1
            stem = f"{base}_{self._numbers[base]}"
        self._taken.add(stem.lower())
        return stem


@dataclass(frozen=True)
class Sweep:
    """One input and the values it takes one after the other (or just one)."""

    name: str
    values: tuple[Any, ...]


def sweeps(
    workflow: Workflow,
    texts: Sequence[str],
    prompts: Sequence[str],
    schema: ObjectInfo | None,
    *,
    one_each: bool = False,
) -> list[Sweep]:
    """`--set cfg=4,6,8` and repeated `--prompt` as sweeps, in the order given.

    Numbers, truth values and choices are separated by commas; text, which may hold commas, by `|`. `one_each`: nothing
    is.

    Raises WorkflowError where there is no such input, or the same one is set twice.
    """
    swept = [Sweep("prompt", tuple(prompts))] if prompts else []
    for text in texts:
        name, value = parse_assignment(workflow, text, schema)
        if any(sweep.name == name for sweep in swept):
            raise WorkflowError(f"{name!r} was given twice.", advice=f"All its values at once: --set {name}=4,6,8.")
        swept.append(Sweep(name, (value,) if one_each else _several(workflow, name, value, schema)))
    return [_with_files(workflow, sweep) for sweep in swept]


def _with_files(workflow: Workflow, sweep: Sweep) -> Sweep:
    """The same, with the values that are files of this computer (for a widget that takes one) as their paths."""
    spec = input_of(workflow, sweep.name, recorded_object_info(WORKFLOWS_DIR))
    if spec is None or not spec.is_file:
        return sweep
    return Sweep(sweep.name, tuple(own_file(value) or value for value in sweep.values))


def _several(workflow: Workflow, name: str, text: str, schema: ObjectInfo | None) -> tuple[str, ...]:
    target = resolve_name(workflow, name, schema)[0]
    spec = workflow.widget(target.node_id, target.widget, schema)
    if text in (spec.options or ()):
        return (text,)
    separator = "," if spec.type in ("INT", "FLOAT", "BOOLEAN", "COMBO") else "|"
    parts = [part.strip() for part in text.split(separator)]
    return tuple(dict.fromkeys(part for part in parts if part)) if len(parts) > 1 else (text,)


@dataclass(frozen=True)
class Seeds:
    """Which seeds a row gets that names none itself."""

    seeds: tuple[int, ...] | None = None
    first: int | None = None
    count: int = 1


def expand(
    workflow: Workflow,
    rows: Sequence[Row],
    swept: Sequence[Sweep],
    seeds: Seeds,
    schema: ObjectInfo | None,
    template: str | None = None,
    problems: list[str] | None = None,
) -> Iterator[BatchJob]:
    """Every job, in the order of the rows, then of the sweeps, then of the seeds.

    A row's own value of an input beats the sweep's. What varies within a row is in the name: `bag_cfg6_seed42`; or
    `template` (checked) says what it is called, within the row's folder: {image} is the row's name, {index} the job's
    number. What is called alike is numbered by the ledger.

    Args:
        problems: seeds that are none are added here, each fault once with the rows it occurs in; those have no jobs.
            None: the first is raised.

    Raises UsageError, WorkflowError where a seed was asked for and there is none to set, and where that would be too
    many jobs.
    """
    _check_number(rows, swept, seeds)
    wrong: dict[str, list[str]] = {}
    now, index = time.time(), 0
    times = {"date": naming.timestamp(now), "time": naming.sortable_time(now)}
    for number, row in enumerate(rows, 1):
        mine = [sweep for sweep in swept if sweep.name not in row.values and sweep.name not in row.images]
        base = _base(workflow, row, number)
        for chosen in product(*(range(len(sweep.values)) for sweep in mine)):
            picked = {sweep.name: sweep.values[index] for sweep, index in zip(mine, chosen, strict=True)}
            varied = [
                (sweep.name, sweep.values[index], index + 1)
                for sweep, index in zip(mine, chosen, strict=True)
                if len(sweep.values) > 1
            ]
            files = {name: value for name, value in picked.items() if isinstance(value, Path)}
            values = {**{name: value for name, value in picked.items() if name not in files}, **row.values}
            try:
                seeded = _seeded(workflow, row, values, seeds, schema)
            except SeedError as error:
                if problems is None:
                    raise
                wrong.setdefault(str(error), []).append(row.where)
                continue
            for name, seed, several in seeded:
                label = "".join(_label(*item) for item in varied) + (f"_seed{seed}" if several else "")
                given = {**values, name: seed} if name is not None else values
                images = {key: str(own_path(path)) for key, path in {**row.images, **files}.items()}
                stem = base.parent / safe_name(base.name + label)
                index += 1
                if template is not None:
                    channel = channel_of(workflow, values, schema)
                    fields = {"workflow": workflow.name, "channel": channel, "seed": seed or 0, "index": index, **times}
                    stem = base.parent / naming.expand(template, {**fields, "image": base.name})
                yield BatchJob(row.where, stem, given, images, seed, row.group, row.category, row.name)
    if problems is not None:
        problems += occurrences(wrong)


def _check_number(rows: Sequence[Row], swept: Sequence[Sweep], seeds: Seeds) -> None:
    """Raises UsageError where it would be too many jobs: memory would be full before the first of them is made."""
    jobs = 0
    for row in rows:
        each = len(row.seeds or ()) or row.count or len(seeds.seeds or ()) or seeds.count
        for sweep in swept:
            each *= 1 if sweep.name in row.values or sweep.name in row.images else len(sweep.values)
        jobs += each
    if jobs > MOST_JOBS:
        raise UsageError(
            f"These would be {jobs} jobs; a batch takes up to {MOST_JOBS}.",
            advice="Is a number in the wrong column, or among the counts? Else divide it into several batches.",
        )


def _base(workflow: Workflow, row: Row, number: int) -> Path:
    photo = next(iter(row.images.values()), None)
    stem = row.name or (photo.stem if photo else f"{workflow.name}_{number:04d}")
    if row.group or row.category:
        return Path(*(safe_folder(part) for part in (row.group, row.category) if part), safe_name(stem))
    return Path(*(safe_folder(part) for part in row.folder.parts), safe_name(stem))


def _label(name: str, value: Any, number: int) -> str:
    short = name.rpartition(".")[2]
    text = value.stem if isinstance(value, Path) else str(value)
    return f"_{short}{text}" if len(text) <= 12 and " " not in text else f"_{short}{number}"


def _seeded(
    workflow: Workflow, row: Row, values: Mapping[str, Any], seeds: Seeds, schema: ObjectInfo | None
) -> list[tuple[str | None, int | None, bool]]:
    """(the seed's input, the seed, whether there are several) for one row."""
    own = row.seeds or (None if row.count else seeds.seeds)
    count = row.count or seeds.count
    first = own[0] if own else seeds.first
    name, start = first_seed(workflow, {} if own else values, schema or {}, first)
    if own and name is not None:
        set_too = set_by(workflow, row.values if row.seeds else values, name, schema or {})
        if set_too is not None:
            word = "seeds" if row.seeds else "--seeds"
            raise SeedError(f"{set_too} and {word} set the same input; give one of them.")
    if name is None or start is None:
        if count > 1:
            raise UsageError(f"{workflow.label} has no seed to count up: {count} results of one job would be the same.")
        return [(None, None, False)]
    numbers = own or range(start, start + count)
    return [(name, seed, len(numbers) > 1) for seed in numbers]


def check_values(workflow: Workflow, jobs: Sequence[BatchJob], schema: ObjectInfo | None, problems: list[str]) -> None:
    """Add what is wrong with any job's values to `problems`, each fault once with the places it occurs in."""
    seen_at: dict[str, list[str]] = {}
    for job in jobs:
        values = {**job.values, **{name: f"{number}.png" for number, name in enumerate(job.images)}}
        try:
            patch_workflow(workflow, values, (), schema)
        except WorkflowError as error:
            if schema is not None or not any("." in name for name in job.values):
                seen_at.setdefault(str(error), []).append(job.where)
        missing = missing_in_batch(workflow, values, schema)
        if missing:
            seen_at.setdefault(missing, []).append(job.where)
    problems += occurrences(seen_at)


def occurrences(faults: Mapping[str, Sequence[str]]) -> list[str]:
    """A line per fault: where it occurs (first), and what it is."""
    lines = []
    for message, wheres in faults.items():
        distinct = list(dict.fromkeys(wheres))
        more = f" (and {len(distinct) - 1} more)" if len(distinct) > 1 else ""
        lines.append(f"{distinct[0]}{more}: {message}")
    return lines


def refuse(
    problems: Sequence[str], kind: type[RunnerError] = UsageError, head: str = "", *, alone: bool = False
) -> None:
    """Raise with every problem at once, if there is any. `alone`: of one photo, which nobody calls a batch."""
    if alone and len(problems) == 1:
        raise kind(problems[0])
    if problems:
        head = head or ("It cannot be made; nothing was submitted:" if alone else "")
        raise kind("\n".join([head or "The batch cannot start; nothing was submitted:", *listed(problems)]))


def listed(lines: Sequence[str]) -> list[str]:
    """A list as it is shown, no longer than a screen."""
    return problem.listed(lines, _SHOWN)
