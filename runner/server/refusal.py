"""A refused graph in words: which node, which input, what is wrong, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.errors import WorkflowRejectedError
from runner.http.answers import json_of
from runner.http.transport import Reply
from runner.untrusted import items, mapping
from runner.words import in_one_line
from runner.workflow.graph import node_title

_MOST_LINES, _MOST_CHARACTERS = 200, 2000
"""Lines, and characters of each, that are passed on: a server may repeat a whole graph."""


def node_label(graph: Mapping[str, Any], node_id: str) -> str:
    """`"Load Image" (LoadImage, node 3)`: the title as on the canvas, the class and the id."""
    node = mapping(graph.get(str(node_id)))
    kind = str(node.get("class_type", "unknown node"))
    title = node_title(node)
    return f'"{title}" ({kind}, node {node_id})' if title and title != kind else f"{kind} (node {node_id})"


def explain_refusal(reply: Reply, graph: Mapping[str, Any]) -> str:
    """The server's answer to a graph it did not take (HTTP 400 and above), as lines a person can act on."""
    answer = json_of(reply)
    if not isinstance(answer, dict):
        text = in_one_line(reply.text)[:500]
        return f"The server failed on the workflow (HTTP {reply.status})" + (
            f": {text}" if text else ", and does not say why."
        )
    error = answer.get("error")
    error = {"message": error} if isinstance(error, str) else mapping(error)
    lines = explain_node_errors(mapping(answer.get("node_errors")), graph)
    if error.get("type") == "missing_node_type":
        extra = mapping(error.get("extra_info"))
        label = node_label(graph, str(extra.get("node_id", "?")))
        lines.insert(0, f"{label}: the server does not have the node type {extra.get('class_type')!r}")
    elif not lines:
        lines = [" ".join(str(error.get(key) or "") for key in ("message", "details")).strip() or reply.text[:500]]
    return "The server refused the workflow:\n" + "\n".join(
        f"  - {_short(in_one_line(line))}" for line in lines[:_MOST_LINES]
    )


def half_accepted(node_errors: Mapping[str, Any], graph: Mapping[str, Any]) -> WorkflowRejectedError:
    """The server took the graph and would leave out what these nodes are needed for."""
    faults = "\n".join(f"  - {fault}" for fault in explain_node_errors(node_errors, graph))
    return WorkflowRejectedError(f"The server would run only a part of the workflow, so it was cancelled:\n{faults}")


def explain_node_errors(node_errors: Mapping[str, Any], graph: Mapping[str, Any]) -> list[str]:
    """One line per fault of `node_errors`."""
    lines = []
    for node_id, entry in node_errors.items():
        for fault in items(mapping(entry).get("errors")) or [{}]:
            fields = mapping(fault)
            message = str(fields.get("message") or fields.get("type") or "not valid")
            details = str(fields.get("details") or "")
            if len(details) > 300:  # a list of every file on the server
                details = details[:300] + " …"
            lines.append(in_one_line(f"{node_label(graph, node_id)}: {message}" + (f": {details}" if details else "")))
    return lines


def _short(line: str) -> str:
    return line if len(line) <= _MOST_CHARACTERS else line[:_MOST_CHARACTERS] + " …"
