"""Whether the cut-out holds all of the product: what the photo shows right beside the outline of its mask.

At a true outline the photo changes from product to backdrop. Where a piece was cut away, the photo goes on unchanged
across the mask's outline, differs from the backdrop, and ends further out in an edge of its own; a shadow or a
reflection has an edge where the product ends, and fades. Something else than ground may also begin at the outline, in
another colour: a part of the product that is missing, or a thing beside it. That, a dark product in its own shadow and
a product in the backdrop's colour cannot be told by looking at pixels: there nothing is said, and the place is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, srgb_to_linear
from ..filters import area_reduced, dilate, opened
from ..tensors import Box, bounding_box
from .findings import Finding
from .outline import Outline, ground_of, outline_of, reach_of
from .places import place_of

_SIDE = 720
"""Pixels of the longer side: the smallest certain piece, `_LEAST`, is some hundreds of them."""
_SEEN, _NOISE, _MOST_NOISE = 6.0, 4.0, 5.0
"""dE00 from which something is no backdrop, in multiples of the backdrop's own; with more of that nothing is said."""
_TOLD = 0.6
"""The share of the outline along which the product must differ from the backdrop."""
_SAME = 0.35
"""The difference across the outline over that to the backdrop, up to which the photo goes on unchanged."""
_FOREIGN = 8.0
"""dE00 from the backdrop in any shade from which something is neither the ground nor its shadow."""
_SHARP, _CLOSED = 0.35, 0.45
"""A step further out, over the product's difference to the backdrop, from which something ends there; and the share of
a stretch that must end so, or at the product again."""
_DEEP, _LEAST_DEEP = 0.012, 5
"""What is thinner, over the root of the product's area and in pixels, is a soft edge or the line of contact."""
_CERTAIN, _CERTAIN_FOREIGN, _DARK = 0.19, 0.25, 0.35
"""A closed piece is certain up to these differences across the outline, over that to the backdrop; not in neutral shade
that lets less than this share of the ground's lightness through: that may be the product's own shadow."""
_CLEAR, _CLEAR_DARK, _OPEN = 0.1, 0.05, 0.3
"""With less difference (still less in the dark) a piece is certain with less of it closed: any where it is foreign."""
_LEAST, _LEAST_DOUBTFUL, _LEAST_SAME, _VERY_SAME = 0.003, 0.002, 0.001, 0.15
"""The smallest pieces, of the product's area: certain, doubtful, and doubtful where next to nothing changes."""
_MOSTLY, _SHADE = 0.7, 0.1
"""A stretch is foreign to the ground where this share of it is, and a shade of the ground where less than that is."""
_NO_EDGE, _LONG = 2.5, 0.15
"""A product in the backdrop's colour has no outline to be seen below this dE00 across it; a stretch of that counts from
this length on, over the root of the product's area."""
_CLEAR_AS_AIR, _FIRM, _SOFT_EDGE = 0.08, 0.92, 6
"""What is covered by less than the one is seen by nobody, by more than the other all there; between, what is wider than
twice so many pixels is no edge but something see-through."""
_FRAME = 4
"""Pixels around the outline's samples where they are joined to stretches: as far as they are widened for that."""


@dataclass(frozen=True)
class Missing:
    """A piece of the product that the cut-out lacks: where on the product, its `box` in the photo, its share of it."""

    place: str
    box: Box
    share: float


@dataclass(frozen=True)
class Whole:
    """`whole` is None where it cannot be told: `note` says why."""

    whole: bool | None
    missing: tuple[Missing, ...] = ()
    note: str | None = None

    def findings(self) -> list[Finding]:
        """What is missing where."""
        return [
            Finding(
                "cut away",
                f"{piece.place}: a piece of the product was cut away, the photo goes on there ({piece.share:.1%} of "
                "it): cut it out again, with a hint painted over it",
                piece.box,
                piece.place,
            )
            for piece in self.missing
        ]


def judge_whole(photo: Tensor, mask: Tensor) -> Whole:
    """Compare the cut-out's `mask` `[H,W]` (1 = product) with the sRGB `photo` `[H,W,3]` it was cut from."""
    factor = max(1, round(max(mask.shape) / _SIDE))
    planes = area_reduced(torch.cat((srgb_to_linear(photo[..., :3]).permute(2, 0, 1), mask[None])), factor)
    linear, alpha = planes[:3], _with_what_is_see_through(planes[3])
    if not bool((alpha > 0.9).any()):
        return Whole(None, note="no product in the mask")
    product = bounding_box(alpha)
    reach = reach_of(product)
    far = ~dilate(alpha > 0.02, reach)
    if float(far.float().mean()) < 0.01:
        return Whole(None, note="the photo shows too little of its backdrop to compare with")
    ground = ground_of(linear, far, reach)
    if ground.noise > _MOST_NOISE:
        return Whole(None, note="the backdrop is too busy to tell what of the product was cut away")
    limit = max(_SEEN, _NOISE * ground.noise)
    outline = outline_of(linear, alpha, ground, reach, limit)
    told = outline.contrast > limit
    if not told.numel() or float(told.float().mean()) < _TOLD:
        return Whole(None, note="the product has the backdrop's colour: what of it was cut away cannot be told")
    stretches = _stretches(outline, _Size(product, float((alpha > 0.5).sum()), factor), limit)
    missing = tuple(stretch.piece for stretch in stretches if stretch.certain)
    if missing or not stretches:
        return Whole(not missing, missing)
    return Whole(None, note=_doubt(stretches))


def _doubt(stretches: list[_Stretch]) -> str:
    """What to look at: shadows of the product, which may be pieces of it, and other places, each kind once."""
    kinds = {
        True: "what is dark beside the product is its shadow, or a piece of it that was cut away",
        False: "whether something of the product was cut away there cannot be told from the photo",
    }
    places = {kind: dict.fromkeys(one.piece.place for one in stretches if one.is_shade is kind) for kind in kinds}
    return "; ".join(f"{', '.join(places[kind])}: {what}" for kind, what in kinds.items() if places[kind])


def _with_what_is_see_through(alpha: Tensor) -> Tensor:
    """`alpha` `[h,w]` with 1 where glass or gauze is half covered over an area: it is there, and was not cut away."""
    area = opened((alpha > _CLEAR_AS_AIR) & (alpha < _FIRM), _SOFT_EDGE)
    return torch.where(dilate(area, _SOFT_EDGE) & (alpha > _CLEAR_AS_AIR), 1.0, alpha)


@dataclass(frozen=True)
class _Size:
    """The product's box and area in the reduced photo, of which a pixel is `factor` of the photo's wide."""

    product: Box
    area: float
    factor: int


@dataclass(frozen=True)
class _Stretch:
    """A stretch of outline beyond which the photo shows no ground; `certain`: a piece of the product was cut away;
    `is_shade`: what is there has the ground's colour, darker."""

    piece: Missing
    certain: bool
    is_shade: bool = False


def _stretches(outline: Outline, size: _Size, limit: float) -> list[_Stretch]:
    """What is no backdrop beside the outline, largest first."""
    contrast = outline.contrast.clamp(min=1.0)
    off, across = delta_e00(outline.outer, outline.ground), delta_e00(outline.inner, outline.outer) / contrast
    deep = outline.depth >= max(_LEAST_DEEP, _DEEP * size.area**0.5)
    beside = _Beside(
        across,
        goes_on=(across < _SAME) & (contrast > limit) & (off > limit),
        foreign=(off > limit) & (unlike_any_shade(outline.outer, outline.ground) > max(_FOREIGN, limit)),
        ends=(outline.step > _SHARP * contrast) | outline.enclosed,
        shade=(outline.outer[:, 0] + 16) / (outline.ground[:, 0] + 16),
    )
    suspect = (beside.goes_on | beside.foreign) & deep
    stretches, taken = [], torch.zeros_like(suspect)
    # Where next to nothing changes first: such a piece is often but a part of a longer stretch along a shadow.
    for chosen, doubtful in ((suspect & beside.goes_on & (across < _VERY_SAME), False), (suspect, True)):
        for part in _parts(outline, chosen & ~taken, size.product):
            area = float(outline.depth[part].sum()) / size.area
            certain = beside.judged(part, area)
            if certain or (doubtful and certain is not None):
                is_shade = float(beside.foreign[part].float().mean()) < _SHADE
                stretches.append(_Stretch(_named(outline, part, area, size), certain, is_shade))
                taken = taken | part
    faint = (contrast <= limit) & (across * contrast < _NO_EDGE)
    for part in _parts(outline, faint, size.product):
        if float(part.sum()) >= _LONG * size.area**0.5:
            stretches.append(_Stretch(_named(outline, part, 0.0, size), False))
    return sorted(stretches, key=lambda stretch: -stretch.piece.share)


@dataclass(frozen=True)
class _Beside:
    """What is beside every sample of an outline `[n]`: the difference `across` it, over that of the product to the
    ground; whether the product `goes_on` there, or something is `foreign` to the ground in any shade; whether that
    `ends` further out; and its lightness over the ground's, `shade`."""

    across: Tensor
    goes_on: Tensor
    foreign: Tensor
    ends: Tensor
    shade: Tensor

    def judged(self, part: Tensor, area: float) -> bool | None:
        """Whether a piece was certainly cut away beyond a stretch `part` `[n]`; None where nothing speaks for that."""
        on, foreign, ends = (float(plane[part].float().mean()) for plane in (self.goes_on, self.foreign, self.ends))
        across, shade = (float(plane[part].median()) for plane in (self.across, self.shade))
        closed, alien = ends >= _CLOSED, foreign >= _MOSTLY
        if on < 0.5:
            return False if alien and closed and area >= _LEAST_DOUBTFUL else None
        same = across < (_CERTAIN_FOREIGN if alien else _CERTAIN)
        clear = across < _CLEAR and (alien or (ends >= _OPEN and (shade >= _DARK or across < _CLEAR_DARK)))
        if area >= _LEAST and (clear or (closed and same and (foreign >= 0.5 or shade >= _DARK))):
            return True
        return False if area >= (_LEAST_SAME if across < _VERY_SAME else _LEAST_DOUBTFUL) else None


def unlike_any_shade(color: Tensor, ground: Tensor) -> Tensor:
    """dE00 `[n]` between a colour and the ground in whatever shade of it is nearest, as light leaves it neutrally.

    In shade all of linear light falls by one factor, the CIELAB coordinates L* + 16, a* and b* by its cube root.
    """
    share = ((color[:, :1] + 16) / (ground[:, :1] + 16)).clamp(max=1.0)
    lifted = ground + ground.new_tensor([16.0, 0.0, 0.0])
    return delta_e00(color, lifted * share - ground.new_tensor([16.0, 0.0, 0.0]))


def _parts(outline: Outline, chosen: Tensor, product: Box) -> Iterator[Tensor]:
    """The connected stretches of the samples `chosen` `[n]`, each as a bool `[n]`."""
    top, left = product.top - _FRAME, product.left - _FRAME
    rows, columns = (place.cpu().numpy() - least for place, least in ((outline.rows, top), (outline.columns, left)))
    some = chosen.cpu().numpy()
    plane = np.zeros((product.height + 2 * _FRAME, product.width + 2 * _FRAME), dtype=bool)
    plane[rows[some], columns[some]] = True
    labels, count = ndimage.label(ndimage.binary_dilation(plane, np.ones((7, 7))))
    own = labels[rows, columns] * some
    for number in range(1, count + 1):
        yield torch.from_numpy(own == number).to(chosen.device)


def _named(outline: Outline, part: Tensor, share: float, size: _Size) -> Missing:
    """The piece beyond a stretch `part` of the outline."""
    ends = [torch.stack((start[part], start[part] + along[part] * outline.depth[part])) for start, along in
            ((outline.rows, outline.normal[0]), (outline.columns, outline.normal[1]))]  # fmt: skip
    (top, bottom), (left, right) = ((float(end.min()), float(end.max()) + 1) for end in ends)
    place = place_of((left + right) / 2, (top + bottom) / 2, size.product)
    box = Box(*(max(0, round(size.factor * side)) for side in (left, top, right, bottom)))
    return Missing(place, box, share)
