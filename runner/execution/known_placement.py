"""Where the product is in a picture that was made here: the `.json` beside it says so, and nothing is searched.

A workflow that takes a finished picture and the product's photo (`upscale`, `style`) has an input `known` for it. It is
filled only where there is no doubt: the picture is the file that was saved, and the photo the one it was made from.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.errors import WorkflowError
from runner.files.records import record_of
from runner.untrusted import items, mapping
from runner.workflow.graph import Workflow
from runner.workflow.patch import resolve_name
from runner.workflow.schema import ObjectInfo

INPUT = "known"
_KEPT = ("placement", "residual_px")


def known_placement(
    workflow: Workflow,
    values: Mapping[str, Any],
    pictures: Sequence[Path | None],
    hashes: Mapping[Path, str],
    object_info: ObjectInfo | None = None,
) -> dict[str, str]:
    """{`known`: what was recorded}, or nothing.

    Args:
        values: what the user set; an input `known` among it, empty or not, stays as it is.
        pictures: the file in each picture input; None where it is none of this computer.
        hashes: their sha256, as a record keeps it.
    """
    spec = workflow.input(INPUT, object_info)
    if spec is None or not pictures or pictures[0] is None:
        return {}
    for name in values:
        with contextlib.suppress(WorkflowError):  # what is wrong with a name is said where it is set
            if resolve_name(workflow, name, object_info) == spec.targets:
                return {}
    text = _recorded(pictures[0], {hashes[path] for path in pictures[1:] if path is not None and path in hashes})
    return {spec.name: text} if text else {}


def _recorded(picture: Path, photos: set[str]) -> str:
    """The reports of the picture's own run that hold a placement; "" where they are not certain to be about it."""
    record = record_of(picture) or {}
    try:
        size = picture.stat().st_size
    except OSError:
        return ""
    saved = [(mapping(file).get("file"), mapping(file).get("bytes")) for file in items(record.get("files"))]
    made_from = {mapping(image).get("sha256") for image in items(record.get("images"))}
    if (picture.name, size) not in saved or not photos & made_from:
        return ""
    reports = {
        name: {key: report[key] for key in _KEPT if key in report}
        for name, report in mapping(record.get("reports")).items()
        if isinstance(report, dict) and isinstance(report.get("placement"), dict)
    }
    return json.dumps({"reports": reports}) if reports else ""
