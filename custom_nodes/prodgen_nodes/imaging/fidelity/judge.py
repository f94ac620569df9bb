"""The verdict: every measure of one finished picture, compared with limits, with reasons in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..color.overview import overview
from ..color.relight import light_ratio
from ..compositing import lay_over
from ..cut_off import is_cut_off, lower_border
from ..errors import EmptyMaskError
from ..extent import product_box
from ..filters import dilate, erode
from ..placed import on_scene
from ..placement import Affine, Placement
from ..shadow import Worn, standing_contact
from ..tensors import (
    Box,
    bounding_box,
    check_choice,
    check_range,
    common_batch,
    expand_batch,
    item,
    same_size,
    split_alpha,
)
from .beside import find_beside
from .contact import Contact, contact
from .fit import displacement, shifted
from .ghost import find_ghost
from .halo import edge_halo
from .limits import Limits
from .local import UNTOUCHED, look_closely
from .pixels import compare
from .report import Fidelity, Figures, fidelity_report, merged
from .sharpness import sharpness
from .whole import Whole, judge_whole

Compare = Literal["exact", "relit"]
COMPARES: tuple[Compare, ...] = get_args(Compare)
_ERODE_SHARE, _ERODE_MIN, _ERODE_MAX = 0.004, 2, 8
"""How far from the outline pixels are compared: of the product's longer side, and between so many pixels. Within a
pixel of it resampling differs (mean dE00 of good pictures 0.87 -> 0.86 from 1 to 3), far from it thin straps have no
inside."""
_RELIT_LOW, _RELIT_HIGH = 0.02, 20.0
"""What light may do before it counts as a change of the product: to a fiftieth, and twentyfold."""
_MARGIN = 24
"""Pixels around the product that are looked at, too: what the blurs near its outline reach; from 12 to 36 figures agree
to the fourth digit."""
_ROUNDED = 1.01 / 255
"""One 8-bit step and what float32 adds: below it two pictures are the same."""
_BEYOND_ZONE = 0.01
"""Share of the product that a hand may hide beyond its grip zone."""
_ZONE_REACH = 0.025
"""Share of the product's longest side by which a hand may reach beyond the zone: the soft edge of its mask."""

__all__ = ["COMPARES", "Compare", "Fidelity", "Limits", "Settings", "judge", "merged"]


@dataclass(frozen=True)
class Settings:
    """How to measure. `scale` is the one of the paste; `erode` in pixels, 0 = by the product's size."""

    limits: Limits = field(default_factory=Limits)
    compare: Compare = "exact"
    scale: float = 1.0
    erode: int = 0
    check_floating: bool = True

    def __post_init__(self) -> None:
        check_choice(self.compare, COMPARES, "compare")
        check_range(self.scale, 0.1, 4.0, "scale")
        check_range(self.erode, 0, 256, "erode")


def judge(
    image: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement | None = None,
    settings: Settings | None = None,
    *,
    keep_in_front: Tensor | None = None,
    photo: Tensor | None = None,
    zone: Tensor | None = None,
    worn: Worn | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Fidelity]:
    """Compare finished pictures with the seller's product, pixel for pixel where it was placed.

    `image` `[B,H,W,C]` sRGB, the finished scene; `product` `[B,h,w,C]` sRGB and `mask` `[B,h,w]` (1 = product) at the
    size that `placement` was made for, or at the scene's size without one; `keep_in_front` `[B,H,W]` is where the scene
    covers the product on purpose and nothing is judged; `photo` `[B,h,w,C]` is what the product was cut from: with it
    the cut-out itself is checked for pieces that it lacks; `zone` `[B,H,W]` is where a hand may cover it (from Grip
    Zone): the report then says how much it hides, and fails where it hides more; what is `worn` does not float. Raises
    ShapeError, EmptyMaskError, ParameterError.
    """
    settings = settings or Settings()
    given = on_scene(image, product, mask, placement, name="image", keep_in_front=keep_in_front, zone=zone)
    batch = given.batch
    scene = expand_batch(given.scene[..., :3], batch)
    wholes = _wholes(photo, given.mask)
    results = []
    for index in range(batch):
        one = (scene[index], item(given.rgb, index), item(given.mask, index), given.placement.transform(index))
        covered, held = given.cover("keep_in_front", index), given.cover("zone", index)
        whole = wholes[0 if len(wholes) == 1 else index]
        border = lower_border(given.placement, index)
        results.append(
            _judge_one(*one, covered=covered, zone=held, settings=settings, whole=whole, border=border, worn=worn)
        )
        if progress is not None:
            progress(index + 1)
    return results


def _wholes(photo: Tensor | None, mask: Tensor) -> list[Whole]:
    """Of every cut-out `mask` `[B,h,w]` whether it holds all of the product in `photo` `[B,h,w,C]`."""
    if photo is None:
        return [Whole(None, note="not checked: no photo is connected")]
    rgb, _ = split_alpha(photo, "photo")
    same_size(photo=rgb, mask=mask)
    return [judge_whole(item(rgb, index), item(mask, index)) for index in range(common_batch(photo=rgb, mask=mask))]


def _judge_one(
    scene: Tensor,
    rgb: Tensor,
    mask: Tensor,
    transform: Affine,
    *,
    covered: Tensor | None,
    zone: Tensor | None,
    settings: Settings,
    whole: Whole,
    border: float | None,
    worn: Worn | None,
) -> Fidelity:
    if settings.scale != 1.0:
        box = product_box(mask, rgb)
        center = transform.apply((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        transform = transform.scaled_about(settings.scale, *center)
    expected = scene.clone(memory_format=torch.contiguous_format)
    coverage = lay_over(expected, rgb, mask, transform)
    try:
        box = bounding_box(coverage, 0.02)
    except EmptyMaskError:
        raise EmptyMaskError(
            "no part of the product lies inside image.",
            canvas="check mask (1 = product) and that placement belongs to this picture.",
        ) from None
    height, width = coverage.shape
    crop = box.grown(_MARGIN, width, height)
    area = (slice(crop.top, crop.bottom), slice(crop.left, crop.right))
    ghost = find_ghost(scene, expected, coverage, box, covered)
    # A scene that was made around it may hold other things, and a hand that holds it.
    is_packshot = settings.compare == "exact" and covered is None and zone is None
    beside = find_beside(scene, coverage) if is_packshot else None
    pair = _Pair(scene[area], expected[area], coverage[area])
    hidden = None if covered is None else covered[area]
    inside, radius = _compared(pair, box, settings.erode, hidden)
    shift = (0.0, 0.0)
    untouched = pair.is_same(inside)
    if not untouched:
        shift = displacement(pair.picture, pair.wanted, inside)
        if shift != (0.0, 0.0):
            pair = pair.moved(*shift)
            inside, radius = _compared(pair, box, settings.erode, hidden)
    ratio, local = None, UNTOUCHED
    is_relit = settings.compare == "relit"
    if is_relit or not untouched:
        view = overview(pair.picture, pair.wanted, pair.cover, min(height, width), max(box.width, box.height))
        small = light_ratio(view).clamp(_RELIT_LOW, _RELIT_HIGH) if is_relit else None
        ratio = None if small is None else view.enlarge(small, *pair.cover.shape)
        if not untouched:
            local = look_closely(view, small, hidden, (crop.left, crop.top), settings.limits)
            local = replace(local, sharpness=sharpness(pair.picture, pair.wanted, inside, (crop.left, crop.top)))
    pixels = compare(pair.picture, pair.wanted, inside, ratio)
    figures = Figures(
        pixels,
        edge_halo(pair.picture, pair.cover),
        _contact(scene, coverage, border, worn) if settings.check_floating else Contact(None, None, "not checked"),
        replace(local, ghost=ghost, beside=beside),
        shift,
        whole,
    )
    report, found = fidelity_report(figures, settings.limits, box)
    report |= {"compare": settings.compare, "eroded_px": radius, "pixels": int(inside.sum())}
    if covered is not None and zone is not None and bool((zone > 0.5).any()):
        report = _with_zone(report, covered[area], pair.cover, zone[area], max(box.width, box.height))
    if ratio is not None:
        report["light_ratio_median"] = float(ratio[inside].median())
    return Fidelity(report, pixels.map, crop, local.heat, found)


def _contact(scene: Tensor, coverage: Tensor, border: float | None, worn: Worn | None) -> Contact:
    """How the product stands in the scene, if it could: what the photo cut off at the row `border` ends there."""
    if border is not None and is_cut_off(coverage, border):
        return Contact(None, None, "the photo's lower border cuts the product off: it stands on nothing")
    found = contact(scene, coverage)
    if found.floating and not standing_contact(coverage).touches:
        return Contact(None, found.darkening, "it could not stand on what is lowest of it: it seems to hang or fly")
    garment = worn(scene, coverage) if found.floating and worn is not None else None
    if garment is not None:
        return Contact(None, found.darkening, f"what is worn stands on nothing: {garment[0]}")
    return found


@dataclass(frozen=True)
class _Pair:
    """The finished picture and the one wanted `[h,w,3]` sRGB, and the product's coverage `[h,w]` of the latter."""

    picture: Tensor
    wanted: Tensor
    cover: Tensor

    def is_same(self, inside: Tensor) -> bool:
        """Whether both show the very same product where `inside` `[h,w]` is true, but for the rounding of a file."""
        off = (self.picture - self.wanted).abs_().amax(dim=-1)
        return float((off * inside).max()) <= _ROUNDED

    def moved(self, dx: float, dy: float) -> _Pair:
        """With what is wanted moved by (dx, dy) pixels."""
        planes = shifted(torch.cat((self.wanted.permute(2, 0, 1), self.cover[None])), dx, dy).clamp_(0.0, 1.0)
        return _Pair(self.picture, planes[:3].permute(1, 2, 0).contiguous(), planes[3])


def _compared(pair: _Pair, box: Box, wanted: int, covered: Tensor | None) -> tuple[Tensor, int]:
    """Where the pictures are compared `[h,w]`, and by how many pixels that stays away from the outline."""
    inside, radius = _inside(pair.cover, box, wanted)
    if covered is not None:
        inside &= covered < 0.02
        if not bool(inside.any()):
            raise EmptyMaskError("keep_in_front covers all of the product: there is nothing left to judge.")
    return inside, radius


def _with_zone(report: dict[str, Any], covered: Tensor, cover: Tensor, zone: Tensor, long_side: int) -> dict[str, Any]:
    """`report` with what a hand hides of the product and of its zone; it fails where more than the zone is hidden."""
    hidden, total = covered * cover, cover.sum()
    reach = max(2, round(_ZONE_REACH * long_side))
    allowed = dilate((zone > 0.5).to(cover)[None], reach)[0]
    beyond = float((hidden * (1 - allowed)).sum() / total)
    report = report | {
        "covered_share": float(hidden.sum() / total),
        "zone_covered_share": float((covered * zone).sum() / zone.sum()),
        "covered_beyond_zone": beyond,
    }
    if beyond <= _BEYOND_ZONE:
        return report
    why = (
        f"a hand hides {beyond:.1%} of the product beyond its grip zone (limit {_BEYOND_ZONE:.0%}): try another seed, "
        "or another grip in Grip Zone"
    )
    return report | {"passed": False, "reasons": [*report["reasons"], why]}


def _inside(cover: Tensor, box: Box, wanted: int) -> tuple[Tensor, int]:
    """Where to compare `[H,W]`, away from the outline, and by how many pixels; thin products are eroded less."""
    radius = wanted or round(min(_ERODE_MAX, max(_ERODE_MIN, _ERODE_SHARE * max(box.width, box.height))))
    solid = cover > 0.99
    enough = 0.05 * float(solid.sum())
    while True:
        inside = erode(solid, radius)
        if radius == 0 or float(inside.sum()) > enough:
            break
        radius //= 2
    return (inside, radius) if bool(inside.any()) else (cover >= min(0.5, float(cover.max())), 0)
