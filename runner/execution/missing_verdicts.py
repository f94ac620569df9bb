"""Checks of a workflow whose verdict never came: a picture that nobody judged has not passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.execution.outputs import FOUND, NodeReport, is_sighting
from runner.server.node_report import JUDGES
from runner.untrusted import mapping
from runner.workflow.links import links_of, reached
from runner.workflow.steps import step_name

NOT_ARRIVED = "the verdict of this check did not arrive, so nobody knows whether the picture passes"
"""How a line ends that says so."""


def missing_verdicts(graph: Mapping[str, Any], reports: Iterable[NodeReport]) -> list[str]:
    """A line for each node of the graph that judges and did not say whether its picture passed.

    What stands behind a node that found no product is not asked: it hands on nothing to judge.
    """
    said = {report.node_id: [one for one in _each(report) if isinstance(one, Mapping)] for report in reports}
    judges = [node_id for node_id, node in graph.items() if mapping(node).get("class_type") in JUDGES]
    silent = [node_id for node_id in judges if not _judged(said.get(node_id, []))]
    if not silent:
        return []
    stopped = {node_id for node_id, ones in said.items() if any(_stops(one) for one in ones)}
    links = links_of(graph)
    return [
        f"{step_name(graph, node_id)}: {NOT_ARRIVED}"
        for node_id in silent
        if not stopped.intersection(reached(graph, [node_id], links))
    ]


def is_missing(warning: str) -> bool:
    """Whether a line says that a verdict is missing, and not that something was judged and did not pass."""
    return warning.endswith(NOT_ARRIVED)


def _each(report: NodeReport) -> Iterator[Any]:
    yield from report.value if isinstance(report.value, list) else [report.value]


def _judged(reports: list[Mapping[str, Any]]) -> bool:
    """Whether it said so each time that it ran."""
    return bool(reports) and all(isinstance(one.get("passed"), bool) for one in reports)


def _stops(report: Mapping[str, Any]) -> bool:
    return is_sighting(report) and report.get("verdict") != FOUND
