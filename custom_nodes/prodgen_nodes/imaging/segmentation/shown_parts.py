"""A part that one network left out, kept because another one is sure of it and the picture shows that it is something.

A cap's green visor before white, a charm beside its bracelet, a grey bag under the handles that a network took for all
of it: it has no doubt, so nobody else is asked over it. But before a plain backdrop the picture itself shows that
something is left out. A prop, a hand or a shadow is that, too; another network tells them apart, and where it is sure,
two witnesses stand against one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from ..filters import dilate, erode, opened
from .fusion import own_evidence
from .pyramid import resized
from .regions import Regions
from .survey import Survey

SHOWN = "a part that one network left out was kept: another one is sure of it, and the picture shows something there"
_BESIDE, _THIN = 6, 4
"""Pixels at the size for analysis that lie between a part and what was kept, as the edges of both are soft; and half of
the width of the thinnest part."""
_LEAST = 0.01
"""The least part, as a share of the product: what is smaller may be a mark beside it."""
_SURE, _ITSELF = 0.9, 0.9
"""What the other network says of such a part, and the share of it that no backdrop explains. Before the plain backdrops
of 85 photographs of small sellers a visor has 1.00, charms .98, a bag .94, all product; shoes on leather .73, earrings
.70 and .35, key rings' openings .57, spanners' shadows .52 and .38, a barcode .19, the others at most .07."""


class Shown:
    """Of a `photo` and what another network is `sure` of; `plain`: how plain (0 to 1) a backdrop is that says nothing
    itself, at most. `kept` tells whether it ever kept something."""

    def __init__(self, photo: Survey, sure: Callable[[], Tensor | None], plain: float) -> None:
        self._photo, self._sure, self._plain = photo, sure, plain
        self.kept = False

    @cached_property
    def _own(self) -> Tensor:
        """What no backdrop explains: of the photo, whatever looks follow."""
        backdrop, evidence, _ = self._photo.weighed
        return own_evidence(self._photo.calm[0], backdrop, evidence)

    def __call__(self, mask: Tensor) -> Tensor:
        """A look's `mask` `[h,w]`, with the parts that it left out and everything else shows."""
        if self._photo.weighed[2] <= self._plain:
            return mask
        own = self._own
        seen = resized(mask, self._photo.size) > 0.5
        least, beside = _LEAST * float(seen.float().sum()), ~dilate(seen, _BESIDE)
        if not least or float(opened(own & beside, _THIN).float().sum()) <= least or (sure := self._sure()) is None:
            return mask
        there = resized(sure, self._photo.size)
        regions = Regions(opened((there > _SURE) & beside, _THIN))
        if regions.count == 0:
            return mask
        chosen = regions.chosen((regions.area > least) & (regions.mean(own.float()) > _ITSELF))
        if not bool(chosen.any()):
            return mask
        self.kept = True
        # A coarse network overlaps the bare backdrop, and a product at the frame spoils how that is modelled: both say
        # where the part ends.
        part = erode(chosen, _BESIDE) | (own & (there > 0.5) & dilate(chosen, _BESIDE + _THIN))
        return torch.maximum(mask, resized(part.float(), (mask.shape[0], mask.shape[1])))
