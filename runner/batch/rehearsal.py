"""`--dry-run`: everything a run would stumble over, found without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Set
from pathlib import Path

from runner import console
from runner.batch.live import BatchReporter
from runner.batch.plan import listed
from runner.batch.setup import Setup, describe, describe_as_json
from runner.errors import RunnerError, UsageError
from runner.events.level import Level
from runner.execution.attachments import Attachment, attachment
from runner.words import counted
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info


def tell_plan(setup: Setup, done: set[str], view: BatchReporter, *, json_lines: bool, runs: bool) -> None:
    """What would run, as the answer of the command; `runs`: whether anything would, as things stand."""
    if json_lines:
        for line in describe_as_json(setup, done, runs=runs):
            console.json_line(line)
    elif view.level > Level.QUIET:
        console.show(describe(setup, done, runs=runs))


def tell_undecodable(setup: Setup, done: Set[str], view: BatchReporter) -> int:
    """Read every photo of the jobs that are not done, as the run would; say which cannot be used; returns how many."""
    faults: dict[str, str] = {}
    files: dict[str, None] = {}
    for source in _sources(setup, done):
        files[str(source.path)] = None
        if str(source.path) in setup.unusable:
            continue  # which is said already
        try:
            source.prepare()
        except RunnerError as error:
            faults[str(source.path)] = str(error)
    if faults:
        head = f"{len(faults)} of {counted(len(files), 'photo')} cannot be used; what needs them would fail:"
        view.notice("\n".join([head, *listed(list(faults.values()))]))
    return len(faults)


def _sources(setup: Setup, done: Set[str]) -> Iterator[Attachment]:
    """Each file of the jobs once, as the run takes it."""
    schema = recorded_object_info(WORKFLOWS_DIR)
    seen: set[Attachment] = set()
    for job in setup.jobs:
        for name, file in job.images.items() if job.key not in done else ():
            source = attachment(setup.workflow, name, Path(file), schema)
            if source is not None and source not in seen:
                seen.add(source)
                yield source


def tell_missing_models(setup: Setup, view: BatchReporter) -> int:
    """Where no server can be asked: say which models of the workflow the installed ComfyUI lacks; returns how many."""
    from runner.models.manifest import load_manifest
    from runner.models.store import open_store
    from runner.validation.missing import how_to_get_all

    workflow = setup.workflow
    try:
        store = open_store(None)
    except UsageError:
        view.notice("No server answers and no ComfyUI is installed here: models were not looked for.")
        return 0
    needed = load_manifest().for_workflow(workflow.label, workflow.name, workflow.graph)
    missing = [model for model in needed if store.find(model) is None]
    if missing:
        what = [f"The model {model.relative_path.name!r} is not there ({model.size_text})." for model in missing]
        get = how_to_get_all(missing, workflow)
        view.notice("\n".join([f"{workflow.label} cannot run on the installed ComfyUI:", *listed([*what, *get])]))
    return len(missing)
