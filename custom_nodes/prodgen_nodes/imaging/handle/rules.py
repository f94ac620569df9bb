"""What makes a loop of thin parts a handle: measures of the loop against the body, and one rule per kind of mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .strands import Strand
from .topology import EIGHT, Anatomy, Bools, Survey

_STEEP = 55.0  # degrees from the horizontal: beyond, the ends lie above one another and the handle is at the side
_SMALLEST_SPAN = 0.12  # of the body: laces, heel tabs and D-rings are smaller
_SIDE_SPAN = 0.28  # of the body: ears of mugs span more, lugs and spouts less
_SIDE_OPENING = 0.012  # of the body's area
_OFF_CENTER = 0.28  # of the body, from its middle: a tab sits at a corner, a handle over the weight
_OFF_CENTER_LONG = 0.6  # of the body: see _LONG
_LONG = 2.0  # a strap longer than this many body widths hangs where it likes
_SHORT = 0.8  # of the body
_LEG = 0.18  # of the product's height
_LATTICE = 5  # openings that one handle may enclose: straps cross once or twice, a rack has rows of them
_THICK = 0.2  # of its length; handles of bags, cases, mugs and kettles are 0.003 to 0.15
_CORD = 0.035  # of its length: a handle at the side is bent from more than wire
_CROWN = 0.25  # of the loop's height
_MOST_BRIDGED = 0.5  # of the handle: more of it was guessed than seen


@dataclass(frozen=True)
class Loop:
    """A loop against the body it hangs on; fractions are of the body's extent in the direction of the loop's ends.

    `span` between the ends and `length` along the handle, in extents; `height` it rises over the line between its ends,
    in spans; `rises` whether it bulges away from the body; `above` whether it lies above the body's middle; `outside`
    whether, of a loop at the side, it points away from the body; `offset` from the body's middle; `steep` whether the
    ends lie above one another; `opening` area and `bulk` of the thin parts, over the body's area; `openings`, `bodies`,
    `legs` how many; `bridged` the part of the longest strand that the mask does not show; `thickness` of the strand
    over its length; `crown` how far other parts stand out beyond the loop, over its height.
    """

    span: float
    length: float
    height: float
    rises: bool
    above: bool
    outside: bool
    offset: float
    steep: bool
    opening: float
    bulk: float
    openings: int
    bodies: int
    legs: int
    bridged: float
    thickness: float
    crown: float

    @property
    def long(self) -> bool:
        return self.length > _LONG


@dataclass(frozen=True)
class Rule:
    """`breaks(loop)` says the loop is no handle, `reason` why. `nearness`: how close to a handle it came."""

    reason: str
    nearness: int
    breaks: Callable[[Loop], bool]


def _at_side(loop: Loop) -> bool:
    return loop.steep and not loop.long


RULES = (
    Rule("it stands on legs: its thin parts are a frame, not a handle", 9, lambda loop: loop.legs >= 2),
    Rule("too little of the handle is in the mask", 2, lambda loop: loop.bridged > _MOST_BRIDGED),
    Rule("the thin part joins two separate bodies", 3, lambda loop: loop.bodies > 1),
    Rule("the thin parts outweigh the body: this is not a handle on a product", 3, lambda loop: loop.bulk > 0.85),
    Rule("the part around its opening is too thick for a handle", 4, lambda loop: loop.thickness > _THICK),
    Rule("it has many openings side by side, like a lattice or a rack", 3, lambda loop: loop.openings > _LATTICE),
    Rule("its loop is too small for a handle: a lace, a tab or a ring", 5, lambda loop: loop.span < _SMALLEST_SPAN),
    Rule(
        "the loop at its side is too small for a handle",
        5,
        lambda loop: _at_side(loop) and (loop.span < _SIDE_SPAN or loop.opening < _SIDE_OPENING),
    ),
    Rule("the loop at its side is a wire or a frame", 5, lambda loop: _at_side(loop) and loop.thickness < _CORD),
    Rule(
        "other parts stand out beyond the loop, like stems or leaves",
        5,
        lambda loop: loop.crown > _CROWN,
    ),
    Rule(
        "the loop lies inside the product's outline",
        4,
        lambda loop: not (loop.outside if _at_side(loop) else loop.rises),
    ),
    Rule("the loop lies under the product, not above it", 4, lambda loop: not _at_side(loop) and not loop.above),
    Rule(
        "the loop is far off the product's middle: a tab rather than a handle",
        6,
        lambda loop: not _at_side(loop) and loop.offset > (_OFF_CENTER_LONG if loop.long else _OFF_CENTER),
    ),
    Rule(
        "its opening is a slit along the edge, not a handle's",
        5,
        lambda loop: not _at_side(loop) and loop.height < 0.12 and loop.span > 0.75,
    ),
)


def measure(survey: Survey, anatomy: Anatomy, strands: tuple[Strand, ...], bridges: Bools) -> Loop:
    """Measure the loop that `strands` make on the body of `anatomy`; `bridges` marks mended pixels.

    The first strand is the longest and stands for the handle.
    """
    main = strands[0]
    rows, columns = np.nonzero(anatomy.body)
    center = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    along = (main.right - main.left) / max(main.span, 1e-6)
    outward = np.array([along[1], -along[0]])
    thin_out = slice(None, None, max(1, rows.size // 20000))
    low, high = np.percentile(columns[thin_out] * along[0] + rows[thin_out] * along[1], (1, 99))
    extent = max(float(high - low), 1.0)
    everything = np.argwhere(survey.product)[:, ::-1]
    whole = np.percentile(everything[:: max(1, len(everything) // 20000)] @ along, (1, 99))
    middle = (main.left + main.right) / 2
    loop = np.mean([strand.center for strand in strands], axis=0)
    outside = outward * np.sign(float((loop - middle) @ outward))
    rise = max(float((s.points @ outside).max()) + s.half_thickness for s in strands) - float(middle @ outside)
    top = float((everything @ outside).max()) - float(middle @ outside)
    openings = frozenset[int]().union(*(strand.openings for strand in strands))
    return Loop(
        span=main.span / extent,
        length=main.length / extent,
        height=max(float(np.abs((s.path - middle) @ outward).max()) for s in strands) / max(main.span, 1.0),
        rises=float((loop - middle) @ outward) * np.sign(float((middle - center) @ outward)) > 0,
        above=bool(loop[1] < center[1]),
        outside=float((loop - middle) @ (middle - center)) > 0,
        offset=max(abs(float((loop - center) @ along)), abs(float(loop @ along) - float(whole.mean()))) / extent,
        steep=float(np.degrees(np.arctan2(abs(along[1]), abs(along[0])))) > _STEEP,
        opening=float(survey.areas[list(openings)].sum()) / rows.size,
        bulk=sum(2 * s.half_thickness * s.length for s in strands) / rows.size,
        openings=len(openings),
        bodies=max(len(strand.bodies) for strand in strands),
        legs=_legs(survey, anatomy),
        thickness=2 * main.half_thickness / max(main.length, 1.0),
        crown=(top - rise) / max(rise, 1.0),
        bridged=float(bridges[main.path[:, 1].astype(int), main.path[:, 0].astype(int)].mean()),
    )


def kind_of(loop: Loop, doubled: bool) -> str:
    """The name of the handle: `side`, `shoulder_strap`, `twin_straps`, `grip` (short) or `arch`."""
    if _at_side(loop):
        return "side"
    if loop.long:
        return "shoulder_strap"
    if doubled:
        return "twin_straps"
    return "grip" if loop.length < _SHORT else "arch"


def preference(loop: Loop) -> float:
    """Which of several handles a hand holds: on top rather than at the side, centred, wide, short."""
    if _at_side(loop):
        return 1.0 - loop.offset
    return 3.0 - loop.offset + min(loop.span, 0.5) - (0.5 if loop.long else 0.0)


def _legs(survey: Survey, anatomy: Anatomy) -> int:
    """How many thin parts stand under the body, reaching from it to the foot of the product."""
    rows = np.nonzero(survey.product.any(axis=1))[0]
    height = rows[-1] - rows[0] + 1
    thin = survey.product & ~ndimage.binary_dilation(anatomy.thick > 0, EIGHT, iterations=2)
    labels, _ = ndimage.label(thin, EIGHT)
    places = [place for place in ndimage.find_objects(labels) if place[0].stop > rows[-1] - 0.25 * height]
    tall = [place[0].stop - place[0].start for place in places]
    wide = [place[1].stop - place[1].start for place in places]
    return sum(up >= _LEG * height and up > across for up, across in zip(tall, wide, strict=True))
