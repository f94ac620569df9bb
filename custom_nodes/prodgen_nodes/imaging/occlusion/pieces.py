"""Which pieces that differ from the product are a hand: without the product's rim, and with all of its fingers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..filters import gaussian_blur

_RIM = 3.0
"""Pixels from the product's outline in which a registration that is a little off makes differences."""
_SPREAD = (14.0, 6.0, 6.0)
"""Least spread of a hand's colour in CIELAB: its creases and its own shade."""
_ALIKE = 2.5
"""Spreads of colour between the fingers of one hand; at double, other people and skin-coloured goods join it."""
_BODY = 2
"""Pixels inside a piece's edge: what is deeper is hand and nothing of the product mixed in."""
_ENOUGH = 30
"""A hand shows at least so many pixels well inside its edge, or its colour is not learned."""
_COLORS, _SAMPLES, _ROUNDS = 4, 4000, 4
_LEAST_SPREAD = (6.0, 3.0, 3.0)
"""Colours that a hand is described by (lit, shaded, crease, nail), from at most so many pixels, in rounds of k-means;
and the least spread of each in CIELAB, so that an even patch does not shut out its neighbour."""
_UNIT = 3.0
"""CIELAB difference to the product that counts as much as one spread from the hand's colour."""
_LEAST, _MOST = 2.5, 12.0
"""What is nearer to the product than this is no hand whatever its colour; what is farther is no product."""
SURE = 6.0
_GROWTH = 1.6
"""Difference (CIELAB) to the product from which a pixel of a hand is learned from; and how much the hand may grow by
what was learned: more says that the product has the hand's own colours."""
_HOLE = 0.15
"""Holes below this share of what is kept are filled."""


def without_spurs(pieces: Tensor, inside: Tensor) -> Tensor:
    """`pieces` `[h,w]` (0 or 1) without what runs along the rim of the product `inside` `[h,w]` beside a finger."""
    there = pieces.cpu().numpy() > 0.5
    if not there.any():
        return pieces
    depth = ndimage.distance_transform_edt(inside.cpu().numpy())
    deep = there & (depth >= _RIM)
    labels, _ = ndimage.label(there, structure=np.ones((3, 3)))
    crossing = np.isin(labels, np.setdiff1d(np.unique(labels[deep]), 0))
    near = ndimage.distance_transform_edt(~deep) <= _RIM + 1 if deep.any() else deep
    return torch.from_numpy(there & (near | ~crossing)).to(pieces)


def of_one_hand(pieces: Tensor, near: Tensor, lab: Tensor) -> tuple[Tensor, int]:
    """Those of `pieces` `[h,w]` (0 or 1) that reach the place `near` `[h,w]`, and the other fingers of that hand.

    These have its colour in `lab` `[h,w,3]`. Also their number.
    """
    there = pieces.cpu().numpy() > 0.5
    labels, count = ndimage.label(there, structure=np.ones((3, 3)))
    held = np.setdiff1d(np.unique(labels[there & (near.cpu().numpy() > 0.5)]), 0)
    if not held.size or held.size == count:
        return torch.from_numpy(np.isin(labels, held)).to(pieces), len(held)
    colors = lab.cpu().numpy()
    body = colors[np.isin(labels, held)]
    middle, spread = np.median(body, axis=0), np.maximum(body.std(axis=0), _SPREAD)
    away = [
        np.linalg.norm((np.median(colors[labels == number], axis=0) - middle) / spread)
        for number in range(1, count + 1)
    ]
    good = np.union1d(held, 1 + np.nonzero(np.array(away) < _ALIKE)[0])
    return torch.from_numpy(np.isin(labels, good)).to(pieces), len(good)


def by_colour(pieces: Tensor, lab: Tensor, skin: Tensor, unlike: Tensor, inside: Tensor) -> Tensor:
    """`pieces` `[h,w]` (0 or 1) drawn again by what colour the hand has, now that some of it is known.

    `lab` `[h,w,3]` the scene; `skin` `[h,w]` whether it may be skin; `unlike` `[h,w]` how far it is from the product
    in any shade (CIELAB); `inside` `[h,w]` the product. What is nearer to the hand's colours than to the product and
    goes on from a piece is hand; what is nearer to the shaded product is not.
    """
    there = pieces.cpu().numpy() > 0.5
    body = ndimage.binary_erosion(there, iterations=_BODY) & (unlike > SURE).cpu().numpy()
    if body.sum() < _ENOUGH:
        return pieces
    hand = from_colors(lab, lab[torch.from_numpy(body).to(lab.device)])
    ratio = gaussian_blur((unlike / _UNIT - hand)[None, None], 0.8)[0, 0]
    product = inside.cpu().numpy()
    more = ((ratio > 0) & (unlike > _LEAST) & (skin > 0.1)).cpu().numpy() & product
    less = ((ratio < 0) & (unlike < _MOST)).cpu().numpy()
    again = ndimage.binary_opening((there & ~less) | more, np.ones((3, 3)))
    labels, _ = ndimage.label(again)
    again = np.isin(labels, np.setdiff1d(np.unique(labels[body & again]), 0))
    if again.sum() > _GROWTH * there.sum():
        return pieces  # the product has the hand's colours, too: they tell nothing
    return torch.from_numpy(filled(again)).to(pieces)


def filled(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`chosen` `[h,w]` with those of its holes that are small against it: a ring, a nail, a highlight."""
    holes = ndimage.binary_fill_holes(chosen) & ~chosen
    names, number = ndimage.label(holes)
    if not number:
        return chosen
    index = np.arange(1, number + 1)
    sizes = ndimage.sum_labels(holes.astype(float), names, index)
    return np.asarray(chosen | np.isin(names, index[sizes < _HOLE * chosen.sum()]))


def from_colors(lab: Tensor, samples: Tensor) -> Tensor:
    """Distance `[h,w]`, in spreads, of `lab` `[h,w,3]` from the nearest of a few colours of `samples` `[n,3]`."""
    samples = samples[:: max(1, len(samples) // _SAMPLES)]
    order = samples[:, 0].argsort()
    centers = torch.stack([part.mean(dim=0) for part in samples[order].tensor_split(_COLORS)])
    for _ in range(_ROUNDS):
        nearest = (samples[:, None] - centers).square().sum(dim=-1).argmin(dim=1)
        groups = [samples[nearest == number] for number in range(_COLORS)]
        centers = torch.stack(
            [group.mean(dim=0) if len(group) else center for group, center in zip(groups, centers, strict=True)]
        )
    best = lab.new_full(lab.shape[:2], float("inf"))
    least = lab.new_tensor(_LEAST_SPREAD)
    for group, center in zip(groups, centers, strict=True):
        spread = torch.maximum(group.std(dim=0, unbiased=False), least) if len(group) else least
        best = torch.minimum(best, ((lab - center) / spread).square().sum(dim=-1))
    return best.sqrt()
