"""One job for several shops: what comes after the choice of the shop is there once for each, all else is shared."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from runner.errors import WorkflowError
from runner.suggest import did_you_mean
from runner.workflow.graph import Graph, Mark, Workflow, is_link, node_title, parse_title
from runner.workflow.schema import ObjectInfo

CHANNEL = "channel"
"""The input that says for which shop a picture is."""
_IN_NAME = re.compile(r"[ _.\-]+\{channel[^{}]*\}|\{channel[^{}]*\}[ _.\-]*")


def for_channels(workflow: Workflow, channels: Sequence[str], object_info: ObjectInfo | None) -> Workflow:
    """The workflow that makes the pictures of all these shops from one cut-out.

    Its nodes from the choice of the shop on are there once a shop; an output is called by its shop, and by its own name
    before that where there are several. What can be set on those nodes is set for all shops at once.

    Raises WorkflowError where there is no shop to choose, or none of that name.
    """
    spec = workflow.input(CHANNEL, object_info)
    if spec is None:
        raise WorkflowError(
            f"{workflow.label} has no input {CHANNEL!r}: it makes no pictures for shops.",
            advice="Leave the shops out, or take packshot.",
        )
    known = [str(option) for option in spec.options or ()]
    names = {name.casefold(): name for name in known}
    for channel in channels:
        if known and channel.casefold() not in names:
            raise WorkflowError(
                f"{workflow.label} knows no shop {channel!r}.{did_you_mean(channel, known)}",
                advice=f"There are: {', '.join(known)}.",
            )
    chosen = list(dict.fromkeys(names.get(channel.casefold(), channel) for channel in channels))
    choosing = {target.node_id: target.widget for target in spec.targets}
    repeated = _downstream(workflow, choosing)
    several = len({mark.name for node_id in repeated if (mark := _output(workflow.graph, node_id))}) > 1
    graph: Graph = {node_id: node for node_id, node in workflow.graph.items() if node_id not in repeated}
    free = _free_ids(workflow.graph)
    for number, channel in enumerate(chosen):
        ids = {node_id: node_id if number == 0 else next(free) for node_id in repeated}
        for node_id in repeated:
            node = copy.deepcopy(workflow.graph[node_id])
            if node_id in choosing:
                node["inputs"][choosing[node_id]] = channel
            for name, value in node["inputs"].items():
                if is_link(value) and value[0] in ids:
                    node["inputs"][name] = [ids[value[0]], value[1]]
            node["_meta"] = {"title": _title(workflow.graph, node_id, channel, several=several)}
            graph[ids[node_id]] = node
    return replace(workflow, graph=graph, channels=tuple(chosen))


def without_channel(template: str | None) -> str | None:
    """A template of names for several shops at once: each file's shop comes last in its name, whatever it says."""
    if template is None or "{channel" not in template:
        return template
    bare = re.sub(r"/+", "/", _IN_NAME.sub("", template)).strip("/")
    return bare or "{image}"


def _downstream(workflow: Workflow, start: dict[str, str]) -> list[str]:
    """These nodes and all that they feed, in the graph's order."""
    reached, waiting = set(start), list(start)
    while waiting:
        fed = {consumer for consumer, _ in workflow.consumers.get(waiting.pop(), ())} - reached
        reached |= fed
        waiting += fed
    return [node_id for node_id in workflow.graph if node_id in reached]


def _output(graph: Graph, node_id: str) -> Mark | None:
    mark = parse_title(node_title(graph[node_id]))
    return mark if mark is not None and mark.kind == "output" else None


def _title(graph: Graph, node_id: str, channel: str, *, several: bool) -> str:
    title = node_title(graph[node_id])
    mark = parse_title(title)
    if mark is None:
        return f"{title} ({channel})"
    if mark.kind == "output":
        return f"output: {mark.name}_{channel}" if several else f"output: {channel}"
    return f"Shop ({channel})" if mark.name.casefold() == CHANNEL else title


def _free_ids(graph: Graph) -> Iterator[str]:
    """Ids that no node has; numbers, as the canvas gives them."""
    number = max((int(node_id) for node_id in graph if node_id.isdecimal()), default=0)
    while True:
        number += 1
        if str(number) not in graph:
            yield str(number)
