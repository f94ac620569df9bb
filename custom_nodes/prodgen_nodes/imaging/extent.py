"""How far a product reaches: the box around what of it is seen, which places it on a canvas and fills a frame.

What covers more than half of its pixels is product. Glass, gauze and a clear lid cover less, and are seen all the same;
a shadow that came with a file's own transparency covers as much, and is none of the product. What tells the two apart
is the edge: from outside a shadow begins with nothing and gets denser gradually, a see-through part begins at once. So
all that can be come to from outside without crossing an edge is no product, however dense it gets. Where its colours
are known, nor is a shadow with a hard edge: what is black and lies flat at the product's foot.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from .filters import area_reduced, dilate, opened, square_max, touching
from .tensors import Box, bounding_box

_SEEN = 0.1
"""Coverage from which something is seen: a tenth of black on white is 13 of 255 levels in linear light, 26 in sRGB."""
_SIDE = 400
"""Pixels of the longer side of what covers more than half, at which edges are looked for: they and shadows are told
apart by how wide they are in the product, not in the photo."""
_EDGE = 0.07
"""The difference of coverage between neighbours of a pixel that is an edge. Of a glass that covers .2 it is .15; of a
shadow that covers .45 in the middle and is soft over a hundredth of the product (1 sigma) it is .06."""
_FARTHER = 0.03
"""By how much of the longer side the box must grow on a side for it to grow there: hair, the soft edge of a matte and
the thin line of a contact shadow do not move a product."""
_LINE = 2
"""Half the width of a line that is no area, in pixels of that size."""
_FAINT, _BLACK, _COLOURLESS = 0.03, 0.25, 0.06
"""Coverage from which something has a colour at all; the lightest (sRGB) that a shadow is, and how much lighter one
channel may be than another."""
_FOOT = 0.3
"""The part of the product's height, from below, in which a shadow on the floor lies."""
_ROOM = 1.6
"""Pixels around what covers more than half that are looked at, in its longer sides: a neck may be longer than what it
belongs to."""


def product_box(mask: Tensor, product: Tensor | None = None, name: str = "mask") -> Box:
    """The box around what is seen of the product of one `mask` `[H,W]` (1 = product), see-through parts too, shadows
    not. `product` `[H,W,3]` sRGB: its colours, where they are known. Raises EmptyMaskError where nothing covers more
    than half of a pixel."""
    firm = bounding_box(mask, name=name)
    seen = bounding_box(mask, _SEEN)
    least = _FARTHER * max(firm.width, firm.height)
    if not any(_grown(firm, seen, least)):
        return firm
    farther = _seen_as_product(mask, product, firm)
    box = firm if farther is None else bounding_box(farther, _SEEN)
    left, top, right, bottom = _grown(firm, box, least)
    return replace(
        firm,
        left=box.left if left else firm.left,
        top=box.top if top else firm.top,
        right=box.right if right else firm.right,
        bottom=box.bottom if bottom else firm.bottom,
    )


def _grown(inner: Box, outer: Box, least: float) -> tuple[bool, bool, bool, bool]:
    """On which sides (left, top, right, bottom) `outer` reaches farther by more than `least` pixels."""
    return (
        inner.left - outer.left > least,
        inner.top - outer.top > least,
        outer.right - inner.right > least,
        outer.bottom - inner.bottom > least,
    )


def _seen_as_product(mask: Tensor, product: Tensor | None, firm: Box) -> Tensor | None:
    """`mask` `[H,W]` without what can be come to from outside over no edge, and what does not hang on the product;
    None where nothing of it covers more than half of a pixel at the size at which that is looked for."""
    longest = max(firm.width, firm.height)
    room, factor = round(_ROOM * longest), max(1, round(longest / _SIDE))
    top, left = max(0, firm.top - room), max(0, firm.left - room)
    area = (slice(top, firm.bottom + room), slice(left, firm.right + room))
    part = mask[area]
    small = area_reduced(part, factor)
    core = small > 0.5
    if not bool(core.any()):
        return None
    # Outside of the picture there is nothing: what its frame cuts off ends there in an edge.
    around = F.pad(small, (1, 1, 1, 1))
    step = (square_max(around, 1) + square_max(-around, 1))[1:-1, 1:-1]
    outside = F.pad((step < _EDGE) & ~core, (1, 1, 1, 1), value=True)
    border = torch.zeros_like(outside)
    border[0] = True
    inside = ~touching(outside, border)[1:-1, 1:-1]
    if product is not None:
        inside &= ~_lying_shadow(part, product[area], small, factor)
    # What shadows with one hard side leave is that side's line alone; a see-through part is an area, rim and all.
    pieces = opened(inside, _LINE) | core
    # The pixels of an edge are half of what lies beyond it, which is nothing.
    kept = dilate(touching(pieces, core), 1)
    wide = F.interpolate(kept.to(mask)[None, None], scale_factor=factor, mode="nearest")[0, 0]
    whole = torch.zeros_like(mask)
    whole[area] = part * wide[: part.shape[0], : part.shape[1]]
    return whole


def _lying_shadow(alpha: Tensor, product: Tensor, small: Tensor, factor: int) -> Tensor:
    """Boolean `[h,w]`: what is black, covers less than half and lies flat at the foot; `small` `[h,w]` is `alpha`
    `[H,W]` reduced by `factor`, `product` `[H,W,3]` its colours."""
    colors = area_reduced(product[..., :3].movedim(-1, 0) * alpha, factor) / small.clamp(min=1e-3)
    light, dark = colors.amax(dim=0), colors.amin(dim=0)
    firm = small > 0.5
    black = opened((small > _FAINT) & ~firm & (light < _BLACK) & (light - dark < _COLOURLESS), 1)
    labels, _ = ndimage.label(black.cpu().numpy())
    body = bounding_box(small)
    floor = body.bottom - _FOOT * body.height
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        if columns.stop - columns.start <= rows.stop - rows.start or rows.start <= floor:
            labels[labels == number] = 0
    return dilate(torch.from_numpy(labels > 0).to(alpha.device), 2) & ~firm
