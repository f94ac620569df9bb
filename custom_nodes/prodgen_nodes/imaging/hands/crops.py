"""Which hands are cut out for refinement, and the soft mask of each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import crops
from ..crops import Crop, Crops, Point, square
from ..errors import ParameterError
from ..filters import smoothstep
from ..placement import Affine
from ..tensors import check_image, check_mask, check_range, expand_batch, item, same_size
from .check import distance_to_grip, grip_spot
from .keypoints import Person
from .people import JudgedHand, judge_hands

_SOFT = 0.5
"""The mask's soft rim as a part of its growth."""
_GRIP_HAND = 1.6
"""A hand that holds a handle is about this many times as wide as the gap that was opened for it."""
_COARSE = 4
"""Wide soft masks are computed on every fourth pixel: between them they are straight lines."""


@dataclass(frozen=True)
class HandCrop(Crop):
    """A crop around a hand."""

    before: float | None
    """Score 0..1 of the hand's shape before refinement; None where no hand was found (a crop around the grip)."""
    side: str
    """`left`, `right`, or `unknown`."""
    length: float
    """The hand's length in pixels of the picture; 0 where no hand was found."""
    outline: tuple[Point, ...]
    """Convex hull of the hand's points in crop pixels (one point: the middle of the grip)."""
    grow: float
    """How far the mask is whole beyond the outline, in crop pixels."""
    soft: float
    """Over how much further it fades, in crop pixels."""


HandCrops = Crops[HandCrop]
"""All crops of a batch (`PRODGEN_HAND_CROPS`)."""


@dataclass(frozen=True)
class CropSettings:
    """`context`: crop side over the hand's longer side; `mask_grow`: growth of the mask as a part of that side."""

    size: int = 1024
    context: float = 1.6
    max_hands: int = 2
    """Both of one person; each costs a pass of the sampler."""
    mask_grow: float = 0.12

    def check(self) -> None:
        if self.size < 64 or self.size % 64:
            raise ParameterError(f"size is {self.size}; it must be a multiple of 64.")
        check_range(self.context, 1.0, 8.0, "context")
        check_range(self.mask_grow, 0.0, 1.0, "mask_grow")
        check_range(self.max_hands, 1, 64, "max_hands")


def plan_crops(
    image: Tensor, people: list[tuple[Person, ...]] | None, erased: Tensor | None, settings: CropSettings
) -> HandCrops:
    """Choose the crops: in each picture the hands nearest to the grip (without one: the worst first), else the grip.

    `image` `[B,H,W,C]`; `people` per picture, None without pose points; `erased` `[B,H,W]` or `[1,H,W]`, 1 = erased.
    Without crops where there is neither a hand nor a grip anywhere: nothing is to be refined. Raises ParameterError
    where neither was given, so that nothing could be found.
    """
    settings.check()
    image = check_image(image)
    if people is None and erased is None:
        raise ParameterError(
            "nothing says where a hand could be: connect the keypoints of a pose detector, or the erased mask of "
            "'Erase Handle' (1 = where the hand goes)."
        )
    if erased is not None:
        erased = check_mask(erased, "erased")
        same_size(image=image, erased=erased)
        erased = expand_batch(erased, image.shape[0]) if erased.shape[0] == 1 else erased
    batch, height, width = image.shape[:3]
    planned: list[HandCrop] = []
    for index in range(batch):
        spot = None if erased is None else grip_spot(item(erased, index))
        hands = [] if people is None else judge_hands(people[index], image[index])
        if spot is not None:
            grip = spot
            hands.sort(key=lambda one: distance_to_grip(one, grip))
        else:
            hands.sort(key=lambda one: one.score)
        chosen = [_around_hand(index, one, settings, width, height) for one in hands[: settings.max_hands]]
        if not chosen and spot is not None:
            chosen = [_around_grip(index, spot, settings, width, height)]
        planned += chosen
    return HandCrops(width, height, batch, settings.size, tuple(planned))


def _around_hand(index: int, one: JudgedHand, settings: CropSettings, width: int, height: int) -> HandCrop:
    left, top, right, bottom = one.box
    extent = max(right - left, bottom - top, 1.0)
    transform = _square(one.center, extent, settings, width, height)
    hull = tuple(transform.apply(x, y) for x, y in convex_hull([(float(x), float(y)) for x, y in one.points]))
    grow = settings.mask_grow * extent * transform.a
    return HandCrop(index, transform, one.geometry, one.side, one.result.size, hull, grow, _SOFT * grow)


def _around_grip(
    index: int, spot: tuple[float, float, float], settings: CropSettings, width: int, height: int
) -> HandCrop:
    x, y, radius = spot
    extent = 2 * radius * _GRIP_HAND
    transform = _square((x, y), extent, settings, width, height)
    grow = settings.mask_grow * extent * transform.a
    whole = extent / 2 * transform.a + grow
    return HandCrop(index, transform, None, "unknown", 0.0, (transform.apply(x, y),), whole, _SOFT * grow)


def _square(center: Point, extent: float, settings: CropSettings, width: int, height: int) -> Affine:
    """Square around `center`, moved into the picture where it fits; always larger than the mask."""
    rim = 1 + 2 * settings.mask_grow * (1 + _SOFT)
    return square(center, extent * max(settings.context, rim * 1.05), settings.size, width, height)


def convex_hull(points: list[Point]) -> list[Point]:
    """Corners of the convex hull, counter-clockwise in a y-up frame (Andrew's monotone chain, 1979)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered

    def chain(along: list[Point]) -> list[Point]:
        hull: list[Point] = []
        for x, y in along:
            while len(hull) > 1:
                (ax, ay), (bx, by) = hull[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        return hull[:-1]

    return chain(ordered) + chain(ordered[::-1])


def crop_mask(crop: HandCrop, size: int, like: Tensor) -> Tensor:
    """Soft mask `[size,size]`: 1 up to `grow` beyond the outline, fading to 0 over half as much again."""
    coarse = _COARSE if crop.soft >= 4 * _COARSE else 1
    distance = _distance(crop.outline, size // coarse, float(coarse), like.device)
    if coarse > 1:
        distance = F.interpolate(distance[None, None], size=(size, size), mode="bilinear", align_corners=False)[0, 0]
    return smoothstep(1 - (distance - crop.grow) / max(crop.soft, 1.0))


def _distance(corners: tuple[Point, ...], count: int, step: float, device: torch.device) -> Tensor:
    """`[count,count]` distance of points `step` pixels apart from a convex outline; 0 inside it."""
    axis = (torch.arange(count, dtype=torch.float32, device=device) + 0.5) * step
    x, y = axis.unsqueeze(0), axis.unsqueeze(1)
    nearest = torch.full((count, count), math.inf, device=device)
    inside = torch.ones((count, count), dtype=torch.bool, device=device)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        dx, dy = bx - ax, by - ay
        along = ((x - ax) * dx + (y - ay) * dy).div_(max(dx * dx + dy * dy, 1e-9)).clamp_(0.0, 1.0)
        away = (x - ax - along * dx).square_().add_((y - ay - along * dy).square_())
        nearest = torch.minimum(nearest, away)
        inside &= (dx * (y - ay) - dy * (x - ax)) >= 0
    distance = nearest.sqrt_()
    return distance.masked_fill_(inside, 0.0) if len(corners) > 2 else distance


def cut_all(image: Tensor, plan: HandCrops) -> tuple[Tensor, Tensor]:
    """Crops and masks of `image` `[B,H,W,C]`, as `crops.cut_all` gives them."""
    return crops.cut_all(image, plan, lambda crop: crop_mask(crop, plan.size, image))
