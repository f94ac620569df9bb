"""What is written on the canvas: what a workflow is for, and in each stage what happens and what may be set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.canvas.stages import Stage
from runner.workflow.graph import Graph, node_title, parse_title

WIDTH = 430.0
"""Pixels, as a wide node (`faces`)."""
_LETTERS = 66
"""A line of a note holds about so many, those of a list a few less."""
_LINE, _BORDER, _LEAST = 18.0, 36.0, 90.0
"""Pixels: a line of a note, what is around its lines, and the least height of one."""


@dataclass(frozen=True)
class Entry:
    """What `workflows/index.yaml` says of a workflow."""

    purpose: str
    steps: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    title: str = ""
    tags: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    """The inputs that its form asks for; none: it has none."""


def entry_of(index: Mapping[str, Any], label: str) -> Entry:
    """The entry of a workflow; an empty one where the index has none."""
    shown = index.get("templates", {}).get(label.rpartition(".v")[0], {})
    for entry in index.get("workflows", ()):
        if entry.get("name") == label:
            words = (entry["purpose"], entry.get("steps", ""), entry["inputs"], entry["outputs"])
            return Entry(*words, shown.get("title", ""), tuple(shown.get("tags", ())), tuple(shown.get("form", ())))
    return Entry("", "", {}, {})


def about(label: str, entry: Entry) -> str:
    """The note at the far left."""
    parts = [f"# {label}", f"**{entry.title[:1].upper()}{entry.title[1:]}**" if entry.title else "", entry.purpose]
    parts += [f"**How:** {entry.steps}" if entry.steps else "", f"*{' · '.join(entry.tags)}*" if entry.tags else ""]
    if entry.inputs:
        parts += ["## What you can set", _list(entry.inputs.items())]
    if entry.outputs:
        parts += ["## What you get", _list(entry.outputs.items())]
    return "\n\n".join(part for part in parts if part)


def of_stage(stage: Stage, members: Sequence[str], graph: Graph, entry: Entry) -> str:
    """The note at the head of a stage: its sentence, and what of it may be set on its nodes."""
    marks = [parse_title(node_title(graph[node_id])) for node_id in members]
    names = dict.fromkeys(mark.name for mark in marks if mark and mark.kind == "input")
    if stage.key in ("set", "seldom") or not names:
        return stage.sentence
    return f"{stage.sentence}\n\n{_list((name, entry.inputs.get(name, '')) for name in names)}"


def height(text: str) -> float:
    """How high a note must be for its text to be seen without scrolling."""
    lines = 0.0
    for line in text.splitlines():
        size = 1.5 if line.startswith("#") else 1.0
        lines += size * max(1, math.ceil(len(line) * size / _LETTERS)) if line else 0.6
    return max(_LEAST, math.ceil((_BORDER + lines * _LINE) / 10) * 10)


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        f"- **{name}**: {' '.join(str(words).split())}" if words else f"- **{name}**" for name, words in pairs
    )
