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
from runner.files import naming
from runner.photos.prepare import PreparedPhoto
from runner.server.view import ServerView
from runner.workflow.canvas_text import expand_texts
from runner.workflow.graph import Workflow, is_link
from runner.workflow.patch import patch_workflow


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
    template: str = "{workflow}",
    index: int = 1,
    number: int | None = None,
    drawing: Drawing | None = None,
) -> JobSpec:
    """The job that `values` (input or `NODE.widget` → value, the seed among them) and `pictures` make of a workflow.

    Args:
        seed: what is recorded and what names are made of; the graph's own is in `values`.
        template: how its results are called, see `naming`.
        index: the job's number in its run; `number` is its {index} in the name (default: the same).
        drawing: of the workflow, for the canvas; None: the results carry none.

    Raises WorkflowError where a value does not fit.
    """
    given = {**known_values(workflow, values, pictures, view), **values}
    graph = patch_workflow(workflow, given, pictures.names, view.object_info)
    expand_texts(graph, view.object_info, seed)
    photo = next(iter([*pictures.images, *(path for path, _ in pictures.uploads.values())]), None)
    stem = naming.expand(
        template,
        {
            "date": naming.timestamp(time.time()),
            "workflow": workflow.name,
            "seed": seed or 0,
            "index": index if number is None else number,
            "image": workflow.name if photo is None else photo.stem,
        },
    )
    outputs = {output.node_id: output.name for output in workflow.outputs()}
    record = _record(workflow, graph, given, pictures, view)
    canvas = None if drawing is None else drawing.filled(graph)
    return JobSpec(index, workflow.label, graph, outputs, stem, seed, record, pictures.sent, canvas)


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
    record = {
        "version": workflow.version,
        "inputs": {**given, **inputs},
        "images": [_facts(path, pictures.photos[path]) for path in pictures.images],
    }
    if pictures.uploads:
        record["uploads"] = [{"input": name, **_facts(*upload)} for name, upload in pictures.uploads.items()]
    return record


def _facts(path: Path, photo: PreparedPhoto) -> dict[str, Any]:
    size = {"width": photo.width, "height": photo.height} if photo.width else {}
    return {"file": path.name, "sha256": photo.sha256, **size, "notes": list(photo.notes)}
