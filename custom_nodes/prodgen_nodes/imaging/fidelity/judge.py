"""The verdict: every measure of one finished picture, compared with limits, with reasons in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..color.overview import overview
from ..color.relight import light_ratio
from ..compositing import check_product_size, lay_over, placed_batch, rescaled
from ..errors import EmptyMaskError, ParameterError, ShapeError
from ..filters import dilate, erode
from ..placement import Affine, Placement
from ..tensors import (
    Box,
    bounding_box,
    check_mask,
    check_range,
    common_batch,
    expand_batch,
    item,
    same_size,
    split_alpha,
)
from .contact import Contact, contact
from .halo import edge_halo
from .pixels import PixelDifference, compare

Compare = Literal["exact", "relit"]
COMPARES: tuple[Compare, ...] = get_args(Compare)
_ERODE_SHARE, _ERODE_MIN, _ERODE_MAX = 0.004, 2, 8
_RELIT_LOW, _RELIT_HIGH = 0.02, 20.0
_MARGIN = 24
_BEYOND_ZONE = 0.01
"""Share of the product that a hand may hide beyond its grip zone."""
_ZONE_REACH = 0.025
"""Share of the product's longest side by which a hand may reach beyond the zone: the soft edge of its mask."""


@dataclass(frozen=True)
class Limits:
    """What still passes. ΔE00 and hue degrees are maxima, SSIM a minimum."""

    max_delta_e00_mean: float = 3.0
    max_delta_e00_p95: float = 8.0
    max_hue_error_deg: float = 6.0
    min_ssim: float = 0.9
    max_edge_halo: float = 4.0


@dataclass(frozen=True)
class Settings:
    """How to measure. `scale` is the one of the paste; `erode` in pixels, 0 = by the product's size."""

    limits: Limits = field(default_factory=Limits)
    compare: Compare = "exact"
    scale: float = 1.0
    erode: int = 0
    check_floating: bool = True

    def __post_init__(self) -> None:
        if self.compare not in COMPARES:
            raise ParameterError(f"compare is {self.compare!r}; choose one of {', '.join(COMPARES)}.")
        check_range(self.scale, 0.1, 4.0, "scale")
        check_range(self.erode, 0, 256, "erode")


@dataclass(frozen=True)
class Fidelity:
    """One picture's measures and verdict; `map` is ΔE00 `[h,w]` at the product's `box` in the scene."""

    report: dict[str, Any]
    map: Tensor
    box: Box


def judge(
    image: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement | None = None,
    settings: Settings | None = None,
    *,
    keep_in_front: Tensor | None = None,
    zone: Tensor | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Fidelity]:
    """Compare finished pictures with the seller's product, pixel for pixel where it was placed.

    `image` `[B,H,W,C]` sRGB, the finished scene; `product` `[B,h,w,C]` sRGB and `mask` `[B,h,w]` (1 = product) at the
    size that `placement` was made for, or at the scene's size without one; `keep_in_front` `[B,H,W]` is where the scene
    covers the product on purpose and nothing is judged; `zone` `[B,H,W]` is where a hand may do so (from Grip Zone):
    the report then says how much it hides, and fails where it hides more. Raises ShapeError, EmptyMaskError,
    ParameterError.
    """
    settings = settings or Settings()
    scene, _ = split_alpha(image, "image")
    rgb, _ = split_alpha(product, "product")
    mask = check_mask(mask)
    same_size(product=rgb, mask=mask)
    height, width = scene.shape[1:3]
    if placement is None:
        if rgb.shape[1:3] != (height, width):
            raise ShapeError(
                f"product {tuple(product.shape)} does not have the size of image {tuple(image.shape)}; connect the "
                "placement of 'Place Product', which says where it belongs."
            )
    else:
        check_product_size(placement, rgb)
        placement, _ = rescaled(placement, width, height)
    inputs = {"image": scene, "product": rgb, "mask": mask}
    if keep_in_front is not None:
        keep_in_front = check_mask(keep_in_front, "keep_in_front")
        same_size(image=scene, keep_in_front=keep_in_front)
        inputs["keep_in_front"] = keep_in_front
    if zone is not None:
        zone = check_mask(zone, "zone")
        same_size(image=scene, zone=zone)
        inputs["zone"] = zone
    batch = common_batch(**inputs) if placement is None else placed_batch(placement, **inputs)
    scene = expand_batch(scene, batch)
    results = []
    for index in range(batch):
        transform = Affine.scale_translate(1.0, 0.0, 0.0) if placement is None else placement.transform(index)
        covered = None if keep_in_front is None else item(keep_in_front, index)
        one = (scene[index], item(rgb, index), item(mask, index), transform)
        held = None if zone is None else item(zone, index)
        results.append(_judge_one(*one, covered=covered, zone=held, settings=settings))
        if progress is not None:
            progress(index + 1)
    return results


def _judge_one(
    scene: Tensor,
    rgb: Tensor,
    mask: Tensor,
    transform: Affine,
    *,
    covered: Tensor | None,
    zone: Tensor | None,
    settings: Settings,
) -> Fidelity:
    if settings.scale != 1.0:
        box = bounding_box(mask)
        center = transform.apply((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        transform = transform.scaled_about(settings.scale, *center)
    expected = scene.clone(memory_format=torch.contiguous_format)
    coverage = lay_over(expected, rgb, mask, transform)
    try:
        box = bounding_box(coverage, 0.02)
    except EmptyMaskError:
        raise EmptyMaskError(
            "no part of the product lies inside image; check mask (1 = product) and that placement belongs to this "
            "picture."
        ) from None
    height, width = coverage.shape
    crop = Box(
        max(0, box.left - _MARGIN),
        max(0, box.top - _MARGIN),
        min(width, box.right + _MARGIN),
        min(height, box.bottom + _MARGIN),
    )
    area = (slice(crop.top, crop.bottom), slice(crop.left, crop.right))
    found, wanted, cover = scene[area], expected[area], coverage[area]
    inside, radius = _inside(cover, box, settings.erode)
    if covered is not None:
        inside &= covered[area] < 0.02
        if not bool(inside.any()):
            raise EmptyMaskError("keep_in_front covers all of the product: there is nothing left to judge.")
    ratio = None
    if settings.compare == "relit":
        view = overview(found, wanted, cover, min(height, width), max(box.width, box.height))
        ratio = view.enlarge(light_ratio(view).clamp(_RELIT_LOW, _RELIT_HIGH), *cover.shape)
    pixels = compare(found, wanted, inside, ratio)
    halo = edge_halo(found, cover)
    ground = contact(scene, coverage) if settings.check_floating else Contact(None, None, "not checked")
    report = _report(pixels, halo, ground, settings.limits)
    report |= {"compare": settings.compare, "eroded_px": radius, "pixels": int(inside.sum())}
    if covered is not None and zone is not None and bool((zone > 0.5).any()):
        report = _with_zone(report, covered[area], cover, zone[area], max(box.width, box.height))
    if ratio is not None:
        report["light_ratio_median"] = float(ratio[inside].median())
    return Fidelity(report, pixels.map, crop)


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


def _report(pixels: PixelDifference, halo: float | None, ground: Contact, limits: Limits) -> dict[str, Any]:
    reasons = []
    if not pixels.delta_e00_mean <= limits.max_delta_e00_mean:  # so that no number (NaN) never passes
        reasons.append(
            f"the product's colours differ by ΔE00 {pixels.delta_e00_mean:.1f} on average (limit "
            f"{limits.max_delta_e00_mean:g}): paste the original back or fix its colour"
        )
    if not pixels.delta_e00_p95 <= limits.max_delta_e00_p95:
        reasons.append(
            f"5 % of the product differ by more than ΔE00 {pixels.delta_e00_p95:.1f} (limit "
            f"{limits.max_delta_e00_p95:g})"
        )
    if pixels.hue_error_deg is not None and not pixels.hue_error_deg <= limits.max_hue_error_deg:
        reasons.append(
            f"hues are off by {pixels.hue_error_deg:.0f}° on average (limit {limits.max_hue_error_deg:g}°): the "
            "product has another colour"
        )
    if not pixels.ssim >= limits.min_ssim:
        reasons.append(
            f"its structure agrees only to {pixels.ssim:.2f} (limit {limits.min_ssim:g}): it was redrawn, shifted or "
            "scaled"
        )
    if halo is not None and not halo <= limits.max_edge_halo:
        reasons.append(
            f"a rim of another colour surrounds it (ΔE00 {halo:.1f} beyond a clean edge, limit "
            f"{limits.max_edge_halo:g}): rest of an old backdrop"
        )
    if ground.floating:
        reasons.append(
            "nothing darkens the ground below its lowest line: it seems to float; add a contact shadow, or switch "
            "check_floating off for a picture that should have none"
        )
    return {
        "delta_e00_mean": pixels.delta_e00_mean,
        "delta_e00_p95": pixels.delta_e00_p95,
        "hue_error_deg": pixels.hue_error_deg,
        "ssim": pixels.ssim,
        "edge_halo": halo,
        "floating": ground.floating,
        "contact_darkening": ground.darkening,
        "floating_note": ground.reason,
        "passed": not reasons,
        "reasons": reasons,
    }


def merged(results: list[Fidelity]) -> dict[str, Any]:
    """One report for a batch: the worst figure of each kind, every reason with its picture's number."""
    if len(results) == 1:
        return results[0].report
    reports = [result.report for result in results]

    def worst(name: str, choose: Callable[[list[float]], float]) -> float | None:
        values = [report[name] for report in reports if report[name] is not None]
        return choose(values) if values else None

    floating = [report["floating"] for report in reports if report["floating"] is not None]
    return {
        "delta_e00_mean": worst("delta_e00_mean", max),
        "delta_e00_p95": worst("delta_e00_p95", max),
        "hue_error_deg": worst("hue_error_deg", max),
        "ssim": worst("ssim", min),
        "edge_halo": worst("edge_halo", max),
        "floating": any(floating) if floating else None,
        "passed": all(report["passed"] for report in reports),
        "reasons": [f"picture {i + 1}: {text}" for i, report in enumerate(reports) for text in report["reasons"]],
        "pictures": reports,
    }
