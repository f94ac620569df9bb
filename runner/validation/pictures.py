"""Which pictures a bundled workflow still waits for.

The file name in one of its LoadImage nodes is a placeholder. On a server that happens to hold a file of that name it
would run on somebody else's photo and look like a success. A workflow of the user's own keeps the file it names.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from runner.errors import UsageError, WorkflowError
from runner.workflow.graph import InputSpec, Target, Workflow
from runner.workflow.index import read_index
from runner.workflow.load import WORKFLOWS_DIR
from runner.workflow.patch import resolve_name
from runner.workflow.schema import ObjectInfo


def needed_pictures(
    workflow: Workflow, names: Iterable[str], images: int, object_info: ObjectInfo | None = None
) -> list[InputSpec]:
    """The picture inputs of a bundled workflow that nobody has set; none for any other workflow.

    Args:
        names: the inputs that were set, as the user wrote them.
        images: how many pictures fill `image`, `image_2`, … in order.
    """
    if workflow.path.resolve().parent != WORKFLOWS_DIR:
        return []
    taken: set[Target] = set()
    for name in names:
        with contextlib.suppress(WorkflowError):  # what is wrong with a name is said where it is set
            taken.update(resolve_name(workflow, name, object_info))
    specs = workflow.image_inputs(object_info)[images:]
    return [spec for spec in specs if not taken.issuperset(spec.targets)]


def check_pictures(
    workflow: Workflow, names: Iterable[str], images: int, object_info: ObjectInfo | None = None
) -> None:
    """Raises UsageError where `submit` was given too few pictures."""
    needed = needed_pictures(workflow, names, images, object_info)
    if not needed:
        return
    every = workflow.image_inputs(object_info)
    if len(every) == 1:
        raise UsageError(f"{workflow.name} needs a photo: name it behind the workflow, or with --image photo.jpg")
    missing = ", ".join(spec.name for spec in needed)
    raise UsageError(
        f"{workflow.name} needs {len(every)} pictures (missing: {missing}): give each with --image, in this order",
        advice="\n  ".join(_purposes(workflow, every)),
    )


def missing_in_batch(workflow: Workflow, names: Iterable[str], object_info: ObjectInfo | None = None) -> str:
    """What is wrong with a batch's job in which only these inputs are set; "" where nothing is."""
    needed = needed_pictures(workflow, names, 0, object_info)
    if not needed:
        return ""
    every = workflow.image_inputs(object_info)
    columns = ", ".join(spec.name for spec in needed)
    ways = [f"in --jobs, with the column{'s' if len(needed) > 1 else ''} {columns}"]
    if every[0] in needed and len(needed) == 1:
        ways.insert(0, "with --images DIR")
    elif every[0] not in needed:
        ways.insert(0, "with " + " ".join(f"--set {spec.name}=FILE" for spec in needed))
    what = "a photo" if len(every) == 1 else " and ".join(spec.name for spec in needed)
    text = f"{workflow.name} needs {what}: give it {' or '.join(ways)}"
    return text if len(every) == 1 else "\n".join([text, *_purposes(workflow, needed)])


def _purposes(workflow: Workflow, specs: Iterable[InputSpec]) -> list[str]:
    """A line per input: what it is for, as the index of the bundled workflows says."""
    inputs = read_index().inputs.get(workflow.label, {})
    return [f"{spec.name}: {inputs.get(spec.name, spec.help)}".rstrip(": ") for spec in specs]
