"""One picture in, its product's colours and matte out: the order of work, at two scales.

Labels are decided on a reduced picture (≤ 1024 px); the edge band is then solved again at every doubling up to the
photo's own size, so that the cost of a large photo is its outline and not its area.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import linear_to_srgb
from ..errors import EmptyMaskError
from ..filters import dilate, erode
from ..tensors import bounding_box
from .backdrop import Backdrop, model_backdrop
from .confidence import Trust, judge_backdrop, judge_model, judge_outline, judge_shape
from .evidence import weigh
from .foreground import clean_foreground, reduced_linear
from .leaks import sealed
from .matting import closed_form_matte
from .trimap import label, label_with_model

ANALYSIS_SIDE = 1024
_CLEAR, _SOLID = 0.01, 0.99
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Cutout:
    """`product` `[H,W,3]` sRGB with clean edge colours, `alpha` `[H,W]`, `confidence` 0..1 and the `report`'s facts."""

    product: Tensor
    alpha: Tensor
    confidence: float
    report: dict[str, Any] = field(default_factory=dict)


def analysis_size(height: int, width: int) -> tuple[int, int]:
    """The size at which labels are decided: the picture's own, or ≤ 1024 px on its longest side."""
    scale = min(1.0, ANALYSIS_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def reduced(srgb: Tensor, size: tuple[int, int]) -> Tensor:
    """`[H,W,3]` averaged in linear light to `size`."""
    if tuple(srgb.shape[:2]) == size:
        return srgb
    return linear_to_srgb(reduced_linear(srgb.permute(2, 0, 1), size)).permute(1, 2, 0).clamp(0.0, 1.0)


def _resized(grid: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(grid.shape) == size:
        return grid
    mode = "area" if size[0] < grid.shape[0] else "bilinear"
    extra = {} if mode == "area" else {"align_corners": False}
    return F.interpolate(grid[None, None], size=size, mode=mode, **extra)[0, 0]


def _levels(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes from `start` (excluded) to `end` (included), each at most about twice the one before."""
    steps = math.ceil(math.log2(max(end[0] / start[0], end[1] / start[1], 1.0)) - 1e-6)
    return [
        end if step == steps else tuple(round(a * (b / a) ** (step / steps)) for a, b in zip(start, end, strict=True))
        for step in range(1, steps + 1)
    ]


def _settled(alpha: Tensor) -> Tensor:
    """Alpha with what is solid or clear for the eye made exactly so."""
    return ((alpha - _CLEAR) / (_SOLID - _CLEAR)).clamp(0.0, 1.0)


def refine_matte(srgb: Tensor, likelihood: Tensor, progress: Progress | None = None) -> Tensor:
    """The matte `[H,W]` of one full-size picture `[H,W,3]` from labels `[h,w]` at analysis size."""
    size = (likelihood.shape[0], likelihood.shape[1])
    solid = (likelihood > 0.5).float()
    inner, outer = erode(solid.unsqueeze(0), 2)[0], dilate(solid.unsqueeze(0), 2)[0]
    alpha = _settled(closed_form_matte(reduced(srgb, size), solid, inner != outer))
    if progress:
        progress(1)
    for level in _levels(size, (srgb.shape[0], srgb.shape[1])):
        alpha = _resized(alpha, level)
        mixed = ((alpha > 0.02) & (alpha < 0.98)).float().unsqueeze(0)
        band = dilate(mixed, 1)[0] > 0.5
        alpha = _settled(closed_form_matte(reduced(srgb, level), alpha.round() * (~band) + alpha * band, band))
        if progress:
            progress(1)
    return alpha


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
    judge_shape(_resized(alpha, analysis_size(*alpha.shape)) > 0.5, trust)
    visible = (alpha > 0.02).float()
    report: dict[str, Any] = {"method": "file_alpha", "why": "the file carries its own transparency"}
    return Cutout(clean_foreground(srgb, visible), alpha, trust.confidence, _describe(alpha, trust, report))


def from_plain_backdrop(srgb: Tensor, hint: Tensor | None = None, progress: Progress | None = None) -> Cutout:
    """Cut one product `[H,W,3]` off a plain backdrop. `hint` `[H,W]`: rough mask, 1 = product."""
    size = analysis_size(srgb.shape[0], srgb.shape[1])
    small = reduced(srgb, size)
    rough = None if hint is None else _resized(hint, size)
    known = None if rough is None else rough > 0.9
    backdrop = sealed(small, model_backdrop(small, known), known)
    evidence = weigh(small, backdrop)
    labels = label(small, backdrop, evidence, rough)
    if progress:
        progress(1)
    product = labels.likelihood > 0.5
    trust = Trust()
    judge_shape(product, trust)
    if trust.confidence > 0:
        judge_backdrop(backdrop, trust)
        judge_outline(small, product, labels.likelihood, backdrop, evidence, trust)
    alpha = refine_matte(srgb, labels.likelihood, progress)
    report: dict[str, Any] = {
        "method": "plain_backdrop",
        "why": "no model needed: the backdrop is modelled from the picture's own frame",
        "backdrop": describe_backdrop(backdrop),
    }
    return Cutout(clean_foreground(srgb, alpha), alpha, trust.confidence, _describe(alpha, trust, report))


def from_model(srgb: Tensor, mask: Tensor, hint: Tensor | None = None, progress: Progress | None = None) -> Cutout:
    """Cut with a segmenter's `mask` (any size, 1 = product): its slivers cleared, its edge solved at full size."""
    size = analysis_size(srgb.shape[0], srgb.shape[1])
    small = reduced(srgb, size)
    rough = _resized(torch.nan_to_num(mask).clamp(0.0, 1.0), size)
    if hint is not None:
        rough = rough * (_resized(hint, size) > 0.02)
    backdrop = model_backdrop(small)
    evidence = weigh(small, backdrop)
    plain = Trust()
    judge_backdrop(backdrop, plain)
    labels = label_with_model(small, backdrop, evidence, rough, plain.confidence > 0.5)
    if progress:
        progress(1)
    trust = Trust()
    judge_shape(labels.likelihood > 0.5, trust)
    if trust.confidence > 0:
        judge_model(rough, labels.likelihood > 0.5, trust)
    alpha = refine_matte(srgb, labels.likelihood, progress)
    report: dict[str, Any] = {
        "method": "birefnet",
        "why": "a background-removal model is connected",
        "backdrop": describe_backdrop(backdrop),
        "slivers_cleared": float(((rough > 0.5) & (labels.likelihood < 0.5)).float().mean()),
    }
    return Cutout(clean_foreground(srgb, alpha), alpha, trust.confidence, _describe(alpha, trust, report))


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
