"""The sRGB curves of `colorspace` in place and without a mask: for planes that are worked on once and by the band.

They agree with `colorspace` to 5e-7. Each curve is its upper part (held below the knee) plus its lower one (held above
it), where `colorspace`, which keeps black exactly 0, chooses between the two.
"""

from __future__ import annotations

import math

from torch import Tensor

SRGB_KNEE, LINEAR_KNEE = 0.04045, 0.0031308
SLOPE = 12.92
"""Of IEC 61966-2-1: below the knees the curve is a line of this slope. The same for `colorspace`."""
_GAMMA = 2.4
"""Of the same standard, above the knees."""
_OF_LOG = 1 / math.log(2)
"""A power as logarithm and exponential: to the base 2 the latter costs a third, the former to the base e half."""


def decode_(srgb: Tensor) -> Tensor:
    """sRGB values `[...]` to linear light, in place; returns the same tensor. 0 stays below 2e-9, 1 is exactly 1."""
    low = srgb.sub(SRGB_KNEE).clamp_(max=0.0)
    srgb.clamp_(min=SRGB_KNEE).add_(0.055).div_(1.055).log_().mul_(_GAMMA * _OF_LOG).exp2_()
    return srgb.add_(low, alpha=1 / SLOPE)


def encode_(linear: Tensor) -> Tensor:
    """Linear light `[...]` of 0 and more to sRGB, in place; returns the same tensor, never below 0."""
    low = linear.sub(LINEAR_KNEE).clamp_(max=0.0)
    linear.clamp_(min=LINEAR_KNEE).log_().mul_(_OF_LOG / _GAMMA).exp2_().mul_(1.055).sub_(0.055)
    return linear.add_(low, alpha=SLOPE).clamp_(min=0.0)
