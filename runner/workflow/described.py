"""What can be set in a workflow, described for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.workflow.graph import InputSpec, Workflow
from runner.workflow.schema import is_file_list


def named_inputs(workflow: Workflow, object_info: Mapping[str, Any]) -> list[InputSpec]:
    """The inputs marked by title, and `image` where the only LoadImage stands for it."""
    specs = workflow.inputs(object_info)
    named = {spec.name for spec in specs}
    return [spec for spec in workflow.image_inputs(object_info) if spec.name not in named] + specs


def as_dict(spec: InputSpec, *, files_are_there: bool = True) -> dict[str, Any]:
    """All that is known of an input. What says nothing is left out, and so are files that were once elsewhere."""
    listed = spec.options is not None and (files_are_there or not is_file_list(spec.options))
    values: dict[str, Any] = {
        "name": spec.name,
        "type": spec.type,
        "default": spec.default,
        "min": spec.minimum,
        "max": spec.maximum,
        "step": spec.step,
        "options": list(spec.options or ()) if listed else None,
        "help": spec.help,
        "sets": [f"{target.node_id}.{target.widget}" for target in spec.targets],
        "type_from": "schema" if spec.from_schema else "value",
    }
    return {key: value for key, value in values.items() if value not in (None, "") or key == "default"}
