"""How far a cut-out can be trusted, in a number and in words a seller understands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from torch import Tensor

from ..filters import dilate, erode
from .backdrop import Backdrop, gradient
from .evidence import Evidence


@dataclass
class Trust:
    """`confidence` 0..1 and the `reasons` that lower it; facts for the report."""

    confidence: float = 1.0
    reasons: list[str] = field(default_factory=list)
    products: int = 0
    holes: int = 0
    touches_frame: bool = False

    def doubt(self, factor: float, reason: str) -> None:
        """Multiply the confidence by `factor` and say why when that is a real doubt."""
        factor = min(1.0, max(0.0, factor))
        self.confidence *= factor
        if factor < 0.8:
            self.reasons.append(reason)


def ramp(value: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, linear between (either order)."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def count_parts(product: Tensor) -> tuple[int, int]:
    """How many separate products and how many enclosed openings a boolean `[H,W]` mask shows.

    Parts below a twelfth of the largest are accessories or specks; parts within 2 % of the picture belong together.
    """
    size = min(product.shape)
    joined = dilate(product.float().unsqueeze(0), max(1, round(0.01 * size)))[0] > 0.5
    labels, count = ndimage.label(joined.cpu().numpy())
    parts = 0
    if count:
        areas = ndimage.sum_labels(product.cpu().numpy(), labels, np.arange(1, count + 1))
        parts = int((areas > areas.max() / 12).sum())
    empty, gaps = ndimage.label(~product.cpu().numpy())
    edge = np.unique(np.concatenate((empty[0], empty[-1], empty[:, 0], empty[:, -1])))
    sizes = ndimage.sum_labels(np.ones_like(empty), empty, np.arange(1, gaps + 1)) if gaps else np.zeros(0)
    inner = [k for k in range(1, gaps + 1) if k not in edge and sizes[k - 1] > 2e-4 * product.numel()]
    return parts, len(inner)


def judge_shape(product: Tensor, trust: Trust) -> None:
    """Doubts that the mask's shape alone raises: nothing, too much, several products, cut by the frame."""
    share = float(product.float().mean())
    if share < 2e-4:
        trust.doubt(0.0, "no product was found")
        return
    trust.doubt(ramp(share, 0.0, 0.01), "the product is tiny in the picture: crop closer")
    trust.doubt(ramp(share, 0.97, 0.85), "hardly any backdrop is left around the product")
    trust.products, trust.holes = count_parts(product)
    if trust.products > 1:
        trust.doubt(0.45 / (trust.products - 1), f"{trust.products} separate products: photograph one at a time")
    height, width = product.shape
    frame = {
        "top": float(product[0].float().mean()),
        "bottom": float(product[-1].float().mean()),
        "left": float(product[:, 0].float().mean()),
        "right": float(product[:, -1].float().mean()),
    }
    cut = [side for side, part in frame.items() if part * (width if side in ("top", "bottom") else height) >= 2]
    if cut:
        trust.touches_frame = True
        worst = max(frame[side] for side in cut)
        trust.doubt(0.6 - 0.5 * worst, f"the product is cut off by the picture's {' and '.join(cut)} edge")


def judge_backdrop(backdrop: Backdrop, trust: Trust) -> None:
    """Doubts about the backdrop: busy, patterned, not seen around the product."""
    trust.doubt(
        ramp(backdrop.frame_agreement, 0.55, 0.9), "the backdrop is not plain: objects or patterns reach the frame"
    )
    trust.doubt(ramp(backdrop.frame_spread * 255, 20, 6), "the backdrop is busy")


def outline_support(srgb: Tensor, product: Tensor, backdrop: Backdrop) -> float:
    """Share of the outline on a visible step of the picture `[H,W,3]`; a cut through smooth colour is a guess."""
    solid = product.float().unsqueeze(0)
    rim = (solid - erode(solid, 1))[0] > 0.5
    if not bool(rim.any()):
        return 0.0
    step = dilate(gradient(srgb).unsqueeze(0), 2)[0] / backdrop.spread.clamp(min=1.5 / 255)
    return float((step[rim] > 3.5).float().mean())


def judge_outline(
    srgb: Tensor, product: Tensor, likelihood: Tensor, backdrop: Backdrop, evidence: Evidence, trust: Trust
) -> None:
    """Doubts about the outline: where the product is as light as the backdrop, the line is a guess."""
    supported = outline_support(srgb, product, backdrop)
    trust.doubt(ramp(supported, 0.8, 0.97), "parts of the outline have the backdrop's own colour")
    # What differs from the backdrop beside the product, and was called shadow or reflection, may be product after all.
    around = dilate(product.float().unsqueeze(0), max(2, round(0.02 * min(product.shape))))[0] > 0.5
    left_out = around & ~product & (evidence.difference > 6) & (evidence.ratio < 0.85)
    share = float(left_out.float().sum() / product.float().sum().clamp(min=1))
    unsure = float(((likelihood > 0.15) & (likelihood < 0.85) & around).float().sum() / product.float().sum())
    trust.doubt(ramp(max(unsure, 0.5 * share), 0.6, 0.15), "shadow and product could not be told apart everywhere")


def judge_model(mask: Tensor, product: Tensor, trust: Trust) -> None:
    """Doubts about a segmenter's mask: hesitant, or at odds with the picture's own edges."""
    around = mask > 0.05
    hesitant = float(((mask > 0.2) & (mask < 0.8)).float().sum() / around.float().sum().clamp(min=1))
    trust.doubt(ramp(hesitant, 0.6, 0.15), "the model hesitates over large parts of the picture")
    union = (around & (mask > 0.5)) | product
    changed = float((((mask > 0.5) != product) & union).float().sum() / union.float().sum().clamp(min=1))
    trust.doubt(ramp(changed, 0.6, 0.2), "the model's mask and the picture's own edges disagree")
