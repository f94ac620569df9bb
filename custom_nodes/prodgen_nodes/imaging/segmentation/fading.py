"""What darkens or tints the backdrop beside a product and has no outline of its own: the product's own soft shadow.

A thing that a network left out ends somewhere, sharply. A soft shadow, and the colour that a product throws on the
ground around it, only fade. Where such a place is dark and has the backdrop's own tint it is shade and says nothing
against the cut-out. With another tint it may be part of the product that is out of focus. What is lighter than the
backdrop is no shadow.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..filters import dilate, square_max
from .evidence import Evidence
from .regions import Regions

_OFF = 3.5
"""A difference from the backdrop (`Evidence.difference`) from which a place is darkened, down to where it fades."""
_EDGE, _NEAR = 12 / 255, 2
"""The least step (sRGB, of the smoothed picture) of an outline, looked for within so many pixels."""
_SHARP = 0.15
"""The share of a place's rim that is an outline, from which it is a thing. On 12 photographs the soft shadows of two
cars, a pot and a pair of legs have none to .08; a hand, a screen, coffee beans, a reflection and a hard shadow .44 to
1."""
_BESIDE = 3
"""Pixels beyond the reach of the product's own outline, whose step is the product's."""
_OWN_TINT = 4.0
"""What a shadow's tint is off the backdrop's at most (`Evidence.residue`, in the mean over the place): under the cars
.1, beside the pot and the legs, which shine on the ground, 7 to 12."""

_LIT, _GLOWING = 0.1, 0.5
"""The share of a place that has more light than the backdrop, from which it is no shade, and from which no shadow."""


def fading(evidence: Evidence, product: Tensor, ignored: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Two booleans `[h,w]`, of what was `ignored` `[h,w]` beside the `product` `[h,w]`: shade, and what is darker
    and fades with another tint.

    `reach`: how far beside its outline the picture may move it.
    """
    none = torch.zeros_like(ignored)
    if not bool(ignored.any()):
        return none, none
    off = (evidence.difference > _OFF) & (evidence.ratio < 1) & ~product
    places = Regions(off | ignored)
    beside = ~dilate(product, reach + _BESIDE)
    steps = square_max(evidence.slopes, _NEAR) > _EDGE
    soft = _without_outline(places, places.chosen(places.touched(ignored)), beside, steps)
    share = np.maximum(places.mean(ignored.float()), 1e-6)
    tint = places.mean(torch.where(ignored, evidence.residue, 0.0)) / share
    lit = places.mean((ignored & (evidence.ratio > 1)).float()) / share
    soft &= lit < _GLOWING
    shade = soft & (tint < _OWN_TINT) & (lit < _LIT)
    # A thing that stands in a shadow has its own outline within that shadow's.
    own = Regions(ignored)
    fades = own.chosen(_without_outline(own, ignored, beside, steps))
    return places.chosen(shade) & fades, places.chosen(soft & ~shade) & fades


def _without_outline(places: Regions, found: Tensor, beside: Tensor, steps: Tensor) -> NDArray[np.bool_]:
    """Which of the `places` end in no outline: of those `found` `[h,w]`, hardly any `steps` `[h,w]` along the rim, as
    far as that lies `beside` `[h,w]` the product's own outline."""
    rim = dilate(found, 1) & ~found & beside
    along = places.rim_mean(rim.float())
    soft: NDArray[np.bool_] = (along > 0) & (places.rim_mean((rim & steps).float()) < _SHARP * along)
    return soft
