"""Whether two pictures show the same product at the same place, in a material whose light can be carried over.

Relighting multiplies the original by a ratio of two pictures. Where they are not registered, the ratio holds outlines;
where the surface mirrors (chrome, glass, lacquer with a highlight that moved), it holds reflections. Both are measured
on a small view, because a generated product may well differ in its fine texture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_lab
from ..filters import dilate, erode, gaussian_blur, masked_blur
from ..tensors import Box
from .overview import Overview

_SIDE = 256
"""Pixels of the longer side at which outlines are compared: `_REACH` offsets each way are tried for every zoom."""
_MARGIN = 0.12
"""Of the product's longer side, looked at around it: what lies a tenth off, `_REACH`, is still in the window."""
_REACH = 26
"""Search radius in small pixels: a tenth of the product's longer side."""
_NEAR = 1
"""Small pixels that count as in place: what rounding to this size moves an outline by."""
_NEARBY = 3.0
"""A product whose corners went no farther than this (1 % of its side) is in place."""
_UNRELATED = 0.10
"""Outlines of different products correlate below 0.02; relit pictures of the same one were seen at 0.44 to 0.64."""
_BETTER_ELSEWHERE = 0.12
_MIN_PEAK = 0.25
"""By how much outlines must correlate better elsewhere, and how well at least: between the 0.10 of `_UNRELATED` and the
0.44 of the worst that was relit. Less calls a relit product moved, more pastes light beside its place."""
_ZOOMS = tuple(1 + step / 100 for step in range(-12, 13, 2))
_TURNS = (-9.0, -6.0, -3.0, 3.0, 6.0, 9.0)
"""Zooms, and degrees of a turn, about the product's middle that are tried."""
_MIN_AREA = 200
"""Small pixels: fewer say nothing about light at 3 to 10 % of the product's size."""
_ELSEWHERE, _STRONG = 0.33, 0.24
"""Moved highlights and mirrors were seen at a correlation of 0.17–0.26 with a difference of 0.27–0.55; products that
lost their colour and part of their texture at 0.18–0.33 with 0.14–0.17, or at 0.63–0.74 with 0.21–0.24."""
_LOST = 0.12
"""Natural log units of what the original shows of light and dark, and the picture does not: where highlights and
mirrors moved it was seen at 0.16 to 0.55, under hard shadows on nine drawn and rendered products up to 0.07."""
_COLOURED = 0.25
"""How far red and blue may change against luminance, as a share of the difference: under those shadows up to 0.16, at
mirrors and moved highlights from 0.37 on, with stripes painted on 0.12 (black on pale) to 1.1."""


@dataclass(frozen=True)
class Safety:
    """`reason` is None where relighting is safe. Offsets are in full-size pixels, correlations -1..1."""

    outline_correlation: float
    offset_x: float
    offset_y: float
    structure_correlation: float
    structure_difference: float
    reason: str | None


@dataclass(frozen=True)
class _Structure:
    """Of two pictures' light at 3 to 10 % of the product's size: correlation, deviation of the difference (natural log
    units), how much of the original's is not in the picture, and how much of the difference is colour (the same units).
    """

    correlation: float = 1.0
    difference: float = 0.0
    lost: float = 0.0
    coloured: float = 0.0

    @property
    def elsewhere(self) -> bool:
        """Whether light and dark lie elsewhere on the surface."""
        return self.correlation < _ELSEWHERE and self.difference > _STRONG

    @property
    def shadow(self) -> bool:
        """Whether what differs was only laid over the original's own light and dark, and has no colour."""
        return self.lost < _LOST and self.coloured < _COLOURED * self.difference


@dataclass(frozen=True)
class _Window:
    generated: Tensor
    original: Tensor
    mask: Tensor
    scale: float


def check(view: Overview, product: Box, in_place: bool = False) -> Safety:
    """Judge the pair of `view`; `product` is the mask's box in small pixels of the view.

    `in_place`: both are known to show the product at the same pixels, so only its material is judged, and what was laid
    over its own light and dark without a colour is a hard shadow.
    """
    window = _window(view, product)
    near, (dx, dy), moved = _registration(window)
    structure = _structure(window)
    reason = None
    pixels = window.scale * view.factor
    if near < _UNRELATED and not in_place:
        reason = (
            f"the two pictures do not show the same outlines at the same place (correlation {near:.2f}); register the "
            "generated picture to the original, or generate around the placed product"
        )
    elif moved and not in_place:
        reason = (
            f"the generated product is shifted, zoomed or turned by about {max(abs(dx), abs(dy)) * pixels:.0f} px "
            "against the original; register it, or generate around the placed product"
        )
    elif structure.elsewhere and not (in_place and structure.shadow):
        reason = (
            "light and dark lie elsewhere on the surface than in the original: a mirroring or clear material, or "
            f"highlights that moved (structure correlation {structure.correlation:.2f}, "
            f"difference {structure.difference:.2f})"
        )
    return Safety(near, dx * pixels, dy * pixels, structure.correlation, structure.difference, reason)


def _window(view: Overview, box: Box) -> _Window:
    """The product and a margin around it, its longer side reduced to about 256 pixels."""
    margin = int(_MARGIN * max(box.width, box.height)) + 1
    height, width = view.mask.shape[1:]
    rows = slice(max(0, box.top - margin), min(height, box.bottom + margin))
    columns = slice(max(0, box.left - margin), min(width, box.right + margin))
    stack = torch.cat((view.generated, view.original, view.mask.unsqueeze(1)), dim=1)[:, :, rows, columns]
    scale = max(1.0, max(stack.shape[-2:]) / _SIDE)
    size = (max(1, round(stack.shape[-2] / scale)), max(1, round(stack.shape[-1] / scale)))
    if scale > 1.0:
        stack = F.interpolate(stack, size=size, mode="area")
    return _Window(stack[:, :3], stack[:, 3:6], stack[:, 6], scale)


def _outlines(linear: Tensor) -> Tensor:
    """Gradient strength of L* relative to its surroundings `[h,w]`: outlines, whatever their contrast."""
    lightness = gaussian_blur(linear_to_lab(linear.movedim(1, -1))[..., 0], 1.0)
    padded = F.pad(lightness.unsqueeze(1), (1, 1, 1, 1), mode="replicate")[:, 0]
    dx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    dy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = torch.sqrt(dx**2 + dy**2)
    return (strength / (gaussian_blur(strength, 12.0) + 0.5))[0]


def _registration(window: _Window) -> tuple[float, tuple[float, float], bool]:
    """Correlation of the outlines in place, the offset (x, y) in window pixels where they fit best, and whether the
    product is there and not in place.

    A part of the outline that fits better elsewhere raises the question, no more: in a busy scene some other edge
    always fits some side. Moved is what one motion, a shift or a zoom, brings back on all sides.
    """
    generated, original = _outlines(window.generated), _outlines(window.original)
    weight = dilate(window.mask, 2)[0]
    height, width = weight.shape
    x = torch.linspace(0, 1, width, device=weight.device)[None, :].expand_as(weight)
    y = torch.linspace(0, 1, height, device=weight.device)[:, None].expand_as(weight)
    least = min(_MIN_AREA, 0.5 * float(weight.sum()))
    parts = [weight * side for side in (x < 0.4, x > 0.6, y < 0.45, y > 0.55)]
    sides = [part for part in parts if float(part.sum()) >= least]
    scores = list(_correlations(original, generated, torch.stack((weight, *sides))))
    here, offset = _in_place(scores[0]), _peak(scores[0])[1]
    if not any(best - _in_place(s) > _BETTER_ELSEWHERE and best > _MIN_PEAK for s in scores for best in [_peak(s)[0]]):
        return here, offset, False
    # Undoing a zoom softens; what is softened already does not gain by it.
    generated, original = (gaussian_blur(plane[None], 1.0)[0] for plane in (generated, original))
    near, best, motion = _one_motion(original, generated, weight)
    if best <= _MIN_PEAK or best - near <= _BETTER_ELSEWHERE:
        return here, offset, False
    back = _moved_back(generated, motion, _middle(weight))
    agreed = all(
        float(_correlations(original, back, side, 0)) > float(_correlations(original, generated, side, _NEAR).max())
        for side in sides
    )
    return here, _farthest(motion, weight), agreed


_Motion = tuple[float, float, int, int]
"""Zoom and degrees of a turn about the product's middle, and the shift (x, y) in window pixels before them."""


def _one_motion(original: Tensor, generated: Tensor, weight: Tensor) -> tuple[float, float, _Motion]:
    """The best correlation that a small shift and zoom of the whole product reach, the best that a larger motion does,
    and that motion."""
    middle, near, motions = _middle(weight), -1.0, []
    shifts = torch.arange(-_REACH, _REACH + 1, device=weight.device).abs()
    for zoom, turn in (*((zoom, 0.0) for zoom in _ZOOMS), *((1.0, turn) for turn in _TURNS)):
        scores = _correlations(original, _moved_back(generated, (zoom, turn, 0, 0), middle), weight)
        x, y = (zoom * shifts + abs(reach) for reach in _farthest((zoom, turn, 0, 0), weight))
        close = torch.maximum(x[None, :], y[:, None]) <= _NEARBY
        near = max(near, float(torch.where(close, scores, -1.0).max()))
        best, (dx, dy) = _peak(torch.where(close, -1.0, scores))
        motions.append((best, (zoom, turn, dx, dy)))
    return near, *max(motions)


def _moved_back(picture: Tensor, motion: _Motion, middle: tuple[float, float]) -> Tensor:
    """`picture` `[h,w]` with the product back where it would be without `motion`."""
    zoom, turn, dx, dy = motion
    height, width = picture.shape
    rows = torch.arange(height, device=picture.device)[:, None] + dy - middle[1]
    columns = torch.arange(width, device=picture.device)[None, :] + dx - middle[0]
    c, s = zoom * math.cos(math.radians(turn)), zoom * math.sin(math.radians(turn))
    x, y = c * columns - s * rows + middle[0], s * columns + c * rows + middle[1]
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)[None]
    return F.grid_sample(picture[None, None], grid, padding_mode="border", align_corners=False)[0, 0]


def _middle(weight: Tensor) -> tuple[float, float]:
    """The middle (x, y) of what weighs anything in `[h,w]`."""
    columns, rows = (torch.nonzero(weight.amax(dim=axis)).flatten() for axis in (0, 1))
    return float(columns[0] + columns[-1]) / 2, float(rows[0] + rows[-1]) / 2


def _farthest(motion: _Motion, weight: Tensor) -> tuple[float, float]:
    """How far (x, y) `motion` carries the corners of the product that it carries farthest."""
    zoom, turn, dx, dy = motion
    columns, rows = (torch.nonzero(weight.amax(dim=axis)).flatten() for axis in (0, 1))
    half_x, half_y = float(columns[-1] - columns[0]) / 2, float(rows[-1] - rows[0]) / 2
    c, s = zoom * math.cos(math.radians(turn)), zoom * math.sin(math.radians(turn))
    corners = [(x, y) for x in (-half_x, half_x) for y in (-half_y, half_y)]
    steps = [(c * (x + dx) - s * (y + dy) - x, s * (x + dx) + c * (y + dy) - y) for x, y in corners]
    return max((x for x, _ in steps), key=abs), max((y for _, y in steps), key=abs)


def _peak(scores: Tensor) -> tuple[float, tuple[int, int]]:
    """The best correlation and its offset (x, y)."""
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    reach = scores.shape[0] // 2
    return float(scores[row, column]), (column - reach, row - reach)


def _in_place(scores: Tensor) -> float:
    """The correlation at no offset, ±1 px."""
    return float(scores[_REACH - _NEAR : _REACH + _NEAR + 1, _REACH - _NEAR : _REACH + _NEAR + 1].max())


def _correlations(template: Tensor, picture: Tensor, weight: Tensor, reach: int = _REACH) -> Tensor:
    """Weighted normalised cross-correlation `[...,2·reach+1,2·reach+1]` at all offsets up to `reach`, rows first, of
    `template` and `picture` `[h,w]` under each `weight` `[...,h,w]`."""
    total = weight.sum(dim=(-2, -1), keepdim=True)
    centered = template - (weight * template).sum(dim=(-2, -1), keepdim=True) / total
    size = tuple(_quick_length(side + 2 * reach) for side in template.shape)
    padded = F.pad(picture[None, None], (reach,) * 4, mode="replicate")[0, 0]
    values, squares = torch.fft.rfft2(torch.stack((padded, padded**2)), s=size)
    kernels, patterns = torch.fft.rfft2(torch.stack((weight, weight * centered)), s=size).conj()
    products = torch.stack((kernels * values, kernels * squares, patterns * values))
    sums = torch.fft.irfft2(products, s=size)[..., : 2 * reach + 1, : 2 * reach + 1] / total
    mean, square, product = sums
    variance = (square - mean**2).clamp(min=1e-4)
    own = ((weight * centered**2).sum(dim=(-2, -1), keepdim=True) / total).clamp(min=1e-6)
    result: Tensor = product / torch.sqrt(own * variance)
    return result


def _quick_length(length: int) -> int:
    """The next length whose Fourier transform is quick: no prime factor above 5."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def _structure(window: _Window) -> _Structure:
    """How the two pictures' light differs at 3 to 10 % of the product's size."""
    inside = erode((window.mask > 0.9).to(window.mask), 6)
    if float(inside.sum()) < _MIN_AREA:
        return _Structure()
    stack = torch.cat((window.generated, window.original))
    brightness = stack.movedim(1, -1) @ stack.new_tensor((0.2126, 0.7152, 0.0722))
    planes = torch.log(torch.stack((brightness, stack[:, 0], stack[:, 2]), dim=1).flatten(0, 1)[None] + 0.004)
    band = masked_blur(planes, inside, 7.5) - masked_blur(planes, inside, 25.0)
    here = band[0][:, inside[0] > 0]
    generated, original = here[:3], here[3:]
    away = generated - original
    both, own = (generated[0] * original[0]).sum(), (original[0] ** 2).sum()
    energy = torch.sqrt((generated[0] ** 2).sum() * own).clamp(min=1e-9)
    kept = float(both / own.clamp(min=1e-9))
    return _Structure(
        float(both / energy),
        float(away[0].std()),
        float(original[0].std()) * max(0.0, 1 - kept),
        float((away[1:] - away[0]).std(dim=1).amax()),
    )
