"""An outline that is ragged where the photo is not: felt with the backdrop between its hairs, a base with a bite in it.

Where the outline leaves its own smoothed one, the photo must say so: what juts out has the product's colour, what is
notched has not. The felt of a ball comes out with tufts of backdrop, and deep between them it lies, too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import closed, dilate, erode, gaussian_blur, opened
from .confidence import UNCONFIRMED, Trust
from .pixels import PixelSet
from .regions import Regions

FELT = "the outline is of felt, short hair or spines, with some of the backdrop left between"
"""A doubt about what the product is made of: one look that shows it is enough."""
BITTEN = "the outline has a notch where the photo shows the product go on"
"""A doubt about an outline that is hard to draw: one look is enough, too."""
_SMOOTH = 4.0
"""Pixels (1 sigma) over which the outline is smoothed: what it leaves out is smaller than a foot or a buckle."""
_THICK = 8
"""Half of the width from which a part, or the backdrop between two, has an outline to be smoothed; as deep it is looked
into."""
_BESIDE, _FAR = 6, 22
"""Pixels from the smoothed outline at which each side shows its own colour, and up to which the product's is asked."""
_COARSE, _AROUND, _ALONG = 4, 2.0, 2.5
"""Colours and counts are averaged on a grid that is so many times coarser, over so many of its pixels (1 sigma)."""
_SEEN = 0.02
"""The least weight of a side's colour: farther away it is not known."""
_CONTRAST = 0.12
"""The difference (sRGB) between product and backdrop from which a pixel's colour tells which of the two it is."""
_LIKE, _NEARLY = 0.35, 0.45
"""The share of that difference by which a pixel may be off a side's colour and still belong to it; within the outline,
where the two mix."""
_JUTTING = 0.03
"""The least share of pixels, of as many as the outline has, that jut out of a ragged one; a tennis ball's has .08
to .10 (.02 with noise)."""
_SOLID = 0.6
"""Alpha from which a pixel was kept."""
_FELT = 0.1
"""How much backdrop the outline holds (`held_backdrop`) from which it is ragged. A tennis
ball's has .14 to .18 (.03 with noise), a cactus' with backdrop between its spines .30 to .32, an orchid .08; of 44
other photographs, some of them also noisy, halved and compressed, none has more than .04."""
_DELIVERED = 0.5
"""Below, nobody gets the result."""
_MARGIN = 48
"""Pixels around the product that are looked at: farther than a notch is filled from."""
_NOTCH, _RIM = 40, 8
"""Half of a notch's width at most; and how deep the rim is whose colour it must have."""
_FILLED = 0.75
"""The share of a notch from which it shows the product go on: the bites in a mouse's base show it all over, but for
pieces that run into a notch of its own (.48); a notch that a product has shows its backdrop, and where it lies in the
shade some of the product's colour (a camera's .03, a shoe's .67 of a few pixels)."""
_CLEAR = 4
"""Pixels from the outline at which the backdrop is surely bare."""
_BITE = 1e-4
"""The share of the product from which a bite is seen: a mouse's base has 1.8e-4 to 1.4e-3 (cropped nothing, where the
bite ends in deep shade), 32 other photographs in up to six changes 6e-5 at most."""


def bitten(srgb: Tensor, alpha: Tensor) -> float:
    """The share of the product of the matte `alpha` `[h,w]` that notches take away though the picture `[h,w,3]`
    shows the product's colour there, and not the backdrop's."""
    solid = alpha > 0.5
    whole = closed(solid, _NOTCH)
    notches, size = opened(whole & ~solid, 1), float(solid.float().sum())
    if float(notches.float().sum()) <= _BITE * size:
        return 0.0
    pixels = PixelSet.of(notches)
    rim, beyond = solid & ~erode(solid, _RIM), ~dilate(whole, _CLEAR) & dilate(whole, 2 * _RIM)
    off_product, _ = _off_sides(srgb, pixels, rim, beyond)
    bites = torch.zeros_like(solid)
    bites[pixels.rows, pixels.columns] = off_product < _LIKE
    regions = Regions(notches)
    filled = regions.chosen(regions.mean(opened(bites, 1).float()) > _FILLED)
    return float(filled.float().sum()) / size


def _off_sides(srgb: Tensor, pixels: PixelSet, inside: Tensor, outside: Tensor) -> tuple[Tensor, Tensor]:
    """How far the colours of some `pixels` of the picture `[h,w,3]` are off those of both sides, `inside` and
    `outside` `[h,w]` bool, nearby: `[n]` each, as a share of the sides' difference; endless where the sides are alike
    or not seen."""
    sides = torch.stack((inside, outside)).float().unsqueeze(1)
    planes = torch.cat((sides * srgb.permute(2, 0, 1), sides), dim=1)
    sums = gaussian_blur(F.avg_pool2d(planes, _COARSE, ceil_mode=True, count_include_pad=False), _AROUND)
    near, far = (pixels.sampled(side) for side in sums)
    known = (near[3] > _SEEN) & (far[3] > _SEEN)
    near, far = (side[:3] / side[3:].clamp(min=1e-3) for side in (near, far))
    apart = (near - far).abs().amax(dim=0)
    apart = torch.where(known & (apart > _CONTRAST), apart, 1e-6)
    seen = pixels.colors(srgb)
    return (seen - near).abs().amax(dim=0) / apart, (seen - far).abs().amax(dim=0) / apart


def held_backdrop(srgb: Tensor, alpha: Tensor) -> float:
    """How many pixels of backdrop the outline of the matte `alpha` `[h,w]` holds in the picture `[h,w,3]`, in the mean
    along it: those that jut out and those that lie deep, both together (geometric mean)."""
    solid = alpha > 0.5
    smooth = gaussian_blur(alpha.unsqueeze(0), _SMOOTH)[0] > 0.5
    rim, jutting = smooth & ~erode(smooth, 1), solid & ~dilate(smooth, 1)
    if float(jutting.float().sum()) < _JUTTING * float(rim.float().sum()):
        return 0.0
    core, open_ = erode(smooth, _THICK), erode(~smooth, _THICK)
    plain = dilate(core, 2 * _THICK) & dilate(open_, 2 * _THICK)
    ring = PixelSet.of(plain & ~core & ~open_)
    if len(ring) == 0 or not bool((rim & plain).any()):
        return 0.0
    inside, outside = erode(smooth, _BESIDE) & ~erode(smooth, _FAR), ~dilate(smooth, _BESIDE) & ~solid
    _, off = _off_sides(srgb, ring, inside, outside)

    def there(mask: Tensor, most: float) -> Tensor:
        found = torch.zeros_like(solid)
        found[ring.rows, ring.columns] = mask[ring.rows, ring.columns] & (off < most)
        return found

    tufts = there(jutting, _LIKE)
    deep = there(erode(smooth, 2) & (alpha > _SOLID), _NEARLY)
    counts = F.avg_pool2d(torch.stack((tufts, deep, rim)).float().unsqueeze(0), _COARSE, ceil_mode=True)
    near = PixelSet.of(rim & plain).sampled(gaussian_blur(counts, _ALONG)[0])
    return float(((near[0] * near[1]).sqrt() / near[2].clamp(min=1e-2)).mean())


def judge_ragged(srgb: Tensor, alpha: Tensor, trust: Trust) -> None:
    """Doubts about a matte `alpha` `[h,w]` of the picture `[h,w,3]`, both at analysis size, that is ragged."""
    if trust.confidence < _DELIVERED:
        return
    rows, columns = (torch.nonzero((alpha > 0).any(dim=dim)).flatten() for dim in (1, 0))
    if rows.numel() == 0:
        return
    top, left = max(0, int(rows[0]) - _MARGIN), max(0, int(columns[0]) - _MARGIN)
    part = (slice(top, int(rows[-1]) + _MARGIN), slice(left, int(columns[-1]) + _MARGIN))
    srgb, alpha = srgb[part], alpha[part]
    for found, reason in ((held_backdrop(srgb, alpha) > _FELT, FELT), (bitten(srgb, alpha) > _BITE, BITTEN)):
        if found:
            trust.confidence = min(trust.confidence, UNCONFIRMED)
            trust.reasons.append(reason)
