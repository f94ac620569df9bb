"""What a person would point at: places of the product that were changed, lost detail, a second copy beside it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color.overview import Overview
from ..colorspace import DELTA_E00
from ..filters import dilate, erode
from ..tensors import Box
from .detail import Detail, compare_detail
from .fit import light_curve
from .ghost import Ghost
from .limits import Limits
from .places import Spot, place_of, spots
from .sharpness import Sharpness

_NAMED = 3
"""Places that a report names: a seller looks at the first ones and counts the others."""
_FULL = 0.98
"""Coverage from which a pixel is the product's alone; from 0.9 to 0.995 no finding of 16 drawn scenes changes."""


@dataclass(frozen=True)
class Local:
    """Figures of small places: `similarity` (1 = the photo's structure), `color` dE00, `sharpness`, `ghost`.

    `heat` `[h,w]` at the view's size: 1 where a limit is reached.
    """

    similarity: float
    color: float
    sharpness: Sharpness
    ghost: Ghost | None
    structure_spots: tuple[Spot, ...]
    color_spots: tuple[Spot, ...]
    heat: Tensor | None


UNTOUCHED = Local(1.0, 0.0, Sharpness(None), None, (), (), None)


def look_closely(
    view: Overview,
    ratio: Tensor | None,
    covered: Tensor | None,
    origin: tuple[int, int],
    limits: Limits,
) -> Local:
    """Compare the two pictures of `view`, the product's relit by the small plane `ratio` where light may differ.

    `covered` `[H,W]` (the view's full size) is not looked at; pixel (0, 0) of the view lies at canvas `origin` (x, y).
    """
    inside = erode(view.mask[0] > _FULL, 1)
    if covered is not None:
        small = F.avg_pool2d(covered[None, None], view.factor, ceil_mode=True)[0, 0]
        inside &= ~dilate(small > 0.02, 1)
    expected = view.original if ratio is None else (view.original * ratio).clamp(0.0, 1.0)
    detail = compare_detail(view, light_curve(view.generated, expected, inside), inside)
    return _local(detail, origin, view.factor, limits)


def _local(detail: Detail, origin: tuple[int, int], factor: int, limits: Limits) -> Local:
    structure, color = 1 - limits.min_local_similarity, limits.max_local_delta_e00
    return Local(
        similarity=1 - float(detail.structure.max()),
        color=float(detail.color.max()),
        sharpness=Sharpness(None),
        ghost=None,
        structure_spots=tuple(spots(detail.structure, structure, detail.valid, origin, factor)),
        color_spots=tuple(spots(detail.color, color, detail.valid, origin, factor)),
        heat=torch.maximum(detail.structure / max(structure, 1e-3), detail.color / max(color, 1e-3)).clamp(0.0, 1.0),
    )


def reasons(local: Local, product: Box, limits: Limits) -> list[str]:
    """What is wrong at which place of the `product`'s box, in words."""
    texts = _changes(local, product)
    sharp = local.sharpness
    if sharp.product is not None and sharp.product < limits.min_sharpness:
        texts.append(
            f"its fine detail is gone all over ({max(sharp.product, 0):.0%} of it is left, limit "
            f"{limits.min_sharpness:.0%}): it was blurred or redrawn"
        )
    elif sharp.worst is not None and sharp.at is not None and sharp.worst < limits.min_tile_sharpness:
        texts.append(
            f"{place_of(*sharp.at, product)}: its fine detail is gone there ({max(sharp.worst, 0):.0%} of it is left, "
            f"limit {limits.min_tile_sharpness:.0%}): it was blurred or redrawn"
        )
    if is_ghost(local.ghost, limits) and local.ghost is not None:
        texts.append(
            f"{place_of(*local.ghost.at, product)}: a second copy of it shows beside it ({local.ghost.share:.0%} of "
            "its outline is repeated): have what is around the product painted again"
        )
    return texts


def is_ghost(ghost: Ghost | None, limits: Limits) -> bool:
    """Whether what lies beside the product is a copy of it."""
    return ghost is not None and not ghost.shadow and ghost.share > limits.max_ghost


def _changes(local: Local, product: Box) -> list[str]:
    """One line per place; where structure and colour are both off, the stronger word."""
    lines: dict[str, str] = {}
    for spot in local.structure_spots:
        what = "a piece of its outline is missing or was painted over" if spot.on_outline else "it was changed"
        similarity = max(1 - spot.peak, 0.0)
        lines.setdefault(spot.place(product), f"{what} there (its structure agrees to {similarity:.2f})")
    for spot in local.color_spots:
        lines.setdefault(spot.place(product), f"its colour is another there ({DELTA_E00} {spot.peak:.0f})")
    named = [f"{place}: {what}" for place, what in list(lines.items())[:_NAMED]]
    if len(lines) > _NAMED:
        named.append(f"and at {len(lines) - _NAMED} more places")
    return named
