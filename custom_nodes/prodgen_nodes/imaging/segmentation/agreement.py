"""Where two looks at one photo differ, does the picture itself say which of them is right?

A network that sees a piece in the photo and not in its mirror image, or the other way round, guesses there. Mostly the
picture settles it: what was kept is plainly no backdrop. Of what was left out, or is about as light as the backdrop,
nothing is settled: white parts before white, a bottle's base in the dark. Nor is it at the foot, where the floor, its
light and a reflection are no plain backdrop either.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..filters import opened
from .pyramid import resized
from .regions import Regions

UNSETTLED = "two looks at the photo differ where it shows no clear difference between product and backdrop"
AT_THE_FOOT = "two looks at the photo differ where the product meets the ground: some of the floor may be left on it"
_SEEN = 0.5
"""What a look says of what it takes for product, at least."""
_LARGE = 24e-4
"""The least unsettled piece, as a share of the product. Of 186 right cut-outs of photographs before plain backdrops one
has more (a laptop of 220 pixels; the next 19e-4), of 34 wrong ones 14, all from 30e-4 on."""
_FLOOR, _FOOT = 8e-4, 0.95
"""The least piece at the foot, and how far down the product that begins: floor beside a shoe box 9e-4 to 40e-4 and a
mouse's base 30e-4 (.97 and .99 down); of the right ones, a shoe with noise 26e-4, the next 7.9e-4."""
_KEPT, _OFF = 0.9, 18 / 255
"""The share of a piece that was kept, and how much it is off the backdrop's colour, from which on the picture settles
it: a phone's white frame has 16, a black screen seen in one look only 20 to 132."""


def doubt_of_looks(off: Tensor, alpha: Tensor, first: Tensor, second: Tensor) -> str:
    """Why two looks `[y,x]` at a picture before a plain backdrop leave its matte `alpha` `[h,w]` doubtful, empty where
    they do not. `off` `[h,w]`: how far each pixel (sRGB) is off the backdrop's colour."""
    product, size = alpha > 0.5, (alpha.shape[0], alpha.shape[1])
    one, other = (resized(look, size) > _SEEN for look in (first, second))
    regions, share = Regions(opened(one ^ other, 1)), max(1.0, float(product.float().sum()))
    large = regions.area > _FLOOR * share
    if not large.any() or not bool(product.any()):
        return ""
    kept = regions.mean(product.float()) > _KEPT
    if (large & kept & (regions.mean(_depth(product)) > _FOOT)).any():
        return AT_THE_FOOT
    large &= regions.area > _LARGE * share
    if not large.any():
        return ""
    settled = kept & (regions.mean(off) > _OFF)
    return UNSETTLED if bool(np.any(large & ~settled)) else ""


def _depth(product: Tensor) -> Tensor:
    """How far down the `product` `[h,w]` bool each pixel `[h,w]` lies: 0 at its top, 1 at its bottom."""
    rows = torch.nonzero(product.any(dim=1)).flatten()
    top, bottom = int(rows[0]), int(rows[-1])
    depth = (torch.arange(product.shape[0], device=product.device) - top) / max(1, bottom - top)
    return depth.unsqueeze(1).expand(product.shape)
