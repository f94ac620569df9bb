"""One problem of a graph, as the check reports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from runner.workflow.graph import describe_node

MOST_SHOWN = 100
"""A workflow of a hundred thousand nodes can have as many problems; the first hundred say what kind of thing it is."""


@dataclass(frozen=True)
class Problem:
    """One thing that keeps a graph from running, or (a warning) that will not do what it seems to."""

    kind: str
    """missing_node, missing_model, missing_file, missing_input, bad_value, bad_link, type_mismatch, cycle, no_output,
    canvas_node, schema_drift"""
    message: str
    advice: str = ""
    node_id: str | None = None
    class_type: str | None = None
    title: str | None = None
    input: str | None = None
    model_id: str | None = None
    """The manifest's id of a missing model that it knows."""
    severity: str = "error"
    """`error`, or `warning` for what the server accepts but the user may not mean."""
    certain: bool = True
    """False: a node from another pack may accept the value after all, by a check of its own."""

    @property
    def is_fatal(self) -> bool:
        """Whether the graph surely does not run because of it."""
        return self.severity == "error" and self.certain

    @property
    def told(self) -> str:
        """For whoever runs the workflow and does not build it: a missing model by its name, not by its node."""
        if self.kind != "missing_model" or self.node_id is None:
            return str(self)
        node = {"class_type": self.class_type, "_meta": {"title": self.title}}
        message = self.message.removeprefix(f"{describe_node(self.node_id, node)}: ")
        return str(replace(self, message=message[:1].upper() + message[1:]))

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}

    def __str__(self) -> str:
        return f"{self.message}\n  {self.advice}" if self.advice else self.message


def listed(problems: Sequence[str], most: int = MOST_SHOWN) -> list[str]:
    """A list of problems as it is shown, no longer than anybody reads."""
    shown = [f"  - {line.replace(chr(10), chr(10) + '    ')}" for line in problems[:most]]
    return [*shown, *([f"  … and {len(problems) - most} more"] if len(problems) > most else [])]
