"""Which of what was found is said of a picture, and as what: none that another finding explains, and the true kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from ..colorspace import srgb_to_lab
from ..fidelity.findings import Finding, told
from ..fidelity.places import place_of
from ..tensors import Box
from .additions import Addition
from .turned import mirrored_at

_BESIDE = 0.03
"""How near to an addition a changed place is that it explains, of the product's longer side."""
_BY_MIRRORING = ("changed", "colour", "missing")
"""What a mirrored print may be found as: strokes that are elsewhere have other colours, or the ground's."""
_DARK = 25.0
"""L* below which a piece that looks like its dark surroundings may be there all the same: a duffel that a model made
too dark has 4 to 12 there."""


def all_told(
    compared: Sequence[Finding], more: list[Finding], beyond: list[Addition], gone: list[Finding], product: Box
) -> list[Finding]:
    """What was found by comparing with the product in the box `product`, `more` and what is `gone`, without what an
    addition, a missing piece or another colour explains."""
    near = max(2, round(_BESIDE * max(product.width, product.height)))

    def explained(one: Finding) -> bool:
        own = one.box
        if own is None or one.kind not in ("changed", "colour", "missing"):
            return False
        boxes = [*(there.box for there in beyond), *(there.box for there in gone if there.box is not None)]
        return any(_meet(own, there, near) and _within(own, there, 2 * near) for there in boxes)

    if any(one.kind == "colour" and one.box is None for one in [*compared, *more]):
        gone = []  # the new colour may be the ground's
    found = [one for one in compared if not explained(one)]
    if any(one.kind == "colour" and one.box is None for one in found):
        more = [one for one in more if one.kind != "colour"]  # said already, with its figures
    return list(told([*found, *more, *gone]))


def _meet(one: Box, other: Box, near: int) -> bool:
    across = one.left <= other.right + near and other.left <= one.right + near
    return across and one.top <= other.bottom + near and other.top <= one.bottom + near


def _within(one: Box, other: Box, near: int) -> bool:
    """Whether `one` lies along `other`: not much longer on both sides."""
    tall = one.top >= other.top - near and one.bottom <= other.bottom + near
    return tall or (one.left >= other.left - near and one.right <= other.right + near)


def in_the_dark(found: Sequence[Finding], picture: Tensor) -> tuple[Finding, ...]:
    """`found` on no plain ground, without saying that a piece is missing where picture and ground are but dark, or the
    product has another colour, which may be the ground's."""
    recolored = any(one.kind == "colour" and one.box is None for one in found)

    def told_as(one: Finding) -> Finding:
        if one.kind != "missing" or one.box is None:
            return one
        light = srgb_to_lab(picture[one.box.top : one.box.bottom, one.box.left : one.box.right])[..., 0]
        if not recolored and not (light.numel() and float(light.median()) < _DARK):
            return one
        return replace(one, kind="changed", text=f"{one.place}: it cannot be told from the ground there any more")

    return tuple(map(told_as, found))


def with_mirrored(
    found: list[Finding], picture: Tensor, wanted: Tensor, compared: Sequence[Finding], product: Box
) -> list[Finding]:
    """`found` with a print that was mirrored said to be that, in place of what it leads to."""
    boxes = [one.box for one in compared if one.kind in _BY_MIRRORING and one.box is not None]
    if not any(one.kind in ("changed", "structure") for one in found):
        return found
    box = mirrored_at(picture, wanted, boxes)
    if box is None:
        return found
    place = place_of((box.left + box.right) / 2, (box.top + box.bottom) / 2, product)
    own = Finding("changed", f"{place}: its print is mirrored there, left to right", box, place)
    rest = [one for one in found if one.kind not in ("structure", "average")]
    return [
        own,
        *(one for one in rest if one.kind not in _BY_MIRRORING or one.box is None or not _inside(one.box, box)),
    ]


def _inside(one: Box, other: Box) -> bool:
    return one.left >= other.left and one.right <= other.right and one.top >= other.top and one.bottom <= other.bottom
