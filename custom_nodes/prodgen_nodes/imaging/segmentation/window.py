"""The rectangle of a picture in which everything is decided: the product and some backdrop around it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .regions import Regions

_MARGIN = 0.03
"""Backdrop kept around what may be product, as a fraction of the short side."""
_SPECK = 30
"""Regions of fewer pixels are noise."""
_WORTH = 0.9
"""A window of more than this share of the picture is no saving."""


@dataclass(frozen=True)
class Window:
    """Rows `top` to `bottom` and columns `left` to `right` (excluded) of a picture of `height` × `width`."""

    top: int
    bottom: int
    left: int
    right: int
    height: int
    width: int

    def of(self, plane: Tensor) -> Tensor:
        """The part of a picture `[H,W,...]` inside the window."""
        return plane[self.top : self.bottom, self.left : self.right]

    def whole(self, part: Tensor) -> Tensor:
        """The picture `[H,W]` that shows `part` in the window and 0 elsewhere."""
        around = (self.left, self.width - self.right, self.top, self.height - self.bottom)
        return F.pad(part, around) if any(around) else part


def window_around(backdrop: Tensor, size: tuple[int, int]) -> Window:
    """The window of a picture of `size` (height, width) around all that is not `backdrop` `[h,w]` bool, at any scale.

    Where the backdrop reaches everywhere or nowhere, that is the whole picture.
    """
    height, width = size
    everything = Window(0, height, 0, width, height, width)
    regions = Regions(~backdrop)
    patches = regions.chosen(regions.area >= _SPECK) if regions.count else torch.zeros_like(backdrop)
    rows, columns = (torch.nonzero(patches.any(dim=dim)).flatten() for dim in (1, 0))
    if rows.numel() == 0:
        return everything
    margin = _MARGIN * min(backdrop.shape) + 2
    down, across = height / backdrop.shape[0], width / backdrop.shape[1]
    made = Window(
        max(0, int((int(rows[0]) - margin) * down)),
        min(height, int((int(rows[-1]) + 1 + margin) * down)),
        max(0, int((int(columns[0]) - margin) * across)),
        min(width, int((int(columns[-1]) + 1 + margin) * across)),
        height,
        width,
    )
    share = (made.bottom - made.top) * (made.right - made.left) / (height * width)
    return made if share < _WORTH else everything
