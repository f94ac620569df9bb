"""Where a cut-out is doubted, a network that knows objects may prefer what another network sees.

One network takes a watch for its dial and leaves the bracelet, strewn sweets for the tubes among them, a black corner
for the dark. Another sees the whole, and coarsely the same happens to it elsewhere: neither's own confidence tells.
Segment Anything, shown the box of either and points of it, draws one of them again and the other not. It does so of
parts as well, of a label or a pendant: so nothing is taken that lacks what every look of the first network was sure of,
or that fills its openings.

What is trusted before a shaded or busy backdrop is doubted where neither of its answers has a part of the product, or
both have more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..filters import dilate, opened
from .pyramid import resized
from .regions import Regions, enclosed
from .whole_objects import Seen, both_answers, overlap, stability

PREFERRED = "another network sees a product here that one which knows objects draws, too, unlike the first one's"
ANOTHER_OBJECT = "a network that knows objects draws less than this, or more: is a shadow kept, or a piece missing?"
DRAWN_ALONE = 0.55
"""The confidence of a cut-out that is drawn so, at least."""
_DRAWN, _BETTER = 0.9, 0.03
"""How well (intersection over union) it has to be drawn, and by how much better than the first one. Of 152 photographs,
27 hard ones and 125 of small sellers, the wholes of a camera, a watch, a suit, a perfume, a pot with ivy, a pair of
tubes and one of shoes are drawn with .91 to .98, what the first network made of them with 0 to .93; two of four stools
with .82, what is behind a bracelet with .89."""
_WHOLE = 0.95
"""How well an object has to be drawn that is delivered for that alone: a bottle and three fans have .97 and more,
a teapot that has lost its spout beside cups .934, a pair of shoes that is right .922."""
_STABLE = 0.87
"""The least stability score of both answers: a pot with ivy has .875, sandals and the hand that holds them .863."""
_OWN = 0.9
"""The overlap of the cut-out with what its network sees: where the picture's evidence tore it, it says nothing. One key
of a keyboard is drawn with .97 and has .19; what is right .95 and more."""
_CERTAIN, _LOST, _APART = 0.8, 0.008, 0.1
"""What every look of the first network is sure of; and how much of that, and of its cut-out, may be lost, as a share of
the product: where it joins that, and anywhere, but for pieces of a refused one that no look is sure of. Sweets around
tubes are .05, apart from them; a bag's handles are .046, a pendant's chain .013 and more."""
_CLOSED, _UNSEEN = 0.5, 0.1
"""The share of what is more than the first one has that may lie in its openings; and what no look of the first network
says of the openings of a refused one, as there may be tears among them. A bicycle's wheels, filled, have .68 of it in
such; what is right (a watch, two tubes, a camera, a ring on a twig) nothing."""
_AROUND = 2
"""Pixels by which outlines differ."""
_TOO_MUCH, _TOO_LITTLE = 0.02, 0.005
"""What it leaves out, or sees beyond, of what is trusted: a share of the product, thicker than outlines. Of 40
trusted photographs before shaded or busy backdrops four were wrong: a necklace with the board behind it has .13, a jar
with its flash shadow .034; a clear bottle with a bite .027 and hair clips with frayed edges .007 more. A tool box that
is right has .067, all else .004 at most, and .002 more."""


def how_drawn(seen: Seen, alpha: Tensor) -> float:
    """How well (intersection over union) the network draws the product of a matte `[h,w]` again, asked for what is in
    its box and for points of it; the lesser of both, and 0 where an answer is not stable."""
    product = resized(alpha, seen.grid) > 0.5
    if not bool(product.any()):
        return 0.0
    answers = both_answers(seen, product)
    if min(map(stability, answers)) < _STABLE:
        return 0.0
    return min(overlap(answer > 0, product) for answer in answers)


def draws_another(seen: Seen, alpha: Tensor) -> bool:
    """Whether the network draws far less, or more, than the product of a matte `[h,w]`."""
    product = resized(alpha, seen.grid) > 0.5
    area = float(product.float().sum())
    if area == 0:
        return False
    one, other = (answer > 0 for answer in both_answers(seen, product))
    extra, missing = (
        opened(part, _AROUND).float().sum() for part in (product & ~(one | other), one & other & ~product)
    )
    return float(extra) > _TOO_MUCH * area or float(missing) > _TOO_LITTLE * area


def is_drawn_whole(seen: Seen, alpha: Tensor) -> bool:
    """Whether the network draws the very product of a matte `[h,w]`."""
    return how_drawn(seen, alpha) >= _WHOLE


def is_preferred(
    seen: Seen, alpha: Tensor, looks: Sequence[Tensor], theirs: Tensor, network: Tensor, refused: bool
) -> bool:
    """Whether `theirs` `[h,w]`, the matte that another `network`'s mask `[y,x]` made, is to be taken instead of a
    doubted matte `alpha` `[h,w]` that was made of the first one's `looks` `[y,x]`. `refused`: whether that is believed
    so little that it may be torn."""
    product, other, mask = (resized(one, seen.grid) > 0.5 for one in (alpha, theirs, network))
    area = float(other.float().sum())
    if area == 0 or overlap(other, mask) < _OWN:
        return False
    said = torch.stack([resized(look, seen.grid) for look in looks])
    sure = said.amin(dim=0) > _CERTAIN
    lost = Regions((sure | product) & ~dilate(other, _AROUND))
    joined = lost.touched(dilate(other, 2 * _AROUND + 1))
    counts = joined | lost.touched(sure if refused else opened(product, 1))
    if lost.area[joined].sum() > _LOST * area or lost.area[counts].sum() > _APART * area:
        return False
    more = opened(other & ~product, 1)
    closed = enclosed(product)
    if refused:  # it is torn: only what no look sees is open
        closed &= said.amax(dim=0) < _UNSEEN
    if float((more & closed).float().sum()) > _CLOSED * float(more.float().sum()):
        return False
    drawn = how_drawn(seen, theirs)
    return drawn >= _DRAWN and drawn >= how_drawn(seen, alpha) + _BETTER
