"""A photo before a painted checkerboard made one before an even backdrop.

Where the board is seen as it was painted, that is a matter of one colour. But cut-outs are pasted with a shadow, which
darkens light and dark squares alike, and along the product's edge each pixel is some of both. So the board's shade is
read where its squares show through, and at the edge the product's share of a pixel is told by the two colours known on
both sides: only what is left of the pixel changes from the square's colour to the even one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import dilate, gaussian_blur, masked_blur, opened, touching
from .board import Checkerboard

_DARKEST, _LIT = 0.2, 1.02
"""Light relative to the board's own in which its squares can still be told; and the most there is."""
_RELIEF = 0.3
"""How much of the board's contrast may be missing in shade: its squares must show, or else a grey product would."""
_SLOPE = 0.22
"""Of the contrast: how far a pixel in shade may be off the shade around it. On a grey product half of it is missing."""
_AROUND, _PASSES = 0.6, 3
"""Squares (1 sigma) around a pixel in which its shade is read; and how often, each time in what the last has left."""
_ROUNDS = 3
"""Each round takes the shade from what the last one found to be board; the first goes by the painted greys alone."""
_CONTINUED = 3.0
"""Pixels (1 sigma) over which the board's shade is read, and continued beyond what is seen of it."""
_EDGE = 6
"""Pixels beside the board that may be some of it: anti-aliasing, scaling, and a compressed photo's blocks of colour."""
_INSIDE = 3
"""Pixels from the board on which the product's own colour is seen."""
_HINT = 1e-3
"""What a pixel with some of the board weighs, beside one that is all product."""


def evened(srgb: Tensor, board: Checkerboard) -> Tensor:
    """The photo `[H,W,3]` with the board's light colour, as shaded as it is, wherever its squares show."""
    zone, shade = _shaded(srgb, board)
    back = board.backdrop * shade.unsqueeze(-1)
    even = board.light * shade.unsqueeze(-1)
    share = torch.where(zone, 0.0, 1.0)
    beside = dilate(zone, _EDGE) & ~zone
    if bool(beside.any()):
        share[beside] = _product_share(srgb, back, zone, board.tolerance)[beside]
    return torch.where(zone.unsqueeze(-1), even, srgb + (1.0 - share).unsqueeze(-1) * (even - back)).clamp_(0.0, 1.0)


def _shaded(srgb: Tensor, board: Checkerboard) -> tuple[Tensor, Tensor]:
    """Where the board is seen, lit or in shade, bool `[H,W]`; and its light relative to how it was painted, `[H,W]`,
    continued a little beyond."""
    light = (srgb / board.backdrop.clamp(min=1e-3)).mean(dim=-1)
    grey = (srgb - light.unsqueeze(-1) * board.backdrop).abs().amax(dim=-1) <= board.tolerance
    may = board.shows | (grey & (light > _DARKEST) & (light < _LIT))
    step = float((board.light - board.dark).mean())
    contrast = step / max(float(board.light.mean()), 1e-3)
    is_light = (board.backdrop - board.dark).mean(dim=-1) > 0.5 * step
    side, slope = max(board.square), max(board.tolerance, _SLOPE * contrast)
    for _ in range(_ROUNDS):
        shade = _smooth(light, may, _AROUND * side)
        off = light / shade.clamp(min=_DARKEST)
        # A board in shade has lost as much on its light squares as on its dark ones; a grey product has not.
        bright, dim = (_mean(off, may & squares, side / 2) for squares in (is_light, ~is_light))
        shows = ((bright - dim).abs() < _RELIEF * contrast) & ((off - 1.0).abs() < slope)
        may = board.shows | (may & shows)
    zone = touching(opened(may, 1) | board.shows, board.shows)
    return zone, _smooth(light, zone, _CONTINUED).clamp_(0.0, 1.0)


def _mean(plane: Tensor, where: Tensor, radius: float) -> Tensor:
    """The mean of `[H,W]` over the pixels `where` (bool), `radius` pixels (1 sigma) around each; 1 where there are
    none."""
    weight = where.float().unsqueeze(0)
    total = gaussian_blur(weight, radius)[0]
    mean = masked_blur(plane[None, None], weight, radius)[0, 0]
    return torch.where(total > 1e-4, mean, 1.0)


def _smooth(plane: Tensor, where: Tensor, radius: float) -> Tensor:
    """`_mean`, and again of what it is off: a mean alone flattens a slope, and is one-sided at the rim of `where`."""
    mean = torch.ones_like(plane)
    for _ in range(_PASSES):
        mean = mean * _mean(plane / mean.clamp(min=1e-3), where, radius)
    return mean


def _product_share(srgb: Tensor, back: Tensor, zone: Tensor, tolerance: float) -> Tensor:
    """How much of each pixel beside the `zone` is product, 0..1 `[H,W]`: how far it has gone from the board's colour,
    `back` `[H,W,3]`, towards the product's nearby."""
    off = (srgb - back).square().sum(dim=-1)
    weight = torch.where(zone, 0.0, torch.where(dilate(zone, _INSIDE), _HINT * off, off + _HINT))
    planes = srgb.permute(2, 0, 1).unsqueeze(0)
    own = masked_blur(planes, weight.unsqueeze(0), _INSIDE, floor=1e-12)[0].permute(1, 2, 0)
    towards = own - back
    # Where both have one colour, nothing is told, and the pixel stays as it is.
    least = tolerance**2
    return ((((srgb - back) * towards).sum(dim=-1) + least) / (towards.square().sum(dim=-1) + least)).clamp(0.0, 1.0)
