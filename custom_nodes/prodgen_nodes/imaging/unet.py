"""The U-Net (Ronneberger et al., 2015) of residual blocks that the pack's own small networks are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 4
"""Cells a side that the network takes, and answers for, at once."""
_BRANCH = 0.5
"""Share of a block's branch beside what passes it by."""


class _Normalized(nn.Module):
    """Layer normalisation (Ba et al., 2016) of each cell's channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        last = F.layer_norm(x.movedim(1, -1), self.gain.shape, self.gain.to(x.dtype), self.bias.to(x.dtype))
        return last.movedim(-1, 1)


class _Residual(nn.Module):
    """Two convolutions beside what passes them by (He et al., 2016)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.past = nn.Conv2d(channels, width, 1)
        self.first, self.second = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.after_first, self.after_second = _Normalized(width), _Normalized(width)

    def forward(self, x: Tensor) -> Tensor:
        branch = F.silu(self.after_first(self.first(F.silu(x))))
        out: Tensor = self.past(x) + _BRANCH * self.after_second(self.second(branch))
        return out


class UNet(nn.Module):
    """From `maps` planes to one, at the same size, through blocks of `widths` channels, each at half the resolution."""

    def __init__(self, maps: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(maps * BLOCK**2, widths[0], 1)
        self.down = nn.ModuleList(_Residual(*pair) for pair in pairwise((widths[0], *widths)))
        self.up = nn.ModuleList(_Residual(high + low, high) for high, low in pairwise(widths))
        self.out = nn.Conv2d(widths[0], BLOCK**2, 3, padding=1)
        for values in self.out.parameters():  # untrained, it answers nothing
            nn.init.zeros_(values)

    def forward(self, maps: Tensor) -> Tensor:
        """`[N,maps,H,W]`, sides that halve as often as there are widths after the first `BLOCK`, to `[N,1,H,W]`."""
        x = self.stem(F.pixel_unshuffle(maps, BLOCK).contiguous(memory_format=torch.channels_last))
        passed: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else F.avg_pool2d(x, 2))
            passed.append(x)
        for block, finer in zip(reversed(self.up), reversed(passed[:-1]), strict=True):
            x = block(torch.cat((finer, F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)), 1))
        return F.pixel_shuffle(self.out(x), BLOCK)
