"""Where a workflow's seed is, and the number that is counted up from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.errors import UsageError, WorkflowError
from runner.workflow.graph import Target, Workflow
from runner.workflow.patch import resolve_name
from runner.workflow.values import whole_number

_SEED_WIDGETS = ("seed", "noise_seed")


class SeedError(WorkflowError):
    """What is set as a seed is none, or is set in two ways."""


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

    Raises WorkflowError where there is none, and one was asked for; SeedError where what is set is no whole number;
    UsageError where it is set twice.
    """
    spec = workflow.input("seed", object_info)
    if spec is not None:
        own = spec.default
        default = int(own) if isinstance(own, int) or (isinstance(own, float) and own.is_integer()) else 0
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
    given = set_by(workflow, values, name, object_info)
    if given is None:
        return name, default if asked is None else asked
    if asked is not None:
        raise UsageError(f"--seed and --set {given} set the same input; give one of them.")
    return given, _whole(given, values[given])


def set_by(workflow: Workflow, values: Mapping[str, Any], name: str, object_info: Mapping[str, Any]) -> str | None:
    """The name among `values` that sets the same input as `name`; None where none does."""
    targets = resolve_name(workflow, name, object_info)
    return next((given for given in values if _targets(workflow, given, object_info) == targets), None)


def _whole(name: str, value: Any) -> int:
    try:
        return whole_number(name, value)
    except WorkflowError as error:
        raise SeedError(error.message, advice=error.advice) from None


def _targets(workflow: Workflow, name: str, object_info: Mapping[str, Any]) -> tuple[Target, ...]:
    """What a name sets; nothing where there is no such input, which is said where it is set."""
    try:
        return resolve_name(workflow, name, object_info)
    except WorkflowError:
        return ()
