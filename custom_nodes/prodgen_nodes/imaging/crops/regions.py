"""Where a mask says that something is: each region of it as a crop of its own, with a soft mask of what may change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..errors import ParameterError
from ..filters import dilate, gaussian_blur
from ..placement import Affine
from ..resample import place
from ..tensors import Box, check_image, check_mask, check_range, expand_batch, item, same_size
from .cut import Crop, Crops, square
from .stitch import Stitched, faded, stitch

CUTTER = "Crop Regions"
_LEAST = 0.0005
"""Of the picture: a smaller region is a speck of the mask."""
_NEAR = 0.5
"""Regions whose boxes, each widened by this share of the padding, meet are repainted together."""
_BLANK = 0.15
"""Of the spread of values that was there: what has less was painted over with nothing."""
_RIM = 8
"""Pixels of the picture around a crop's mask, for the resampling kernel's reach."""


@dataclass(frozen=True, eq=False)
class Region(Crop):
    """A crop around `box` of its picture; `mask` `[size,size]` is what may change, soft, in crop pixels."""

    box: Box
    mask: Tensor


@dataclass(frozen=True)
class RegionSettings:
    """`size`: side of a crop in pixels; `padding`, `grow`, `blur`: pixels of the picture around a region that its crop
    shows, that may change with it, and over which the change fades; at most `most` regions a picture."""

    size: int = 512
    padding: int = 32
    grow: int = 4
    blur: float = 4.0
    most: int = 8

    def check(self) -> None:
        if self.size < 64 or self.size % 64:
            raise ParameterError(f"size is {self.size}; it must be a multiple of 64.")
        check_range(self.padding, 0, 4096, "padding")
        check_range(self.grow, 0, 512, "grow")
        check_range(self.blur, 0.0, 256.0, "blur")
        check_range(self.most, 1, 64, "max_regions")


def plan_regions(image: Tensor, mask: Tensor, settings: RegionSettings) -> Crops[Region]:
    """The regions of `mask` `[B,H,W]` (1 = may change) in `image` `[B,H,W,C]`, the largest of each picture first.

    Without crops where the mask is empty everywhere. Raises ShapeError where sizes do not fit.
    """
    settings.check()
    image, mask = check_image(image), check_mask(mask)
    same_size(image=image, mask=mask)
    mask = expand_batch(mask, image.shape[0]) if mask.shape[0] == 1 else mask
    batch, height, width = image.shape[:3]
    regions: list[Region] = []
    for index in range(batch):
        one = item(mask, index)
        for box in _boxes(one, settings)[: settings.most]:
            regions.append(_region(index, one, box, settings))
    return Crops(width, height, batch, settings.size, tuple(regions))


def _boxes(mask: Tensor, settings: RegionSettings) -> list[Box]:
    """Around each region of `mask` `[H,W]`; those that lie near to each other are one."""
    solid = (mask > 0.5).cpu().numpy()
    labels, count = ndimage.label(solid, structure=np.ones((3, 3), dtype=bool))
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    boxes = []
    for number, slices in enumerate(ndimage.find_objects(labels), 1):
        if slices is not None and areas[number] >= max(4, _LEAST * solid.size):
            rows, columns = slices
            boxes.append((Box(columns.start, rows.start, columns.stop, rows.stop), int(areas[number])))
    reach = _NEAR * settings.padding
    merged = True
    while merged:
        merged = False
        for first in range(len(boxes)):
            for second in range(first + 1, len(boxes)):
                if _meet(boxes[first][0], boxes[second][0], reach):
                    (a, one), (b, other) = boxes[first], boxes.pop(second)
                    box = Box(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom))
                    boxes[first], merged = (box, one + other), True
                    break
            if merged:
                break
    return [box for box, _ in sorted(boxes, key=lambda entry: -entry[1])]


def _meet(a: Box, b: Box, reach: float) -> bool:
    return (
        a.left - reach < b.right + reach
        and b.left - reach < a.right + reach
        and a.top - reach < b.bottom + reach
        and b.top - reach < a.bottom + reach
    )


def _region(index: int, mask: Tensor, box: Box, settings: RegionSettings) -> Region:
    height, width = mask.shape
    room = settings.grow + math.ceil(3 * settings.blur)
    side = max(box.width, box.height) + 2 * max(settings.padding, room + 1)
    middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    transform = square(middle, side, settings.size, width, height)
    around = room + _RIM
    left, top = max(0, box.left - around), max(0, box.top - around)
    part = torch.zeros_like(mask[top : box.bottom + around, left : box.right + around])
    inner = (slice(box.top - top, box.bottom - top), slice(box.left - left, box.right - left))
    part[inner] = mask[box.top : box.bottom, box.left : box.right]  # a neighbour's pixels are its own
    soft = gaussian_blur(dilate(part, settings.grow).unsqueeze(0), settings.blur)[0]
    # Whole where the region is, whatever the blur took.
    soft = torch.maximum(soft, part)
    moved = place(
        soft.unsqueeze(-1),
        transform.after(Affine.scale_translate(1.0, float(left), float(top))),
        settings.size,
        settings.size,
    )
    whole = soft.new_zeros((settings.size, settings.size))
    whole[moved.rows, moved.columns] = moved.pixels[..., 0].clamp(0.0, 1.0)
    crop = Region(index, transform, box, whole)
    return Region(index, transform, box, faded(whole, crop, Crops(width, height, 1, settings.size, (crop,))))


def region_mask(crop: Region) -> Tensor:
    """Where a crop may change, `[size,size]`."""
    return crop.mask


def stitch_regions(
    image: Tensor, refined: Tensor | None, plan: Crops[Region], feather: float = 0.0
) -> tuple[Stitched, tuple[str, ...]]:
    """Repainted regions back in their pictures, and why each that stayed out did ("" where it is in).

    For `image` and `refined` see `stitch`. A region that came out blank or without valid numbers stays as it was.
    """
    why = [""] * len(plan)

    def wanted(index: int, original: Tensor, fresh: Tensor, mask: Tensor) -> bool:
        inside = mask > 0.5
        if not bool(torch.isfinite(fresh).all()):
            why[index] = "the repainted region holds no valid numbers"
        elif bool(inside.any()) and float(fresh[inside].std()) < _BLANK * float(original[inside].std()):
            why[index] = "the repainted region is blank"
        return not why[index]

    done = stitch(image, refined, plan, feather, lambda index: plan.crops[index].mask.to(image), wanted, CUTTER)
    return done, tuple(why)
