"""Whether the light on a product explains how bright it is in a picture, or only another material would.

The comparison of a relit product leaves out how bright it is. So a black bag that became white would pass: it has the
outline, the structure and, being grey, no hue. Two things tell it. Light has bounds: no photo is exposed again several
times as brightly, and in full light (a bright ground beside it) a product is not a fraction as bright. And what is
side by side on the product stands in the same light: where its light parts became darker and its dark ones brighter,
or one material alone changed, no light did it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..colorspace import linear_to_lab, luminance, srgb_to_linear
from ..filters import dilate

_FLARE = 0.01
"""Linear light that haze, glare and a tone curve add to what is black; below it no ratio means anything."""
_BRIGHTEST, _DARKEST = 2.6, 0.02
"""How much of the photo's light a picture may have."""
_IN_FULL_LIGHT, _FULL = 0.45, 0.5
"""The same from below where the ground beside the product has so much linear light."""
_DIM = 0.1
"""Linear light of a packshot's plain ground (a mid grey has 0.21) from which the same is not passed: less light on
ground and product alike looks the same as another colour, and a picture for a shop is neither."""
_CLUSTERS, _ROUNDS, _LEAST = 5, 8, 0.06
"""The product's materials, as clusters of its colours; those with less of it than the share are left out."""
_APART = 3.5
"""How many times as much light one material may seem to get as another: a bag that was relit in a dark bar and is right
has 3.0, the picture of it that is wrong 5.3, good packshots at most 1.3."""


@dataclass(frozen=True)
class Light:
    """`ratio`: linear light of the product in the picture over that in its photo, median. `apart`: the most light that
    a material seems to get over the least. `plain`: the ground beside is a packshot's."""

    ratio: float
    apart: float
    ground: float
    plain: bool = False

    def reasons(self) -> list[str]:
        """Why no light explains this, in words."""
        least = _IN_FULL_LIGHT if self.ground >= _FULL else _DARKEST
        if not _within(self.ratio, least, _BRIGHTEST):
            if self.ratio > 1:
                return [f"the product is {self.ratio:.1f} times as bright as in its photo: it has another colour"]
            where = " in a bright place" if self.ground >= _FULL else ""
            return [f"the product has {self.ratio:.0%} of its photo's brightness{where}: it has another colour"]
        if self.plain and self.ground >= _DIM and self.ratio < _IN_FULL_LIGHT:
            return [
                f"the product has {self.ratio:.0%} of its photo's brightness on a plain ground that is not dark: it "
                "has another colour, or hardly any light"
            ]
        if not _within(self.apart, 0, _APART):
            return [
                f"one of its materials became {self.apart:.1f} times as bright beside the others: no light does that, "
                "it has another colour"
            ]
        return []


def _within(value: float, low: float, high: float) -> bool:
    return math.isfinite(value) and low <= value <= high


def light_of(picture: Tensor, expected: Tensor, cover: Tensor, plain: bool = False) -> Light:
    """Compare sRGB `picture` with `expected` `[H,W,3]` where `cover` `[H,W]` (1 = product) says; `plain`: it is a
    packshot."""
    step = max(1, round(max(cover.shape) / 360))
    here, there = (srgb_to_linear(plane[::step, ::step]) for plane in (picture, expected))
    small = cover[::step, ::step]
    inside = small > 0.98
    if int(inside.sum()) < 64:
        inside = small > 0.5
    beside = dilate(small > 0.02, 6) & ~dilate(small > 0.02, 2)
    ground = float(torch.quantile(luminance(here[beside]), 0.5)) if bool(beside.any()) else 0.0
    ratios = (luminance(here[inside]) + _FLARE) / (luminance(there[inside]) + _FLARE)
    return Light(float(ratios.median()), _apart(linear_to_lab(there[inside]), ratios), ground, plain)


def _apart(lab: Tensor, ratios: Tensor) -> float:
    """The largest over the smallest median of `ratios` `[n]` among the clusters of colours `lab` `[n,3]`."""
    centers = lab[lab[:, 0].argsort()[torch.linspace(0, len(lab) - 1, _CLUSTERS).long()]]
    for _ in range(_ROUNDS):
        owner = torch.cdist(lab, centers).argmin(dim=1)
        sums = torch.zeros_like(centers).index_add_(0, owner, lab)
        counts = torch.bincount(owner, minlength=_CLUSTERS).to(lab)
        centers = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp(min=1), centers)
    owner = torch.cdist(lab, centers).argmin(dim=1)
    medians = [
        float(ratios[owner == number].median())
        for number in range(_CLUSTERS)
        if float((owner == number).float().mean()) >= _LEAST
    ]
    return max(medians) / max(min(medians), 1e-6) if medians else 1.0
