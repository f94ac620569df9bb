"""The whole operation on batches: where each product is in its generated picture, or why that cannot be said."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ..errors import NotRegisteredError
from ..placed import placed_batch, placed_product
from ..placement import Affine, Placement
from ..tensors import bounding_box, check_mask, check_range, item, same_size, split_alpha
from .align import pulled
from .record import known_placement
from .register import Found, find_motion
from .search import Limits
from .views import level_count, scene_view, template_view, work_factor

_STILL = 0.05
"""A product that moved less than this many pixels anywhere did not move: its pixels then come back exactly."""
_STRETCH = 0.04
"""Up to this difference of aspect a picture may be the canvas stretched to whole blocks of pixels, not cut."""


@dataclass(frozen=True)
class Registered:
    """`placement` on the generated pictures, `aligned` `[B,H,W,3]` on the original canvas, one report per picture."""

    placement: Placement
    aligned: Tensor
    reports: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Tolerance:
    """What may have happened: `shift` in shares of the canvas, `scale` as ±share, `rotation` in degrees; and the
    `confidence` it takes.

    The product is looked for a little beyond them (`register`): one that moved too far is not one that is not there.
    """

    shift: float = 0.15
    scale: float = 0.2
    rotation: float = 8.0
    confidence: float = 0.5


def register_product(
    generated: Tensor,
    product: Tensor,
    mask: Tensor,
    placement: Placement,
    *,
    ignore: Tensor | None = None,
    max_shift: float = 0.15,
    max_scale: float = 0.2,
    max_rotation: float = 8.0,
    min_confidence: float = 0.5,
    known: str = "",
) -> Registered:
    """Find the product of `placement` again in `generated` and say where it is, to a fraction of a pixel.

    `generated` `[B,H,W,C]` sRGB of any size (the canvas scaled, or cut to another aspect about its middle); `product`
    `[B,h,w,C]` sRGB and `mask` `[B,h,w]` (1 = product) at the size `placement` was made for; `ignore` `[B,·,·]`, 1 =
    not to be trusted, at the generated picture's or the canvas' size. `max_shift` is a share of the canvas' longer
    side, `max_scale` ±share, `max_rotation` degrees, `min_confidence` 0..1; 0 returns the best guess, and its report
    says `passed: false` and why. With `known`, the JSON text of a report or sidecar that says where the product is (see
    `known_placement`), nothing is searched and nothing refused. Raises NotRegisteredError where the product is not
    found, lies beyond the limits or is too much redrawn, and ShapeError, EmptyMaskError, ParameterError.
    """
    generated, _ = split_alpha(generated, "generated")
    rgb, mask = placed_product(product, mask, placement)
    tolerance = Tolerance(
        check_range(max_shift, 0.0, 0.5, "max_shift"),
        check_range(max_scale, 0.0, 0.5, "max_scale"),
        check_range(max_rotation, 0.0, 45.0, "max_rotation"),
        check_range(min_confidence, 0.0, 1.0, "min_confidence"),
    )
    inputs = {"generated": generated, "product": rgb, "mask": mask}
    if ignore is not None:
        ignore = _fitted(check_mask(ignore, "ignore"), generated, placement)
        inputs["ignore"] = ignore
    batch = placed_batch(placement, **inputs)
    height, width = generated.shape[1:3]
    canvas = (placement.canvas_height, placement.canvas_width)
    aligned = generated.new_empty((batch, *canvas, 3))
    told = known_placement(known, placement, width, height) if known.strip() else None
    transforms, reports = [], []
    for index in range(batch):
        picture, given = item(generated, index), placement.transform(index)
        if told is not None:
            transform = told.transform(index)
            aligned[index], beyond = pulled(picture, transform.after(given.inverted()), canvas[1], canvas[0])
            report = _told(transform, placement, index, (width, height))
            transforms.append(transform)
            reports.append(report | {"continued_share": beyond})
            continue
        bounding_box(item(mask, index))  # without a product there is nothing to find: said in words
        match, confidence, base = _registered(
            picture,
            (item(rgb, index), item(mask, index)),
            given,
            placement,
            None if ignore is None else item(ignore, index),
            tolerance,
        )
        motion = match.motion
        report = _report(match, confidence, base, placement, index, (width, height))
        _judge(report, tolerance, f" (picture {index + 1})" if batch > 1 else "")
        transform = base if _stayed(motion, base, placement, index) else motion.after(base)
        back = transform.after(given.inverted())
        aligned[index], report["continued_share"] = pulled(picture, back, canvas[1], canvas[0])
        transforms.append(transform)
        reports.append(report)
    where = replace(placement, canvas_width=width, canvas_height=height, transforms=tuple(transforms))
    return Registered(where, aligned, tuple(reports))


def _fitted(ignore: Tensor, generated: Tensor, placement: Placement) -> Tensor:
    """`ignore` at the size of `generated`; it may come at the canvas' size."""
    if ignore.shape[1:3] == (placement.canvas_height, placement.canvas_width) != generated.shape[1:3]:
        size = (generated.shape[1], generated.shape[2])
        return F.interpolate(ignore[:, None], size=size, mode="bilinear", antialias=True)[:, 0].clamp(0.0, 1.0)
    same_size(generated=generated, ignore=ignore)
    return ignore


def _canvas_fits(placement: Placement, width: int, height: int) -> list[Affine]:
    """How the canvas may have become a picture of another size: stretched to it, or scaled and cut about its middle."""
    sx, sy = width / placement.canvas_width, height / placement.canvas_height
    stretched = Affine(sx, 0.0, 0.0, 0.0, sy, 0.0)
    if abs(sx / sy - 1) < 1e-4:
        return [stretched]
    scale = max(sx, sy)
    cut = Affine.scale_translate(
        scale, (width - scale * placement.canvas_width) / 2, (height - scale * placement.canvas_height) / 2
    )
    return [stretched, cut] if abs(sx / sy - 1) <= _STRETCH else [cut]


def _registered(
    picture: Tensor,
    product: tuple[Tensor, Tensor],
    given: Affine,
    placement: Placement,
    ignore: Tensor | None,
    tolerance: Tolerance,
) -> tuple[Found, float, Affine]:
    """The best motion in pixels of `picture`, its confidence, and where the product would be without it."""
    height, width = picture.shape[:2]
    results = []
    for fit in _canvas_fits(placement, width, height):
        base = fit.after(given)
        box = placement.box(0)
        long_side = max(box.width * math.hypot(base.a, base.c), box.height * math.hypot(base.b, base.d))
        factor = max(work_factor(long_side), max(height, width) // 4096 + 1)
        levels = level_count(long_side / factor)
        down = Affine.scale_translate(1 / factor, 0.0, 0.0)
        scene = scene_view(picture, ignore, factor, levels)
        template = template_view(*product, down.after(base), levels)
        reach = tolerance.shift * max(width, height) / factor
        match = find_motion(scene, template, Limits(reach, reach, tolerance.scale, tolerance.rotation))
        motion = Affine.scale_translate(float(factor), 0.0, 0.0).after(match.motion).after(down)
        evidence = replace(match.evidence, residual=match.evidence.residual * factor)
        results.append((Found(motion, evidence, match.fit), evidence.confidence, base))
    return max(results, key=lambda result: result[0].fit)


def _stayed(motion: Affine, base: Affine, placement: Placement, index: int) -> bool:
    """Whether no corner of the product moved visibly."""
    box = placement.box(index)
    corners = [base.apply(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
    return max(math.dist(motion.apply(*corner), corner) for corner in corners) < _STILL


def _moved(motion: Affine, base: Affine, placement: Placement, index: int, size: tuple[int, int]) -> dict[str, Any]:
    """How far the product of `placement` went from where `base` has it, and the sizes of both pictures."""
    box = placement.box(index)
    x, y = base.apply((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    u, v = motion.apply(x, y)
    share = max(abs(u - x), abs(v - y)) / max(size)
    return {
        "shift_px": [u - x, v - y],
        "shift": share,
        "scale": math.sqrt(motion.a * motion.d - motion.b * motion.c),
        "rotation_degrees": math.degrees(math.atan2(motion.c, motion.a)),
        "generated": list(size),
        "canvas": [placement.canvas_width, placement.canvas_height],
    }


def _told(transform: Affine, placement: Placement, index: int, size: tuple[int, int]) -> dict[str, Any]:
    """The report of a product whose place was known."""
    base = _canvas_fits(placement, *size)[0].after(placement.transform(index))
    moved = _moved(transform.after(base.inverted()), base, placement, index, size)
    return {**moved, "searched": False, "confidence": 1.0, "residual_px": None, "passed": True, "reasons": []}


def _report(
    match: Found, confidence: float, base: Affine, placement: Placement, index: int, size: tuple[int, int]
) -> dict[str, Any]:
    evidence = match.evidence
    return {
        **_moved(match.motion, base, placement, index, size),
        "searched": True,
        "confidence": confidence,
        "residual_px": evidence.residual if math.isfinite(evidence.residual) else None,
        "inlier_share": evidence.share,
        "covered_share": 1 - evidence.share,
        "outline_share": evidence.outline,
        "inside_share": evidence.inside if evidence.inside_count else None,
        "windows": evidence.outline_count + evidence.inside_count,
        "wider": evidence.wider,
        "warnings": [] if evidence.in_proportion else [_drawn_out(evidence.wider)],
    }


def _drawn_out(wider: float) -> str:
    how = f"{wider - 1:.1%} wider" if wider > 1 else f"{1 / wider - 1:.1%} taller"
    return (
        f"The product was painted {how} than it is, its other side being the same: the original that is pasted there "
        f"leaves some of it to be seen, or covers some of the scene. What to try: {_TRY}."
    )


_TRY = "another seed, a lower denoise or a stronger instruction to keep the product as it is"


def _judge(report: dict[str, Any], tolerance: Tolerance, which: str) -> None:
    """Add `passed` and `reasons`. Raises NotRegisteredError where the report does not say that the product is where and
    as it may be; with a tolerance of confidence 0 it only says so.
    """
    reason, advice = _doubt(report, tolerance, which)
    report["passed"], report["reasons"] = not reason, [f"{reason} What to try: {advice}"] if reason else []
    if reason and tolerance.confidence > 0:
        raise NotRegisteredError(reason, advice=advice)


def _doubt(report: dict[str, Any], tolerance: Tolerance, which: str) -> tuple[str, str]:
    """(why the product cannot be said to be where it was found, what to try); empty where it can."""
    outline, inside = report["outline_share"], report["inside_share"]
    needed = tolerance.confidence or Tolerance.confidence
    if not report["confidence"] >= needed:  # so that no number (NaN) never passes
        agreeing = f"{outline:.0%} of its outline" + ("" if inside is None else f" and {inside:.0%} of its details")
        return (
            f"The product was not found again in the generated picture{which}: at the best place only {agreeing} agree "
            f"(confidence {report['confidence']:.2f}, needed {needed:g}). The model left it out, "
            "replaced it, mirrored it or redrew it beyond recognition.",
            f"{_TRY}; if a hand covers much of it, connect the hand's mask to ignore.",
        )
    beyond = []
    if not report["shift"] <= tolerance.shift:
        beyond.append(f"moved by {report['shift']:.1%} of the picture (max_shift {tolerance.shift:.1%})")
    if not abs(report["scale"] - 1) <= tolerance.scale + 1e-3:
        beyond.append(f"scaled to {report['scale']:.1%} (max_scale ±{tolerance.scale:.1%})")
    if not abs(report["rotation_degrees"]) <= tolerance.rotation + 0.05:
        beyond.append(f"turned by {report['rotation_degrees']:.1f}° (max_rotation {tolerance.rotation:g}°)")
    if not beyond:
        return "", ""
    return (
        f"The product was found again in the generated picture{which}, but it was {' and '.join(beyond)}: more "
        "than allowed.",
        f"{_TRY}, or raise the limit if the picture is fine as it is.",
    )
