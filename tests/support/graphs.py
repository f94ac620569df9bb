"""Parts of graphs that a test runs alone."""

from __future__ import annotations

import copy

from runner.workflow.graph import Graph


def up_to(graph: Graph, *node_ids: str) -> Graph:
    """A copy that holds these nodes and what they need, nothing else."""
    kept: set[str] = set()
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in kept:
            kept.add(node_id)
            waiting += [value[0] for value in graph[node_id]["inputs"].values() if isinstance(value, list)]
    return copy.deepcopy({node_id: node for node_id, node in graph.items() if node_id in kept})
