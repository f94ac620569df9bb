"""Where a product is known to be: what a run recorded of its own picture, so that nothing has to be searched."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import ParameterError, ShapeError
from ..placed import rescaled
from ..placement import Affine, Placement

_HELP = (
    "It takes the .json that was saved beside the picture, or the report of Register Product or Paste Product Back; "
    "leave it empty to have the product searched."
)


def recorded(placement: Placement) -> dict[str, Any]:
    """What a report keeps of a placement, for `known_placement` to read."""
    return {
        "canvas": [placement.canvas_width, placement.canvas_height],
        "product": [placement.product_width, placement.product_height],
        "transforms": [[t.a, t.b, t.tx, t.c, t.d, t.ty] for t in placement.transforms],
    }


def known_placement(text: str, given: Placement, width: int, height: int) -> Placement:
    """The placement on a picture of `width` and `height` that the JSON `text` (a report or a sidecar) records.

    `given` supplies the product's boxes and pose. Raises ParameterError for a text that records none, ShapeError where
    it was recorded with a photo of another size or for a picture of another aspect.
    """
    try:
        records = list(_records(json.loads(text)))
    except (ValueError, RecursionError):
        raise ParameterError(f"known is no JSON text. {_HELP}") from None
    if not records:
        raise ParameterError(f"known does not say where the product is. {_HELP}")
    record = records[-1]
    if record["product"] != [given.product_width, given.product_height]:
        raise ShapeError(
            f"known was recorded with a product photo of {record['product'][0]}x{record['product'][1]}, this one has "
            f"{given.product_width}x{given.product_height}: give the photo that the picture was made from."
        )
    canvas_width, canvas_height = record["canvas"]
    transforms = tuple(Affine(*map(float, row)) for row in record["transforms"])
    if len(given) not in (1, len(transforms)) and len(transforms) != 1:
        raise ShapeError(f"known records {len(transforms)} pictures, placement has {len(given)}.")
    where = replace(given, canvas_width=canvas_width, canvas_height=canvas_height, transforms=transforms)
    return rescaled(where, width, height)[0]


def _records(report: Any) -> Iterator[dict[str, Any]]:
    """All placements recorded in a report or a sidecar; what Register Product found comes last."""
    if not isinstance(report, dict):
        return
    own = report.get("placement")
    if isinstance(own, dict) and _is_record(own):
        yield own
    reports = report.get("reports")
    if isinstance(reports, dict):
        parts = [part for part in reports.values() if isinstance(part, dict)]
        for part in sorted(parts, key=lambda part: "residual_px" in part):
            yield from _records({"placement": part.get("placement")})


def _is_record(record: dict[str, Any]) -> bool:
    sizes = [record.get("canvas"), record.get("product")]
    rows = record.get("transforms")
    return (
        all(isinstance(s, list) and len(s) == 2 and all(type(n) is int and n > 0 for n in s) for s in sizes)
        and isinstance(rows, list)
        and bool(rows)
        and all(isinstance(row, list) and len(row) == 6 and all(map(_is_number, row)) for row in rows)
        and all(row[0] * row[4] - row[1] * row[3] > 1e-9 for row in rows)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
