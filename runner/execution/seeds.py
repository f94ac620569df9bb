"""Where a workflow's seed is, and the number that is counted up from."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from runner.errors import UsageError, WorkflowError
from runner.workflow.graph import Workflow
from runner.workflow.patch import resolve_name

_SEED_WIDGETS = ("seed", "noise_seed")


def first_seed(
    workflow: Workflow,
    values: Mapping[str, Any],
    object_info: Mapping[str, Any],
    asked: int | None,
    *,
    varied: bool = False,
) -> tuple[str | None, int | None]:
    """The name of the input that holds the seed (an input `seed`, or the only seed widget), and the first seed.

    Args:
        values: the inputs as the user set them, by the names that were used.
        asked: the seed of `--seed`; None: what is set or in the file.
        varied: whether there must be one, for candidates that differ.

    Raises WorkflowError where there is none, and one was asked for; UsageError where it is set twice.
    """
    spec = workflow.input("seed", object_info)
    if spec is not None:
        default = spec.default if isinstance(spec.default, int) else 0
        return _set_seed(workflow, values, spec.name, default, object_info, asked)
    candidates = [
        (f"{node_id}.{widget}", node["inputs"][widget])
        for node_id, node in workflow.graph.items()
        for widget in _SEED_WIDGETS
        if isinstance(node["inputs"].get(widget), int)
    ]
    if len(candidates) == 1:
        return _set_seed(workflow, values, *candidates[0], object_info, asked)
    if varied:
        raise WorkflowError(
            f"--best-of needs a seed to vary, and {workflow.label} has no input `seed`"
            + (" and several nodes with one." if candidates else "."),
            advice="Title the node that holds it “input: seed” (on the canvas: right click → Title), and export "
            "the workflow again.",
        )
    if asked is not None:
        raise WorkflowError(
            f"{workflow.label} has no input `seed`" + (" and several nodes with one." if candidates else "."),
            advice=f"Set one with --set {candidates[0][0]}={asked}." if candidates else "Leave out --seed.",
        )
    return None, None


def _set_seed(
    workflow: Workflow,
    values: Mapping[str, Any],
    name: str,
    default: int,
    object_info: Mapping[str, Any],
    asked: int | None,
) -> tuple[str, int]:
    """The seed's name as the user wrote it, and the number to count up from: --seed, --set, or the file's own."""
    targets = resolve_name(workflow, name, object_info)
    for given, value in values.items():
        with contextlib.suppress(WorkflowError, ValueError):  # what is wrong with it is said where it is set
            if resolve_name(workflow, given, object_info) == targets:
                if asked is not None:
                    raise UsageError(f"--seed and --set {given} set the same input; give one of them.")
                return given, int(value)
    return name, default if asked is None else asked
