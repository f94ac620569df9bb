"""Whether the photos of a turn were all taken by a camera on a stand: read from the backdrop, and from the outlines.

Seen from above, a product grows and sinks as it turns: what is deep stands tall in the photo. So heights alone say
nothing. Where the backdrop lies still, the camera did; where it says nothing, heights and bases have to be those of
some product on some turntable. Only what neither explains was a camera that moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from .filters import area_reduced, dilate, masked_blur
from .tensors import Box

PERSPECTIVE = 0.04
"""Of the product's height: how far heights and bases may lie apart through nearness alone. A box that turns a corner
towards a camera at eight times its depth grows by 3 %."""
_SIDE = 200
"""Pixels of a backdrop's longer side: a photo's noise is averaged away, and half a percent of the frame is a pixel."""
_MARGIN = 5
"""Pixels around the product that are left out: its shadow turns with it."""
_COARSE = 6.0
"""Pixels (sigma) of what is taken out of a backdrop: fall-off of light and vignette stay where they are when a camera
moves; edges, folds and grain do not."""
_SOMETHING = 1 / 255
"""Root mean square of what is left from which it is something. Averaged noise of a photo is a third of it."""
_LEAST_SEEN = 400
"""Pixels that two backdrops must have in common."""
_SAME = 0.8
"""Correlation from which two backdrops lie on each other. Edges that are moved by two of these pixels have less; where
the product covers another part of them in each photo, they have 0.9."""
_SEEN_FROM_ABOVE = 0.5
"""How much of its depth a product grows by in the photo: the sine of the angle at which it is looked down on, at most
30 degrees."""
_FULL_TURN = 8
"""Photos from which a turn tells a product's depth: it is its width a quarter of the turn later."""
_FEW = 0.1
"""Of the product's height: what fewer photos may lie apart by beside that. A product that stands a third of its width
beside the axis comes and goes by as much in front of a lens at five times its size."""
_STEADY, _JUMP = 0.02, 0.1
"""Of the product's height: how far a photo may be from the middle of its neighbours, twice that difference, for half
of the photos and for all. Hand-held photos that differ by 2 % are at 3 % and more."""


@dataclass(frozen=True)
class Backdrop:
    """What of a photo is not product, small and grey: `fine` `[h,w]` without its slow changes, `seen` `[h,w]` 0/1."""

    fine: Tensor
    seen: Tensor


def backdrop_of(photo: Tensor, mask: Tensor) -> Backdrop | None:
    """Of a photo `[H,W,3]` sRGB with its product's mask `[H,W]`; None where their sizes differ."""
    if photo.shape[:2] != mask.shape:
        return None
    factor = max(1, round(max(mask.shape) / _SIDE))
    grey = area_reduced(photo.mean(dim=-1), factor)
    seen = (dilate(area_reduced(mask, factor), _MARGIN) < 0.01).to(grey)
    fine = grey - masked_blur(grey[None, None], seen[None], _COARSE)[0, 0]
    return Backdrop((fine * seen).cpu(), seen.cpu())


def on_a_stand(boxes: Sequence[Box], shapes: Sequence[tuple[int, ...]], backdrops: Sequence[Backdrop | None]) -> bool:
    """Whether one camera that did not move took all photos; where it cannot be told, yes. `boxes`: of the product in
    each, in the order of the turn; `shapes`: of the photos."""
    if len(set(shapes)) > 1:
        return False
    tall = median(box.height for box in boxes)
    heights, bases = [box.height / tall for box in boxes], [box.bottom / tall for box in boxes]
    if max(_spread(heights), _spread(bases)) <= PERSPECTIVE or _lie_still(backdrops):
        return True
    if len(boxes) >= _FULL_TURN:
        widths = [box.width / tall for box in boxes]
        return all(_is_of_a_turn(values, widths) or _is_steady(values) for values in (heights, bases))
    wider = _spread([box.width / tall for box in boxes])
    orbit = _spread([(box.left + box.right) / 2 / tall for box in boxes])
    return _spread(heights) <= _FEW + _SEEN_FROM_ABOVE * wider and _spread(bases) <= _FEW + _SEEN_FROM_ABOVE * (
        orbit + wider / 2
    )


def _lie_still(backdrops: Sequence[Backdrop | None]) -> bool:
    """Whether every backdrop shows something, and the same thing in the same place."""
    first, *others = backdrops
    return first is not None and all(other is not None and _is_same(first, other) for other in others)


def _is_same(one: Backdrop, other: Backdrop) -> bool:
    both = (one.seen * other.seen) > 0
    if int(both.sum()) < _LEAST_SEEN:
        return False
    left, right = one.fine[both], other.fine[both]
    left, right = left - left.mean(), right - right.mean()
    energies = float(left.square().mean()), float(right.square().mean())
    if min(energies) < _SOMETHING**2:
        return False
    return float((left * right).mean()) / math.sqrt(energies[0] * energies[1]) >= _SAME


def _is_of_a_turn(values: Sequence[float], widths: Sequence[float]) -> bool:
    """Whether `values` (heights, or bases) are those of a product on a turntable that went round once: they follow its
    depth, and the circle on which it goes."""
    count = len(values)
    angles = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    depths = torch.tensor([_a_quarter_later(widths, place) for place in range(count)], dtype=torch.float64)
    terms = torch.stack((torch.ones_like(angles), depths, angles.sin(), angles.cos()), dim=1)
    wanted = torch.tensor(values, dtype=torch.float64)
    weights = torch.linalg.pinv(terms, rtol=1e-3) @ wanted
    return _spread((wanted - terms @ weights).tolist()) <= PERSPECTIVE


def _a_quarter_later(widths: Sequence[float], place: int) -> float:
    count = len(widths)
    whole, part = divmod(place + count / 4, 1)
    before, after = widths[int(whole) % count], widths[(int(whole) + 1) % count]
    return before + part * (after - before)


def _is_steady(values: Sequence[float]) -> bool:
    """Whether they change little by little, as on part of a turn."""
    bends = [
        abs(before - 2 * value + after) for before, value, after in zip(values, values[1:], values[2:], strict=False)
    ]
    return median(bends) <= _STEADY and max(bends) <= _JUMP


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)
