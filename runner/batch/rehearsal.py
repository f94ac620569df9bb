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
from runner.models.names import is_model_name
from runner.validation.missing import is_model_widget
from runner.words import counted
from runner.workflow.graph import Graph, Workflow
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.patch import patch_workflow, resolve_name
from runner.workflow.schema import ObjectInfo, recorded_object_info, that_knows_all


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


def tell_missing_models(setup: Setup, view: BatchReporter, comfyui: Path | None = None) -> int:
    """Where no server can be asked: say which models of the jobs the installed ComfyUI, or this one, lacks; returns how
    many."""
    from runner.models.manifest import load_manifest
    from runner.models.store import open_store
    from runner.validation.lacking import lacking
    from runner.validation.missing import how_to_get_all

    workflow = setup.workflow
    try:
        store = open_store(comfyui)
    except UsageError:
        view.notice("No server answers and no ComfyUI is installed here: models were not looked for.")
        return 0
    manifest = load_manifest()
    missing = list(
        dict.fromkeys(lack for graph in _graphs(setup) for lack in lacking(workflow, graph, store, manifest))
    )
    fatal = [one for one in missing if not one.cost]
    if fatal:
        known = list({one.model.id: one.model for one in fatal if one.model is not None}.values())
        lines = [*dict.fromkeys(one.told for one in fatal), *how_to_get_all(known, workflow)]
        view.notice("\n".join([f"{workflow.label} cannot run on the installed ComfyUI:", *listed(lines)]))
    for one in missing:
        if one.cost:
            view.notice(f"warning: {one.told}")
    return len(fatal)


def _graphs(setup: Setup) -> Iterator[Graph]:
    """The graphs of the jobs, one for each choice of models: ten thousand jobs have few."""
    schema = that_knows_all(recorded_object_info(WORKFLOWS_DIR), setup.workflow.graph)
    is_model = {name: _sets_model(setup.workflow, name, schema) for job in setup.jobs for name in job.values}
    choices = {
        tuple((name, str(job.values[name])) for name in sorted(job.values) if is_model[name]): None
        for job in setup.jobs
    }
    for chosen in choices or {(): None}:
        yield patch_workflow(setup.workflow, dict(chosen), (), schema)


def _sets_model(workflow: Workflow, name: str, schema: ObjectInfo | None) -> bool:
    """Whether the input says which file of a model is taken, as it stands or by the name of its widget."""
    targets = resolve_name(workflow, name, schema)
    return any(
        is_model_name(workflow.graph[target.node_id]["inputs"].get(target.widget)) or is_model_widget(target.widget)
        for target in targets
    )
