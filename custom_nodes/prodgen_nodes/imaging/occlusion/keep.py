"""The mask of what stays in front of a pasted product: fingers over its edge or handle, and the erased gap they hold.

A finger comes from outside: a difference that is not connected with the product's surroundings or with the erased part
of the handle (a changed logo, a highlight) is not kept, the original wins there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..colorspace import linear_to_lab, linear_to_srgb, srgb_to_linear
from ..errors import ParameterError
from ..filters import dilate, gaussian_blur, opened
from ..hands.keypoints import Person
from ..placed import on_scene
from ..placement import Affine, Placement
from ..resample import placed_bands
from ..segmentation.whole_objects import Prompt
from ..tensors import check_range, item
from .difference import (
    in_plain_light,
    lab_of,
    nearest_difference,
    relit_original,
    same_structure,
    skin_likeness,
    unlike_in_shade,
)
from .left_out import LeftOut, left_out
from .matte import matte
from .pieces import by_colour, filled, of_one_hand, without_spurs
from .whole_hand import with_the_rest

_WORK_SIDE = 1400
"""Longest side in pixels at which fingers are looked for: an edge is placed to a pixel of it, and time does not grow
beyond."""
_STRONG, _WEAK = 10.0, 5.0
"""Differences (CIELAB, lightness halved) that start a finger and that continue one, at sensitivity 0.5."""
_SKIN = 0.35
"""Likeness from which a colour may start a finger, half of it to continue one: what is less likely skin is a change of
the product."""
_SPECK = 3e-4
"""Share of the product's area below which a piece is no finger."""
_EVIDENCE = ("difference to the relit original", "skin colour")
"""Looked at in every picture."""
_MUCH = 0.35
"""Of the product: a hand that holds it covers less, a wrong placement covers more; only a warning hangs on it."""
_HAND_SHARE = 0.25
"""Of the opened gap: with this much of a hand in it the gap is held, and the whole gap stays the scene's."""
_POINT_SCORE = 0.3
"""Of a detector, 0..1: a less sure point marks a hand where there may be none."""
_ZONE_MARGIN = 0.02
"""A hand that holds the product begins at most this share of its longest side away from the grip zone."""


@dataclass(frozen=True)
class Kept:
    """`mask` `[B,H,W]`, 1 = the scene stays in front, soft edges; one report per picture."""

    mask: Tensor
    reports: tuple[dict[str, Any], ...]


def keep_in_front(
    scene: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement,
    *,
    erased: Tensor | None = None,
    zone: Tensor | None = None,
    people: Sequence[tuple[Person, ...]] | None = None,
    sensitivity: float = 0.5,
    grow: float = 0.0,
    see: Prompt | None = None,
) -> Kept:
    """Find what the scene shows in front of the product that lies at `placement`.

    `scene` `[B,H,W,C]` sRGB; `product` `[B,h,w,C]` sRGB and `mask` `[B,h,w]` (1 = product) at the placement's size;
    `erased` `[B,H,W]` what was taken out of the handle; `zone` `[B,H,W]` where a hand may hold the product's body:
    a hand has to reach into it (of a picture whose zone is empty, everywhere);
    `people` per picture, from a pose detector, in scene pixels;
    `sensitivity` 0..1; `grow` 0..32 px widens the result; `see` shows a picture to a network that knows objects, which
    brings the rest of a hand that is only in part known by its colour. Raises ShapeError, EmptyMaskError,
    ParameterError.
    """
    given = on_scene(scene, product, mask, placement, erased=erased, zone=zone)
    check_range(sensitivity, 0.0, 1.0, "sensitivity")
    check_range(grow, 0.0, 32.0, "grow")
    scene, placement = given.scene[..., :3], given.placement
    height, width = scene.shape[1:3]
    kept = scene.new_zeros((given.batch, height, width))
    reports = []
    for index in range(given.batch):
        view = _view(item(scene, index), item(given.rgb, index), item(given.mask, index), placement.transform(index))
        gap = given.cover("erased", index)
        hands = _hand_area(view, people[min(index, len(people) - 1)]) if people else None
        held = given.cover("zone", index)
        held = None if held is None else _crop(held, view)
        held = held if held is not None and bool((held > 0.5).any()) else None
        front, report = _one(view, gap, hands, sensitivity, zone=held, see=see)
        full = front[None, None]
        if view.factor > 1:
            full = F.interpolate(full, scale_factor=float(view.factor), mode="bilinear", align_corners=False)
        rows, columns = view.rows, view.columns
        kept[index, rows, columns] = full[0, 0, : rows.stop - rows.start, : columns.stop - columns.start]
        if gap is not None and report.pop("gap_held"):
            kept[index] = torch.maximum(kept[index], gap)
        if grow > 0:
            kept[index] = gaussian_blur(dilate(kept[index][None], round(grow)), 0.6)[0]
        reports.append(report)
    return Kept(kept.clamp(0.0, 1.0), tuple(reports))


@dataclass(frozen=True)
class _View:
    """The product's surroundings at working size: sRGB `scene` and `original` `[h,w,3]`, coverage `alpha` `[h,w]`."""

    scene: Tensor
    original: Tensor
    alpha: Tensor
    rows: slice
    columns: slice
    factor: int

    @property
    def long_side(self) -> float:
        return float(max(self.alpha.shape)) / 1.3


def _view(scene: Tensor, rgb: Tensor, alpha: Tensor, transform: Affine) -> _View:
    height, width = scene.shape[:2]
    rows_in, columns_in = torch.nonzero(alpha.amax(dim=1) > 0.5), torch.nonzero(alpha.amax(dim=0) > 0.5)
    if rows_in.numel() == 0:
        raise ParameterError("mask is empty: no pixel above 0.5. Check the cut-out (1 = product).")
    ends_x, ends_y = (float(columns_in[0]), float(columns_in[-1]) + 1), (float(rows_in[0]), float(rows_in[-1]) + 1)
    corners = [transform.apply(x, y) for x in ends_x for y in ends_y]
    low = [min(c[i] for c in corners) for i in (0, 1)]
    high = [max(c[i] for c in corners) for i in (0, 1)]
    long_side = max(high[0] - low[0], high[1] - low[1])
    factor = max(1, round(long_side / _WORK_SIDE))
    # Around the product, so that a finger is seen to come from outside.
    margin = 0.15 * long_side + 8
    left, top = max(0, int(low[0] - margin)), max(0, int(low[1] - margin))
    right, bottom = min(width, int(high[0] + margin)), min(height, int(high[1] + margin))
    if right - left < 8 or bottom - top < 8:
        raise ParameterError("the product lies outside the scene: check the placement.")
    planes = scene[top:bottom, left:right].permute(2, 0, 1)[None]
    small = F.avg_pool2d(planes, factor, ceil_mode=True, count_include_pad=False)[0].permute(1, 2, 0)
    size = small.shape[:2]
    moved = Affine.scale_translate(1 / factor, -left / factor, -top / factor).after(transform)
    laid = small.new_zeros((*size, 4))
    for patch in placed_bands(rgb, alpha, moved, size[1], size[0]):
        laid[patch.rows, patch.columns] = patch.pixels
    cover = laid[..., 3]
    original = linear_to_srgb((laid[..., :3] / cover.clamp(min=1e-3)[..., None]).clamp(0.0, 1.0))
    return _View(small, original, cover, slice(top, bottom), slice(left, right), factor)


def _hand_area(view: _View, people: tuple[Person, ...]) -> Tensor:
    """Where pose points say a hand is `[h,w]`, 0 or 1: discs as wide as half a palm around its sure points."""
    area = torch.zeros_like(view.alpha)
    y = torch.arange(area.shape[0], device=area.device)[:, None] + 0.5
    x = torch.arange(area.shape[1], device=area.device)[None, :] + 0.5
    for person in people:
        for hand in person.hands:
            points = hand.points[hand.scores >= _POINT_SCORE]
            if points.shape[0] < 3:
                continue
            size = float((points.amax(dim=0) - points.amin(dim=0)).max()) / view.factor
            for px, py in points.tolist():
                at_x, at_y = (px - view.columns.start) / view.factor, (py - view.rows.start) / view.factor
                area = torch.where((x - at_x) ** 2 + (y - at_y) ** 2 < (0.14 * size + 2) ** 2, 1.0, area)
    return area


def _one(
    view: _View,
    gap: Tensor | None,
    hands: Tensor | None,
    sensitivity: float,
    *,
    zone: Tensor | None = None,
    see: Prompt | None = None,
) -> tuple[Tensor, dict[str, Any]]:
    linear = srgb_to_linear(view.scene.permute(2, 0, 1))
    original = srgb_to_linear(view.original.permute(2, 0, 1))
    most = float(view.alpha.max())
    if most <= 0:
        raise ParameterError("the product is too small on this scene to be told from what is in front of it.")
    core = (view.alpha > min(0.98, 0.9 * most)).to(view.alpha)  # nothing of a thin product covers a pixel wholly
    if hands is not None and float((core * hands).sum()) < 0.6 * float(core.sum()):
        core = core * (1 - hands)  # a hand that is known is no evidence of the light on the product
    if zone is not None and float((core * (zone < 0.5)).sum()) > 0.2 * float(core.sum()):
        core = core * torch.where(zone < 0.5, 1.0, 0.02)  # beyond the zone nothing but light changed
    expected = relit_original(linear, original, core, view.long_side).clamp(max=1.0)  # as bright as a picture can be
    relit_lab = linear_to_lab(gaussian_blur(expected[None], 0.8)[0].permute(1, 2, 0))
    lab = lab_of(view.scene)
    difference = nearest_difference(lab, relit_lab, view.alpha > 0.5)
    plain = in_plain_light(linear, expected, original, core)
    skin = torch.maximum(skin_likeness(lab), skin_likeness(lab_of(linear_to_srgb(plain.permute(1, 2, 0)))))
    hand = skin if hands is None else torch.maximum(skin, hands)
    scale = torch.full_like(difference, 2.0 ** (1 - 2 * sensitivity))
    if hands is not None:
        scale = scale * (1 - 0.5 * hands)  # where a hand is known to be, less difference will do
    inside = view.alpha > 0.5
    own = same_structure(lab, relit_lab, inside)
    strong = (difference > _STRONG * scale) & (hand > _SKIN) & inside & ~own
    weak = (difference > _WEAK * scale) & (hand > 0.5 * _SKIN) & inside & ~own
    gap_small = None if gap is None else _crop(gap, view)
    pieces, regions = _from_outside(strong, weak, hand > _SKIN, view, gap_small)
    unlike = unlike_in_shade(linear, expected, inside)
    pieces = by_colour(pieces, lab, hand, unlike, inside)
    pieces = without_spurs(pieces, inside)
    if zone is not None:
        reach = max(2, round(_ZONE_MARGIN * view.long_side))
        pieces, regions = of_one_hand(pieces, dilate((zone > 0.5).to(pieces)[None], reach)[0], lab)
    known = pieces
    if see is not None and regions:
        pieces = with_the_rest(pieces, unlike, own, inside, view.scene, see)
    soft = matte(pieces, linear, expected, inside, view.long_side)
    covered = float((soft * view.alpha).sum() / view.alpha.sum().clamp(min=1.0))
    held = False
    if gap_small is not None and bool((gap_small > 0.5).any()):
        held = float(hand[gap_small > 0.5].gt(_SKIN).float().mean()) >= _HAND_SHARE
    missed = left_out(soft, unlike, lab, own, inside, view.long_side)
    further = {
        "pose points": hands is not None and bool(hands.any()),
        "grip zone": zone is not None,
        "a network that knows objects": pieces is not known,
        "erased part of the handle": held,
    }
    return soft, {
        "covered_share": covered,
        "regions": regions,
        "evidence": [*_EVIDENCE, *(name for name, used in further.items() if used)],
        "gap_held": held,
        "erased_kept": held,
        "left_out_share": 0.0 if missed is None else missed.share,
        "warnings": list(_warnings(covered, missed)),
    }


def _warnings(covered: float, missed: LeftOut | None) -> Iterator[str]:
    """What to look at where a share of the product is `covered` and something else in front of it was left out."""
    if covered > _MUCH:
        yield (
            f"{covered:.0%} of the product would stay hidden: check that the placement fits the scene (Register "
            "Product), or lower sensitivity."
        )
    if missed is not None:
        yield (
            f"Something in front of the product was left out at its {missed.place} ({missed.share:.0%} of the product):"
            " a glove, a sleeve or fingers outside the grip zone, or the placement is off. The original covers it: "
            "look at the picture, connect the hand's keypoints, or make the grip zone wider."
        )


def _crop(plane: Tensor, view: _View) -> Tensor:
    part = plane[view.rows, view.columns][None, None]
    return F.avg_pool2d(part, view.factor, ceil_mode=True, count_include_pad=False)[0, 0]


def _from_outside(strong: Tensor, weak: Tensor, hand: Tensor, view: _View, gap: Tensor | None) -> tuple[Tensor, int]:
    """The pieces `[h,w]` (0 or 1) that hold strong evidence and reach the surroundings where these hold a hand, too."""
    calm = opened((weak | strong).to(view.alpha)[None], 1)[0] > 0.5
    labels, count = ndimage.label(calm.cpu().numpy(), structure=np.ones((3, 3)))
    outside = (view.alpha < 0.5) & hand
    if gap is not None:
        outside = outside | ((gap > 0.5) & hand)
    # The product's rim is neither: its pixels mix both, so a finger is looked for a few pixels further out.
    near = dilate(outside.to(view.alpha)[None], 4)[0].cpu().numpy() > 0.5
    area = float(view.alpha.sum())
    index = np.arange(1, count + 1)
    if count == 0:
        return torch.zeros_like(view.alpha), 0
    size = ndimage.sum_labels(np.ones_like(near, dtype=float), labels, index)
    seeds = ndimage.sum_labels(strong.cpu().numpy().astype(float), labels, index)
    touches = ndimage.sum_labels(near.astype(float), labels, index)
    # A finger enters over its whole breadth, about the root of its area; a print touches the rim by chance.
    enough = 0.3 * np.sqrt(size)
    good = (size >= _SPECK * area) & (seeds >= 0.2 * size) & (touches >= enough)
    # A thin line along the outline is an error of a pixel there, no finger.
    depth = ndimage.distance_transform_edt(calm.cpu().numpy())
    deepest = ndimage.maximum(depth, labels, index)
    good &= np.atleast_1d(deepest) >= max(2.5, 0.006 * view.long_side)
    chosen = np.isin(labels, index[good])
    # Gaps that are narrower than this between fingers of one hand close: half a finger.
    radius = max(2, round(0.008 * view.long_side))
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    product = view.alpha.cpu().numpy() > 0.5
    around = chosen | (~product & hand.cpu().numpy())  # so that gaps at the rim close as well
    closed = ndimage.binary_closing(np.pad(around, radius), disc)[radius:-radius, radius:-radius]
    chosen |= closed & product & ndimage.binary_dilation(chosen, disc)
    return torch.from_numpy(filled(chosen)).to(view.alpha), int(good.sum())
