"""The wires that hands travel on."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ...imaging.errors import ShapeError
from ...imaging.reports import batch_report
from ...imaging.tensors import check_mask, expand_batch
from ..common import TINT, optional_mask

KeypointsType = io.Custom("POSE_KEYPOINT")
HandCropsType = io.Custom("PRODGEN_HAND_CROPS")
NOTHING = "no hand was found and no handle was opened for one: nothing is refined, the picture stays as it is."


def batch_mask(mask: Tensor | None, image: Tensor, name: str) -> Tensor | None:
    """`mask` at the picture's size and number, or None where it is absent or LoadImage's placeholder."""
    mask = optional_mask(mask, image)
    if mask is None:
        return None
    mask = check_mask(mask, name)
    if mask.shape[1:] != image.shape[1:3] or mask.shape[0] not in (1, image.shape[0]):
        raise ShapeError(
            f"{name} {tuple(mask.shape)} does not fit the picture {tuple(image.shape)}: it must have its size, and be "
            "one, or one for each picture."
        )
    return expand_batch(mask, image.shape[0])


def boxed(image: Tensor, boxes: list[tuple[tuple[float, float, float, float], bool]]) -> Tensor:
    """One picture `[H,W,3]` with a green (good) or magenta frame around each box."""
    shown = image[..., :3].float().clone()
    height, width = shown.shape[:2]
    thick = max(2, round(max(height, width) / 300))
    for (left, top, right, bottom), good in boxes:
        color = torch.tensor((0.1, 0.9, 0.2) if good else TINT, device=shown.device)
        x0, x1 = max(0, int(left) - thick), min(width, int(right) + thick)
        y0, y1 = max(0, int(top) - thick), min(height, int(bottom) + thick)
        for rows, columns in (
            (slice(y0, y0 + thick), slice(x0, x1)),
            (slice(max(y0, y1 - thick), y1), slice(x0, x1)),
            (slice(y0, y1), slice(x0, x0 + thick)),
            (slice(y0, y1), slice(max(x0, x1 - thick), x1)),
        ):
            shown[rows, columns] = color
    return shown


def merged(items: list[dict[str, Any]]) -> dict[str, Any]:
    """One picture's report as it is; for several, their common verdict and all of them under `items`."""
    at_grip = [entry["hand_at_grip"] for entry in items if entry["hand_at_grip"] is not None]
    return batch_report(
        items,
        people=[entry["people"] for entry in items],
        hands=[hand for entry in items for hand in entry["hands"]],
        hand_at_grip=all(at_grip) if at_grip else None,
    )
