"""What stands in front of the product and was not kept: a glove, a sleeve, fingers outside the grip zone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..filters import opened
from .pieces import from_colors

UNLIKE = 12.0
"""CIELAB difference to the product in any shade from which another thing is seen: what `pieces` calls no product. With
it none of 40 pictures of products without a hand, relit, bent by 1.5 pixels, a print mirrored, gave a warning."""
_SHARE = 0.005
"""Of the product: a smaller piece may be a repainted edge or a reflection. Hands of 2 to 3 % that were cut are told;
one of 0.7 % is not."""
_DEEP = 0.02
"""Of the product's longest side that a thing reaches in from the outline: a product that lies a few pixels off
differs in a thin line along it."""
_BAND = (3, 10)
"""Pixels from the outline, on both sides, where a thing is compared with itself: nearer, its pixels mix with others'.
"""
_SAME, _GOES_ON = 3.0, 0.6
"""Spreads of colour within which the other side of the outline shows the same thing, and over how much of the crossing
it does: the rest is the thing's own border."""
_BREADTH = 0.4
"""Of the root of its area: a thing that comes from outside crosses the outline at least so broadly."""


@dataclass(frozen=True)
class LeftOut:
    """`share` of the product, and `place` on it in words."""

    share: float
    place: str


def left_out(
    kept: Tensor, unlike: Tensor, lab: Tensor, own: Tensor, inside: Tensor, long_side: float
) -> LeftOut | None:
    """The things over the product `inside` `[h,w]` that differ from it, go on beyond its outline and are not `kept`.

    `kept` `[h,w]` 0..1; `unlike` `[h,w]` the difference to the product in any shade; `lab` `[h,w,3]` the scene;
    `own` `[h,w]` where the product's own print was recognised. None where there is no such thing.
    """
    depth_in, depth_out = (ndimage.distance_transform_edt(plane.cpu().numpy()) for plane in (inside, ~inside))
    near = ndimage.binary_dilation((kept > 0.1).cpu().numpy(), iterations=_BAND[0])
    strange = (unlike > UNLIKE) & inside & ~own
    calm = (opened(strange.to(kept)[None], 2)[0] > 0.5).cpu().numpy() & ~near
    labels, count = ndimage.label(calm)
    area = float(inside.sum())
    found = np.zeros_like(calm)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for number in 1 + np.flatnonzero(sizes >= _SHARE * area):
        piece = labels == number
        deep = float(ndimage.distance_transform_edt(piece).max())
        if 2 * deep < _DEEP * long_side:
            continue
        if _comes_in(piece, depth_in, depth_out, lab):
            found |= piece
    if not found.any():
        return None
    return LeftOut(float(found.sum() / area), _place(found, inside.cpu().numpy()))


def _comes_in(
    piece: NDArray[np.bool_], depth_in: NDArray[np.float64], depth_out: NDArray[np.float64], lab: Tensor
) -> bool:
    """Whether `piece` crosses the outline: broad enough there, and of one colour on both sides."""
    low, high = _BAND
    inner = piece & (depth_in >= low) & (depth_in <= high)
    if inner.sum() < _BREADTH * np.sqrt(piece.sum()) * (high - low):
        return False
    reach = ndimage.distance_transform_edt(~inner) <= 2 * low + 1
    outer = reach & (depth_out >= low) & (depth_out <= high)
    if outer.sum() < (high - low):
        return False
    device = lab.device
    beyond = lab[torch.from_numpy(outer).to(device)]
    away = from_colors(beyond[None], lab[torch.from_numpy(inner).to(device)])[0]
    return float((away < _SAME).float().mean()) >= _GOES_ON


def _place(found: NDArray[np.bool_], inside: NDArray[np.bool_]) -> str:
    """Where on the product `found` lies: its middle in thirds of the product's box."""
    words = []
    for axis, names in ((1, ("top", "", "bottom")), (0, ("left", "", "right"))):
        there, own = (np.nonzero(plane.any(axis=axis))[0] for plane in (found, inside))
        share = (float(there.mean()) - own[0]) / max(1, own[-1] - own[0])
        words.append(names[min(2, int(3 * share))])
    return " ".join(word for word in words if word) or "middle"
