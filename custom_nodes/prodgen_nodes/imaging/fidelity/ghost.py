"""A second copy of the product that shows beside it: what a model painted, not quite covered by what was pasted.

The product's own edges (its outline and what is drawn on it) are laid over the surroundings at every offset at once
(correlation by FFT, orientations as double angles, so that light edges match dark ones): where many of those that
would be visible there lie on edges of the same direction, there is a ghost. A shadow has the product's outline too; it
darkens what it lies on and changes no colour. Then the outline alone is laid over them: a ghost in another colour has
nothing of what is drawn on the product.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import srgb_to_linear
from ..filters import area_reduced, dilate, erode, gaussian_blur, length, masked_blur
from ..tensors import Box

_SIDE = 480
"""Pixels of the longer side looked at; at half of it no finding of 16 drawn scenes changes."""
_AROUND = 0.5
"""How far around the product is looked, of its longer side. Of 48 good pictures the best match is .26 with .2 and .27
with this, and 24 ghosts close by are found as well; one that a model painted a third of its side away was not."""
_EDGE = 0.035
"""Step per pixel, of all channels together, that is half an edge."""
_LEAK = 1.5
"""Pixels (sigma) over which the surroundings are carried on into the product, as far as edges are blurred. Without
that the blur of its own outline lies beside it: of a fence, of keys or of stripes each bar's on the next one's."""
_LEAST_VISIBLE = 0.06
"""The share of the product's edges that must be visible beside it."""
_NEAREST, _SURE, _FARTHEST = 3.0, 5.0, 0.34
"""Offsets that are tried: from so many pixels of the reduced picture, where they count less, to this share of its
side."""
_TRIED, _APART = 8, 6
"""Offsets that are looked at until one is no shadow, so many pixels of the reduced picture apart: a product's own
shadow often matches best, and a ghost farther away went unseen."""
_BEYOND = 12.0
"""And after a shadow, which lies close by and is soft, only from so many on: a good chair's edges match their own blur
by .45 at 5 pixels."""
_OUTLINE, _BESIDE = 0.8, 3
"""What a match of the outline alone is worth, of a ghost that is painted in one colour, looked for from so many pixels
of the reduced picture beside the product on: 72 of such have .58 to .96, 24 good drawn scenes .24 at most, and of 60
real products with a shadow, as JPEG, one has .53 (a toy piano, whose keys are like each other), the others .37."""
_TRACE = 2
"""Pixels around an edge of a shadow that are no other copy's: as far as edges are blurred."""
_SHADE, _TINT = (0.2, 0.98), 0.15
"""What a shadow leaves of the light, and how far its channels may differ in that."""


@dataclass(frozen=True)
class Ghost:
    """The `share` of visible edges that a copy moved by `offset` (x, y pixels) matches; `at`: its middle."""

    share: float
    offset: tuple[float, float]
    at: tuple[float, float]
    shadow: bool


def find_ghost(scene: Tensor, expected: Tensor, cover: Tensor, box: Box, covered: Tensor | None) -> Ghost | None:
    """The best match of the product's edges beside it in sRGB `scene` `[H,W,3]`; None where nothing is seen there.

    `expected` `[H,W,3]` holds the product where `cover` `[H,W]` says, `box` around it; what is `covered` is left out.
    """
    area, factor = _window(box, *cover.shape)
    planes = [scene[area].permute(2, 0, 1), expected[area].permute(2, 0, 1), cover[area][None]]
    if covered is not None:
        planes.append(covered[area][None])
    small = area_reduced(torch.cat(planes), factor)
    there = small[6] > 0.5
    free = ~dilate(small[6] > 0.02, 1)
    outside = (free if covered is None else free & (small[7] < 0.02)).to(small)
    seen = _edges(_filled(small[:3], free)) * outside
    if float(seen.abs().amax()) < 0.2:
        return None
    outline = _edges(small[6:7], 0.1)
    own = torch.where(length(outline, 0) > 0.5, outline, _edges(small[3:6]) * erode(there, 1))
    clear = (outside > 0) & ~dilate(small[6] > 0.02, 2)  # JPEG lets the product's colour bleed a little
    away = outside * ~dilate(small[6] > 0.02, _BESIDE)
    found: list[Ghost] = []
    for edges, free, worth in ((own, outside, 1.0), (outline, away, _OUTLINE)):
        unexplained, before = seen, len(found)
        for best, dx, dy in _best(seen * free, edges, free, max(there.shape)):
            if len(found) > before and math.hypot(dx, dy) < _BEYOND:
                continue
            share = worth * min(best, _matched(unexplained, edges, free, (dx, dy)))
            moved = torch.roll(there, (dy, dx), (0, 1)) & (free > 0)
            if not bool(moved.any()):
                continue
            rows, columns = torch.nonzero(moved, as_tuple=True)
            middle = float(columns.float().mean()), float(rows.float().mean())
            at = (area[1].start + factor * middle[0], area[0].start + factor * middle[1])
            shadow = _is_shadow(small[:3], moved & clear, clear)
            found.append(Ghost(share, (dx * factor, dy * factor), at, shadow))
            if not shadow:
                break
            # What is like itself, a fence, has the shadow of one bar beside the next.
            unexplained = unexplained * ~dilate(length(_moved(edges, (dx, dy)), 0) > 0.5, _TRACE)
    return max(found, key=lambda ghost: (not ghost.shadow, ghost.share), default=None)


def _window(box: Box, height: int, width: int) -> tuple[tuple[slice, slice], int]:
    reach = max(24, round(_AROUND * max(box.width, box.height)))
    rows = slice(max(0, box.top - reach), min(height, box.bottom + reach))
    columns = slice(max(0, box.left - reach), min(width, box.right + reach))
    return (rows, columns), max(1, round(max(rows.stop - rows.start, columns.stop - columns.start) / _SIDE))


def _filled(planes: Tensor, free: Tensor) -> Tensor:
    """`planes` `[C,h,w]` with the colours around it where the product is: its own edge is none of its surroundings."""
    valid = free.to(planes)[None]
    around, near = masked_blur(planes[None], valid, _LEAK, 1e-6)[0], gaussian_blur(valid, _LEAK) > 1e-3
    return torch.where(near & ~free, around, planes)


def _edges(planes: Tensor, half: float = _EDGE) -> Tensor:
    """Edges `[2,h,w]` of planes `[C,h,w]`: the double angle of their common gradient (Di Zenzo 1986), of length 0..1
    as the edge is clear."""
    padded = F.pad(gaussian_blur(planes[None], 0.8), (1, 1, 1, 1), mode="replicate")[0]
    x = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    y = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    double = torch.stack(((x * x - y * y).sum(dim=0), (2 * x * y).sum(dim=0)))
    return double / (length(double, 0) + half**2)


def _best(seen: Tensor, own: Tensor, outside: Tensor, side: int) -> Iterator[tuple[float, int, int]]:
    """Share and offset of the copies whose visible edges match best, the best first."""
    height, width = outside.shape
    reach = max(4, round(_FARTHEST * side))
    size = tuple(-(-(length + reach) // 64) * 64 for length in (height, width))  # lengths that an FFT likes
    strength = length(own, 0)
    spectra = torch.fft.rfft2(torch.cat((seen, outside[None], own, strength[None])), s=size)
    matched = torch.fft.irfft2((spectra[:2] * spectra[3:5].conj()).sum(dim=0), s=size)
    visible = torch.fft.irfft2(spectra[2] * spectra[5].conj(), s=size)
    offsets = torch.arange(-reach, reach + 1, device=own.device)
    matched, visible = (plane[offsets][:, offsets] for plane in (matched, visible))
    far = torch.hypot(offsets[:, None].float(), offsets[None, :].float())
    allowed = (visible > _LEAST_VISIBLE * strength.sum()) & (far >= _NEAREST) & (far <= reach)
    sure = (far / _SURE).clamp(max=1.0)  # what is blurred along the outline looks like a near copy of it
    share = torch.where(allowed, sure * matched / visible.clamp(min=1e-6), torch.zeros_like(visible))
    for _ in range(_TRIED):
        best = int(share.argmax())
        value, row, column = float(share.flatten()[best]), best // len(offsets), best % len(offsets)
        if value <= 0:
            return
        yield value, column - reach, row - reach
        near = (slice(max(0, middle - _APART), middle + _APART + 1) for middle in (row, column))
        share[tuple(near)] = 0.0


def _matched(seen: Tensor, edges: Tensor, outside: Tensor, offset: tuple[int, int]) -> float:
    """The share of `edges` `[2,h,w]`, moved by `offset`, that lie on edges `seen` of the same direction."""
    moved = _moved(edges, offset) * outside
    return float((seen * moved).sum() / length(moved, 0).sum().clamp(min=1e-6))


def _moved(edges: Tensor, offset: tuple[int, int]) -> Tensor:
    return torch.roll(edges, (offset[1], offset[0]), (1, 2))


def _is_shadow(srgb: Tensor, copy: Tensor, outside: Tensor) -> bool:
    """Whether what shows at the `copy` `[h,w]` is what lies beside it in sRGB `[3,h,w]`, only darker."""
    beside = dilate(copy, 5) & ~dilate(copy, 2) & outside
    if not bool(beside.any()) or not bool(copy.any()):
        return False
    linear = srgb_to_linear(srgb)
    ratio = (linear[:, copy].median(dim=1).values + 0.01) / (linear[:, beside].median(dim=1).values + 0.01)
    neutral = float((ratio / ratio.mean() - 1).abs().max()) < _TINT
    return neutral and _SHADE[0] < float(ratio.mean()) < _SHADE[1]
