"""Whether a product has another colour as a whole, which a lost print, a missing piece or a shift do not make."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..color.overview import Overview
from ..colorspace import delta_e00, linear_to_lab
from ..filters import masked_blur
from ..product.palette import name_of

_SMOOTH = 0.01
"""1 sigma of the means that are compared, of the product's longer side: a seam or fine print out of place is averaged;
with twice as much two colours side by side in checks of a tenth of it would be."""
_SHARE, _OF_MEAN = 0.5, 0.6
"""A product has another colour where this share of it differs by at least this share of the mean."""


@dataclass(frozen=True)
class Recolored:
    """The median dE00 of smooth colours, and what most of the product was and `became`, in words."""

    off: float
    was: str
    became: str


@dataclass(frozen=True)
class SmoothColors:
    """CIELAB `[n,3]` of the product's smooth colours `here` and in the photo (`there`), and their dE00 `off` `[n]`."""

    here: Tensor
    there: Tensor
    off: Tensor


def smooth_colors(view: Overview, ratio: Tensor | None, inside: Tensor) -> SmoothColors | None:
    """The colours of `view` where `inside` `[h,w]` is true, the product's relit by the small plane `ratio`; None where
    that is next to nothing."""
    expected = view.original if ratio is None else (view.original * ratio).clamp(0.0, 1.0)
    if int(inside.sum()) < 16:
        return None
    weight = inside.to(expected)
    sigma = max(2.0, _SMOOTH * view.product_long_side)
    here, there = (
        linear_to_lab(masked_blur(plane.clamp(0.0, 1.0), weight[None], sigma, 1e-6)[0][:, inside].T)
        for plane in (view.generated, expected)
    )
    return SmoothColors(here, there, delta_e00(here, there))


def recolored(colors: SmoothColors | None) -> Recolored | None:
    """The change of colour of a product; None where it is only a part of the product, or nothing, that has another."""
    if colors is None:
        return None
    most = colors.off >= _OF_MEAN * float(colors.off.mean())
    if not float(most.float().mean()) > _SHARE:
        return None
    was, became = (name_of(lab[most].median(dim=0).values.cpu()) for lab in (colors.there, colors.here))
    return Recolored(float(colors.off.median()), was, became)
