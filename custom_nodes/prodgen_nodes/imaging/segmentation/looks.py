"""A network looks at the photo, and where that is doubted, once more at its mirror image.

No network sees a photo and its mirror image quite alike: what it loses in one it often finds in the other. Before a
busy backdrop, where the picture itself says little, the second look is also the only witness: where it sees something
else, the result is doubted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from ..filters import opened
from .confidence import ramp
from .cutout import Cutout, Progress, from_model
from .parts import Parts

TRUSTED = 0.75
"""From here on a result is believed; how often that is right: benchmarks/reliability.py."""
_ALIKE = 0.02
"""Two confidences that differ by less say the same."""
_EDGE = 0.002
"""How wide an edge is on which two looks may differ: half of it, as a fraction of the mask's longer side."""
_DIFFERENT, _LEAST = (0.05, 0.008), 0.6
"""The share of the product in which two looks differ: much, and next to none; and what is left of the confidence."""
_REAL = 0.8
"""A factor below this is a real doubt, and said."""
_SAID = "two looks at the photo do not see quite the same product: something may be missing, or too much"
Look = Callable[[Tensor], Tensor]
"""A network: one picture `[1,H,W,3]` in, its mask `[h,w]` out, 1 = product."""


def from_looks(srgb: Tensor, look: Look, progress: Progress | None = None, parts: Parts = "auto") -> Cutout:
    """Cut a product `[H,W,3]` out with what a network sees, in one look or in two (`looks` in the report)."""
    picture = srgb.unsqueeze(0)
    mask = look(picture)
    cut, looks = from_model(srgb, mask, None, progress, parts), 1
    is_busy = cut.report["backdrop"]["kind"] == "busy"
    if is_busy or cut.confidence < TRUSTED:
        mirrored = look(picture.flip(2)).flip(1)
        cut, looks = more_trusted(cut, from_model(srgb, mirrored, None, progress, parts)), 2
        if is_busy:
            cut = _doubted(cut, mask, mirrored)
    cut.report["looks"] = looks
    return cut


def _doubted(cut: Cutout, mask: Tensor, mirrored: Tensor) -> Cutout:
    """The cut-out with less confidence where two looks, `[h,w]` each, see different products."""
    one, other = mask > 0.5, mirrored > 0.5
    areas = opened(one ^ other, max(1, round(_EDGE * max(mask.shape))))
    share = float(areas.float().sum()) / max(1.0, float((one | other).float().sum()))
    factor = _LEAST + (1 - _LEAST) * ramp(share, *_DIFFERENT)
    reasons = [*cut.report["reasons"], *([_SAID] if factor < _REAL else [])]
    confidence = cut.confidence * factor
    return replace(cut, confidence=confidence, report=dict(cut.report, confidence=confidence, reasons=reasons))


def more_trusted(first: Cutout, second: Cutout) -> Cutout:
    """The one of two cut-outs of one photo that is trusted more.

    Where both are alike in that, the one with more of the product: what was left out is lost, what was added is seen.
    """
    if abs(first.confidence - second.confidence) > _ALIKE:
        return max(first, second, key=lambda cut: cut.confidence)
    return max(first, second, key=lambda cut: float(cut.report["coverage"]))
