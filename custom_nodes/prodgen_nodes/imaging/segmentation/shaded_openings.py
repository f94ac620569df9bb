"""Openings that a network filled and that show the backdrop in other light: the slot in a stool's seat.

Through it one sees the floor below, in the product's shade, so that its colour is not the backdrop's. Its tint is: a
shadow takes light away and leaves the tint. Where the backdrop has a tint of its own and the product around another,
that tells; before grey everything grey would look like an opening.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ..filters import dilate, erode, opened
from .backdrop import Backdrop
from .evidence import Evidence
from .regions import Regions

_CHROMA = 0.07
"""The least difference (sRGB) of a backdrop's channels for a tint; a warm white wall has .05."""
_TINT, _OTHER = 5.0, 10.0
"""The backdrop's own tint in the shade of the product, which reflects light into it, and clearly another
(`Evidence.residue`)."""
_DEEPEST, _LIGHTEST = 0.2, 1.06
"""How much of the backdrop's light is left at least, and at most there (`Evidence.ratio`)."""
_EVEN = 0.16
"""How much the light varies in there, as a share of it (1 sigma)."""
_ALL_AROUND, _SHARP, _RIM = 0.85, 0.06, 2
"""The share of what is around it that has another tint, the step (sRGB) in which it ends, and over how many pixels."""
_LARGE, _SHADED = 0.003, 0.75
"""The least opening that is told, as a share of the product, and the light (`ratio`) below which it is: the
headlight of a toy car that ISNet left out had .6, the shade under a chair's seat .6 to .9."""
_THICK, _LEAST = 1, 12
"""An opening is thicker than twice this, and has at least so many pixels."""

_HUED, _OPPOSED = 0.22, 0.5
"""How much colour (sRGB, red against green and yellow against blue) the rim of an opening has that is clearly one, and
how far apart the two hues are (radians): orange before purple .26 to .34 and .7 to 1.05; teal before teal with gold
beside it .12 to .2, a red glass before red .5 and .02."""

_GAP_TINT, _GAP_OTHER, _DEEP, _LIGHT = 3.0, 8.0, 0.3, 1.06
"""The backdrop's own tint and clearly another (`Evidence.residue`); shade and light that are its own (`ratio`)."""
_NARROW, _BETWEEN, _CUT_SHARPLY = 0.008, 0.6, 0.08
"""A gap: half its width at most (of the short side), the share of its rim that is clearly product, the step there."""


def shaded_openings(product: Tensor, backdrop: Backdrop, evidence: Evidence) -> Tensor:
    """Boolean `[H,W]`: what lies inside the `product` `[H,W]` bool and looks like the backdrop in the shade."""
    shaded = (evidence.ratio > _DEEPEST) & (evidence.ratio < _LIGHTEST)
    alike = is_tinted(backdrop) & shaded & (evidence.residue < _TINT) & erode(product, _RIM)
    regions = Regions(dilate(erode(alike, _THICK), _THICK) & alike)
    if regions.count == 0:
        return alike
    even = regions.deviation(evidence.ratio) < _EVEN * regions.mean(evidence.ratio)
    sharp = regions.rim_mean(evidence.steps) > _SHARP
    other = dilate(product & (evidence.residue > _OTHER), _RIM)
    enclosed = regions.rim_mean(other.float()) > _ALL_AROUND
    return regions.chosen((regions.area >= _LEAST) & even & sharp & enclosed)


def is_tinted(backdrop: Backdrop) -> Tensor:
    """Boolean `[H,W]`: where the backdrop has a tint of its own."""
    return backdrop.color.amax(dim=-1) - backdrop.color.amin(dim=-1) > _CHROMA


def clearly_openings(found: Tensor, evidence: Evidence) -> Tensor:
    """Boolean `[H,W]`: those of the openings `found` `[H,W]` that lie between parts of quite another hue."""
    regions = Regions(found)
    if regions.count == 0:
        return found
    red, green, blue = evidence.smooth.unbind(dim=-1)
    one, other = red - green, (red + green) / 2 - blue
    here, around = regions.mean(one) + 1j * regions.mean(other), regions.rim_mean(one) + 1j * regions.rim_mean(other)
    return regions.chosen((np.abs(around) > _HUED) & (np.abs(np.angle(around / (here + 1e-9))) > _OPPOSED))


def gaps(product: Tensor, evidence: Evidence, side: int) -> Tensor:
    """Boolean `[H,W]`: narrow places between parts of the `product` that look like the backdrop, lit or shaded."""
    alike = erode(product, 1) & (evidence.residue < _GAP_TINT) & (evidence.ratio > _DEEP) & (evidence.ratio < _LIGHT)
    narrow = alike & ~opened(alike, max(2, round(_NARROW * side)))
    regions = Regions(narrow)
    if regions.count == 0:
        return narrow
    between = regions.rim_mean((product & (evidence.residue > _GAP_OTHER)).float()) > _BETWEEN
    seen = regions.chosen(between & (regions.rim_mean(evidence.steps) > _CUT_SHARPLY))
    return dilate(seen, 1) & product  # the pixels that a gap shares with its rim look like neither


def dark_openings(product: Tensor, evidence: Evidence) -> int:
    """How many openings of the `product` `[H,W]` bool show something clearly darker than the backdrop."""
    regions = Regions(~product)
    if regions.count == 0:
        return 0
    large = regions.area > _LARGE * float(product.float().sum())
    dark = regions.mean(evidence.ratio) < _SHADED
    return int((large & dark & ~regions.on_frame()).sum())
