"""What a doubted cut-out has too much, or too little, as a network that knows objects sees it.

Networks for salient things say where the eye rests, not where one object ends: they take the cone beside a toy with it,
and leave the pale pot under a plant. Segment Anything, asked for what is in the product's box and at points of the
product, draws one object; but it knows not which, loses thin parts and fills openings. So both are heard. A part goes
that it leaves out both times and, asked there, sees as a thing without the product. A part comes that it takes both
times, and, asked there, sees with the product, where two other networks see it, too; or, where it is beyond doubt what
the object is, that is a bite out of it: no network for salient things sees a white label before white.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from ..filters import dilate, opened
from ..tensors import bounding_box
from .pyramid import resized
from .regions import Regions, enclosed

CORRECTED = "what a network that knows objects sees as a thing of its own was taken off, or what belongs to it added"
"""Why a cut-out that was corrected is doubted."""


class Seen(Protocol):
    """A photo, seen by a network that knows objects (`prodgen_nodes.segment_anything.Seen`)."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the answers: the photo's shape, 256 the longer side."""

    def objects(self, points: Tensor, box: tuple[float, float, float, float] | None = None) -> tuple[Tensor, Tensor]:
        """Three answers `[3,rows,columns]` (above 0: object) and how good each is `[3]`, for `points` `[k,2]` (column,
        row) and a `box` (left, top, right, bottom) of the grid."""


Prompt = Callable[[Tensor], "Seen | None"]
"""A picture `[1,H,W,3]` as such a network sees it; None where there is none."""

POINTS, _OF_A_PART = 5, 2
"""How many points are asked at: of the product, and of a part."""
_SURE, _INSIDE = 0.6, 0.8
"""The product's points lie where every network sees it at least so surely, and the cut-out has so much of it."""
_SPREAD = 0.35
"""Up to which share of the square root of the area from a point the next one is worth less."""
_TIE = 1e-5
"""Pixels of depth by which a pixel farther from the middle counts less: less than depths differ by."""
_THIN = 2
"""Half of the width of the thinnest part, in the grid's pixels."""
_ONE_OBJECT = 0.9
"""Intersection over union of the two answers from which they are one object's."""
_STABLE = 0.91
"""Its stability score, as its authors call it (the area above a logit of 1 by that above -1), of both answers: of 18
corrected cut-outs a jar whose dark foot stays ragged, earrings with the card behind them and a grater have .76 to
.89, what is right .92 and more."""
_GOOD = 0.75
"""What the network must say of an answer, to be heard about a part."""
_SPECK = 0.004
"""The share of the product of what may be lost beside what was taken off."""
_LEAST_TAKEN, _MOST_TAKEN = 0.01, 0.06
"""The share of the product of a part that may go: less changes little, and is the product's own as easily (the tuft of
an elephant's tail, .008), more may be the product's, too. A thing of its own is a cup's prop, .05, a cushion's plant,
.03, a shoe's trinket, .02, what shows in a collar, .017; but a plant's pot, .09, and a blender's cups, .14."""
_LEAST_ADDED, _MOST_ADDED = 0.01, 0.6
"""The share of the product of a part that may come, and of all of them: where more is missing, what was there says
little."""
_WITHOUT, _ITSELF = 0.01, 0.6
"""A thing of its own: how much of the product is in any answer there, at most, and how well one of them draws it
(intersection over union), at least. Of 172 photographs of small sellers 13 have such parts: ornaments, a plant, a cone,
a glass behind, what shows between cups; no answer there has .01 of the product. A plant's pot has .03, a violin's pegs
.05, the hanger in a shirt .9."""
_WITH = 0.6
"""How much of the product an answer at a part has that belongs to it: a plant's pot has .82, a bottle's foot .98."""
_OTHERS = 0.6
"""What two other networks see there on average, each."""
_CLOSED, _FIRST = 0.5, 0.8
"""The share of a part that lies in an opening, and what the network that made the cut-out must see there, then: the
others fill openings, a belt's ring, a chair of strings."""
_CERTAIN = 0.5
"""The answer's logit from which a part that comes is opaque: .62 of 1."""
_BEYOND_DOUBT, _BITE = 0.97, 0.8
"""The stability of both answers, and their overlap, from which an object is beyond doubt; and the share of a part that
lies within the convex hull of the product, then, which a bite has and a shadow beside it has not: all of what
is missing of a clear bottle before white, a tube's band and a soap's label lies there."""
_SCRAPS = 4
"""Pixels of the grid around what comes that what else is missing within such an object reaches, to come with it."""
_SLIT, _SURELY = 0.002, 0.8
"""The share of the product of a small part that comes with larger ones, and what the others see there: where the first
network lost a pot it says nothing of the slits between its leaves."""
_ROUNDED = 1e-9
"""Pixels that a pixel may lie beyond a side of the hull it is on."""
_BESIDE = 3
"""Pixels of the grid around a part that go or come with it, as its edge is soft."""


@dataclass(frozen=True)
class Correction:
    """What is wrong with a matte: parts to `take` off and to `add`, `[rows,columns]` bool; and the `object` there."""

    take: Tensor
    add: Tensor
    object: Tensor

    def of(self, alpha: Tensor, size: tuple[int, int]) -> Tensor:
        """A mask of this `size` that says what is product, of the matte `alpha` `[h,w]`."""
        take, add = (resized(dilate(part.float(), _BESIDE), size) for part in (self.take, self.add))
        whole = resized(torch.sigmoid(self.object), size)
        kept = resized(alpha, size)
        return torch.maximum(torch.where(whole > 0.5, kept, kept * (1.0 - take)), add * whole)

    @property
    def certain(self) -> Tensor:
        """What is opaque of the parts to add, `[rows,columns]` bool: without it the picture's own evidence may tear
        them again, as it tore them before."""
        return dilate(self.add, _BESIDE) & (self.object > _CERTAIN)

    def keeps_the_rest(self, alpha: Tensor, corrected: Tensor) -> bool:
        """Whether all of the matte `alpha` `[h,w]` but what was taken off is in the `corrected` one."""
        grid = (self.take.shape[0], self.take.shape[1])
        before, after = (resized(one, grid) > 0.5 for one in (alpha, corrected))
        lost = opened(before & ~after & ~dilate(self.take, _BESIDE), 1)
        return float(lost.float().sum()) <= _SPECK * float(before.float().sum())


def correction(seen: Seen, alpha: Tensor, first: Tensor, others: Sequence[Tensor]) -> Correction | None:
    """What is wrong with a matte `alpha` `[h,w]` that the `first` network's mask made, for one that has `seen` the
    photo and for `others`, `[y,x]` each; None where nothing is, or the network does not know the object."""
    grid = seen.grid
    matte, one, *two = (resized(mask, grid) for mask in (alpha, first, *others))
    product = matte > 0.5
    area = float(product.float().sum())
    if area == 0:
        return None
    everyone = torch.stack([matte - (_INSIDE - _SURE), one, *two]).amin(dim=0) > _SURE
    points = spread(everyone if bool(everyone.any()) else product, POINTS)
    answers = both_answers(seen, product, points)
    stable, alike = min(map(stability, answers)), overlap(answers[0] > 0, answers[1] > 0)
    if stable < _STABLE or alike < _ONE_OBJECT:
        return None
    in_both, in_any = (answers[0] > 0) & (answers[1] > 0), (answers[0] > 0) | (answers[1] > 0)
    extra, missing = (Regions(opened(part, _THIN)) for part in (product & ~in_any, in_both & ~product))
    taken = (extra.area >= _LEAST_TAKEN * area) & (extra.area <= _MOST_TAKEN * area)
    for number in np.flatnonzero(taken):
        taken[number] = _is_another(seen, product, _only(extra, int(number)))
    added = np.all([missing.mean(mask) >= _OTHERS for mask in two], axis=0)
    bitten = _convex_hull(product) if min(stable, alike) >= _BEYOND_DOUBT else torch.zeros_like(product)
    added |= missing.mean(bitten.float()) >= _BITE
    added &= missing.area >= _LEAST_ADDED * area
    closed = enclosed(product)
    added &= (missing.mean(closed.float()) < _CLOSED) | (missing.mean(one) >= _FIRST)
    for number in np.flatnonzero(added):
        added[number] = _belongs(seen, product, _only(missing, int(number)))
    if missing.area[added].sum() > _MOST_ADDED * area:
        added[:] = False
    if not (taken.any() or added.any()):
        return None
    add = missing.chosen(added)
    if bool((add & ~closed).any()):
        add |= _slits((answers[0] > 0) & ~product & ~add, two, area)
    scraps = Regions(in_both & ~product & bitten)
    add |= scraps.chosen(scraps.touched(dilate(add, _SCRAPS)))
    return Correction(extra.chosen(taken), add, answers[0])


def _convex_hull(product: Tensor) -> Tensor:
    """Boolean `[h,w]`: the smallest convex area that holds the `product`."""
    try:
        sides = ConvexHull(np.argwhere(product.cpu().numpy())).equations
    except QhullError:  # all of it on one line
        return product
    grid = np.indices((product.shape[0], product.shape[1])).reshape(2, -1)
    inside = np.all(sides[:, :2] @ grid + sides[:, 2:] <= _ROUNDED, axis=0)
    return torch.from_numpy(inside.reshape(tuple(product.shape))).to(product.device)


def _slits(missing: Tensor, others: Sequence[Tensor], area: float) -> Tensor:
    """Boolean `[h,w]`: the small parts that are `missing` of a product of this `area`, and that all `others` see."""
    small = Regions(opened(missing, 1))
    seen = np.all([small.mean(mask) >= _SURELY for mask in others], axis=0)
    return small.chosen(seen & (small.area >= _SLIT * area))


def spread(where: Tensor, count: int) -> Tensor:
    """At most `count` points `[k,2]` (column, row) deep inside the boolean `where` `[h,w]`, far from each other."""
    inside = where.cpu().numpy()
    rows, columns = np.indices(inside.shape)
    area = max(1, int(inside.sum()))
    # Of points equally deep the one nearest to the middle: not the leftmost, which a mirrored photo has at its right.
    off = np.hypot(rows - (rows * inside).sum() / area, columns - (columns * inside).sum() / area)
    depth = np.maximum(0.0, ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] - _TIE * off * inside)
    near = _SPREAD * max(1.0, float(area) ** 0.5)
    worth = depth.copy()
    points: list[tuple[float, float]] = []
    for _ in range(count):
        row, column = np.unravel_index(int(worth.argmax()), worth.shape)
        if points and depth[row, column] <= 1:
            break
        points.append((float(column), float(row)))
        away = np.hypot(rows - row, columns - column)
        worth = np.minimum(worth, depth * np.clip(away / near, 0.0, 1.0))
    return torch.tensor(points)


def best(answers: tuple[Tensor, Tensor]) -> Tensor:
    """The answer `[h,w]` that the network takes for the best."""
    return answers[0][int(answers[1].argmax())]


def stability(answer: Tensor) -> float:
    """How little an answer's outline depends on where it is drawn, 0 to 1."""
    return float((answer > 1).float().sum()) / max(1.0, float((answer > -1).float().sum()))


def both_answers(seen: Seen, product: Tensor, points: Tensor | None = None) -> list[Tensor]:
    """What the network takes for the object `[h,w]` (above 0) in the box of a boolean `product` `[h,w]`; and what it
    does if told `points` `[k,2]` of it, too, which are spread over it otherwise."""
    points = spread(product, POINTS) if points is None else points
    return [best(seen.objects(asked, box_of(product))) for asked in (points[:0], points)]


def box_of(product: Tensor) -> tuple[float, float, float, float]:
    box = bounding_box(product.float())
    return float(box.left), float(box.top), float(box.right), float(box.bottom)


def _only(regions: Regions, number: int) -> Tensor:
    return regions.chosen(np.arange(regions.count) == number)


def _is_another(seen: Seen, product: Tensor, part: Tensor) -> bool:
    """Whether a `part` of the `product` `[h,w]` is a thing of its own, that is never seen with the rest of it."""
    answers, good = seen.objects(spread(part, _OF_A_PART))
    rest = product & ~part
    heard = [answer > 0 for answer, quality in zip(answers, good, strict=True) if float(quality) >= _GOOD]
    itself = max((overlap(answer, part) for answer in heard), default=0.0)
    return itself >= _ITSELF and all(share(answer, rest) <= _WITHOUT for answer in heard)


def _belongs(seen: Seen, product: Tensor, part: Tensor) -> bool:
    """Whether a `part` beside the `product` `[h,w]` is seen with it."""
    answers, _ = seen.objects(spread(part, _OF_A_PART))
    return any(share(answer > 0, product) >= _WITH for answer in answers)


def share(answer: Tensor, of: Tensor) -> float:
    """How much of one boolean `[h,w]` the other has."""
    return float((answer & of).float().sum()) / max(1.0, float(of.float().sum()))


def overlap(one: Tensor, other: Tensor) -> float:
    """Intersection over union of two booleans `[h,w]`."""
    return float((one & other).float().sum()) / max(1.0, float((one | other).float().sum()))
