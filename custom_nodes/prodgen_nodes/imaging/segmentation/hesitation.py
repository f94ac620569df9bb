"""Doubts where a network only half sees something: in the product, at it, or elsewhere in the picture."""

from __future__ import annotations

import torch
from torch import Tensor

from ..filters import dilate, erode
from .confidence import Trust, judge_model, ramp
from .fusion import HESITANT, Fused
from .regions import Regions

_MUCH, _LITTLE = 0.12, 0.012
"""The share of the product over which it hesitates that leaves no trust, and that is no doubt."""
_MUCH_ELSEWHERE, _LITTLE_ELSEWHERE, _LEAST = 0.06, 0.006, 0.55
"""The same of what it half sees elsewhere, and the least factor for that: the product itself is none the worse."""
_ANOTHER = 0.3
"""The share of the product from which something half seen elsewhere may be the product itself. A shelf's things
beside a microwave oven have .04 and .25; two tubes among hearts, which the network took for the product, .24, and .5
that hangs together with these."""
_ACROSS = 2
"""Half of the pixels across which things hang together."""


def judge_seen(mask: Tensor, fused: Fused, reach: int, plain: float, trust: Trust) -> None:
    """All doubts about a segmenter's `mask` `[H,W]` alone: hesitant, or at odds with the picture. What the picture
    opened beyond doubt counts as seen."""
    shown = torch.where(fused.gaps, 0.0, mask)
    judge_hesitation(shown, fused, reach, trust)
    judge_model(shown, fused, plain, trust)


def judge_hesitation(mask: Tensor, fused: Fused, reach: int, trust: Trust) -> None:
    """Doubts about a segmenter's `mask` `[H,W]`: hesitant off its own outline.

    What it half sees and leaves out weighs twice: a tail, a stand, a chain are gone from the picture then. Where that
    lies apart from the product it is another thing. `reach`: how far beside its outline softness is only the outline's
    own.
    """
    solid, product = mask > 0.5, fused.likelihood > 0.5
    size = max(1.0, float(product.float().sum()))
    seen = mask > HESITANT
    soft = seen & (mask < 1 - HESITANT) & ~(dilate(solid, reach) & ~erode(solid, reach)) & ~fused.half_filled
    left = soft & ~solid & ~product
    apart = left & ~_connected(seen, product)
    elsewhere = float(apart.float().sum()) / size
    if elsewhere > _ANOTHER:
        apart, elsewhere = torch.zeros_like(apart), 0.0
    hesitant = float((soft & solid).float().sum() + 2 * (left & ~apart).float().sum()) / size
    trust.doubt(ramp(hesitant, _MUCH, _LITTLE), "the model hesitates over parts of the picture beside the product")
    trust.doubt(
        _LEAST + (1 - _LEAST) * ramp(elsewhere, _MUCH_ELSEWHERE, _LITTLE_ELSEWHERE),
        "another thing in the picture that the model half saw was left out",
    )


def _connected(seen: Tensor, product: Tensor) -> Tensor:
    """What of the boolean `seen` `[h,w]` hangs together with the `product` `[h,w]`, across a few pixels."""
    regions = Regions(dilate(seen | product, _ACROSS))
    return regions.chosen(regions.touched(product))
