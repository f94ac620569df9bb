"""Contact shadows: the dark seam where a product stands, which is neither product nor lit backdrop.

Seen from the floor upwards, light fades over several pixels (a penumbra, wider than the lens' blur), turns nearly
black, and then the product begins, lighter or coloured. Three things tell the seam from the product: its colour is the
backdrop's own, it is darker than the product just above it (or of another colour), and the fade below it is softer
than the product's own outline. All three are measured against the picture itself, none against a fixed level.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import luminance, srgb_to_linear
from ..filters import dilate, erode, gaussian_blur, running_max
from .evidence import Evidence

_FLOOR_LIGHT = 0.002
"""Linear light added before logarithms: about half of the first 8-bit step, where noise takes over."""


def _below(x: Tensor, reach: int, side: int, largest: bool) -> Tensor:
    """Extreme of `x` `[H,W]` over the `reach` rows from a pixel downwards and `side` columns to either side."""
    sign = 1.0 if largest else -1.0
    return sign * running_max(running_max(sign * x, 0, reach, 0), side, side, 1)


def _steps(value: Tensor) -> Tensor:
    """Size of the luma step `[H,W]` at each pixel, to its lower and right neighbour."""
    down = F.pad((value[1:] - value[:-1]).abs(), (0, 0, 0, 1))
    right = F.pad((value[:, 1:] - value[:, :-1]).abs(), (0, 1))
    return torch.hypot(down, right)


def contact_shadow(srgb: Tensor, likelihood: Tensor, evidence: Evidence, noise: float) -> Tensor:
    """Boolean `[H,W]`: pixels of the seam under the product, given first labels `likelihood` `[H,W]`."""
    size = min(srgb.shape[:2])
    product = likelihood > 0.5
    core = erode(product.float().unsqueeze(0), max(3, round(0.012 * size)))[0]
    if float(core.sum()) < 16:
        return torch.zeros_like(product)
    linear = srgb_to_linear(srgb)
    light = torch.log(luminance(linear) + _FLOOR_LIGHT)
    residue = evidence.residue.clamp(max=20.0)
    near = max(3.0, 0.02 * size)
    sums = gaussian_blur(
        torch.stack((core, core * light, core * light.square(), core * residue, core * residue.square())).unsqueeze(0),
        near,
    )[0]
    weight = sums[0].clamp(min=1e-5)
    mean, mean_residue = sums[1] / weight, sums[3] / weight
    spread = torch.sqrt((sums[2] / weight - mean.square()).clamp(min=0.0) + 0.2**2)
    spread_residue = torch.sqrt((sums[4] / weight - mean_residue.square()).clamp(min=0.0) + 0.3**2)
    # Darker than the product, or (under a dark product) lighter: neither is the product's own tone.
    off_tone = ((light - mean) / spread).abs() > 2.0
    too_grey = (residue - mean_residue) / spread_residue < -2.5
    # One pixel's residue is noisy where the product's own varies; a patch that has none at all is not the product.
    patch = gaussian_blur(residue[None], 1.5)[0]
    too_grey |= (mean_residue > 1.5) & (patch < 0.3 * mean_residue)
    like_backdrop = (evidence.residue < 1.6) & (evidence.ratio < 0.97) & (evidence.difference > 2)
    candidate = like_backdrop & (off_tone | too_grey) & (weight > 1e-3)
    # How hard the product's own outline is in this picture: the share of a step that one pixel takes, seen at the rims
    # that do not face down.
    luma = srgb.mean(dim=-1)
    steps = _steps(luma)
    reach, side = max(4, round(0.016 * size)), 2
    drop = _below(luma, reach, side, largest=True) - _below(luma, reach, side, largest=False)
    hardness = _below(steps, reach, side, largest=True) / drop.clamp(min=max(0.04, 8 * noise))
    solid = product.float().unsqueeze(0)
    rim = ((dilate(solid, 1) - erode(solid, 1))[0] > 0.5) & (drop > max(0.08, 12 * noise))
    under = F.pad(product[:-1] & ~product[1:], (0, 0, 0, 1))
    upper = rim & ~(dilate(under.float().unsqueeze(0), reach)[0] > 0.5)
    usual = float(hardness[upper].median()) if int(upper.sum()) > 32 else 0.5
    soft = hardness < 0.7 * min(usual, 0.6)
    return candidate & soft & _lower_rim(product, max(4, round(0.03 * size)))


def _lower_rim(product: Tensor, reach: int) -> Tensor:
    """Pixels within `reach` rows of the lowest product pixel of their column: where a product can stand."""
    height = product.shape[0]
    rows = torch.arange(height, device=product.device).unsqueeze(1)
    lowest = torch.where(product, rows, -reach - 1).amax(dim=0, keepdim=True)
    return (rows - lowest).abs() <= reach
