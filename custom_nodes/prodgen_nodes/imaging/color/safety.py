"""Whether two pictures show the same product at the same place, in a material whose light can be carried over.

Relighting multiplies the original by a ratio of two pictures. Where they are not registered, the ratio holds outlines;
where the surface mirrors (chrome, glass, lacquer with a highlight that moved), it holds reflections. Both are measured
on a small view, because a generated product may well differ in its fine texture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_lab
from ..filters import dilate, erode, gaussian_blur, masked_blur
from ..tensors import Box
from .overview import Overview

_SIDE = 256
_MARGIN = 0.12
_REACH = 26
"""Search radius in small pixels: a tenth of the product's longer side."""
_NEAR = 1
_UNRELATED = 0.10
"""Outlines of different products correlate below 0.02; relit pictures of the same one were seen at 0.44 to 0.64."""
_BETTER_ELSEWHERE = 0.12
_MIN_PEAK = 0.25
_MIN_AREA = 200
_ELSEWHERE, _STRONG = 0.33, 0.24
"""Moved highlights and mirrors were seen at a correlation of 0.17–0.26 with a difference of 0.27–0.55; products that
lost their colour and part of their texture at 0.18–0.33 with 0.14–0.17, or at 0.63–0.74 with 0.21–0.24."""


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
class _Window:
    generated: Tensor
    original: Tensor
    mask: Tensor
    scale: float


def check(view: Overview, product: Box) -> Safety:
    """Judge the pair of `view`; `product` is the mask's box in small pixels of the view."""
    window = _window(view, product)
    near, (dx, dy), moved = _registration(window)
    correlation, difference = _structure(window)
    reason = None
    pixels = window.scale * view.factor
    if near < _UNRELATED:
        reason = (
            f"the two pictures do not show the same outlines at the same place (correlation {near:.2f}); register the "
            "generated picture to the original, or generate around the placed product"
        )
    elif moved:
        reason = (
            f"the generated product is shifted or zoomed by about {max(abs(dx), abs(dy)) * pixels:.0f} px against the "
            "original; register it, or generate around the placed product"
        )
    elif correlation < _ELSEWHERE and difference > _STRONG:
        reason = (
            "light and dark lie elsewhere on the surface than in the original: a mirroring or clear material, or "
            f"highlights that moved (structure correlation {correlation:.2f}, difference {difference:.2f})"
        )
    return Safety(near, dx * pixels, dy * pixels, correlation, difference, reason)


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


def _registration(window: _Window) -> tuple[float, tuple[int, int], bool]:
    """Correlation of the outlines in place, the best offset (x, y) in window pixels, and whether it is far better.

    Whole product first, then its four sides: a zoom moves opposite sides in opposite directions.
    """
    generated, original = _outlines(window.generated), _outlines(window.original)
    weight = dilate(window.mask, 2)[0]
    height, width = weight.shape
    x = torch.linspace(0, 1, width, device=weight.device)[None, :]
    y = torch.linspace(0, 1, height, device=weight.device)[:, None]
    sides = [torch.ones_like(weight), *(weight.new_ones(1) * s for s in (x < 0.4, x > 0.6, y < 0.45, y > 0.55))]
    whole, moved, offset = 0.0, False, (0, 0)
    for index, side in enumerate(sides):
        part = weight * side
        if float(part.sum()) < min(_MIN_AREA, 0.5 * float(weight.sum())):
            continue
        here, best, (dx, dy) = _best_offset(original, generated, part)
        if index == 0:
            whole, offset = here, (dx, dy)
        if best - here > _BETTER_ELSEWHERE and best > _MIN_PEAK:
            moved = True
            if abs(dx) + abs(dy) > abs(offset[0]) + abs(offset[1]):
                offset = (dx, dy)
    return whole, offset, moved


def _best_offset(template: Tensor, picture: Tensor, weight: Tensor) -> tuple[float, float, tuple[int, int]]:
    """Weighted normalised cross-correlation: its value in place (±1 px), its best value and where that is."""
    total = weight.sum()
    centered = template - (weight * template).sum() / total
    size = (template.shape[0] + 2 * _REACH, template.shape[1] + 2 * _REACH)
    padded = F.pad(picture[None, None], (_REACH,) * 4, mode="replicate")[0, 0]

    def correlate(kernel: Tensor, values: Tensor) -> Tensor:
        product = torch.fft.rfft2(kernel, s=size).conj() * torch.fft.rfft2(values, s=size)
        whole: Tensor = torch.fft.irfft2(product, s=size)
        return whole[: 2 * _REACH + 1, : 2 * _REACH + 1]

    mean = correlate(weight, padded) / total
    variance = (correlate(weight, padded**2) / total - mean**2).clamp(min=1e-4)
    own = ((weight * centered**2).sum() / total).clamp(min=1e-6)
    scores = correlate(weight * centered, padded) / total / torch.sqrt(own * variance)
    near = scores[_REACH - _NEAR : _REACH + _NEAR + 1, _REACH - _NEAR : _REACH + _NEAR + 1]
    peak = int(scores.argmax())
    dy, dx = peak // scores.shape[1] - _REACH, peak % scores.shape[1] - _REACH
    return float(near.max()), float(scores.max()), (dx, dy)


def _structure(window: _Window) -> tuple[float, float]:
    """Correlation, and deviation in natural log units, of the two pictures' light at 3–10 % of the product's size."""
    inside = erode((window.mask > 0.9).to(window.mask), 6)
    if float(inside.sum()) < _MIN_AREA:
        return 1.0, 0.0
    stack = torch.cat((window.generated, window.original))
    lightness = torch.log(stack.movedim(1, -1) @ stack.new_tensor((0.2126, 0.7152, 0.0722)) + 0.004).unsqueeze(0)
    band = masked_blur(lightness, inside, 7.5) - masked_blur(lightness, inside, 25.0)
    generated, original = band[0, 0][inside[0] > 0], band[0, 1][inside[0] > 0]
    energy = torch.sqrt((generated**2).sum() * (original**2).sum()).clamp(min=1e-9)
    return float((generated * original).sum() / energy), float((generated - original).std())
