"""What a candidate's nodes measured: each figure with its limit, and each gate's verdict in the node's own words.

A gate is a report (one JSON object) that says `passed` and `reasons`. A figure is any number in a report. Its limit is
what the node was given as `max_<figure>` or `min_<figure>`, in the graph or as the node's own default. Nothing here
knows a node by name: a pack may bring gates of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.execution.outputs import NodeReport, why_failed
from runner.workflow.graph import Graph
from runner.workflow.schema import ObjectInfo, node_inputs

_NOT_FIGURES = frozenset({"passed", "reasons"})
_SHARES = ("score", "confidence", "iou")


@dataclass(frozen=True)
class Figure:
    """One measured number. `limit` is None where the node has none; `is_minimum`: smaller values fail."""

    name: str
    value: float | bool | None
    limit: float | None = None
    is_minimum: bool = False

    @property
    def is_share(self) -> bool:
        """A number from 0 (bad) to 1 (good) by its name: it says something even without a limit."""
        return self.name.rpartition(".")[2].endswith(_SHARES)


@dataclass(frozen=True)
class Gate:
    """One node's report. `passed` is None for a report that only measures."""

    node_id: str
    name: str
    passed: bool | None
    reasons: tuple[str, ...]
    figures: tuple[Figure, ...]


def read_gates(reports: Iterable[NodeReport], graph: Graph, object_info: ObjectInfo) -> list[Gate]:
    """Every report that judges, or that measures something with a limit."""
    gates = []
    for report in reports:
        for value in report.value if isinstance(report.value, list) else [report.value]:
            if isinstance(value, Mapping):
                gate = _gate(report, value, _thresholds(graph.get(report.node_id) or {}, object_info))
                if gate.passed is not None or any(figure.limit is not None for figure in gate.figures):
                    gates.append(gate)
    return gates


def _gate(report: NodeReport, value: Mapping[str, Any], thresholds: Mapping[str, float]) -> Gate:
    passed = value.get("passed")
    reasons = tuple(why_failed(value))
    return Gate(
        report.node_id,
        report.name,
        False if reasons else passed if isinstance(passed, bool) else None,
        reasons,
        tuple(_figures(value, thresholds)),
    )


def _figures(report: Mapping[str, Any], thresholds: Mapping[str, float]) -> Iterator[Figure]:
    for name, value in report.items():
        if name in _NOT_FIGURES:
            continue
        if value is None or isinstance(value, (bool, int, float)):
            yield _figure(name, name, value, thresholds)
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            yield _figure(name, name, len(value), thresholds)
            scores = [item["score"] for item in value if isinstance(item.get("score"), (int, float))]
            if scores:  # the worst one counts
                yield _figure(f"{name}.score", "score", min(scores), thresholds)


def _figure(name: str, of: str, value: float | bool | None, thresholds: Mapping[str, float]) -> Figure:
    if not isinstance(value, bool):
        for prefix, is_minimum in (("max_", False), ("min_", True)):
            if f"{prefix}{of}" in thresholds:
                return Figure(name, value, thresholds[f"{prefix}{of}"], is_minimum)
    return Figure(name, value)


def _thresholds(node: Mapping[str, Any], object_info: ObjectInfo) -> dict[str, float]:
    """The node's `max_…` and `min_…` inputs with the value they have; linked ones are not known here."""
    given = node.get("inputs") or {}
    schemas = node_inputs(object_info.get(str(node.get("class_type"))) or {}, given)
    values = {name: schema.settings.get("default") for name, schema in schemas.items()} | dict(given)
    return {
        name: float(value)
        for name, value in values.items()
        if name.startswith(("max_", "min_")) and isinstance(value, (int, float)) and not isinstance(value, bool)
    }
