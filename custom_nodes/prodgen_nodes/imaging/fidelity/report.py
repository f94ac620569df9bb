"""The figures of one finished picture as a report: what was measured, passed or not, and why in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..colorspace import DELTA_E00
from ..reports import batch_report
from ..tensors import Box
from .contact import Contact
from .findings import Finding, told
from .limits import Limits
from .local import Local, is_ghost
from .local import findings as local_findings
from .pixels import PixelDifference
from .whole import Whole

_WORST_HIGH = ("delta_e00_mean", "delta_e00_p95", "hue_error_deg", "edge_halo", "worst_delta_e00", "ghost")
_WORST_LOW = ("ssim", "worst_similarity", "sharpness", "worst_sharpness")
"""Figures of which the largest, and of which the smallest of a batch is the worst."""
_NAMED, _AT_PLACES = 3, ("changed", "missing", "colour")
"""Places that a report names: a seller looks at the first ones and counts the others."""
_SMOOTHLY = 0.7
"""Median dE00 of smooth colours over the mean dE00, from which another colour is it and not structure out of place.
Twelve drawn products (500 px) and a box of small checks, exact and relit: blurred by 1 to 4 px at most 0.61; with
turned, moved or swapped colours, their texture kept, at least 0.81. Thin headphones alone overlap, blurred with up to
0.85: they take on the ground's colour."""

_WAVER = 0.4
"""Mean dE00 of smooth colours over that of pixels, up to which colours waver and do not change. Twelve real products of
450 px: .16 to .37 as JPEG 75 (4:2:0); with another hue, saturation or light .94 and more."""
_WAVER_P95 = 0.5
"""And their p95, in limits for that of pixels: 3.5 of 8 at most."""
_MORE, _MORE_P95 = 1.5, 1.25
"""Wavering colours may be over the limits of mean and hue, and of p95, by so much: 13 of 39 real products of 450 px
were over one as JPEG 75, two are now."""
_ALIKE, _VERY_ALIKE = 0.08, 0.05
"""SSIM this near to 1 is asked for, and the second where p95 is over its limit: those had .927 and more, grain of 6 %
.86 and less but on one product (.943, and p95 9.5)."""


@dataclass(frozen=True)
class Fidelity:
    """One picture's measures and verdict; `map` is dE00 `[h,w]` at the product's `box` in the scene.

    `heat` `[h',w']` covers the same box, 1 where a small place is changed; None where nothing is. `findings` are what
    the report's reasons say, all places of them.
    """

    report: dict[str, Any]
    map: Tensor
    box: Box
    heat: Tensor | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Figures:
    """All that was measured; `shift` is how far the product lay from its place, x and y in pixels."""

    pixels: PixelDifference
    halo: float | None
    ground: Contact
    local: Local
    shift: tuple[float, float]
    whole: Whole


def findings_of(figures: Figures, limits: Limits, product: Box) -> tuple[Finding, ...]:
    """What is wrong with the product in the box `product`, without what only follows from it."""
    pixels, halo = figures.pixels, figures.halo
    found = _color_findings(figures, limits)
    if not pixels.ssim >= limits.min_ssim:
        text = (
            "its shapes and print are not those of the photo: it was redrawn, shifted or scaled (structure "
            f"{pixels.ssim:.2f}, limit {limits.min_ssim:g})"
        )
        found.append(Finding("structure", text))
    if halo is not None and not halo <= limits.max_edge_halo:
        text = (
            "a rim of another colour surrounds it, the rest of an old backdrop "
            f"({DELTA_E00} {halo:.1f} beyond a clean edge, limit {limits.max_edge_halo:g})"
        )
        found.append(Finding("halo", text))
    if figures.ground.floating:
        text = (
            "nothing darkens the ground below its lowest line: it seems to float; add a contact shadow, or switch "
            "check_floating off for a picture that should have none"
        )
        found.append(Finding("floating", text))
    found += local_findings(figures.local, product, limits)
    return told([*found, *figures.whole.findings()])


def _color_findings(figures: Figures, limits: Limits) -> list[Finding]:
    """A colour that changed as a whole, or the figures that are over their limits for another reason (so written that
    no number, NaN, never passes)."""
    pixels, recolored = figures.pixels, figures.local.recolored
    mean_off = not pixels.delta_e00_mean <= limits.max_delta_e00_mean
    p95_off = not pixels.delta_e00_p95 <= limits.max_delta_e00_p95
    hue_off = pixels.hue_error_deg is not None and not pixels.hue_error_deg <= limits.max_hue_error_deg
    hue_off = hue_off and not pixels.hue_difference <= limits.max_hue_difference
    if _wavers(figures, limits):
        return []
    mean = f"{DELTA_E00} {pixels.delta_e00_mean:.1f} on average (limit {limits.max_delta_e00_mean:g})"
    advice = "correct its colour, or lay the product of the photo over it again"
    if (mean_off or hue_off) and recolored is not None and recolored.off >= _SMOOTHLY * pixels.delta_e00_mean:
        hue = f", hue {pixels.hue_error_deg:.0f}° off (limit {limits.max_hue_error_deg:g}°)" if hue_off else ""
        names = f" from {recolored.was} to {recolored.became}" if recolored.was != recolored.became else ""
        return [Finding("colour", f"all over: its colour changed{names}: {advice} ({mean}{hue})")]
    found = []
    if mean_off:
        found.append(Finding("average", f"its colours are not the photo's: {advice} ({mean})"))
    if p95_off:
        text = (
            f"some of it has clearly another colour (5 % of it differ by {DELTA_E00} {pixels.delta_e00_p95:.1f} and "
            f"more, limit {limits.max_delta_e00_p95:g})"
        )
        found.append(Finding("average", text))
    if hue_off:
        text = f"its hue is another (off by {pixels.hue_error_deg:.0f}° on average, limit {limits.max_hue_error_deg:g})"
        found.append(Finding("average", text))
    return found


def _wavers(figures: Figures, limits: Limits) -> bool:
    """Whether colours differ from pixel to pixel alone, as a strong compression makes them."""
    pixels, smooth = figures.pixels, figures.local.smooth
    return (
        smooth is not None
        and smooth[0] <= _WAVER * pixels.delta_e00_mean
        and smooth[1] <= _WAVER_P95 * limits.max_delta_e00_p95
        and pixels.delta_e00_mean <= _MORE * limits.max_delta_e00_mean
        and pixels.delta_e00_p95 <= _MORE_P95 * limits.max_delta_e00_p95
        and (pixels.hue_error_deg is None or pixels.hue_error_deg <= _MORE * limits.max_hue_error_deg)
        and pixels.ssim >= 1 - (_ALIKE if pixels.delta_e00_p95 <= limits.max_delta_e00_p95 else _VERY_ALIKE)
    )


def _compression_note(figures: Figures, limits: Limits) -> str | None:
    pixels = figures.pixels
    over = pixels.delta_e00_mean > limits.max_delta_e00_mean or pixels.delta_e00_p95 > limits.max_delta_e00_p95
    if not (over and _wavers(figures, limits)):
        return None
    return (
        f"its colours waver from pixel to pixel ({DELTA_E00} {pixels.delta_e00_mean:.1f} on average), as a strong "
        "compression makes them, and are right on the whole: save it with a higher quality"
    )


def sentences(found: Sequence[Finding]) -> list[str]:
    """What a report says of `found`: places beyond the first few are counted."""
    at_places = [one for one in found if one.kind in _AT_PLACES and one.box is not None]
    rest = at_places[_NAMED:]
    lines = [one.text for one in found if one not in rest]
    return [*lines, f"and at {len(rest)} more places" if len(rest) > 1 else "and at one more place"] if rest else lines


def fidelity_report(figures: Figures, limits: Limits, product: Box) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The report of one picture with the product in the box `product`, and what is wrong with it."""
    pixels, halo, ground, local = figures.pixels, figures.halo, figures.ground, figures.local
    found = findings_of(figures, limits, product)
    reasons = sentences(found)
    report = {
        "delta_e00_mean": pixels.delta_e00_mean,
        "delta_e00_p95": pixels.delta_e00_p95,
        "hue_error_deg": pixels.hue_error_deg,
        "hue_difference": pixels.hue_difference,
        "ssim": pixels.ssim,
        "edge_halo": halo,
        "floating": ground.floating,
        "contact_darkening": ground.darkening,
        "floating_note": ground.reason,
        "compression_note": _compression_note(figures, limits),
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
        "findings": [one.as_report() for one in found],
    }
    return report, found


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
