"""Where the picture shows no edge, the outline that a network drew stands.

Grained black leather before dark grey has pixels as light as the backdrop right up to its edge, and no matte can tell
them from it: its outline comes out frayed. A fine network draws such an edge smoothly and in the right place. So where
product and backdrop differ by less than they vary themselves, the network's own contour is drawn, to the fraction of a
pixel, and the two are blended where the difference grows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, erode, gaussian_blur
from .pixels import PixelSet

_AROUND = 3.0
"""Pixels (1 sigma) on both sides of the outline over which colours are compared."""
_NONE, _CLEAR = 1.8, 3.5
"""Difference of the means of both sides, in standard deviations: no edge to be seen; one that is clear."""
_LEVEL = 1.5 / 255
"""The least standard deviation: that of a smooth surface."""
_GRAIN = 1.6
"""A network whose pixels are wider than this, on the analysis grid, draws no better outline than a frayed one."""
_NEAR = 8
"""Pixels from the network's contour to the product's that are still the same edge."""
_CORE = 6
"""Parts thinner than twice this have no edge of their own to a network: straps, wires."""
_VAGUE, _SHARP = 0.02, 0.06
"""How fast the network's mask must change at its contour, per pixel, to be an outline."""
_ALONG = 8.0
"""Pixels (1 sigma) along an outline over which it is judged as one."""
_CLOSE, _APART = 2.5, 3.5
"""How far the product's outline lies from the network's contour, in the mean over `_ALONG` pixels (1 sigma): the same
edge, frayed; and another edge."""
_SMOOTH, _EVEN, _FRAYED, _FARTHER = 4.0, 0.3, 0.6, 2.5
"""How far an outline lies from its own smoothed one (1 sigma of the smoothing in pixels), in the mean: even, and
frayed; and by how much a frayed one may lie farther from the network's."""
_EDGE = 1.4
"""The width of a drawn edge in pixels: that of a photo in focus."""


@dataclass(frozen=True)
class FaintOutline:
    """The network's contour: how many pixels of the analysis grid a pixel lies inside it, `inside` `[h,w]`; and the
    `weight` `[h,w]` 0..1 of what the picture shows."""

    inside: Tensor
    weight: Tensor

    def drawn(self, alpha: Tensor) -> Tensor:
        """`alpha` `[H,W]`, at any size, with the network's contour where the picture shows none."""
        scale = alpha.shape[0] / self.inside.shape[0]
        there = (self.weight < 1.0).float()[None, None]
        near = dilate(F.interpolate(there, size=alpha.shape, mode="nearest")[0, 0] > 0, math.ceil(scale))
        pixels = PixelSet.of(near)
        inside, weight = pixels.sampled(torch.stack((self.inside, self.weight)))
        contour = (inside * (scale / _EDGE) + 0.5).clamp_(0.0, 1.0)
        out = alpha.clone()
        out[pixels.rows, pixels.columns] = torch.lerp(contour, alpha[pixels.rows, pixels.columns], weight)
        return out


def _separation(srgb: Tensor, product: Tensor) -> Tensor:
    """How far the colours on both sides of the outline of `product` `[h,w]` bool are apart, in standard deviations.

    The outline's own pixels, which are some of both, count for neither side.
    """
    planes = srgb.permute(2, 0, 1)
    moments = torch.cat((planes, planes.square(), torch.ones_like(planes[:1])))
    sides = torch.stack((erode(product, 1), ~dilate(product, 1))).float().unsqueeze(1)
    means, variances = [], []
    for side in gaussian_blur(moments * sides, _AROUND):
        weight = side[6:].clamp(min=1e-3)
        means.append(side[:3] / weight)
        variances.append((side[3:6] / weight - means[-1].square()).clamp(min=0))
    spread = (variances[0] + variances[1] + _LEVEL**2).sqrt()
    apart: Tensor = ((means[0] - means[1]).abs() / spread).amax(dim=0)
    return apart


def find_faint(
    srgb: Tensor, product: Tensor, mask: Tensor | None, grain: float, settled: Tensor
) -> FaintOutline | None:
    """Where the outline of `product` `[h,w]` bool cannot be seen in the picture `srgb` `[h,w,3]` at analysis size.

    `mask` `[h,w]`: what the network says, its own pixels `grain` wide; `settled` `[h,w]` bool: where the outline is
    certain from elsewhere. None where no network or too coarse a one looked, or every edge is clear.
    """
    if mask is None or grain > _GRAIN or min(mask.shape) < 3:
        return None
    smooth = gaussian_blur(mask.unsqueeze(0), 1.0)[0]
    down, right = torch.gradient(smooth)
    slope = (down.square() + right.square()).sqrt_()
    inside = ((smooth - 0.5) / slope.clamp(min=1e-3)).clamp_(-8.0, 8.0)
    drawn, core = mask > 0.5, erode(mask > 0.5, _CORE)
    edge = dilate(drawn, _NEAR) & ~erode(drawn, _NEAR) & dilate(product, _NEAR) & ~erode(product, _NEAR)
    thick = dilate(core, _CORE + _NEAR) & ~dilate(drawn & ~dilate(core, _CORE), _NEAR)
    zone = edge & thick & ~dilate(settled, 2)
    if not bool(zone.any()):
        return None
    seen = ((_separation(srgb, product) - _NONE) / (_CLEAR - _NONE)).clamp_(0.0, 1.0)
    vague = 1.0 - ((slope - _VAGUE) / (_SHARP - _VAGUE)).clamp_(0.0, 1.0)
    rim = (dilate(product, 1) & ~erode(product, 1) & zone).float()
    contour = (inside.abs() < 1.0).float()
    # What counts is how the outline itself is seen, and how sharply the network drew it: spread from there.
    sums = gaussian_blur(torch.stack((seen * rim, rim, vague * contour, contour)).unsqueeze(0), _AROUND)[0]
    smoothed = gaussian_blur(product.float().unsqueeze(0), _SMOOTH)[0] > 0.5
    planes = torch.stack((drawn ^ product, drawn & ~erode(drawn, 1), smoothed ^ product, product & ~erode(product, 1)))
    between, along, off, own = gaussian_blur(planes.float().unsqueeze(0), _ALONG)[0]
    frayed = ((off / own.clamp(min=1e-3) - _EVEN) / (_FRAYED - _EVEN)).clamp_(0.0, 1.0)
    close = _CLOSE + frayed * _FARTHER
    elsewhere = ((between / along.clamp(min=1e-3) - close) / (_APART - _CLOSE)).clamp_(0.0, 1.0)
    weight = torch.maximum(sums[0] / sums[1].clamp(min=1e-3), sums[2] / sums[3].clamp(min=1e-3))
    weight = torch.maximum(weight, elsewhere).clamp_(0.0, 1.0)
    weight = torch.where(zone, weight, 1.0)
    if float(weight.min()) > 0.95:
        return None
    weight = torch.maximum(weight, gaussian_blur((~zone).float().unsqueeze(0), 1.5)[0])
    return FaintOutline(inside, weight)
