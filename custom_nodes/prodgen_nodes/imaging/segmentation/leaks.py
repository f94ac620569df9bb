"""Where the backdrop leaks into the product: a white sole on a white floor, a lid of the wall's own tone.

A product part that shows the backdrop's colour hangs together with the backdrop through the faintest stretch of its
outline; read as backdrop, it bends the model towards itself and proves itself right. So the backdrop is let in only
where it flows broadly: through passages wider than a gap in an outline, over steps no larger than its own noise.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..filters import dilate, erode, gaussian_blur
from .backdrop import Backdrop, connected_to_frame, gradient, model_backdrop
from .evidence import weigh

_GAP = 0.005
"""Half the width of the widest gap in an outline that is held closed, as a fraction of the short side."""

_TONE = 4 / 255
"""How far the mean of an opening may lie from the modelled backdrop: what a smooth model is off across a handle."""


def edges(srgb: Tensor, backdrop: Backdrop) -> Tensor:
    """Boolean `[H,W]`: steps larger than the backdrop's own noise and texture explain."""
    usual = float(backdrop.spread.median())
    hard = gradient(srgb) > max(5 * backdrop.noise, 2.5 * usual, 4 / 255)
    smooth = gaussian_blur(srgb.permute(2, 0, 1).unsqueeze(0), 1.0)[0].permute(1, 2, 0)
    return hard | (gradient(smooth) > max(2.2 * backdrop.noise, 1.5 * usual, 1.5 / 255))


def flowing_in(srgb: Tensor, backdrop: Backdrop, near: Tensor) -> Tensor:
    """The part of `near` `[H,W]` (pixels that match the backdrop) that reaches the frame without squeezing through."""
    passable = near & ~edges(srgb, backdrop)
    gap = max(1, round(_GAP * min(near.shape)))
    broad = connected_to_frame(erode(passable.float().unsqueeze(0), gap)[0] > 0.5)
    return (dilate(broad.float().unsqueeze(0), gap)[0] > 0.5) & passable


def without_leaks(srgb: Tensor, backdrop: Backdrop, enclosed: Tensor) -> Tensor:
    """`enclosed` `[H,W]`, regions that match the backdrop, without what squeezes out of them through their rim.

    Regions too narrow for that (the sliver between twin straps) are kept as they are.
    """
    passable = enclosed & ~edges(srgb, backdrop)
    gap = max(1, round(_GAP * min(enclosed.shape)))
    broad = dilate(erode(passable.float().unsqueeze(0), gap), gap)[0] > 0.5
    labels, count = ndimage.label(enclosed.cpu().numpy())
    wide = np.zeros(count + 1, dtype=bool)
    wide[np.unique(labels[broad.cpu().numpy()])] = True
    wide[0] = False
    return torch.where(torch.from_numpy(wide[labels]).to(enclosed.device), broad & passable, enclosed)


def sealed(srgb: Tensor, backdrop: Backdrop, exclude: Tensor | None = None) -> Backdrop:
    """`backdrop` of the picture `[H,W,3]`, modelled again without what only leaked into it.

    The first model is returned where nothing leaked, and where too little would be left to model a backdrop from.
    """
    near = weigh(srgb, backdrop).difference < 3.5
    broad = flowing_in(srgb, backdrop, near)
    trusted = dilate(broad.float().unsqueeze(0), 1)[0] > 0.5
    leaked = erode((backdrop.seen & ~trusted).float().unsqueeze(0), 1)[0] > 0.5
    if float(leaked.float().sum()) < 1e-3 * leaked.numel():
        return backdrop
    if float(broad.float().sum()) < 0.6 * float(backdrop.seen.float().sum()):
        return backdrop
    known = torch.zeros_like(trusted) if exclude is None else exclude
    model = model_backdrop(srgb, ~trusted | known)
    openings = _of_the_models_tone(srgb, model, backdrop.seen & ~connected_to_frame(backdrop.seen))
    return model_backdrop(srgb, ~(trusted | openings) | known) if bool(openings.any()) else model


def _of_the_models_tone(srgb: Tensor, model: Backdrop, enclosed: Tensor) -> Tensor:
    """The regions of `enclosed` `[H,W]` whose mean is what a model that never saw them expects there.

    What is seen through a handle is the backdrop; a sole or a label of nearly its colour is off by a few levels.
    """
    labels, count = ndimage.label(enclosed.cpu().numpy())
    off = (srgb - model.color).cpu().numpy()
    index = np.arange(1, count + 1)
    means = np.stack([ndimage.mean(off[..., channel], labels, index) for channel in range(3)]).reshape(3, -1)
    # A product of the backdrop's colour stands in its own shade; a wall seen through a handle may well be brighter.
    fits = (means.min(axis=0) > -_TONE) & (means.max(axis=0) < 2 * _TONE) & (np.ptp(means, axis=0) < _TONE)
    keep = np.concatenate(([False], fits))
    return torch.from_numpy(keep[labels]).to(enclosed.device)
