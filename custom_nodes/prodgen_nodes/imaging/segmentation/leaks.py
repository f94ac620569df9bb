"""Where the backdrop leaks into the product: a white sole on a white floor, a lid of the wall's own tone.

A product part that shows the backdrop's colour hangs together with the backdrop through the faintest stretch of its
outline; read as backdrop, it bends the model towards itself and proves itself right. So the backdrop is let in only
where it flows broadly: through passages wider than a gap in an outline, over steps no larger than its own noise.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, erode, gaussian_blur, square_max
from .backdrop import Backdrop, BackdropModel
from .evidence import Evidence, weigh
from .regions import Regions, connected_to_frame

_GAP = 0.005
"""Half the width of the widest gap in an outline that is held closed, as a fraction of the short side."""

_TONE = 4 / 255
"""How far the mean of an opening may lie from the modelled backdrop: what a smooth model is off across a handle."""

_BLOCK = 16
"""Pixels of a compressed photo that share a block of colour."""
_RIPPLE, _STRONGEST, _MEAN = 0.1, 12 / 255, 1.5 / 255
"""The ripples' height beside a hard edge, as a share of its step and in sRGB; and how far off their mean is."""


def edges(evidence: Evidence, backdrop: Backdrop) -> Tensor:
    """Boolean `[H,W]`: steps larger than the backdrop's own noise and texture explain."""
    hard = evidence.steps > max(5 * backdrop.noise, 2.5 * backdrop.usual, 4 / 255)
    return hard | (evidence.slopes > max(2.2 * backdrop.noise, 1.5 * backdrop.usual, 1.5 / 255))


def flowing_in(passable: Tensor, side: int) -> Tensor:
    """The part of `passable` `[H,W]` (no edge, backdrop's colour) that reaches the frame without squeezing through.

    `side` is the whole picture's short side.
    """
    gap = max(1, round(_GAP * side))
    return dilate(connected_to_frame(erode(passable, gap)), gap) & passable


def without_leaks(enclosed: Tensor, edge: Tensor, side: int) -> Tensor:
    """`enclosed` `[H,W]`, regions that match the backdrop, without what squeezes out of them through their rim `edge`.

    Regions too narrow for that (the sliver between twin straps) are kept as they are.
    """
    passable = enclosed & ~edge
    gap = max(1, round(_GAP * side))
    broad = dilate(erode(passable, gap), gap)
    regions = Regions(enclosed)
    return torch.where(regions.chosen(regions.touched(broad)), broad & passable, enclosed)


def ringing(srgb: Tensor, backdrop: Backdrop, evidence: Evidence, sure: Tensor) -> Tensor:
    """Boolean `[H,W]`: backdrop beside `sure` backdrop that a compressed photo's ripples keep apart from it.

    Such ripples run along hard edges, a block's width far, are weak beside the edge's own step, and their mean is the
    backdrop itself; another material of nearly the backdrop's colour is off on average.
    """
    ripple = evidence.difference * backdrop.spread.clamp(min=1.5 / 255)
    open_ = ripple < (_RIPPLE * square_max(evidence.steps, _BLOCK)).clamp(max=_STRONGEST)
    open_ &= dilate(sure, _BLOCK) & ~sure
    if not bool(open_.any()):
        return open_
    counted = (open_ | sure).float()
    off = (srgb - backdrop.color).permute(2, 0, 1)
    both = torch.cat((off * counted, counted.unsqueeze(0))).unsqueeze(0)
    # Means over a block are smooth: half the size will do.
    sums = gaussian_blur(F.avg_pool2d(both, 2, ceil_mode=True, count_include_pad=False), _BLOCK / 8)[0]
    mean = (sums[:-1] / sums[-1:].clamp(min=1e-3)).abs_().amax(dim=0)
    mean = F.interpolate(mean[None, None], size=open_.shape, mode="bilinear", align_corners=False)[0, 0]
    regions = Regions(open_ & (mean < _MEAN))
    # The mean of the last rows before the edge holds some of the edge itself.
    return dilate(regions.chosen(regions.touched(dilate(sure, 1))), 3) & open_


def sealed(srgb: Tensor, model: BackdropModel, exclude: Tensor | None = None) -> tuple[Backdrop, Tensor]:
    """The backdrop of the picture `[H,W,3]` by its `model`, fitted again without what only leaked into it; and where
    the backdrop flows in broadly `[H,W]`, bool.

    The first fit is returned where nothing leaked, and where too little would be left to model a backdrop from.
    """
    first = model.fit(exclude)
    evidence = weigh(srgb, first)
    broad = flowing_in((evidence.difference < 3.5) & ~edges(evidence, first), first.side)
    trusted = dilate(broad, 1)
    leaked = erode(first.seen & ~trusted, 1)
    if float(leaked.float().sum()) < 1e-3 * leaked.numel():
        return first, trusted
    if float(broad.float().sum()) < 0.6 * float(first.seen.float().sum()):
        return first, trusted
    excluded = torch.zeros_like(trusted) if exclude is None else exclude
    second = model.fit(~trusted | excluded, start=first)
    openings = _of_the_models_tone(srgb, second, first.seen & ~connected_to_frame(first.seen))
    if bool(openings.any()):
        second = model.fit(~(trusted | openings) | excluded, start=second)
    return second, trusted


def _of_the_models_tone(srgb: Tensor, model: Backdrop, enclosed: Tensor) -> Tensor:
    """The regions of `enclosed` `[H,W]` whose mean is what a model that never saw them expects there.

    What is seen through a handle is the backdrop; a sole or a label of nearly its colour is off by a few levels.
    """
    regions = Regions(enclosed)
    off = srgb - model.color
    means = np.stack([regions.mean(off[..., channel]) for channel in range(3)])
    # A product of the backdrop's colour stands in its own shade; a wall seen through a handle may well be brighter.
    fits = (means.min(axis=0) > -_TONE) & (means.max(axis=0) < 2 * _TONE) & (np.ptp(means, axis=0) < _TONE)
    return regions.chosen(fits)
