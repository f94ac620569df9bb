"""Whether the cut-out holds all of the product: what the photo shows right beside the outline of its mask.

At a true outline the photo changes from product to backdrop. Where a piece was cut away, the photo goes on unchanged
across the mask's outline, differs from the backdrop, and ends further out in an edge of its own; a shadow or a
reflection has an edge where the product ends, and fades. Where the backdrop is not plain enough to be told from the
product, nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab, srgb_to_linear
from ..filters import dilate, erode, gaussian_blur, length, masked_blur, opened
from ..tensors import Box, bounding_box
from .places import place_of

_SIDE = 720
"""Pixels of the longer side: the smallest piece, `_LEAST`, is some two hundred of them."""
_REACH, _LEAST_REACH = 0.12, 8
"""How far beside the product is looked, of its longer side and in pixels of the reduced picture at least."""
_SEEN, _NOISE, _MOST_NOISE = 6.0, 4.0, 5.0
"""ΔE00 from which something is no backdrop, in multiples of the backdrop's own; with more of that nothing is said."""
_TOLD = 0.6
"""The share of the outline along which the product must differ from the backdrop."""
_EDGE = 0.3
"""A step of an outline, of the product's difference to the backdrop."""
_SAME = 0.3
"""The difference across the outline over that to the backdrop, up to which the photo goes on unchanged."""
_ALONG, _ALONG_LARGE, _LARGE, _ENDS = 0.3, 0.55, 0.015, 0.6
"""The shares of a piece's inner border without (more of a large one's: that may be a shadow), and of its outer border
with an edge."""
_BAND, _DEEP = 4, 0.06
"""The inner border is so many pixels wide; a piece's area over its length squared: a strip along it is a shadow."""
_LEAST = 0.0008
"""The smallest piece, of the product's area."""
_BESIDE = 1.5
"""Pixels (1σ) over which the colours on both sides of the outline are taken: the pixels next to it, and no more."""


@dataclass(frozen=True)
class Missing:
    """A piece of the product that the cut-out lacks: where on the product, its `box` in the photo, its share of it."""

    place: str
    box: Box
    share: float


@dataclass(frozen=True)
class Whole:
    """`whole` is None where it cannot be told: `note` says why."""

    whole: bool | None
    missing: tuple[Missing, ...] = ()
    note: str | None = None

    def reasons(self) -> list[str]:
        """What is missing where, in words."""
        return [
            f"{piece.place}: a piece of the product was cut away, the photo goes on there ({piece.share:.1%} of it): "
            "cut it out again, with a hint painted over it"
            for piece in self.missing
        ]


def judge_whole(photo: Tensor, mask: Tensor) -> Whole:
    """Compare the cut-out's `mask` `[H,W]` (1 = product) with the sRGB `photo` `[H,W,3]` it was cut from."""
    factor = max(1, round(max(mask.shape) / _SIDE))
    planes = torch.cat((srgb_to_linear(photo[..., :3]).permute(2, 0, 1), mask[None]))[None]
    small = F.avg_pool2d(planes, factor, ceil_mode=True, count_include_pad=False) if factor > 1 else planes
    linear, alpha = small[:, :3], small[0, 3]
    solid, trace = alpha > 0.9, alpha > 0.02
    if not bool(solid.any()):
        return Whole(None, note="no product in the mask")
    product = bounding_box(alpha)
    reach = max(_LEAST_REACH, round(_REACH * max(product.width, product.height)))
    near = dilate(trace, reach)
    far = ~near
    if float(far.float().mean()) < 0.01:
        return Whole(None, note="the photo shows too little of its backdrop to compare with")
    backdrop, usual = _backdrop(linear, far, reach)
    if usual > _MOST_NOISE:
        return Whole(None, note="the backdrop is too busy to tell what of the product was cut away")
    lab, ground = _lab(linear), _lab(backdrop)
    strange = delta_e00(lab, ground) > max(_SEEN, _NOISE * usual)
    inside, contrast = _across(lab, ground, solid, trace)
    rim = solid & ~erode(solid, 2)
    if float((contrast[rim] > _SEEN).float().mean()) < _TOLD:
        return Whole(None, note="the product has the backdrop's colour: what of it was cut away cannot be told")
    step = _steps(lab)
    goes_on = dilate(rim, 5) & (inside < _SAME * contrast) & (contrast > _SEEN)
    free = strange & ~trace & near & (step < _EDGE * contrast.where(goes_on, contrast[rim].median()))
    pieces = _pieces(opened(free, 1), goes_on, _Borders(trace, step, contrast), float(alpha.sum()))
    missing = tuple(_named(piece, product, factor, float(alpha.sum())) for piece in pieces)
    return Whole(not missing, missing)


def _lab(linear: Tensor) -> Tensor:
    """CIELAB `[h,w,3]` of linear `[1,3,h,w]`."""
    return linear_to_lab(linear[0].permute(1, 2, 0))


def _backdrop(linear: Tensor, far: Tensor, reach: int) -> tuple[Tensor, float]:
    """The backdrop's smooth colour `[1,3,h,w]` as seen in `far` `[h,w]`, and its usual difference from that (ΔE00)."""
    weight = far.to(linear)[None]
    filled = linear[:, :, far].mean(dim=2)[..., None, None].expand_as(linear)
    for sigma in (4.0 * reach, 1.0 * reach):
        total = gaussian_blur(weight, sigma)[:, None]
        blurred = masked_blur(linear, weight, sigma, 1e-6)
        filled = torch.lerp(filled, blurred, (total / 0.05).clamp(0.0, 1.0))
    off = delta_e00(_lab(linear), _lab(filled))[far]
    return filled, float(torch.quantile(off[:: 1 + off.numel() // 50_000], 0.9))


def _across(lab: Tensor, ground: Tensor, solid: Tensor, trace: Tensor) -> tuple[Tensor, Tensor]:
    """ΔE00 `[h,w]` between the near colours on both sides of the outline, and of the inner one to the backdrop."""
    planes = lab.permute(2, 0, 1)[None]
    inner, outer = (masked_blur(planes, side.to(lab)[None], _BESIDE, 1e-6)[0].permute(1, 2, 0)
                    for side in (erode(solid, 1), ~dilate(trace, 1)))  # fmt: skip
    return delta_e00(inner, outer), delta_e00(inner, ground)


def _steps(lab: Tensor) -> Tensor:
    """How much the colour changes over two pixels `[h,w]`, about in ΔE."""
    padded = F.pad(gaussian_blur(lab.permute(2, 0, 1)[None], 0.7), (1, 1, 1, 1), mode="replicate")[0]
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    return length(torch.cat((across, down)), 0)


@dataclass(frozen=True)
class _Borders:
    """What a piece is judged by: where the mask is, and the photo's steps and the product's contrast, `[h,w]`."""

    trace: Tensor
    step: Tensor
    contrast: Tensor


def _pieces(free: Tensor, goes_on: Tensor, borders: _Borders, size: float) -> list[tuple[slice, slice, int]]:
    """Rows, columns and area of the regions of `free` that continue the product and end in an edge."""
    labels, count = ndimage.label(free.cpu().numpy(), np.ones((3, 3)))
    body, on, step, contrast = (
        plane.cpu().numpy() for plane in (borders.trace, goes_on, borders.step, borders.contrast)
    )
    found = []
    for index, area in enumerate(ndimage.find_objects(labels, count), start=1):
        rows, columns = (slice(max(0, part.start - 6), part.stop + 6) for part in area)
        region = labels[rows, columns] == index
        total = int(region.sum())
        if total < max(12, _LEAST * size):
            continue
        around = ndimage.binary_dilation(region, iterations=3)
        beside = ndimage.binary_dilation(body[rows, columns], iterations=_BAND)
        inner = around & beside & ~body[rows, columns]
        outer = around & ~region & ~beside
        if total < _DEEP * (inner.sum() / _BAND) ** 2:
            continue
        along = _ALONG if total < _LARGE * size else _ALONG_LARGE
        if not inner.any() or not outer.any() or on[rows, columns][inner].mean() < along:
            continue
        usual = np.median(contrast[rows, columns][inner & on[rows, columns]])
        # The edge lies anywhere within the few pixels of the border: the largest step nearby counts.
        sharp = ndimage.maximum_filter(step[rows, columns], 5)[outer] > _EDGE * usual
        if sharp.mean() > _ENDS:
            found.append((rows, columns, total))
    return sorted(found, key=lambda piece: -piece[2])


def _named(piece: tuple[slice, slice, int], product: Box, factor: int, size: float) -> Missing:
    rows, columns, total = piece
    middle = ((columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2)
    box = Box(factor * columns.start, factor * rows.start, factor * columns.stop, factor * rows.stop)
    return Missing(place_of(*middle, product), box, total / size)
