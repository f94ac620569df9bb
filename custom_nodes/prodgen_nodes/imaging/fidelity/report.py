"""The figures of one finished picture as a report: what was measured, passed or not, and why in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..colorspace import DELTA_E00
from ..reports import batch_report
from ..tensors import Box
from .contact import Contact
from .limits import Limits
from .local import Local, is_ghost
from .local import reasons as local_reasons
from .pixels import PixelDifference
from .whole import Whole

_WORST_HIGH = ("delta_e00_mean", "delta_e00_p95", "hue_error_deg", "edge_halo", "worst_delta_e00", "ghost")
_WORST_LOW = ("ssim", "worst_similarity", "sharpness", "worst_sharpness")
"""Figures of which the largest, and of which the smallest of a batch is the worst."""


@dataclass(frozen=True)
class Fidelity:
    """One picture's measures and verdict; `map` is dE00 `[h,w]` at the product's `box` in the scene.

    `heat` `[h',w']` covers the same box, 1 where a small place is changed; None where nothing is.
    """

    report: dict[str, Any]
    map: Tensor
    box: Box
    heat: Tensor | None = None


@dataclass(frozen=True)
class Figures:
    """All that was measured; `shift` is how far the product lay from its place, x and y in pixels."""

    pixels: PixelDifference
    halo: float | None
    ground: Contact
    local: Local
    shift: tuple[float, float]
    whole: Whole


def fidelity_report(figures: Figures, limits: Limits, product: Box) -> dict[str, Any]:
    """The report of one picture with the product in the box `product`."""
    pixels, halo, ground, local = figures.pixels, figures.halo, figures.ground, figures.local
    reasons = []
    if not pixels.delta_e00_mean <= limits.max_delta_e00_mean:  # so that no number (NaN) never passes
        reasons.append(
            f"the product's colours differ by {DELTA_E00} {pixels.delta_e00_mean:.1f} on average (limit "
            f"{limits.max_delta_e00_mean:g}): paste the original back or fix its colour"
        )
    if not pixels.delta_e00_p95 <= limits.max_delta_e00_p95:
        reasons.append(
            f"5 % of the product differ by more than {DELTA_E00} {pixels.delta_e00_p95:.1f} (limit "
            f"{limits.max_delta_e00_p95:g})"
        )
    hue_off = pixels.hue_error_deg is not None and not pixels.hue_error_deg <= limits.max_hue_error_deg
    if hue_off and not pixels.hue_difference <= limits.max_hue_difference:
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
            f"a rim of another colour surrounds it ({DELTA_E00} {halo:.1f} beyond a clean edge, limit "
            f"{limits.max_edge_halo:g}): rest of an old backdrop"
        )
    if ground.floating:
        reasons.append(
            "nothing darkens the ground below its lowest line: it seems to float; add a contact shadow, or switch "
            "check_floating off for a picture that should have none"
        )
    reasons += local_reasons(local, product, limits) + figures.whole.reasons()
    return {
        "delta_e00_mean": pixels.delta_e00_mean,
        "delta_e00_p95": pixels.delta_e00_p95,
        "hue_error_deg": pixels.hue_error_deg,
        "hue_difference": pixels.hue_difference,
        "ssim": pixels.ssim,
        "edge_halo": halo,
        "floating": ground.floating,
        "contact_darkening": ground.darkening,
        "floating_note": ground.reason,
        "worst_similarity": local.similarity,
        "worst_delta_e00": local.color,
        "sharpness": local.sharpness.product,
        "worst_sharpness": local.sharpness.worst,
        "ghost": local.ghost.share if local.ghost is not None and is_ghost(local.ghost, limits) else None,
        "shift_px": list(figures.shift),
        "whole": figures.whole.whole,
        "whole_note": figures.whole.note,
        "missing": [piece.place for piece in figures.whole.missing],
        "passed": not reasons,
        "reasons": reasons,
    }


def merged(results: list[Fidelity]) -> dict[str, Any]:
    """One report for a batch: the worst figure of each kind, every reason with its picture's number."""
    reports = [result.report for result in results]

    def worst(name: str, choose: Callable[[list[float]], float]) -> float | None:
        values = [report[name] for report in reports if report[name] is not None]
        return choose(values) if values else None

    floating, whole = ([r[name] for r in reports if r[name] is not None] for name in ("floating", "whole"))
    figures = {name: worst(name, choose) for choose, names in ((max, _WORST_HIGH), (min, _WORST_LOW)) for name in names}
    return batch_report(
        reports, **figures, floating=any(floating) if floating else None, whole=all(whole) if whole else None
    )
