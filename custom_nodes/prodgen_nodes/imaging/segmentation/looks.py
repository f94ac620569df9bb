"""A network looks at the photo, and where that is doubted, once more at its mirror image.

No network sees a photo and its mirror image quite alike: what it loses in one it often finds in the other.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from .cutout import Cutout, Progress, from_model
from .parts import Parts

TRUSTED = 0.75
"""From here on a result is believed; how often that is right: benchmarks/reliability.py."""
_ALIKE = 0.02
"""Two confidences that differ by less say the same."""
Look = Callable[[Tensor], Tensor]
"""A network: one picture `[1,H,W,3]` in, its mask `[h,w]` out, 1 = product."""


def from_looks(srgb: Tensor, look: Look, progress: Progress | None = None, parts: Parts = "auto") -> Cutout:
    """Cut a product `[H,W,3]` out with what a network sees, in one look or in two (`looks` in the report)."""
    picture = srgb.unsqueeze(0)
    cut, looks = from_model(srgb, look(picture), None, progress, parts), 1
    if cut.confidence < TRUSTED:
        mirrored = look(picture.flip(2)).flip(1)
        cut, looks = more_trusted(cut, from_model(srgb, mirrored, None, progress, parts)), 2
    cut.report["looks"] = looks
    return cut


def more_trusted(first: Cutout, second: Cutout) -> Cutout:
    """The one of two cut-outs of one photo that is trusted more.

    Where both are alike in that, the one with more of the product: what was left out is lost, what was added is seen.
    """
    if abs(first.confidence - second.confidence) > _ALIKE:
        return max(first, second, key=lambda cut: cut.confidence)
    return max(first, second, key=lambda cut: float(cut.report["coverage"]))
