"""Light of another colour: where a plain ground and the product on it changed the same way, a lamp did it.

A warm lamp makes all of a picture warmer, what is grey, too. Seen alone the product would have another colour; beside a
ground that has the same cast it has not. Whether it has is left to the comparison with the product in that light.
"""

from __future__ import annotations

from torch import Tensor

from ..colorspace import lab_to_linear, linear_to_srgb, luminance, srgb_to_linear
from .studio import Studio, studio_of

_FLARE = 0.01
"""Linear light that is added to both grounds: below it a ground has no colour."""
_LEAST, _MOST = 1.06, 2.5
"""How much stronger in one channel than in another light is a cast, and still light: daylight in the shade over that of
a 2700 K lamp is beyond that, but no camera leaves its white balance so far off."""


def tint_of(picture: Studio, photo: Tensor, mask: Tensor) -> Tensor | None:
    """The cast `[3]` of the plain ground of a `picture` over that of sRGB `photo` `[h,w,3]` around its `mask` `[h,w]`,
    1 in the strongest channel; None where there is no plain ground, no cast, or more than light leaves."""
    own = studio_of(photo, mask, mask)
    if own is None:
        return None
    gain = (_color(picture) + _FLARE) / (_color(own) + _FLARE)
    strength = float(gain.max() / gain.min())
    return gain / gain.max() if _LEAST <= strength <= _MOST else None


def in_tint(color: Tensor, tint: Tensor) -> Tensor:
    """sRGB `color` `[h,w,3]` in light of the cast `tint` `[3]`."""
    return linear_to_srgb(srgb_to_linear(color) * tint.to(color)).contiguous()


def dimmed_by(tint: Tensor) -> float:
    """The linear luminance that is left of something white."""
    return float(luminance(tint))


def _color(studio: Studio) -> Tensor:
    """The ground's linear RGB `[3]`, the median of it."""
    linear: Tensor = lab_to_linear(studio.ground.lab.movedim(0, -1)).reshape(-1, 3).median(dim=0).values
    return linear.clamp(min=0.0)
