"""Erase a part of the handle at full resolution; the search itself runs on a reduced copy of the mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..colorspace import linear_to_srgb, parse_hex, srgb_to_linear
from ..errors import ParameterError, ShapeError
from ..filters import dilate
from ..tensors import (
    Box,
    bounding_box,
    check_choice,
    check_color,
    check_mask,
    check_range,
    common_batch,
    is_placeholder,
    item,
    same_size,
)
from .fill import backdrop_difference, surroundings
from .find import Handle, find_handle
from .opening import Gap, open_gap
from .topology import EIGHT, Bools, Floats

_WORK_SIDE = 640
"""Longest side of the product on the working grid, whatever the picture's: the same answer at every size."""
_MARGIN = 8
"""Pixels of background around the working grid: it closes outlines, and is marked where it lies beyond the
picture."""
_CRUMB = 0.002  # of the product's area: less, apart from it, is a speck of the cut-out
_CROWDED = 0.7
"""Of the box: a product smaller than this beside far crumbs would lose too much of the working grid, so it is framed
anew."""
_NODES = 17
"""Points of the axis in the report: enough to draw it by."""
_VISIBLE = 3.0  # CIEDE2000 at which a patch of another colour shows

FILLS = ("background", "surroundings")


@dataclass(frozen=True)
class ErasedHandle:
    """`image` `[B,H,W,C]`, `mask` `[B,H,W]` what is left, `erased` `[B,H,W]` what went, one report per picture."""

    image: Tensor
    mask: Tensor
    erased: Tensor
    reports: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Backdrop:
    """`color` `[3]` in linear light, and which of FILLS to use."""

    color: Tensor
    fill: str


@dataclass(frozen=True)
class _Grid:
    """The working grid: full pixel = `origin + (working pixel edge - margin) · step`."""

    left: int
    top: int
    step: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.left + (x - _MARGIN) * self.step, self.top + (y - _MARGIN) * self.step


def erase_handle(
    image: Tensor,
    mask: Tensor,
    gap: float = 0.3,
    position: float = 0.5,
    *,
    background: str = "#ffffff",
    fill: str = "background",
) -> ErasedHandle:
    """Open `gap` of the handle's length at `position` along it and fill it with the backdrop.

    `fill` is one of FILLS: `background` paints that `#rrggbb`, `surroundings` continues the picture's own backdrop.

    image `[B,H,W,C]` sRGB 0..1; mask `[B,H,W]`, 1 = product; `gap` between 0 and 1 (exclusive); `position` 0..1 from
    the handle's left (of a side handle: upper) end. A product without a handle comes back unchanged with
    `found: false` and the reason. Raises ShapeError, EmptyMaskError, ParameterError.
    """
    image, mask = check_color(image), check_mask(mask)
    if is_placeholder(mask, image.shape[1], image.shape[2]):
        raise ShapeError("mask is an empty placeholder, not a cut-out: connect the mask of the product.")
    same_size(image=image, mask=mask)
    batch = common_batch(image=image, mask=mask)
    if not 0 < gap < 1:
        raise ParameterError(f"gap is {gap:g}; it must lie between 0 and 1, both excluded (0.3 opens 30 %).")
    check_range(position, 0.0, 1.0, "position")
    check_choice(fill, FILLS, "fill")
    color = srgb_to_linear(image.new_tensor(parse_hex(background)))
    done = [
        _erase_one(item(image, i), item(mask, i), gap, position, backdrop=_Backdrop(color, fill)) for i in range(batch)
    ]
    images, masks, erased, reports = zip(*done, strict=True)
    return ErasedHandle(_stacked(images), _stacked(masks), _stacked(erased), reports)


def _stacked(items: Sequence[Tensor]) -> Tensor:
    """A batch of `items`, without the copy where there is only one."""
    return items[0].unsqueeze(0) if len(items) == 1 else torch.stack(tuple(items))


def _erase_one(
    image: Tensor, mask: Tensor, gap: float, position: float, backdrop: _Backdrop
) -> tuple[Tensor, Tensor, Tensor, dict[str, Any]]:
    box = bounding_box(mask)
    alpha, grid = _reduced(mask, box)
    alpha, inner = _without_crumbs(alpha, grid, box)
    if max(inner.width, inner.height) < _CROWDED * max(box.width, box.height):
        # Crumbs far from the product made the box large and the product small: look again, closer.
        box = inner
        alpha, grid = _reduced(mask, box)
        alpha, _ = _without_crumbs(alpha, grid, box)
    framed = _framed(alpha.shape, box, mask)
    handle = find_handle(alpha, framed)
    if not isinstance(handle, Handle):
        reason = handle.reason
        if framed.any():
            reason += "; the product touches the edge of the picture, where a handle may be cut off"
        report = {"found": False, "reason": f"no handle found: {reason}."}
        return image, mask, torch.zeros_like(mask), report
    opened = open_gap(handle, gap, position)
    cover, place = _full_size(opened, grid, mask)
    rows, columns = slice(place.top, place.bottom), slice(place.left, place.right)
    erased, left = torch.zeros_like(mask), mask.clone()
    torch.mul(mask[rows, columns], cover, out=erased[rows, columns])
    left[rows, columns] -= erased[rows, columns]
    sigma = 2 * handle.main.half_thickness * grid.step
    result, differs = _filled(image, mask, cover, place, backdrop=backdrop, sigma=sigma)
    report = _report(handle, opened, grid, erased, place) | {"fill": backdrop.fill, "backdrop_delta_e00": differs}
    if backdrop.fill == "background" and differs is not None and differs > _VISIBLE:
        report["hint"] = "the fill is not the colour of the backdrop: set background, or fill to surroundings"
    return result, left, erased, report


def _filled(
    image: Tensor, mask: Tensor, cover: Tensor, place: Box, *, backdrop: _Backdrop, sigma: float
) -> tuple[Tensor, float | None]:
    """`image` with `cover` of its `place` replaced by backdrop, and how far the backdrop there is from `background`."""
    rows, columns = slice(place.top, place.bottom), slice(place.left, place.right)
    # Removing product from a composite over its backdrop is a mix towards that backdrop, in linear light. A pixel
    # beyond the alpha goes too, where the photo's own blur has left a trace.
    alpha, patch = mask[rows, columns], image[rows, columns]
    near = dilate((alpha > 1 / 512).float().unsqueeze(0), max(1, round(sigma / 24)))[0]
    amount = (cover * near).unsqueeze(-1)
    linear = srgb_to_linear(patch[..., :3])
    covered = torch.maximum(alpha, near)
    target = surroundings(linear, covered, sigma, backdrop.color) if backdrop.fill == "surroundings" else backdrop.color
    mixed = linear_to_srgb(linear + (target - linear) * amount)
    result = image.clone()
    result[rows, columns, :3] = torch.where(amount > 0, mixed, patch[..., :3])
    if image.shape[-1] == 4:
        result[rows, columns, 3:] = patch[..., 3:] * (1 - amount)
    return result, backdrop_difference(linear, covered, backdrop.color)


def _reduced(mask: Tensor, box: Box) -> tuple[Floats, _Grid]:
    """The mask's bounding box with a margin of nothing, its longest side `_WORK_SIDE` pixels (numpy float)."""
    crop = mask[box.top : box.bottom, box.left : box.right].unsqueeze(0).unsqueeze(0)
    step = max(box.width, box.height) / _WORK_SIDE
    factor = max(1, math.floor(step))
    # Nothing beyond the box's end, so that its last working pixel is whole; then most of the way by plain means.
    over = factor * math.ceil(step / factor) + factor
    crop = F.pad(crop, (0, over + -box.width % factor, 0, over + -box.height % factor))
    crop = F.avg_pool2d(crop, factor) if factor > 1 else crop
    crop = F.interpolate(crop, scale_factor=factor / step, mode="bilinear", align_corners=False, antialias=True)
    alpha = F.pad(crop, (_MARGIN,) * 4)[0, 0].clamp(0.0, 1.0).to("cpu", torch.float64).numpy()
    return alpha, _Grid(box.left, box.top, step)


def _without_crumbs(alpha: Floats, grid: _Grid, box: Box) -> tuple[Floats, Box]:
    """`alpha` without the specks of the cut-out, and the full-resolution box of what remains."""
    labels, count = ndimage.label(alpha > 0.5, EIGHT)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    if count < 2:
        return alpha, box
    crumbs = sizes < _CRUMB * sizes.max()
    crumbs[0] = False
    real = (labels > 0) & ~crumbs[labels]
    rows, columns = np.nonzero(real.any(axis=1))[0], np.nonzero(real.any(axis=0))[0]
    left, top = grid.point(columns[0], rows[0])
    right, bottom = grid.point(columns[-1] + 1, rows[-1] + 1)
    inner = Box(
        max(box.left, math.floor(left)),
        max(box.top, math.floor(top)),
        min(box.right, math.ceil(right)),
        min(box.bottom, math.ceil(bottom)),
    )
    return np.where(crumbs[labels], 0.0, alpha), inner


def _framed(shape: tuple[int, ...], box: Box, mask: Tensor) -> Bools:
    """Where the working grid's margin lies outside the picture, for a product that touches the frame."""
    framed = np.zeros(shape, dtype=bool)
    framed[:_MARGIN] |= box.top == 0
    framed[:, :_MARGIN] |= box.left == 0
    framed[-_MARGIN:] |= box.bottom == mask.shape[0]
    framed[:, -_MARGIN:] |= box.right == mask.shape[1]
    return framed


def _full_size(opened: Gap, grid: _Grid, mask: Tensor) -> tuple[Tensor, Box]:
    """Coverage 0..1 of the gap on the full grid, and the box of the picture it lies in."""
    height, width = opened.inside.shape
    x0, y0 = grid.point(opened.left, opened.top)
    x1, y1 = grid.point(opened.left + width, opened.top + height)
    box = Box(
        max(0, math.floor(x0)),
        max(0, math.floor(y0)),
        min(mask.shape[1], math.ceil(x1)),
        min(mask.shape[0], math.ceil(y1)),
    )
    field = torch.from_numpy(opened.inside).to(mask)[None, None]
    xs = torch.arange(box.left, box.right, device=mask.device, dtype=mask.dtype) + 0.5
    ys = torch.arange(box.top, box.bottom, device=mask.device, dtype=mask.dtype) + 0.5
    u = (2 * (xs - x0) / (x1 - x0) - 1).expand(ys.numel(), -1)
    v = (2 * (ys - y0) / (y1 - y0) - 1).unsqueeze(1).expand(-1, xs.numel())
    field = F.grid_sample(
        field, torch.stack((u, v), dim=-1).unsqueeze(0), mode="bilinear", padding_mode="border", align_corners=False
    )
    return (field[0, 0] * grid.step + 0.5).clamp(0.0, 1.0), box


def _report(handle: Handle, opened: Gap, grid: _Grid, erased: Tensor, place: Box) -> dict[str, Any]:
    main = handle.main
    middle = (opened.start + opened.stop) / 2
    x, y = (float(np.interp(middle, main.path_along, main.path[:, axis])) for axis in (0, 1))
    ends = [[np.interp(t, main.path_along, main.path[:, a]) for a in (0, 1)] for t in (opened.start, opened.stop)]
    picks = np.linspace(0, len(main.path) - 1, min(_NODES, len(main.path))).round().astype(int)
    part = erased[place.top : place.bottom, place.left : place.right]
    box = bounding_box(part, threshold=0.0)
    grip = grid.point(x, y)
    return {
        "found": True,
        "reason": "a thin part encloses an opening and meets the body at both ends",
        "kind": handle.kind,
        "strands": 2 if len(handle.strands) > 1 or main.doubled else 1,
        "grip_point": {"x": round(grip[0], 1), "y": round(grip[1], 1)},
        "axis": [[round(float(value), 1) for value in grid.point(*main.path[i])] for i in picks],
        "direction_degrees": math.degrees(math.atan2(ends[1][1] - ends[0][1], ends[1][0] - ends[0][0])),
        "length_px": main.length * grid.step,
        "width_px": 2 * main.half_thickness * grid.step,
        "gap_px": (opened.stop - opened.start) * main.length * grid.step,
        "gap": opened.stop - opened.start,
        "position": middle,
        "clamped": opened.clamped,
        "erased_box": {
            "left": place.left + box.left,
            "top": place.top + box.top,
            "right": place.left + box.right,
            "bottom": place.top + box.bottom,
        },
        "handle_share": float(part.sum()) / max(handle.area * grid.step**2, 1.0),
    }
