"""Some pixels of a picture as a list, and where the neighbours of one list's pixels stand in another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..filters import square_max

_ROOM = 3
"""Steps by which a set may grow."""
_STEPS = 2
"""Steps away that a neighbour is found at most."""


class PixelSet:
    """Some pixels of a picture of `height` × `width` in reading order; `index` `[n]` are their flat indices.

    Sets that grew out of one another share the rectangle of the picture in which they are kept, so that the cost of
    a set is that of its surroundings.
    """

    def __init__(self, mask: Tensor, corner: tuple[int, int], size: tuple[int, int]) -> None:
        self._mask, self._corner = mask, corner
        self.height, self.width = size
        rows, columns = torch.nonzero(mask, as_tuple=True)
        self._keys = (rows + _STEPS) * (mask.shape[1] + 2 * _STEPS) + columns + _STEPS
        self.rows, self.columns = rows + corner[0], columns + corner[1]
        self.index = self.rows * self.width + self.columns

    @classmethod
    def of(cls, mask: Tensor) -> PixelSet:
        """The pixels of the boolean `mask` `[H,W]`."""
        height, width = mask.shape
        rows, columns = (torch.nonzero(mask.any(dim=dim)).flatten() for dim in (1, 0))
        if rows.numel() == 0:
            return cls(mask[:1, :1], (0, 0), (height, width))
        top, left = max(0, int(rows[0]) - _ROOM), max(0, int(columns[0]) - _ROOM)
        near = mask[top : int(rows[-1]) + 1 + _ROOM, left : int(columns[-1]) + 1 + _ROOM]
        return cls(near, (top, left), (height, width))

    def __len__(self) -> int:
        return self.index.numel()

    def grown(self, steps: int = 1) -> PixelSet:
        """This set and all pixels within a square of so many steps."""
        return PixelSet(square_max(self._mask, steps), self._corner, (self.height, self.width))

    def inner(self) -> PixelSet:
        """This set without the pixels on the picture's frame."""
        mask = self._mask.clone()
        top, left = self._corner
        for line, reached in (
            (mask[0], top == 0),
            (mask[-1], top + mask.shape[0] == self.height),
            (mask[:, 0], left == 0),
            (mask[:, -1], left + mask.shape[1] == self.width),
        ):
            if reached:
                line.fill_(False)
        return PixelSet(mask, self._corner, (self.height, self.width))

    @cached_property
    def _places(self) -> Tensor:
        height, width = self._mask.shape
        places = torch.full(
            ((height + 2 * _STEPS) * (width + 2 * _STEPS),), -1, dtype=torch.int32, device=self.index.device
        )
        places[self._keys] = torch.arange(len(self), dtype=torch.int32, device=self.index.device)
        return places

    def find(self, other: PixelSet, steps: Sequence[tuple[int, int]]) -> Tensor:
        """Positions `[len(steps),len(other)]` (int32) in this set of what lies `(down, right)` of another's pixels; -1:
        not in this set. Both sets come from the same one, and steps go two pixels far at most."""
        stride = self._mask.shape[1] + 2 * _STEPS
        away = torch.tensor([down * stride + right for down, right in steps], device=self.index.device)
        keys = (other._keys.unsqueeze(0) + away.unsqueeze(1)).reshape(-1)
        return self._places.index_select(0, keys).view(len(steps), len(other))

    def colors(self, picture: Tensor) -> Tensor:
        """The values `[3,n]` of a picture `[H,W,3]` at these pixels, a copy."""
        if picture.is_contiguous():
            return picture.view(-1, 3).index_select(0, self.index).T.contiguous()
        return picture.permute(2, 0, 1).reshape(3, -1).index_select(1, self.index)

    def sampled(self, grid: Tensor) -> Tensor:
        """Bilinear values `[c,n]` at these pixels of a coarser grid `[c,h,w]` over the same picture."""
        height, width = grid.shape[-2:]
        y = ((self.rows.float() + 0.5) * (height / self.height) - 0.5).clamp_(0, height - 1)
        x = ((self.columns.float() + 0.5) * (width / self.width) - 0.5).clamp_(0, width - 1)
        y0, x0 = y.long().clamp_(max=max(0, height - 2)), x.long().clamp_(max=max(0, width - 2))
        y1, x1 = (y0 + 1).clamp_(max=height - 1), (x0 + 1).clamp_(max=width - 1)
        fy, fx = y - y0, x - x0
        flat = grid.reshape(grid.shape[0], -1)

        def at(rows: Tensor, columns: Tensor) -> Tensor:
            return flat.index_select(1, rows * width + columns)

        return torch.lerp(torch.lerp(at(y0, x0), at(y0, x1), fx), torch.lerp(at(y1, x0), at(y1, x1), fx), fy)
