"""Where of a product nothing is left in a picture: the ground beside it shows where the product should be."""

from __future__ import annotations

from torch import Tensor

from ..color.overview import Overview
from ..colorspace import delta_e00, linear_to_lab
from ..filters import erode, masked_blur
from .whole import unlike_any_shade

_BESIDE = 0.05
"""1 sigma over which the ground beside is carried on below the product, of its longer side."""
_SAME, _OTHER = 6.0, 10.0
"""dE00 to the ground up to which it is the ground that shows; and that the product must have to it to be told."""
_SHADE, _NEARER = 4.0, 0.35
"""dE00 to the ground in some shade up to which it is a shadow on it, where that is this much nearer to the ground than
the product: grey is a shade of white, too."""
_MOST = 0.5
"""Of a product of which more is gone another is there, in the ground's colour."""


def gone_in(view: Overview, expected: Tensor, inside: Tensor) -> Tensor:
    """Bool `[h,w]` where `inside` `[h,w]` the picture of `view` shows its ground, and not linear `expected`
    `[1,3,h,w]`."""
    gone = inside.new_zeros(inside.shape)
    beside = erode(view.mask[0] < 0.02, 1)
    if not bool(beside.any()) or not bool(inside.any()):
        return gone
    sigma = max(3.0, _BESIDE * view.product_long_side)
    ground = masked_blur(view.generated.clamp(0.0, 1.0), beside.to(expected)[None], sigma, 1e-9)
    base, here, there = (linear_to_lab(plane[0][:, inside].T) for plane in (ground, view.generated, expected))
    near, far = delta_e00(here, base), delta_e00(there, base)
    shade = (unlike_any_shade(here, base) < _SHADE) & (near < _NEARER * far)
    own = ((near < _SAME) | shade) & (far > _OTHER) & (near < far / 2)
    gone[inside] = own
    return gone if float(own.float().mean()) < _MOST else gone & False
