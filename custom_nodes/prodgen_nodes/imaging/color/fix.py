"""Product colour correction: one entry for the four methods, batches, soft masks, strength and the lightness boost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ..color_planes import lab_of_roots, picked, planes, roots_of_linear, sparse
from ..colorspace import delta_e00
from ..errors import EmptyMaskError, ShapeError
from ..tensors import (
    Box,
    bounding_box,
    check_choice,
    check_mask,
    check_range,
    common_batch,
    expand_batch,
    is_placeholder,
    item,
    same_size,
    split_alpha,
    strips,
)
from ..transfer import decode_, encode_
from . import fallback, relight, safety, statistics
from .beside import Beside, seen_beside
from .gamut import into_gamut, linear_into_gamut, raise_lightness, roots_into_gamut, with_its_hue
from .matching import measure
from .overview import Overview, overview
from .sampling import quantile, sampled

_LESS = 0.5
"""What goes on beyond the outline must become less than so much of it for a product to have been drawn out: of six that
were, by 2 to 5 %, four are found, of 22 in place beside which something goes on none."""
Method = Literal["relight_original", "lab_histogram", "lab_mkl", "lab_reinhard"]
METHODS: tuple[Method, ...] = get_args(Method)
IfUnsafe = Literal["paste_original", "relight_anyway"]
IF_UNSAFE: tuple[IfUnsafe, ...] = get_args(IfUnsafe)

MAX_TINT = 3.0
"""dE00 on a mid grey: a cast of the scene's light that is seen as light. More would recolour the product."""
_PlaneMap = Callable[[slice, Tensor | None], Tensor]
"""Corrected linear RGB 0..1 `[3,n]` of the crop's rows given by the slice, the pixels at the flat indices (None: all).
"""


@dataclass(frozen=True)
class Settings:
    """What a seller can set. `strength` 0..1; `lightness_boost` is in L* units per diffusion pass, of which there
    were `transforms`; `tint` in dE00 (0..3).

    `in_place`: the pictures are known to show the product at the same pixels; `relight_original` need not ask.
    """

    method: Method = "relight_original"
    strength: float = 1.0
    lightness_boost: float = 0.0
    transforms: int = 1
    keep_lightness: bool = False
    tint: float = 0.0
    if_unsafe: IfUnsafe = "paste_original"
    in_place: bool = False

    def __post_init__(self) -> None:
        check_choice(self.method, METHODS, "method")
        check_choice(self.if_unsafe, IF_UNSAFE, "if_unsafe")
        check_range(self.strength, 0.0, 1.0, "strength")
        check_range(self.lightness_boost, -20.0, 20.0, "lightness_boost")
        check_range(self.transforms, 0, 1000, "transforms")
        check_range(self.tint, 0.0, MAX_TINT, "tint")

    @property
    def total_boost(self) -> float:
        """L* to add, over all passes; never more than half the scale."""
        return max(-50.0, min(50.0, self.lightness_boost * self.transforms))


def fix_color(
    image: Tensor,
    reference: Tensor,
    mask: Tensor | None = None,
    reference_mask: Tensor | None = None,
    settings: Settings | None = None,
    *,
    progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, list[dict[str, Any]]]:
    """Give the product in `image` the colours it has in `reference`.

    `image` `[B,H,W,C]` sRGB, the generated picture; `reference` `[B,H',W',C]`, the original (for `relight_original` at
    the same size and place). `mask` `[B,H,W]` says where to correct and `reference_mask` `[B,H',W']` where to measure
    the reference, both 1 = product, soft values weigh. Without `reference_mask` the reference's own alpha is used, else
    `mask` where both pictures have one size, else the whole reference. Returns the corrected image (alpha kept, outside
    the mask bit-identical) and one report per picture. Raises ShapeError, EmptyMaskError, ParameterError.
    """
    settings = settings or Settings()
    rgb, alpha = split_alpha(image, "image")
    reference_rgb, reference_alpha = split_alpha(reference, "reference")
    named = {"image": image, "reference": reference}
    mask = None if is_placeholder(mask, *rgb.shape[1:3]) or mask is None else check_mask(mask, "mask")
    if is_placeholder(reference_mask, *reference_rgb.shape[1:3]) or reference_mask is None:
        reference_mask = reference_alpha
    else:
        reference_mask = check_mask(reference_mask, "reference_mask")
        named["reference_mask"] = reference_mask
        same_size(reference=reference_rgb, reference_mask=reference_mask)
    if mask is not None:
        named["mask"] = mask
        same_size(image=rgb, mask=mask)
    registered = reference_rgb.shape[1:3] == rgb.shape[1:3]
    if settings.method == "relight_original" and not registered:
        raise ShapeError(
            f"relight_original needs reference {tuple(reference.shape)} and image {tuple(image.shape)} at the same "
            "size and place; scale the reference to the image's size, or use one of the lab_ methods."
        )
    batch = common_batch(**named)
    if settings.strength == 0.0:
        return expand_batch(image, batch), [{"applied": "none", "reason": "strength is 0"}] * batch
    result = expand_batch(rgb, batch).clone()
    reports = []
    for index in range(batch):
        pair = _Pair(
            image=item(rgb, index),
            reference=item(reference_rgb, index),
            mask=None if mask is None else item(mask, index),
            alpha=None if alpha is None else item(alpha, index),
            reference_mask=None if reference_mask is None else item(reference_mask, index),
            registered=registered,
        )
        reports.append(_fix_one(result[index], pair, settings))
        if progress is not None:
            progress(index + 1)
    if alpha is not None:
        result = torch.cat((result, expand_batch(alpha, batch).unsqueeze(-1)), dim=-1)
    return result, reports


@dataclass(frozen=True)
class _Pair:
    image: Tensor
    reference: Tensor
    mask: Tensor | None
    alpha: Tensor | None
    reference_mask: Tensor | None
    registered: bool

    @property
    def where(self) -> Tensor:
        """Where to correct `[H,W]`: the mask, else what is not wholly transparent, else everywhere."""
        if self.mask is not None:
            return self.mask
        if self.alpha is not None:
            return (self.alpha > 0).to(self.alpha)
        return self.image.new_ones(self.image.shape[:2])


def _fix_one(out: Tensor, pair: _Pair, settings: Settings) -> dict[str, Any]:
    """Write the corrected pixels into `out` `[H,W,3]` (a copy of the image) and return the report."""
    where = pair.where
    if settings.method == "relight_original" and pair.reference_mask is not None:
        where = torch.minimum(where, pair.reference_mask)
    try:
        box = bounding_box(where, 0.0)
    except EmptyMaskError:
        raise EmptyMaskError(
            "there is no product to correct: mask (and reference_mask) leave nothing.",
            canvas="1 = product; LoadImage's own mask is inverted.",
        ) from None
    if settings.method == "relight_original":
        plane_map, crop, report = _relight(pair, where, box, settings)
        there = None if settings.in_place else seen_beside(pair.image, where)
        if report["fallback"] or (there is not None and there.is_product):
            pair, (plane_map, crop, report) = _fallen_back(pair, where, box, settings, (plane_map, crop, report), there)
            out.copy_(pair.image)
        elif there is not None:
            pair, (plane_map, crop, report) = _drawn_back(pair, where, box, settings, (plane_map, crop, report), there)
            out.copy_(pair.image)
    else:
        plane_map, crop, report = _transfer(pair, where, box, settings)
    if pair.mask is None and pair.reference_mask is None and pair.alpha is None:
        report["note"] = "no mask is connected: the whole picture was measured and corrected"
    _write(out, pair, where, crop, plane_map=plane_map, settings=settings)
    return {**report, "lightness_boost_total": settings.total_boost, "strength": settings.strength}


def _rows(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)


def _relight(pair: _Pair, where: Tensor, box: Box, settings: Settings) -> tuple[_PlaneMap, Box, dict[str, Any]]:
    height, width = where.shape
    margin = max(8, round(0.12 * max(box.width, box.height)))
    crop = box.grown(margin, width, height)
    area = _rows(crop)
    view = overview(pair.image[area], pair.reference[area], where[area], min(height, width), max(box.width, box.height))
    small = Box(
        (box.left - crop.left) // view.factor,
        (box.top - crop.top) // view.factor,
        -((crop.left - box.right) // view.factor),
        -((crop.top - box.bottom) // view.factor),
    )
    verdict = safety.check(view, small, settings.in_place)
    pasted = verdict.reason is not None and settings.if_unsafe == "paste_original"
    within = Box(box.left - crop.left, box.top - crop.top, box.right - crop.left, box.bottom - crop.top)
    light = relight.prepare(view, crop.height, crop.width, within, 0.0 if pasted else settings.tint)
    report: dict[str, Any] = {
        "applied": "paste_original" if pasted else "relight_original",
        "fallback": pasted,
        "reason": verdict.reason,
        "way": "pasted" if pasted else "relit",
        "warning": None,
        "outline_correlation": verdict.outline_correlation,
        "offset_px": [verdict.offset_x, verdict.offset_y],
        "structure_correlation": verdict.structure_correlation,
        "structure_difference": verdict.structure_difference,
    }
    original, weights = pair.reference[_rows(box)], where[_rows(box)]
    if pasted:
        return (lambda rows, index: decode_(picked(planes(original[rows]), index))), box, report
    inside = sampled(weights > 0.5)
    ratios = light.ratio.flatten()[inside if inside.numel() else slice(None)]
    low, middle, high = (quantile(ratios, share) for share in (0.05, 0.5, 0.95))
    report |= {
        "light_ratio": {"p5": low, "median": middle, "p95": high},
        "highlights_bent_from_l": light.knee,
        "tint_gain": list(light.tint),
        "color_drift_delta_e00": _drift(view, light.small_ratio),
    }

    def plane_map(rows: slice, index: Tensor | None) -> Tensor:
        lit = light.apply(decode_(planes(original[rows])), rows, weights[rows].reshape(-1))
        ratio = picked(light.ratio[rows].flatten(), index)
        return linear_into_gamut(with_its_hue(picked(lit, index), ratio))

    return plane_map, box, report


_Correction = tuple[_PlaneMap, Box, dict[str, Any]]


def _fallen_back(
    pair: _Pair, where: Tensor, box: Box, settings: Settings, given: _Correction, there: Beside | None
) -> tuple[_Pair, _Correction]:
    """The same once the generated product is moved back to its place, or painted over where it shows beside it.

    It is found by its texture, else by its silhouette (`there`), which says less exactly where it is.
    """
    reason = given[2]["reason"] or "the generated product is larger, turned or beside its place, and shows there"
    correction, away = given, fallback.how_far(given[2], settings.in_place)
    for by_silhouette in () if settings.in_place else (False, True):
        if by_silhouette:
            if there is None or not there.is_product:
                continue
            moved = fallback.moved_back_by(there.motion, pair.image, where)
        else:
            moved = fallback.move_back(pair.image, pair.reference, where)
        if moved is None:
            continue
        back = replace(pair, image=moved.image)
        plane_map, crop, again = _relight(back, where, box, settings)
        again |= {"moved_px": list(moved.by), "moved_because": reason}
        left = seen_beside(moved.image, where)
        gone = left is None or not left.is_product
        if not again["fallback"] and gone:
            return back, (plane_map, crop, again | {"way": "moved_back_and_relit"})
        better = again["outline_correlation"] > max(fallback.IN_PLACE, given[2]["outline_correlation"])
        if by_silhouette or (better and gone):  # else what was found was not the product
            pair, there, correction = back, left, (plane_map, crop, again)
            away = fallback.left_by(where, by_silhouette)
            break
    plane_map, crop, report = correction
    image, share = fallback.paint_surroundings(pair.image, where, away) if report["fallback"] else (pair.image, 0.0)
    if share > 0:
        report["way"] = "pasted_and_surroundings_painted"
    report |= {"painted_share": share, "warning": None if there is None else there.warning(share)}
    return replace(pair, image=image), (plane_map, crop, report)


def _drawn_back(
    pair: _Pair, where: Tensor, box: Box, settings: Settings, given: _Correction, there: Beside
) -> tuple[_Pair, _Correction]:
    """The same once a product in its place that was drawn out, and shows at its ends, has its proportions back."""
    moved = fallback.drawn_back(pair.image, pair.reference, where)
    left = None if moved is None else seen_beside(moved.image, where)
    if moved is not None and (left is None or left.touched < _LESS * there.touched):
        back = replace(pair, image=moved.image)
        plane_map, crop, again = _relight(back, where, box, settings)
        if not again["fallback"]:
            again |= {"way": "moved_back_and_relit", "moved_px": list(moved.by)}
            again |= {"moved_because": "the generated product was drawn out of proportion"}
            return back, (plane_map, crop, again)
    plane_map, crop, report = given
    return pair, (plane_map, crop, report | {"warning": there.warning()})


def _drift(view: Overview, ratio: Tensor) -> float:
    """Mean dE00 between the generated product and the relit original, on the small view: how far its colour was off."""
    index = sampled(view.mask > 0.5)
    if index.numel() == 0:
        index = sampled(view.mask > 0)
    generated, original, light = (
        x.flatten(2)[0].index_select(1, index) for x in (view.generated, view.original, ratio)
    )
    lit = original.mul_(light).clamp_(0.0, 1.0)
    first, second = (lab_of_roots(roots_of_linear(pixels)) for pixels in (generated, lit))
    return float(delta_e00(first.T, second.T).mean())


def _transfer(pair: _Pair, where: Tensor, box: Box, settings: Settings) -> tuple[_PlaneMap, Box, dict[str, Any]]:
    by_histogram = settings.method == "lab_histogram"
    weights = where if pair.alpha is None else where * pair.alpha
    roots: dict[int, Tensor] | None = {} if weights is where else None
    source = measure(pair.image, weights, box if weights is where else None, by_histogram, roots)
    if pair.reference_mask is None and pair.registered:
        target = measure(pair.reference, where, box, by_histogram)
    else:
        wanted = pair.reference_mask
        wanted = pair.reference.new_ones(pair.reference.shape[:2]) if wanted is None else wanted
        target = measure(pair.reference, wanted, None, by_histogram)
    if by_histogram:
        carried = statistics.histogram(source, target)
    else:
        linear_map = statistics.mkl if settings.method == "lab_mkl" else statistics.reinhard
        carried = linear_map(source, target, settings.keep_lightness)
    report = {
        "applied": settings.method,
        "fallback": False,
        "reason": None,
        "mean_lab_before": source.mean.tolist(),
        "mean_lab_after": carried.mean.tolist(),
        "mean_lab_reference": target.mean.tolist(),
        "warning": fallback.colour_warning(settings.method, target),
    }

    image = pair.image[_rows(box)]

    def plane_map(rows: slice, index: Tensor | None) -> Tensor:
        strip = roots.pop(rows.start, None) if roots else None
        if strip is None:
            strip = roots_of_linear(decode_(picked(planes(image[rows]), index)))
        return roots_into_gamut(carried.apply(strip))

    return plane_map, box, report


def _write(out: Tensor, pair: _Pair, where: Tensor, crop: Box, *, plane_map: _PlaneMap, settings: Settings) -> None:
    """Mix the corrected pixels into `out` by mask × strength in linear light; weight 0 leaves the very same bits."""
    area = _rows(crop)
    image, weights, target = pair.image[area], where[area], out[area]
    for rows in strips(crop.height, crop.width):
        weight = weights[rows].flatten()
        index = sparse(weight)
        if index is not None and index.numel() == 0:
            continue
        pixels = planes(image[rows])
        corrected = plane_map(rows, index)
        if settings.total_boost != 0.0:
            lab = lab_of_roots(roots_of_linear(corrected))
            corrected = into_gamut(raise_lightness(lab.T, settings.total_boost)).T
        share = picked(weight, index) * settings.strength
        soft = torch.nonzero(share * (1 - share)).flatten()
        if soft.numel():
            before = decode_(pixels.index_select(1, soft if index is None else index[soft]))
            corrected[:, soft] = torch.lerp(before, corrected.index_select(1, soft), share[soft])
        mixed = encode_(corrected)
        if index is None:
            pixels = torch.lerp(pixels, mixed, weight.sign())  # by 0 or 1: the very same bits of one of them
        else:
            pixels.index_copy_(1, index, mixed)
        for channel, plane in enumerate(pixels.view(3, *target[rows].shape[:2])):
            target[rows][..., channel] = plane
