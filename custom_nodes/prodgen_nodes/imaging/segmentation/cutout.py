"""One picture in, its product's colours and matte out: the order of work, at two scales.

Labels are decided on a reduced picture (≤ 1024 px); the edge band is then solved again at every doubling up to the
photo's own size, so that the cost of a large photo is its outline and not its area.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..errors import EmptyMaskError
from ..filters import dilate, erode
from ..tensors import bounding_box
from .backdrop import Backdrop, BackdropModel
from .confidence import Trust, judge_backdrop, judge_model, judge_outline, judge_shape
from .ends import smooth_ends
from .evidence import weigh
from .footing import Footing, find_footing
from .foreground import clean_foreground
from .leaks import sealed
from .matting import closed_form_matte
from .pyramid import Pyramid, averaged, encoded, planar, resized, within
from .trimap import label, label_with_model
from .window import Window, window_around

ANALYSIS_SIDE = 1024
BACKDROP_SIDE = 512
_CLEAR, _SOLID = 0.01, 0.99
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Cutout:
    """`product` `[H,W,3]` sRGB with clean edge colours, `alpha` `[H,W]`, `confidence` 0..1 and the `report`'s facts."""

    product: Tensor
    alpha: Tensor
    confidence: float
    report: dict[str, Any] = field(default_factory=dict)


def _settled(alpha: Tensor) -> Tensor:
    """Alpha with what is solid or clear for the eye made exactly so."""
    return ((alpha - _CLEAR) / (_SOLID - _CLEAR)).clamp(0.0, 1.0)


def refine_matte(
    pyramid: Pyramid, likelihood: Tensor, footing: Footing | None = None, progress: Progress | None = None
) -> Tensor:
    """The matte `[H,W]` of one full-size picture from labels `[h,w]` at the pyramid's middle size.

    Beside the line of the `footing` that is certain, the matte is the share of each pixel above it.
    """
    solid = likelihood > 0.5
    start, band = solid.float(), dilate(solid, 2) & ~erode(solid, 2)
    for level in [pyramid.middle, *pyramid.above()]:
        if level != pyramid.middle:
            start = resized(start, level)
            band = dilate((start > 0.02) & (start < 0.98), 1)
            start = start.round() * (~band) + start * band
        if footing is not None:
            above, beside = footing.coverage(pyramid.picture(level))
            start, band = torch.where(beside, above, start), band & ~beside
        start = _settled(closed_form_matte(pyramid.picture(level), start, band))
        if progress:
            progress(1)
    return start if footing is None else smooth_ends(start, footing)


def _hex(color: Tensor) -> str:
    return "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in color.clamp(0.0, 1.0))


def _describe(alpha: Tensor, trust: Trust, report: dict[str, Any]) -> dict[str, Any]:
    try:
        box = bounding_box(alpha)
        report["bbox"] = [box.left, box.top, box.right, box.bottom]
    except EmptyMaskError:
        report["bbox"] = None
    report.update(
        confidence=trust.confidence,
        reasons=trust.reasons,
        products=trust.products,
        holes=trust.holes,
        touches_frame=trust.touches_frame,
        coverage=float(alpha.mean()),
    )
    return report


def from_file_alpha(srgb: Tensor, alpha: Tensor) -> Cutout:
    """The cut-out a file already carries: its alpha as it is, its colours extended beyond the edge."""
    trust = Trust()
    judge_shape(resized(alpha, within(ANALYSIS_SIDE, *alpha.shape)) > 0.5, trust)
    visible = (alpha > 0.02).float()
    report: dict[str, Any] = {"method": "file_alpha", "why": "the file carries its own transparency"}
    return Cutout(
        clean_foreground(Pyramid(srgb, within(ANALYSIS_SIDE, *alpha.shape)), visible),
        alpha,
        trust.confidence,
        _describe(alpha, trust, report),
    )


def _backdrop(small: Tensor, rough: Tensor | None = None) -> tuple[Backdrop, Window]:
    """The backdrop of a picture at analysis size, modelled at half of it: it is smooth; and the window to look at."""
    size = within(BACKDROP_SIDE, small.shape[0], small.shape[1])
    coarse = encoded(averaged(small, size))
    known = None if rough is None else resized(rough, size) > 0.9
    model = BackdropModel(coarse)
    backdrop, broad = sealed(coarse, model, known)
    return model.enlarged(backdrop, small), window_around(broad, (small.shape[0], small.shape[1]))


def from_plain_backdrop(srgb: Tensor, hint: Tensor | None = None, progress: Progress | None = None) -> Cutout:
    """Cut one product `[H,W,3]` off a plain backdrop. `hint` `[H,W]`: rough mask, 1 = product."""
    size = within(ANALYSIS_SIDE, srgb.shape[0], srgb.shape[1])
    pyramid = Pyramid(srgb, size)
    small = planar(pyramid.picture(size))
    rough = None if hint is None else resized(hint, size)
    backdrop, window = _backdrop(small, rough)
    # What lies outside the window is backdrop.
    part, near = planar(window.of(small)), backdrop.inside(window)
    evidence = weigh(part, near)
    likelihood = label(part, near, evidence, None if rough is None else window.of(rough))
    if progress:
        progress(1)
    footing = find_footing(part, likelihood > 0.5, near, evidence)
    trust = Trust()
    labels = window.whole(likelihood)
    judge_shape(labels > 0.5, trust)
    if trust.confidence > 0:
        judge_backdrop(backdrop, trust)
        judge_outline(part, likelihood, near, evidence, footing, trust)
    alpha = refine_matte(pyramid, labels, footing.across(window), progress)
    report: dict[str, Any] = {
        "method": "plain_backdrop",
        "why": "no model needed: the backdrop is modelled from the picture's own frame",
        "backdrop": describe_backdrop(backdrop),
    }
    return Cutout(clean_foreground(pyramid, alpha), alpha, trust.confidence, _describe(alpha, trust, report))


def from_model(srgb: Tensor, mask: Tensor, hint: Tensor | None = None, progress: Progress | None = None) -> Cutout:
    """Cut with a segmenter's `mask` (any size, 1 = product): its slivers cleared, its edge solved at full size."""
    size = within(ANALYSIS_SIDE, srgb.shape[0], srgb.shape[1])
    pyramid = Pyramid(srgb, size)
    small = planar(pyramid.picture(size))
    rough = resized(torch.nan_to_num(mask).clamp(0.0, 1.0), size)
    if hint is not None:
        rough = rough * (resized(hint, size) > 0.02)
    backdrop, _ = _backdrop(small)
    evidence = weigh(small, backdrop)
    plain = Trust()
    judge_backdrop(backdrop, plain)
    is_plain = plain.confidence > 0.5
    likelihood = label_with_model(small, backdrop, evidence, rough, is_plain)
    if progress:
        progress(1)
    trust = Trust()
    judge_shape(likelihood > 0.5, trust)
    if trust.confidence > 0:
        judge_model(rough, likelihood > 0.5, trust)
    footing = find_footing(small, likelihood > 0.5, backdrop, evidence) if is_plain else None
    alpha = refine_matte(pyramid, likelihood, footing, progress)
    report: dict[str, Any] = {
        "method": "birefnet",
        "why": "a background-removal model is connected",
        "backdrop": describe_backdrop(backdrop),
        "slivers_cleared": float(((rough > 0.5) & (likelihood < 0.5)).float().mean()),
    }
    return Cutout(clean_foreground(pyramid, alpha), alpha, trust.confidence, _describe(alpha, trust, report))


def describe_backdrop(backdrop: Backdrop) -> dict[str, Any]:
    """Colour and kind of a backdrop for the report."""
    mean = backdrop.color.reshape(-1, 3)
    middle = mean.median(dim=0).values
    fall = float((mean.amax(dim=0) - mean.amin(dim=0)).max())
    busy = backdrop.frame_agreement < 0.75 or backdrop.frame_spread * 255 > 12
    kind = "busy" if busy else "even" if fall < 0.04 else "shaded"
    if kind != "busy" and float(middle.min()) > 0.985:
        kind = "blown out white"
    return {"color": _hex(middle), "kind": kind, "noise": backdrop.noise, "spread": backdrop.frame_spread}
