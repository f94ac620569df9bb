"""One axis of a checkerboard: a wave that is positive on every other square."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Wave:
    """sin(rate · n + phase) over the pixels n of an axis: positive on every other square."""

    rate: float
    phase: float

    @property
    def square(self) -> float:
        return math.pi / self.rate

    def moved(self, start: int) -> Wave:
        """The same wave where pixel 0 of its axis is pixel `start` of a longer one."""
        return Wave(self.rate, self.phase - self.rate * start)

    def sine(self, length: int, like: Tensor) -> Tensor:
        n = torch.arange(length, dtype=torch.float64, device=like.device)
        return torch.sin(self.rate * n + self.phase).to(like.dtype)

    def to_edge(self, length: int, like: Tensor) -> Tensor:
        """Signed pixels to the nearest edge of a square: positive on every other one. `[length]`."""
        n = torch.arange(length, dtype=torch.float64, device=like.device)
        along = (self.rate * n + self.phase) / math.pi
        within = along - torch.floor(along)
        sign = 1.0 - 2.0 * (torch.floor(along) % 2)
        return (sign * torch.minimum(within, 1.0 - within) * self.square).to(like.dtype)
