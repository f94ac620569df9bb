"""A second opinion on the cut-out: what a network that knows nothing of it takes for a thing in the photo, beside it.

A foot that was bitten off is missing in cut-out and picture alike, and no comparison of the two sees it. The photo
shows it, where somebody looks again: what is seen there beyond the cut-out, joined to it and in the colours it was cut
off from, is a piece of the product. What has other colours may be a thing beside it. A network that made the cut-out by
itself says the same again: this helps where a hint, a file or another tool made it, or its looks were put together.
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
_BESIDE, _LEAST, _NOT = 0.012, 0.004, 0.2
"""A piece is thicker than twice the first, of the product's longer side (two mattes of one edge differ by less), and
larger than the second, of its area; the cut-out's alpha there is less than the third."""
_SAME = 10.0
"""dE00 across the cut up to which the product goes on there. Of 13 photos cut out by ISNet, with a foot or corner
bitten off then, the network sees the piece in 12, and it is below this in nine; this was chosen with them in view. Of
the cut-outs that were not bitten it sees anything beyond in one, a watch without its bracelet (11.7, or below this)."""


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
    beyond = opened((seen > _SURE) & (mask < _NOT), reach)
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
        joined = own & dilate(body, reach)
        if not bool(joined.any()):
            continue
        box = bounding_box(own.to(mask))
        place = place_of((box.left + box.right) / 2, (box.top + box.bottom) / 2, product)
        yield Missing(place, box, share), _goes_on(lab, joined, body, reach, box)


def _goes_on(lab: Tensor, joined: Tensor, body: Tensor, reach: int, box: Box) -> bool:
    """Whether a piece in the `box` has the colours where it is `joined` `[h,w]` to the product's `body` that this has
    across the cut."""
    margin = 4 * reach
    rows, columns = (slice(max(0, low - margin), high + margin) for low, high in
                     ((box.top, box.bottom), (box.left, box.right)))  # fmt: skip
    lab, joined, firm = lab[rows, columns], joined[rows, columns], erode(body[rows, columns], 2)
    if not bool((firm & dilate(joined, 3 * reach)).any()):
        return False
    across = masked_blur(lab.movedim(-1, 0)[None], firm.to(lab)[None], float(reach), 1e-6)[0].movedim(0, -1)
    return float(delta_e00(lab[joined], across[joined]).median()) < _SAME
