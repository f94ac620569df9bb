"""A picture with room around it that is transparent: a flat product that was cut out, or a photo that was only cropped.

A box, a rounded box or an ellipse of transparency outlines a poster, a phone, a plate; a selection tool draws the same.
The picture inside tells: where one backdrop runs on along the whole inside of the outline, and a network, shown the
figure on a ground it stands out from, sees only something smaller in it, that is the product, and the figure is not.
Where it sees the whole figure there, and the smaller thing where the backdrop goes on around it, the figure is kept.
A poster of a product with an even border looks like a cropped photo to anybody: neither is trusted, both are delivered.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..file_alpha import is_plain_figure
from ..filters import dilate, erode, gaussian_blur
from .backdrop import fill_smoothly
from .cutout import Cutout, Look, Progress, from_file_alpha
from .looks import from_looks
from .parts import Parts
from .pyramid import resized

_SIDE = 512
"""Pixels of the longer side: a backdrop along a margin is smooth, and its margin some ten of them."""
_EDGE, _RIM = 0.006, 0.022
"""Of the figure's shorter side: its own soft edge, and how deep the margin is that is looked at."""
_SMOOTH, _EVEN, _ALONG = 0.08, 8 / 255, 0.85
"""A backdrop varies over so much of the shorter side (1 sigma), departs so little from that, in so much of the
margin."""
_STANDS, _SOMETHING = 20 / 255, 0.02
"""How much something inside differs from that backdrop, and the share of the figure it has at least."""
_INSIDE, _WHOLE = 0.1, 0.7
"""The share of the margin that a network sees as product: of a thing within the figure, and of the figure itself."""
_UNDECIDED = 0.6
"""Confidence of what may be either: neither a sure cut-out nor a refused one."""
_DOUBT = "the file's transparency is a plain figure around an even margin: a flat product, or a photo that was cropped?"
_NOTE = "the file's transparency only crops the photo: the product was cut out of the backdrop inside it"


def from_own_alpha(
    srgb: Tensor, alpha: Tensor, look: Look | None, progress: Progress | None = None, parts: Parts = "auto"
) -> Cutout:
    """The cut-out of a file `[H,W,3]` whose own `alpha` `[H,W]` outlines something: that alpha, or what it only crops.

    `look`: a network, asked where the picture leaves it open; without one such a file is less than trusted.
    """
    ground = _backdrop_inside(srgb, alpha) if is_plain_figure(alpha) else None
    if ground is None:
        return from_file_alpha(srgb, alpha)
    if look is not None:
        share, margin = alpha.unsqueeze(-1), _margin(alpha)
        far = torch.where(ground.mean() > 0.5, 0.05, 0.95)
        apart, photo = srgb * share + far * (1 - share), srgb * share + ground * (1 - share)
        along = _seen_along(margin, look(apart.unsqueeze(0)))
        if along < _INSIDE:
            return from_looks(photo, look, progress, parts).noted(_NOTE).doubted(_UNDECIDED, _DOUBT)
        if along > _WHOLE and _seen_along(margin, look(photo.unsqueeze(0))) > _INSIDE:
            return from_file_alpha(srgb, alpha)
    return from_file_alpha(srgb, alpha).doubted(_UNDECIDED, _DOUBT)


def _seen_along(margin: Tensor, mask: Tensor) -> float:
    """The share of the margin `[H,W]` that a network's `mask` `[h,w]` takes for product; all where it sees none."""
    seen = resized(mask, (margin.shape[0], margin.shape[1])) > 0.5
    return float(seen[margin].float().mean()) if bool(seen.any()) else 1.0


def _margin(alpha: Tensor) -> Tensor:
    """Boolean `[H,W]`: along the inside of the outline, clear of its soft edge."""
    there = alpha > 0.98
    rows, columns = there.any(dim=1).sum(), there.any(dim=0).sum()
    short = int(min(rows, columns))
    edge = max(1, math.ceil(_EDGE * short))
    inner = erode(F.pad(there, (1, 1, 1, 1)), edge)[1:-1, 1:-1]
    return inner & dilate(~inner, max(2, round(_RIM * short)))


def _backdrop_inside(srgb: Tensor, alpha: Tensor) -> Tensor | None:
    """The backdrop `[H,W,3]`, continued, that runs along the inside of the outline around something else, or None."""
    factor = max(1, math.ceil(max(alpha.shape) / _SIDE))
    size = (math.ceil(alpha.shape[0] / factor), math.ceil(alpha.shape[1] / factor))
    small, there = _planes(srgb.permute(2, 0, 1), size), resized(alpha, size)
    margin = _margin(there)
    if not bool(margin.any()):
        return None
    sigma = max(2.0, _SMOOTH * float(margin.any(dim=1).sum().minimum(margin.any(dim=0).sum())))
    even = margin
    for _ in range(2):  # what a product covers of the margin is left out of the second round
        sums = gaussian_blur(torch.cat((small * even, even.unsqueeze(0).float())).unsqueeze(0), sigma)[0]
        surface = sums[:3] / sums[3:].clamp(min=1e-4)
        even = margin & ((small - surface).abs().amax(dim=0) < _EVEN)
    if float(even.sum()) < _ALONG * float(margin.sum()):
        return None
    ground = fill_smoothly(surface, even.float())
    other = (there > 0.98) & ((small - ground).abs().amax(dim=0) > _STANDS)
    if float(other.sum()) < _SOMETHING * float(there.sum()):
        return None
    return _planes(ground, (alpha.shape[0], alpha.shape[1])).permute(1, 2, 0).clamp(0.0, 1.0)


def _planes(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """`[C,H,W]` at another size."""
    return torch.stack([resized(plane, size) for plane in planes])
