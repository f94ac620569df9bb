"""What a photo shows before anybody says what its product is: made once, however many looks at it follow."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from ..checkerboard import checkerboard, evened
from .backdrop import Backdrop, BackdropModel
from .confidence import Trust, judge_backdrop
from .evidence import Evidence, weigh
from .leaks import sealed
from .noise import calmed
from .pyramid import Pyramid, averaged, encoded, planar, resized, within
from .window import Window, window_around

ANALYSIS_SIDE = 1024
"""Pixels of the longer side at which it is decided what is product: a strap of a two-hundredth is five; finer is the
matte's work."""
BACKDROP_SIDE = 512
"""At which the backdrop is modelled: it is smooth. At 256 edges of nine scenes are 0.0008 worse in the mean, at 768
equal."""


def backdrop_of(small: Tensor, rough: Tensor | None = None) -> tuple[Backdrop, Window]:
    """The backdrop of a picture at analysis size, modelled at half of it: it is smooth; and the window to look at."""
    size = within(BACKDROP_SIDE, small.shape[0], small.shape[1])
    coarse = encoded(averaged(small, size))
    surely_product = None if rough is None else resized(rough, size) > 0.9
    model = BackdropModel(coarse)
    backdrop, broad = sealed(coarse, model, surely_product)
    return model.enlarged(backdrop, small), window_around(broad, (small.shape[0], small.shape[1]))


def _unpainted(srgb: Tensor, small: Tensor) -> Tensor | None:
    """The photo `[H,W,3]` with one colour where it shows a painted checkerboard (a "fake PNG"); None where it has none.

    It is looked for in the photo at analysis size, `small` `[h,w,3]`: most pictures have none.
    """
    board = checkerboard(small)
    if board is not None and small.shape != srgb.shape:
        board = checkerboard(srgb)
    return None if board is None else evened(srgb, board)


def weighed(small: Tensor) -> tuple[Backdrop, Evidence, float]:
    """The backdrop of a picture at analysis size, what speaks against it, and how plain (0..1) it is."""
    backdrop, _ = backdrop_of(small)
    plain = Trust()
    judge_backdrop(backdrop, plain)
    return backdrop, weigh(small, backdrop), plain.confidence


class Survey:
    """A photo `srgb` `[H,W,3]`, its `pyramid`, its `size` (height, width) for analysis and itself at that, `small`."""

    def __init__(self, srgb: Tensor) -> None:
        self.srgb = srgb
        self.size = within(ANALYSIS_SIDE, srgb.shape[0], srgb.shape[1])
        self.pyramid = Pyramid(srgb, self.size)
        self.small = planar(self.pyramid.picture(self.size))

    @cached_property
    def even(self) -> Tensor | None:
        """The photo with one colour where it shows a painted checkerboard, None where it has none."""
        return _unpainted(self.srgb, self.small)

    @cached_property
    def calm(self) -> tuple[Tensor, float]:
        """The photo at the size for analysis without its noise, and 1 sigma of that."""
        return calmed(self.small)

    @cached_property
    def weighed(self) -> tuple[Backdrop, Evidence, float]:
        """Its backdrop, what speaks against that, and how plain (0..1) it is."""
        return weighed(self.calm[0])
