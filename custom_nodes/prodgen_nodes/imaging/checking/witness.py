"""A second opinion on the cut-out: what a network that knows nothing of it takes for a thing in the photo, beside it.

A foot that was bitten off is missing in cut-out and picture alike, and no comparison of the two sees it. The photo
shows it, where somebody looks again: what is seen there beyond the cut-out, joined to it and in the very colours it was
cut off from, and ends in an edge of its own, is a piece of the product. What has other colours may be a thing beside.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, srgb_to_lab
from ..fidelity.places import place_of
from ..fidelity.whole import Missing, Whole
from ..filters import dilate, erode, masked_blur, opened
from ..tensors import Box, bounding_box

_SURE = 0.6
"""The network's alpha from which it sees a thing there."""
_BESIDE, _THICK, _LEAST = 0.012, 0.008, 0.004
"""How far beyond the cut-out a soft edge reaches, what is thinner and no piece (of the product's longer side), and the
least share of its area that is one: those of what is added in a picture."""
_SAME, _ENDS = 6.0, 12.0
"""dE00 across the cut up to which the product goes on there; and across the far edge of the piece from which it ends
there: a shadow, which a network takes for a part of what casts it now and then, fades."""


def with_witness(whole: Whole, photo: Tensor, mask: Tensor, seen: Tensor) -> Whole:
    """`whole` with what was `seen` `[h,w]` (alpha of all things) in sRGB `photo` `[h,w,3]` beyond the cut-out's `mask`
    `[h,w]`: surely a piece of it, or perhaps, and then whether it is whole is not known."""
    pieces = list(_pieces(photo, mask, seen))
    certain = tuple(piece for piece, is_own in pieces if is_own)
    if whole.whole is False or certain:
        known = {piece.place for piece in whole.missing}
        return Whole(False, (*whole.missing, *(piece for piece in certain if piece.place not in known)))
    if not pieces:
        return whole
    places = ", ".join(dict.fromkeys(piece.place for piece, _ in pieces))
    note = f"{places}: something in the photo joins the cut-out there, which may be a part of the product"
    return Whole(None, note=note if whole.note is None else f"{whole.note}; {note}")


def _pieces(photo: Tensor, mask: Tensor, seen: Tensor) -> Iterator[tuple[Missing, bool]]:
    """What was seen beyond the `mask`, largest first, and whether it surely is the product's own."""
    product = bounding_box(mask)
    side, area = max(product.width, product.height), float((mask > 0.5).sum())
    reach = max(3, round(_BESIDE * side))
    body = mask > 0.5
    beyond = opened((seen > _SURE) & ~dilate(mask > 0.02, reach), max(1, round(_THICK * side)))
    if not bool(beyond.any()):
        return
    lab = srgb_to_lab(photo)
    labels, count = ndimage.label(beyond.cpu().numpy(), np.ones((3, 3)))
    sizes = ndimage.sum_labels(labels > 0, labels, np.arange(1, count + 1))
    for number in np.argsort(-sizes):
        share = float(sizes[number]) / area
        if share < _LEAST:
            return
        own = torch.from_numpy(labels == number + 1).to(mask.device)
        joined = own & dilate(body, 2 * reach)
        if not bool(joined.any()):
            continue
        box = bounding_box(own.to(mask))
        place = place_of((box.left + box.right) / 2, (box.top + box.bottom) / 2, product)
        yield Missing(place, box, share), _is_own(lab, own, joined, (body, seen), reach, box)


def _is_own(lab: Tensor, own: Tensor, joined: Tensor, others: tuple[Tensor, Tensor], reach: int, box: Box) -> bool:
    """Whether a piece `own` `[h,w]` has the colours that the product's `body` has across the cut, where it is `joined`
    to it, and ends in an edge where nothing more is `seen`."""
    body, seen = others
    margin = 4 * reach
    area = (
        slice(max(0, box.top - margin), box.bottom + margin),
        slice(max(0, box.left - margin), box.right + margin),
    )
    lab, own, joined, body, seen = lab[area], own[area], joined[area], body[area], seen[area]
    planes = lab.movedim(-1, 0)[None]
    firm = erode(body, 2)
    if not bool((firm & dilate(joined, 3 * reach)).any()):
        return False
    across = masked_blur(planes, firm.to(lab)[None], float(reach), 1e-6)[0].movedim(0, -1)
    goes_on = float(delta_e00(lab[joined], across[joined]).median()) < _SAME
    far = dilate(own, 3) & (seen < 0.1) & ~dilate(body, 2 * reach)
    rim = own & ~erode(own, 3) & dilate(far, 6)
    if not bool(far.any()) or not bool(rim.any()):
        return False
    outside = masked_blur(planes, far.to(lab)[None], 2.0, 1e-6)[0].movedim(0, -1)
    return goes_on and float(delta_e00(lab[rim], outside[rim]).median()) > _ENDS
