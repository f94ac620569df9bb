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


def recolored(view: Overview, ratio: Tensor | None, inside: Tensor) -> Recolored | None:
    """Compare the colours of `view` where `inside` `[h,w]` is true, the product's relit by the small plane `ratio`;
    None where it is only a part of the product, or nothing, that has another colour."""
    expected = view.original if ratio is None else (view.original * ratio).clamp(0.0, 1.0)
    if int(inside.sum()) < 16:
        return None
    weight = inside.to(expected)
    sigma = max(2.0, _SMOOTH * view.product_long_side)
    here, there = (
        linear_to_lab(masked_blur(plane.clamp(0.0, 1.0), weight[None], sigma, 1e-6)[0][:, inside].T)
        for plane in (view.generated, expected)
    )
    off = delta_e00(here, there)
    mean = float(off.mean())
    most = off >= _OF_MEAN * mean
    if not float(most.float().mean()) > _SHARE:
        return None
    was, became = (name_of(colors[most].median(dim=0).values.cpu()) for colors in (there, here))
    return Recolored(float(off.median()), was, became)
