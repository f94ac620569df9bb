"""One trial: a workflow made small and, where its models are missing, run on the models that stand in for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.errors import EXIT_OK, EXIT_REJECTED, RunnerError
from runner.execution.job import JobSpec
from runner.execution.models_used import models_of
from runner.execution.session import Session
from runner.models.manifest import Manifest
from runner.server.view import server_view
from runner.untrusted import items, mapping, number
from runner.validation.check import check_graph
from runner.validation.missing import pack_of
from runner.validation.problem import Problem
from runner.validation.standing_in import NAME, missing_models, named_file, stand_in
from runner.workflow.graph import Graph, Workflow, is_link
from runner.workflow.patch import patch_workflow

SMALL = {
    "steps": 2,
    "width": 256,
    "height": 256,
    "times": 1.25,
    "max_length": 64,
    "tile": 512,
    "hand_size": 192,
    "max_hands": 1,
    "min_confidence": 0.0,
}
"""What a trial sets where a workflow has an input of this name; `--full` leaves everything as it is. Made-up weights
paint noise, so a product that is to be found again in it must not stop the trial."""
SMALL_SIDE = 640
"""Longest side, in pixels, of a trial's photo; `--full` takes it as it is."""
PRESENT, MISSING, OPTIONAL = STATES = ("present", "missing", "missing, optional")
_POLL_S = 0.3
"""How often the server's memory is looked at: a peak lasts as long as a node."""


@dataclass(frozen=True)
class Row:
    """What one trial showed."""

    workflow: str
    nodes: int
    verdict: str
    exit_code: int
    models: Mapping[str, str] = field(default_factory=dict)
    """Model file → one of `STATES`, or the smoke model that stood in."""
    ran: bool = False
    cached: bool = False
    """Something that was computed came from the server's cache: its seconds say little."""
    seconds: float | None = None
    peak_bytes: int | None = None
    files: Sequence[str] = ()

    @property
    def stood_in(self) -> dict[str, str]:
        return {file: state for file, state in self.models.items() if state not in STATES}

    def as_dict(self) -> dict[str, Any]:
        return {
            "workflow": self.workflow,
            "nodes": self.nodes,
            "models": dict(self.models),
            "ran": self.ran,
            "cached": self.cached,
            "seconds": self.seconds,
            "peak_bytes_in_use": self.peak_bytes,
            "verdict": self.verdict,
            "smoke_weights": bool(self.stood_in),
            "files": list(self.files),
        }


@dataclass(frozen=True)
class Trial:
    """How trials are made on one server."""

    session: Session
    manifest: Manifest
    picture: str
    """The uploaded photo's name on the server; it goes into every picture input."""
    full: bool = False

    def run(self, workflow: Workflow) -> Row:
        """Check, fill in stand-ins, run, judge. Errors of the run become the verdict; a lost server is raised."""
        view = server_view(self.session.client, workflow.graph)
        graph = self._prepared(workflow, view.object_info)
        problems = check_graph(graph, view.object_info, uploaded=[self.picture], replaced=view.replaced)
        absent = missing_models(problems)
        models = {model["file"]: PRESENT for model in models_of(graph)}
        models |= {named_file(graph, one): MISSING if one.severity == "error" else OPTIONAL for one in absent}
        if not self.full:
            models |= stand_in(graph, absent, view.object_info, self.manifest)
            problems = check_graph(graph, view.object_info, uploaded=[self.picture], replaced=view.replaced)
        problems = [problem for problem in problems if problem.severity == "error" and problem.certain]
        if problems:
            return self._refused(workflow, problems, models)
        return self._executed(workflow, graph, models)

    def _prepared(self, workflow: Workflow, object_info: Mapping[str, Any]) -> Graph:
        values = {} if self.full else {n: v for n, v in SMALL.items() if workflow.input(n, object_info) is not None}
        pictures = [self.picture] * len(workflow.image_inputs(object_info))
        return patch_workflow(workflow, values, pictures, object_info)

    def _refused(self, workflow: Workflow, problems: Sequence[Problem], models: Mapping[str, str]) -> Row:
        nodes = sorted({str(problem.class_type) for problem in problems if problem.kind == "missing_node"})
        absent = sorted(file for file, state in models.items() if state == MISSING)
        others = [problem for problem in problems if problem.kind not in ("missing_node", "missing_model")]
        if others:
            verdict, code = f"failed: {others[0].message}", EXIT_REJECTED
        elif nodes:
            verdict = f"nodes missing: {', '.join(nodes)} (not run)"
            code = EXIT_OK if not self.full and all(map(pack_of, nodes)) else EXIT_REJECTED
        else:
            verdict = f"models missing: {', '.join(absent)} (validated, not run)"
            code = EXIT_REJECTED if self.full else EXIT_OK
        return Row(workflow.label, len(workflow.graph), verdict, code, models)

    def _executed(self, workflow: Workflow, graph: Graph, models: Mapping[str, str]) -> Row:
        row = Row(workflow.label, len(graph), "ok", EXIT_OK, models, ran=True)
        if row.stood_in:
            row = replace(row, verdict="ok (smoke weights)")
        record = {"version": workflow.version, "smoke": True, "smoke_weights": row.stood_in}
        stem = Path(f"{workflow.label}_{NAME}" if row.stood_in else workflow.label)
        outputs = {output.node_id: output.name for output in workflow.outputs()}
        spec = JobSpec(1, workflow.label, graph, outputs, stem, None, record)
        with Peak(self.session) as peak:
            started = time.monotonic()
            (result,) = self.session.run([spec])
            seconds = round(time.monotonic() - started, 1)
        cached = [graph[name] for name in (result.record.cached if result.record else ()) if name in graph]
        reused = any(is_link(value) for node in cached for value in node["inputs"].values())
        row = replace(row, seconds=seconds, peak_bytes=peak.bytes, cached=reused)
        if result.error is not None:
            return replace(row, verdict=f"failed: {_first_line(result.error)}", exit_code=result.error.exit_code)
        saved = result.saved.files if result.saved is not None else ()
        return replace(row, files=[str(file.path) for file in saved])


class Peak:
    """The most memory in use on the server's device while a trial runs, by asking again and again.

    It counts everything on that device, other programs too; on a server without a GPU the device is the machine's RAM.
    """

    def __init__(self, session: Session) -> None:
        self._client, self._over = session.client, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes: int | None = None

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _watch(self) -> None:
        while True:
            with suppress(RunnerError):  # a server that is busy for a moment is asked again
                self._note(self._client.system_stats())
            if self._over.wait(_POLL_S):
                return

    def _note(self, stats: Mapping[str, Any]) -> None:
        used = [
            int((number(device.get("vram_total")) or 0) - (number(device.get("vram_free")) or 0))
            for device in map(mapping, items(stats.get("devices")))
        ]
        if used:
            self.bytes = max(self.bytes or 0, *used)


def _first_line(error: RunnerError) -> str:
    return error.message.strip().splitlines()[0]
