"""The network that reads four fingers unrolled side by side: what it sees in each gap between two of them.

`examples/train_fingers.py` teaches it; `counting.py` asks it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .unrolled import COLUMNS, PER_PLACE, ROWS, SEEN

_SPREAD = 0.05
"""Added to a view's spread before dividing by it: an even view stays even."""
_CHANNELS = (24, 36, 48, 56, 64)
"""Of the five layers: as many as one core trains in a quarter of an hour. More were not tried."""
_SEEN_PER_PLACE = PER_PLACE // 4
"""Columns of what is seen along the row, from one finger to the next: two of the layers halve them."""
_WINDOW = 22
"""Of those columns, what each gap is judged by: from nine tenths of a place before the finger on its one side to as
much behind the one on its other."""
_INNER, _WHOLE_ROW = 64, 48
"""Numbers that a gap, and the whole row, are told by before the answers."""
_FORGOTTEN = 0.2
"""Share of what is seen that is left out at each step of training: few hands teach it."""


class Answers(NamedTuple):
    """Log odds of a finger too many in each gap `[N,5]` (before the index finger, behind it, … behind the little one),
    of neighbours grown together `[N,3]`, of fingers being there at all `[N]`."""

    extra: Tensor
    fused: Tensor
    there: Tensor


class RowReader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth, last = _CHANNELS
        self.a = nn.Conv2d(7, first, 5, 2, 2)
        self.b = nn.Conv2d(first, second, 3, 2, 1)
        self.c = nn.Conv2d(second, third, 3, (2, 1), 1)
        self.d = nn.Conv2d(third, fourth, 3, 1, 1)
        self.e = nn.Conv2d(fourth, last, 3, (2, 1), 1)
        self.k = nn.Conv1d(2 * last, last, 1)
        self.m = nn.Linear(2 * last, _WHOLE_ROW)
        self.h = nn.Linear(last * _WINDOW + _WHOLE_ROW, _INNER)
        self.i = nn.Linear(_INNER, 2)
        self.t = nn.Linear(_WHOLE_ROW, 1)
        self.forgotten = nn.Dropout(_FORGOTTEN)

    def forward(self, rows: Tensor, steps: Tensor) -> Answers:
        """`rows` `[N,3,48,216]` sRGB, `steps` `[N,48]` from one finger to the next in hand lengths."""
        x = self._input(rows, steps)
        for layer in (self.a, self.b, self.c, self.d, self.e):
            x = F.relu(layer(x))
        whole_row = F.relu(self.m(torch.cat((x.mean(dim=(2, 3)), x.amax(dim=(2, 3))), dim=1)))
        along = F.relu(self.k(torch.cat((x.mean(dim=2), x.amax(dim=2)), dim=1)))
        gaps = self.forgotten(along.unfold(2, _WINDOW, _SEEN_PER_PLACE).transpose(1, 2).flatten(2))
        inner = torch.cat((gaps, whole_row.unsqueeze(1).expand(-1, gaps.shape[1], -1)), dim=2)
        answers = self.i(F.relu(self.h(inner)))
        return Answers(answers[..., 1], answers[:, 1:-1, 0], self.t(whole_row)[:, 0])

    @staticmethod
    def _input(rows: Tensor, steps: Tensor) -> Tensor:
        """`[N,7,48,216]`: colours, where the found fingers stand, the place, the row, how far the fingers are apart."""
        places = SEEN.places(rows.device)
        plan = torch.stack((torch.cos(2 * torch.pi * places), (places - 1.5) / 2)).unsqueeze(1).expand(2, ROWS, COLUMNS)
        down = torch.linspace(-1, 1, ROWS, device=rows.device).view(1, ROWS, 1).expand(1, ROWS, COLUMNS)
        known = torch.cat((plan, down)).expand(rows.shape[0], -1, -1, -1)
        apart = (steps.clamp(max=0.4) * 6 - 1)[:, None, :, None].expand(-1, 1, ROWS, COLUMNS)
        return torch.cat((evened(rows), known, apart), dim=1)


def evened(x: Tensor) -> Tensor:
    """Pictures `[N,C,H,W]` without their mean colour and contrast: what is told of a hand is not told by its light."""
    return (x - x.mean(dim=(2, 3), keepdim=True)) / (x.std(dim=(1, 2, 3), keepdim=True) + _SPREAD)
