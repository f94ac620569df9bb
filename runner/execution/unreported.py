"""Reports that a server does not give: of nodes that it did not run, for it had what comes after them in its cache.

ComfyUI repeats what a cached node showed. Where its memory is short it lets single nodes go, the large ones first, and
what such a node said (how sure a cut-out is, that a product is not the seller's) would be missing from the result
without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from runner.untrusted import mapping
from runner.workflow.links import links_of, reached
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.schema import recorded_object_info

_REPORT = "report"
"""What the output of a node is called that also shows it."""


def unreported(
    graph: Mapping[str, Any], shown: Collection[str], cached: Collection[str], outputs: Collection[str]
) -> tuple[str, ...]:
    """The nodes whose report is missing, in the order of the graph.

    Args:
        shown: the nodes that showed something.
        cached: the nodes that the server had in its cache when the job began.
        outputs: the nodes whose files are the result.
    """
    if not cached:
        return ()
    links = links_of(graph)
    needed = reached(graph, [node for node in {*outputs, *shown} if node in graph], links)
    before_cached = reached(graph, needed.intersection(cached), links)
    reporting = _reporting()
    return tuple(
        node_id
        for node_id, node in graph.items()
        if node_id in before_cached and node_id not in shown and mapping(node).get("class_type") in reporting
    )


@cache
def _reporting() -> frozenset[str]:
    """The classes of the pack that report."""
    recorded = recorded_object_info(WORKFLOWS_DIR)
    return frozenset(kind for kind, schema in recorded.items() if _REPORT in schema.get("output_name", ()))
