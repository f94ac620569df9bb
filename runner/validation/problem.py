"""One problem of a graph, as the check reports it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}

    def __str__(self) -> str:
        return f"{self.message}\n  {self.advice}" if self.advice else self.message
