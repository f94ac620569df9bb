"""The rest of a hand of which a part was found: what a network that knows objects sees as one thing with it.

A hand in a light of its own, in a dark glove or with jewellery on it has parts that are no colour of skin. Where such a
part lies beside what was found, Segment Anything is asked at points of that: the object it draws there brings the rest
of the hand, as far as the picture differs there from the product in any shade. So no pixel that may be the product's
comes with it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import dilate, opened, touching
from ..segmentation.whole_objects import Prompt, spread, stability
from ..tensors import bounding_box
from .left_out import UNLIKE
from .pieces import SURE

_BESIDE = 4
"""Pixels between what was found and what is missing: the edge of both, and a line of shade."""
_MISSING = 0.06
"""Of what was found: so much beside it that is neither hand nor product is a reason to ask. Less is an edge: of 33
pictures of hands it asks in nine, in four of them for nothing."""
_MARGIN = 0.5
"""Of the longer side of both, around them, for the network to see the hand's other end and the product."""
_POINTS = 5
"""Where it is asked: at three a fist was drawn by half in four of 40 pictures of hands."""
_STABLE, _HAS = 0.8, 0.7
"""How little the object's outline depends on where it is drawn, and how much of what was found it has. Hands that are
drawn whole were seen from 0.80 and from 0.73 on: a rim of what was found may be shade."""
_MOST_GROWTH = 4.0
"""Times what was found: an object that is larger is not known by so little of it. 3.7 was right."""
_PRODUCT = 0.15
"""Of what an object adds, how much may be like the product: with hands it is up to 0.02, from 0.2 on it was product."""
_REDRAWN = 0.2
"""Of the product that the object leaves, how much may be unlike it: more and the model has redrawn it, so that what is
unlike it is no hand. Where it was not redrawn it is 0.02 to 0.09."""


def with_the_rest(pieces: Tensor, unlike: Tensor, own: Tensor, inside: Tensor, scene: Tensor, see: Prompt) -> Tensor:
    """`pieces` `[h,w]` (0 or 1) of hands over the product `inside` `[h,w]`, and the rest of them.

    `unlike` `[h,w]` the CIELAB difference to the product in any shade, `own` `[h,w]` where its own print was
    recognised, `scene` `[h,w,3]` sRGB; `see` shows it to the network. As given where nothing is missing beside them, or
    where the network knows no such object.
    """
    found = pieces > 0.5
    strange = inside & ~own & ~found & (unlike > UNLIKE)
    strange = opened(strange.to(pieces)[None], 1)[0] > 0.5
    beside = touching(strange | dilate(found, _BESIDE), found) & strange
    if float(beside.sum()) < _MISSING * max(1.0, float(found.sum())):
        return pieces
    drawn = _object(found, beside, inside, scene, see)
    if drawn is None:
        return pieces
    more = drawn & inside & ~found
    like = more & (own | (unlike < SURE))  # a network sees the hand there as well, so less will do than UNLIKE
    left = inside & ~drawn & ~found
    redrawn = left & ~own & (unlike > SURE)
    if float(like.sum()) > _PRODUCT * float(more.sum()) or float(redrawn.sum()) > _REDRAWN * float(left.sum()):
        return pieces
    every = opened((found | (more & ~like)).to(pieces)[None], 1)[0] > 0.5
    return (found | touching(every, found)).to(pieces)


def _object(found: Tensor, beside: Tensor, inside: Tensor, scene: Tensor, see: Prompt) -> Tensor | None:
    """The object `[h,w]` bool that has what was `found` and goes on beyond the product; None where none is seen. What
    is `beside` it lies in the picture that is looked at."""
    box = bounding_box((found | beside).float())
    margin = round(_MARGIN * max(box.width, box.height))
    area = box.grown(margin, found.shape[1], found.shape[0])
    rows, columns = slice(area.top, area.bottom), slice(area.left, area.right)
    seen = see(scene[None, rows, columns])
    if seen is None:
        return None
    asked = F.interpolate(found[None, None, rows, columns].float(), size=seen.grid, mode="area")[0, 0] > 0.5
    answers, _ = seen.objects(spread(asked, _POINTS))
    best, most = None, _STABLE
    for answer in answers:
        size = (area.height, area.width)
        there = F.interpolate(answer[None, None], size=size, mode="bilinear", align_corners=False)[0, 0] > 0
        whole = torch.zeros_like(found)
        whole[rows, columns] = there
        before, now = float(found.sum()), float((whole & inside).sum())
        has = float((whole & found).sum()) >= _HAS * before and now <= (1 + _MOST_GROWTH) * before
        if has and bool((whole & ~inside).any()) and stability(answer) > most:
            best, most = whole, stability(answer)
    return best
