"""Colour and structure of a finished picture against what the product should look like there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..color_planes import counting, lab_of_roots, picked, planes, roots_of_linear
from ..colorspace import chroma, delta_e00, hue_difference, linear_to_lab, linear_to_srgb, srgb_to_lab, srgb_to_linear
from ..filters import gaussian_blur, square_max
from ..transfer import decode_

MIN_CHROMA = 12.0
"""C* below which a hue angle is noise."""
MIN_LIGHTNESS = 8.0
"""L* below which nobody sees a hue on a screen."""
_ROUNDING = 1e-5
"""sRGB difference that a product laid over itself twice may have: 1/400 of an 8-bit step."""
_FEW = 0.02
"""Hues on a smaller share of the product weigh as much less: an edge that JPEG tints is no colour of the product."""
_SAMPLE, _FIRST_LOOK = 3, 8
"""Every third pixel says how colourful a product is; every eighth whether two pictures differ at all."""
_PIECE = 384
"""Rows and columns looked at together, see `_areas`."""
_SSIM_SIGMA = 1.5
_SSIM_REACH = 5
"""Of Wang et al. 2004, whose figures everybody's are; a window of ±5 holds all but a thousandth of it."""
_LUMA = (0.2125, 0.7154, 0.0721)
"""Rec. 709, as scikit-image's `rgb2gray`: figures agree with its (tests)."""


@dataclass(frozen=True)
class PixelDifference:
    """Figures inside a mask. `hue_error_deg` is None where nothing is colourful enough; `map` is dE00 `[H,W]`.

    `hue_difference` is the mean dH* of the same pixels: what of that error can be seen; less where they are very few.
    """

    delta_e00_mean: float
    delta_e00_p95: float
    hue_error_deg: float | None
    ssim: float
    map: Tensor
    hue_difference: float = 0.0


def relit(expected: Tensor, ratio: Tensor) -> Tensor:
    """sRGB `expected` `[H,W,3]` under light changed by `ratio` `[H,W]` (in linear light), limited to 0..1."""
    return linear_to_srgb((srgb_to_linear(expected) * ratio.unsqueeze(-1)).clamp(0.0, 1.0))


def compare(generated: Tensor, expected: Tensor, inside: Tensor, ratio: Tensor | None = None) -> PixelDifference:
    """Compare sRGB `generated` with sRGB `expected` `[H,W,3]` where `inside` `[H,W]` is true.

    With `ratio` `[H,W]` the expected pixels are relit by it first. dE00: Sharma, Wu, Dalal 2005. SSIM: Wang et al.
    2004, Gaussian window of sigma 1.5, on the luma of sRGB values, population covariance, as scikit-image computes it
    with `gaussian_weights=True, use_sample_covariance=False, data_range=1`.
    """
    height, width = inside.shape
    difference = generated.new_zeros(height, width)
    hues, steps, colourful, similarity = 0.0, 0.0, 0, 0.0
    for area in _areas(height, width):
        chosen = inside[area]
        count = int(chosen.sum())
        if count == 0:
            continue
        # The window of SSIM looks a few pixels beyond.
        around, core = _with_margin(area, height, width)
        here, there = generated[around], expected[around]
        if ratio is not None:
            there = relit(there, ratio[around])
        if not _differs(here, there, inside[around]):
            # The original's own pixels, as a paste delivers them: every figure is that of equality. How many of them
            # are colourful only weighs hues found elsewhere, so a sample will do.
            similarity += count
            sample = srgb_to_lab(there[core][::_SAMPLE, ::_SAMPLE][chosen[::_SAMPLE, ::_SAMPLE]])
            colourful += round(count * float(_colourful(sample).float().mean())) if len(sample) else 0
            continue
        index = counting(chosen.flatten())
        lab_found, lab_expected = (_lab(picture[core], index) for picture in (here, there))
        strong = _colourful(lab_expected).float()
        colourful += int(strong.sum())
        structure = _ssim_map(*(luma(picture) for picture in (here, there)))[core]
        similarity += float((structure * chosen).sum(dtype=torch.float64))
        turned = hue_difference(lab_found, lab_expected).mul_(strong)
        hues += float(turned.sum(dtype=torch.float64))
        length = (chroma(lab_found) * chroma(lab_expected)).sqrt_()
        steps += 2 * float(turned.deg2rad_().mul_(0.5).sin_().mul_(length).sum(dtype=torch.float64))
        found_there = delta_e00(lab_found, lab_expected)
        if index is not None:
            found_there = generated.new_zeros(chosen.numel()).index_copy_(0, index, found_there)
        difference[area] = found_there.view(chosen.shape)
    values = difference[inside]
    return PixelDifference(
        delta_e00_mean=float(values.double().mean()),
        delta_e00_p95=percentile(values, 0.95),
        hue_error_deg=hues / colourful if colourful else None,
        ssim=similarity / values.numel(),
        map=difference,
        hue_difference=steps / max(colourful, _FEW * values.numel()),
    )


def _colourful(lab: Tensor) -> Tensor:
    """Which of CIELAB `[n,3]` have a hue that can be seen, `[n]`."""
    return (chroma(lab) > MIN_CHROMA) & (lab[..., 0] > MIN_LIGHTNESS)


def _lab(srgb: Tensor, index: Tensor | None) -> Tensor:
    """CIELAB `[n,3]` of the pixels `index` (None: all) of sRGB `[h,w,3]`."""
    return lab_of_roots(roots_of_linear(decode_(picked(planes(srgb), index)))).T


def luma(srgb: Tensor) -> Tensor:
    """Weighted sum `[h,w]` of the sRGB values `[h,w,3]`."""
    red, green, blue = srgb.unbind(-1)
    return torch.mul(red, _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def _differs(here: Tensor, there: Tensor, inside: Tensor) -> bool:
    """Whether pictures `[h,w,3]` differ anywhere that SSIM's window reaches from `inside` `[h,w]`."""
    off = (here - there).abs_()
    if float(off.max()) <= _ROUNDING:
        return False
    few = (slice(None, None, _FIRST_LOOK),) * 2
    if bool((off[few].amax(dim=-1).gt(_ROUNDING) & inside[few]).any()):
        return True
    return bool(((off.amax(dim=-1) > _ROUNDING) & square_max(inside, _SSIM_REACH)).any())


def _areas(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """The picture in pieces: large enough to be worth a call, small enough that most hold only original pixels."""
    for top in range(0, height, _PIECE):
        for left in range(0, width, _PIECE):
            yield slice(top, min(top + _PIECE, height)), slice(left, min(left + _PIECE, width))


def _with_margin(area: tuple[slice, slice], height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """`area` and what SSIM's window needs around it, and where `area` lies in that."""
    around, core = [], []
    for part, length in zip(area, (height, width), strict=True):
        start = max(0, part.start - _SSIM_REACH)
        around.append(slice(start, min(length, part.stop + _SSIM_REACH)))
        core.append(slice(part.start - start, part.stop - start))
    return (around[0], around[1]), (core[0], core[1])


def percentile(values: Tensor, share: float) -> float:
    """The value `[n]` below which `share` of all lie (the next one up; no limit on n)."""
    position = min(values.numel(), max(1, round(share * values.numel() + 0.5)))
    return float(torch.kthvalue(values, position).values)


def _ssim_map(first: Tensor, second: Tensor) -> Tensor:
    """Local structural similarity `[H,W]` of two planes `[H,W]` in 0..1."""
    squares = first.square().addcmul_(second, second)  # only the sum of both variances is asked for
    planes = torch.stack((first, second, squares, first * second)).unsqueeze(0)
    mean_1, mean_2, square, product = gaussian_blur(planes, _SSIM_SIGMA)[0]
    both, means = mean_1 * mean_2, mean_1.square().addcmul_(mean_2, mean_2)
    c1, c2 = 0.01**2, 0.03**2
    above = (2 * both + c1).mul_((product - both).mul_(2).add_(c2))
    result: Tensor = above.div_((means + c1).mul_(square.sub_(means).add_(c2)))
    return result


def lightness(srgb: Tensor) -> Tensor:
    """L* `[...]` of sRGB `[...,3]`."""
    return linear_to_lab(srgb_to_linear(srgb))[..., 0]
