"""The links of a graph: which nodes they reach, which wait for each other, which types may be joined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from runner.untrusted import mapping
from runner.workflow.graph import is_link
from runner.workflow.schema import COMBO

Links = Callable[[str], Iterator[tuple[str, str]]]
"""(source node, input name) of every link into a node."""
_ANY_TYPES = ("*", "COMFY_MATCHTYPE_V3")


def reached(graph: Collection[str], outputs: Iterable[str], links: Links) -> set[str]:
    """The nodes of `graph` that the outputs need, themselves included."""
    seen = set(outputs)
    queue = list(seen)
    while queue:
        for source, _ in links(queue.pop()):
            if source in graph and source not in seen:
                seen.add(source)
                queue.append(source)
    return seen


def links_of(graph: Mapping[str, Any]) -> Links:
    """The links of a graph in API form, whoever wrote it."""

    def links(node_id: str) -> Iterator[tuple[str, str]]:
        inputs = mapping(mapping(graph.get(node_id)).get("inputs"))
        return ((value[0], name) for name, value in inputs.items() if is_link(value))

    return links


def cycles(graph: Collection[str], starts: Iterable[str], links: Links) -> Iterator[list[str]]:
    """Nodes that wait for each other, in the order of their links, as far as they are reached from `starts`."""
    done: set[str] = set()
    for start in starts:
        if start in done:
            continue
        path, on_path = [start], {start}
        walks = [iter([source for source, _ in links(start)])]
        while walks:
            step = next(walks[-1], None)
            if step is None:
                done.add(path[-1])
                on_path.remove(path.pop())
                walks.pop()
            elif step in on_path:
                yield path[path.index(step) :]
            elif step in graph and step not in done:
                path.append(step)
                on_path.add(step)
                walks.append(iter([source for source, _ in links(step)]))


def types_fit(received: Any, wanted: Any) -> bool:
    """Whether an output of one type may go into an input of another (`validate_node_input` of ComfyUI 0.30)."""
    if received == wanted or received in _ANY_TYPES or wanted in _ANY_TYPES:
        return True
    if isinstance(received, list) and wanted == COMBO:
        return True
    if not isinstance(received, str) or not isinstance(wanted, str):
        return False
    given = {part.strip() for part in received.split(",")}
    taken = {part.strip() for part in wanted.split(",")}
    return "*" in given | taken or bool(given & taken)


def type_name(value: Any) -> str:
    return "a choice" if isinstance(value, list) else str(value)
