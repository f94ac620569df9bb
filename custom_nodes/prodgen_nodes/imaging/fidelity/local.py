"""What a person would point at: places of the product that were changed, lost detail, a second copy beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color.overview import Overview
from ..colorspace import DELTA_E00, delta_e00, linear_to_lab, luminance
from ..filters import dilate, erode
from ..tensors import Box
from .beside import Beside
from .detail import Detail, compare_detail
from .findings import Finding, Kind
from .fit import light_curve
from .ghost import Ghost
from .gone import gone_in
from .limits import Limits
from .pixels import percentile
from .places import Marked, Spot, place_of, spots
from .recolored import Recolored, recolored, smooth_colors
from .sharpness import Sharpness

_FULL = 0.98
"""Coverage from which a pixel is the product's alone; from 0.9 to 0.995 no finding of 16 drawn scenes changes."""
_SHINES, _DARK = 0.25, 0.001
"""Of a dark product less of a white ground may shine through: this share of its own light, and so much more."""


@dataclass(frozen=True)
class Local:
    """Figures of small places: `similarity` (1 = the photo's structure), `color` dE00, `sharpness`, `ghost`.

    `heat` `[h,w]` at the view's size: 1 where a limit is reached. `smooth`: mean and 95th percentile of dE00 of smooth
    colours.
    """

    similarity: float
    color: float
    sharpness: Sharpness
    ghost: Ghost | None
    spots: tuple[Spot, ...]
    heat: Tensor | None
    recolored: Recolored | None = None
    smooth: tuple[float, float] | None = None
    beside: Beside | None = None


UNTOUCHED = Local(1.0, 0.0, Sharpness(None), None, (), None)


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
    through = (_SHINES * luminance(view.original[0].movedim(0, -1)) + _DARK).clamp(max=1 - _FULL)
    inside = erode(view.mask[0] > 1 - through, 1)
    if covered is not None:
        small = F.avg_pool2d(covered[None, None], view.factor, ceil_mode=True)[0, 0]
        inside &= ~dilate(small > 0.02, 1)
    expected = view.original if ratio is None else (view.original * ratio).clamp(0.0, 1.0)
    curved = light_curve(view.generated, expected, inside)
    detail = compare_detail(view, curved, inside)
    gone = gone_in(view, expected, inside)
    colors = smooth_colors(view, ratio, inside & ~gone)
    whole = recolored(colors)
    if whole is None and not _off(view, expected, inside & ~gone) <= limits.max_delta_e00_mean:
        # A curve bends so far that it makes a white label pink, and then the cap is called another: no light did this.
        detail = replace(detail, color=compare_detail(view, expected, inside).color)
    smooth = None if colors is None else (float(colors.off.mean()), percentile(colors.off, 0.95))
    return replace(_local(detail, gone, origin, view.factor, limits), recolored=whole, smooth=smooth)


def _off(view: Overview, expected: Tensor, inside: Tensor) -> float:
    """Mean dE00 of the two pictures where `inside` `[h,w]` is true, 0 where nothing is."""
    here, there = (linear_to_lab(plane[0][:, inside].clamp(0.0, 1.0).T) for plane in (view.generated, expected))
    return float(delta_e00(here, there).mean()) if len(here) else 0.0


def _local(detail: Detail, gone: Tensor, origin: tuple[int, int], factor: int, limits: Limits) -> Local:
    structure, color = 1 - limits.min_local_similarity, limits.max_local_delta_e00
    wrong = (detail.structure > structure) | (detail.color > color)
    marked = Marked(wrong, detail.structure, detail.color, gone, detail.valid)
    return Local(
        similarity=1 - float(detail.structure.max()),
        color=float(detail.color.max()),
        sharpness=Sharpness(None),
        ghost=None,
        spots=tuple(spots(marked, origin, factor)),
        heat=torch.maximum(detail.structure / max(structure, 1e-3), detail.color / max(color, 1e-3)).clamp(0.0, 1.0),
    )


def findings(local: Local, product: Box, limits: Limits) -> list[Finding]:
    """What is wrong at which place of the `product`'s box."""
    found = _changes(local, product, limits)
    sharp = local.sharpness
    if sharp.product is not None and sharp.product < limits.min_sharpness:
        text = (
            "its fine detail is gone all over, it was blurred or redrawn "
            f"({max(sharp.product, 0):.0%} of it is left, limit {limits.min_sharpness:.0%})"
        )
        found.append(Finding("detail", text))
    elif sharp.worst is not None and sharp.at is not None and sharp.worst < limits.min_tile_sharpness:
        place = place_of(*sharp.at, product)
        text = (
            f"{place}: its fine detail is gone there, it was blurred or redrawn ({max(sharp.worst, 0):.0%} of it is "
            f"left, limit {limits.min_tile_sharpness:.0%})"
        )
        x, y = (round(value) for value in sharp.at)
        found.append(Finding("detail", text, Box(x, y, x + 1, y + 1), place))
    if is_ghost(local.ghost, limits) and local.ghost is not None:
        place = place_of(*local.ghost.at, product)
        text = (
            f"{place}: a second copy of it shows beside it ({local.ghost.share:.0%} of "
            "its outline is repeated): have what is around the product painted again"
        )
        found.append(Finding("ghost", text, None, place))
    if local.beside is not None:
        place = place_of(*local.beside.at, product)
        text = (
            f"{place}: something that is not the product reaches from the picture's border up to it, a strap or a "
            "cable: have it painted over, or take a picture without it"
        )
        found.append(Finding("added", text, local.beside.box, place))
    return found


def is_ghost(ghost: Ghost | None, limits: Limits) -> bool:
    """Whether what lies beside the product is a copy of it."""
    return ghost is not None and not ghost.shadow and ghost.share > limits.max_ghost


def _changes(local: Local, product: Box, limits: Limits) -> list[Finding]:
    """One for each place, by the strongest of what is wrong there."""
    found: dict[tuple[Kind, str], Finding] = {}
    for spot in local.spots:
        place, kind = spot.place(product), _kind(spot, limits)
        if kind == "missing":
            text = "a piece of its outline is missing there, the ground shows"
        elif kind == "changed":
            text = f"its print or shape was changed there ({max(1 - spot.structure, 0.0):.0%} alike)"
        else:
            text = f"its colour changed there (by {DELTA_E00} {spot.color:.0f})"
        found.setdefault((kind, place), Finding(kind, f"{place}: {text}", spot.box, place))
    return list(found.values())


def _kind(spot: Spot, limits: Limits) -> Kind:
    if spot.gone:
        return "missing"
    return "changed" if spot.structure > 1 - limits.min_local_similarity else "colour"
