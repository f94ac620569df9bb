"""One job of plain values: the workflow's graph with them filled in, what its result is called, what is recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.canvas.drawing import Drawing
from runner.execution.job import JobSpec, Upload
from runner.execution.known_placement import INPUT, known_placement
from runner.execution.listing import asked_of
from runner.files import naming
from runner.photos.prepare import PreparedPhoto
from runner.server.view import ServerView
from runner.validation.check import check_graph
from runner.validation.standing_in import NAME, record_of_stand_ins, stand_in
from runner.workflow.canvas_text import expand_texts
from runner.workflow.channels import CHANNEL
from runner.workflow.graph import Graph, Workflow, is_link
from runner.workflow.patch import patch_workflow
from runner.workflow.schema import ObjectInfo


@dataclass(frozen=True)
class Pictures:
    """The files of the user's own that a job is made of, made ready, and what the server calls them."""

    images: tuple[Path, ...] = ()
    """Those that go to the workflow's picture inputs in their order, or are recorded as photos."""
    names: tuple[str, ...] = ()
    """What the server calls those of `images` that are set in their order."""
    photos: Mapping[Path, PreparedPhoto] = field(default_factory=dict)
    uploads: Mapping[str, tuple[Path, PreparedPhoto]] = field(default_factory=dict)
    """Those that go to inputs by their names."""
    sent: tuple[Upload, ...] = ()


def build_job(
    workflow: Workflow,
    values: Mapping[str, Any],
    pictures: Pictures,
    view: ServerView,
    *,
    seed: int | None = None,
    template: str | None = "{workflow}",
    index: int = 1,
    number: int | None = None,
    drawing: Drawing | None = None,
) -> JobSpec:
    """The job that `values` (input or `NODE.widget` → value, the seed among them) and `pictures` make of a workflow.

    Args:
        seed: what is recorded and what names are made of; the graph's own is in `values`.
        template: how its results are called, see `naming`; None: by what tells them apart.
        index: the job's number in its run; `number` is its {index} in the name (default: the same).
        drawing: of the workflow, for the canvas; None: the results carry none.

    Raises WorkflowError where a value does not fit.
    """
    given = {**known_values(workflow, values, pictures, view), **values}
    graph = patch_workflow(workflow, given, pictures.names, view.object_info)
    expand_texts(graph, view.object_info, seed)
    stood_in = stood_in_for(workflow, graph, view)
    photo = next(iter([*pictures.images, *(path for path, _ in pictures.uploads.values())]), None)
    now, stem_of_photo = time.time(), "" if photo is None else photo.stem
    if template is None:
        channel = named_channel(workflow, given, view.object_info)
        stem = naming.default_name(workflow.name, photo=stem_of_photo, channel=channel, seed=seed, moment=now)
    else:
        stem = naming.expand(
            template,
            {
                "image": stem_of_photo or workflow.name,
                "workflow": workflow.name,
                "channel": channel_of(workflow, given, view.object_info),
                "seed": seed or 0,
                "index": index if number is None else number,
                "time": naming.sortable_time(now),
                "date": naming.timestamp(now),
            },
        )
    outputs = {output.node_id: output.name for output in workflow.outputs()}
    record = _record(workflow, graph, given, pictures, view)
    if stood_in:
        stem, record = stem.with_name(f"{stem.name}_{NAME}"), {**record, **record_of_stand_ins(stood_in)}
    canvas = None if drawing is None else drawing.filled(graph)
    return JobSpec(index, workflow.label, graph, outputs, stem, seed, record, pictures.sent, canvas)


def stood_in_for(workflow: Workflow, graph: Graph, view: ServerView) -> dict[str, str]:
    """Missing model → the smoke model that is put into the graph for it, where the workflow runs on those."""
    if not workflow.smoke:
        return {}
    return stand_in(graph, check_graph(graph, view.object_info, replaced=view.replaced), view.object_info)


def channel_of(workflow: Workflow, values: Mapping[str, Any], object_info: ObjectInfo | None) -> str:
    """The shop that a job's picture is for; "" where the workflow knows none."""
    spec = workflow.input(CHANNEL, object_info)
    return "" if spec is None else str(values.get(CHANNEL, spec.default))


def named_channel(workflow: Workflow, values: Mapping[str, Any], object_info: ObjectInfo | None) -> str:
    """The same, "" where it is the one that the workflow takes when nothing is said."""
    spec, channel = workflow.input(CHANNEL, object_info), channel_of(workflow, values, object_info)
    return "" if spec is None or channel == str(spec.default) else channel


def known_values(workflow: Workflow, values: Mapping[str, Any], pictures: Pictures, view: ServerView) -> dict[str, Any]:
    """Where the product is in the first picture, if that was made here from one of the others and nothing says so."""
    object_info = view.object_info
    if INPUT in values or workflow.input(INPUT, object_info) is None:
        return {}
    graph = patch_workflow(workflow, values, pictures.names, object_info)
    slots = [spec.targets[0] for spec in workflow.image_inputs(object_info)]
    sent = {upload.name: upload.source.path for upload in pictures.sent}
    shown = [sent.get(str(graph[slot.node_id]["inputs"].get(slot.widget))) for slot in slots]
    prepared = {**pictures.photos, **dict(pictures.uploads.values())}
    return known_placement(workflow, values, shown, {path: one.sha256 for path, one in prepared.items()}, object_info)


def _record(
    workflow: Workflow, graph: Mapping[str, Any], given: Mapping[str, Any], pictures: Pictures, view: ServerView
) -> dict[str, Any]:
    inputs = {}
    for spec in workflow.inputs(view.object_info):
        set_to = [graph[target.node_id]["inputs"].get(target.widget) for target in spec.targets]
        # Where a switch chooses between nodes of one name, what was not set is said by the graph alone.
        if not is_link(set_to[0]) and all(value == set_to[0] for value in set_to):
            inputs[spec.name] = set_to[0]
    record: dict[str, Any] = {
        "version": workflow.version,
        "inputs": {**given, **inputs},
        "images": [_facts(path, pictures.photos[path]) for path in pictures.images],
    }
    if asked := asked_of(workflow):
        record["listing"] = asked
    if workflow.channels:
        record["channels"] = list(workflow.channels)
    if pictures.uploads:
        record["uploads"] = [{"input": name, **_facts(*upload)} for name, upload in pictures.uploads.items()]
    return record


def _facts(path: Path, photo: PreparedPhoto) -> dict[str, Any]:
    size = {"width": photo.width, "height": photo.height} if photo.width else {}
    return {"file": path.name, "sha256": photo.sha256, **size, "notes": list(photo.notes)}
